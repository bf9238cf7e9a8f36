"""Whole trainings on a random tiny model: refusals to start, records, interrupts, kills, a full disk."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from instincts.config import Scale
from instincts.errors import ConfigError, PromptSetError, RecordError, TrainingError
from instincts.models.opening import open_model
from instincts.records import read_metrics, read_run_card
from instincts.sirl.training import TrainOutcome, train
from tests.tiny import edit_json, save_tiny

SETTINGS: dict[str, Any] = {
    "steps": 4,
    "prompts_per_step": 4,
    "group_size": 2,
    "gate_samples": 2,
    "max_completion_tokens": 8,
    "check_every": 2,
    "canary_prompts": 4,
    "learning_rate": 1e-3,
    "stop_rule": False,
}

Run = Callable[..., TrainOutcome]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random model ends an answer with one token in about 260, so forty tokens are declared to end it."""
    folder = save_tiny(tmp_path_factory.mktemp("tiny"))
    edit_json(folder / "generation_config.json", {"eos_token_id": list(range(2, 42))})
    return folder


@pytest.fixture(scope="module")
def prompts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("prompts") / "prompts.jsonl"
    path.write_text("".join(json.dumps({"prompt": f"say {i}"}) + "\n" for i in range(40)), encoding="utf-8")
    return path


@pytest.fixture
def run(checkpoint: Path, prompts: Path) -> Run:
    def start(out: Path, *, resume: bool = False, force: bool = True, **given: Any) -> TrainOutcome:
        settings = {**SETTINGS, **given}
        return train(
            str(checkpoint),
            str(prompts),
            out,
            preset="paper",
            scale=Scale.SMOKE,
            given=settings,
            resume=resume,
            force=force,
        )

    return start


def command(checkpoint: Path, prompts: Path, out: Path, *more: str) -> list[str]:
    chosen = {name: value for name, value in SETTINGS.items() if name != "steps"}
    settings = [part for name, value in chosen.items() for part in ("--set", f"{name}={value}")]
    return [
        sys.executable, "-m", "instincts", "train", str(checkpoint), "--prompts", str(prompts), "--out", str(out),
        "--preset", "paper", "--scale", "smoke", "--force", *settings, *more,
    ]  # fmt: skip


def curve(out: Path) -> list[tuple[str, int]]:
    rows = [json.loads(line) for line in (out / "training.jsonl").read_text().splitlines()]
    return [(row["kind"], row["step"]) for row in rows]


def weights(out: Path) -> bytes:
    return (out / "model.safetensors").read_bytes()


def test_a_training_leaves_a_model_directory_and_its_records(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "run"
    outcome = run(out)
    assert open_model(str(out)).stop_ids
    card = read_run_card(out)
    assert (card.status, card.outcome["stop_step"], card.outcome["best_step"]) == ("finished", 4, 4)
    assert read_metrics(out) == outcome.rows
    rows = [json.loads(line) for line in (out / "training.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows if row["kind"] == "step"] == [1, 2, 3, 4]
    assert [row["step"] for row in rows if row["kind"] == "check"] == [0, 2, 4]
    assert not (out / "checkpoints").exists()


def test_settings_can_be_rebuilt_from_the_run_card(run: Run, tmp_path: Path) -> None:
    outcome = run(tmp_path / "run", steps=2)
    recorded = dict(read_run_card(tmp_path / "run").settings)
    assert recorded.pop("preset") == "paper"
    assert type(outcome.settings).model_validate(recorded) == outcome.settings


def test_the_seed_repeats_the_weights(run: Run, tmp_path: Path) -> None:
    run(tmp_path / "a", steps=2)
    run(tmp_path / "b", steps=2)
    run(tmp_path / "c", steps=2, seed=1)
    assert weights(tmp_path / "a") == weights(tmp_path / "b") != weights(tmp_path / "c")


def test_a_lora_run_leaves_an_overlay_that_opens(run: Run, tmp_path: Path) -> None:
    run(tmp_path / "run", steps=2, lora=True, lora_rank=2)
    assert json.loads((tmp_path / "run" / "defence.json").read_text())["kind"] == "lora"
    assert open_model(str(tmp_path / "run")).digest


def test_training_is_refused_where_there_is_no_instinct(run: Run, tmp_path: Path) -> None:
    """A random model answers everything with one level of confidence."""
    with pytest.raises(TrainingError, match=r"No instinct to amplify.*--force"):
        run(tmp_path / "run", force=False)
    assert read_run_card(tmp_path / "run").status == "refused"
    assert run(tmp_path / "run", force=True).kept_step == 4


@pytest.mark.parametrize("check_every", [1, 2])
def test_a_step_that_breaks_the_model_ends_the_run(run: Run, tmp_path: Path, check_every: int) -> None:
    """Found out by the canaries after the first step, or by the answers of the second."""
    with pytest.raises(TrainingError, match=r"step 1 broke the model.*lower learning_rate"):
        run(tmp_path / "run", learning_rate=1e30, check_every=check_every)
    assert read_run_card(tmp_path / "run").status == "interrupted"


def test_a_loss_that_is_not_a_number_ends_the_run(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(self: Any, *_: Any) -> Any:
        return sum(weight.sum() for weight in self.model.parameters()) * float("nan")

    monkeypatch.setattr("instincts.sirl.trainer.SirlTrainer._compute_loss", nothing)
    with pytest.raises(TrainingError, match="the loss of step 1 is not finite; train again with a lower learning_rate"):
        run(tmp_path / "run")
    assert read_run_card(tmp_path / "run").status == "interrupted"


def test_a_finished_run_is_not_overwritten(run: Run, tmp_path: Path) -> None:
    run(tmp_path / "run", steps=2)
    with pytest.raises(RecordError, match="finished run"):
        run(tmp_path / "run", steps=2)


def test_a_folder_of_something_else_is_not_touched(run: Run, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(RecordError, match="not empty"):
        run(tmp_path)


def test_resuming_nothing_says_so(run: Run, tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="nothing to resume"):
        run(tmp_path / "nowhere", resume=True)


def test_a_prompt_over_the_limit_is_named(run: Run, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"prompt .* tokens long, over the limit of 5"):
        run(tmp_path / "run", max_prompt_tokens=5)
    assert not (tmp_path / "run").exists()


def test_a_missing_prompts_file_is_named(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(PromptSetError, match=r"nowhere\.jsonl"):
        train(str(checkpoint), str(tmp_path / "nowhere.jsonl"), tmp_path / "run")


def test_labels_never_reach_the_training(checkpoint: Path, tmp_path: Path) -> None:
    """The same prompts with and without labels, targets and categories train the same weights."""
    for name, more in (("bare", {}), ("labelled", {"label": "harmful", "category": "x", "target": "y"})):
        lines = [json.dumps({"id": str(i), "prompt": f"say {i}", **more}) + "\n" for i in range(40)]
        (tmp_path / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
        train(
            str(checkpoint), str(tmp_path / f"{name}.jsonl"), tmp_path / name,
            preset="paper", scale=Scale.SMOKE, given={**SETTINGS, "steps": 2}, force=True,
        )  # fmt: skip
    assert weights(tmp_path / "bare") == weights(tmp_path / "labelled")


def test_a_full_disk_leaves_the_old_checkpoint_and_the_run_can_go_on(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import transformers.trainer as trainer_module

    out, save = tmp_path / "run", trainer_module.Trainer.save_model

    def full_at_step_4(self: Any, output_dir: str, *args: Any, **kwargs: Any) -> None:
        if output_dir.endswith("checkpoint-4"):
            raise OSError(28, "No space left on device")
        save(self, output_dir, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(trainer_module.Trainer, "save_model", full_at_step_4)
        with pytest.raises(TrainingError, match=r"disk is full.*checkpoint-2 is intact.*--resume"):
            run(out)
    run(out, resume=True)
    run(tmp_path / "unbroken")
    assert weights(out) == weights(tmp_path / "unbroken")


@pytest.mark.slow
@pytest.mark.parametrize("kill_after", [2, 4])
def test_a_killed_run_resumes_to_the_weights_of_an_unbroken_one(
    run: Run, checkpoint: Path, prompts: Path, tmp_path: Path, kill_after: int
) -> None:
    out = tmp_path / "killed"
    process = subprocess.Popen(command(checkpoint, prompts, out, "--steps", "6"), stdout=subprocess.DEVNULL)
    mark = out / "checkpoints" / f"checkpoint-{kill_after}"
    deadline = time.monotonic() + 120
    while not mark.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.wait()
    run(out, resume=True, steps=6)
    run(tmp_path / "unbroken", steps=6)
    assert weights(out) == weights(tmp_path / "unbroken")
    curves = [
        [json.loads(line) for line in (path / "training.jsonl").read_text().splitlines()]
        for path in (out, tmp_path / "unbroken")
    ]
    assert [(row["kind"], row["step"]) for row in curves[0]] == [(row["kind"], row["step"]) for row in curves[1]]


@pytest.mark.slow
def test_ctrl_c_keeps_the_step_and_says_how_to_resume(
    run: Run, checkpoint: Path, prompts: Path, tmp_path: Path
) -> None:
    out = tmp_path / "stopped"
    process = subprocess.Popen(
        command(checkpoint, prompts, out, "--steps", "40"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 120
    while not (out / "checkpoints" / "checkpoint-2").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "--resume" in stderr
    assert "Traceback" not in stderr
    assert read_run_card(out).status == "interrupted"
    assert any((out / "checkpoints").iterdir())


@pytest.mark.slow
def test_two_processes_earn_the_rewards_of_one(checkpoint: Path, prompts: Path, tmp_path: Path) -> None:
    """Row seeds and groups do not depend on the device, so the first step's rewards agree to rounding."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    for name, processes in (("one", 1), ("two", 2)):
        launch = [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--standalone",
            "--nproc_per_node",
            str(processes),
        ]
        arguments = command(checkpoint, prompts, tmp_path / name, "--steps", "2")[1:]
        done = subprocess.run(
            [*launch, *arguments], env=environment, capture_output=True, text=True, timeout=240, check=False
        )
        assert done.returncode == 0, done.stderr[-2000:]
    rows = [json.loads((tmp_path / name / "training.jsonl").read_text().splitlines()[1]) for name in ("one", "two")]
    for column in ("reward", "reward_std", "entropy", "length"):
        assert rows[0][column] == pytest.approx(rows[1][column], abs=1e-5)
    assert weights_close(tmp_path / "one", tmp_path / "two")


def weights_close(one: Path, two: Path) -> bool:
    from safetensors.torch import load_file

    first, second = load_file(one / "model.safetensors"), load_file(two / "model.safetensors")
    return all((first[name] - second[name]).abs().max() < 1e-4 for name in first)
