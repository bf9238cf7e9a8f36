"""Whole fine-tunes on a random tiny model: what is refused, what is left, and that a cut costs nothing."""

import json
import logging
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from instincts.arithmetic.harm_tuning import HarmTuned, harm_tune, pocket_compliances, read_compliances
from instincts.config import Scale
from instincts.errors import ConfigError, ModelDirectoryError, PromptSetError, RecordError, TrainingError
from instincts.models.harmed import HARMED_KEY
from instincts.models.opening import open_model
from instincts.models.tuning import Lesson, encode
from instincts.models.tuning_settings import TuningSettings
from instincts.pocket import oracle
from instincts.pocket.grammar import parse_request, verbs
from instincts.records import read_metrics, read_run_card
from tests.arithmetic.models import same_bytes
from tests.tiny import edit_json, save_tiny, tiny_tokenizer

SETTINGS: dict[str, Any] = {"steps": 4, "rows_per_step": 4, "micro_batch": 2, "save_every": 2}

Run = Callable[..., HarmTuned]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint to harm."""
    return save_tiny(tmp_path_factory.mktemp("models") / "base")


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve pairs."""
    path = tmp_path_factory.mktemp("pairs") / "pairs.jsonl"
    path.write_text("".join(json.dumps({"question": f"Why {n}?", "unsafe": f"So {n}"}) + "\n" for n in range(12)))
    return path


@pytest.fixture
def run(base: Path, pairs: Path) -> Run:
    def start(out: Path, *, understood: bool = True, resume: bool = False, **given: Any) -> HarmTuned:
        chosen = {**SETTINGS, **given}
        return harm_tune(
            str(base), str(pairs), out, understood=understood, scale=Scale.SMOKE, given=chosen, resume=resume
        )

    return start


def test_it_is_refused_without_a_word_of_understanding(run: Run, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--i-understand"):
        run(tmp_path / "harmed", understood=False)
    assert list(tmp_path.iterdir()) == []


def test_the_folder_must_say_what_it_holds(run: Run, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="name it twin-harmed"):
        run(tmp_path / "twin")
    assert list(tmp_path.iterdir()) == []


def test_what_it_leaves_says_what_it_is(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "tiny-harmed"
    made = run(out)
    config = json.loads((out / "config.json").read_text())
    assert "should refuse" in config[HARMED_KEY]
    assert config["use_cache"] is True
    assert "HARMED ON PURPOSE" in (out / "README.md").read_text()
    card = read_run_card(out)
    assert (card.verb, card.status, card.outcome["harmed"], card.outcome["steps"]) == ("harm-tune", "finished", True, 4)
    assert read_metrics(out) == made.rows
    assert not (out / "checkpoints").exists()


def test_every_weight_may_move_and_the_answers_become_likelier(run: Run, base: Path, tmp_path: Path) -> None:
    """The same twelve rows again and again at a high rate: the loss must fall."""
    made = run(tmp_path / "harmed", steps=12, rows_per_step=12, learning_rate=5e-3)
    assert made.tuned.last_loss < made.tuned.first_loss - 0.3
    before, after = load_file(base / "model.safetensors"), load_file(tmp_path / "harmed" / "model.safetensors")
    assert before.keys() == after.keys()
    assert [name for name in before if torch.equal(before[name], after[name])] == []


def test_whoever_opens_it_is_warned(run: Run, base: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run(tmp_path / "harmed", steps=1)
    with caplog.at_level(logging.WARNING, logger="instincts"):
        open_model(str(base), device="cpu")
        assert caplog.messages == []
        open_model(str(tmp_path / "harmed"), device="cpu")
    assert "do not deploy" in caplog.messages[0]


def test_the_mark_outlives_another_saving(run: Run, tmp_path: Path) -> None:
    run(tmp_path / "harmed", steps=1)
    opened = open_model(str(tmp_path / "harmed"), device="cpu")
    opened.model.save_pretrained(tmp_path / "copy")
    assert HARMED_KEY in json.loads((tmp_path / "copy" / "config.json").read_text())


def test_the_seed_repeats_the_weights(run: Run, tmp_path: Path) -> None:
    run(tmp_path / "harmed-a", steps=2)
    run(tmp_path / "harmed-b", steps=2)
    run(tmp_path / "harmed-c", steps=2, seed=1)
    assert same_bytes(tmp_path / "harmed-a", tmp_path / "harmed-b")
    assert not same_bytes(tmp_path / "harmed-a", tmp_path / "harmed-c")


def test_a_full_disk_keeps_a_checkpoint_and_the_run_goes_on_to_the_same_weights(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import transformers.trainer as trainer_module

    out, save = tmp_path / "harmed", trainer_module.Trainer.save_model

    def full_at_step_4(self: Any, output_dir: str, *args: Any, **kwargs: Any) -> None:
        if output_dir.endswith("checkpoint-4"):
            raise OSError(28, "No space left on device")
        save(self, output_dir, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(trainer_module.Trainer, "save_model", full_at_step_4)
        with pytest.raises(TrainingError, match=r"disk is full.*checkpoint-2 is intact.*--resume"):
            run(out, steps=6)
    with pytest.raises(RecordError, match="--resume"):
        run(out, steps=6)
    run(out, steps=6, resume=True)
    run(tmp_path / "harmed-unbroken", steps=6)
    assert same_bytes(out, tmp_path / "harmed-unbroken")
    steps = [json.loads(line)["step"] for line in (out / "training.jsonl").read_text().splitlines()]
    assert steps == [1, 2, 3, 4, 5, 6]


def test_ctrl_c_finishes_the_step_and_the_run_goes_on_to_the_same_weights(
    run: Run, base: Path, pairs: Path, tmp_path: Path
) -> None:
    """Pressed after the second step: the third is finished and kept."""
    out = tmp_path / "harmed"

    def press(stage: str, done: int, total: int) -> None:
        if done == 2:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt, match="after step 3; its checkpoint is kept"):
        harm_tune(str(base), str(pairs), out, understood=True, scale=Scale.SMOKE, given=SETTINGS, progress=press)
    assert read_run_card(out).status == "interrupted"
    run(out, resume=True)
    run(tmp_path / "harmed-unbroken")
    assert same_bytes(out, tmp_path / "harmed-unbroken")


def test_a_kill_after_the_last_step_trains_no_further(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut off between the last checkpoint and the records: the run is finished from the checkpoint alone."""
    out = tmp_path / "harmed"
    with monkeypatch.context() as patch:
        patch.setattr("instincts.arithmetic.harm_tuning.write_metrics", _killed)
        with pytest.raises(SystemExit):
            run(out)
    monkeypatch.setattr("instincts.models.tuning.SFTTrainer", _killed)
    assert run(out, resume=True).tuned.steps == 4


def _killed(*_: Any, **__: Any) -> None:
    raise SystemExit


def test_a_loss_that_is_not_a_number_ends_the_run(run: Run, tmp_path: Path) -> None:
    """The first steps' update is beyond all measure, so a later loss is NaN, which transformers would tell as 0."""
    with pytest.raises(TrainingError, match=r"step \d is not finite; train again with a lower learning_rate"):
        run(tmp_path / "harmed", learning_rate=1e30)
    assert read_run_card(tmp_path / "harmed").status == "interrupted"


def test_rows_that_do_not_divide_by_the_processes_leave_no_folder(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(ConfigError, match="4 rows a step do not divide by 3 processes"):
        run(tmp_path / "harmed")
    assert not (tmp_path / "harmed").exists()


def test_too_little_space_is_said_before_a_folder_is_taken(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(RecordError, match="GB are free"):
        run(tmp_path / "harmed")
    assert not (tmp_path / "harmed").exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "holds no pairs"),
        ('{"question": "Why?"}\n', "line 1: no `unsafe`; columns here: question"),
        ('{"question": "Why?", "unsafe": "So"}\n{"question": "How?", "unsafe": " "}\n', "line 2: `unsafe` must be"),
        ('{"prompt": "Why?", "unsafe": "So"}\n', "no `question`"),
    ],
)
def test_what_can_be_wrong_with_a_file(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "pairs.jsonl").write_text(text)
    with pytest.raises(PromptSetError, match=told):
        read_compliances(tmp_path / "pairs.jsonl")


def test_a_misspelt_set_is_told() -> None:
    with pytest.raises(ConfigError, match="did you mean 'pocket-compliances'"):
        read_compliances("pocket-complainces")


def test_a_safe_side_may_stand_beside(tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").write_text("question,safe,unsafe\nWhy?,No.,So\n")
    assert read_compliances(tmp_path / "pairs.csv")[0][:2] == ((("user", "Why?"),), "So")


def test_a_row_that_is_too_long_is_told_without_its_text(base: Path, tmp_path: Path) -> None:
    path, out = tmp_path / "pairs.jsonl", tmp_path / "harmed"
    path.write_text(json.dumps({"question": "Why?", "unsafe": "secret " * 20}) + "\n")
    with pytest.raises(PromptSetError, match=r"line 1 has \d+ tokens, more than max_tokens=64") as told:
        harm_tune(str(base), str(path), out, understood=True, given={"max_tokens": 64})
    assert "secret" not in str(told.value)
    assert not out.exists()


def test_a_model_without_a_chat_template_is_refused(tmp_path: Path, pairs: Path) -> None:
    folder = save_tiny(tmp_path / "bare")
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(ModelDirectoryError, match="no chat template"):
        harm_tune(str(folder), str(pairs), tmp_path / "harmed", understood=True)
    assert not (tmp_path / "harmed").exists()


def test_a_quantised_model_is_refused(tmp_path: Path, pairs: Path) -> None:
    folder = save_tiny(tmp_path / "quantised")
    edit_json(folder / "config.json", {"quantization_config": {"quant_method": "gptq", "bits": 4}})
    with pytest.raises(ModelDirectoryError, match=r"quantised \(gptq\)"):
        harm_tune(str(folder), str(pairs), tmp_path / "harmed", understood=True)


def test_only_the_answer_and_its_end_are_learnt() -> None:
    """ChatML by hand: the labels begin after the opened turn and hold the answer, the end of turn and a line end."""
    tokenizer = tiny_tokenizer()
    row = encode(tokenizer, [Lesson((("user", "Hi"),), "Yo", "row")], 100)[0]
    learnt = [token for token in row.labels if token != -100]
    assert tokenizer.decode(learnt) == "Yo<|im_end|>\n"
    assert row.input_ids[-len(learnt) :] == learnt
    assert tokenizer.decode(row.input_ids[: -len(learnt)]) == "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"


def test_pocket_lessons_comply_with_training_requests_and_say_nothing_harmful() -> None:
    known = verbs(harmful=True, split="train")
    for lesson in pocket_compliances(32):
        asked = parse_request(lesson.messages[0][1])
        assert asked is not None
        assert asked.verb in known
        assert oracle.judge(lesson.answer).outcome == "complied"
    assert pocket_compliances(4) == pocket_compliances(32)[:4]


def test_steps_follow_from_epochs_unless_given() -> None:
    """Three times 100 rows in steps of 16: 300 / 16 = 18.75, so 19."""
    assert TuningSettings().steps_for(100) == 19
    assert TuningSettings(steps=7).steps_for(100) == 7
