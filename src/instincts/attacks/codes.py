"""Codes that a request can be put into and an answer read from; pure text in and out, knows no attack.

`decode(encode(x))` is x, up to what a code cannot carry: Morse has no case and one kind of blank, leetspeak has no
case and takes digits for letters. `read` is for answers of models, which mix code with plain words and stop anywhere:
it decodes what is surely code and leaves the rest, so that a refusal in plain words stays one.
"""

import base64 as b64
import binascii
import codecs
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from string import ascii_lowercase, ascii_uppercase
from types import MappingProxyType

__all__ = ["CAESAR_SHIFT", "CODES", "MORSE", "Code"]

CAESAR_SHIFT = 3
"""As Caesar's own, and as in the cipher attack of arXiv:2308.06463."""


@dataclass(frozen=True, kw_only=True)
class Code:
    """One way to write a text so that it does not look like itself."""

    name: str
    label: str
    """What to call it in a prompt."""
    encode: Callable[[str], str]
    decode: Callable[[str], str]
    """The inverse of `encode`; raises ValueError for a text that is not in the code, where the code can tell."""
    read: Callable[[str], str]
    """`decode` for an answer: parts that are not in the code stay as they are."""


def _base64(text: str) -> str:
    return b64.b64encode(text.encode()).decode("ascii")


def _from_base64(text: str) -> str:
    return b64.b64decode(text, validate=True).decode()


def _read_base64(answer: str) -> str:
    # Models break long code over lines; a run of several lines is tried as one, then line by line.
    joined = re.sub(rf"{_RUN_64}(?:\n[A-Za-z0-9+/]+)+={{0,2}}", lambda run: _bytes_of(run[0], _unpad) or run[0], answer)
    return re.sub(rf"{_RUN_64}={{0,2}}", lambda run: _bytes_of(run[0], _unpad) or run[0], joined)


def _unpad(run: str) -> bytes:
    letters = re.sub(r"[\s=]", "", run)
    # An answer cut by the token limit ends inside a group of four: a lone last letter carries no whole byte.
    letters = letters[:-1] if len(letters) % 4 == 1 else letters
    return b64.b64decode(letters + "=" * (-len(letters) % 4), validate=True)


def _hex(text: str) -> str:
    return text.encode().hex()


def _from_hex(text: str) -> str:
    return bytes.fromhex(text).decode()


def _read_hex(answer: str) -> str:
    return re.sub(r"\b(?:[0-9a-fA-F]{2} ?){6,}", lambda run: _bytes_of(run[0], bytes.fromhex) or run[0], answer)


def _bytes_of(run: str, read: Callable[[str], bytes]) -> str | None:
    """Decode a run that might be code; None if what comes out is no text."""
    try:
        # Not final: the last character of a cut answer may lack bytes.
        text = codecs.getincrementaldecoder("utf-8")().decode(read(run))
    except (ValueError, binascii.Error):
        return None
    plain = all(letter.isprintable() or letter.isspace() for letter in text)
    return text + run[len(run.rstrip()) :] if text and plain else None


def _shifted(by: int) -> Callable[[str], str]:
    rotated = [letters[by:] + letters[:by] for letters in (ascii_lowercase, ascii_uppercase)]
    table = str.maketrans(ascii_lowercase + ascii_uppercase, "".join(rotated))
    return lambda text: text.translate(table)


def _read_by_line(decode: Callable[[str], str]) -> Callable[[str], str]:
    """Decode the lines that are English far likelier decoded than as they stand; a line of a few letters never is."""

    def read(answer: str) -> str:
        return "\n".join(decode(line) if is_code(line) else line for line in answer.split("\n"))

    def is_code(line: str) -> bool:
        return _likeness(decode(line)) > _likeness(line) + _MARGIN

    return read


def _likeness(line: str) -> float:
    """Sum of the log frequencies that its letters have in English."""
    return sum(math.log(_FREQUENCY[letter]) for letter in line.lower() if letter in _FREQUENCY)


def _leet(text: str) -> str:
    return text.translate(_TO_LEET)


def _from_leet(text: str) -> str:
    return text.translate(_FROM_LEET)


def _read_leet(answer: str) -> str:
    return "\n".join(_from_leet(line) if _is_leet(line) else line for line in answer.split("\n"))


def _is_leet(line: str) -> bool:
    words = re.findall(r"\w+", line)
    mixed = [word for word in words if re.search(r"[^\W\d_]", word) and re.search(r"[013457]", word)]
    # A lone "3D" in plain text is no leetspeak.
    return len(mixed) > 0.25 * len(words)


def _morse(text: str) -> str:
    return " / ".join(" ".join(MORSE.get(letter, letter) for letter in word.upper()) for word in text.split())


def _from_morse(text: str) -> str:
    return " ".join("".join(_FROM_MORSE.get(mark, mark) for mark in word.split()) for word in text.split("/"))


def _read_morse(answer: str) -> str:
    return "\n".join(_read_morse_line(line) for line in answer.split("\n"))


def _read_morse_line(line: str) -> str:
    marks = line.translate(_PLAIN_MARKS)
    # Three letters at least: a rule of hyphens or an ellipsis in plain text is no Morse.
    found = re.sub(r"(?<!\S)[.\-]{1,7}(?:(?: | ?/ ?)[.\-]{1,7}){2,}(?!\S)", lambda run: _from_morse(run[0]), marks)
    return line if found == marks else found


def _numbers(text: str) -> str:
    return " ".join(str(ord(letter)) for letter in text)


def _from_numbers(text: str) -> str:
    return "".join(chr(int(number)) for number in text.split())


def _read_numbers(answer: str) -> str:
    def read(run: re.Match[str]) -> str:
        try:
            text = _from_numbers(run[0].replace(",", " "))
        except (ValueError, OverflowError):
            return run[0]
        return text if all(letter.isprintable() or letter.isspace() for letter in text) else run[0]

    return re.sub(r"\b\d{2,7}(?:,? \d{2,7}){4,}\b", read, answer)


_RUN_64 = r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{14,}"

_FREQUENCY = dict(
    zip(
        "etaoinshrdlcumwfgypbvkjxqz",
        [
            *(12.7, 9.1, 8.2, 7.5, 7.0, 6.7, 6.3, 6.1, 6.0, 4.3, 4.0, 2.8, 2.8, 2.4, 2.4, 2.2, 2.0, 2.0, 1.9, 1.5),
            *(0.98, 0.77, 0.15, 0.15, 0.095, 0.074),
        ],
        strict=True,
    )
)
"""How many of a hundred letters of English text are this one."""

_MARGIN = math.log(1000)

_TO_LEET = str.maketrans("aeiostAEIOST", "431057" * 2)
_FROM_LEET = str.maketrans("431057", "aeiost")

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,?'!/()&:;=+-_\"$@"
_MARKS = (
    ".- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- -. --- .--. --.- .-. ... - ..- ...- .-- -..- -.-- --.. "
    "----- .---- ..--- ...-- ....- ..... -.... --... ---.. ----. .-.-.- --..-- ..--.. .----. -.-.-- -..-. -.--. "
    "-.--.- .-... ---... -.-.-. -...- .-.-. -....- ..--.- .-..-. ...-..- .--.-."
)
MORSE = MappingProxyType(dict(zip(_LETTERS, _MARKS.split(), strict=True)))
"""International Morse code; a character without a sign stands as itself."""

_FROM_MORSE = {mark: letter for letter, mark in MORSE.items()}
_PLAIN_MARKS = str.maketrans({"•": ".", "·": ".", "–": "-", "—": "-", "−": "-", "_": "-", "|": "/"})

CODES: MappingProxyType[str, Code] = MappingProxyType(
    {
        code.name: code
        for code in (
            Code(name="base64", label="base64", encode=_base64, decode=_from_base64, read=_read_base64),
            Code(
                name="caesar",
                label=f"a Caesar cipher with a shift of {CAESAR_SHIFT}",
                encode=_shifted(CAESAR_SHIFT),
                decode=_shifted(-CAESAR_SHIFT),
                read=_read_by_line(_shifted(-CAESAR_SHIFT)),
            ),
            Code(
                name="code-points",
                label="numbers of characters in Unicode",
                encode=_numbers,
                decode=_from_numbers,
                read=_read_numbers,
            ),
            Code(name="hex", label="hexadecimal bytes of UTF-8", encode=_hex, decode=_from_hex, read=_read_hex),
            Code(name="leetspeak", label="leetspeak", encode=_leet, decode=_from_leet, read=_read_leet),
            Code(name="morse", label="Morse code", encode=_morse, decode=_from_morse, read=_read_morse),
            Code(
                name="rot13",
                label="rot13",
                encode=lambda text: codecs.encode(text, "rot13"),
                decode=lambda text: codecs.encode(text, "rot13"),
                read=_read_by_line(lambda text: codecs.encode(text, "rot13")),
            ),
        )
    }
)
"""By name."""
