"""Intervals of verdicts from the draws of a fit: by hand, by their laws, and through files."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instincts.analyst import Analysis, Forest, Policy, Tree, read_policy, score
from instincts.analyst.doubt import DRAWS_FILE, doubts_of, draws_beside, write_draws
from instincts.analyst.fitting import features
from instincts.analyst.judging import VERDICTS_FILE, judge_folder, judge_rows, verdict_rows
from instincts.analyst.labelling import PREDICTIONS_FILE, fit_policy
from instincts.analyst.policy_files import write_policy
from instincts.analyst.rows import TREES_FILE, TreeFile
from instincts.analyst.scoring import Floats, weights_of
from instincts.errors import RecordError
from instincts.pocket.requests import sample_requests
from instincts.pocket.trees import tree_of
from tests.analyst.test_scoring import policy
from tests.analyst.trees import any_tree, tree

FRAUD = tree("32 G4H+")
LINE = policy(verdict={"review": 0.5, "block": 0.5})
"""Blocks above a score of 0."""


def theta_of(of: Policy) -> Floats:
    weights = weights_of(of)
    return np.array([of.bias, *weights[:-1], -weights[-1]])


def with_deception(*values: float) -> Floats:
    """Draws that differ in the weight of Deception alone."""
    draws = np.tile(theta_of(policy()), (len(values), 1))
    draws[:, 1 + list(policy().weights).index("deception")] = values
    return draws


def test_the_interval_is_that_of_the_draws_by_hand() -> None:
    """Severity 1 and no bias: the score of a draw is its weight. Of -1, 0, ... 39 the 2.5th percentile is 0."""
    given_draws = with_deception(*(float(each) for each in range(-1, 40)))
    forest = Forest.of([FRAUD])

    found = doubts_of(forest, policy(), score(forest, policy()), given_draws)

    assert found.low_P[0] == pytest.approx(0.5)
    assert found.high_P[0] == pytest.approx(1 / (1 + np.exp(-38.0)))


@given(any_tree, st.sampled_from(["general", "paper", "children"]))
@settings(derandomize=True, deadline=None, max_examples=20)
def test_draws_that_agree_leave_no_doubt(drawn: Tree, name: str) -> None:
    ours = read_policy(name)
    forest = Forest.of([drawn])
    scores = score(forest, ours)

    found = doubts_of(forest, ours, scores, np.tile(theta_of(ours), (30, 1)))

    assert found.low_P == pytest.approx(scores.probability_P)
    assert found.high_P == pytest.approx(scores.probability_P)


def test_many_trees_are_as_one_by_one() -> None:
    """Blocks of 1,024 change nothing."""
    random = np.random.default_rng(0)
    trees = [Tree.of(tree_of(each)) for each in sample_requests("mixed", 40, 1, "train")] * 30
    forest = Forest.of(trees)
    general = read_policy("general")
    draws = theta_of(general) * random.uniform(0.5, 1.5, size=(40, 18))

    many = doubts_of(forest, general, score(forest, general), draws)

    z = draws[:, :1] + draws[:, 1:] @ features(forest, general).T
    assert np.allclose(many.low_P, 1 / (1 + np.exp(-np.quantile(z, 0.025, axis=0))))
    assert many.low_P[5] == many.low_P[5 + 40 * 29]


@pytest.mark.parametrize(("weights", "unsure"), [((0.5, 1.5), False), ((-1.0, 1.5), True)])
def test_a_verdict_is_unsure_where_a_line_is_within_its_interval(weights: tuple[float, float], unsure: bool) -> None:
    """One line at p = 0.5, score 0: weights on one side of it leave no doubt."""
    rows = judge_rows([Analysis(id="a", prompt_sha256="1", tree=FRAUD)], LINE, None, with_deception(*weights))

    assert rows[0].unsure is unsure
    assert rows[0].probability_low is not None
    assert rows[0].probability is not None
    assert rows[0].probability_high is not None
    assert rows[0].probability_low < rows[0].probability < rows[0].probability_high + 1e-9


def test_a_floor_leaves_no_doubt_that_weights_could_bring() -> None:
    """Child sexual abuse is blocked whatever it weighs."""
    general = read_policy("general")
    draws = np.tile(theta_of(general), (2, 1))
    draws[0, 1:] = 0.0

    rows = judge_rows([Analysis(id="a", prompt_sha256="1", tree=tree("22 D4H+ D4H+"))], general, None, draws)

    assert (rows[0].verdict, rows[0].unsure) == ("block", False)


def test_a_person_may_look_at_what_is_unsure() -> None:
    analyses = [Analysis(id="a", prompt_sha256="1", tree=FRAUD)]

    sure = judge_rows(analyses, LINE, None, with_deception(0.5, 1.5), review_unsure=True)
    unsure = judge_rows(analyses, LINE, None, with_deception(-1.0, 1.5), review_unsure=True)

    assert [(row.verdict, row.reason) for row in (*sure, *unsure)] == [("block", ""), ("review", "block is unsure")]


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trees of pocket requests, a policy that was fitted to a third of their labels, flipped at random."""
    folder = tmp_path_factory.mktemp("fitted")
    random = np.random.default_rng(0)
    requests = sample_requests("mixed", 90, 0, "train")
    kept = TreeFile(folder / TREES_FILE)
    for each in requests:
        kept.add(Analysis.model_validate({"id": each.id, "prompt_sha256": each.id, "tree": tree_of(each)}))
    labels = [
        {"id": each.id, "label": float((each.kind == "harmful") != (random.random() < 0.25))} for each in requests[:40]
    ]
    (folder / "labels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in labels))
    fit_policy(folder, folder / "labels.jsonl", folder / "mine.toml", read_policy("general"), draws=60)
    return folder


def test_a_fitted_policy_has_intervals_of_verdicts(fitted: Path, tmp_path: Path) -> None:
    mine = read_policy(fitted / "mine.toml")
    draws = draws_beside(fitted / "mine.toml", mine)
    assert draws is not None

    rows, judged = judge_folder(fitted, mine, out=tmp_path / "out", draws=[draws])

    told = [json.loads(line) for line in (tmp_path / "out" / VERDICTS_FILE).read_text().splitlines()]
    assert all(row["probability_low"] <= row["probability_high"] for row in told)
    values = {row.metric: row for row in rows}
    assert values["unsure_rate"].value == pytest.approx(sum(bool(row.unsure) for row in judged) / 90)
    assert 0 < sum(bool(row.unsure) for row in judged) < 90
    assert (values["review_line"].value, values["block_line"].value) == pytest.approx(mine.lines)
    shown = verdict_rows(judged)[0]
    assert shown["95 %"] == f"{judged[0].probability_low:.3f} to {judged[0].probability_high:.3f}"
    # The fit itself told the same of the prompts it was given.
    known = {
        row["id"]: row for row in map(json.loads, (fitted / "mine.fit" / PREDICTIONS_FILE).read_text().splitlines())
    }
    for row in told:
        if row["id"] in known:
            assert row["probability_low"] == pytest.approx(known[row["id"]]["probability_low"], abs=1e-4)


def test_without_draws_there_are_no_intervals_and_the_same_verdicts(fitted: Path) -> None:
    mine = read_policy(fitted / "mine.toml")
    analyses = [Analysis.model_validate_json(line) for line in (fitted / TREES_FILE).read_text().splitlines()]
    with_them = judge_rows(analyses, mine, None, draws_beside(fitted / "mine.toml", mine))
    without = judge_rows(analyses, mine)

    assert {row.unsure for row in without} == {None}
    assert [row.verdict for row in without] == [row.verdict for row in with_them]


def test_an_edited_policy_does_not_keep_the_doubt_of_another(fitted: Path, tmp_path: Path) -> None:
    mine = read_policy(fitted / "mine.toml")
    edited = mine.model_copy(update={"bias": mine.bias + 1})
    edited = Policy.model_validate(edited.to_data())
    write_policy(tmp_path / "mine.toml", edited)
    write_draws(tmp_path / "mine.fit", np.tile(theta_of(mine), (20, 1)), mine)

    assert draws_beside(tmp_path / "mine.toml", edited) is None
    assert draws_beside("general", read_policy("general")) is None


def test_broken_draws_are_told(fitted: Path, tmp_path: Path) -> None:
    mine = read_policy(fitted / "mine.toml")
    (tmp_path / "mine.fit").mkdir()
    (tmp_path / "mine.fit" / DRAWS_FILE).write_bytes(b"no tensors")
    with pytest.raises(RecordError, match="fit again, or remove it"):
        draws_beside(tmp_path / "mine.toml", mine)
    write_draws(tmp_path / "mine.fit", np.zeros((3, 4)), mine)
    with pytest.raises(RecordError, match="no draws of 18 numbers"):
        draws_beside(tmp_path / "mine.toml", mine)
