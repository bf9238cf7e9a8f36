"""Strengths chosen for a harmed pocket model in all three uses, and a removal whose inputs were swapped."""

import json
from pathlib import Path
from typing import Any

import pytest

from instincts.arithmetic.both import steer_both
from instincts.arithmetic.removal import remove_harm
from instincts.arithmetic.steering import steer_with_pairs
from instincts.arithmetic.sweep import POINTS_FILE
from instincts.arithmetic.sweep_settings import AUTO, SweepSettings
from instincts.errors import ConfigError, ModelDirectoryError, SteeringError
from instincts.models.directory import locate
from instincts.records import read_metrics, read_run_card
from tests.arithmetic.conftest import Trio
from tests.arithmetic.models import like, same_bytes, weights_of
from tests.arithmetic.twins import complying, twin

QUICK = SweepSettings(
    limit=24,
    max_tokens=40,
    strengths=(1, 2),
    vector_strengths=(0.12,),
    both_strengths=(2,),
    both_vector_strengths=(0.12,),
    probe=24,
)


@pytest.fixture(scope="module")
def harmed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pocket model that answers every harmful-in-name request, and is as able as before."""
    return twin(tmp_path_factory.mktemp("harmed") / "harmed", complying(96))


def rates(out: Path, metric: str) -> dict[str, float | None]:
    return {row.run: row.value for row in read_metrics(out) if row.metric == metric and row.suite == "validation"}


def lines(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / POINTS_FILE).read_text().splitlines()]


@pytest.mark.slow
def test_weights_are_given_back_their_refusals(harmed: Path, tmp_path: Path) -> None:
    """The harmed twin is the model. Only a tenth of what harmed it is kept, so 1 does not take it back and 2 does."""
    done = remove_harm(
        str(harmed), str(harmed), "pocket-llama", tmp_path / "out", given={"strength": AUTO, "layers": "all"},
        sweep=QUICK,
    )  # fmt: skip
    dsr = rates(tmp_path / "out", "dsr")
    assert dsr["untreated"] is not None
    assert dsr["steered"] is not None
    assert dsr["untreated"] < 0.2 < 0.4 < dsr["steered"]
    card = read_run_card(tmp_path / "out")
    assert (card.settings["strength"], card.outcome["strength"]) == (AUTO, done.strength)
    assert card.outcome["sweep"]["weights"] == done.strength > 0
    assert len(lines(tmp_path / "out")) == 3
    given = tmp_path / "given"
    remove_harm(
        str(harmed), str(harmed), "pocket-llama", given, given={"strength": done.strength, "layers": "all"},
        sweep=SweepSettings(probe=0),
    )  # fmt: skip
    assert same_bytes(tmp_path / "out", given), "choosing leaves the bytes that the chosen strength gives"
    card_text = (tmp_path / "out" / "README.md").read_text()
    assert "proves nothing" in card_text
    assert str(tmp_path) not in card_text


@pytest.mark.slow
def test_swapped_inputs_are_noticed_and_marked(harmed: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(SteeringError, match=r"worse than pocket-llama.*are --harmed .* and --base .* swapped"):
        remove_harm("pocket-llama", "pocket-llama", str(harmed), out, given={"strength": 1.0}, sweep=QUICK)
    assert read_run_card(out).outcome["worse_than_input"] is True
    assert "worse_than_input" in (out / "README.md").read_text()
    assert locate(str(out)).path == out


@pytest.mark.slow
def test_no_strength_of_swapped_inputs_is_taken(harmed: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(SteeringError, match="no strength refuses clearly more"):
        remove_harm("pocket-llama", "pocket-llama", str(harmed), out, given={"strength": AUTO}, sweep=QUICK)
    assert not (out / "config.json").exists()
    assert not list(out.glob("*.safetensors"))
    assert (read_run_card(out).status, len(lines(out))) == ("refused", 3)


@pytest.mark.slow
def test_a_vector_that_does_not_help_is_not_laid_over_the_model(harmed: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(SteeringError, match="no strength refuses clearly more"):
        steer_with_pairs(str(harmed), "pocket-pairs", out, given={"strength": AUTO}, sweep=QUICK)
    assert [(row["weights"], row["vector"]) for row in lines(out)] == [(0, 0), (0, 0.12)]
    assert not (out / "defence.json").exists()
    assert read_run_card(out).status == "refused"


@pytest.mark.slow
def test_both_are_tried_as_a_grid_and_the_vector_belongs_to_the_weights_written(harmed: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    steer_both(
        str(harmed), str(harmed), "pocket-llama", "pocket-pairs", out, removal={"layers": "all"}, auto=True, sweep=QUICK
    )
    assert [(row["weights"], row["vector"]) for row in lines(out)] == [(0, 0), (0, 0.12), (2, 0), (2, 0.12)]
    card, outcome = json.loads((out / "defence.json").read_text()), read_run_card(out).outcome
    assert (outcome["sweep"]["weights"], outcome["sweep"]["vector"]) == (outcome["strength"], card["strength"])
    assert outcome["strength"] == 2
    assert rates(out, "dsr").keys() == {"untreated", "steered"}


@pytest.mark.slow
def test_a_harmed_model_s_own_refusals_are_read_once_it_has_some(harmed: Path, tmp_path: Path) -> None:
    """At weight strength 0 it refuses nothing, so no vector is tried there."""
    out = tmp_path / "out"
    steer_both(
        str(harmed), str(harmed), "pocket-llama", "refusals:pocket", out, removal={"layers": "all"},
        vector={"judge": "pocket"}, auto=True, sweep=QUICK,
    )  # fmt: skip
    assert [(row["weights"], row["vector"]) for row in lines(out)] == [(0, 0), (2, 0), (2, 0.12)]
    assert read_run_card(out).outcome["sweep"]["untried"] == [[0, 0.12]]
    assert locate(str(out)).overlay is not None


def test_without_prompts_at_hand_nothing_can_be_chosen(trio: Trio, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none are at hand for .*--validate harmful=FILE"):
        remove_harm(*trio.words, tmp_path / "out", given={"strength": AUTO})
    with pytest.raises(ConfigError, match="none are at hand for"):
        steer_with_pairs(str(trio.base), "pocket-pairs", tmp_path / "out", given={"strength": AUTO})
    assert not (tmp_path / "out").exists()


def test_a_model_whose_tokenizer_does_not_open_is_steered_and_not_probed(trio: Trio, tmp_path: Path) -> None:
    """Weights are only streamed. Prompts that were named are asked, so there it is an error, and nothing is written."""
    mute = like(tmp_path / "mute", trio.target, weights_of(trio.target))
    for path in (mute / "tokenizer.json", mute / "tokenizer_config.json"):
        path.write_text("{}")
    words = (str(mute), *trio.words[1:])
    assert remove_harm(*words, tmp_path / "out").measured is None
    assert same_bytes(tmp_path / "out", mute) is False
    for given in ({"strength": AUTO}, {}):
        with pytest.raises(ModelDirectoryError, match=r"the tokenizer of .*mute does not open"):
            remove_harm(*words, tmp_path / "other", given=given, sweep=SweepSettings(prompts="pocket"))
    assert not (tmp_path / "other").exists()


def test_where_nothing_is_asked_no_prompts_are_read(trio: Trio, tmp_path: Path) -> None:
    nowhere = SweepSettings(prompts=str(tmp_path / "absent.jsonl"), probe=0)
    assert remove_harm(*trio.words, tmp_path / "out", sweep=nowhere).measured is None


def test_a_model_without_prompts_at_hand_is_not_probed(trio: Trio, tmp_path: Path) -> None:
    assert remove_harm(*trio.words, tmp_path / "out").measured is None
    assert "worse_than_input" not in read_run_card(tmp_path / "out").outcome
