"""Which tokens count: the end token once, what follows never, padding by position."""

import torch

from instincts.signals.masks import counted_tokens

EOS, END_OF_TURN, PAD = 2, 3, 0


def test_the_end_token_counts_once_and_nothing_after_it() -> None:
    counted, ended = counted_tokens(torch.tensor([[7, EOS, 8, EOS], [7, 8, 9, EOS]]), [EOS])

    assert counted.tolist() == [[True, True, False, False], [True, True, True, True]]
    assert ended.tolist() == [True, True]


def test_any_stop_id_ends() -> None:
    counted, ended = counted_tokens(torch.tensor([[7, END_OF_TURN, EOS], [7, EOS, END_OF_TURN]]), {EOS, END_OF_TURN})

    assert counted.tolist() == [[True, True, False]] * 2
    assert ended.all()


def test_a_truncated_completion_counts_whole_and_has_not_ended() -> None:
    counted, ended = counted_tokens(torch.tensor([[7, 8, 9]]), [EOS])

    assert counted.all()
    assert not ended.any()


def test_padding_with_the_end_token_counts_it_once() -> None:
    counted, ended = counted_tokens(torch.tensor([[7, EOS, EOS, EOS]]), [EOS], pad_id=EOS)

    assert counted.sum() == 2
    assert ended.all()


def test_a_completion_of_the_end_token_alone_counts_one() -> None:
    counted, ended = counted_tokens(torch.tensor([[EOS, PAD, PAD]]), [EOS], pad_id=PAD)

    assert counted.tolist() == [[True, False, False]]
    assert ended.all()


def test_trailing_padding_of_a_truncated_completion_never_counts_but_a_drawn_pad_does() -> None:
    counted, ended = counted_tokens(torch.tensor([[7, PAD, 8, PAD, PAD]]), [EOS], pad_id=PAD)

    assert counted.tolist() == [[True, True, True, False, False]]
    assert not ended.any()


def test_lengths_tell_padding_from_a_drawn_end_token() -> None:
    """Both rows look alike when pad is EOS: the first was cut at two tokens, the second ended at its third."""
    tokens = torch.tensor([[7, 8, EOS, EOS], [7, 8, EOS, EOS]])

    counted, ended = counted_tokens(tokens, [EOS], pad_id=EOS, lengths_B=torch.tensor([2, 3]))

    assert counted.tolist() == [[True, True, False, False], [True, True, True, False]]
    assert ended.tolist() == [False, True]


def test_padding_changes_nothing() -> None:
    tokens = torch.tensor([[7, 8, EOS], [7, 8, 9]])
    wider = torch.cat([tokens, torch.full((2, 3), PAD)], dim=1)

    short, long = counted_tokens(tokens, [EOS], pad_id=PAD), counted_tokens(wider, [EOS], pad_id=PAD)

    assert torch.equal(long.counted[:, :3], short.counted)
    assert not long.counted[:, 3:].any()
    assert torch.equal(long.ended, short.ended)


def test_without_stop_ids_nothing_ends() -> None:
    counted, ended = counted_tokens(torch.tensor([[7, EOS, 8]]), [])

    assert counted.all()
    assert not ended.any()


def test_an_empty_batch_width_counts_nothing() -> None:
    counted, ended = counted_tokens(torch.zeros(2, 0, dtype=torch.long), [EOS], pad_id=PAD)

    assert counted.shape == (2, 0)
    assert ended.tolist() == [False, False]
