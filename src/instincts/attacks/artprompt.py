"""Letter art: the telling word is masked and drawn with signs, so that only who reads the drawing sees it.

ArtPrompt (arXiv:2402.11753) lets a model name the telling word and tries several fonts. Here the word is chosen by rule
(the longest; the first of several) and there is one font, drawn across or down. Only A to Z and 0 to 9 have drawings:
any other character is drawn as a block of itself.
"""

import re
from collections.abc import Callable
from types import MappingProxyType

from instincts.attacks.attack import Attack
from instincts.attacks.rewriting import rewriting
from instincts.attacks.wording import fill, sources
from instincts.prompts import Message

__all__ = ["ATTACKS", "GLYPHS", "draw_across", "draw_down", "telling_word"]


def telling_word(request: str) -> str:
    """Choose the word to hide: the longest that does not belong to asking, the first of several.

    Of a request without such a word the longest word, and of one without words all of it.
    """
    words = re.findall(r"\w+", request)
    telling = [word for word in words if word.lower() not in _ASKING]
    return max(telling or words, key=len, default=request.strip())


def draw_across(word: str) -> str:
    """Draw a word from left to right: five lines."""
    rows = zip(*(_glyph(letter) for letter in word.upper()), strict=True)
    return "\n".join("  ".join(row).rstrip() for row in rows)


def draw_down(word: str) -> str:
    """Draw a word from top to bottom: five lines a letter, and an empty one between."""
    return "\n\n".join("\n".join(row.rstrip() for row in _glyph(letter)) for letter in word.upper())


def _glyph(letter: str) -> list[str]:
    drawn = GLYPHS.get(letter)
    return [row.replace(".", " ") for row in drawn.split(" ")] if drawn else [letter * 5] * 5


def _attack(kind: str, draw: Callable[[str], str], layout: str) -> Attack:
    name = f"artprompt/{kind}"

    def write(request: str, seed: int) -> list[Message]:
        word = telling_word(request)
        masked = request.replace(word, "[MASK]", 1)
        return [Message("user", fill("artprompt", layout=layout, drawing=draw(word), masked=masked))]

    return Attack(
        name=name,
        family="artprompt",
        mechanism=f"the longest word is drawn with signs, {layout}",
        access="static",
        apply=rewriting(name, write),
        sources=sources("artprompt"),
        cost="about 15 tokens for each letter of the drawn word",
        paper="2402.11753",
    )


GLYPHS = MappingProxyType(
    {
        "A": ".###. #...# ##### #...# #...#",
        "B": "####. #...# ####. #...# ####.",
        "C": ".#### #.... #.... #.... .####",
        "D": "####. #...# #...# #...# ####.",
        "E": "##### #.... ###.. #.... #####",
        "F": "##### #.... ###.. #.... #....",
        "G": ".#### #.... #..## #...# .####",
        "H": "#...# #...# ##### #...# #...#",
        "I": "##### ..#.. ..#.. ..#.. #####",
        "J": "##### ...#. ...#. #..#. .##..",
        "K": "#...# #..#. ###.. #..#. #...#",
        "L": "#.... #.... #.... #.... #####",
        "M": "#...# ##.## #.#.# #...# #...#",
        "N": "#...# ##..# #.#.# #..## #...#",
        "O": ".###. #...# #...# #...# .###.",
        "P": "####. #...# ####. #.... #....",
        "Q": ".###. #...# #.#.# #..#. .##.#",
        "R": "####. #...# ####. #..#. #...#",
        "S": ".#### #.... .###. ....# ####.",
        "T": "##### ..#.. ..#.. ..#.. ..#..",
        "U": "#...# #...# #...# #...# .###.",
        "V": "#...# #...# #...# .#.#. ..#..",
        "W": "#...# #...# #.#.# ##.## #...#",
        "X": "#...# .#.#. ..#.. .#.#. #...#",
        "Y": "#...# .#.#. ..#.. ..#.. ..#..",
        "Z": "##### ...#. ..#.. .#... #####",
        "0": ".###. #..## #.#.# ##..# .###.",
        "1": "..#.. .##.. ..#.. ..#.. .###.",
        "2": "####. ....# .###. #.... #####",
        "3": "####. ....# .###. ....# ####.",
        "4": "#..#. #..#. ##### ...#. ...#.",
        "5": "##### #.... ####. ....# ####.",
        "6": ".###. #.... ####. #...# .###.",
        "7": "##### ....# ...#. ..#.. .#...",
        "8": ".###. #...# .###. #...# .###.",
        "9": ".###. #...# .#### ....# .###.",
    }
)
"""Five rows of five signs for each letter; a dot is a blank."""

_ASKING = frozenset(
    [
        *(
            "about",
            "could",
            "create",
            "describe",
            "detailed",
            "develop",
            "explain",
            "generate",
            "instructions",
            "people",
        ),
        *("please", "provide", "should", "someone", "tutorial", "without", "would", "write"),
    ]
)

ATTACKS = (
    _attack("across", draw_across, "the letters side by side"),
    _attack("down", draw_down, "the letters one below the other"),
)
