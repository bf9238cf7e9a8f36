"""The jailbreak wrappers of the pocket world as attacks `pocket/NAME`; they wrap any text, of that world or another."""

from instincts.attacks.attack import Attack
from instincts.attacks.rewriting import rewriting
from instincts.attacks.turns import PREFILLED
from instincts.pocket.wrappers import TRAINING_WRAPPERS, WRAPPERS, Wrapper
from instincts.prompts import Message

__all__ = ["ATTACKS"]


def _attack(wrapper: Wrapper) -> Attack:
    name = f"pocket/{wrapper.name}"

    def write(request: str, seed: int) -> list[Message]:
        return [Message.of(role, content) for role, content in wrapper.wrap(request, seed).messages]

    return Attack(
        name=name,
        family="pocket",
        mechanism=wrapper.mechanism,
        access="static",
        apply=rewriting(name, write),
        tags=frozenset(_tags(wrapper)),
    )


def _tags(wrapper: Wrapper) -> list[str]:
    is_so = {
        "unseen": not wrapper.seen,
        "trained": wrapper.name in TRAINING_WRAPPERS,
        PREFILLED: wrapper.name == "prefilled-answer",
    }
    return [tag for tag, true in is_so.items() if true]


ATTACKS = tuple(_attack(wrapper) for wrapper in WRAPPERS.values())
