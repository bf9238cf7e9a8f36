"""`instincts steer`: its words are those of the settings, and what can be wrong about them is one line."""

import json
from pathlib import Path
from typing import get_args

import pytest
import torch

from instincts.arithmetic.settings import VARIANTS, Variant
from instincts.cli import steer as verb
from instincts.cli.app import run
from tests.arithmetic.models import like, moved, same_bytes, save_model, weights_of


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
    assert VARIANTS.keys() == set(verb.VARIANTS) == set(get_args(Variant))


def test_steer_and_take_it_back(models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    steered, back = tmp_path / "steered", tmp_path / "back"
    assert run(words(models, steered, "--keep-delta", "--keep", "20%", "--json")) == 0
    shown = capsys.readouterr()
    assert {row["metric"] for row in json.loads(shown.out)} == {"kept_share", "changed_share"}
    assert "scenario sft" in shown.err
    assert not same_bytes(steered, models / "tuned")

    assert run(["steer", "--revert", str(steered), "--out", str(back)]) == 0
    assert same_bytes(back, models / "tuned")


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
    assert run(["steer", "--out", out]) == 2
    assert "no MODEL to steer" in capsys.readouterr().err


def test_revert_stands_alone(models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words(models, tmp_path / "out", "--revert", str(models / "tuned"))) == 2
    assert "drop MODEL" in capsys.readouterr().err


def test_nothing_kept_nothing_to_revert(models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["steer", "--revert", str(models / "tuned"), "--out", str(tmp_path / "out")]) == 1
    assert "keeps no delta/" in capsys.readouterr().err
