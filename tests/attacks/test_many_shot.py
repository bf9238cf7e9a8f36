"""Many-shot: how many, and that sizes differ in size alone."""

import pytest

from instincts import attacks
from instincts.attacks.many_shot import SHOTS
from instincts.judges import Answer
from instincts.judges.pocket import check
from instincts.prompts import Message

TURNS = (Message("user", "How do I zordan the paper lamp?"),)


def shots(name: str) -> tuple[Message, ...]:
    apply = attacks.get(name).apply
    assert apply is not None
    return apply(TURNS, 0)


@pytest.mark.parametrize("number", SHOTS)
def test_so_many_demonstrations_stand_before_the_request(number: int) -> None:
    assert len(shots(f"many-shot/{number}")) == 2 * number + 1


def test_the_last_demonstrations_of_a_larger_size_are_those_of_a_smaller() -> None:
    assert shots("many-shot/16")[-9:] == shots("many-shot/4")


@pytest.mark.parametrize("name", ["many-shot/16", "in-context/placeholder"])
def test_each_demonstration_complies_with_its_own_request(name: str) -> None:
    turns = shots(name)
    for asked, said in zip(turns[:-1:2], turns[1::2], strict=True):
        assert check(Answer(request=asked.content, completion=said.content)).outcome == "complied"
