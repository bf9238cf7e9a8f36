"""The fit: against another solver and another library, by its laws, and on communities whose weights are known."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from instincts.analyst import Analysis, Forest, read_policy
from instincts.analyst.codes import CODES
from instincts.analyst.fitting import Labels, features, fit_weights, minimised
from instincts.analyst.labelling import PREDICTIONS_FILE, fit_policy, read_tree_labels
from instincts.analyst.rows import TREES_FILE, TreeFile
from instincts.analyst.scoring import Floats
from instincts.errors import ConfigError, PromptSetError
from instincts.pocket.requests import sample_requests
from instincts.pocket.trees import tree_of
from instincts.records import read_metrics, read_run_card

GENERAL = read_policy("general")


def _data(n: int, seed: int) -> tuple[Floats, Floats, Floats]:
    """Draw trees of 12 leaves and labels of a community with known weights."""
    random = np.random.default_rng(seed)
    forest = Forest(
        codes_N=np.sort(random.integers(CODES, size=(n, 12), dtype=np.uint16), axis=1).ravel(),
        starts_P=np.arange(n + 1, dtype=np.int64) * 12,
        truncated_P=np.zeros(n, dtype=np.bool_),
    )
    x = features(forest, GENERAL)
    hidden = np.array([-1.5, *random.uniform(0, 4, size=16), 0.5])
    y = (random.random(n) < 1 / (1 + np.exp(-(hidden[0] + x @ hidden[1:])))).astype(float)
    return x, y, hidden


def _labels(y: Floats, **changes: Any) -> Labels:
    return Labels(**{"harmful_N": y, "weight_N": np.ones(len(y)), "families": range(len(y)), **changes})


def test_where_no_bound_holds_it_is_logistic_regression() -> None:
    """Its loss is C Σ loss + ½ ‖w‖², ours Σ loss / n + λ ‖w‖²: C = 1 / (2 λ n)."""
    x, y, _ = _data(400, 0)
    x[:, -1] = np.abs(x[:, -1])  # so that every optimum lies inside
    y = (np.random.default_rng(1).random(400) < 1 / (1 + np.exp(-(x.sum(axis=1) - 2)))).astype(float)
    ours = minimised(x, y, np.ones(400), np.zeros(18), 0.01)

    theirs = LogisticRegression(C=1 / (2 * 0.01 * 400), tol=1e-10, max_iter=10_000).fit(x, y)

    free = ours[1:] > 1e-6
    if free.all():
        np.testing.assert_allclose(ours[1:], theirs.coef_[0], atol=1e-4)
    assert (ours[1:][theirs.coef_[0] < 0] < 0.05).all()


def test_the_minimum_is_that_of_another_solver() -> None:
    from scipy.optimize import minimize

    x, y, _ = _data(200, 2)
    prior = np.array([0.0, *np.linspace(0, 2, 17)])
    ours = minimised(x, y, np.ones(200), prior, 0.02)

    def loss(theta: Floats) -> float:
        z = theta[0] + x @ theta[1:]
        return float(np.mean(np.logaddexp(0, z) - y * z) + 0.02 * ((theta - prior)[1:] ** 2).sum())

    theirs = minimize(loss, prior, method="SLSQP", bounds=[(None, None), *[(0, None)] * 17],
                      options={"ftol": 1e-14, "maxiter": 1000})  # fmt: skip

    assert loss(ours) <= theirs.fun + 1e-9
    np.testing.assert_allclose(ours, theirs.x, atol=1e-3)


def test_the_gradient_vanishes_or_points_into_the_bound() -> None:
    x, y, _ = _data(300, 3)
    theta = minimised(x, y, np.ones(300), np.zeros(18), 0.001)
    p = 1 / (1 + np.exp(-(theta[0] + x @ theta[1:])))
    slope = np.array([(p - y).mean(), *(x.T @ (p - y) / 300 + 2 * 0.001 * theta[1:])])

    assert np.abs(slope[theta > 1e-9]).max(initial=0) < 1e-5
    assert slope[1:][theta[1:] <= 1e-9].min(initial=0) > -1e-5


def test_without_evidence_the_prior_stays_and_with_much_it_goes() -> None:
    x, y, hidden = _data(4000, 4)
    prior = np.array([0.0, *np.full(17, 9.0)])

    held = minimised(x, y, np.ones(4000), prior, 1e6)
    free = minimised(x, y, np.ones(4000), prior, 1e-6)

    np.testing.assert_allclose(held[1:], 9.0, atol=1e-3)
    assert np.abs(free - hidden)[1:].mean() < 0.8


def test_a_known_community_is_found_again_within_its_intervals() -> None:
    """18 numbers and 95 % intervals: at least 14 are covered even with bad luck and a prior that pulls."""
    x, y, hidden = _data(1500, 5)

    found = fit_weights(x, _labels(y), GENERAL, draws=60, penalties=(1e-4,))

    covered = (found.low <= hidden) & (hidden <= found.high)
    assert covered.sum() >= 14
    assert (found.theta[1:] >= 0).all()
    assert 0.5 < found.scale < 2


def test_the_same_seed_gives_the_same_fit() -> None:
    x, y, _ = _data(120, 6)
    one, two = (fit_weights(x, _labels(y), GENERAL, draws=20, seed=3, penalties=(0.01,)) for _ in range(2))

    assert np.array_equal(one.draws_R_18, two.draws_R_18)
    assert one.intercept == two.intercept


def test_rows_of_one_family_are_never_apart() -> None:
    """Every row three times in one family: held-out scores of copies are equal, and no copy helps its own."""
    x, y, _ = _data(60, 7)
    families = [*range(60)] * 3

    found = fit_weights(np.tile(x, (3, 1)), _labels(np.tile(y, 3), families=families), GENERAL, draws=20,
                        penalties=(0.01,))  # fmt: skip
    once = fit_weights(x, _labels(y), GENERAL, draws=20, penalties=(0.01,))

    np.testing.assert_allclose(found.out_of_fold_N[:60], once.out_of_fold_N, atol=1e-4)


@pytest.mark.parametrize(("y", "families", "words"), [([1.0] * 8, range(8), "same"), ([0, 1.0] * 4, [0] * 8, "1 fam")])
def test_labels_that_say_nothing_are_refused(y: list[float], families: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        fit_weights(np.zeros((8, 17)), _labels(np.array(y), families=families), GENERAL)


@pytest.fixture
def pocket(tmp_path: Path) -> Path:
    """Trees and labels of 120 pocket requests."""
    requests = sample_requests("mixed", 120, 0, "train")
    kept = TreeFile(tmp_path / TREES_FILE)
    for each in requests:
        kept.add(Analysis.model_validate({"id": each.id, "prompt_sha256": each.id, "tree": tree_of(each)}))
    rows = [{"id": each.id, "label": each.kind, "family": f"{each.verb} {each.object}"} for each in requests]
    (tmp_path / "labels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def test_a_policy_is_fitted_written_and_read(pocket: Path) -> None:
    out = pocket / "mine.toml"

    policy, rows = fit_policy(pocket, pocket / "labels.jsonl", out, GENERAL, draws=20)

    values = {row.metric: row.value for row in rows}
    assert read_policy(out) == policy
    assert policy.fit is not None
    assert policy.fit.n == 120
    assert policy.parent == "general 1"
    assert policy.calibration.fitted_share == 0.5
    assert (values["auroc"] or 0) > 0.95  # the pocket's harms are seen in its true trees
    assert values["labels_without_tree"] == 0
    assert read_metrics(pocket / "mine.fit") == rows
    assert read_run_card(pocket / "mine.fit").status == "finished"
    predictions = [json.loads(line) for line in (pocket / "mine.fit" / PREDICTIONS_FILE).read_text().splitlines()]
    assert len(predictions) == 120
    assert all(row["probability_low"] <= row["probability_high"] for row in predictions)


def test_a_policy_that_is_there_is_never_written_over(pocket: Path) -> None:
    out = pocket / "mine.toml"
    out.write_text("")

    with pytest.raises(ConfigError, match="there already"):
        fit_policy(pocket, pocket / "labels.jsonl", out, GENERAL, draws=20)


def test_labels_of_other_prompts_are_told(pocket: Path) -> None:
    (pocket / "other.csv").write_text("id,label\nx,harmful\n")

    with pytest.raises(ConfigError, match="none of the ids"):
        fit_policy(pocket, pocket / "other.csv", pocket / "mine.toml", GENERAL)


def test_labels_are_words_or_shares(tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    file.write_text("id,label,family,weight\na,harmful,,\nb,Safe,f,2\nc,0.25,,\nd,,,\n")

    assert read_tree_labels(file) == {"a": (1.0, 1.0, "a"), "b": (0.0, 2.0, "f"), "c": (0.25, 1.0, "c")}


@pytest.mark.parametrize(
    ("row", "words"), [("a,maybe,1", "line 2: label 'maybe'"), ("a,2,1", "line 2"), (",1,1", "no `id`"),
                       ("a,1,x", "weight"), ("a,1,1\na,1,1", "line 3: id 'a' comes twice")]
)  # fmt: skip
def test_a_broken_label_is_told_with_its_line(row: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    file.write_text(f"id,label,weight\n{row}\n")

    with pytest.raises(PromptSetError, match=words):
        read_tree_labels(file)
