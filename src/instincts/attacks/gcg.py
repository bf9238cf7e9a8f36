"""GCG: a suffix of tokens found by gradients, which makes an agreeing opening likely (arXiv:2307.15043).

`gcg/suffix` searches for each goal. `gcg/universal` searches one suffix on several harmful requests of the contrast set
together (`--contrast`, never the requests under attack), once a model, and puts it after every goal: what the paper
calls universal. For transfer to another model, send what was found from the run's file by the `transfer` attack.

Ours: beside the paper's early stop (greedy decoding agrees) sampled answers must comply, see `confirming`. Every
candidate that is scored, and every gradient, counts as a question.
"""

from typing import TYPE_CHECKING

from instincts.attacks.attack import Attack, Found, Goal, Messages
from instincts.attacks.contrast import read_contrast
from instincts.errors import ConfigError
from instincts.prompts import Message

if TYPE_CHECKING:
    from instincts.attacks.target import AttackTarget

__all__ = ["ATTACKS", "BUDGET", "UNIVERSAL_GOALS", "check_request"]

BUDGET = 256_500
"""500 steps of 512 candidates and a gradient: as in JailbreakBench's artifacts."""

UNIVERSAL_GOALS = 8
"""Requests that share a suffix; the paper has 25."""


async def _search_suffix(target: "AttackTarget", goal: Goal, seed: int) -> Found:
    """Search tokens for the end of the request."""
    from instincts.attacks.confirming import Stretch, reserved, until_it_complies
    from instincts.attacks.local.gcg import Budget
    from instincts.attacks.local.holes import HoleSearch, width_of

    check_request("gcg/suffix", goal.messages)
    width = width_of(target.budget)
    search = await target.run_alone(
        lambda opened: HoleSearch(opened, [goal.messages], [goal.opening], seed=seed, width=width)
    )
    steps = 0

    async def stretch(ceiling: float) -> Stretch:
        nonlocal steps
        budget = Budget.of(target, keep=reserved(target))
        found = await target.run_alone(lambda opened: search.go_on(opened, budget, ceiling=ceiling))
        steps += found.steps
        return Stretch(search.messages, found.loss, found.agrees)

    found, ended = await until_it_complies(target, goal, stretch)
    return Found(found.messages, notes={"ended": ended, "loss": round(found.loss, 4), "steps": steps})


async def _search_universal(target: "AttackTarget", goal: Goal, seed: int) -> Found:
    """Search one suffix for all goals, on other requests, and put it after this one."""
    from instincts.attacks.local import universal
    from instincts.attacks.local.gcg import Budget

    check_request("gcg/universal", goal.messages)
    contrast = read_contrast(target.contrast, "gcg/universal")
    contrast.check_apart(goal.request)
    rows = contrast.harmful[:UNIVERSAL_GOALS]
    before = target.cost.queries
    suffix = await target.run_alone(
        lambda opened: universal.suffix(opened, rows, contrast.sha256, target.run_seed, Budget.of(target))
    )
    *others, request = goal.messages
    notes = {
        "searched_on": contrast.source,
        "requests": len(rows),
        "agreeing": suffix.agreeing,
        "loss": round(suffix.loss, 4),
        "questions_for_all_goals": suffix.questions,
        "searched_here": target.cost.queries > before,
    }
    return Found((*others, Message("user", request.content + suffix.text)), notes=notes)


def check_request(name: str, messages: Messages) -> None:
    """Make sure that a conversation ends with a request, after which something can be put.

    Raises:
        ConfigError: it ends with a prefilled answer.
    """
    if messages[-1].role != "user":
        raise ConfigError(f"attack {name} changes a request, but the prompt ends with a prefilled answer; use plain")


ATTACKS = (
    Attack(
        name="gcg/suffix",
        family="gcg",
        mechanism="tokens after the request that make an agreeing opening likely, found by gradients",
        access="gradients",
        search=_search_suffix,
        budget=BUDGET,
        cost="each question is one pass over the prompt and the opening, in batches of up to 512",
        paper="2307.15043",
    ),
    Attack(
        name="gcg/universal",
        family="gcg",
        mechanism="one such suffix, found on other harmful requests together and put after every goal",
        access="gradients",
        search=_search_universal,
        budget=BUDGET,
        cost="the budget is spent once for all goals together, and counted where it was spent",
        needs_contrast=True,
        paper="2307.15043",
    ),
)
