"""What a client gets: OpenAI's result with ours beside it, and our own answer with every share of the score."""

from dataclasses import asdict, dataclass
from typing import Any
from uuid import uuid4

from instincts.analyst.codes import Forest
from instincts.analyst.explaining import explain
from instincts.analyst.policy import Policy, Verdict
from instincts.analyst.scoring import VERDICTS, score, transformed, weights_of
from instincts.analyst.service.categories import KEYS, categories, hazards
from instincts.analyst.service.moderator import Grown
from instincts.analyst.service.rows import VerdictRow, forest_of
from instincts.analyst.service.tenants import Tenant
from instincts.analyst.taxonomy import taxonomy
from instincts.analyst.tree import Tree
from instincts.errors import NoVerdictError

__all__ = ["Judgement", "analysis", "judged", "moderation", "moderations", "unjudged"]


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """A verdict on one text under one policy, or what it gets without one."""

    policy: Policy
    verdict: Verdict
    score: float | None = None
    probability: float | None = None
    floored: bool = False
    """Whether a floor, or a cut-off tree, raised the verdict."""
    points: dict[str, float] | None = None
    """Points by category that the tree touches, and of `benefits`."""
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
            score=self.score,
            probability=self.probability,
            reason=self.error.cause if self.error else "",
            tier=self.grown.tier if self.grown else "",
            seconds=seconds,
        )


def judged(grown: Grown, policy: Policy) -> Judgement:
    """Judge a tree."""
    forest = forest_of([grown.row])
    scores = score(forest, policy)
    points = (transformed(scores.mass_P_17, policy) * weights_of(policy))[0]
    keys = [*taxonomy().category_keys, "benefits"]
    return Judgement(
        policy=policy,
        verdict=VERDICTS[int(scores.verdict_P[0])],
        score=float(scores.score_P[0]),
        probability=float(scores.probability_P[0]),
        floored=bool(scores.floored_P[0]),
        points={key: float(each) for key, each, mass in zip(keys, points, scores.mass_P_17[0], strict=True) if mass},
        grown=grown,
    )


def unjudged(error: NoVerdictError, policy: Policy, verdict: Verdict) -> Judgement:
    """Give a text without a tree what the policy says."""
    return Judgement(policy=policy, verdict=verdict, error=error)


def moderations(results: list[dict[str, Any]], policy: Policy) -> dict[str, Any]:
    """Wrap results as OpenAI does."""
    return {"id": f"modr-{uuid4().hex}", "model": policy.name, "results": results}


def moderation(found: Judgement, *, flag_review: bool) -> dict[str, Any]:
    """Write one result in OpenAI's schema, and ours under `instincts`, which its client keeps."""
    flagged = found.verdict == "block" or (flag_review and found.verdict == "review")
    if found.grown is None:
        flags = {key: flagged and key == "illicit" for key in KEYS}
        scores = dict.fromkeys(KEYS, 0.0)
    else:
        lines = found.policy.lines
        line = lines.review if flag_review else lines.block
        flags, scores = categories(forest_of([found.grown.row]), found.policy, is_flagged=flagged, line=line)
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
        "points": found.points,
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
    grown = found.grown
    forest = forest_of([grown.row]) if grown else Forest.of([])
    return {
        "verdict_id": found.id,
        "verdict": found.verdict,
        "score": found.score,
        "probability": found.probability,
        "calibrated": found.policy.is_calibrated,
        "lines": {"review": lines.review, "block": lines.block},
        "floored": found.floored,
        "policy": {"name": found.policy.name, "version": found.policy.version, "digest": found.policy.digest},
        "tree_id": grown.row.id if grown else None,
        "subject": grown.row.subject if grown else None,
        "hazards": hazards(forest.codes_N),
        "tier": grown.tier if grown else None,
        "error": {"cause": found.error.cause, "message": str(found.error)} if found.error else None,
    }
