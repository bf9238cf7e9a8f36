"""Random search: a suffix changed at random, and kept where agreement gets likelier (arXiv:2404.02151).

Needs no gradient: a local model scores the agreeing opening, a server that returns log-probabilities its first token.
As published, a suffix of 25 tokens of which up to 4 are changed at a time; where the tokens are not known, short common
words stand for them. Ours: several changes are tried at once, so that they share a batch, and the best is kept; without
progress the suffix is drawn anew; when greedy decoding would agree, sampled answers are rated (see `confirming`). Left
out: the paper's template around the request, which is a static attack of its own, and its start from a suffix that
worked for another request.
"""

from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from instincts.attacks.attack import Attack, Found, Goal, Messages
from instincts.attacks.confirming import Stretch, reserved, until_it_complies
from instincts.attacks.gcg import check_request
from instincts.attacks.likelihood import Likelihood, likelihoods
from instincts.attacks.wording import lines, sources
from instincts.prompts import Message

if TYPE_CHECKING:
    from instincts.attacks.target import AttackTarget

__all__ = ["ATTACKS", "CHANGED", "FILLER", "PATIENCE", "PIECES", "SuffixSearch", "changed", "pieces", "tried_at_once"]

PIECES = 25
"""Tokens, or words, of the suffix."""

FILLER = " !"
"""What the suffix is made of at first, as in the authors' code: other words would say something."""

CHANGED = 4
"""Most of them that change at a time."""

PATIENCE = 25
"""Rounds without progress after which the suffix is drawn anew."""

_TEMPLATE = "random-search-pieces"


def tried_at_once(budget: int) -> int:
    """Say how many changes are tried in one round: few where the budget is small, so that many rounds are left."""
    return min(128, max(4, budget // 64))


def changed(suffix: Sequence[str], pool: Sequence[str], rng: Random) -> tuple[str, ...]:
    """Draw up to `CHANGED` neighbouring pieces anew."""
    length = rng.randint(1, min(CHANGED, len(suffix)))
    start = rng.randrange(len(suffix) - length + 1)
    return (*suffix[:start], *rng.choices(pool, k=length), *suffix[start + length :])


class _Scored(NamedTuple):
    suffix: tuple[str, ...]
    likelihood: Likelihood


class SuffixSearch:
    """The best suffix so far for one conversation, and where it was looked for."""

    def __init__(self, messages: Messages, pool: Sequence[str], rng: Random) -> None:
        """Begin with nothing tried.

        Args:
            messages: the conversation; the suffix goes after its last request, before a prefilled answer if any.
            pool: pieces that the suffix is made of.
            rng: decides everything.
        """
        self.restarts = 0
        self.rounds = 0
        self._messages, self._pool, self._rng = messages, pool, rng
        self._current: _Scored | None = None
        self._best: _Scored | None = None
        self._stale = 0

    async def go_on(self, target: "AttackTarget", goal: Goal, ceiling: float, keep: int) -> Stretch:
        """Search until the suffix agrees with a loss not above the ceiling, or until `keep` questions are left."""
        width = tried_at_once(target.budget)
        while target.left > keep and not (self._best and self._done(self._best, ceiling)):
            if self._current is None or self._stale >= PATIENCE:
                first = self._current is None
                self.restarts += not first
                self._current, self._stale = None, 0
                candidates = [(FILLER,) * PIECES if first else tuple(self._rng.choices(self._pool, k=PIECES))]
            else:
                candidates = [changed(self._current.suffix, self._pool, self._rng) for _ in range(width)]
            await self._try(target, goal, list(dict.fromkeys(candidates))[: target.left - keep])
        if self._best is None:
            return Stretch(self._messages, float("inf"), agrees=False)
        return Stretch(
            self._with(self._best.suffix), self._best.likelihood.loss, agrees=self._done(self._best, ceiling)
        )

    async def _try(self, target: "AttackTarget", goal: Goal, candidates: Sequence[tuple[str, ...]]) -> None:
        values = await likelihoods(target, goal, [self._with(suffix) for suffix in candidates])
        found = min(map(_Scored, candidates, values), key=lambda each: each.likelihood.loss)
        self.rounds += 1
        self._stale += 1
        if self._current is None or found.likelihood.loss < self._current.likelihood.loss:
            self._current, self._stale = found, 0
        if self._best is None or found.likelihood.loss < self._best.likelihood.loss:
            self._best = found

    def _done(self, found: _Scored, ceiling: float) -> bool:
        return found.likelihood.agrees and found.likelihood.loss <= ceiling

    def _with(self, suffix: Sequence[str]) -> Messages:
        place = max(place for place, message in enumerate(self._messages) if message.role == "user")
        # Templates strip white space at the end of a message, so what is scored and sent must not end in it.
        request = Message("user", f"{self._messages[place].content} {''.join(suffix).strip()}")
        return (*self._messages[:place], request, *self._messages[place + 1 :])


async def _search(target: "AttackTarget", goal: Goal, seed: int) -> Found:
    """Search a suffix for the request."""
    check_request("random-search", goal.messages)
    suffixes = SuffixSearch(goal.messages, await pieces(target), Random(seed))
    found, ended = await until_it_complies(
        target, goal, lambda ceiling: suffixes.go_on(target, goal, ceiling, reserved(target))
    )
    notes = {"ended": ended, "loss": found.loss, "rounds": suffixes.rounds, "restarts": suffixes.restarts}
    return Found(found.messages, notes=notes)


async def pieces(target: "AttackTarget") -> tuple[str, ...]:
    """List what a suffix may be made of: the model's own visible tokens, or short words where they are not known."""
    if not target.is_local:
        return tuple(f" {word}" if word.isalpha() else word for word in lines(_TEMPLATE))
    from instincts.attacks.local.texts import free_pieces

    return await target.run_alone(free_pieces)


ATTACKS = (
    Attack(
        name="random-search",
        family="random-search",
        mechanism="a suffix changed at random and kept where agreement gets likelier",
        access="log-probs",
        search=_search,
        budget=10_000,
        cost="each question is one pass over the prompt, or one token of a server that returns log-probabilities",
        sources=sources(_TEMPLATE),
        paper="2404.02151",
    ),
)
