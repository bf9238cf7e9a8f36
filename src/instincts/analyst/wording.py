"""What an analyst is asked: our own instruction from `templates/`, and the prompt under test as quoted data.

The instruction is the same for every prompt, so that a server's prefix cache holds it. The prompt follows in a turn of
its own as one JSON string, in which every character that control tokens are made of is written as an escape; so it can
neither close its quotes nor open a turn. Its tag is made of its own text and stands nowhere in it: a reply that repeats
a ready-made tree out of the prompt does not carry the tag. Wording does not close the hole: flip rates say how wide it
is.

What is asked about an answer, and about a conversation, has an instruction of its own; the answer and what it answers
are quoted alike, since a model that was talked round writes for the one who did it.
"""

import json
import re
from collections.abc import Iterable, Sequence
from functools import cache
from hashlib import sha256
from importlib.resources import files
from string import Template
from typing import Any, NamedTuple

from instincts.analyst.parsing import Caps
from instincts.analyst.settings import SPECIALISTS, Coding, Subject
from instincts.analyst.taxonomy import ACTIONS, EFFECTS, EXTENTS, LIKELIHOODS, Extent, Side, taxonomy
from instincts.analyst.tree import KINDS
from instincts.errors import ConfigError
from instincts.prompts import Message

__all__ = [
    "SIDES",
    "Inquiry",
    "inquiry",
    "instruction",
    "quoted",
    "reply_schema",
    "subject_of",
    "tag_of",
    "templates_sha256",
]

SIDES: tuple[Side, ...] = ("harm", "benefit")


class Inquiry(NamedTuple):
    """What an analyst is sent for one prompt."""

    messages: tuple[Message, ...]
    case: str | None
    """The tag that a reply must carry; None for a specialist, whose whole reply is the tree."""
    schema: dict[str, Any] | None
    """JSON schema of the reply, where it is JSON."""


def subject_of(turns: Sequence[Message]) -> Subject:
    """Tell what turns are that nobody calls an answer: a prompt, or a conversation that is judged by its last request.

    An operator's system text before one turn of a user makes no conversation.
    """
    return "dialogue" if sum(turn.role != "system" for turn in turns) > 1 else "prompt"


def inquiry(
    turns: Sequence[Message],
    sides: Sequence[Side],
    coding: Coding,
    caps: Caps,
    controls: Iterable[str] = (),
    subject: Subject | None = None,
) -> Inquiry:
    """Write the question for some sides of one prompt.

    Args:
        turns: what is under test, one turn or a conversation; an answer is the last turn, what it answers before it.
        sides: which sides are asked for.
        coding: how the tree is to be written.
        caps: how broad a side may be.
        controls: strings that the analyst's tokenizer takes for control tokens.
        subject: what the tree is about; see `subject_of` for what it is if not given.

    Raises:
        ConfigError: a specialist is asked about an answer; it knows what it was trained on, and those were prompts.
    """
    subject = subject or subject_of(turns)
    controls = list(controls)
    if coding in SPECIALISTS:
        if subject == "response":
            raise ConfigError("a specialist reads prompts; to judge answers use another analyst, coding json or lines")
        letters = " ".join("H" if side == "harm" else "B" for side in sides)
        return Inquiry((Message("user", f"{letters}\n{_data(turns, controls)}"),), None, None)
    data = _fields(turns, subject, controls)
    case = tag_of(data)
    ask = f'{{"case": "{case}", {data}}}'
    schema = reply_schema(sides, case) if coding == "json" else None
    return Inquiry((Message("system", instruction(sides, coding, caps, subject)), Message("user", ask)), case, schema)


def instruction(sides: Sequence[Side], coding: Coding, caps: Caps, subject: Subject = "prompt") -> str:
    """Fill the instruction's templates."""
    which = "both" if len(sides) == 2 else sides[0]
    return _fill(
        "instruction-1.txt" if subject == "prompt" else f"instruction-{subject}-1.txt",
        task=_fill(f"task-{which}-1.txt"),
        words=_words(sides),
        form=_form_json(sides) if coding == "json" else _form_lines(sides),
        stakeholders=str(caps.stakeholders),
        actions=str(caps.actions),
        effects=str(caps.effects),
    )


def quoted(text: str, controls: Iterable[str] = ()) -> str:
    """Write a text as a JSON string that holds no control token of any tokenizer.

    Args:
        text: anything a user sent.
        controls: strings of the tokenizer in use; those made of brackets and bars are escaped anyway.
    """
    written = json.dumps(text, ensure_ascii=False)[1:-1]
    written = _MARKS.sub(lambda found: f"\\u{ord(found[0]):04x}", written)
    for control in sorted(controls, key=len, reverse=True):
        # A word that a tokenizer added may be an ordinary one: it stays readable, in its first letter's escape.
        if len(control.strip()) > 1 and control in written and control[0] not in '\\"' and ord(control[0]) < 0x10000:
            written = written.replace(control, f"\\u{ord(control[0]):04x}{control[1:]}")
    return f'"{written}"'


def tag_of(data: str) -> str:
    """Make the tag of a prompt: eight hexadecimal digits that stand nowhere in it."""
    tag = sha256(data.encode("utf-8")).hexdigest()[:8]
    while tag in data:
        tag = sha256(tag.encode()).hexdigest()[:8]
    return tag


def reply_schema(sides: Sequence[Side], case: str) -> dict[str, Any]:
    """Write the JSON schema of a reply. Bounds on lists are left out: Inspect drops them on the way."""
    text: dict[str, Any] = {"type": "string"}
    effect = _object(
        e={**text, "enum": list(EFFECTS)},
        x={**text, "enum": list(EXTENTS)},
        p={**text, "enum": list(LIKELIHOODS)},
        now={"type": "boolean"},
    )

    def stakeholders(side: Side) -> dict[str, Any]:
        what = {"text": text} if side == "benefit" else {"id": {"type": "integer", "minimum": 1, "maximum": ACTIONS}}
        act = _object(**what, fx={"type": "array", "items": effect})
        one = _object(who=text, kind={**text, "enum": list(KINDS)}, acts={"type": "array", "items": act})
        return {"type": "array", "items": one}

    return _object(case={**text, "enum": [case]}, **{f"{side}s": stakeholders(side) for side in sides})


@cache
def templates_sha256() -> str:
    """Hash every template and the taxonomy: trees of different hashes were asked for differently."""
    digest = sha256()
    room = files("instincts.analyst")
    names = sorted(each.name for each in room.joinpath("templates").iterdir() if each.name.endswith(".txt"))
    for part in [*(room.joinpath("templates", name) for name in names), room.joinpath("data", "taxonomy.toml")]:
        digest.update(part.read_bytes())
    return digest.hexdigest()


def _fields(turns: Sequence[Message], subject: Subject, controls: Sequence[str]) -> str:
    match subject:
        case "response":
            asked = _data(turns[:-1], controls) if turns[:-1] else "null"
            return f'"prompt": {asked}, "response": {quoted(turns[-1].content, controls)}'
        case "dialogue":
            return f'"dialogue": {_data(turns, controls)}'
        case "prompt":
            return f'"prompt": {_data(turns, controls)}'


def _data(turns: Sequence[Message], controls: Sequence[str]) -> str:
    if len(turns) == 1 and turns[0].role == "user":
        return quoted(turns[0].content, controls)
    return "[" + ", ".join(
        f'{{"role": "{turn.role}", "content": {quoted(turn.content, controls)}}}' for turn in turns
    ) + "]"  # fmt: skip


def _words(sides: Sequence[Side]) -> str:
    words = taxonomy()
    parts = []
    if "harm" in sides:
        heads = [
            f"{category.name}: "
            + "; ".join(f"{each.id} {each.name}" for each in words.actions if each.category == category.id)
            for category in words.categories
        ]
        parts.append("Harmful actions, by number:\n" + "\n".join(heads))
    for side in sides:
        names = "; ".join(f"{each.letter} {each.name(side)}" for each in words.effects)
        parts.append(f"Effects of a {side}, by letter: {names}.")
    meanings = "; ".join(f"{name} ({', '.join(_extent(name, side) for side in sides)})" for name in EXTENTS)
    parts.append(f"Extents: {meanings}.")
    parts.append("Likelihoods: " + "; ".join(f"{name} ({words.likelihoods[name]})" for name in LIKELIHOODS) + ".")
    return "\n\n".join(parts)


def _extent(name: Extent, side: Side) -> str:
    called, meaning = taxonomy().extents[name]
    return meaning if side == "harm" else f"of a benefit: {called}"


def _form_json(sides: Sequence[Side]) -> str:
    acts = {"harm": "`id` (the number of the harmful action)", "benefit": "`text` (a few words on what helps)"}
    shapes = {
        "harm": '"harms": [{"who": "bank clerk", "kind": "individual", "acts": [{"id": 30, "fx": [{"e": "E", "x": '
        '"minor", "p": "low", "now": false}]}]}]',
        "benefit": '"benefits": [{"who": "asker", "kind": "user", "acts": [{"text": "saves time", "fx": [{"e": "I", '
        '"x": "minor", "p": "high", "now": true}]}]}]',
    }
    return _fill(
        "form-json-1.txt",
        fields="Beside it stand " + " and ".join(f"`{side}s`" for side in sides) + ".",
        kinds=", ".join(KINDS),
        acts=" or ".join(acts[side] for side in sides),
        extents=", ".join(EXTENTS),
        likelihoods=", ".join(LIKELIHOODS),
        shape=", ".join(shapes[side] for side in sides),
    )


def _form_lines(sides: Sequence[Side]) -> str:
    letters = {"harm": "`H`, then the harms", "benefit": "`B`, then the benefits"}
    acts = {
        "harm": "A harmful action is its number, then its effects.",
        "benefit": "A benefit is its effects, then a few words on what helps.",
    }
    shapes = {"harm": "H\n@individual bank clerk\n30 E1L-", "benefit": "B\n@user asker\nI1H+ saves time"}
    return _fill(
        "form-lines-1.txt",
        fields="Then comes a line " + "; then a line ".join(letters[side] for side in sides) + ".",
        kinds=", ".join(KINDS),
        first=EXTENTS[0],
        last=EXTENTS[-1],
        acts=" ".join(acts[side] for side in sides),
        shape="\n".join(shapes[side] for side in sides),
    )


def _fill(template: str, **slots: str) -> str:
    """Fill a template in one pass, so that a slot's name inside a text stays text."""
    text = Template(files("instincts.analyst").joinpath("templates", template).read_text(encoding="utf-8").strip())
    if set(text.get_identifiers()) != slots.keys():
        raise ValueError(f"template {template} has slots {text.get_identifiers()}, not {sorted(slots)}")
    return text.substitute(slots)


def _object(**fields: Any) -> dict[str, Any]:
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


_MARKS = re.compile("[<>|\\[\\]\ud800-\udfff\u2028\u2029]")
"""What control tokens are made of, what no encoding takes, and what breaks a line where JSON lets it."""
