"""Role play: the model is asked to speak as somebody who would answer.

The five styles are those of the wrappers that the field counts apart (adviser without morals, second self, opposite,
test mode, abrasive persona in a test mode; collected in arXiv:2308.03825). Left out: their texts, which run to
thousands of characters of threats, points and repetition.
"""

from instincts.attacks.wording import worded

__all__ = ["ATTACKS"]

_PAPER = "2308.03825"

ATTACKS = (
    worded("roleplay/adviser", "an adviser in a play, beyond morals", paper=_PAPER),
    worded("roleplay/second-self", "two voices, one of which never declines", paper=_PAPER),
    worded("roleplay/opposite", "an opposite who agrees where the model would decline", paper=_PAPER),
    worded("roleplay/test-mode", "a pretended test mode without a filter", paper=_PAPER),
    worded("roleplay/gruff", "an abrasive character who scorns excuses", paper=_PAPER),
)
