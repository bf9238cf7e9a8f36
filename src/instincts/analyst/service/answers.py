"""What a client gets: OpenAI's result with ours beside it, and our own answer with every share of the score."""

from dataclasses import asdict, dataclass
from typing import Any
from uuid import uuid4

from instincts.analyst.explaining import explain
from instincts.analyst.policy import Policy, Verdict
from instincts.analyst.scoring import VERDICTS, score, transformed, weights_of
from instincts.analyst.service.categories import KEYS, Categories, categories, hazards
from instincts.analyst.service.moderator import Grown
from instincts.analyst.service.rows import TreeRow, VerdictRow, forest_of
from instincts.analyst.service.tenants import Tenant
from instincts.analyst.taxonomy import taxonomy
from instincts.analyst.tree import Tree
from instincts.errors import NoVerdictError

__all__ = ["Judgement", "Reckoned", "analysis", "moderation", "moderations", "reckoned", "unjudged"]


@dataclass(frozen=True, kw_only=True)
class Reckoned:
    """What a policy makes of a tree; the same for ever, so it can be kept in memory."""

    verdict: Verdict
    flagged: bool
    score: float
    probability: float
    floored: bool
    """Whether a floor, or a cut-off tree, raised the verdict."""
    points: dict[str, float]
    """Points by category that the tree touches, and of `benefits`."""
    categories: Categories
    hazards: list[str]


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """A verdict on one text under one policy, or what it gets without one."""

    policy: Policy
    verdict: Verdict
    reckoned: Reckoned | None = None
    grown: Grown | None = None
    error: NoVerdictError | None = None
    id: str | None = None
    """Of the row that keeps it; None where it could not be kept."""

    def row(self, tenant: Tenant, seconds: float) -> VerdictRow:
        """Write it down for the store."""
        return VerdictRow(
            tenant=tenant.name,
            tree_id=self.grown.row.id if self.grown else None,
            policy=self.policy.digest,
            verdict=self.verdict,
            score=self.reckoned.score if self.reckoned else None,
            probability=self.reckoned.probability if self.reckoned else None,
            reason=self.error.cause if self.error else "",
            tier=self.grown.tier if self.grown else "",
            seconds=seconds,
        )


def reckoned(row: TreeRow, policy: Policy, *, flag_review: bool) -> Reckoned:
    """Judge a stored tree.

    Args:
        row: the tree.
        policy: the numbers.
        flag_review: whether a review is flagged too.
    """
    forest = forest_of([row])
    scores = score(forest, policy)
    points = (transformed(scores.mass_P_17, policy) * weights_of(policy))[0]
    keys = [*taxonomy().category_keys, "benefits"]
    verdict = VERDICTS[int(scores.verdict_P[0])]
    flagged = _is_flagged(verdict, flag_review=flag_review)
    line = policy.lines.review if flag_review else policy.lines.block
    return Reckoned(
        verdict=verdict,
        flagged=flagged,
        score=float(scores.score_P[0]),
        probability=float(scores.probability_P[0]),
        floored=bool(scores.floored_P[0]),
        points={key: float(each) for key, each, mass in zip(keys, points, scores.mass_P_17[0], strict=True) if mass},
        categories=categories(forest, policy, is_flagged=flagged, line=line),
        hazards=hazards(forest.codes_N),
    )


def unjudged(error: NoVerdictError, policy: Policy, verdict: Verdict) -> Judgement:
    """Give a text without a tree what the policy says."""
    return Judgement(policy=policy, verdict=verdict, error=error)


def moderations(results: list[dict[str, Any]], policy: Policy) -> dict[str, Any]:
    """Wrap results as OpenAI does."""
    return {"id": f"modr-{uuid4().hex}", "model": policy.name, "results": results}


def moderation(found: Judgement, *, flag_review: bool) -> dict[str, Any]:
    """Write one result in OpenAI's schema, and ours under `instincts`, which its client keeps."""
    if found.reckoned is None:
        flagged = _is_flagged(found.verdict, flag_review=flag_review)
        flags, scores = {key: flagged and key == "illicit" for key in KEYS}, dict.fromkeys(KEYS, 0.0)
    else:
        flagged, (flags, scores) = found.reckoned.flagged, found.reckoned.categories
    return {
        "flagged": flagged,
        "categories": flags,
        "category_scores": scores,
        "category_applied_input_types": {key: ["text"] for key in KEYS},
        "instincts": _ours(found),
    }


def analysis(found: Judgement, *, analyst: str, seconds: float) -> dict[str, Any]:
    """Write the whole answer: the tree, each branch's share of the score, and which weight would change the verdict."""
    grown = found.grown
    return {
        **_ours(found),
        "score_of_empty_tree": found.policy.bias,
        "points": found.reckoned.points if found.reckoned else None,
        **(_explained(grown.tree, found.policy) if grown else {"contributions": None, "changes": None}),
        "analyst": analyst,
        "seconds": seconds,
        "tree": grown.tree.model_dump(mode="json") if grown else None,
    }


def _explained(tree: Tree, policy: Policy) -> dict[str, Any]:
    why = explain(tree, policy)
    leaves = [
        {
            "side": each.leaf.side,
            "stakeholder": each.stakeholder,
            "kind": each.kind,
            "category": each.category,
            "action": each.action,
            "effect": each.effect,
            "extent": each.leaf.label.extent,
            "likelihood": each.leaf.label.likelihood,
            "immediate": each.leaf.label.immediate,
            "points": each.points,
        }
        for each in why.shares
    ]
    return {
        "contributions": {
            "leaves": leaves,
            "actions": why.by_action(),
            "effects": why.by_effect(),
            "stakeholders": why.by_stakeholder(),
        },
        "changes": [asdict(each) for each in why.changes],
    }


def _ours(found: Judgement) -> dict[str, Any]:
    lines = found.policy.lines
    grown, numbers = found.grown, found.reckoned
    return {
        "verdict_id": found.id,
        "verdict": found.verdict,
        "score": numbers.score if numbers else None,
        "probability": numbers.probability if numbers else None,
        "calibrated": found.policy.is_calibrated,
        "lines": {"review": lines.review, "block": lines.block},
        "floored": numbers.floored if numbers else False,
        "policy": {"name": found.policy.name, "version": found.policy.version, "digest": found.policy.digest},
        "tree_id": grown.row.id if grown else None,
        "subject": grown.row.subject if grown else None,
        "hazards": numbers.hazards if numbers else [],
        "tier": grown.tier if grown else None,
        "error": {"cause": found.error.cause, "message": str(found.error)} if found.error else None,
    }


def _is_flagged(verdict: Verdict, *, flag_review: bool) -> bool:
    return verdict == "block" or (flag_review and verdict == "review")
