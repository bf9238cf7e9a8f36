"""Edits at decoding do what they say: no component along a removed direction, the wanted probability where wanted."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from instincts.attacks.contrast import Contrast
from instincts.attacks.local.probe import Probe
from instincts.attacks.local.representations import (
    Direction,
    LayerProbe,
    ablated,
    ablated_by_contrast,
    concept,
    direction,
    fit_concept,
    lowered,
    lowered_by_contrast,
)
from instincts.errors import ConfigError
from instincts.models.decoding import Sampling, decode
from instincts.models.hooks import decoder_layers
from instincts.models.opening import OpenModel
from instincts.prompts import Message, Prompt
from tests.tiny import FAMILIES, Family, tiny_model

PROMPTS = [[5, 80, 81, 82], [5, 90, 91], [5, 70, 71, 72, 73]]
SAMPLING = Sampling(max_tokens=5, temperature=0)


def opened_tiny(family: Family = "llama") -> OpenModel:
    model, tokenizer = tiny_model(family)
    return OpenModel(name="tiny", model=model, tokenizer=tokenizer, stop_ids=frozenset({2}), digest="0" * 64)


def watch(model: PreTrainedModel) -> tuple[list[tuple[int, Tensor]], list[Any]]:
    """Note what every block's *successor* reads, after all edits: (block, hidden) in order of the passes."""
    seen: list[tuple[int, Tensor]] = []

    def note(layer: int) -> Any:
        def hook(_: Any, args: tuple[Tensor, ...], kwargs: dict[str, Any]) -> None:
            seen.append((layer, (args[0] if args else kwargs["hidden_states"]).detach().clone()))

        return hook

    return seen, [
        layer.register_forward_pre_hook(note(place), with_kwargs=True)
        for place, layer in enumerate(decoder_layers(model))
    ]


@pytest.mark.parametrize("family", FAMILIES)
def test_no_block_reads_anything_along_a_removed_direction(family: Family) -> None:
    opened = opened_tiny(family)
    unit_D = torch.nn.functional.normalize(torch.randn(32, generator=torch.Generator().manual_seed(0)), dim=0)
    seen, handles = watch(opened.model)
    view = ablated(opened, Direction(unit_D=unit_D, layer=0, divergence=0.0))
    decode(view.model, PROMPTS, SAMPLING, stop_ids=frozenset())
    for handle in handles:
        handle.remove()
    assert {layer for layer, _ in seen} == {0, 1}
    assert len(seen) == 2 * SAMPLING.max_tokens
    for _, hidden_B_T_D in seen:
        assert float((hidden_B_T_D @ unit_D).abs().max()) < 1e-5 * float(hidden_B_T_D.abs().max())
    plain, plain_handles = watch(opened.model)
    decode(opened.model, PROMPTS, SAMPLING, stop_ids=frozenset())
    for handle in plain_handles:
        handle.remove()
    assert max(float((hidden @ unit_D).abs().max()) for _, hidden in plain) > 0.01, "the model is as it was"


@pytest.mark.parametrize("family", FAMILIES)
def test_the_last_position_of_the_prompt_reaches_the_probability_and_no_other_changes(family: Family) -> None:
    """Layer 0 is probed and layer 1 reads what it gives: at the last position logit(0.01), elsewhere as without."""
    opened = opened_tiny(family)
    probe = Probe(weight_D=torch.randn(32, generator=torch.Generator().manual_seed(1)), bias=50.0)
    view = lowered(opened, [LayerProbe(layer=0, probe=probe, accuracy=1.0)], 0.01)
    read = []
    for each in (view, opened):
        seen, handles = watch(opened.model)
        decode(each.model, [PROMPTS[0]], Sampling(max_tokens=1, temperature=0), stop_ids=frozenset())
        for handle in handles:
            handle.remove()
        read.append(next(hidden for layer, hidden in seen if layer == 1))
    edited, plain = read
    assert float(probe.log_odds(edited[0, -1])) == pytest.approx(math.log(0.01 / 0.99), abs=1e-2)
    assert torch.equal(edited[0, :-1], plain[0, :-1])


def test_tokens_of_the_answer_are_read_without_the_probe() -> None:
    """A probe that moves every state far: the first token changes, and each later pass edits nothing."""
    opened = opened_tiny()
    probe = Probe(weight_D=torch.ones(32), bias=1000.0)
    view = lowered(opened, [LayerProbe(layer=0, probe=probe, accuracy=1.0)])
    seen, handles = watch(opened.model)
    decode(view.model, [PROMPTS[0]], SAMPLING, stop_ids=frozenset())
    for handle in handles:
        handle.remove()
    later = [hidden for layer, hidden in seen if layer == 1][1:]
    assert len(later) == 4
    assert all(float(probe.log_odds(hidden[0, -1])) > 500 for hidden in later)


def labelled(harmful: list[str], benign: list[str]) -> Contrast:
    def rows(texts: list[str]) -> tuple[Prompt, ...]:
        return tuple(Prompt(id=text, messages=(Message("user", text),)) for text in texts)

    return Contrast(rows(harmful), rows(benign), "made", "made")


TOLD_APART = labelled([f"vex {n}" for n in range(24)], [f"lum {n}" for n in range(24)])


def test_what_is_fitted_and_the_views_of_it_are_kept_for_one_model() -> None:
    """One object each time, so that answers of several goals share a batch; another model has its own."""
    opened, other = opened_tiny(), opened_tiny("qwen2")
    assert direction(opened, TOLD_APART) is direction(opened, TOLD_APART)
    assert ablated_by_contrast(opened, TOLD_APART) is ablated_by_contrast(opened, TOLD_APART)
    assert direction(opened, TOLD_APART) is not direction(other, TOLD_APART)


def test_a_direction_is_the_unit_difference_of_the_means() -> None:
    """Of the states of three quarters of the requests, at the layer that was chosen."""
    from instincts.attacks.local.frames import rendered
    from instincts.models.hooks import last_token_states

    opened = opened_tiny()
    found = direction(opened, TOLD_APART)
    means = []
    for rows in (TOLD_APART.harmful, TOLD_APART.benign):
        fitted = [row for place, row in enumerate(rows) if place % 4 != 3]
        texts = [rendered(opened.tokenizer, row.messages) for row in fitted]
        ids = [opened.tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
        means.append(last_token_states(opened.model, ids)[:, found.layer].mean(dim=0))
    difference = means[0] - means[1]
    assert torch.allclose(found.unit_D, difference / difference.norm(), atol=1e-5)


def test_requests_that_no_layer_tells_apart_are_an_error() -> None:
    same = [f"text {n}" for n in range(24)]
    with pytest.raises(ConfigError, match="no layer of tiny tells the harmful from the benign requests of made"):
        fit_concept(opened_tiny(), labelled(same, same))


def test_probes_of_distinct_requests_hold_on_those_held_out() -> None:
    opened = opened_tiny()
    probes = concept(opened, TOLD_APART)
    assert probes
    assert all(each.accuracy >= 0.9 for each in probes)
    assert lowered_by_contrast(opened, TOLD_APART) is lowered_by_contrast(opened, TOLD_APART)
