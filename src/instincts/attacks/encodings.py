"""Encodings: the request in a code, and the answer asked for in the same code (arXiv:2307.02483).

A model that was taught refusing in plain words may understand a code and not its harm. `encoding/base64-request` asks
for a plain answer. Answers are decoded before they are judged; what is not in the code is read as it stands.
"""

from instincts.attacks.attack import Attack
from instincts.attacks.codes import CODES, Code
from instincts.attacks.rewriting import rewriting
from instincts.attacks.wording import fill, sources
from instincts.prompts import Message

__all__ = ["ATTACKS", "ENCODINGS"]

ENCODINGS = ("base64", "rot13", "leetspeak", "caesar", "morse", "hex")


def _attack(code: Code, name: str, template: str, mechanism: str) -> Attack:
    def write(request: str, seed: int) -> list[Message]:
        return [Message("user", fill(template, code=code.label, encoded=code.encode(request)))]

    return Attack(
        name=name,
        family="encoding",
        mechanism=mechanism,
        access="static",
        apply=rewriting(name, write),
        decode=code.read,
        sources=sources(template),
        paper="2307.02483",
    )


ATTACKS = (
    *(_attack(CODES[name], f"encoding/{name}", "encoding-both", f"request and answer in {name}") for name in ENCODINGS),
    _attack(CODES["base64"], "encoding/base64-request", "encoding-request", "request in base64, answer in plain words"),
)
