"""Labelled sets with benign halves: which rows of which files a moderator is measured on; asks nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

from instincts.errors import ConfigError
from instincts.prompts import Prompt
from instincts.suites.selection import Selection, select, sources_of, stem

__all__ = ["HARMFUL", "LabelledSet", "labelled_sets", "part_of"]

HARMFUL = ("harmful", "unsafe")
BENIGN = ("benign", "safe")


@dataclass(frozen=True)
class LabelledSet:
    """One file or named set."""

    name: str
    chosen: Selection


def labelled_sets(prompts: str | Sequence[str], limit: int | None = None) -> list[LabelledSet]:
    """Read every file and keep its harmful and benign rows, the first so many of each label.

    Raises:
        PromptSetError: a file that is missing or broken.
        ConfigError: a file without labels, two of the same name, or no row at all of one of the two classes: what
            flags everything would be perfect on harmful rows alone.
    """
    sets = [LabelledSet(stem(source), select(source, "moderation", limit)) for source in sources_of(prompts)]
    names = [each.name for each in sets]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ConfigError(f"two files of --prompts are named {twice!r}, and rates are told by name; rename one")
    for each in sets:
        if silent := [row.id for row in each.chosen.prompts if row.label not in (*HARMFUL, *BENIGN)]:
            raise ConfigError(
                f"row {silent[0]!r} of {each.chosen.prompts.source} does not say whether it is harmful; add a column "
                f"`label` ({', '.join((*HARMFUL, *BENIGN))}), or write --prompts harmful=FILE or benign=FILE"
            )
    for kind, labels in (("harmful", HARMFUL), ("benign", BENIGN)):
        if not any(row.label in labels for each in sets for row in each.chosen.prompts):
            wrong = "nothing" if kind == "harmful" else "everything"
            raise ConfigError(
                f"no prompt of {', '.join(names)} is {kind}, so flagging {wrong} would be perfect; add a {kind} file "
                f"to --prompts, for example {kind}=FILE"
            )
    return sets


def part_of(set_name: str, prompt: Prompt) -> str:
    """Name the set that a prompt counts in; published parts of one file (`vanilla`, `adversarial`) count apart."""
    part = prompt.metadata.get("part")
    return f"{set_name} {part}" if part else set_name
