"""One mode or two, and where to cut: by hand, against a linear program, and on drawn samples of known shape."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import scipy.optimize
from numpy.typing import NDArray

from instincts.signals.modes import dip, otsu_split

Draw = Callable[[np.random.Generator, int], Any]

ONE_MODE: dict[str, Draw] = {
    "normal": lambda random, n: random.normal(size=n),
    "uniform": lambda random, n: random.random(n),
    "log-normal": lambda random, n: random.lognormal(0, 0.5, n),
    "log-normal, long tail": lambda random, n: random.lognormal(0, 1.0, n),
    "exponential": lambda random, n: random.exponential(size=n),
    "gamma with a pole": lambda random, n: random.gamma(0.5, size=n),
    "student t3": lambda random, n: random.standard_t(3, n),
    "left-skewed beta": lambda random, n: random.beta(5, 1, n),
    "ramp": lambda random, n: random.random(n) ** 0.5,
}


def two_modes(n: int, low_share: float, seed: int) -> NDArray[np.float64]:
    """Confident answers near 0.15 ± 0.05 nats beside the rest at 0.9 ± 0.2."""
    random, low = np.random.default_rng(seed), round(n * low_share)
    return np.concatenate([random.normal(0.15, 0.05, low), random.normal(0.9, 0.2, n - low)])


def dip_by_linear_program(x: np.ndarray) -> float:
    """Fit the nearest unimodal distribution function outright: convex up to a mode, an atom there, concave after."""
    x, n, best = np.sort(x), x.size, np.inf
    for mode in range(n):
        # Unknowns: the function at each value up to the mode, at each from it on (twice at its atom), the distance.
        knots = np.r_[x[: mode + 1], x[mode:]]
        unit = np.eye(n + 2)
        slopes = [(unit[i + 1] - unit[i]) / (knots[i + 1] - knots[i]) for i in range(n) if i != mode]
        rising, falling = slopes[:mode], slopes[mode:]
        rows = [a - b for a, b in pairwise(rising)]
        rows += [b - a for a, b in pairwise(falling)]
        rows += [-slope for slope in slopes] + [unit[mode] - unit[mode + 1]]
        bounds = [0.0] * len(rows)
        for i in range(n):
            for place, step in ((i if i <= mode else i + 1, i / n), (i if i < mode else i + 1, (i + 1) / n)):
                rows += [unit[place] - unit[-1], -unit[place] - unit[-1]]
                bounds += [step, -step]
        fit = scipy.optimize.linprog(unit[-1], A_ub=np.array(rows), b_ub=bounds, bounds=(None, None))
        best = min(best, fit.fun)
    return float(best)


@pytest.mark.parametrize("seed", range(8))
def test_dip_agrees_with_a_linear_program(seed: int) -> None:
    random = np.random.default_rng(seed)
    x = np.r_[random.normal(size=7), random.normal(4 * (seed % 2), 1, 5 + seed)]

    assert dip(x) == pytest.approx(dip_by_linear_program(x), abs=1e-7)


def test_dip_of_evenly_spaced_values_is_the_least_possible() -> None:
    """Every step of 1/n straddles the straight line: 1 / (2n)."""
    assert dip(np.arange(20)) == pytest.approx(1 / 40)


def test_dip_of_two_atoms_nears_a_quarter() -> None:
    """Half the mass at 0, half at 1; the nearest: an atom at one end, a straight line to the other: 1/4."""
    assert dip([0.0] * 50 + [1.0] * 50) == pytest.approx(0.25)


def test_dip_does_not_change_with_scale_shift_or_mirror() -> None:
    x = two_modes(200, 0.4, 0)

    assert dip(7 - 3 * x) == pytest.approx(dip(x))


def test_otsu_cut_by_hand() -> None:
    """1, 2 | 8, 9: means 1.5 and 8.5; between 12.25 of variance 12.5."""
    split = otsu_split([9.0, 1.0, 8.0, 2.0])

    assert (split.threshold, split.low_share, split.low_mean, split.high_mean) == (5.0, 0.5, 1.5, 8.5)
    assert split.separation == 7.0
    assert split.explained == pytest.approx(12.25 / 12.5)


@pytest.mark.parametrize("n", [64, 400])
@pytest.mark.parametrize("shape", ONE_MODE)
def test_one_mode_of_any_shape_is_rarely_called_two(shape: str, n: int) -> None:
    """At level 0.05, 40 flat samples give 2 on average and 6 rarely; other shapes should give fewer."""
    splits = [otsu_split(ONE_MODE[shape](np.random.default_rng(seed), n)) for seed in range(40)]

    assert sum(split.is_bimodal for split in splits) <= (6 if shape == "uniform" else 2)


@pytest.mark.parametrize(
    ("n", "low_share"), [(64, 0.5), (256, 0.5), (256, 0.2), (400, 0.1), (1000, 0.05), (2000, 0.95)]
)
def test_two_modes_are_found_and_cut_apart(n: int, low_share: float) -> None:
    """The modes are 0.15 + 3 x 0.05 = 0.3 and 0.9 - 2 x 0.2 = 0.5 wide: a cut between leaves at most 2.3 % astray."""
    splits = [otsu_split(two_modes(n, low_share, seed)) for seed in range(20)]

    assert sum(split.is_bimodal for split in splits) >= 18
    for split in splits:
        if split.is_bimodal:
            assert split.low_share == pytest.approx(low_share, abs=0.05)
            assert 0.2 < split.threshold < 0.65


def test_a_small_mode_is_not_paid_for_with_half_of_the_large_one() -> None:
    """Otsu's free cut lies near 0.8, in the middle of the large mode; inside the valley it does not."""
    split = otsu_split(two_modes(1000, 0.05, 0))

    assert split.valley is not None
    assert split.valley[0] <= split.threshold <= split.valley[1]
    assert split.threshold < 0.55


def test_two_atoms_are_two_modes() -> None:
    split = otsu_split([0.1] * 50 + [0.9] * 50)

    assert split.is_bimodal
    assert split.threshold == pytest.approx(0.5)
    assert split.explained == pytest.approx(1.0)


def test_equal_values_are_one_mode_with_nothing_below_the_cut() -> None:
    split = otsu_split([0.3, 0.3, 0.3])

    assert (split.threshold, split.is_bimodal, split.low_share, split.p_value) == (0.3, False, 0.0, 1.0)


@pytest.mark.parametrize("values", [[0.3], [0.1, 0.9], [0.1, 0.11, 0.9, 0.91], [0.1] * 7 + [0.9] * 8])
def test_a_handful_of_values_proves_nothing(values: list[float]) -> None:
    assert not otsu_split(values).is_bimodal


def test_low_share_is_what_lies_below_the_threshold() -> None:
    values = np.array([1.0, np.nextafter(1.0, 2.0)] * 30)

    split = otsu_split(values)

    assert split.low_share == (values < split.threshold).mean() == 0.5


def test_order_and_unit_change_nothing() -> None:
    values = two_modes(300, 0.3, 0)
    split, scaled = otsu_split(values), otsu_split(1000 * values[::-1])

    assert scaled.p_value == pytest.approx(split.p_value)
    assert scaled.threshold == pytest.approx(1000 * split.threshold)
    assert scaled.low_share == split.low_share


@pytest.mark.parametrize("values", [[], [0.1, float("nan")]])
def test_values_that_cannot_be_sorted_are_errors(values: list[float]) -> None:
    with pytest.raises(ValueError, match="a split wants finite values"):
        otsu_split(values)


@pytest.mark.slow
@pytest.mark.parametrize("n", [16, 64, 1024])
def test_the_level_holds_on_flat_samples_the_hardest_of_one_mode(n: int) -> None:
    """At level 0.05 a share of 0.05 of 500 samples has a standard error of 0.01."""
    found = [otsu_split(np.random.default_rng([n, seed]).random(n)).is_bimodal for seed in range(500)]

    assert np.mean(found) <= 0.05 + 2 * 0.01
