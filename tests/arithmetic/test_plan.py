"""What pairs, what does not, and that nothing of it passes in silence."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from instincts.arithmetic.checkpoint import open_checkpoint
from instincts.arithmetic.plan import Plan, Policy, make_plan, narrow
from instincts.arithmetic.removal import remove_harm
from instincts.arithmetic.settings import Mismatch
from instincts.errors import ConfigError, ModelDirectoryError
from instincts.models.directory import locate
from tests.arithmetic.conftest import Trio
from tests.arithmetic.models import Weights, like, moved, naive, save_model, weights_of
from tests.tiny import edit_json


def plan_of(trio: Trio, mismatch: Mismatch = "error") -> Plan:
    target, harmed, base = (open_checkpoint(locate(name)) for name in trio.words)
    return make_plan(target, harmed, base, mismatch)


def remove(trio: Trio, out: Path, **given: Any) -> Weights:
    remove_harm(*trio.words, out, given={"layers": "all", **given})
    return weights_of(out)


def equal(one: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_models_of_one_kind_pair_entirely(trio: Trio) -> None:
    plan = plan_of(trio)

    assert plan.entries == sum(tensor.numel() for tensor in weights_of(trio.target).values())
    assert plan.policies == {}


# --- shapes ---------------------------------------------------------------------------------------------------------


def test_another_shape_is_named_with_both(trio: Trio, tmp_path: Path) -> None:
    wider = save_model(tmp_path / "wider", dtype=torch.bfloat16, num_hidden_layers=4, intermediate_size=96)

    with pytest.raises(ModelDirectoryError, match=r"mlp.down_proj.weight is 32x64 in .*target and 32x96 in .*wider"):
        plan_of(trio._replace(harmed=wider))


@pytest.fixture(scope="module")
def more_tokens(trio: Trio, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The target after two tokens were added to its vocabulary, as fine-tunes often do."""
    folder = tmp_path_factory.mktemp("more") / "tokens"
    weights = weights_of(trio.target)
    for name in ("model.embed_tokens.weight", "lm_head.weight"):
        weights[name] = torch.cat([weights[name], torch.ones(2, 32).bfloat16()])
    like(folder, trio.target, weights)
    edit_json(folder / "config.json", {"vocab_size": 263})
    return folder


def test_another_vocabulary_is_an_error_with_a_remedy(trio: Trio, more_tokens: Path) -> None:
    with pytest.raises(ModelDirectoryError, match=r"vocabularies differ.*263 in .*, 261 in .*mismatch=common"):
        plan_of(trio._replace(target=more_tokens))


def test_common_rows_are_edited_and_new_ones_kept(trio: Trio, more_tokens: Path, tmp_path: Path) -> None:
    """Cutting the two rows off gives exactly what the models without them give."""
    found = remove(trio._replace(target=more_tokens), tmp_path / "out", mismatch="common", keep=0.2)

    expected = naive(*map(weights_of, trio), keep=0.2, strength=2)
    cut = {name: tensor[:261] if len(tensor) == 263 else tensor for name, tensor in found.items()}
    assert equal(cut, expected)
    assert all(
        torch.equal(found[name][261:], torch.ones(2, 32).bfloat16()) for name in found if len(found[name]) == 263
    )
    assert plan_of(trio._replace(target=more_tokens), "common").policies == {
        Policy.COMMON_ROWS: ("lm_head.weight", "model.embed_tokens.weight")
    }


def test_other_vocabularies_can_be_left_alone(trio: Trio, more_tokens: Path, tmp_path: Path) -> None:
    found = remove(trio._replace(target=more_tokens), tmp_path / "out", mismatch="skip")

    before = weights_of(more_tokens)
    assert torch.equal(found["lm_head.weight"], before["lm_head.weight"])
    assert not torch.equal(found["model.norm.weight"], before["model.norm.weight"])


def test_rows_that_are_other_tokens_are_refused(trio: Trio, more_tokens: Path, tmp_path: Path) -> None:
    """The same number of rows would hide it; where they differ, the tokens of the common ones are compared."""
    other = like(tmp_path / "other", more_tokens, weights_of(more_tokens))
    (other / "config.json").write_text((more_tokens / "config.json").read_text())
    text = (other / "tokenizer.json").read_text()
    swapped = text.replace('"a":', '"\x00":').replace('"b":', '"a":').replace('"\x00":', '"b":')
    assert swapped != text
    (other / "tokenizer.json").write_text(swapped)

    with pytest.raises(ModelDirectoryError, match=r"row \d+ of the embeddings is '.' in .*mismatch=skip"):
        remove(trio._replace(target=other), tmp_path / "out", mismatch="common")


# --- names ----------------------------------------------------------------------------------------------------------


def without(folder: Path, source: Path, name: str) -> Path:
    return like(folder, source, {key: value for key, value in weights_of(source).items() if key != name})


def test_a_tensor_that_one_lacks_is_an_error_that_names_both(trio: Trio, tmp_path: Path) -> None:
    less = without(tmp_path / "less", trio.harmed, "model.norm.weight")

    with pytest.raises(ModelDirectoryError, match=r"1 tensors of .*target.* first model.norm.weight in .*less; --set"):
        plan_of(trio._replace(harmed=less))
    plan = plan_of(trio._replace(harmed=less), "common")
    assert plan.parts["model.norm.weight"].entries == 0
    assert plan.policies == {Policy.NOT_IN_HARM_VECTOR: ("model.norm.weight",)}


def test_a_tensor_that_only_the_pair_has_is_an_error_too(trio: Trio, tmp_path: Path) -> None:
    less = without(tmp_path / "less", trio.target, "lm_head.weight")

    with pytest.raises(ModelDirectoryError, match=r"not in .*less, first lm_head.weight of .*harmed and .*base"):
        plan_of(trio._replace(target=less))
    assert plan_of(trio._replace(target=less), "skip").policies == {Policy.NOT_IN_TARGET: ("lm_head.weight",)}


def test_buffers_are_copied_and_may_be_absent(trio: Trio, tmp_path: Path) -> None:
    """Older checkpoints hold rotary frequencies and integer masks; newer ones do not."""
    name = "model.layers.0.self_attn.rotary_emb.inv_freq"
    buffers = {name: torch.ones(4), "model.position_ids": torch.arange(5)}
    old = like(tmp_path / "old", trio.target, {**weights_of(trio.target), **buffers})
    found = remove(trio._replace(target=old), tmp_path / "out")

    expected = naive(*map(weights_of, trio), keep=0.1, strength=2)
    assert equal(found, {**expected, **buffers})


# --- precisions -----------------------------------------------------------------------------------------------------


def test_each_tensor_keeps_its_own_precision(trio: Trio, tmp_path: Path) -> None:
    """Norms in float32 among bfloat16 weights, in the target alone: computed in float32, rounded once."""
    mixed = {name: each.float() if "norm" in name else each for name, each in weights_of(trio.target).items()}
    target = like(tmp_path / "mixed", trio.target, mixed)
    found = remove(trio._replace(target=target), tmp_path / "out")

    assert equal(found, naive(mixed, weights_of(trio.harmed), weights_of(trio.base), keep=0.1, strength=2))
    assert {tensor.dtype for tensor in found.values()} == {torch.float32, torch.bfloat16}
    assert set(plan_of(trio._replace(target=target)).policies) == {Policy.CONVERTED}


def test_a_finer_base_is_rounded_as_its_harmed_model_was(tmp_path: Path) -> None:
    """A float32 base and its own bfloat16 copy: no difference but rounding, so no harm vector."""
    base = save_model(tmp_path / "base")
    copy = like(tmp_path / "copy", base, {name: each.bfloat16() for name, each in weights_of(base).items()})
    trio = Trio(base, copy, base)

    assert equal(remove(trio, tmp_path / "out", keep=1), weights_of(base))
    assert set(plan_of(trio).policies) == {Policy.ROUNDED}


def test_a_finer_harmed_model_is_subtracted_as_it_is(tmp_path: Path) -> None:
    """Trained in float32 from bfloat16 weights: steps far below bfloat16's spacing are the harm vector."""
    base = save_model(tmp_path / "base", dtype=torch.bfloat16)
    wide = {name: each.float() for name, each in weights_of(base).items()}
    harmed = like(tmp_path / "harmed", base, moved(wide, 1, scale=1e-5))
    target = like(tmp_path / "target", base, wide)
    trio = Trio(target, harmed, base)

    expected = naive(wide, weights_of(harmed), weights_of(base), keep=0.1, strength=2)
    assert equal(remove(trio, tmp_path / "out"), expected)
    assert not equal(expected, wide)
    assert set(plan_of(trio).policies) == {Policy.WIDENED}


# --- ties -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tied(tmp_path_factory: pytest.TempPathFactory) -> Trio:
    """Three models whose head is their embeddings, stored once."""
    folder = tmp_path_factory.mktemp("tied")
    base = save_model(folder / "base", "qwen3", dtype=torch.bfloat16, tie_word_embeddings=True)
    weights = weights_of(base)
    assert "lm_head.weight" not in weights
    return Trio(
        like(folder / "target", base, moved(weights, 1)), like(folder / "harmed", base, moved(weights, 2)), base
    )


def stored_twice(folder: Path, source: Path) -> Path:
    weights = weights_of(source)
    return like(folder, source, {**weights, "lm_head.weight": weights["model.embed_tokens.weight"].clone()})


def test_a_tied_head_stored_twice_counts_once(tied: Trio, tmp_path: Path) -> None:
    """Counting it twice would shift the threshold; both copies end the same as the one stored once."""
    twice = Trio(*(stored_twice(tmp_path / name, path) for name, path in tied._asdict().items()))
    found = remove(twice, tmp_path / "out")

    once = remove(tied, tmp_path / "once")
    assert equal(found, {**once, "lm_head.weight": once["model.embed_tokens.weight"]})
    assert plan_of(twice).entries == plan_of(tied).entries
    assert plan_of(twice).policies == {Policy.TIED: ("lm_head.weight",)}


def test_a_second_copy_in_the_pair_alone_is_no_extra_tensor(tied: Trio, tmp_path: Path) -> None:
    mixed = tied._replace(harmed=stored_twice(tmp_path / "twice", tied.harmed))

    assert plan_of(mixed).policies == {}
    assert equal(remove(mixed, tmp_path / "out"), remove(tied, tmp_path / "once"))


def test_a_head_untied_by_the_fine_tune_is_edited_by_the_tied_one(tied: Trio, tmp_path: Path) -> None:
    """The target's head is its own now; the pair's head is their embeddings, which count once."""
    weights = weights_of(tied.target)
    head = moved({"lm_head.weight": weights["model.embed_tokens.weight"]}, 3)
    target = like(tmp_path / "untied", tied.target, {**weights, **head})
    edit_json(target / "config.json", {"tie_word_embeddings": False})
    untied = tied._replace(target=target)
    found = remove(untied, tmp_path / "out")

    once = remove(tied, tmp_path / "once")
    tau = weights_of(tied.harmed)["model.embed_tokens.weight"].float()
    tau -= weights_of(tied.base)["model.embed_tokens.weight"].float()
    kept = once["model.embed_tokens.weight"] != weights["model.embed_tokens.weight"]
    changed = found["lm_head.weight"] != head["lm_head.weight"]
    assert plan_of(untied).entries == plan_of(tied).entries
    # Rounding swallows a change here and there, so the two need not change at the same places exactly.
    assert float((kept == changed).float().mean()) > 0.99
    expected = (head["lm_head.weight"].float() - 2 * tau).bfloat16()
    assert torch.equal(found["lm_head.weight"][changed], expected[changed])


def test_where_the_base_alone_is_tied_its_embeddings_stand_for_its_head(tied: Trio, tmp_path: Path) -> None:
    """Target and harmed have heads of their own, so the head's harm vector is its own and counts."""
    pair = []
    for name, folder in (("target", tied.target), ("harmed", tied.harmed)):
        weights = weights_of(folder)
        head = moved({"lm_head.weight": weights["model.embed_tokens.weight"]}, 4)
        pair.append(like(tmp_path / name, folder, {**weights, **head}))
        edit_json(pair[-1] / "config.json", {"tie_word_embeddings": False})
    untied = Trio(pair[0], pair[1], tied.base)
    found = remove(untied, tmp_path / "out")

    base = weights_of(tied.base)
    base["lm_head.weight"] = base["model.embed_tokens.weight"]
    assert equal(found, naive(weights_of(pair[0]), weights_of(pair[1]), base, keep=0.1, strength=2))
    assert plan_of(untied).policies == {Policy.UNTIED: ("lm_head.weight",)}


# --- experts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("family", "experts"), [("mixtral", "num_local_experts"), ("qwen3_moe", "num_experts")])
def test_experts_pair_by_name_and_belong_to_their_layer(tmp_path: Path, family: Any, experts: str) -> None:
    """Five experts in two layers: `experts.4` is no layer 4, and `experts.1` of layer 0 is not of layer 1."""
    small: dict[str, Any] = {"moe_intermediate_size": 16} if family == "qwen3_moe" else {"intermediate_size": 16}
    base = save_model(tmp_path / "base", family, dtype=torch.bfloat16, **{experts: 5, **small})
    harmed = like(tmp_path / "harmed", base, moved(weights_of(base), 2))
    trio = Trio(base, harmed, base)
    assert any("experts.4" in name for name in weights_of(base))

    plan = plan_of(trio)
    assert all(part.layer == 0 for name, part in plan.parts.items() if ".layers.0." in name)
    assert {part.layer for part in plan.parts.values()} == {None, 0, 1}
    scope = {name: ".layers.1." in name for name in plan.parts}
    found = remove(trio, tmp_path / "out", layers="1")
    assert equal(
        found, naive(weights_of(base), weights_of(harmed), weights_of(base), keep=0.1, strength=2, scope=scope)
    )


def test_experts_stored_another_way_are_refused(tmp_path: Path) -> None:
    """One tensor an expert here, all in one there."""
    base = save_model(tmp_path / "base", "mixtral", num_local_experts=2)
    weights = weights_of(base)
    single = {name: each for name, each in weights.items() if "experts" not in name}
    stacked = like(
        tmp_path / "stacked", base, {**single, "model.layers.0.mlp.experts.down_proj": torch.ones(2, 32, 64)}
    )

    with pytest.raises(ModelDirectoryError, match=r"store their experts differently.*one version of transformers"):
        plan_of(Trio(base, stacked, base))


# --- quantised ------------------------------------------------------------------------------------------------------


def test_a_quantised_configuration_is_refused(trio: Trio, tmp_path: Path) -> None:
    quantised = like(tmp_path / "quantised", trio.target, weights_of(trio.target))
    edit_json(quantised / "config.json", {"quantization_config": {"quant_method": "gptq", "bits": 4}})

    with pytest.raises(ModelDirectoryError, match=r"quantised is quantised \(by gptq\).*quantise the result"):
        plan_of(trio._replace(target=quantised))


@pytest.mark.parametrize(
    ("name", "tensor"),
    [
        ("model.norm.weight", torch.ones(32).to(torch.float8_e4m3fn)),
        ("model.layers.0.mlp.up_proj.qweight", torch.ones(8, 64, dtype=torch.int32)),
    ],
)
def test_quantised_weights_are_refused_without_a_word_in_the_configuration(
    trio: Trio, tmp_path: Path, name: str, tensor: torch.Tensor
) -> None:
    quantised = like(tmp_path / "quantised", trio.harmed, {**weights_of(trio.harmed), name: tensor})

    with pytest.raises(ModelDirectoryError, match=rf"is quantised \({name} is "):
        plan_of(trio._replace(harmed=quantised))


def test_float64_is_refused(trio: Trio, tmp_path: Path) -> None:
    wide = like(tmp_path / "wide", trio.base, {**weights_of(trio.base), "model.norm.weight": torch.ones(32).double()})

    with pytest.raises(ModelDirectoryError, match=r"model.norm.weight of .*wide is float64"):
        plan_of(trio._replace(base=wide))


# --- scope ----------------------------------------------------------------------------------------------------------


def test_a_scope_counts_what_is_inside_alone(trio: Trio) -> None:
    weights = weights_of(trio.target)
    plan = narrow(plan_of(trio), [1, 3], include=["lm_head*"], exclude=["*layernorm*"])

    inside = [
        name
        for name in weights
        if name == "lm_head.weight" or (any(f".layers.{n}." in name for n in (1, 3)) and "layernorm" not in name)
    ]
    assert [part.target.name for part in plan.edited] == sorted(inside)
    assert plan.entries == sum(weights[name].numel() for name in inside)
    assert set(plan.policies[Policy.OUT_OF_SCOPE]) == set(weights) - set(inside)


def test_the_copy_counts_where_the_original_is_out_of_scope(tied: Trio, tmp_path: Path) -> None:
    twice = Trio(*(stored_twice(tmp_path / name, path) for name, path in tied._asdict().items()))
    plan = narrow(plan_of(twice), None, exclude=["*embed_tokens*"])

    assert plan.parts["lm_head.weight"].counted
    assert plan.entries == plan_of(twice).entries


def test_an_empty_scope_is_refused(trio: Trio) -> None:
    with pytest.raises(ConfigError, match="is left to edit"):
        narrow(plan_of(trio), None, exclude=["*"])


# --- files ----------------------------------------------------------------------------------------------------------


def test_two_models_in_one_folder_are_refused(trio: Trio, tmp_path: Path) -> None:
    """Shards with an index, and one file: transformers would open the file, and we would have edited the shards."""
    folder = shutil.copytree(trio.target, tmp_path / "model")
    save_file(weights_of(folder), folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelDirectoryError, match=r"holds model\.safetensors and an index of shards"):
        open_checkpoint(locate(str(folder)))


def test_a_variant_beside_a_model_is_left_alone(tmp_path: Path) -> None:
    """As a download leaves them: model.safetensors is the model."""
    folder = save_model(tmp_path / "model", shard="5GB")
    half = {name: tensor.half() for name, tensor in weights_of(folder).items()}
    save_file(half, folder / "model.fp16.safetensors", {"format": "pt"})
    opened = open_checkpoint(locate(str(folder)))
    assert [shard.path.name for shard in opened.shards] == ["model.safetensors"]
    assert {stored.dtype for stored in opened.tensors.values()} == {"F32"}
