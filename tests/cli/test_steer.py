"""`instincts steer`: its words are those of the settings, and what can be wrong about them is one line."""

import json
from pathlib import Path
from typing import get_args

import pytest
import torch

from instincts.arithmetic.settings import VARIANTS, Variant
from instincts.arithmetic.vector import Variant as VectorVariant
from instincts.cli import steer as verb
from instincts.cli.app import run
from instincts.models.opening import open_model
from instincts.models.steering import is_steered
from instincts.models.vectors import Rule, VectorSet, read_vectors, write_vectors
from instincts.records import read_metrics, read_run_card
from tests.arithmetic.models import like, moved, same_bytes, save_model, weights_of
from tests.tiny import edit_json


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of `base`, `harmed` and `tuned`."""
    folder = tmp_path_factory.mktemp("models")
    base = save_model(folder / "base", dtype=torch.bfloat16)
    like(folder / "harmed", base, moved(weights_of(base), 1))
    like(folder / "tuned", base, moved(weights_of(base), 2))
    return folder


def words(models: Path, out: Path, *more: str) -> list[str]:
    pair = ["--harmed", str(models / "harmed"), "--base", str(models / "base")]
    return ["steer", str(models / "tuned"), *pair, "--out", str(out), *more]


def test_the_options_are_those_of_the_settings() -> None:
    assert VARIANTS.keys() == set(get_args(Variant)) < set(verb.VARIANTS) == {*map(str, VectorVariant)}


def test_steer_and_take_it_back(models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    steered, back = tmp_path / "steered", tmp_path / "back"
    assert run(words(models, steered, "--keep-delta", "--keep", "20%", "--json")) == 0
    shown = capsys.readouterr()
    assert {row["metric"] for row in json.loads(shown.out)} == {"kept_share", "changed_share"}
    assert "scenario sft" in shown.err
    assert not same_bytes(steered, models / "tuned")

    assert run(["steer", "--revert", str(steered), "--out", str(back)]) == 0
    assert same_bytes(back, models / "tuned")


def test_a_dry_run_tells_what_would_move_and_writes_nothing(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = sum(path.stat().st_size for path in (models / "tuned").glob("*.safetensors"))
    assert run(words(models, tmp_path / "out", "--dry-run", "--json", "--strength", "auto")) == 0
    shown = capsys.readouterr()
    told = json.loads(shown.out)
    assert (told["scenario"], told["layers"], told["written"], told["space"]) == ("sft", None, weights, weights)
    assert told["read_least"] < told["read_most"]
    assert "nothing was written" in shown.err
    assert not (tmp_path / "out").exists()
    for more, why in (
        (["--layers", "7"], "layer 7 of a 2-layer model"),
        (["--strength", "-5"], "a negative strength would add the harm direction"),
        (["--resume"], "drop --resume"),
        (["--pairs", "nosuch.jsonl"], "nosuch.jsonl"),
        (["--pairs", "pocket-pairs", "--strength", "1,"], "names one of two stages"),
    ):
        assert run(words(models, tmp_path / "out", "--dry-run", *more)) in (1, 2)
        assert why in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--strength", "-2"], "strength = '-2': Value error, a negative strength would add the harm direction"),
        (["--strength", "much"], "strength = 'much': Input should be a valid number"),
        (["--keep", "30"], "more than everything; for percent write 30%"),
        (["--keep", "most"], "write a percentage such as 10%"),
        (["--layers", "first"], "write auto, all, one layer such as 5, or a range such as 4-6"),
        (["--layers", "1-7"], "layer 7 of a 2-layer model; layers run 0 to 1"),
        (["--layers", "1-0"], "1-0 ends before it begins"),
        (["--set", 'include=["*.wo.*"]'], "the pattern '*.wo.*' matches no tensor"),
        (["--set", "mismtch=skip"], "did you mean 'mismatch'"),
        (["--variant", "papre"], "did you mean 'paper'"),
        (["--set", "variant=reference"], "whose way goes by --variant NAME; drop --set variant"),
        (["--resume"], "nothing to resume"),
    ],
)
def test_what_can_be_wrong(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], told: str
) -> None:
    code = run(words(models, tmp_path / "out", *more))

    shown = capsys.readouterr()
    assert code in (1, 2)
    assert shown.out == ""
    assert [line for line in shown.err.splitlines() if not line.startswith("error: ")] == []
    assert told in shown.err
    assert not (tmp_path / "out").exists()


def test_a_pair_of_models_is_needed(models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, out = str(models / "tuned"), str(tmp_path / "out")
    assert run(["steer", model, "--harmed", str(models / "harmed"), "--out", out]) == 2
    assert "--base is missing" in capsys.readouterr().err
    assert run(["steer", model, "--out", out]) == 2
    assert "activations are steered by --pairs FILE" in capsys.readouterr().err
    assert run(["steer", "--out", out]) == 2
    assert "no MODEL to steer" in capsys.readouterr().err


def test_revert_stands_alone(models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words(models, tmp_path / "out", "--revert", str(models / "tuned"))) == 2
    assert "drop MODEL" in capsys.readouterr().err


def test_nothing_kept_nothing_to_revert(models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["steer", "--revert", str(models / "tuned"), "--out", str(tmp_path / "out")]) == 1
    assert "keeps no delta/" in capsys.readouterr().err


def test_pairs_alone_steer_activations(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    more = ["--set", "vector.limit=4", "--strength", "0.5", "--layers", "1-2", "--variant", "difference", "--json"]
    assert run(["steer", "pocket-llama", "--pairs", "pocket-pairs", "--out", str(out), *more]) == 0
    shown = capsys.readouterr()
    assert {row["slice"] for row in json.loads(shown.out)} == {"all", "layer 1", "layer 2"}
    card = json.loads((out / "defence.json").read_text())
    assert (card["kind"], card["base"], card["strength"]) == ("safety-vector", "pocket-llama", 0.5)
    assert read_run_card(out).settings["variant"] == "difference"


def test_both_stages_leave_a_vector_over_the_weights(models: Path, tmp_path: Path) -> None:
    out, pairs = tmp_path / "out", tmp_path / "pairs.jsonl"
    rows = [{"question": f"Why {n}?", "safe": "No.", "unsafe": f"Because {n}"} for n in range(4)]
    pairs.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert run(words(models, out, "--pairs", str(pairs), "--strength", "1,0.3")) == 0
    alone = tmp_path / "alone"
    assert run(words(models, alone, "--strength", "1")) == 0
    assert same_bytes(out / "weights", alone)
    opened = open_model(str(out), device="cpu")
    assert is_steered(opened.model)
    card = json.loads((out / "defence.json").read_text())
    assert (card["base"], card["strength"]) == ("weights", 0.3)
    assert {row.metric for row in read_metrics(out)} >= {"kept_share", "pairs_ordered", "step_share"}
    assert run(words(models, out, "--pairs", str(pairs), "--set", "strength=1")) == 1


def test_both_stages_are_taken_back_at_once(models: Path, tmp_path: Path) -> None:
    """The vector is left out, and the weights below it are as they were."""
    out = tmp_path / "out"
    both = ["--pairs", "prompts:pocket", "--strength", "1,0.3", "--keep-delta"]
    assert run(words(models, out, *both)) == 0
    assert run(["steer", "--revert", str(out), "--out", str(tmp_path / "back")]) == 0
    assert not is_steered(open_model(str(tmp_path / "back"), device="cpu").model)
    assert same_bytes(tmp_path / "back", models / "tuned")


def test_both_stages_act_on_the_layers_of_an_edit(models: Path, tmp_path: Path) -> None:
    """Only layer 0 of four was edited: 0 and 1 are in scope."""
    weights = weights_of(save_model(tmp_path / "base", num_hidden_layers=4))
    name = "model.layers.0.mlp.down_proj.weight"
    like(tmp_path / "harmed", tmp_path / "base", moved(weights, 1))
    like(tmp_path / "edited", tmp_path / "base", {**weights, name: moved({name: weights[name]}, 2)[name]})
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("question,safe,unsafe\nWhy?,No.,Because so\nHow?,Not I.,Like that\n")
    pair = ["--harmed", str(tmp_path / "harmed"), "--base", str(tmp_path / "base"), "--pairs", str(pairs)]
    assert run(["steer", str(tmp_path / "edited"), *pair, "--out", str(tmp_path / "out")]) == 0
    assert list(read_vectors(tmp_path / "out" / "vector.safetensors").directions) == [0, 1]


def test_a_first_stage_that_is_refused_leaves_no_folder(models: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run(words(models, out, "--pairs", "pocket-pairs", "--layers", "7")) == 2
    assert not out.exists()


def test_both_stages_go_on_where_the_first_was_finished(models: Path, tmp_path: Path) -> None:
    """As after a kill between the two: no defence.json yet. The weights are not made again."""
    out = tmp_path / "out"
    asked = words(models, out, "--pairs", "pocket-pairs")
    assert run(asked) == 0
    weights = next((out / "weights").glob("*.safetensors"))
    made, vector = weights.stat().st_mtime_ns, (out / "vector.safetensors").read_bytes()
    (out / "defence.json").unlink()
    (out / "vector.safetensors").unlink()
    edit_json(out / "run.json", {"status": "running"})
    assert run(asked) == 1
    assert run([*asked, "--resume"]) == 0
    assert weights.stat().st_mtime_ns == made
    assert (out / "vector.safetensors").read_bytes() == vector


def test_swapped_columns_are_told_before_any_weight_is_read(models: Path, tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("question,safe,unsafe\nWhy?,Sure,I cannot help with that.\n")
    assert run(words(models, tmp_path / "out", "--pairs", str(pairs))) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--strength", "-0.1"], "a negative strength would steer towards harm"),
        (["--layers", "9"], "layer 9 of a 4-layer model; layers run 0 to 3"),
        (["--layers", "x"], "write all, a number, or a range"),
        (["--keep", "10%"], "no weights are changed; drop --keep"),
        (["--keep-delta"], "drop --keep-delta"),
        (["--set", "keep=0.1"], "--set keep is about weights"),
        (["--set", "vector.scal=unit"], "did you mean 'scale'"),
        (["--set", "vector.scale=long"], "scale = 'long'"),
        (["--set", "sweep.tolerance=0.2"], "drop --set sweep.tolerance"),
    ],
)
def test_what_can_be_wrong_with_a_vector(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], told: str
) -> None:
    assert run(["steer", "pocket-llama", "--pairs", "pocket-pairs", "--out", str(tmp_path / "out"), *more]) == 2
    shown = capsys.readouterr().err
    assert told in shown
    assert len(shown.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_two_stages_have_two_strengths(models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for half in ("1,", ",0.1", "-1", "much"):
        assert run(words(models, tmp_path / "out", "--pairs", "pocket-pairs", f"--strength={half}")) == 2
        assert not (tmp_path / "out").exists()
    assert "write both, such as --strength 1,0.12 for the weights and the vector" in capsys.readouterr().err
    twice = ["--pairs", "pocket-pairs", "--strength", "1,0.1", "--set", "vector.strength=0.1"]
    assert run(words(models, tmp_path / "out", *twice)) == 2
    assert "strength is given twice" in capsys.readouterr().err


@pytest.mark.parametrize(("variant", "given", "vector"), [("paper", "2", 0.12), ("reference", "1", 0.04)])
def test_one_strength_of_two_stages_is_the_paper_s_proportion(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], variant: str, given: str, vector: float
) -> None:
    """Published are 0.12 to 2, in the released notebooks 0.12 to 3."""
    more = ["--pairs", "pocket-pairs", "--strength", given, "--variant", variant]
    assert run(words(models, tmp_path / "out", *more)) == 0
    assert f"strength {given} on the weights and {vector} on the vector" in capsys.readouterr().err
    settings = read_run_card(tmp_path / "out").settings
    assert (settings["strength"], settings["vector.strength"]) == (float(given), vector)


def test_what_is_said_of_the_vector_goes_before_what_follows_from_the_weights(models: Path, tmp_path: Path) -> None:
    more = ["--pairs", "pocket-pairs", "--strength", "2", "--set", "vector.strength=0.3"]
    assert run(words(models, tmp_path / "out", *more, "--layers", "0-1", "--set", "vector.layers=1")) == 0
    settings = read_run_card(tmp_path / "out").settings
    assert (settings["strength"], settings["vector.strength"]) == (2, 0.3)
    assert (settings["layers"], settings["vector.layers"]) == ("0-1", "1")


def test_no_strength_of_two_stages_changes_nothing(models: Path, tmp_path: Path) -> None:
    assert run(words(models, tmp_path / "out", "--pairs", "pocket-pairs", "--strength", "0")) == 0
    assert same_bytes(tmp_path / "out" / "weights", models / "tuned")
    assert json.loads((tmp_path / "out" / "defence.json").read_text())["strength"] == 0


def test_a_pairs_file_is_needed_for_what_is_said_of_a_vector(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words(models, tmp_path / "out", "--set", "vector.scale=unit")) == 2
    assert "drop --set vector.scale" in capsys.readouterr().err
    assert run(words(models, tmp_path / "out", "--gguf", "v.gguf")) == 2
    assert "drop --gguf" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--pairs", "pocket-pairs"], "drop --pairs"),
        (["--harmed", "h", "--base", "b"], "change weights first, and lay a vector over the result; drop --harmed"),
        (["--variant", "paper"], "drop --variant"),
        (["--set", "vector.scale=unit"], "drop --set vector.scale"),
        (["--set", "mismatch=skip"], "drop --set mismatch"),
        (["--keep", "10%"], "drop --keep"),
        (["--validate", "pocket"], "drop --validate"),
        (["--set", "sweep.limit=4"], "drop --set sweep.limit"),
        (["--strength", "-1"], "a negative strength would steer towards harm"),
        (["--layers", "9"], "layer 9 of a 4-layer model"),
    ],
)
def test_what_can_be_wrong_with_a_vector_that_exists(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], told: str
) -> None:
    write_vectors(tmp_path / "v.safetensors", VectorSet(directions={1: torch.ones(128)}, rule=Rule(), layer_count=4))
    asked = ["steer", "pocket-llama", "--vector", str(tmp_path / "v.safetensors"), "--out", str(tmp_path / "out")]
    assert run([*asked, *more]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_vector_that_exists_is_laid_over_a_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_vectors(tmp_path / "v.safetensors", VectorSet(directions={1: torch.ones(128)}, rule=Rule(), layer_count=4))
    asked = ["steer", "pocket-llama", "--vector", str(tmp_path / "v.safetensors"), "--strength", "0.5"]
    assert run([*asked, "--out", str(tmp_path / "out"), "--json"]) == 0
    shown = capsys.readouterr()
    assert [(row["slice"], row["metric"]) for row in json.loads(shown.out)] == [("layer 1", "step_length")]
    assert "does not say from which weights it was read" in shown.err
    assert is_steered(open_model(str(tmp_path / "out"), device="cpu").model)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--pairs", "pocket-pairs", "--set", "vector.layers=9"], "layer 9 of a 2-layer model"),
        (["--pairs", "refusals:pocket-mixed", "--set", "vector.judge=rubric"], "judge rubric asks another model"),
        (["--pairs", "pocket-pairs", "--gguf", "nowhere/v.gguf"], "no folder nowhere; make it first"),
    ],
)
def test_what_is_wrong_with_the_second_stage_is_told_before_the_first(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], told: str
) -> None:
    if "--gguf" in more:
        pytest.importorskip("gguf", reason="the package gguf (extra instincts[gguf]) is not installed")
    assert run(words(models, tmp_path / "out", *more)) in (1, 2)
    assert told in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_mistake_in_a_folder_that_is_a_link_is_told_all_the_same(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A link, like a mount, cannot be removed as a folder is."""
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there")
    assert run(words(models, tmp_path / "link", "--pairs", "pocket-pairs", "--layers", "7")) == 2
    assert "layer 7 of a 2-layer model" in capsys.readouterr().err
    assert not list((tmp_path / "there").iterdir())


def test_a_resume_with_other_prompts_is_refused(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a vector is read from stands in the card, also where its rows depend on the model."""
    out, asked = tmp_path / "out", ["--pairs", "refusals:pocket-mixed"]
    assert run(words(models, out, *asked)) == 1  # a random model refuses nothing, and the weights are written by then
    assert "refusals:pocket-mixed" in read_run_card(out).data
    assert run(words(models, out, "--pairs", "refusals:pocket-validation", "--resume")) == 1
    assert "cannot continue" in capsys.readouterr().err
