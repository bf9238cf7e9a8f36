"""ROME (arXiv:2202.05262): one fact into one matrix, by a rank-one update of an MLP's down-projection.

The MLP is read as a memory: the subject's key k goes in, the value W k comes out. A value v* is searched for that makes
the model say the new answer, and W is changed so that k gives v*, while other keys give as nearly what they gave as C,
their second moment, allows. Kept: key, value and update of the paper, with the constants of EasyEdit for Llama-2-7B,
which the paper does not have. Left out: causal tracing (the layer is a setting) and batches of edits (MEMIT). Checked
against the closed form; not against the released code, whose models are of another make.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import kl_div
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from instincts.arithmetic.asking import Asked, answer_ids, ask_about, ask_subject
from instincts.arithmetic.facts import Fact
from instincts.arithmetic.keys import key_direction, subject_keys
from instincts.arithmetic.rome_settings import RomeSettings
from instincts.errors import TrainingError
from instincts.models.hooks import EditHook, weights_frozen

__all__ = ["FoundValue", "RankOne", "find_update", "find_value", "updated"]


class FoundValue(NamedTuple):
    """The search for a value."""

    before_D: Tensor  # noqa: N815 - axis letters
    """What the subject's key gives now, v_0; float64, on the CPU."""
    change_D: Tensor  # noqa: N815 - axis letters
    """What is to be added to it; float64, on the CPU."""
    looks: int
    """How often the loss was looked at."""
    loss: float
    """The last one, in nats."""


class RankOne(NamedTuple):
    """A change of a matrix: `column` times `row`."""

    column_D: Tensor  # noqa: N815 - axis letters
    row_K: Tensor  # noqa: N815 - axis letters
    found: FoundValue


def find_update(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    module: nn.Linear,
    fact: Fact,
    prefixes: Sequence[str],
    moment_K_K: Tensor | None,
    settings: RomeSettings,
    progress: Callable[[int, int], None] | None = None,
) -> RankOne:
    """Find the change of a down-projection that puts a fact into a model; nothing is changed yet.

    Args:
        model: in eval mode.
        tokenizer: its own.
        module: the down-projection.
        fact: what to put in.
        prefixes: texts that stand before the question, besides nothing.
        moment_K_K: C, float64; None for the identity.
        settings: constants.
        progress: told how often the loss was looked at and how often at most.

    Raises:
        PromptSetError: the subject cannot be found in the tokens.
        ConfigError: C has no inverse.
        TrainingError: the loss is not finite.
    """
    asked = [ask_about(tokenizer, fact, settings.token, prefix) for prefix in ("", *prefixes)]
    key_B_K = subject_keys(model, module, asked)
    row_K = key_direction(key_B_K.mean(dim=0), moment_K_K, settings.ridge)
    target = answer_ids(tokenizer, fact.question, fact.target)
    subject = ask_subject(tokenizer, fact, settings.token)
    found = find_value(model, module, asked, target, subject, settings, fact.id, progress)
    # The update meets the key of the bare question, not the mean that gave the direction: that key is what is asked.
    return RankOne(found.change_D / (key_B_K[0] @ row_K), row_K, found)


def updated(weight_D_K: Tensor, change: RankOne) -> Tensor:
    """Add a change to a matrix: W + column rowᵀ in float64, rounded to the precision of W.

    By way of float32 where that is coarser, as torch rounds: so it does not matter in which precision a model is open.
    """
    return (weight_D_K.double().cpu() + torch.outer(change.column_D, change.row_K)).to(weight_D_K.dtype)


def find_value(
    model: PreTrainedModel,
    module: nn.Linear,
    asked: Sequence[Asked],
    target: Sequence[int],
    subject: Asked,
    settings: RomeSettings,
    id: str,
    progress: Callable[[int, int], None] | None = None,
) -> FoundValue:
    """Search for the value that makes a model give an answer (eq. 4 of the paper, by Adam).

    The change δ is added to what the module gives on the token of the fact, in every prompt. The loss is the mean
    negative log-likelihood of the answer, plus kl times the divergence after from before of what follows the subject in
    `SUBJECT is a`, plus decay times |δ| / |v_0|²; then δ is cut to clamp times |v_0|. Looks, not steps, are counted,
    and an early end is below `enough`: both as in the released code.

    Args:
        model: in eval mode; its weights ask for no gradient within.
        module: the down-projection.
        asked: the question after each prefix; the first one bare.
        target: the tokens of the answer.
        subject: what holds the rest in place.
        settings: constants.
        id: names the fact in errors.
        progress: told how often the loss was looked at and how often at most.

    Raises:
        TrainingError: the loss is not finite.
    """
    rows = [*([*each.ids, *target[:-1]] for each in asked), subject.ids]
    width = max(map(len, rows))
    # What is padded stands behind the text, where a decoder's tokens do not look.
    ids_B_T = torch.tensor([[*row, *[row[-1]] * (width - len(row))] for row in rows], device=model.device)
    place_B = torch.tensor([*(each.place for each in asked), subject.place], device=model.device)
    row_B = torch.arange(len(rows), device=model.device)
    ends_N_A = torch.tensor([[len(each.ids) - 1 + k for k in range(len(target))] for each in asked])
    target_A = torch.tensor(list(target), device=model.device)
    change_D = torch.zeros(module.out_features, device=model.device, requires_grad=True)
    optimizer = torch.optim.Adam([change_D], lr=settings.rate)
    first: list[Tensor] = []

    def add(given: Tensor) -> Tensor:
        # OPT joins batch and tokens before its feed-forward part.
        value_B_T_D = given.reshape(*ids_B_T.shape, -1)
        if not first:
            first.append(value_B_T_D[0, place_B[0]].detach().float())
        shift_B_T_D = torch.zeros_like(value_B_T_D)
        shift_B_T_D[row_B, place_B] = change_D.to(value_B_T_D.dtype)
        return (value_B_T_D + shift_B_T_D).view_as(given)

    before_V: Tensor | None = None
    handle = module.register_forward_hook(EditHook(add))
    try:
        with weights_frozen(model), torch.enable_grad():
            for look in range(1, settings.steps + 1):
                logits_B_T_V = model(input_ids=ids_B_T, use_cache=False).logits
                said_N_A_V = logits_B_T_V[row_B[:-1, None], ends_N_A.to(model.device)].float().log_softmax(dim=-1)
                after_V = logits_B_T_V[-1, subject.place].float().log_softmax(dim=-1)
                before_V = after_V.detach() if before_V is None else before_V
                missing = -said_N_A_V.gather(-1, target_A.expand(len(asked), -1).unsqueeze(-1)).mean()
                # The divergence runs from after to before, as in eq. 4 and in the released code.
                moved = kl_div(before_V, after_V, log_target=True, reduction="sum")
                length = first[0].norm()
                loss = missing + settings.kl * moved + settings.decay * _length(change_D) / length**2
                if not bool(torch.isfinite(loss)):
                    raise TrainingError(
                        f"fact {id}: the loss is not finite at look {look}; choose a smaller rate, or open the model "
                        "in float32"
                    )
                if progress is not None:
                    progress(settings.steps if loss.item() < settings.enough else look, settings.steps)
                if loss.item() < settings.enough or look == settings.steps:
                    break
                optimizer.zero_grad(set_to_none=True)
                torch.autograd.backward(loss)
                optimizer.step()
                with torch.no_grad():
                    change_D *= (settings.clamp * length / change_D.norm()).clamp(max=1.0)
    finally:
        handle.remove()
    return FoundValue(first[0].double().cpu(), change_D.detach().double().cpu(), look, loss.item())


def _length(change_D: Tensor) -> Tensor:
    # The gradient of a norm at zero is not a number in some builds; nothing pulls there.
    return change_D.norm() if bool(change_D.any()) else change_D.sum() * 0.0
