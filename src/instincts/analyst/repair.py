"""JSON values out of a model's text: fences and prose around them, trailing commas, line breaks in strings, a cut end.

A value that is whole is read as it is. Only what cannot be read is mended: commas before a closing bracket are left
out, and a text that ends in the middle is taken up to its last whole object and closed there. Knows no tree.
"""

import json
from collections.abc import Iterator
from typing import Any

__all__ = ["json_values"]


def json_values(text: str) -> Iterator[tuple[Any, bool]]:
    """Give every outermost JSON object or list in a text, and whether it was cut off and closed by us."""
    decoder = json.JSONDecoder(strict=False)
    at, left = _next(text, 0), _TRIES
    while at >= 0 and left:
        try:
            value, end = decoder.raw_decode(text, at)
            yield value, False
        except RecursionError:
            return
        except ValueError:
            left -= 1
            mended, end, was_cut = _mended(text, at)
            try:
                yield decoder.decode(mended), was_cut
            except (ValueError, RecursionError):
                end = at + 1
        at = _next(text, end)


def _next(text: str, start: int) -> int:
    found = [at for at in (text.find("{", start), text.find("[", start)) if at >= 0]
    return min(found, default=-1)


def _mended(text: str, start: int) -> tuple[str, int, bool]:
    """Drop trailing commas from one value; where it does not end, cut behind its last whole object and close it."""
    kept: list[str] = []
    open_: list[str] = []
    whole: tuple[int, tuple[str, ...]] | None = None
    in_string = escaped = False
    for at in range(start, len(text)):
        letter = text[at]
        if in_string:
            kept.append(letter)
            in_string = escaped or letter != '"'
            escaped = letter == "\\" and not escaped
            continue
        if letter in "}]":
            while kept and (kept[-1].isspace() or kept[-1] == ","):
                kept.pop()
            if not open_ or open_[-1] != letter:
                break
            open_.pop()
        elif letter in "{[":
            open_.append(_CLOSING[letter])
        kept.append(letter)
        in_string = letter == '"'
        if letter == "}":
            whole = len(kept), tuple(open_)
        if not open_:
            return "".join(kept), at + 1, False
    if whole is None:
        return "", len(text), True
    end, closing = whole
    return "".join([*kept[:end], *reversed(closing)]), len(text), True


_TRIES = 20
"""How many brackets are tried that begin nothing whole: each costs a walk through the rest of the text."""
_CLOSING = {"{": "}", "[": "]"}
