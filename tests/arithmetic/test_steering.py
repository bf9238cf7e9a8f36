import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from trl import GRPOConfig, GRPOTrainer
from trl.models import unwrap_model_for_generation

from instincts.arithmetic.steering import lay_over, steer_with_pairs
from instincts.arithmetic.vector_settings import layer_numbers
from instincts.errors import ConfigError, PromptSetError, RecordError
from instincts.models.directory import locate
from instincts.models.opening import open_model
from instincts.models.steering import is_steered, steer
from instincts.models.vectors import Rule, VectorSet, read_vectors
from instincts.pocket import checkpoints
from instincts.records import read_metrics, read_run_card
from instincts.sirl.training import train
from tests.tiny import edit_json, save_tiny, tiny_model

VARIANTS = ["paper", "reference", "difference"]


def steered_pocket(out: Path, **given: Any) -> Path:
    steer_with_pairs("pocket-llama", "pocket-pairs", out, given={"limit": 6, "judge": "pocket", **given})
    return out


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_folder_is_a_model_directory_that_opens_steered(tmp_path: Path, variant: str) -> None:
    out = steered_pocket(tmp_path / "out", variant=variant)
    assert sorted(path.name for path in out.iterdir()) == [
        "README.md",
        "defence.json",
        "metrics.json",
        "run.json",
        "vector.safetensors",
    ]
    assert is_steered(open_model(str(out), device="cpu").model)
    assert read_run_card(out).status == "finished"


def test_the_vector_says_how_it_was_made_and_shows_no_path_and_no_pair(tmp_path: Path) -> None:
    vectors = read_vectors(steered_pocket(tmp_path / "out", variant="reference") / "vector.safetensors")
    about = dict(vectors.about)
    assert about.pop("model_digest") == locate("pocket-llama").digest
    assert len(about.pop("pairs_sha256")) == 64
    assert about == {
        "variant": "reference",
        "scale": "relative",
        "layout": "text",
        "tokens": 4,
        "reads": "block",
        "strength": 0.12,
        "pairs": 6,
        "model_type": "llama",
    }
    assert vectors.rule == Rule(site="mlp", relative=True, gated=True, factor=0.1)


def test_the_same_pairs_give_the_same_bytes(tmp_path: Path) -> None:
    one, other = (steered_pocket(tmp_path / name) / "vector.safetensors" for name in ("one", "two"))
    assert one.read_bytes() == other.read_bytes()


def test_the_numbers_say_how_well_the_sides_are_told_apart(tmp_path: Path) -> None:
    rows = {(row.slice, row.metric): row for row in read_metrics(steered_pocket(tmp_path / "out"))}
    assert rows["all", "pairs_ordered"].value == 1.0
    assert 0.5 < (rows["all", "explained_share"].value or 0) <= 1
    assert {name for name, metric in rows if metric == "step_share"} == {f"layer {layer}" for layer in range(4)}


def test_a_pocket_model_is_named_and_a_folder_is_found_from_beside_it(tmp_path: Path) -> None:
    """So that two folders can be moved together."""
    assert json.loads((steered_pocket(tmp_path / "a") / "defence.json").read_text())["base"] == "pocket-llama"
    shutil.copytree(checkpoints.path("pocket-llama"), tmp_path / "runs" / "model")
    steer_with_pairs(str(tmp_path / "runs" / "model"), "pocket-pairs", tmp_path / "runs" / "b", given={"limit": 4})
    (tmp_path / "runs").rename(tmp_path / "moved")
    assert is_steered(open_model(str(tmp_path / "moved" / "b"), device="cpu").model)


def test_any_vector_can_be_laid_over_a_model(tmp_path: Path) -> None:
    """A sum of two, for example."""
    one, other = (
        steered_pocket(tmp_path / name, variant=name) / "vector.safetensors" for name in ("paper", "difference")
    )
    total = read_vectors(one) + read_vectors(other)
    lay_over(locate("pocket-llama"), total, 0.5, tmp_path / "sum")
    assert is_steered(open_model(str(tmp_path / "sum"), device="cpu").model)
    with pytest.raises(ConfigError, match="points away from safety"):
        lay_over(locate("pocket-llama"), -total, 0.5, tmp_path / "minus")
    assert not (tmp_path / "minus").exists()


def test_only_the_chosen_layers_have_directions(tmp_path: Path) -> None:
    out = steered_pocket(tmp_path / "out", layers="1-2")
    assert list(read_vectors(out / "vector.safetensors").directions) == [1, 2]


@pytest.mark.parametrize(
    ("text", "layers"),
    [("all", [0, 1, 2, 3]), ("auto", [0, 1, 2, 3]), ("2", [2]), ("1-3", [1, 2, 3]), ("0-0", [0]), ("3,0-1", [0, 1, 3])],
)
def test_layers_are_read_with_both_ends(text: str, layers: list[int]) -> None:
    assert layer_numbers(text, 4) == layers


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2-4", "layer 4 of a 4-layer model; layers run 0 to 3"),
        ("3-1", "3-1 ends before it begins"),
        ("some", "write all, a number, or a range"),
        ("-1", "write all, a number, or a range"),
    ],
)
def test_layers_that_are_none_are_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        layer_numbers(text, 4)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"strength": -0.1}, "strength = -0.1: .*would steer towards harm"),
        ({"layers": "9"}, "layer 9 of a 4-layer model"),
        ({"variant": "papr"}, "variant = 'papr'"),
        ({"strenght": 1}, "did you mean 'strength'"),
        ({"limit": 1, "variant": "reference"}, "at least two pairs"),
    ],
)
def test_bad_settings_leave_no_model_behind(tmp_path: Path, given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        steered_pocket(tmp_path / "out", **given)
    assert not (tmp_path / "out" / "defence.json").exists()


def test_a_broken_pairs_file_is_told_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "pairs.jsonl").write_text('{"question": "How do I zordan the paper lamp?", "safe": "No."}\n')
    with pytest.raises(PromptSetError, match=r"pairs\.jsonl, line 1: no `unsafe`"):
        steer_with_pairs("pocket-llama", str(tmp_path / "pairs.jsonl"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_holds_anything_is_not_written_over(tmp_path: Path) -> None:
    steered_pocket(tmp_path / "out")
    with pytest.raises(RecordError, match="holds a finished run"):
        steered_pocket(tmp_path / "out")
    with pytest.raises(RecordError, match="is not empty and holds no run"):
        steered_pocket(save_tiny(tmp_path / "model"))


def test_a_steered_model_is_steered_at_its_base(tmp_path: Path) -> None:
    out = steered_pocket(tmp_path / "out")
    with pytest.raises(ConfigError, match="is steered already; steer its base instead"):
        steer_with_pairs(str(out), "pocket-pairs", tmp_path / "again")


def test_training_refuses_a_steered_model_in_a_sentence(tmp_path: Path) -> None:
    out = steered_pocket(tmp_path / "out")
    with pytest.raises(ConfigError, match="steering vectors laid over it; train the base and steer the result"):
        train(str(out), "pocket-mixed", tmp_path / "run")


def test_trl_generates_and_trains_with_the_steering_on(tmp_path: Path) -> None:
    """One GRPO step on a random model: 2 passes a token and layer at least, and gradients through the hooks."""
    model, tokenizer = tiny_model("llama")
    torch.manual_seed(0)
    vectors = VectorSet(directions={0: torch.randn(32), 1: torch.randn(32)}, rule=Rule(), layer_count=2)
    steering = steer(model, vectors, 1.0)
    lengths: list[int] = []

    def reward(completion_ids: list[list[int]], **_: Any) -> list[float]:
        # Every answer has been written when it is rewarded, so all calls until now were generation's.
        lengths.append(steering.calls[0])
        return [float(sum(ids)) for ids in completion_ids]

    before = [weight.detach().clone() for weight in model.parameters()]
    args = GRPOConfig(
        output_dir=str(tmp_path),
        max_steps=1,
        per_device_train_batch_size=2,
        num_generations=2,
        max_completion_length=6,
        learning_rate=0.01,
        report_to=[],
        use_cpu=True,
        save_strategy="no",
        disable_tqdm=True,
    )
    data = Dataset.from_dict({"prompt": ["hello", "world"]})
    trainer = GRPOTrainer(model=model, reward_funcs=reward, args=args, train_dataset=data, processing_class=tokenizer)
    trainer.train()
    assert lengths[0] == 6
    assert steering.calls[0] > 6
    assert any(not torch.equal(was, is_) for was, is_ in zip(before, model.parameters(), strict=True))
    ids = torch.tensor([[7, 8, 9]])
    with unwrap_model_for_generation(trainer.model_wrapped, trainer.accelerator) as unwrapped, torch.no_grad():
        on = unwrapped(input_ids=ids).logits
        steering.remove()
        assert not torch.allclose(unwrapped(input_ids=ids).logits, on)


def test_an_adapter_can_be_steered_too(tmp_path: Path) -> None:
    """What SIRL leaves with --lora is an overlay itself; the vector is laid over that."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(checkpoints.path("pocket-llama"))
    layered = get_peft_model(base, LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False))
    layered.save_pretrained(str(tmp_path / "tuned" / "adapter"))
    (tmp_path / "tuned" / "defence.json").write_text("{}")
    edit_json(
        tmp_path / "tuned" / "defence.json",
        {"format": 1, "kind": "lora", "base": "pocket-llama", "adapter": "adapter"},
    )
    steer_with_pairs(str(tmp_path / "tuned"), "pocket-pairs", tmp_path / "out", given={"limit": 4})
    assert is_steered(open_model(str(tmp_path / "out"), device="cpu").model)
    # The other way round, an adapter on a steered base: steered already, though not at the top.
    shutil.copytree(tmp_path / "tuned", tmp_path / "over")
    edit_json(tmp_path / "over" / "defence.json", {"base": str(tmp_path / "out")})
    with pytest.raises(ConfigError, match="is steered already"):
        steer_with_pairs(str(tmp_path / "over"), "pocket-pairs", tmp_path / "again", given={"limit": 4})
