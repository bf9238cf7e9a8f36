import numpy as np
import pytest
import torch

from instincts.errors import ConfigError
from instincts.models.record import Record, StopStrings
from instincts.models.sampling import Choice
from tests.tiny import tiny_tokenizer

NO_STRINGS = StopStrings((), None)


def choice(*tokens: int) -> Choice:
    """Tokens whose entropy is their own id, so that rows can be told apart."""
    values = torch.tensor(tokens, dtype=torch.float32)
    none = torch.zeros(len(tokens), 0)
    return Choice(torch.tensor(tokens), values, -values, values, none.long(), none)


def test_a_row_ends_at_its_stop_token_and_ignores_what_follows() -> None:
    record = Record([3, 3], frozenset({9}), NO_STRINGS)
    for step, tokens in enumerate([(1, 2), (9, 3), (7, 4)]):
        record.add(choice(*tokens), step)
    first, second = record.answers()
    assert (first.tokens, first.ended, first.entropy_T.tolist()) == ([1, 9], True, [1.0, 9.0])
    assert (second.tokens, second.ended) == ([2, 3, 4], False)
    assert record.all_finished


def test_each_row_has_its_own_room() -> None:
    record = Record([1, 2], frozenset(), NO_STRINGS)
    record.add(choice(1, 2), 0)
    record.add(choice(3, 4), 1)
    assert [answer.tokens for answer in record.answers()] == [[1], [2, 4]]


def test_rows_keep_their_place_when_others_leave() -> None:
    """Of three rows the middle one ends first: a third, more than may idle, so it leaves."""
    record = Record([2, 2, 2], frozenset({9}), NO_STRINGS)
    record.add(choice(1, 9, 2), 0)
    kept = record.compact()
    assert kept is not None
    assert kept.tolist() == [0, 2]
    record.add(choice(3, 4), 1)
    assert [answer.tokens for answer in record.answers()] == [[1, 3], [9], [2, 4]]


def test_a_few_finished_rows_stay() -> None:
    """One of ten is a tenth; dropping it would copy the cache of nine."""
    record = Record([2] * 10, frozenset({9}), NO_STRINGS)
    record.add(choice(9, *range(10, 19)), 0)
    assert record.compact() is None


def test_a_stop_string_is_found_where_it_was_just_completed() -> None:
    tokenizer = tiny_tokenizer()
    strings = StopStrings(("ab", "xyz"), tokenizer)
    tokens_T = np.array(tokenizer("qqxyz", add_special_tokens=False)["input_ids"])
    assert strings.end(tokens_T)
    assert not strings.end(tokens_T[:-1])


def test_stop_strings_without_a_tokenizer_are_refused() -> None:
    with pytest.raises(ConfigError, match="pass tokenizer="):
        StopStrings(("x",), None)
