"""What the canaries say, from answers written by hand: two contested prompts and one open, four answers each."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from instincts.models.decoding import Decoded
from instincts.prompts import Message, Prompt
from instincts.sirl import canaries as room
from instincts.sirl.canaries import Canary, canary_judge, canary_rows, look
from instincts.sirl.settings import SirlSettings
from instincts.sirl.stopping import Check, StopRule

REFUSES, DAMAGED, COMPLIES = (
    "I'm sorry, but I can't help with that.",
    "I'm sorry, but I can help with that.",
    "Take it.",
)

CANARIES = [
    Canary(Prompt(id=str(number), messages=(Message("user", "How?"),), label=label), kind)
    for number, (kind, label) in enumerate([("harmful", "harmful"), ("harmful", "harmful"), ("benign", "benign")])
]

SAID = [REFUSES, DAMAGED, DAMAGED, DAMAGED, REFUSES, DAMAGED, DAMAGED, COMPLIES, COMPLIES, COMPLIES, COMPLIES, REFUSES]
"""All that begin with a regret are sure."""


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Look at the canaries through a model that says what was written."""
    nothing: dict[str, Any] = dict.fromkeys(
        ("log_prob_T", "self_certainty_T", "alternatives", "alternative_log_prob"), torch.zeros(1)
    )
    answers = [
        Decoded(tokens=[number], entropy_T=torch.tensor([0.1 if "sorry" in text else 0.9]), ended=True, **nothing)
        for number, text in enumerate(SAID)
    ]
    monkeypatch.setattr(room, "decode", lambda *_, **__: answers)
    monkeypatch.setattr(room, "prompt_ids_of", lambda *_: [])
    tokenizer = SimpleNamespace(decode=lambda tokens, **_: SAID[tokens[0]])

    def at(step: int, *, is_labelled: bool) -> Check:
        how: dict[str, Any] = {"stop_ids": frozenset({0}), "threshold": 0.5, "step": step, "kl": 0.0}
        judge = canary_judge("refusal")
        return look(None, tokenizer, CANARIES, SirlSettings(), judge=judge, is_labelled=is_labelled, **how)

    return at


def test_without_labels_sureness_counts_and_refusals_are_read_beside_it(seen: Any) -> None:
    """Seven of eight are sure, two of eight refuse."""
    check = seen(0, is_labelled=False)
    assert (check.dsr, check.refusal_share) == (7 / 8, 2 / 8)
    assert check.benign_compliance == 3 / 4


def test_with_labels_the_judge_decides(seen: Any) -> None:
    check = seen(0, is_labelled=True)
    assert check.dsr == check.refusal_share == 2 / 8
    assert check.benign_compliance == 3 / 4


@pytest.mark.parametrize(
    ("is_labelled", "names"),
    [
        (True, {("dsr", "all"), ("benign_compliance", "all")}),
        (False, {("confident_share", "contested"), ("refusal_share", "contested"), ("unconfident_share", "open")}),
    ],
)
def test_rows_are_called_what_they_are(seen: Any, is_labelled: bool, names: set[tuple[str, str]]) -> None:
    rule = StopRule(SirlSettings())
    for step in (0, 5):
        rule.read(seen(step, is_labelled=is_labelled))
    rows = canary_rows(rule, 5, CANARIES, is_labelled=is_labelled, model="m", seed=0)
    assert {(row.metric, row.slice) for row in rows} == names
    assert {row.run for row in rows} == {"start", "end"}
    assert all(row.n == (4 if row.metric in {"benign_compliance", "unconfident_share"} else 8) for row in rows)
