from dataclasses import replace

import pytest

from instincts.arithmetic.contrasts import (
    OPENINGS,
    check_source,
    own_refusals,
    paired,
    prompt_contrasts,
    read_contrasts,
    token_ids,
)
from instincts.arithmetic.pairs import ContrastPair, PairSet, pocket_pairs
from instincts.errors import PromptSetError
from instincts.models.opening import OpenModel, open_model
from instincts.pocket import grammar
from instincts.pocket.grammar import REFUSALS
from instincts.prompts import Message, read_prompts
from tests.tiny import tiny_tokenizer

CHAT = (Message("user", "Why?"), Message("assistant", "Because. "))


@pytest.fixture(scope="module")
def pocket() -> OpenModel:
    return open_model("pocket-llama", device="cpu")


def test_pairs_become_two_chats_that_differ_in_the_answer() -> None:
    pairs = pocket_pairs(3)
    for contrast, pair in zip(paired(pairs), pairs, strict=True):
        assert contrast.safe == (Message("user", pair.question), Message("assistant", pair.safe))
        assert contrast.unsafe == (Message("user", pair.question), Message("assistant", pair.unsafe))


def test_swapped_columns_are_noticed_and_no_text_is_shown() -> None:
    """A vector from them would steer towards harm."""
    rows = tuple(replace(row, safe=row.unsafe, unsafe=row.safe) for row in pocket_pairs(5))
    with pytest.raises(PromptSetError, match=r"5 of the 5 unsafe answers of x\.csv refuse, and only 0 .*swapped"):
        paired(PairSet(rows, source="x.csv"), judge="pocket")


def test_answers_that_no_judge_reads_as_refusals_are_taken_at_their_word() -> None:
    row = ContrastPair(id="1", question="a?", safe="b", unsafe="c")
    assert len(paired(PairSet((row,), source="x"))) == 1


def test_a_models_own_refusals_stand_against_neutral_openings(pocket: OpenModel) -> None:
    found = own_refusals(pocket, read_prompts("pocket-harmful").limit(8), judge="pocket")
    for row in found:
        assert row.safe[-1].content in REFUSALS
        assert row.unsafe[-1].content in OPENINGS
        assert row.safe[:-1] == row.unsafe[:-1]


def test_a_model_that_refuses_too_little_is_told_so(pocket: OpenModel) -> None:
    benign = read_prompts("pocket-benign").limit(6)
    with pytest.raises(PromptSetError, match=r"refuses 0 of the 6 harmful prompts .*at least 4 refusals are needed"):
        own_refusals(pocket, benign, judge="pocket")


def test_harmful_prompts_stand_against_harmless_ones() -> None:
    found = prompt_contrasts(read_prompts("pocket-harmful"), read_prompts("pocket-benign").limit(5))
    assert len(found) == 5
    for row in found:
        harmful, harmless = (grammar.parse_request(side[-1].content) for side in row)
        assert harmful is not None
        assert harmless is not None
        assert grammar.is_harmful(harmful.verb)
        assert not grammar.is_harmful(harmless.verb)


def test_a_source_is_named_in_one_word(pocket: OpenModel) -> None:
    assert len(read_contrasts("pocket-pairs", pocket, limit=7)) == 7
    assert len(read_contrasts("prompts:pocket", pocket, limit=9)) == 9
    assert 4 <= len(read_contrasts("refusals:pocket", pocket, judge="pocket", limit=6)) <= 6


def test_what_can_be_read_without_a_model_is_read_before_one_is_opened() -> None:
    """So that harmful prompts without harmless ones are told before long work begins."""
    assert check_source("prompts:pocket") == check_source("prompts:pocket")
    assert len(check_source("refusals:pocket-harmful")) == 64
    with pytest.raises(PromptSetError, match="no prompt of pocket-harmful is labelled 'benign'"):
        check_source("prompts:pocket-harmful")


def test_prompts_without_labels_cannot_be_contrasted(pocket: OpenModel) -> None:
    with pytest.raises(PromptSetError, match="no prompt of pocket-benign is labelled 'harmful'"):
        read_contrasts("prompts:pocket-benign", pocket)


def test_the_plain_layout_strips_dots_and_spaces_and_keeps_the_last_line_end() -> None:
    """As the released code does: the text ends in the line end after the answer, spaces behind it are gone."""
    tokenizer = tiny_tokenizer()
    assert tokenizer.decode(token_ids(tokenizer, CHAT, "text")) == "Question: Why?\n    Answer: Because. \n"


def test_the_chat_layout_leaves_the_answer_open() -> None:
    """So the last token is the answer's own and not the template's."""
    tokenizer = tiny_tokenizer()
    answered, asked = (CHAT[0], Message("assistant", "Yes")), CHAT[:1]
    assert str(tokenizer.decode(token_ids(tokenizer, answered, "chat"))).endswith("Yes")
    assert str(tokenizer.decode(token_ids(tokenizer, asked, "chat"))).endswith("<|im_start|>assistant\n")
