"""Harm Direction Removal as a whole: the laws of its algebra, the bytes of the naive way, and what is left behind."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from instincts.arithmetic.removal import RemovalOutcome, prepare, remove_harm
from instincts.arithmetic.settings import resolve_settings
from instincts.arithmetic.subtract import Removal, subtracted
from instincts.errors import ConfigError, ModelDirectoryError, RecordError
from instincts.models.directory import locate
from instincts.models.harmed import HARMED_KEY, HARMED_NOTE
from instincts.records import read_metrics, read_run_card
from tests.arithmetic.conftest import Trio
from tests.arithmetic.models import INDEX, like, moved, naive, same_bytes, save_model, weights_of
from tests.tiny import edit_json


def remove(trio: Trio, out: Path, variant: str = "paper", **given: Any) -> RemovalOutcome:
    return remove_harm(*trio.words, out, variant=variant, given={"layers": "all", **given})


@pytest.mark.parametrize("variant", ["paper", "reference"])
@pytest.mark.parametrize("keep", [0.001, 0.1, 0.5, 1.0])
def test_bytes_are_those_of_the_naive_result(trio: Trio, tmp_path: Path, variant: str, keep: float) -> None:
    """The naive way sorts the whole vector in memory and saves through the safetensors library."""
    remove(trio, tmp_path / "out", variant, keep=keep, strength=2.5)

    expected = naive(*map(weights_of, trio), keep=keep, strength=2.5, variant=variant)
    assert same_bytes(tmp_path / "out", like(tmp_path / "naive", trio.target, expected))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_agrees_with_float64(tmp_path: Path, dtype: torch.dtype) -> None:
    """Float32 errs by at most 2^-23 for weights below 2; then the precision rounds, by eps / 2 of the weight."""
    base = save_model(tmp_path / "base", dtype=dtype)
    target = like(tmp_path / "target", base, moved(weights_of(base), 1))
    harmed = like(tmp_path / "harmed", base, moved(weights_of(base), 2))
    trio = Trio(target, harmed, base)

    remove(trio, tmp_path / "out", keep=0.1, strength=2)

    wide = {name: tensor.double() for name, tensor in weights_of(target).items()}
    exact = naive(wide, weights_of(harmed), weights_of(base), keep=0.1, strength=2, dtype=torch.float64)
    for name, tensor in weights_of(tmp_path / "out").items():
        bound = exact[name].abs() * torch.finfo(dtype).eps / 2 + 2**-23
        assert bool(((tensor.double() - exact[name]).abs() <= bound).all()), name


def test_strength_zero_is_the_identity(trio: Trio, tmp_path: Path) -> None:
    remove(trio, tmp_path / "out", strength=0)

    assert same_bytes(tmp_path / "out", trio.target)


def test_strength_zero_keeps_the_sign_of_zero() -> None:
    """-0.0 minus -0.0 would be 0.0: the same number, other bits."""
    before = torch.tensor([-0.0, 0.0, -1.5])
    after = subtracted(before, -torch.ones(3), 0.0, "w")
    assert torch.equal(after.view(torch.int32), before.view(torch.int32))


def test_keeping_nothing_is_the_identity(trio: Trio, tmp_path: Path) -> None:
    """The released code keeps the largest entries for k = 0."""
    outcome = remove(trio, tmp_path / "out", "reference", keep=0)

    assert same_bytes(tmp_path / "out", trio.target)
    assert outcome.threshold.kept == 0


def test_a_harmed_model_that_is_the_base_is_the_identity(trio: Trio, tmp_path: Path) -> None:
    remove(trio._replace(harmed=trio.base), tmp_path / "out", keep=1, strength=3)

    assert same_bytes(tmp_path / "out", trio.target)


def test_keeping_everything_is_plain_task_arithmetic(trio: Trio, tmp_path: Path) -> None:
    remove(trio, tmp_path / "out", keep=1, strength=2)

    target, harmed, base = map(weights_of, trio)
    for name, tensor in weights_of(tmp_path / "out").items():
        plain = target[name].float() - 2 * (harmed[name].float() - base[name].float())
        assert torch.equal(tensor, plain.bfloat16())


def test_two_half_steps_equal_one(tmp_path: Path) -> None:
    """Each of the three steps errs by half a spacing of a float32 below 2, 2^-24: together by less than 2^-22."""
    base = save_model(tmp_path / "base")
    harmed = like(tmp_path / "harmed", base, moved(weights_of(base), 2))
    trio = Trio(base, harmed, base)

    remove(trio, tmp_path / "whole", strength=2)
    remove(trio, tmp_path / "half", strength=1)
    remove(trio._replace(target=tmp_path / "half"), tmp_path / "halves", strength=1)

    whole = weights_of(tmp_path / "whole")
    assert max(float(each.abs().max()) for each in whole.values()) < 2
    for name, tensor in weights_of(tmp_path / "halves").items():
        torch.testing.assert_close(tensor, whole[name], rtol=0, atol=2**-22)


def test_the_inputs_are_not_touched(trio: Trio, tmp_path: Path) -> None:
    before = [locate(name).digest for name in trio.words]
    remove(trio, tmp_path / "out")

    assert [locate(name).digest for name in trio.words] == before


def test_bytes_in_float32_too(tmp_path: Path) -> None:
    base = save_model(tmp_path / "base")
    target = like(tmp_path / "target", base, moved(weights_of(base), 1))
    trio = Trio(target, like(tmp_path / "harmed", base, moved(weights_of(base), 2)), base)

    remove(trio, tmp_path / "out", keep=0.1)

    expected = naive(*map(weights_of, trio), keep=0.1, strength=2)
    assert same_bytes(tmp_path / "out", like(tmp_path / "naive", target, expected))


def test_sharding_changes_nothing(trio: Trio, tmp_path: Path) -> None:
    """The harmed model in one file and the target in many; the trim knows no order of files."""
    one = like(tmp_path / "one", trio.harmed, weights_of(trio.harmed), single=True)
    remove(trio, tmp_path / "many", keep=0.07)
    remove(trio._replace(harmed=one), tmp_path / "mixed", keep=0.07)

    assert same_bytes(tmp_path / "many", tmp_path / "mixed")


def test_the_result_opens_with_everything_of_the_target(trio: Trio, tmp_path: Path) -> None:
    (trio.target / "LICENSE").write_text("terms")
    remove(trio, tmp_path / "out")

    same = ("config.json", "generation_config.json", "tokenizer.json", "chat_template.jinja", INDEX, "LICENSE")
    for name in same:
        assert (tmp_path / "out" / name).read_bytes() == (trio.target / name).read_bytes()
    loaded: Any = AutoModelForCausalLM.from_pretrained(tmp_path / "out", output_loading_info=True)
    assert not loaded[1]["missing_keys"]
    assert not any(path.name.startswith(".") for path in (tmp_path / "out").rglob("*"))


def test_the_card_says_how_it_was_made(trio: Trio, tmp_path: Path) -> None:
    outcome = remove(trio, tmp_path / "out", keep="10%")

    card = read_run_card(tmp_path / "out")
    entries = sum(tensor.numel() for tensor in weights_of(trio.target).values())
    assert card.status == "finished"
    assert card.settings["strength"] == 2.0
    assert card.settings["keep"] == 0.1
    assert card.models == {str(trio.target): locate(str(trio.target)).digest}
    assert card.roles["harmed"] == locate(str(trio.harmed)).tagged_name
    assert card.outcome["entries"] == entries
    assert card.outcome["kept"] == outcome.threshold.kept >= int(entries / 10)
    assert card.outcome["policies"] == {}


def test_metrics_count_what_changed(trio: Trio, tmp_path: Path) -> None:
    remove(trio, tmp_path / "out", keep=0.1, strength=2)

    rows = {(row.slice, row.metric): row for row in read_metrics(tmp_path / "out")}
    before, after = weights_of(trio.target), weights_of(tmp_path / "out")
    changed = sum(int((before[name] != after[name]).sum()) for name in before)
    entries = sum(tensor.numel() for tensor in before.values())
    assert rows["all", "changed_share"].value == pytest.approx(changed / entries)
    assert rows["all", "changed_share"].n == entries
    layer = {name: tensor for name, tensor in before.items() if ".layers.2." in name}
    changed = sum(int((tensor != after[name]).sum()) for name, tensor in layer.items())
    assert rows["layer 2", "changed_share"].value == pytest.approx(
        changed / sum(tensor.numel() for tensor in layer.values())
    )


def test_an_edit_is_repaired_around_itself(trio: Trio, tmp_path: Path) -> None:
    """Layer 0 of four was edited: 0 and 1 are in scope and counted alone, all else keeps its bits."""
    weights = weights_of(trio.base)
    name = "model.layers.0.mlp.down_proj.weight"
    edited = like(tmp_path / "edited", trio.base, {**weights, name: weights[name] + 0.5})
    outcome = remove(trio._replace(target=edited), tmp_path / "out", layers="auto")

    scope = {each: ".layers.0." in each or ".layers.1." in each for each in weights}
    expected = naive(weights_of(edited), weights_of(trio.harmed), weights, keep=0.1, strength=2, scope=scope)
    assert outcome.found.scenario == "edited"
    assert outcome.found.layers == (0, 1)
    assert same_bytes(tmp_path / "out", like(tmp_path / "naive", edited, expected))
    after, before = weights_of(tmp_path / "out"), weights_of(edited)
    assert all(torch.equal(after[each], before[each]) for each, inside in scope.items() if not inside)
    told = read_run_card(tmp_path / "out").outcome
    assert [change["name"] for change in told["changes"]] == [name]
    assert set(told["policies"]["out_of_scope"]["tensors"]) == {each for each in scope if not scope[each]}


@pytest.mark.parametrize(("target", "scenario"), [("base", "base"), ("target", "sft")])
def test_the_other_scenarios_edit_everything(trio: Trio, tmp_path: Path, target: str, scenario: str) -> None:
    outcome = remove(trio._replace(target=getattr(trio, target)), tmp_path / "out", layers="auto")

    assert outcome.found.scenario == scenario
    assert outcome.found.layers is None


def test_layers_by_number(trio: Trio, tmp_path: Path) -> None:
    remove(trio, tmp_path / "out", layers="1-2", include=("*norm.weight",), exclude=("*.q_proj.*",))

    before, after = weights_of(trio.target), weights_of(tmp_path / "out")
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert {name.split(".")[2] for name in changed if ".layers." in name and "norm" not in name} == {"1", "2"}
    assert any(".layers.0." in name or name == "model.norm.weight" for name in changed)
    assert not any("q_proj" in name or "lm_head" in name for name in changed)


def test_a_layer_outside_the_model(trio: Trio, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="layer 9 of a 4-layer model; layers run 0 to 3"):
        remove(trio, tmp_path / "out", layers="2-9")
    assert not (tmp_path / "out").exists()


def test_a_negative_strength_is_refused(trio: Trio, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="would add the harm direction"):
        remove(trio, tmp_path / "out", strength=-1)


def test_a_harm_vector_that_is_not_finite_is_named(trio: Trio, tmp_path: Path) -> None:
    weights = weights_of(trio.harmed)
    weights["model.norm.weight"][3] = float("nan")
    broken = like(tmp_path / "broken", trio.harmed, weights)

    with pytest.raises(ModelDirectoryError, match=r"model.norm.weight is not finite in .*broken"):
        remove(trio._replace(harmed=broken), tmp_path / "out", keep=1)


def test_a_strength_out_of_range_is_named(tmp_path: Path) -> None:
    """float16 ends at 65504; a difference of about 0.01 times 10 million is beyond it."""
    base = save_model(tmp_path / "base", dtype=torch.float16)
    harmed = like(tmp_path / "harmed", base, moved(weights_of(base), 2))

    with pytest.raises(ModelDirectoryError, match="out of the range of F16; choose a smaller --strength"):
        remove(Trio(base, harmed, base), tmp_path / "out", strength=1e7)


def test_a_finished_folder_is_not_written_over(trio: Trio, tmp_path: Path) -> None:
    remove(trio, tmp_path / "out")
    with pytest.raises(RecordError, match="holds a finished run"):
        remove(trio, tmp_path / "out")


def test_an_overlay_is_refused(trio: Trio, tmp_path: Path) -> None:
    adapter = tmp_path / "lora" / "adapter"
    adapter.mkdir(parents=True)
    (adapter / "adapter_config.json").write_text("{}")
    (adapter / "adapter_model.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
    card = {"format": 1, "kind": "lora", "base": str(trio.base)}
    (tmp_path / "lora" / "defence.json").write_text(json.dumps(card))

    with pytest.raises(ModelDirectoryError, match="merge it into one checkpoint"):
        remove(trio._replace(harmed=tmp_path / "lora"), tmp_path / "out")


@pytest.mark.parametrize("strength", [-1.0, float("nan")])
def test_the_parts_below_refuse_to_add_a_harm_direction_too(trio: Trio, strength: float) -> None:
    prepared = prepare(*trio.words, resolve_settings("paper", {"layers": "all"}))
    with pytest.raises(ConfigError, match="would add the harm direction and make the model worse"):
        Removal(prepared.plan, 0, strength)
    with pytest.raises(ConfigError, match="would add the harm direction and make the model worse"):
        subtracted(torch.ones(2), torch.ones(2), strength, "w")


def test_the_card_says_what_was_done_and_what_it_does_not_mean(trio: Trio, tmp_path: Path) -> None:
    remove(trio, tmp_path / "out", strength=1.5)
    card = (tmp_path / "out" / "README.md").read_text()
    assert "1.5 times the largest 10 % of the harm direction was subtracted from the whole model" in card
    assert "It reduces harmful answers and proves nothing" in card
    assert str(trio.target.parent) not in card


def test_a_model_that_was_made_harmful_is_steered_with_a_warning(
    trio: Trio, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The mark stays with the result: that steering undid it is for others to show."""
    marked = like(tmp_path / "marked", trio.target, weights_of(trio.target))
    edit_json(marked / "config.json", {HARMED_KEY: HARMED_NOTE})
    remove(trio._replace(target=marked), tmp_path / "out")
    assert HARMED_NOTE in caplog.text
    assert HARMED_NOTE in (tmp_path / "out" / "README.md").read_text()
    assert HARMED_KEY in json.loads((tmp_path / "out" / "config.json").read_text())
    caplog.clear()
    remove(trio._replace(harmed=marked), tmp_path / "other")
    assert HARMED_NOTE not in caplog.text, "as --harmed it is where it belongs"
