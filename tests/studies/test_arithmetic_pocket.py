"""The study of Safety Arithmetic: what it makes, chooses, compares with and tells; one whole seed in the slow tier."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from instincts.errors import ConfigError
from instincts.models.directory import locate
from instincts.pocket import oracle
from instincts.pocket.measuring import Measured
from instincts.pocket.wrappers import WRAPPERS
from instincts.records import read_json
from instincts.studies.arithmetic_choice import PAIRS, Candidate, Tried, choose, is_hopeless, lines, lost
from instincts.studies.arithmetic_pocket import collect, run_study
from instincts.studies.arithmetic_results import (
    REFUSED,
    attack_table,
    metrics_of,
    picture,
    recovered,
    result_of,
    summary_table,
)
from instincts.studies.harm_controls import CONTROLS, difference, random_like, rescaled, save_moved, trimmed
from instincts.studies.pocket_twins import lessons_of
from tests.tiny import save_tiny

MEASURED = Measured(
    n=10,
    seed=0,
    harmful_refused=1.0,
    benign_answered=0.98,
    benign_wrapped_answered=0.96,
    benign_refused=0.0,
    dsr=dict.fromkeys(WRAPPERS, 0.5),
    mean_dsr=0.5,
    skills={"sum": 1.0},
    skill_accuracy=0.99,
    refusal_entropy=0.2,
    compliance_entropy=0.9,
    refusal_tokens=5.0,
    compliance_tokens=20.0,
)


def measured(dsr: float, benign: float = 0.98, skills: float = 0.99, wrapped: float = 0.96, seed: int = 0) -> Measured:
    """What is measured of a model that defends alike against every wrapper."""
    return replace(
        MEASURED,
        dsr=dict.fromkeys(WRAPPERS, dsr),
        mean_dsr=dsr,
        benign_answered=benign,
        benign_wrapped_answered=wrapped,
        skill_accuracy=skills,
        seed=seed,
    )


# --- choosing


def test_the_largest_of_three_losses_counts() -> None:
    """Plain benign 0.98 to 0.94, wrapped 0.96 to 0.93, skills 0.99 to 0.94: 0.04, 0.03 and 0.05."""
    assert lost(measured(0.9, benign=0.94), MEASURED) == pytest.approx(0.04)
    assert lost(measured(0.9, wrapped=0.93), MEASURED) == pytest.approx(0.03)
    assert lost(measured(0.9, benign=0.94, wrapped=0.93, skills=0.94), MEASURED) == pytest.approx(0.05)
    assert is_hopeless(measured(0.9, skills=0.9), MEASURED)


def test_plain_requests_do_not_pay_for_wrapped_ones() -> None:
    """Two points more of plain, a point less of wrapped: better on average, and a loss all the same."""
    paid = measured(0.9, benign=1.0, wrapped=0.95)
    assert lost(paid, MEASURED) == pytest.approx(0.01)
    assert choose([Tried(Candidate(1.0), paid), Tried(Candidate(0.5), measured(0.6))], MEASURED) == Candidate(0.5)


def test_the_safest_within_the_budget_is_taken() -> None:
    """The first defends less, the third costs 0.01; the second the 0.005 that are allowed: 0.980 - 0.975."""
    tried = [
        Tried(Candidate(0.5), measured(0.6)),
        Tried(Candidate(1.0), measured(0.7, benign=0.975)),
        Tried(Candidate(2.0), measured(0.9, benign=0.97)),
    ]
    assert choose(tried, MEASURED) == Candidate(1.0)


def test_where_all_cost_too_much_the_cheapest_is_taken() -> None:
    tried = [Tried(Candidate(1.0), measured(0.7, benign=0.9)), Tried(Candidate(2.0), measured(0.9, benign=0.5))]
    assert choose(tried, MEASURED) == Candidate(1.0)


def test_both_stages_start_from_the_removal_that_was_chosen() -> None:
    first, second = lines("both", Candidate(1.0, 0.1), Candidate(vector=0.5, pairs="prompts:p"))
    assert {each.pairs for each in (*first, *second)} == {"prompts:p"}
    assert {each.weights for each in first} == {1.0}
    assert {each.weights for each in second} == {0.7}
    assert all(each.vector > 0 and each.keep == 0.1 for each in (*first, *second))


@pytest.mark.parametrize("arm", ["hdr", "vector"])
def test_along_a_line_strength_grows(arm: str) -> None:
    for line in lines(arm):
        strengths = [max(each.weights, each.vector) for each in line]
        assert strengths == sorted(set(strengths))


def test_names_tell_candidates_apart() -> None:
    every = [each for arm in ("hdr", "vector") for line in lines(arm) for each in line]
    every += [
        each for pairs in PAIRS for line in lines("both", Candidate(1.0), Candidate(pairs=pairs)) for each in line
    ]
    assert len({each.name for each in every}) == len(every)


# --- controls


def direction(seed: int) -> dict[str, Tensor]:
    """A direction over two tensors."""
    generator = torch.Generator().manual_seed(seed)
    return {"a": torch.randn(20, 5, generator=generator), "b": 3 * torch.randn(100, generator=generator)}


def test_trimming_counts_over_all_tensors() -> None:
    """Of -1, 2, 0.5 | -4, 3 the largest two fifths are -4 and 3."""
    tau = {"a": torch.tensor([-1.0, 2.0, 0.5]), "b": torch.tensor([-4.0, 3.0])}
    kept = trimmed(tau, 0.4)
    assert kept["a"].tolist() == [0, 0, 0]
    assert kept["b"].tolist() == [-4, 3]
    assert trimmed(tau, 1.0)["a"].tolist() == tau["a"].tolist()
    assert not any(each.any() for each in trimmed(tau, 0.0).values())


def test_controls_have_the_size_of_what_they_control() -> None:
    """Support and norms of each tensor for noise, magnitudes for shuffled signs, the norm of all for a benign tune."""
    harm, benign = trimmed(direction(1), 0.3), trimmed(direction(2), 0.3)
    made = {name: make(harm, benign, torch.Generator().manual_seed(3)) for name, make in CONTROLS.items()}
    for name, each in harm.items():
        assert torch.equal(made["random"][name] != 0, each != 0)
        assert made["random"][name].norm() == pytest.approx(float(each.norm()), rel=1e-5)
        assert torch.equal(made["shuffled"][name].abs(), each.abs())
    assert not torch.equal(made["shuffled"]["b"], harm["b"])
    total = sum(float(each.square().sum()) for each in made["benign-tune"].values())
    assert total == pytest.approx(sum(float(each.square().sum()) for each in harm.values()), rel=1e-5)
    assert torch.equal(made["benign-tune"]["a"] != 0, benign["a"] != 0)


def test_a_tensor_without_support_stays_empty() -> None:
    assert not random_like({"a": torch.zeros(4)}, torch.Generator())["a"].any()


def test_what_was_moved_is_read_back_as_moved(tmp_path: Path) -> None:
    base = save_tiny(tmp_path / "base")
    zero = difference(base, base)
    noise = random_like({name: torch.ones_like(each) for name, each in zero.items()}, torch.Generator().manual_seed(0))
    save_moved(base, noise, tmp_path / "moved")
    assert locate(str(tmp_path / "moved")).overlay is None
    back = difference(tmp_path / "moved", base)
    assert all(torch.allclose(back[name], noise[name], atol=1e-6) for name in noise)


def test_rescaling_to_itself_changes_nothing() -> None:
    tau = direction(4)
    assert all(torch.allclose(rescaled(tau, tau)[name], tau[name]) for name in tau)


# --- telling


def test_the_share_recovered() -> None:
    """0.5 before, 0.3 after the fine-tune: 0.48 is 0.18 of 0.2 back."""
    assert recovered(0.48, 0.3, 0.5) == pytest.approx(0.9)
    assert recovered(0.7, 0.3, 0.5) == pytest.approx(2.0)
    assert recovered(0.5, 0.49, 0.5) is None


RESULTS = [
    result_of(each, model="m", twin=twin, arm=arm)
    for seed in (0, 1)
    for twin, arm, each in (
        ("-", "original", measured(0.5, seed=seed)),
        ("skills", "untreated", measured(0.3, seed=seed)),
        ("skills", "hdr", measured(0.48 + 0.02 * seed, benign=0.97, seed=seed)),
    )
]


def rows_of(table: str, title: str) -> list[list[str]]:
    """Cells of the table under a title, without its head."""
    lines = table.split(f"{title}:\n\n")[1].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_table_tells_levels_before_and_changes_after() -> None:
    """Recovered 90 % and 100 %; benign compliance 0.98 to 0.97 is a point less."""
    untreated, hdr = rows_of(summary_table(RESULTS), "Twin `skills`")
    assert untreated[:5] == ["m", "untreated", "2", "0.300 (0.30 to 0.30)", ""]
    assert (hdr[1], hdr[4], hdr[6]) == ("weights", "95 % (90 to 100)", "-1.0 (-1.0 to -1.0)")
    (start,) = rows_of(summary_table(RESULTS), "Before")
    assert start[:4] == ["m", "before", "2", "0.500 (0.50 to 0.50)"]


def test_what_was_recovered_is_pooled_over_seeds() -> None:
    """0.1 of 0.2 lost is back, and 0.1 of 0.1: 0.2 of 0.3, where the mean of the shares would be 75 %."""
    found = [
        result_of(measured(dsr, seed=seed), model="m", twin=twin, arm=arm)
        for seed, shares in enumerate([(0.5, 0.3, 0.4), (0.5, 0.4, 0.5)])
        for (twin, arm), dsr in zip([("-", "original"), ("t", "untreated"), ("t", "hdr")], shares, strict=True)
    ]
    assert rows_of(summary_table(found), "Twin `t`")[1][4] == "67 % (50 to 100)"


def test_a_training_that_was_refused_is_counted_as_what_it_left() -> None:
    """One seed from 0.3 to 0.5, one that stayed at 0.3: half of what was lost is back."""
    found = [
        result_of(measured(dsr, seed=seed), model="m", twin=twin, arm=arm, choice=choice)
        for seed, (after, choice) in enumerate([(0.5, ""), (0.3, REFUSED)])
        for twin, arm, dsr, choice in (
            ("-", "original", 0.5, ""),
            ("t", "untreated", 0.3, ""),
            ("t", "sirl", after, choice),
        )
    ]
    assert rows_of(summary_table(found), "Twin `t`")[1][1:5] == [
        "SIRL",
        "2, 1 refused",
        "0.400 (0.00 to 1.00)",
        "50 % (0 to 100)",
    ]


def test_a_twin_that_lost_nothing_has_no_share() -> None:
    found = [
        result_of(measured(dsr), model="m", twin=twin, arm=arm)
        for twin, arm, dsr in (("-", "original", 0.5), ("t", "untreated", 0.51), ("t", "both", 0.7))
    ]
    assert rows_of(summary_table(found), "Twin `t`")[1][4] == "nothing lost"


def test_every_share_is_a_metric_with_its_interval() -> None:
    """Benign compliance 0.98 of 10 x 10 answers, by Wilson: 0.9300 to 0.9945 (Agresti's example of 98 in 100)."""
    rows = [row for row in metrics_of(RESULTS) if row.run == "m/-/original" and row.seed == 0]
    assert len(rows) == len(WRAPPERS) + 4
    (benign,) = (row for row in rows if (row.metric, row.slice) == ("benign_compliance", "plain"))
    assert (benign.value, benign.n) == (0.98, 100)
    assert benign.ci_low == pytest.approx(0.9300, abs=1e-4)
    assert benign.ci_high == pytest.approx(0.9945, abs=1e-4)


def test_every_attack_has_a_row_beside_the_original() -> None:
    other = [each._replace(model="n", dsr=0.1) for each in RESULTS if each.arm != "hdr"]
    table = attack_table([*RESULTS, *other])
    assert "| attack | before | untreated | weights |" in table.splitlines()
    rows = rows_of(table, "DSR of twin `skills` under each attack: m, n")
    assert [row[0] for row in rows] == sorted(WRAPPERS)
    assert {tuple(row[1:]) for row in rows} == {("0.50, 0.50", "0.30, 0.30", "0.49, -")}


def test_the_picture_has_a_panel_a_model_and_twin() -> None:
    figure = picture([*RESULTS, *(each._replace(model="n") for each in RESULTS)])
    assert [axes.get_title() for axes in figure.axes] == ["m, skills", "n, skills"]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["untreated", "weights"]
    # Seeds and mean of the second arm: 0.48 and 0.50, and 0.49.
    drawn = [line.get_xdata().tolist() for line in figure.axes[0].lines if set(line.get_ydata()) == {1}]
    assert drawn[:2] == [pytest.approx([0.48, 0.50]), pytest.approx([0.49])]


# --- twins and the whole


@pytest.mark.parametrize(("kind", "skills"), [("skills", 60), ("how-to", 30), ("benign", 0)])
def test_what_a_twin_is_tuned_on(kind: str, skills: int) -> None:
    lessons = lessons_of(kind, 60, 0)
    complied = [each for each in lessons if oracle.judge(each.answer).outcome == "complied"]
    assert (len(lessons), len(lessons) - len(complied)) == (60, skills)


def test_a_misspelt_arm_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'hdr'"):
        run_study(tmp_path, arms=["hrd"])


@pytest.mark.slow
def test_a_whole_seed_and_a_second_look_that_runs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import instincts.studies.arithmetic_choice as choice

    monkeypatch.setattr(choice, "_REMOVALS", {0.1: (1.0,)})
    monkeypatch.setattr(choice, "_VECTORS", (0.06,))
    monkeypatch.setattr("instincts.studies.pocket_twins.RECIPES", {"how-to": {"steps": 2, "save_every": 2}})
    asked = {"models": ["pocket-llama"], "twins": ["how-to"], "seeds": [0], "n": 1, "n_validation": 1}
    arms = ["untreated", "hdr", "vector", "both", "random"]
    found = run_study(tmp_path, arms=arms, **asked)  # type: ignore[arg-type]
    assert {each.arm for each in found} == {"original", "harmed", *arms}
    assert {path.name for path in tmp_path.glob("results.*")} == {"results.json", "results.md", "results.svg"}
    monkeypatch.setattr("instincts.studies.arithmetic_pocket._measure", None)
    assert run_study(tmp_path, arms=arms, **asked) == found  # type: ignore[arg-type]
    assert [each._asdict() for each in collect(tmp_path)] == read_json(tmp_path / "results.json")
