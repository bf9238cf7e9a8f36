"""No attack: the request as it is, the baseline of every table."""

from instincts.attacks.attack import Attack, Messages

__all__ = ["ATTACKS"]


def _as_it_is(messages: Messages, seed: int) -> Messages:
    return messages


ATTACKS = (Attack(name="plain", family="plain", mechanism="the request as it is", access="static", apply=_as_it_is),)
