"""Attacks by name and by family."""

import subprocess
import sys

import pytest

from instincts import attacks
from instincts.errors import ConfigError
from instincts.pocket.wrappers import UNSEEN_WRAPPERS, WRAPPERS


def test_every_attack_is_found_by_its_name_and_says_what_it_does() -> None:
    for name in attacks.names():
        attack = attacks.get(name)
        assert attack.name == name
        assert attack.mechanism
        assert name in (attack.family, f"{attack.family}/{name.partition('/')[2]}")


def test_a_family_stands_for_all_its_members() -> None:
    assert [attack.name for attack in attacks.expand("pocket")] == [f"pocket/{name}" for name in WRAPPERS]


def test_names_and_families_mix_in_the_order_given_and_each_attack_comes_once() -> None:
    found = [attack.name for attack in attacks.expand("pocket/urgency, plain,pocket")]
    assert found[:2] == ["pocket/urgency", "plain"]
    assert sorted(found) == sorted(["plain", *(f"pocket/{name}" for name in WRAPPERS)])


def test_a_list_of_names_is_as_good_as_commas() -> None:
    assert attacks.expand(["plain", "pocket/urgency"]) == attacks.expand("plain,pocket/urgency")


@pytest.mark.parametrize(("name", "near"), [("pocket/role_play", "pocket/role-play"), ("plian", "plain")])
def test_an_unknown_attack_lists_near_matches(name: str, near: str) -> None:
    with pytest.raises(ConfigError, match=f"did you mean '{near}'"):
        attacks.get(name)
    with pytest.raises(ConfigError, match=f"did you mean '{near}'"):
        attacks.expand(name)


def test_wrappers_never_met_in_alignment_are_tagged() -> None:
    unseen = {name for name in attacks.names() if "unseen" in attacks.get(name).tags}
    assert unseen == {f"pocket/{name}" for name in UNSEEN_WRAPPERS}


def test_attacks_need_neither_torch_nor_inspect() -> None:
    code = "import sys, instincts.attacks; assert not {'torch', 'inspect_ai'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
