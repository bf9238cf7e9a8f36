"""`instincts attacks`."""

import json
from typing import Any

import pytest

from instincts import attacks
from instincts.cli.app import run


def listed(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    assert run(["attacks", *words, "--json"]) == 0
    rows: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return rows


def test_every_attack_is_listed_with_what_it_declares(capsys: pytest.CaptureFixture[str]) -> None:
    rows = listed(capsys)

    assert [row["name"] for row in rows] == attacks.names()
    assert all(row["access"] and row["mechanism"] for row in rows)


def test_a_family_is_listed_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert {row["family"] for row in listed(capsys, "--family", "encoding")} == {"encoding"}
    assert listed(capsys, "encoding") == listed(capsys, "--family", "encoding")


def test_one_attack_is_shown_with_what_it_makes_of_a_request(capsys: pytest.CaptureFixture[str]) -> None:
    (row,) = listed(capsys, "flipattack/words")

    (turn,) = row["example"]
    assert turn["role"] == "user"
    assert "\n---\nlamp? paper the zordan I do How\n---" in turn["content"]


def test_a_search_has_no_example_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["attacks", "best-of-n/noised"]) == 0

    shown = capsys.readouterr()
    assert "black-box" in shown.out
    assert "no example" in shown.err


def test_a_list_says_what_is_judged_and_what_has_to_be_given(capsys: pytest.CaptureFixture[str]) -> None:
    facts = {row["name"]: (row["judged"], row["needs"]) for row in listed(capsys)}
    assert facts["best-of-n/noised"] == ("best", None)
    assert facts["pair"] == ("new", "attacker")
    assert facts["scav"] == ("new", "contrast")

    assert run(["attacks"]) == 0
    legend = capsys.readouterr().err
    assert all(word in legend for word in ("budget:", "needs:", "--contrast FILE", "--model-role", "judged:"))


@pytest.mark.parametrize(("words", "near"), [(("nested",), "nested-fiction"), (("--family", "encodings"), "encoding")])
def test_an_unknown_name_lists_near_ones(words: tuple[str, ...], near: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["attacks", *words]) == 2
    assert f"did you mean '{near}'" in capsys.readouterr().err
