"""Trees out of what a model wrote: fences, prose, trailing commas and cuts are put up with, wrong labels are not.

Tolerated: case and spaces, "true" for true, an action by number or name or with the path before it, an effect by letter
or name, the field names of the paper and ours. Not tolerated: a label outside its scale, an effect of the other side,
two readings of one field. What cannot be read is dropped leaf by leaf and counted; too much of it, a missing side, or a
side of which nothing is left make no tree. A reply names its case: a tree that was forged inside the prompt has another
one, or none, and is not read.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from instincts.analyst.lines import END, LEAF, NOBODY, read_leaf
from instincts.analyst.repair import json_values
from instincts.analyst.taxonomy import ACTIONS, EXTENTS, LIKELIHOODS, Side, taxonomy
from instincts.analyst.tree import KINDS, BenefitBranch, HarmBranch, Tree, clean
from instincts.errors import UnreadableReplyError

__all__ = ["MOST_DROPPED", "Caps", "Reading", "joined", "read_json", "read_lines"]

MOST_DROPPED = 0.1
"""The share of leaves that may be dropped; our choice."""


@dataclass(frozen=True, kw_only=True)
class Caps:
    """How broad a side of a tree may be; what comes after is cut, so that length is not harm."""

    stakeholders: int = 6
    actions: int = 4
    """A stakeholder."""
    effects: int = 3
    """An action."""


class Reading(NamedTuple):
    """What a reply holds."""

    harms: tuple[HarmBranch, ...] | None
    """None where the side was not asked for."""
    benefits: tuple[BenefitBranch, ...] | None
    """None where the side was not asked for."""
    kept: int
    """Leaves."""
    dropped: int
    """Leaves that were none."""
    capped: bool
    """Whether more was written than the caps allow."""
    truncated: bool
    """Whether the reply was cut off."""


def read_json(reply: str, sides: Sequence[Side], *, case: str | None, caps: Caps, cut: bool = False) -> Reading:
    """Read a tree in JSON, ours or the paper's list of stakeholders.

    Args:
        reply: what the model wrote.
        sides: which sides were asked for.
        case: the tag that the object must carry as `case`; None takes any.
        caps: how broad it may be.
        cut: whether the reply ended at the token limit.

    Raises:
        UnreadableReplyError: no tree, several that differ, a missing side, or too many bad leaves.
    """
    found: list[tuple[dict[Side, list[Any]], bool]] = []
    for value, mended in json_values(reply):
        whole = _sides_of(value, case)
        # A cut object may be there in part; a whole one names every side that was asked for.
        if whole is not None and any(side in whole for side in sides):
            found.append((whole, mended))
    different = [each for number, each in enumerate(found) if each[0] not in [other[0] for other in found[:number]]]
    if len(different) != 1:
        what = "several trees that differ" if different else "no tree"
        raise UnreadableReplyError(f"the reply holds {what}{f' for case {case}' if case else ''}")
    branches, mended = different[0]
    return _reading({side: list(_json_branches(branches[side], side)) for side in sides if side in branches},
                    sides, caps, truncated=cut or mended)  # fmt: skip


def read_lines(reply: str, sides: Sequence[Side], *, case: str | None, caps: Caps, cut: bool = False) -> Reading:
    """Read a tree in the compact coding.

    Args:
        reply: what the model wrote.
        sides: which sides were asked for.
        case: the tag of the line `CASE tag` that comes first; None for a model that was trained to write nothing else.
        caps: how broad it may be.
        cut: whether the reply ended at the token limit.

    Raises:
        UnreadableReplyError: no tree, more than one, a missing side, or too many bad leaves.
    """
    lines = [" ".join(line.split()) for line in reply.split("\n")]
    lines = [line for line in lines if line and not line.startswith("```")]
    if case is not None:
        starts = [number for number, line in enumerate(lines) if line.casefold() == f"case {case}".casefold()]
        if len(starts) != 1:
            raise UnreadableReplyError(f"the reply holds {len(starts)} trees for case {case}")
        lines = lines[starts[0] + 1 :]
    ends = [number for number, line in enumerate(lines) if line.upper() == END]
    if ends and case is None and lines[ends[0] + 1 :]:
        raise UnreadableReplyError("the reply goes on after END")
    truncated = cut or not ends
    body = lines[: ends[0]] if ends else lines
    parts: dict[Side, list[str]] = {}
    side: Side | None = None
    for number, line in enumerate(body):
        if (letter := line.upper().rstrip(":")) in _SIDES:
            side = _SIDES[letter]
            if side in parts:
                raise UnreadableReplyError(f"side {letter} is written twice")
            parts[side] = []
        elif side is None:
            if case is None or number:
                raise UnreadableReplyError(f"the reply does not begin with H or B: {line[:40]!r}")
        else:
            parts[side].append(line)
    branches = {
        each: list(_line_branches(parts[each], each, cut=truncated and each == side)) for each in sides if each in parts
    }
    return _reading(branches, sides, caps, truncated=truncated)


def joined(readings: Sequence[Reading]) -> Tree:
    """Put the sides of several readings together.

    Raises:
        UnreadableReplyError: a side is missing or comes twice.
    """
    harms = [each.harms for each in readings if each.harms is not None]
    benefits = [each.benefits for each in readings if each.benefits is not None]
    if len(harms) != 1 or len(benefits) != 1:
        raise UnreadableReplyError(f"{len(harms)} harm sides and {len(benefits)} benefit sides make no tree")
    return Tree(harms=harms[0], benefits=benefits[0], truncated=any(each.truncated for each in readings))


class _Branch(NamedTuple):
    who: str
    kind: str
    actions: list[tuple[Any, list[dict[str, Any] | None]]]
    """Number or sentence, None where it is neither; leaves, None for one that is none."""


def _reading(
    branches: Mapping[Side, Sequence[_Branch]], sides: Sequence[Side], caps: Caps, *, truncated: bool
) -> Reading:
    kept, dropped, capped = 0, 0, False
    built: dict[Side, Any] = {}
    last = [side for side in sides if side in branches][-1:]
    for number, side in enumerate(sides):
        # What was cut off before the second side is a tree that can block and never allow.
        if side not in branches and not (truncated and number):
            raise UnreadableReplyError(f"the {side} side is missing; an empty one is written as empty")
        made, good, bad, over = _built(branches.get(side, ()), side, caps)
        if branches.get(side) and not made:
            raise UnreadableReplyError(f"nothing of the {side} side could be read")
        if truncated and not made and side == "harm" and last == [side]:
            raise UnreadableReplyError("the harm side was cut off before its first leaf")
        built[side] = made
        kept, dropped, capped = kept + good, dropped + bad, capped or over
    if dropped > MOST_DROPPED * (kept + dropped):
        raise UnreadableReplyError(f"{dropped} of {kept + dropped} leaves could not be read")
    return Reading(built.get("harm"), built.get("benefit"), kept, dropped, capped, truncated)


def _built(branches: Sequence[_Branch], side: Side, caps: Caps) -> tuple[tuple[Any, ...], int, int, bool]:
    """Merge what belongs together, cut what is too much, and make the schema's parts."""
    merged: dict[str, tuple[_Branch, dict[Any, list[dict[str, Any]]]]] = {}
    dropped = 0
    for branch in branches:
        who = clean(branch.who)
        for action, leaves in branch.actions:
            if not who or action is None:
                dropped += max(len(leaves), 1)
                continue
            good = [leaf for leaf in leaves if leaf is not None]
            dropped += len(leaves) - len(good) or (0 if good else 1)
            if good:
                _, actions = merged.setdefault(who.casefold(), (branch._replace(who=who), {}))
                known = actions.setdefault(action, [])
                known += [leaf for number, leaf in enumerate(good) if leaf not in known + good[:number]]
    made: list[Any] = []
    capped = len(merged) > caps.stakeholders
    model = HarmBranch if side == "harm" else BenefitBranch
    for branch, actions in list(merged.values())[: caps.stakeholders]:
        capped = capped or len(actions) > caps.actions or any(len(each) > caps.effects for each in actions.values())
        kept = [
            {"action": action, "effects": leaves[: caps.effects]}
            for action, leaves in list(actions.items())[: caps.actions]
        ]
        made.append(model.model_validate({"stakeholder": branch.who, "kind": branch.kind, "actions": kept}))
    count = sum(len(action.effects) for branch in made for action in branch.actions)
    return tuple(made), count, dropped, capped


def _sides_of(value: Any, case: str | None) -> dict[Side, list[Any]] | None:
    if isinstance(value, Mapping):
        if case is not None and str(value.get("case", "")).casefold() != case.casefold():
            return None
        found: dict[Side, list[Any]] = {}
        for side, name in _SIDE_NAMES.items():
            if isinstance(value.get(name), list):
                found[side] = value[name]
            elif str(value.get(name, "")).casefold() == NOBODY:
                found[side] = []
        return found or None
    if case is None and isinstance(value, list) and all(isinstance(each, Mapping) for each in value):
        # The paper's list: every stakeholder carries harms or benefits.
        return {
            side: [each for each in value if name in each]
            for side, name in _SIDE_NAMES.items()
            if any(name in each for each in value)
        }
    return None


def _json_branches(rows: Sequence[Any], side: Side) -> Iterator[_Branch]:
    for row in rows:
        if not isinstance(row, Mapping):
            yield _Branch("", "group", [(None, [None])])
            continue
        who, kind = _field(row, "who", "stakeholder", "name"), _field(row, "kind", "class")
        actions = _field(row, "acts", "actions", _SIDE_NAMES[side])
        plain = str(kind).strip().casefold()
        yield _Branch(
            who if isinstance(who, str) else "",
            plain if plain in KINDS else "group",
            [_json_action(each, side) for each in (actions if isinstance(actions, list) else [None])],
        )


def _json_action(row: Any, side: Side) -> tuple[Any, list[dict[str, Any] | None]]:
    if not isinstance(row, Mapping):
        return None, [None]
    leaves = _field(row, "fx", "effects")
    read = [_json_leaf(each, side) for each in (leaves if isinstance(leaves, list) else [None])]
    if side == "benefit":
        text = _field(row, "text", "action")
        return (clean(text) if isinstance(text, str) else "" if text is None else None), read
    return _action_number(_field(row, "id", "action")), read


def _json_leaf(row: Any, side: Side) -> dict[str, Any] | None:
    if isinstance(row, str) and (label := read_leaf(row.strip().upper())):
        return label.model_dump()
    if not isinstance(row, Mapping):
        return None
    names: dict[str, str] = {name: name for name in EXTENTS}
    likelihoods: dict[str, str] = {name: name for name in LIKELIHOODS}
    if side == "benefit":
        names |= {taxonomy().extents[name][0]: name for name in EXTENTS}
    leaf = {
        "effect": _effect_letter(_field(row, "e", "effect"), side),
        "extent": names.get(_word(_field(row, "x", "extent"))),
        "likelihood": likelihoods.get(_word(_field(row, "p", "likelihood"))),
        "immediate": _TRUTHS.get(_word(_field(row, "now", "immediate", "immediacy"))),
    }
    return leaf if None not in leaf.values() else None


def _field(row: Mapping[Any, Any], *names: str) -> Any:
    """Give a field by any of its names; None where it is absent or has two readings."""
    values = [row[name] for name in names if name in row]
    return values[0] if values and all(each == values[0] for each in values) else None


def _action_number(value: Any) -> int | None:
    """Read an action by number, name or path; None for neither, or for two that differ."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    if isinstance(value, int):
        return value if 1 <= value <= ACTIONS else None
    words = f" {_plain(value)} "
    named = []
    for name, number in _action_names():
        if f" {name} " in words:
            named.append(number)
            words = words.replace(f" {name} ", " | ")
    numbers = {int(each) for each in re.findall(r"(?<!\d)\d{1,2}(?!\d)", value)}
    if len(named) == 1 and (not numbers or named[0] in numbers):
        return named[0]
    only = numbers.pop() if len(numbers) == 1 and not named else 0
    return only if 1 <= only <= ACTIONS else None


def _action_names() -> list[tuple[str, int]]:
    # The longest first: "Fraudulent Schemes" is not "Fraud".
    return sorted(((_plain(each.name), each.id) for each in taxonomy().actions), key=lambda each: -len(each[0]))


def _effect_letter(value: Any, side: Side) -> str | None:
    words = _word(value)
    letters = {each.letter.casefold(): each.letter for each in taxonomy().effects}
    names = {_plain(each.name(side)): each.letter for each in taxonomy().effects}
    if words in letters:
        return letters[words]
    plain = _plain(words)
    first, _, rest = plain.partition(" ")
    return names.get(plain) or (letters.get(first) if names.get(rest) == letters.get(first, "") else None)


def _line_branches(lines: Sequence[str], side: Side, *, cut: bool) -> Iterator[_Branch]:
    if len(lines) == 1 and lines[0].casefold() == NOBODY:
        return
    branch: _Branch | None = None
    for number, line in enumerate(lines):
        is_last = cut and number == len(lines) - 1
        if line.startswith("@"):
            if branch is not None:
                yield branch
            kind, _, who = line[1:].strip().partition(" ")
            known = kind.casefold() in KINDS
            branch = _Branch(who if known else line[1:].strip(), kind.casefold() if known else "group", [])
            continue
        action, leaves = _line_action(line, side)
        if is_last and (action is None or not leaves or leaves[-1] is None):
            leaves = leaves[:-1]  # half a leaf, at the cut
            if action is None or not leaves:
                continue
        branch = branch or _Branch("", "group", [])
        branch.actions.append((action, leaves))
    if branch is None:
        if cut:
            return
        raise UnreadableReplyError(f"the {side} side is missing; an empty one is written as {NOBODY}")
    if branch.actions or not cut:
        yield branch


def _line_action(line: str, side: Side) -> tuple[Any, list[dict[str, Any] | None]]:
    words = line.split(" ")
    leaves: list[dict[str, Any] | None] = []
    if side == "harm":
        number = _action_number(words[0].rstrip(".:"))
        for word in words[1:]:
            label = read_leaf(word.upper().rstrip(","))
            leaves.append(label.model_dump() if label else None)
        return number, leaves or [None]
    at = 0
    while at < len(words) and _LEAF_LIKE.fullmatch(words[at]):
        label = read_leaf(words[at].upper().rstrip(","))
        leaves.append(label.model_dump() if label else None)
        at += 1
    return clean(" ".join(words[at:]).removeprefix("\\")), leaves or [None]


def _word(value: Any) -> str:
    return str(value).strip().casefold() if isinstance(value, str | bool) else ""


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[^a-z0-9]+", " ", text.casefold()).split())


_SIDES: dict[str, Side] = {"H": "harm", "B": "benefit"}
_SIDE_NAMES: dict[Side, str] = {"harm": "harms", "benefit": "benefits"}
_TRUTHS = {"true": True, "false": False, "immediate": True, "downstream": False}
_LEAF_LIKE = re.compile(rf"(?i:{LEAF.pattern}|[A-Z]\d[A-Z][+-]),?")
