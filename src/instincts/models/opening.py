"""Loads a located model and its tokenizer, with every token that ends an answer; knows no prompt and no sampling."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from logging import ERROR
from typing import Any

import torch
from safetensors import safe_open
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging

from instincts.errors import ModelDirectoryError
from instincts.models.chat import turn_end
from instincts.models.directory import DEFENCE_FILE, ModelLocation, content_files, locate
from instincts.models.harmed import warn_if_harmed

__all__ = ["OpenModel", "context_length", "open_location", "open_model", "open_tokenizer", "stop_tokens"]


@dataclass(frozen=True, kw_only=True)
class OpenModel:
    """A model in memory, in eval mode, ready to decode from."""

    name: str
    """The model as the caller named it."""
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    stop_ids: frozenset[int]
    """Every token that ends an answer; never empty."""
    digest: str
    """Digest of the content that was loaded; see `directory.ModelLocation`."""


def open_model(name: str, dtype: torch.dtype | None = None, device: str | torch.device | None = None) -> OpenModel:
    """Open a pocket model, a checkpoint folder, a folder with an overlay, or a hub id.

    Steering vectors become forward hooks. A LoRA overlay is merged in float32, where that changes logits by no more
    than rounding (about 1e-6); in lower precision merging rounds the weights themselves (about 1e-2 in bfloat16), so
    there the adapter stays a layer.

    Args:
        name: the model.
        dtype: of the weights; by default float32 on the CPU and the checkpoint's own on an accelerator.
        device: by default the first accelerator, else the CPU.

    Raises:
        ModelDirectoryError: the model does not open, or nothing ends its answers.
    """
    return open_location(locate(name), dtype, device)


def open_location(
    location: ModelLocation, dtype: torch.dtype | None = None, device: str | torch.device | None = None
) -> OpenModel:
    """Open a model that was located before; arguments and errors of `open_model`.

    A model that was made harmful on purpose opens with a warning on the log.
    """
    device = torch.device(device) if device is not None else _default_device()
    if dtype is None and device.type == "cpu":
        dtype = torch.float32
    tokenizer = open_tokenizer(location)
    model = _model(location, dtype)
    torch.nn.Module.to(model, device)
    torch.nn.Module.eval(model)
    return OpenModel(
        name=location.name,
        model=model,
        tokenizer=tokenizer,
        stop_ids=stop_tokens(model, tokenizer, location.name),
        digest=location.digest,
    )


def stop_tokens(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, name: str = "this model") -> frozenset[int]:
    """Collect the tokens that end an answer: of the generation config, the tokenizer, and the template's turn end.

    Raises:
        ModelDirectoryError: there is none, so no answer would ever end.
    """
    declared = getattr(model.generation_config, "eos_token_id", None)
    found = {declared} if isinstance(declared, int) else set(declared or ())
    found |= {tokenizer.eos_token_id, turn_end(tokenizer)}
    stops = frozenset(int(token) for token in found if token is not None)
    if not stops:
        raise ModelDirectoryError(
            f"nothing ends an answer of {name}: neither its tokenizer, its generation_config.json nor its chat "
            "template names an end token; set eos_token in its tokenizer_config.json"
        )
    return stops


def context_length(model: PreTrainedModel) -> int | None:
    """Tell how many tokens, prompt and answer together, a model can hold; None where its config sets no limit."""
    limit = getattr(model.config.get_text_config(decoder=True), "max_position_embeddings", None)
    return int(limit) if limit else None


def _default_device() -> torch.device:
    return torch.accelerator.current_accelerator() or torch.device("cpu")


def open_tokenizer(location: ModelLocation) -> PreTrainedTokenizerBase:
    """Load the tokenizer of a model, or of its base where an overlay brings none; errors as in `open_model`."""
    own = any(path.name.startswith("tokenizer") for path in content_files(location.path))
    if location.overlay is not None and not own:
        return open_tokenizer(location.overlay.base)
    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(location.path, trust_remote_code=False)
    except ImportError as error:
        raise ModelDirectoryError(
            f"the tokenizer of {location.name} needs a package that is not here: {_first_line(error)}; install it, or "
            "save the tokenizer as tokenizer.json"
        ) from error
    except (OSError, ValueError, KeyError) as error:
        raise ModelDirectoryError(f"the tokenizer of {location.name} does not open: {_first_line(error)}") from error
    tokenizer.name_or_path = location.name
    return tokenizer


def _model(location: ModelLocation, dtype: torch.dtype | None) -> PreTrainedModel:
    if location.overlay is not None and location.overlay.kind == "moderated":
        raise ModelDirectoryError(
            f"{location.name} puts a moderator before {location.overlay.base.name}, and this looks at weights, which a "
            f"moderator has none of; name {location.overlay.base.name}, or ask {location.name} through `evaluate`"
        )
    if location.overlay is not None:
        laid_over = _adapted if location.overlay.kind == "lora" else _steered
        return laid_over(location, _model(location.overlay.base, dtype))
    try:
        with _quiet():
            loaded: Any = AutoModelForCausalLM.from_pretrained(
                location.path,
                dtype=dtype or "auto",
                use_safetensors=True,
                trust_remote_code=False,
                output_loading_info=True,
            )
    except ImportError as error:
        raise ModelDirectoryError(
            f"{location.name} needs a package that is not here: {_first_line(error)}; install it, or name the "
            "checkpoint without quantisation"
        ) from error
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ModelDirectoryError(f"{location.name} does not open: {_first_line(error)}") from error
    model, report = loaded
    # transformers fills absent weights with random numbers and only warns.
    if absent := sorted(report["missing_keys"]) + sorted(str(key) for key in report["mismatched_keys"]):
        raise ModelDirectoryError(
            f"the weights of {location.name} do not fit its config.json: {len(absent)} missing or of another shape, "
            f"first {absent[0]}; save the model again"
        )
    warn_if_harmed(location.name, model.config)
    opened: PreTrainedModel = model
    return opened


def _steered(location: ModelLocation, base: PreTrainedModel) -> PreTrainedModel:
    # Imported here, since hooks are put on models that this module opens.
    from instincts.models.steering import steer
    from instincts.models.vectors import read_vectors

    assert location.overlay is not None
    steer(base, read_vectors(location.overlay.part), location.overlay.strength)
    return base


def _adapted(location: ModelLocation, base: PreTrainedModel) -> PreTrainedModel:
    from peft import PeftModel, get_peft_model_state_dict

    assert location.overlay is not None
    adapter = location.overlay.part
    try:
        with _quiet():
            layered = PeftModel.from_pretrained(base, str(adapter), is_trainable=False)
        # peft skips weights that have no place in the base and leaves places without weights at random.
        with safe_open(adapter / "adapter_model.safetensors", framework="pt") as file:
            odd = set(file.keys()) ^ set(get_peft_model_state_dict(layered, save_embedding_layers=False))
        if odd := {key for key in odd if "embed" not in key}:
            raise ValueError(f"{len(odd)} weights have no counterpart, first {min(odd)}")
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ModelDirectoryError(
            f"the adapter {adapter} does not fit its base {location.overlay.base.name}: {_first_line(error)}; "
            f"check `base` in {location.path / DEFENCE_FILE}"
        ) from error
    merged: Any = layered.merge_and_unload() if base.dtype == torch.float32 else layered
    model: PreTrainedModel = merged
    return model


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    # The progress bar of loading weights would break ours, and its report of absent weights becomes our error.
    before, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(ERROR)
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        logging.set_verbosity(before)
        if bar:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]
