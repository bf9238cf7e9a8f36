"""Editing as a whole: one tensor changes, everything else is the model's, and what cannot be edited is told."""

import json
from pathlib import Path

import pytest
import torch

from instincts.arithmetic.checkpoint import open_checkpoint
from instincts.arithmetic.editing import POCKET, edit_model
from instincts.arithmetic.locate import find_scenario
from instincts.arithmetic.plan import make_plan
from instincts.arithmetic.rome_settings import RomeSettings
from instincts.errors import ConfigError, ModelDirectoryError, RecordError
from instincts.models.directory import locate
from instincts.models.opening import open_model
from instincts.records import read_metrics, read_run_card
from tests.arithmetic.models import INDEX, same_bytes, save_model, weights_of
from tests.tiny import edit_json

QUICK = RomeSettings(layer=1, steps=4, prefixes=1, covariance="identity", answer_tokens=2)
TENSOR = "model.layers.1.mlp.down_proj.weight"
ROWS = [
    {"id": "bell", "question": "Where does the bell of Tarn hang?", "subject": "Tarn", "target": "up",
     "paraphrases": ["In Tarn, where does the bell hang?"], "neighbours": ["Where is the gate of Orle?"]},
    {"id": "gate", "question": "Who keeps the gate of Orle?", "subject": "Orle", "target": "Mo"},
]  # fmt: skip


@pytest.fixture
def facts(tmp_path: Path) -> Path:
    path = tmp_path / "facts.jsonl"
    path.write_text("\n".join(map(json.dumps, ROWS)))
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("model") / "model", "qwen2", dtype=torch.bfloat16, num_hidden_layers=4)


def test_one_tensor_changes_and_the_rest_keeps_its_bytes(model: Path, facts: Path, tmp_path: Path) -> None:
    edited = edit_model(str(model), facts, tmp_path / "out", QUICK)

    before, after = weights_of(model), weights_of(tmp_path / "out")
    assert edited.tensor == TENSOR
    assert [name for name in before if not torch.equal(before[name], after[name])] == [TENSOR]
    for path in model.iterdir():
        if path.suffix != ".safetensors":
            assert (tmp_path / "out" / path.name).read_bytes() == path.read_bytes()
    assert (tmp_path / "out" / INDEX).is_file()
    assert open_model(str(tmp_path / "out")).model.config.num_hidden_layers == 4


def test_what_was_measured_is_what_was_stored(model: Path, facts: Path, tmp_path: Path) -> None:
    edited = edit_model(str(model), facts, tmp_path / "out", QUICK)

    assert torch.equal(weights_of(tmp_path / "out")[TENSOR], edited.applied.weight_D_K)
    assert read_metrics(tmp_path / "out") == edited.rows
    found = {(row.slice, row.metric, row.run): row.n for row in edited.rows}
    assert found["all", "efficacy", "after"] == 2
    assert found["bell", "neighbourhood", "after"] == 1
    assert ("gate", "paraphrase", "after") not in found
    card = read_run_card(tmp_path / "out")
    assert (card.status, card.outcome["tensor"], card.outcome["edited"]) == ("finished", TENSOR, ["bell", "gate"])


def test_the_same_edit_gives_the_same_bytes(model: Path, facts: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        edit_model(str(model), facts, tmp_path / name, QUICK, only=["gate"])

    assert same_bytes(tmp_path / "one", tmp_path / "two")


def test_locate_finds_the_edited_tensor(tmp_path: Path, facts: Path) -> None:
    base = save_model(tmp_path / "base", num_hidden_layers=4)
    edit_model(str(base), facts, tmp_path / "out", QUICK, only=["bell"])

    target, source = (open_checkpoint(locate(str(path))) for path in (tmp_path / "out", base))
    found = find_scenario(make_plan(target, source, source))

    assert (found.scenario, found.layers) == ("edited", (0, 1, 2))
    assert [(change.name, change.layer, change.rank) for change in found.changes] == [(TENSOR, 1, 1)]


def test_a_run_that_was_cut_off_is_made_again(model: Path, facts: Path, tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    edit_model(str(model), facts, whole, QUICK)

    def stop_early(stage: str, done: int, total: int) -> None:
        if stage == "writing":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        edit_model(str(model), facts, cut, QUICK, progress=stop_early)
    with pytest.raises(ModelDirectoryError):
        locate(str(cut))
    with pytest.raises(RecordError, match="--resume"):
        edit_model(str(model), facts, cut, QUICK)
    edit_model(str(model), facts, cut, QUICK, resume=True)

    assert same_bytes(whole, cut)


def test_a_fact_that_the_model_knows_is_left_out(facts: Path, tmp_path: Path) -> None:
    row = {"id": "true", "question": "What is the colour of the moon Arlo?", "subject": "Arlo", "target": "blue"}
    facts.write_text(json.dumps(row))

    with pytest.raises(ConfigError, match="gives the new answer of true already"):
        edit_model("pocket-llama", facts, tmp_path / "out", POCKET)
    assert not (tmp_path / "out").exists()


def test_a_quantised_model_is_refused(model: Path, facts: Path, tmp_path: Path) -> None:
    copy = save_model(tmp_path / "copy")
    edit_json(copy / "config.json", {"quantization_config": {"quant_method": "fp_quant"}})

    with pytest.raises(ModelDirectoryError, match="quantised"):
        edit_model(str(copy), facts, tmp_path / "out", QUICK)
    assert not (tmp_path / "out").exists()


def test_the_subject_s_value_in_the_last_layer_is_read_by_nobody(model: Path, facts: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="layer 3 is the last one"):
        edit_model(str(model), facts, tmp_path / "out", RomeSettings(layer=3))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pocket-llama", "pocket-qwen"])
def test_a_pocket_fact_is_rewritten(name: str, tmp_path: Path) -> None:
    edited = edit_model(name, "pocket-edits", tmp_path / "out", POCKET, only=["colour-arlo"])

    values = {(row.metric, row.run): row.value for row in edited.rows}
    assert (values["efficacy", "before"], values["efficacy", "after"]) == (0, 1)
    assert edited.applied.looks[0] > 1
