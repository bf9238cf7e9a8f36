import math

import pytest
import torch
from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from instincts.errors import ConfigError
from instincts.models.sampling import Sampling, choose, row_seed, uniforms


def pick(logits: list[float], uniform: float, **settings: float) -> int:
    sampling = Sampling(max_tokens=1, **settings)  # type: ignore[arg-type]
    choice = choose(torch.tensor([logits]), torch.tensor([uniform], dtype=torch.float64), sampling)
    return int(choice.tokens[0])


@pytest.mark.parametrize(("uniform", "token"), [(0.0, 0), (0.499, 0), (0.501, 1), (0.749, 1), (0.751, 2), (0.999, 2)])
def test_a_uniform_number_falls_into_the_bin_of_its_token(uniform: float, token: int) -> None:
    """Logits (ln 2, 0, 0) give p = (1/2, 1/4, 1/4), so the bins end at 0.5, 0.75 and 1."""
    assert pick([math.log(2), 0.0, 0.0], uniform) == token


def test_a_token_without_probability_is_never_chosen() -> None:
    """The bins of tokens 0 and 3 are empty: u = 0 belongs to token 1 and the largest u there is to token 2."""
    logits = [-math.inf, 0.0, 0.0, -math.inf]
    assert pick(logits, 0.0) == 1
    assert pick(logits, 1 - 2.0**-40) == 2


def test_choices_are_scored_under_the_tempered_distribution_before_it_is_cut() -> None:
    """Logits (2 ln 3, 0) at temperature 2 give p = (3/4, 1/4): H = ln 4 - 3/4 ln 3 = 0.5623, ln p(token 0) = -0.2877.

    top_k = 1 leaves one token to choose, and changes neither number.
    """
    logits_B_V = torch.tensor([[2 * math.log(3), 0.0]])
    uniform_B = torch.tensor([0.99], dtype=torch.float64)
    choice = choose(logits_B_V, uniform_B, Sampling(max_tokens=1, temperature=2, top_k=1))
    assert choice.tokens.tolist() == [0]
    assert choice.entropy.tolist() == pytest.approx([0.5623], abs=1e-4)
    assert choice.log_prob.tolist() == pytest.approx([-0.2877], abs=1e-4)


def test_greedy_takes_the_likeliest_token_and_scores_it_at_temperature_one() -> None:
    """Logits (ln 3, 0) give p = (3/4, 1/4) as above."""
    choice = choose(torch.tensor([[math.log(3), 0.0]]), None, Sampling(max_tokens=1, temperature=0))
    assert choice.tokens.tolist() == [0]
    assert choice.entropy.tolist() == pytest.approx([0.5623], abs=1e-4)


def test_alternatives_are_the_likeliest_tokens_with_their_log_probabilities() -> None:
    """With p = (1/4, 1/2, 1/4 - x, x): the first two are tokens 1 and 0, ln 1/2 = -0.6931 and ln 1/4 = -1.3863."""
    logits_B_V = torch.tensor([[0.25, 0.5, 0.24, 0.01]]).log()
    choice = choose(logits_B_V, None, Sampling(max_tokens=1, temperature=0, alternatives=2))
    assert choice.alternatives.tolist() == [[1, 0]]
    assert choice.alternative_log_prob[0].tolist() == pytest.approx([-0.6931, -1.3863], abs=1e-4)


@pytest.mark.parametrize(("top_k", "top_p"), [(5, 1.0), (0, 0.7), (20, 0.9), (1, 1.0), (0, 0.01), (7, 0.5)])
def test_the_tokens_that_can_be_chosen_are_those_of_the_transformers_warpers(top_k: int, top_p: float) -> None:
    """A fine grid of uniform numbers reaches every bin wider than the grid; the warpers keep exactly those tokens."""
    torch.manual_seed(0)
    logits_1_V = torch.randn(1, 50) * 2
    grid = torch.linspace(0, 1 - 1e-6, 20_000, dtype=torch.float64)
    sampling = Sampling(max_tokens=1, temperature=1.3, top_k=top_k, top_p=top_p)
    reached = set(choose(logits_1_V.expand(len(grid), -1), grid, sampling).tokens.tolist())
    kept_1_V = TemperatureLogitsWarper(1.3)(None, logits_1_V)
    if top_k:
        kept_1_V = TopKLogitsWarper(top_k)(None, kept_1_V)
    kept_1_V = TopPLogitsWarper(top_p)(None, kept_1_V).softmax(dim=-1)
    assert reached == set((kept_1_V[0] > 1e-4).nonzero().flatten().tolist())


def test_frequencies_follow_the_distribution() -> None:
    """With p = (0.7, 0.2, 0.1) over 20,000 seeds: a standard error of at most 0.0033, so 0.014 is over four of them."""
    seeds = [row_seed("frequency", row) for row in range(20_000)]
    uniform_B = torch.from_numpy(uniforms(seeds, 1)[:, 0])
    logits_B_V = torch.tensor([[0.7, 0.2, 0.1]]).log().expand(len(seeds), -1)
    tokens_B = choose(logits_B_V, uniform_B, Sampling(max_tokens=1)).tokens
    shares = torch.bincount(tokens_B, minlength=3) / len(seeds)
    assert shares.tolist() == pytest.approx([0.7, 0.2, 0.1], abs=0.014)


def test_a_row_draws_the_same_numbers_in_any_company_and_at_any_length() -> None:
    alone, among = uniforms([7], 3), uniforms([5, 7, 9], 8)
    assert alone[0].tolist() == among[1, :3].tolist()
    assert among[0].tolist() != among[2].tolist()


def test_a_seed_is_made_from_every_part_that_names_the_row() -> None:
    seeds = {row_seed(1, 0), row_seed(1, 1), row_seed(2, 0), row_seed(1, "0")}
    assert len(seeds) == 4
    assert row_seed(1, 0) == row_seed(1, 0)


@pytest.mark.parametrize(
    ("setting", "value"),
    [("max_tokens", 0), ("temperature", -0.1), ("top_p", 0.0), ("top_p", 1.1), ("top_k", -1), ("stop", ("",))],
)
def test_a_setting_outside_its_range_is_refused_by_name(setting: str, value: object) -> None:
    settings: dict[str, object] = {"max_tokens": 1, setting: value}
    with pytest.raises(ConfigError, match=f"{setting} = .*allowed"):
        Sampling(**settings)  # type: ignore[arg-type]
