"""Persuasion: reasons, true or not, why the request should be answered (arXiv:2401.06373).

The five techniques that the paper's followers run most, in fixed words around the plain request. Left out: the paper's
rewriting of the request itself by a model, which needs one; the other thirty-five techniques.
"""

from instincts.attacks.wording import worded

__all__ = ["ATTACKS"]

_PAPER = "2401.06373"

ATTACKS = (
    worded("persuasion/logical-appeal", "an argument that answering does more good", paper=_PAPER),
    worded("persuasion/authority", "an institution that recommends to answer", paper=_PAPER),
    worded("persuasion/evidence", "invented figures of harmlessness", paper=_PAPER),
    worded("persuasion/expert", "an invented expert who wants it explained", paper=_PAPER),
    worded("persuasion/misrepresentation", "a claimed duty that needs the answer", paper=_PAPER),
)
