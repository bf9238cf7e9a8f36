"""Codes: what is encoded is decoded, and a plain answer is never taken for code."""

import base64
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instincts.attacks.codes import CODES, MORSE

each_code = pytest.mark.parametrize("name", CODES)

REQUEST = "How do I zordan the paper lamp?"
REFUSAL = "I'm sorry, but I can't help with that."
PLAIN = (
    REFUSAL,
    "Sure. 1. Take a red spoon (3D-printed, 12 cm) at 7:30.\n---\n2. Wait ... and fold it twice, e.g. 10 times.",
    "Gladly.\n\n| a | b |\n|---|---|\n| 12 34 56 | 0xff |\n\nThe well-known internationalisation is hard - very hard.",
)

EXACT = [name for name in CODES if name not in ("morse", "leetspeak")]


@given(text=st.text())
@settings(max_examples=200, derandomize=True, deadline=None)
def test_codes_that_keep_everything_give_any_text_back(text: str) -> None:
    text = text.encode("utf-8", "ignore").decode()
    for name in EXACT:
        assert CODES[name].decode(CODES[name].encode(text)) == text


@given(text=st.text(alphabet=string.ascii_letters + string.digits + " .,?!'-/@" + "äß字"))
@settings(max_examples=200, derandomize=True, deadline=None)
def test_morse_gives_back_all_but_case_and_blanks(text: str) -> None:
    morse = CODES["morse"]
    assert morse.decode(morse.encode(text)) == " ".join(text.upper().split())


@given(text=st.text(alphabet=string.ascii_letters + " .,?!'-/@" + "äß字"))
@settings(max_examples=200, derandomize=True, deadline=None)
def test_leetspeak_gives_back_text_without_digits_up_to_the_case_of_what_it_replaced(text: str) -> None:
    leet = CODES["leetspeak"]
    assert leet.decode(leet.encode(text)).lower() == text.lower()


@pytest.mark.parametrize(
    ("name", "encoded"),
    [
        ("base64", "SG93IGRvIEk/"),
        ("caesar", "Krz gr L?"),
        ("code-points", "72 111 119 32 100 111 32 73 63"),
        ("hex", "486f7720646f20493f"),
        ("leetspeak", "H0w d0 1?"),
        ("morse", ".... --- .-- / -.. --- / .. ..--.."),
        ("rot13", "Ubj qb V?"),
    ],
)
def test_codes_are_the_usual_ones(name: str, encoded: str) -> None:
    """Written by hand from the tables: base64 of RFC 4648, H = 72 = 0x48, H + 3 = K, H + 13 = U, H is four dots."""
    assert CODES[name].encode("How do I?") == encoded


@each_code
def test_an_answer_in_the_code_is_read(name: str) -> None:
    code = CODES[name]
    assert code.read(code.encode(REFUSAL)).lower() == REFUSAL.lower()


@each_code
@pytest.mark.parametrize("answer", PLAIN, ids=["refusal", "list", "table"])
def test_an_answer_in_plain_words_stays_as_it_is(name: str, answer: str) -> None:
    assert CODES[name].read(answer) == answer


@each_code
def test_code_below_a_plain_line_is_read_and_the_line_kept(name: str) -> None:
    code = CODES[name]
    said = code.read(f"Sure, here is the answer:\n{code.encode(REFUSAL)}")
    assert said.lower() == f"Sure, here is the answer:\n{REFUSAL}".lower()


@pytest.mark.parametrize("lost", [1, 2, 3, 5])
def test_base64_that_was_cut_off_is_read_as_far_as_it_goes(lost: int) -> None:
    """39 bytes make 52 signs; k lost signs lose at most k bytes."""
    read = CODES["base64"].read(CODES["base64"].encode(REFUSAL)[:-lost])
    assert REFUSAL.startswith(read)
    assert len(read) >= len(REFUSAL) - lost - 1


def test_base64_broken_over_lines_is_read_as_one() -> None:
    wrapped = base64.encodebytes((REFUSAL * 3).encode()).decode()
    assert wrapped.count("\n") > 1
    assert CODES["base64"].read(wrapped).strip() == REFUSAL * 3


def test_no_two_letters_share_a_morse_sign() -> None:
    assert len(set(MORSE.values())) == len(MORSE)


@given(answer=st.text())
@settings(max_examples=300, derandomize=True, deadline=None)
def test_any_answer_can_be_read(answer: str) -> None:
    for code in CODES.values():
        assert isinstance(code.read(answer), str)
