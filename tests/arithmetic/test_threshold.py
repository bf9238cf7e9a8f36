"""The exact threshold: by hand, against sorting, with ties, and where the guess misses."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor

from instincts.arithmetic import threshold as room
from instincts.arithmetic.checkpoint import read_shard
from instincts.arithmetic.plan import Part
from instincts.arithmetic.settings import Variant
from instincts.arithmetic.threshold import BINS, Window, find_threshold, rank_from_top, search, whole_window


def parts_of(folder: Path, taus: Sequence[Tensor]) -> list[Part]:
    """Store vectors as the difference of a harmed model and a base of zeros."""
    save_file({f"t{number}": tau for number, tau in enumerate(taus)}, folder / "harmed.safetensors")
    save_file({f"t{number}": torch.zeros_like(tau) for number, tau in enumerate(taus)}, folder / "base.safetensors")
    harmed, base = (
        {each.name: each for each in read_shard(folder / f"{name}.safetensors").tensors} for name in ("harmed", "base")
    )
    return [
        Part(
            target=base[name],
            harmed=harmed[name],
            base=base[name],
            entries=base[name].entries,
            counted=True,
            layer=None,
        )
        for name in sorted(harmed)
    ]


@pytest.mark.parametrize(
    ("keep", "variant", "rank"),
    [
        # N = 20. paper: int(20 k) from the top. reference: the (N-m)-th smallest is the (m+1)-th largest.
        (0.1, "paper", 2),
        (0.1, "reference", 3),
        (0.5, "paper", 10),
        (1.0, "paper", 20),
        # The code asks for the 0-th smallest here and crashes.
        (1.0, "reference", 20),
        (0.0, "paper", 0),
        # The code keeps the largest; ours is the identity.
        (0.0, "reference", 0),
        # m = int(0.2) = 0.
        (0.01, "paper", 0),
        (0.01, "reference", 1),
    ],
)
def test_count_rules(keep: float, variant: Variant, rank: int) -> None:
    assert rank_from_top(20, keep, variant) == rank


def test_one_threshold_over_all_tensors(tmp_path: Path) -> None:
    """Magnitudes 1 to 10, spread over two tensors and signs: 30 % of ten are 8, 9 and 10."""
    parts = parts_of(tmp_path, [torch.tensor([1.0, -9, 3, -7, 5]), torch.tensor([[-2.0, 10, 4, 6, 8]])])

    found = find_threshold(parts, 0.3)
    assert (found.magnitude, found.kept, found.entries) == (8.0, 3, 10)
    assert find_threshold(parts, 0.3, "reference").magnitude == 7.0


def test_every_tie_is_kept(tmp_path: Path) -> None:
    """Of ten entries 2 shall be kept; the second largest is one of four that are 3."""
    found = find_threshold(parts_of(tmp_path, [torch.tensor([3.0, -3, 1, 1, 5, 3, 1, -3, 1, 1])]), 0.2)

    assert (found.magnitude, found.kept) == (3.0, 5)


def test_what_is_tied_counts_once(tmp_path: Path) -> None:
    """The larger half of the entries is a second copy: without it, half of 1, 2, 3, 4 begins at 3."""
    first, second = parts_of(tmp_path, [torch.tensor([1.0, 2, 3, 4]), torch.tensor([5.0, 6, 7, 8])])
    copy = Part(target=second.target, harmed=second.harmed, base=second.base, entries=4, counted=False, layer=None)

    assert find_threshold([first, copy], 0.5).magnitude == 3.0


@pytest.mark.parametrize("keep", [0.001, 0.1, 0.37, 0.999])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_agrees_with_sorting(tmp_path: Path, keep: float, dtype: torch.dtype) -> None:
    """Tensors of very unequal size and scale, larger than the sample's runs."""
    generator = torch.Generator().manual_seed(0)
    taus = [
        (torch.randn(size, generator=generator) * scale).to(dtype)
        for size, scale in [(30_011, 1e-3), (7, 1e3), (20_000, 1e-30), (1, 1.0), (9_999, 0.5)]
    ]
    flat = torch.cat([tau.float().abs() for tau in taus]).sort(descending=True).values

    found = find_threshold(parts_of(tmp_path, taus), keep)
    assert found.magnitude == float(flat[int(len(flat) * keep) - 1])
    assert found.kept == int((flat >= found.magnitude).sum())


def test_denormal_and_zero_differences_are_told_apart(tmp_path: Path) -> None:
    """The smallest float32, 2^-149, is above zero: half of four entries are the two that are not zero."""
    tiny = 2.0**-149
    found = find_threshold(parts_of(tmp_path, [torch.tensor([0.0, tiny, -tiny, 0.0])]), 0.5)

    assert (found.magnitude, found.kept) == (tiny, 2)


def test_a_vector_of_zeros_has_the_threshold_zero(tmp_path: Path) -> None:
    found = find_threshold(parts_of(tmp_path, [torch.zeros(10)]), 0.1)

    assert (found.magnitude, found.kept) == (0.0, 10)


def test_a_good_guess_needs_one_pass_and_a_bad_one_a_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A window from anywhere leads to the same answer: at most the guess, a bin of the rest, and its bit patterns."""
    tau = torch.randn(50_000, generator=torch.Generator().manual_seed(1))
    parts = parts_of(tmp_path, [tau])
    good = find_threshold(parts, 0.1)
    monkeypatch.setattr(room, "_guess", lambda *_: Window(0, 0))
    bad = find_threshold(parts, 0.1)

    assert good.passes == 1
    assert bad.passes <= 3
    assert bad[:3] == good[:3]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    patterns=st.lists(st.integers(0, 0x7F7FFFFF), min_size=1, max_size=30),
    place=st.integers(0, 29),
    low=st.integers(0, 0x7F7FFFFF),
    shift=st.integers(0, 14),
)
def test_search_finds_any_rank_from_any_window(patterns: list[int], place: int, low: int, shift: int) -> None:
    rank = place % len(patterns) + 1
    bits_N = torch.tensor(patterns)

    def count(window: Window) -> Tensor:
        bins_N = ((bits_N - window.low) >> window.shift).clamp(-1, BINS) + 1
        return torch.bincount(bins_N, minlength=BINS + 2)

    bits, kept = search(count, rank, Window(low, shift))
    assert bits == sorted(patterns, reverse=True)[rank - 1]
    assert kept == sum(pattern >= bits for pattern in patterns)


def test_the_whole_window_covers_everything() -> None:
    """2^31 patterns into 2^17 bins: each holds 2^14."""
    assert whole_window() == Window(0, 14)
    assert whole_window(5, 6) == Window(5, 0)
