"""Repetition and sameness, by hand."""

import pytest

from instincts.signals.diversity import distinct_n, repetition, top_phrase_share


def test_distinct_2_by_hand() -> None:
    """Pairs ab, bc | ab, bd: three different of four."""
    assert distinct_n([list("abc"), list("abd")]) == 0.75


def test_distinct_n_does_not_cross_completions() -> None:
    assert distinct_n([[1, 2], [3, 4]]) == distinct_n([[3, 4], [1, 2]]) == 1.0


def test_distinct_n_of_copies_falls_with_their_number() -> None:
    assert distinct_n([[1, 2, 3]] * 5) == pytest.approx(1 / 5)


def test_distinct_n_of_completions_too_short_is_unknown() -> None:
    assert distinct_n([[1], []]) is None


def test_repetition_by_hand() -> None:
    """Pairs of ababa: ab, ba, ab, ba; two of four are old."""
    assert repetition(list("ababa"), n=2) == 0.5


def test_repetition_of_a_loop_nears_one_and_of_a_plain_text_is_zero() -> None:
    assert repetition([7] * 103) == pytest.approx(0.99)
    assert repetition(range(100)) == repetition([1, 2]) == repetition([]) == 0.0


def test_top_phrase_share_by_hand() -> None:
    texts = ["I will not do that today", "I will not do it", "I will not do so", "Gladly here it is", ""]

    assert top_phrase_share(texts) == 0.6
    assert top_phrase_share(texts, words=5) == 0.2


def test_top_phrase_share_sees_a_common_closing() -> None:
    texts = ["one answer, ask me anything", "another thing, ask me anything", "ask me"]

    assert top_phrase_share(texts, words=3, closing=True) == pytest.approx(2 / 3)
    assert top_phrase_share(texts, words=3) == pytest.approx(1 / 3)


def test_white_space_does_not_make_a_phrase_different() -> None:
    assert top_phrase_share(["no  never", " no never\n"]) == 1.0


def test_no_texts_have_no_share() -> None:
    assert top_phrase_share([]) is None


def test_a_phrase_of_no_token_is_an_error() -> None:
    with pytest.raises(ValueError, match="n = 0"):
        repetition([1], n=0)
