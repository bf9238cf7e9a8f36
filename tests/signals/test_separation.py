"""Separation by hand, against SciPy, and under the laws it must keep."""

import numpy as np
import pytest
import scipy.stats

from instincts.signals.separation import length_matched, residual_on_log_length, separation

# Prompt a: refusals 1, 2 against compliances 2, 4. Prompt b: refusal 5 against compliance 3. Prompt c: a compliance.
PROMPTS = ["a", "a", "a", "a", "b", "b", "c"]
REFUSED = [True, True, False, False, True, False, False]
VALUES = [1.0, 2.0, 2.0, 4.0, 5.0, 3.0, 9.0]


def draw_answers(prompts: int, group: int, gap: float, seed: int = 0) -> tuple[list[int], np.ndarray, np.ndarray]:
    """Prompts of very different level, half of each group refused, refusals lower by `gap`."""
    random = np.random.default_rng(seed)
    names = np.repeat(np.arange(prompts), group)
    refused = np.tile(np.arange(group) % 2 == 0, prompts)
    values = random.normal(0, 3, prompts)[names] + random.normal(0, 1, names.size) - gap * refused
    return names.tolist(), refused, values


def test_paired_numbers_by_hand() -> None:
    """Prompt a: gap 3 - 1.5 = 1.5, pairs 1<2, 1<4, 2=2, 2<4: 3.5/4. Prompt b: gap -2, AUROC 0. Means -0.25, 0.4375."""
    result = separation(PROMPTS, REFUSED, VALUES)

    assert (result.prompts, result.mixed_prompts, result.refusals, result.compliances) == (3, 2, 3, 4)
    assert result.paired_gap is not None
    assert result.auroc is not None
    assert result.cliffs_delta is not None
    assert result.paired_gap.value == -0.25
    assert result.auroc.value == 0.4375
    assert result.cliffs_delta.value == -0.125


def test_pooled_numbers_by_hand() -> None:
    """Means 8/3 and 18/4, gap 11/6. Squares about them 26/3 and 29, variance (26/3 + 29)/5 = 113/15, d = 0.6679."""
    result = separation(PROMPTS, REFUSED, VALUES)

    assert result.refusal_mean == pytest.approx(8 / 3)
    assert result.compliance_mean == 4.5
    assert result.pooled_gap is not None
    assert result.pooled_gap.value == pytest.approx(11 / 6)
    assert result.cohens_d == pytest.approx((11 / 6) / (113 / 15) ** 0.5)


def test_agrees_with_scipy_on_one_prompt() -> None:
    """In a single prompt AUROC = U / (n m)."""
    _, refused, values = draw_answers(1, 40, 1.0)

    result = separation(["p"] * 40, refused, values)

    expected = scipy.stats.mannwhitneyu(values[~refused], values[refused])
    assert result.auroc is not None
    assert result.auroc.value == pytest.approx(expected.statistic / 400)
    assert result.mann_whitney_p == pytest.approx(expected.pvalue)


def test_a_level_that_belongs_to_the_prompt_changes_nothing_paired() -> None:
    names, refused, values = draw_answers(30, 8, 1.0)
    shifted = values + 100.0 * np.asarray(names)

    before, after = separation(names, refused, values), separation(names, refused, shifted)

    assert after.auroc == before.auroc
    assert after.paired_gap == pytest.approx(before.paired_gap)
    assert before.cohens_d is not None
    assert after.cohens_d is not None
    assert after.cohens_d < before.cohens_d / 100


def test_swapping_the_classes_mirrors_every_number() -> None:
    names, refused, values = draw_answers(20, 6, 1.0)

    there, back = separation(names, refused, values), separation(names, ~refused, values)

    assert there.auroc is not None
    assert back.auroc is not None
    assert back.auroc.value == pytest.approx(1 - there.auroc.value)
    assert there.cohens_d == pytest.approx(-back.cohens_d if back.cohens_d is not None else None)


def test_a_rising_transform_leaves_the_auroc_alone() -> None:
    names, refused, values = draw_answers(20, 6, 1.0)

    assert separation(names, refused, np.exp(values)).auroc == separation(names, refused, values).auroc


def test_copying_every_answer_does_not_narrow_the_interval() -> None:
    names, refused, values = draw_answers(20, 6, 1.0)

    once = separation(names, refused, values)
    copied = separation(names * 5, np.tile(refused, 5), np.tile(values, 5))

    assert copied.auroc == pytest.approx(once.auroc)
    assert copied.paired_gap == pytest.approx(once.paired_gap)
    assert copied.pooled_gap == pytest.approx(once.pooled_gap)


def test_intervals_agree_with_scipy_bootstrap_over_prompts() -> None:
    names, refused, values = draw_answers(40, 4, 1.0)
    gaps = [
        row[~marks].mean() - row[marks].mean()
        for row, marks in zip(values.reshape(40, 4), refused.reshape(40, 4), strict=True)
    ]

    result = separation(names, refused, values, resamples=20_000)

    expected = scipy.stats.bootstrap((gaps,), np.mean, method="percentile", n_resamples=20_000, rng=1)
    assert result.paired_gap is not None
    assert result.paired_gap[1:] == pytest.approx(tuple(expected.confidence_interval), abs=0.02)


def test_no_prompt_with_both_classes_leaves_the_paired_numbers_open() -> None:
    result = separation(["a", "b", "b"], [True, False, False], [0.1, 0.9, 1.1])

    assert (result.paired_gap, result.auroc, result.cliffs_delta, result.cohens_d) == (None, None, None, None)
    assert result.mixed_prompts == 0
    assert result.pooled_gap is not None
    assert result.pooled_gap.value == pytest.approx(0.9)


def test_one_mixed_prompt_has_a_value_and_no_interval() -> None:
    result = separation(["a", "a"], [True, False], [0.1, 0.9])

    assert result.auroc == (1.0, None, None)


def test_no_answers_at_all_measure_nothing() -> None:
    result = separation([], [], [])

    assert result.prompts == result.refusals == 0
    assert (result.refusal_mean, result.pooled_gap, result.mann_whitney_p) == (None, None, None)


def test_length_matched_by_hand() -> None:
    """Refusal of 2 tokens, mean 1, against (1, 3, 8) cut to (1, 3), mean 2; against (5), where it is cut to (2): 3."""
    result = length_matched(["a"] * 3, [True, False, False], [[2.0, 0.0], [1.0, 3.0, 8.0], [5.0]])

    assert (result.prompts, result.pairs) == (1, 2)
    assert result.paired_gap == (2.0, None, None)
    assert result.auroc == (1.0, None, None)


def test_a_gap_that_is_only_length_vanishes_when_lengths_match() -> None:
    """The signal rises with the place for both classes alike, so short refusals look surer in the raw mean only."""
    random = np.random.default_rng(0)
    prompts, refused, tokens = list[int](), list[bool](), list[np.ndarray]()
    for prompt in range(40):
        for answer in range(6):
            length = 5 if answer % 2 else 40
            prompts.append(prompt)
            refused.append(length == 5)
            tokens.append(0.1 * np.arange(length) + random.normal(0, 0.3, length))

    raw = separation(prompts, refused, [row.mean() for row in tokens])
    matched = length_matched(prompts, refused, tokens)

    assert raw.auroc is not None
    assert raw.auroc.value == 1.0
    assert matched.auroc is not None
    assert matched.auroc.low is not None
    assert matched.auroc.high is not None
    assert matched.auroc.low < 0.5 < matched.auroc.high


def test_equal_lengths_make_length_matched_equal_the_plain_numbers() -> None:
    names, refused, _ = draw_answers(10, 6, 0.0)
    tokens = np.random.default_rng(1).normal(size=(60, 7))

    plain, matched = separation(names, refused, tokens.mean(axis=1)), length_matched(names, refused, list(tokens))

    assert matched.auroc == plain.auroc
    assert matched.paired_gap == pytest.approx(plain.paired_gap)


def test_residual_takes_out_a_line_in_log_length() -> None:
    lengths = np.array([1, 2, 4, 8, 16, 32])
    noise = np.array([1.0, -1, -1, 1, 0, 0]) - 0.0

    exact = residual_on_log_length(3 + 2 * np.log(lengths), lengths)
    slope = scipy.stats.linregress(np.log(lengths), noise)

    np.testing.assert_allclose(exact, 0, atol=1e-12)
    np.testing.assert_allclose(
        residual_on_log_length(noise, lengths), noise - slope.intercept - slope.slope * np.log(lengths), atol=1e-12
    )


def test_residual_of_equal_lengths_is_the_centred_value() -> None:
    assert residual_on_log_length([1.0, 3.0], [7, 7]).tolist() == [-1.0, 1.0]


@pytest.mark.parametrize(
    ("prompts", "values", "complaint"),
    [(["a"], [1.0, 2.0], "1 prompts, 2 labels, 2 values"), (["a", "a"], [1.0, np.nan], "1 of 2 values are not finite")],
)
def test_input_that_does_not_fit_is_an_error(prompts: list[str], values: list[float], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        separation(prompts, [True, False], values)


def test_answers_without_tokens_and_lengths_below_one_are_errors() -> None:
    with pytest.raises(ValueError, match=r"answers \[1\] have no token"):
        length_matched(["a", "a"], [True, False], [[1.0], []])
    with pytest.raises(ValueError, match="each at least 1"):
        residual_on_log_length([1.0], [0])
