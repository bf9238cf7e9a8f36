"""Cipher with instructions: an expert in a cipher, examples, then the request in it (CipherChat, arXiv:2308.06463).

The instructions join the system message and the request is the whole user turn, as in the paper. `cipher/self` is its
SelfCipher: everything stays in plain words, and only the claim of a cipher is made. The paper's examples are harmful;
ours are everyday questions (see `demonstrations.py`).
"""

from random import Random

from instincts.attacks.attack import Attack
from instincts.attacks.codes import CODES, Code
from instincts.attacks.demonstrations import everyday
from instincts.attacks.rewriting import rewriting
from instincts.attacks.wording import fill, sources
from instincts.prompts import Message

__all__ = ["ATTACKS", "EXAMPLES"]

EXAMPLES = 3


def _attack(name: str, code: Code | None, mechanism: str) -> Attack:
    template = "cipher" if code else "cipher-self"

    def write(request: str, seed: int) -> list[Message]:
        drawn = everyday(EXAMPLES, Random(f"{name}/{seed}/{request}"))
        lines = [line for asked, said in drawn for line in (f"Message: {_put(asked)}", f"Reply: {_put(said)}")]
        slots = {"examples": "\n".join(lines)} | ({"code": code.label} if code else {})
        return [Message("system", fill(template, **slots)), Message("user", _put(request))]

    def _put(text: str) -> str:
        return code.encode(text) if code else text

    return Attack(
        name=name,
        family="cipher",
        mechanism=mechanism,
        access="static",
        apply=rewriting(name, write),
        decode=code.read if code else None,
        sources=sources(template),
        cost=f"{EXAMPLES} examples of about 30 words, in the cipher",
        paper="2308.06463",
    )


ATTACKS = (
    _attack("cipher/caesar", CODES["caesar"], "a conversation held in a Caesar cipher"),
    _attack("cipher/code-points", CODES["code-points"], "a conversation held in numbers of characters"),
    _attack("cipher/self", None, "a conversation that is only said to be ciphered"),
)
