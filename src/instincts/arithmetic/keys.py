"""What a down-projection is given: the key of a subject, and how keys of ordinary text are spread (ROME's C).

C is the uncentred second moment of keys (arXiv:2202.05262, section 3.1; computed there over Wikipedia); over which text
is the caller's choice.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from instincts.arithmetic.asking import Asked
from instincts.errors import ConfigError

__all__ = ["key_direction", "second_moment", "subject_keys"]

_BATCH_TOKENS = 4096


@torch.no_grad()
def subject_keys(model: PreTrainedModel, module: nn.Linear, asked: Sequence[Asked]) -> Tensor:
    """Read what a module is given on the token where each fact is looked up.

    Returns:
        `key_B_K`, float64, on the CPU.
    """
    keys = []
    for each in asked:
        with _seen(module) as inputs:
            model(input_ids=torch.tensor([each.ids], device=model.device), use_cache=False, logits_to_keep=1)
        keys.append(inputs[0].reshape(len(each.ids), -1)[each.place].double().cpu())
    return torch.stack(keys)


@torch.no_grad()
def second_moment(
    model: PreTrainedModel,
    module: nn.Linear,
    texts: Sequence[Sequence[int]],
    limit: int,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Tensor, int]:
    """Average key times key over the tokens of texts, the first token of each left out.

    The first token holds what attention does not want to look at, with keys a thousand times as large in some models:
    it would be all that the average knows. The paper's code has no such token and averages over all.

    Args:
        model: its keys are read, its weights untouched.
        module: the down-projection.
        texts: token ids.
        limit: most tokens.
        progress: told tokens read and tokens in all.

    Returns:
        `moment_K_K`, float64, on the CPU, and how many tokens it rests on.
    """
    moment_K_K = torch.zeros(module.in_features, module.in_features, dtype=torch.float64, device="cpu")
    total, count = min(limit, sum(max(0, len(text) - 1) for text in texts)), 0
    for batch in _batches(texts):
        if count >= limit:
            break
        width = max(map(len, batch))
        # What is padded stands behind the text, where a decoder's tokens do not look.
        ids_B_T = torch.tensor([[*text, *[text[-1]] * (width - len(text))] for text in batch], device=model.device)
        length_B_1 = torch.tensor([[len(text)] for text in batch], device=model.device)
        place_T = torch.arange(width, device=model.device)
        with _seen(module) as inputs:
            model(input_ids=ids_B_T, use_cache=False, logits_to_keep=1)
        # OPT joins batch and tokens before its feed-forward part.
        key_B_T_K = inputs[0].reshape(*ids_B_T.shape, -1)
        key_N_K = key_B_T_K[(place_T >= 1) & (place_T < length_B_1)][: limit - count].float()
        moment_K_K += (key_N_K.T @ key_N_K).double().cpu()
        count += len(key_N_K)
        if progress is not None:
            progress(count, total)
    return moment_K_K / max(1, count), count


def key_direction(key_K: Tensor, moment_K_K: Tensor | None, ridge: float) -> Tensor:
    """Give the unit vector along C^-1 k: near what the key shares with others it is short.

    Args:
        key_K: float64.
        moment_K_K: C; None stands for the identity.
        ridge: share of the mean of C's diagonal that is added to it, since C of few tokens has no inverse.

    Raises:
        ConfigError: C has none even so.
    """
    if moment_K_K is not None:
        damped_K_K = moment_K_K + ridge * moment_K_K.diagonal().mean() * torch.eye(len(key_K), dtype=key_K.dtype)
        solved_K, failed = torch.linalg.solve_ex(damped_K_K, key_K)
        # Rounding may hide that there is no inverse; then the product is far from the key.
        if failed or (damped_K_K @ solved_K - key_K).norm() > 1e-6 * key_K.norm():
            raise ConfigError(
                "the covariance of the keys has no inverse, since it rests on too few tokens; choose a larger ridge, "
                "more covariance_tokens, or a --text with longer rows"
            )
        key_K = solved_K
    length: Tensor = key_K.norm()
    return key_K / length


@contextmanager
def _seen(module: nn.Module) -> Iterator[list[Tensor]]:
    """Within the context, what a module is given is kept."""
    inputs: list[Tensor] = []

    def keep(_: nn.Module, given: tuple[Tensor, ...]) -> None:
        inputs.append(given[0])

    handle = module.register_forward_pre_hook(keep)
    try:
        yield inputs
    finally:
        handle.remove()


def _batches(texts: Sequence[Sequence[int]]) -> Iterator[list[Sequence[int]]]:
    batch: list[Sequence[int]] = []
    for text in texts:
        if len(text) < 2:
            continue
        if batch and (len(batch) + 1) * max(len(text), *map(len, batch)) > _BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(text)
    if batch:
        yield batch
