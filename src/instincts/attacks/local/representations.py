"""What hidden states say of harm: a probe a layer (SCAV), or one direction for all layers (refusal ablation).

Both are fitted on labelled requests, at the last token of the rendered prompt, where the answer begins. States are what
the blocks give on to each other.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from instincts.attacks.contrast import Contrast
from instincts.attacks.local.frames import rendered
from instincts.attacks.local.kept import KeptPerModel
from instincts.attacks.local.probe import Probe, fit_probe
from instincts.attacks.local.scoring import continuation_logits
from instincts.errors import ConfigError
from instincts.models.hooks import (
    Edit,
    decoder_layers,
    edited_blocks,
    edited_embeddings,
    edited_model,
    last_token_states,
)
from instincts.models.opening import OpenModel
from instincts.prompts import Prompt

__all__ = [
    "Direction",
    "LayerProbe",
    "ablated",
    "ablated_by_contrast",
    "concept",
    "direction",
    "fit_concept",
    "fit_direction",
    "lowered",
    "lowered_by_contrast",
]

HELD_OUT = 4
"""One request in so many is not fitted on, but decides which layers are edited."""

LEAST_ACCURACY = 0.9
"""Held-out accuracy below which a layer's probe is not used (SCAV's P1, at second hand)."""

HARM_PROBABILITY = 1e-4
"""What the probes are brought to (SCAV's P0 = 0.01 %, at second hand)."""


@dataclass(frozen=True, kw_only=True)
class LayerProbe:
    """A probe of one layer that separates harmful from benign requests it was not fitted on."""

    layer: int
    probe: Probe
    accuracy: float
    """On the requests held out."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Direction:
    """A direction in the residual stream along which harmful and benign requests differ."""

    unit_D: Tensor  # noqa: N815 - an axis letter, as in every tensor's name
    layer: int
    """The layer whose states it was read from."""
    divergence: float
    """What removing it leaves between first tokens of harmful and of benign answers, plus what it does to the benign
    ones, both in nats; the layer was chosen for it."""


def concept(opened: OpenModel, contrast: Contrast) -> list[LayerProbe]:
    """Give the probes of `fit_concept`, fitted once a model."""
    return _CONCEPTS.get(opened, contrast.sha256, lambda: fit_concept(opened, contrast))


def lowered_by_contrast(opened: OpenModel, contrast: Contrast) -> OpenModel:
    """Give the view of `lowered` with those probes, the same object each time, so that answers share batches."""
    return _LOWERED.get(opened, contrast.sha256, lambda: lowered(opened, concept(opened, contrast)))


def direction(opened: OpenModel, contrast: Contrast) -> Direction:
    """Give the direction of `fit_direction`, fitted once a model."""
    return _DIRECTIONS.get(opened, contrast.sha256, lambda: fit_direction(opened, contrast))


def ablated_by_contrast(opened: OpenModel, contrast: Contrast) -> OpenModel:
    """Give the view of `ablated` with that direction, the same object each time, so that answers share batches."""
    return _ABLATED.get(opened, contrast.sha256, lambda: ablated(opened, direction(opened, contrast)))


def fit_concept(opened: OpenModel, contrast: Contrast) -> list[LayerProbe]:
    """Fit a probe of harm for every layer and keep those that hold on requests held out.

    Raises:
        ConfigError: no layer's probe does.
    """
    fitted_N_L_D, harmful_N = _states(opened, _split(contrast, held_out=False))
    held_N_L_D, held_harmful_N = _states(opened, _split(contrast, held_out=True))
    found = []
    for layer in range(fitted_N_L_D.shape[1]):
        probe = fit_probe(fitted_N_L_D[:, layer], harmful_N)
        accuracy = probe.accuracy(held_N_L_D[:, layer], held_harmful_N)
        found.append(LayerProbe(layer=layer, probe=probe, accuracy=accuracy))
    if not (kept := [each for each in found if each.accuracy >= LEAST_ACCURACY]):
        best = max(each.accuracy for each in found)
        raise ConfigError(
            f"no layer of {opened.name} tells the harmful from the benign requests of {contrast.source}: the best is "
            f"right on {best:.0%} of those held out, {LEAST_ACCURACY:.0%} are wanted; give more requests or others"
        )
    return kept


def lowered(opened: OpenModel, probes: Sequence[LayerProbe], probability: float = HARM_PROBABILITY) -> OpenModel:
    """View a model that believes a request to be harmless: at every layer that has a probe, P(harm) is brought low.

    Layer by layer within one pass, each probe sees what the changes before it have made of the state. Only the prompt's
    last position changes, where the probes were fitted. The paper, at second hand, changes every token of the answer
    too; a probe says nothing about those, and on the pocket models doing so leaves no word of the answer in its place.
    """

    def at_last(probe: Probe) -> Edit:
        def edit(hidden_B_T_D: Tensor) -> Tensor:
            last = probe.lowered(hidden_B_T_D[:, -1:], probability)
            return torch.cat([hidden_B_T_D[:, :-1], last], dim=1)

        return edit

    edits = {each.layer: at_last(each.probe) for each in probes}

    def enter(model: PreTrainedModel, inputs: Mapping[str, Any]) -> AbstractContextManager[None]:
        # The prompt is read in one pass, and then one token a pass.
        return edited_blocks(model, edits if inputs["input_ids"].shape[1] > 1 else {})

    return edited_model(opened, enter)


def fit_direction(opened: OpenModel, contrast: Contrast) -> Direction:
    """Take the difference of the means of harmful and benign states, at the layer where removing it changes most.

    Source: Arditi et al. (arXiv:2406.11717). Ours: the layer is chosen by first-token distributions alone, without a
    list of refusal words: after ablation, harmful requests should be answered as benign ones are (their mean
    distribution), and benign ones as before. Left out: other token positions than the last.
    """
    fitted_N_L_D, harmful_N = _states(opened, _split(contrast, held_out=False))
    difference_L_D = fitted_N_L_D[harmful_N].mean(dim=0) - fitted_N_L_D[~harmful_N].mean(dim=0)
    unit_L_D = difference_L_D / difference_L_D.norm(dim=1, keepdim=True).clamp_min(torch.finfo(torch.float32).tiny)
    harmful, benign = _split(contrast, held_out=True)
    before_N_V = _first_tokens(opened, benign)
    found = []
    for layer, unit_D in enumerate(unit_L_D):
        with _ablation(opened.model, unit_D):
            harmful_N_V, after_N_V = _first_tokens(opened, harmful), _first_tokens(opened, benign)
        unlike = _divergence(_mean(before_N_V), _mean(harmful_N_V))
        changed = float((before_N_V.exp() * (before_N_V - after_N_V)).sum(dim=1).mean())
        found.append(Direction(unit_D=unit_D, layer=layer, divergence=unlike + changed))
    return min(found, key=lambda each: each.divergence)


def ablated(opened: OpenModel, found: Direction) -> OpenModel:
    """View a model in whose residual stream a direction is nil: after the embedding and after every block, everywhere.

    Within a block attention still writes along it and the block's second half still reads that; by the next block it
    is gone. The paper also edits between the halves, which cannot be found by structure.
    """
    return edited_model(opened, lambda model, _: _ablation(model, found.unit_D))


@contextmanager
def _ablation(model: PreTrainedModel, unit_D: Tensor) -> Iterator[None]:
    def edit(hidden_B_T_D: Tensor) -> Tensor:
        direction_D = unit_D.to(hidden_B_T_D.device)
        hidden = hidden_B_T_D.float()
        return (hidden - (hidden @ direction_D).unsqueeze(-1) * direction_D).to(hidden_B_T_D.dtype)

    everywhere = dict.fromkeys(range(len(decoder_layers(model))), edit)
    with edited_embeddings(model, edit), edited_blocks(model, everywhere):
        yield


def _split(contrast: Contrast, *, held_out: bool) -> tuple[list[Prompt], list[Prompt]]:
    harmful, benign = (
        [row for place, row in enumerate(rows) if (place % HELD_OUT == HELD_OUT - 1) == held_out]
        for rows in (contrast.harmful, contrast.benign)
    )
    return harmful, benign


def _states(opened: OpenModel, split: tuple[list[Prompt], list[Prompt]]) -> tuple[Tensor, Tensor]:
    harmful, benign = split
    hidden_N_L_D = last_token_states(opened.model, _ids(opened, [*harmful, *benign]))
    return hidden_N_L_D, torch.tensor([True] * len(harmful) + [False] * len(benign))


def _first_tokens(opened: OpenModel, prompts: Sequence[Prompt]) -> Tensor:
    """Compute `log_prob_N_V` of the first token of each answer, on the CPU."""
    ids = _ids(opened, prompts)
    parts = []
    with torch.no_grad():
        for start in range(0, len(ids), _BATCH):
            logits_B_1_V = continuation_logits(opened.model, ids[start : start + _BATCH], [0])
            parts.append(logits_B_1_V[:, 0].float().log_softmax(dim=-1).cpu())
    return torch.cat(parts)


def _ids(opened: OpenModel, prompts: Sequence[Prompt]) -> list[list[int]]:
    texts = [rendered(opened.tokenizer, prompt.messages) for prompt in prompts]
    ids: list[list[int]] = opened.tokenizer(texts, add_special_tokens=False)["input_ids"]
    return ids


def _mean(log_prob_N_V: Tensor) -> Tensor:
    return log_prob_N_V.logsumexp(dim=0) - torch.tensor(float(len(log_prob_N_V))).log()


def _divergence(log_p_V: Tensor, log_q_V: Tensor) -> float:
    return float((log_p_V.exp() * (log_p_V - log_q_V)).sum())


_BATCH = 16
_CONCEPTS: KeptPerModel[list[LayerProbe]] = KeptPerModel()
_LOWERED: KeptPerModel[OpenModel] = KeptPerModel()
_DIRECTIONS: KeptPerModel[Direction] = KeptPerModel()
_ABLATED: KeptPerModel[OpenModel] = KeptPerModel()
