"""Sets by their place on the Hugging Face hub, through `datasets`; nothing is fetched unless a name asks for it."""

from collections.abc import Mapping
from typing import Any

from instincts.errors import PromptSetError
from instincts.prompts.catalogue import DataSet, Hub
from instincts.prompts.files import Contents, parse_rows
from instincts.prompts.rows import Row

__all__ = ["HUB_PREFIX", "parse_place", "read_hub"]

HUB_PREFIX = "hub:"


def parse_place(text: str) -> Hub:
    """Read `hub:OWNER/NAME`, `hub:OWNER/NAME:SPLIT` or `hub:OWNER/NAME:CONFIG:SPLIT`.

    Raises:
        PromptSetError: more parts than that, or an empty one.
    """
    parts = text.removeprefix(HUB_PREFIX).split(":")
    if not all(parts) or len(parts) > 3:
        raise PromptSetError(f"{text!r} is no place on the hub; write hub:OWNER/NAME or hub:OWNER/NAME:CONFIG:SPLIT")
    match parts:
        case [path]:
            return Hub(path=path)
        case [path, split]:
            return Hub(path=path, split=split)
        case _:
            return Hub(path=parts[0], config=parts[1], split=parts[2])


def read_hub(hub: Hub, *, name: str, known: DataSet | None = None) -> Contents:
    """Read a set from the hub or from its cache; the number of a row stands for its line.

    Raises:
        PromptSetError: it cannot be reached, or its rows are not prompts; says which file to give instead.
    """
    rows = [Row(number, columns) for number, columns in enumerate(_load(hub, name, known), start=1)]
    return parse_rows(f"hub:{hub.path}", rows, source=name, known=known)


def _load(hub: Hub, name: str, known: DataSet | None) -> list[Mapping[str, Any]]:
    import datasets
    from datasets import load_dataset

    progress = datasets.is_progress_bar_enabled()
    datasets.disable_progress_bars()
    try:
        return list(load_dataset(hub.path, hub.config, split=hub.split))
    except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
        # An unreachable hub, an unknown name, a gated set and an unknown split come as four kinds of error.
        why = (str(error).strip() or type(error).__name__).splitlines()[0]
        source = f"; or fetch the file from {known.source} and give --prompts FILE" if known else ""
        raise PromptSetError(
            f"{name} could not be read from the hub ({hub.path}): {why}; go online (HF_HUB_OFFLINE unset), log in if "
            f"it is gated{source}"
        ) from None
    finally:
        if progress:
            datasets.enable_progress_bars()
