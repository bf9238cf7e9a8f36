"""Options that several verbs share, spelt and explained once."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from instincts.errors import ConfigError, unknown_name

__all__ = [
    "JUDGES",
    "SCALES",
    "AsJson",
    "ChosenSeed",
    "Model",
    "ModelRoles",
    "Out",
    "Prompts",
    "Resume",
    "ScaleName",
    "Seed",
    "choice",
    "named_models",
]


def choice(option: str, known: Iterable[str], help_text: str) -> Any:
    """Make an option that takes one of a few names; an unknown one gets near matches instead of a bare list.

    Args:
        option: the flag, for example `--scale`.
        known: the names it takes.
        help_text: what it means.
    """
    return typer.Option(option, metavar="|".join(known), help=help_text, callback=_one_of(option, list(known)))


def named_models(words: Sequence[str]) -> dict[str, str]:
    """Read the words of `--model-role`.

    Raises:
        ConfigError: a word that is not ROLE=MODEL, or a role that comes twice.
    """
    found: dict[str, str] = {}
    for word in words:
        role, _, model = (part.strip() for part in word.partition("="))
        if not role or not model:
            raise ConfigError(f"--model-role {word!r} names no role and model; write --model-role attacker=MODEL")
        if role in found:
            raise ConfigError(f"--model-role {role} is given twice, {found[role]!r} and {model!r}; keep one")
        found[role] = model
    return found


def _one_of(option: str, known: list[str]) -> Callable[[str | None], str | None]:
    def check(value: str | None) -> str | None:
        if value is not None and value not in known:
            raise unknown_name(f"value of {option}", value, known)
        return value

    return check


# Spelt out: importing the settings class (pydantic) would take a third of the time `--help` has; a test compares.
SCALES = ("smoke", "small", "full")

JUDGES = (
    "`refusal` goes by patterns, `pocket` by the pocket's grammar; `rubric`, `rating` and the guards `harmbench`, "
    "`llama-guard`, `qwen3guard`, `shieldgemma`, `wildguard` ask --model-role grader=MODEL; `panel:A+B+C` is the "
    "majority of three or more."
)
"""The judges in a sentence; a test compares."""

CODINGS = ("json", "lines", "specialist", "specialist-json")
"""How an analyst may write a tree."""
VERDICTS = ("block", "review", "allow")
"""What a text may get that has no tree."""

Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        show_default=False,
        help="`pocket-llama`, `pocket-qwen`, a hub id, a checkpoint folder, or a folder written by `train`.",
    ),
]
Prompts = Annotated[
    str,
    typer.Option(
        "--prompts",
        metavar="FILE",
        show_default=False,
        help="JSONL or CSV with `prompt` (or `messages`), optionally `id`, `category`, `label`; or a named set such as "
        "`pocket-mixed`.",
    ),
]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="The run folder to write.")]
Seed = Annotated[int, typer.Option("--seed", metavar="N", help="The same seed gives the same run.")]
ChosenSeed = Annotated[
    int | None,
    typer.Option("--seed", metavar="N", show_default=False, help="The same seed gives the same run; else 0."),
]
Resume = Annotated[bool, typer.Option("--resume", help="Continue a run that was cut off, to the same end.")]
ScaleName = Annotated[
    str | None,
    choice("--scale", SCALES, "How much to do: a pocket model on a laptop, one GPU, or the published setting (full)."),
]
ModelRoles = Annotated[
    list[str] | None,
    typer.Option(
        "--model-role",
        metavar="ROLE=MODEL",
        show_default=False,
        help="Another model that takes part, such as `attacker=MODEL`; as often as there are roles.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the table as JSON.")]
