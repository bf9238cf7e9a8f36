r"""The compact coding of a tree, for models that were trained to write it: a line an action, four characters a leaf.

    H
    @institution city office
    32 K1L-
    B
    @user driver
    J2H+ I2M+ knows steps and dates
    END

A leaf is effect letter, extent 1 to 4, likelihood L, M or H, and `+` for immediate, `-` for downstream. A side of
nobody is `none`. A benefit's sentence that begins like a leaf or with a backslash gets a backslash in front. A tree
that was cut off has no END. `decode(encode(tree)) == tree` for every tree, and nothing else decodes: tolerance is the
parser's (`parsing`).
"""

import re
from collections.abc import Iterator, Sequence

from instincts.analyst.taxonomy import EXTENTS, LIKELIHOODS, Side
from instincts.analyst.tree import Benefit, BenefitBranch, EffectLabel, Harm, HarmBranch, Tree
from instincts.errors import UnreadableReplyError

__all__ = ["END", "LEAF", "NOBODY", "decode", "encode", "encode_side", "read_leaf", "write_leaf"]

END = "END"
NOBODY = "none"
LEAF = re.compile(r"([A-O])([1-4])([LMH])([+-])")
"""One leaf."""


def encode(tree: Tree) -> str:
    """Write a tree in lines."""
    sides = (encode_side(tree, side) for side in ("harm", "benefit"))
    return "\n".join([*sides, *(() if tree.truncated else (END,))])


def encode_side(tree: Tree, side: Side) -> str:
    """Write one side in lines, its `H` or `B` first and without END."""
    return "\n".join(_side(tree.harms, "H") if side == "harm" else _side(tree.benefits, "B"))


def decode(text: str) -> Tree:
    """Read a tree from exactly the lines that `encode` writes.

    Raises:
        UnreadableReplyError: a line that is none; names it.
    """
    lines = text.split("\n")
    truncated = lines[-1] != END
    lines = lines if truncated else lines[:-1]
    if lines[:1] != ["H"] or "B" not in lines:
        raise UnreadableReplyError("a tree in lines begins with H and has a line B")
    middle = lines.index("B")
    tree = Tree.of(
        {
            "harms": _branches(lines[1:middle], 2, "harm"),
            "benefits": _branches(lines[middle + 1 :], middle + 2, "benefit"),
            "truncated": truncated,
        }
    )
    if encode(tree) != text:
        raise UnreadableReplyError("not the form in which this tree is written")
    return tree


def write_leaf(label: EffectLabel) -> str:
    """Write a leaf in four characters."""
    extent, likelihood = EXTENTS.index(label.extent) + 1, label.likelihood[0].upper()
    return f"{label.effect}{extent}{likelihood}{'+' if label.immediate else '-'}"


def read_leaf(text: str) -> EffectLabel | None:
    """Read a leaf of four characters; None if it is not one."""
    found = LEAF.fullmatch(text)
    if found is None:
        return None
    letter, extent, likelihood, sign = found.groups()
    return EffectLabel.model_validate(
        {
            "effect": letter,
            "extent": EXTENTS[int(extent) - 1],
            "likelihood": LIKELIHOODS["LMH".index(likelihood)],
            "immediate": sign == "+",
        }
    )


def _side(branches: Sequence[HarmBranch | BenefitBranch], letter: str) -> Iterator[str]:
    yield letter
    if not branches:
        yield NOBODY
    for branch in branches:
        yield f"@{branch.kind} {branch.stakeholder}"
        yield from map(_action, branch.actions)


def _action(action: Harm | Benefit) -> str:
    leaves = " ".join(map(write_leaf, action.effects))
    if isinstance(action, Harm):
        return f"{action.action} {leaves}"
    return f"{leaves} {_escaped(action.action)}".rstrip()


def _escaped(text: str) -> str:
    looks_else = text.startswith("\\") or LEAF.fullmatch(text.partition(" ")[0])
    return f"\\{text}" if looks_else else text


def _branches(lines: Sequence[str], first: int, side: Side) -> list[dict[str, object]]:
    if list(lines) == [NOBODY]:
        return []
    if not lines:
        raise UnreadableReplyError(f"line {first}: a side that nobody is on is written `{NOBODY}`")
    branches: list[dict[str, object]] = []
    actions: list[dict[str, object]] = []
    for number, line in enumerate(lines, start=first):
        if line.startswith("@"):
            kind, _, who = line[1:].partition(" ")
            actions = []
            branches.append({"stakeholder": who, "kind": kind, "actions": actions})
        elif not branches:
            raise UnreadableReplyError(f"line {number}: {line!r} stands before any stakeholder")
        else:
            actions.append(_read_action(line, number, side))
    return branches


def _read_action(line: str, number: int, side: Side) -> dict[str, object]:
    words = line.split(" ")
    at = 0 if side == "benefit" else 1
    effects = []
    while at < len(words) and (label := read_leaf(words[at])):
        effects.append(label.model_dump())
        at += 1
    rest = " ".join(words[at:])
    if side == "benefit":
        return {"action": rest[1:] if rest.startswith("\\") else rest, "effects": effects}
    if rest or not words[0].isdecimal() or len(words[0]) > 2:
        raise UnreadableReplyError(f"line {number}: {line!r} is no number and leaves")
    return {"action": int(words[0]), "effects": effects}
