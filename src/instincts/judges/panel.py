"""Several judges, one vote each: what more than half of all members say.

The rule is Inspect's `majority` reducer: a member that gives no verdict withholds its vote and does not lower the
bar, and where nothing has a majority there is no verdict. A majority balances errors of opposite sign; it makes no good
judge of weak ones.
"""

from collections import Counter
from collections.abc import Mapping

from instincts.errors import UnreadableReplyError
from instincts.judges.verdict import Verdict

__all__ = ["SMALLEST", "majority"]

SMALLEST = 3
"""Members that a panel needs: two can only agree or cancel out."""


def majority(votes: Mapping[str, Verdict | None]) -> Verdict:
    """Count the votes of a panel.

    Args:
        votes: of each member, None where it gave no verdict.

    Returns:
        The outcome of the majority; the score is the mean over those who voted for it, `partial` what most of them say.

    Raises:
        UnreadableReplyError: no outcome has more than half of all votes.
    """
    count = Counter(vote.outcome for vote in votes.values() if vote is not None)
    said = ", ".join(f"{name} {vote.outcome if vote else 'no verdict'}" for name, vote in votes.items())
    winner, most = count.most_common(1)[0] if count else ("neither", 0)
    if most * 2 <= len(votes):
        raise UnreadableReplyError(f"no majority: {said}")
    winning = [vote for vote in votes.values() if vote is not None and vote.outcome == winner]
    return Verdict(
        outcome=winning[0].outcome,
        score=sum(vote.score for vote in winning) / len(winning),
        explanation=said,
        partial=2 * sum(vote.partial for vote in winning) > len(winning),
    )
