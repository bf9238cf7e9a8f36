"""What a judging model is shown: its instructions from a template, and the answer quoted as data behind a tag.

The tag is made of the quoted text itself, so whoever wrote the answer cannot have written the tag into it. The reply
must carry the tag too: a ready-made verdict inside an answer has another one, or none, and is not read.
"""

import json
from hashlib import sha256
from importlib.resources import files
from string import Template
from typing import Any

from instincts.errors import UnreadableReplyError
from instincts.judges.verdict import Answer

__all__ = ["fill", "read_tagged", "tag_of"]


def tag_of(answer: Answer) -> str:
    """Make the tag of an answer: eight hexadecimal digits that stand nowhere in it."""
    text = json.dumps([answer.request, answer.text])
    tag = sha256(text.encode()).hexdigest()[:8]
    while tag in text:
        tag = sha256(tag.encode()).hexdigest()[:8]
    return tag


def fill(template: str, **slots: str) -> str:
    """Fill a template of this room in one pass, so that a slot's name inside an answer stays text.

    Raises:
        ValueError: a slot is missing or not in the template.
    """
    text = Template(files("instincts.judges").joinpath("templates", template).read_text(encoding="utf-8"))
    if set(text.get_identifiers()) != slots.keys():
        raise ValueError(f"template {template} has slots {text.get_identifiers()}, not {sorted(slots)}")
    return text.substitute(slots)


def read_tagged(reply: str, tag: str) -> dict[str, Any]:
    """Find the one JSON object of a reply whose `case` is the tag; words around it are let be.

    Raises:
        UnreadableReplyError: there is none, or there are several that differ.
    """
    found = {json.dumps(each, sort_keys=True): each for each in _objects(reply) if each.get("case") == tag}
    if len(found) == 1:
        return next(iter(found.values()))
    what = "several verdicts that differ" if found else "no verdict"
    raise UnreadableReplyError(f"the reply holds {what} for case {tag}: {_short(reply)}")


def _objects(text: str) -> list[dict[str, Any]]:
    decoder, found, start = json.JSONDecoder(), [], text.find("{")
    while start >= 0:
        end = start + 1
        try:
            value, end = decoder.raw_decode(text, start)
        except ValueError:
            pass
        except RecursionError:
            break  # and so for every brace within
        else:
            found.append(value)
        start = text.find("{", end)
    return found


def _short(text: str) -> str:
    plain = " ".join(text.split())
    return repr(plain if len(plain) <= 80 else f"{plain[:80]}...")
