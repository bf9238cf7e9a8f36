"""What can be wrong with the input of `instincts steer`: one sentence, a number for the shell, and nothing harmed."""

import hashlib
import json
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from instincts.cli.app import run
from tests.arithmetic.models import like, moved, save_model, weights_of
from tests.tiny import edit_json


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("base") / "base", dtype=torch.bfloat16)


@pytest.fixture
def harmed(base: Path, tmp_path: Path) -> Path:
    return like(tmp_path / "harmed", base, moved(weights_of(base), 1))


def content(*folders: Path) -> dict[Path, str]:
    paths = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """Run and give back the one line of the error."""
    capsys.readouterr()  # progress of the models that the test saved
    assert run(["steer", *map(str, words)]) in (1, 2)
    shown = capsys.readouterr()
    assert shown.out == ""
    lines = [line for line in shown.err.splitlines() if not line.startswith("scenario ")]
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    return lines[0]


def test_models_of_different_shapes(base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wide = save_model(tmp_path / "wide", dtype=torch.bfloat16, hidden_size=48)
    out = tmp_path / "out"
    told = refused(capsys, base, "--harmed", wide, "--base", base, "--out", out)
    assert "a harm vector needs a harmed model and a base of the target's architecture" in told
    assert str(wide) in told
    assert not out.exists()


def test_a_quantised_checkpoint(base: Path, harmed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit_json(harmed / "config.json", {"quantization_config": {"quant_method": "gptq", "bits": 4}})
    told = refused(capsys, base, "--harmed", harmed, "--base", base, "--out", tmp_path / "out")
    assert "is quantised (by gptq)" in told
    assert "name the bfloat16, float16 or float32 checkpoint that it was made from" in told
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([], "holds no pairs"),
        ([{"question": "Why?", "safe": "No."}], "line 1: no `unsafe`"),
        (
            [{"question": "Why?", "safe": "No.", "unsafe": "So."}, {"question": "How?", "unsafe": "So."}],
            "line 2: no `safe`",
        ),
        ([{"question": "Why?", "safe": "", "unsafe": "So."}], "`safe` must be a text that is not empty"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("stages", ["vector", "both"])
def test_pairs_that_are_none_or_lack_a_side(
    base: Path, harmed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], rows: list[dict[str, str]], told: str,
    stages: str,
) -> None:  # fmt: skip
    pairs, out = tmp_path / "pairs.jsonl", tmp_path / "out"
    pairs.write_text("".join(json.dumps(row) + "\n" for row in rows))
    weights = ["--harmed", harmed, "--base", base] if stages == "both" else []
    line = refused(capsys, base, *weights, "--pairs", pairs, "--out", out)
    assert told in line or "is empty" in line
    assert "Why?" not in line, "no text of a pair is shown"
    assert not out.exists()


def test_no_pairs_at_all(base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "activations are steered by --pairs FILE" in refused(capsys, base, "--out", tmp_path / "out")
    told = refused(capsys, base, "--pairs", tmp_path / "no.jsonl", "--out", tmp_path / "out")
    assert "no.jsonl; check the path" in told


@pytest.mark.parametrize("layers", ["2", "0-2", "7-9"])
@pytest.mark.parametrize("stages", ["weights", "both"])
def test_layers_outside_the_model(
    base: Path, harmed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], layers: str, stages: str
) -> None:
    pairs = ["--pairs", "pocket-pairs"] if stages == "both" else []
    words = [base, "--harmed", harmed, "--base", base, *pairs, "--layers", layers, "--out", tmp_path / "out"]
    assert "of a 2-layer model; layers run 0 to 1" in refused(capsys, *words)
    assert not (tmp_path / "out").exists()


@pytest.fixture
def full_disk() -> Iterator[None]:
    """No file may grow beyond 20 kB, the smallest shard's half, so the first one cannot be written."""
    import signal

    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_disk_that_fills_up_leaves_the_sources_intact(
    base: Path, harmed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], full_disk: None
) -> None:
    before = content(base, harmed)
    out = tmp_path / "out"
    told = refused(capsys, base, "--harmed", harmed, "--base", base, "--out", out)
    assert f"cannot write to {out}" in told
    assert f"{base} is untouched" in told
    assert "--resume" in told
    assert content(base, harmed) == before
    assert not (out / "config.json").exists()
    assert not list(out.rglob(".*.partial"))


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--strength", "auto"], "none are at hand for"),
        (["--strength", "auto", "--validate", "no-such-set"], "no prompt file or set named 'no-such-set'"),
        (["--strength", "auto", "--validate", "pocket-harmful"], "no prompt of pocket-harmful is labelled benign"),
        (["--strength", "auto", "--validate", "pocket-benign"], "no prompt of pocket-benign is labelled harmful"),
        (["--strength", "auto", "--set", "sweep.strengths=-1,2", "--validate", "pocket"], "a negative strength"),
        (["--strength", "auto", "--set", "sweep.strengths=0", "--validate", "pocket"], "at least one strength above 0"),
        (["--validate", "pocket", "--set", "sweep.judge=rubric"], "judge rubric asks another model"),
        (["--set", "sweep.prompts=pocket", "--validate", "pocket"], "prompts is given twice"),
        (["--set", "sweep.tolerence=1"], "did you mean 'tolerance'"),
        (["--strength", "auto", "--set", "strength=2"], "strength is given twice"),
    ],
)
def test_what_can_be_wrong_with_a_choice_of_strength(
    base: Path, harmed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], told: str
) -> None:
    words = [base, "--harmed", harmed, "--base", base, "--out", tmp_path / "out", *more]
    assert told in refused(capsys, *words)
    assert not (tmp_path / "out" / "config.json").exists()


def test_both_strengths_are_chosen_or_given(
    base: Path, harmed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [base, "--harmed", harmed, "--base", base, "--pairs", "pocket-pairs", "--out", tmp_path / "out"]
    told = refused(capsys, *words, "--strength", "auto", "--set", "vector.strength=0.1")
    assert "--strength auto chooses both strengths; drop --set vector.strength" in told


def test_prompts_are_asked_for_a_vector_only_where_a_strength_is_chosen(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = refused(capsys, base, "--pairs", "pocket-pairs", "--validate", "pocket", "--out", tmp_path / "out")
    assert "where --strength auto chooses; drop --validate" in told
