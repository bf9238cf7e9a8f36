"""A vector from a file steers as it did where it was made; what the file does not say is told."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from instincts.arithmetic.ready_vector import steer_with_vector
from instincts.arithmetic.steering import VECTORS_FILE, steer_with_pairs
from instincts.arithmetic.sweep_settings import SweepSettings
from instincts.errors import ConfigError, ModelDirectoryError, SteeringError
from instincts.models.opening import open_model
from instincts.models.vectors import Rule, VectorSet, read_vectors, write_vectors
from instincts.records import read_json, read_metrics, read_run_card

SWEEP = SweepSettings(vector_strengths=(0.06,), limit=8, max_tokens=24)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that is steered by a vector of its own."""
    out = tmp_path_factory.mktemp("made") / "run"
    steer_with_pairs("pocket-llama", "prompts:pocket-mixed", out, given={"limit": 16, "strength": 0.25})
    return out


def hand_made(path: Path, width: int = 128, rule: Rule = Rule()) -> Path:  # noqa: B008 - frozen
    directions = {1: torch.ones(width), 2: 2 * torch.ones(width)}
    write_vectors(path, VectorSet(directions=directions, rule=rule, layer_count=4))
    return path


def logits(folder: Path) -> torch.Tensor:
    opened = open_model(str(folder), device="cpu")
    with torch.inference_mode():
        given: torch.Tensor = opened.model(torch.tensor([[1, 5, 9]])).logits
    return given


def test_a_vector_taken_from_a_steered_folder_steers_alike(made: Path, tmp_path: Path) -> None:
    laid = steer_with_vector("pocket-llama", made / VECTORS_FILE, tmp_path / "out")
    assert laid.remarks == []
    assert torch.equal(logits(tmp_path / "out"), logits(made))
    assert read_json(tmp_path / "out" / "defence.json") == read_json(made / "defence.json")


def test_twice_a_vector_is_a_vector_at_twice_the_strength(made: Path, tmp_path: Path) -> None:
    vectors = read_vectors(made / VECTORS_FILE)
    write_vectors(tmp_path / "twice.safetensors", 2 * vectors)
    steer_with_vector("pocket-llama", tmp_path / "twice.safetensors", tmp_path / "one", strength=0.125)
    steer_with_vector("pocket-llama", made / VECTORS_FILE, tmp_path / "other", strength="0.25")
    torch.testing.assert_close(logits(tmp_path / "one"), logits(tmp_path / "other"))


def test_layers_can_be_left_out(made: Path, tmp_path: Path) -> None:
    steer_with_vector("pocket-llama", made / VECTORS_FILE, tmp_path / "out", layers="1-2")
    assert list(read_vectors(tmp_path / "out" / VECTORS_FILE).directions) == [1, 2]
    file = hand_made(tmp_path / "v.safetensors")
    with pytest.raises(ConfigError, match="none of layers 0, 3 has a direction; this vector has layers 1, 2"):
        steer_with_vector("pocket-llama", file, tmp_path / "none", layers="0,3")
    assert not (tmp_path / "none").exists()


def test_a_vector_of_other_weights_says_so(made: Path, tmp_path: Path) -> None:
    vectors = read_vectors(made / VECTORS_FILE)
    other = replace(vectors, about={**vectors.about, "model_digest": "0" * 64})
    write_vectors(tmp_path / "v.safetensors", other)
    laid = steer_with_vector("pocket-llama", tmp_path / "v.safetensors", tmp_path / "out")
    assert laid.remarks == ["was read from other weights (content 000000000000), and a vector belongs to those"]
    assert read_run_card(tmp_path / "out").outcome["remarks"] == laid.remarks
    assert "The file was read from other weights" in (tmp_path / "out" / "README.md").read_text()


def test_the_strength_that_was_used_goes_with_the_vector(made: Path, tmp_path: Path) -> None:
    """Taken from a folder that was made at 2, it steers at 2 again."""
    steer_with_vector("pocket-llama", made / VECTORS_FILE, tmp_path / "one", strength=2)
    steer_with_vector("pocket-llama", tmp_path / "one" / VECTORS_FILE, tmp_path / "other")
    assert read_json(tmp_path / "other" / "defence.json")["strength"] == 2


def test_a_sum_of_vectors_of_several_strengths_names_none(made: Path, tmp_path: Path) -> None:
    vectors = read_vectors(made / VECTORS_FILE)
    write_vectors(tmp_path / "v.safetensors", vectors + replace(vectors, about={**vectors.about, "strength": 0.5}))
    with pytest.raises(ConfigError, match="names no strength, as sums of several may; give one with --strength X"):
        steer_with_vector("pocket-llama", tmp_path / "v.safetensors", tmp_path / "out")
    steer_with_vector("pocket-llama", tmp_path / "v.safetensors", tmp_path / "out", strength=0.1)


def test_the_length_of_a_step_is_told(tmp_path: Path) -> None:
    """A vector of 128 ones is sqrt(128) long; half as long by a factor of 0.5."""
    for rule, metric, length in (
        (Rule(factor=0.5), "step_length", 128**0.5 / 2),
        (Rule(relative=True), "step_share", 128**0.5),
    ):
        file = hand_made(tmp_path / f"{metric}.safetensors", rule=rule)
        rows = steer_with_vector("pocket-llama", file, tmp_path / metric, strength=0.1).rows
        assert [(row.slice, row.metric) for row in rows] == [("layer 1", metric), ("layer 2", metric)]
        assert [row.value for row in rows] == pytest.approx([length, 2 * length])
        assert read_metrics(tmp_path / metric) == rows


def test_the_card_names_the_file_and_no_path(made: Path, tmp_path: Path) -> None:
    steer_with_vector("pocket-llama", made / VECTORS_FILE, tmp_path / "out", strength=0.5)
    card = (tmp_path / "out" / "README.md").read_text()
    assert "steered at strength 0.5, along the vector of vector.safetensors (hash " in card
    assert str(made) not in card + (tmp_path / "out" / "run.json").read_text()


def test_a_strength_is_chosen_and_the_file_s_own_is_tried(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    try:
        steer_with_vector("pocket-llama", made / VECTORS_FILE, out, strength="auto", sweep=SWEEP)
    except SteeringError:
        assert read_run_card(out).status == "refused"
    tried = [json.loads(line)["vector"] for line in (out / "points.jsonl").read_text().splitlines()]
    assert sorted(tried) == [0, 0.06, 0.25]


@pytest.mark.parametrize(
    ("file", "error", "told"),
    [
        ("absent.safetensors", ModelDirectoryError, "no file .*; name a vector.safetensors of a steered folder, or a"),
        ("text.safetensors", ModelDirectoryError, "is no file of steering vectors"),
        ("narrow.safetensors", ModelDirectoryError, "width 64 does not fit a model with 4 of width 128"),
        ("away.safetensors", ConfigError, "points away from safety"),
        ("worded.safetensors", ModelDirectoryError, "names the strength 'abc', which is no number"),
    ],
)
def test_what_can_be_wrong_with_a_file(tmp_path: Path, file: str, error: type[Exception], told: str) -> None:
    (tmp_path / "text.safetensors").write_text("words")
    hand_made(tmp_path / "narrow.safetensors", width=64)
    worded = replace(read_vectors(hand_made(tmp_path / "v.safetensors")), about={"strength": "abc"})
    write_vectors(tmp_path / "worded.safetensors", worded)
    write_vectors(tmp_path / "away.safetensors", -read_vectors(hand_made(tmp_path / "v.safetensors")))
    with pytest.raises(error, match=told):
        steer_with_vector("pocket-llama", tmp_path / file, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_goes_wrong_before_anything_is_written_leaves_no_folder(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command can be given again as it was."""

    def fail(*_: object) -> None:
        raise ConfigError("judge j can read no answer")

    out = tmp_path / "out"
    with monkeypatch.context() as patched:
        patched.setattr("instincts.arithmetic.ready_vector.chosen", fail)
        with pytest.raises(ConfigError, match="can read no answer"):
            steer_with_vector("pocket-llama", made / VECTORS_FILE, out, strength="auto", sweep=SWEEP)
    assert not out.exists()


def test_a_steered_model_is_not_steered_again(made: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is steered already"):
        steer_with_vector(str(made), made / VECTORS_FILE, tmp_path / "out")


def test_a_control_vector_comes_back_at_scale_one(tmp_path: Path) -> None:
    """Exported at strength 0.5, imported at 1: the same steps, since nothing else was lost."""
    pytest.importorskip("gguf", reason="the package gguf (extra instincts[gguf]) is not installed")
    from instincts.arithmetic.gguf import export_gguf

    file = hand_made(tmp_path / "v.safetensors", rule=Rule(keeps_norm=False))
    export_gguf(tmp_path / "v.gguf", read_vectors(file), 0.5, model_type="llama")
    steer_with_vector("pocket-llama", file, tmp_path / "ours", strength=0.5)
    laid = steer_with_vector("pocket-llama", tmp_path / "v.gguf", tmp_path / "theirs")
    assert torch.equal(logits(tmp_path / "ours"), logits(tmp_path / "theirs"))
    assert read_run_card(tmp_path / "theirs").settings["strength"] == 1
    assert laid.remarks[0].startswith("does not say which way safety lies")
    assert "# pocket-llama, steered\n" in (tmp_path / "theirs" / "README.md").read_text()


def test_a_control_vector_for_another_architecture_says_so(tmp_path: Path) -> None:
    pytest.importorskip("gguf", reason="the package gguf (extra instincts[gguf]) is not installed")
    from instincts.arithmetic.gguf import export_gguf

    vectors = read_vectors(hand_made(tmp_path / "v.safetensors"))
    export_gguf(tmp_path / "V.GGUF", vectors, 0.5, model_type="mistral")
    laid = steer_with_vector("pocket-llama", tmp_path / "V.GGUF", tmp_path / "out")
    assert laid.remarks[0] == "was made for a model of type mistral, and this one is of type llama"
