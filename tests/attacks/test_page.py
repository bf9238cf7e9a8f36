"""The page of attacks lists what there is: the table cannot rot, because it is compared with the registry."""

import re
from pathlib import Path

from instincts import attacks
from instincts.attacks import Attack

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "attacks.md").read_text(encoding="utf-8")


def row(attack: Attack) -> str:
    return (
        f"| `{attack.name}` | {attack.access} | {attack.budget or '-'} | {attack.paper or '-'} | {attack.mechanism} |"
    )


def test_every_attack_is_on_the_page_as_it_declares_itself() -> None:
    missing = [row(attacks.get(name)) for name in attacks.names() if row(attacks.get(name)) not in PAGE]

    assert missing == [], f"docs/attacks.md lacks {len(missing)} rows, to be put under the heading of their family"


def test_every_attack_on_the_page_exists() -> None:
    listed = set(re.findall(r"^\| `([\w/-]+)` \|", PAGE, re.MULTILINE))

    assert listed - set(attacks.names()) == set(), "docs/attacks.md has rows of attacks that are not there"


def test_every_family_has_its_section() -> None:
    families = {attacks.get(name).family for name in attacks.names()} | {"transfer"}

    assert families - set(re.findall(r"^## (.+)$", PAGE, re.MULTILINE)) == set()


def test_there_are_at_least_twenty_eight_methods_in_fourteen_families() -> None:
    """The pocket's own wrappers and the plain request not counted."""
    found = [attacks.get(name) for name in attacks.names() if attacks.get(name).family not in ("plain", "pocket")]

    assert len(found) >= 28
    assert len({attack.family for attack in found}) >= 14


def test_the_page_names_the_attacks_whose_best_answer_is_judged() -> None:
    told = PAGE[PAGE.index("- **Judged** is") : PAGE.index("- **Seeds**")]

    best = {name for name in attacks.names() if attacks.get(name).judged == "best"}
    assert set(re.findall(r"`([\w/-]+/[\w/-]+)`", told)) == best
