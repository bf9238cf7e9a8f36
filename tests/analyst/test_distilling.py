"""Small distillations into a random tiny model: what is refused, what is left, and that a cut costs nothing."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from instincts.analyst import Analysis
from instincts.analyst.analyzing import analyze
from instincts.analyst.distilling import Distilled, distil
from instincts.analyst.rows import TREES_FILE, prompt_sha256, read_analyses
from instincts.analyst.settings import AnalysisSettings
from instincts.analyst.specialist import read_specialist
from instincts.analyst.wording import templates_sha256
from instincts.config import Scale
from instincts.errors import ModelDirectoryError, PromptSetError, RecordError, TrainingError
from instincts.models.directory import DEFENCE_FILE
from instincts.records import read_run_card
from tests.analyst.trees import tree
from tests.tiny import save_tiny

SETTINGS: dict[str, Any] = {
    "steps": 2, "rows_per_step": 4, "micro_batch": 4, "save_every": 1, "heldout": 0.3, "asked": 2, "max_tokens": 200,
}  # fmt: skip

Run = Callable[..., Distilled]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("models") / "base")


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve trees whose prompts were kept, one prompt without a verdict, and one that is too long for the base."""
    folder = tmp_path_factory.mktemp("trees")
    texts = [*(f"Why {n}?" for n in range(12)), "How?", "Why " * 90]
    analyses = [
        Analysis(id=str(n), prompt_sha256=prompt_sha256([("user", text)]), tree=tree("32 G3H+"), prompt=text)
        for n, text in enumerate(texts)
    ]
    analyses[12] = analyses[12].model_copy(update={"tree": None, "status": "unreadable"})
    (folder / TREES_FILE).write_text("".join(each.model_dump_json() + "\n" for each in analyses))
    return folder


@pytest.fixture
def run(base: Path, trees: Path) -> Run:
    def start(out: Path, *, resume: bool = False, **given: Any) -> Distilled:
        chosen = {**SETTINGS, **given}
        return distil(
            str(trees), str(base), out, teacher_licence="ours", scale=Scale.SMOKE, given=chosen, resume=resume
        )

    return start


def test_a_specialist_says_how_it_is_asked_and_what_was_left_out(run: Run, tmp_path: Path) -> None:
    made = run(tmp_path / "out")

    known = read_specialist(tmp_path / "out")
    assert known is not None
    assert (known.coding, known.calls, known.teacher_licence) == ("specialist", 1, "ours")
    assert known.templates == templates_sha256()
    assert made.left_out == {"without a verdict": 1, "longer than 200 tokens with their prompt": 1}
    card = read_run_card(tmp_path / "out")
    assert (card.status, card.outcome["left_out"]) == ("finished", made.left_out)
    assert {(row.metric, row.model == str(tmp_path / "out")) for row in made.metrics} == {
        *((each, True) for each in ("loss", "parse_rate", "tokens_per_tree", "leaf_f1", "core_f1")),
        ("loss", False),
    }
    assert not (tmp_path / "out" / "checkpoints").exists()


def test_training_lowers_the_held_out_loss(run: Run, tmp_path: Path) -> None:
    made = run(tmp_path / "out", steps=8, learning_rate=1e-2)

    base, specialist = (row.value for row in made.metrics if row.metric == "loss")
    assert base is not None
    assert specialist is not None
    assert specialist < base


def test_analyze_asks_it_in_its_own_form_without_being_told(run: Run, tmp_path: Path) -> None:
    """The random model writes no tree; what counts is the form that is recorded, and that both runs agree on it."""
    run(tmp_path / "out", coding="specialist-json", calls=2)
    (tmp_path / "prompts.jsonl").write_text(json.dumps({"id": "a", "prompt": "Why?"}) + "\n")

    analyze(
        str(tmp_path / "out"), str(tmp_path / "prompts.jsonl"), out=tmp_path / "trees",
        settings=AnalysisSettings.resolve(given={"attempts": 1, "max_tokens": 8}),
    )  # fmt: skip

    assert [each.coding for each in read_analyses(tmp_path / "trees")] == ["specialist-json"]
    assert read_run_card(tmp_path / "trees").settings["calls"] == 2


def test_an_adapter_is_laid_over_its_base(run: Run, tmp_path: Path) -> None:
    run(tmp_path / "out", method="lora", lora_rank=2)

    assert json.loads((tmp_path / "out" / DEFENCE_FILE).read_text())["kind"] == "lora"
    assert read_specialist(tmp_path / "out") is not None


def test_a_run_that_was_cut_off_goes_on(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("instincts.analyst.distilling.try_analyst", _killed)
        with pytest.raises(TrainingError):
            run(tmp_path / "out")
    assert read_run_card(tmp_path / "out").status == "interrupted"
    # All steps are done: nothing is trained again.
    monkeypatch.setattr("instincts.models.tuning.SFTTrainer", _killed)
    run(tmp_path / "out", resume=True)

    assert read_run_card(tmp_path / "out").status == "finished"


def test_a_base_without_room_for_the_trees_is_refused_with_both_numbers(run: Run, tmp_path: Path) -> None:
    with pytest.raises(PromptSetError, match=r"room for 16 tokens, .* takes \d+"):
        run(tmp_path / "out", max_tokens=16)
    assert not (tmp_path / "out").exists()


def test_a_base_that_is_none_is_refused_before_the_folder_is_taken(trees: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelDirectoryError, match="no-such"):
        distil(str(trees), str(tmp_path / "no-such"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_without_trees_is_refused(base: Path, tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"no trees\.jsonl"):
        distil(str(base), str(base), tmp_path / "out")


def test_too_few_trees_to_hold_some_out_are_refused(run: Run, tmp_path: Path) -> None:
    with pytest.raises(PromptSetError, match="too few"):
        run(tmp_path / "out", heldout=1e-9)


def _killed(*_: object, **__: object) -> Any:
    raise TrainingError("killed")
