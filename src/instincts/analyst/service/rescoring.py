"""Trees judged again under policies, stored ones without their words; asks no model."""

import asyncio
from collections.abc import Sequence
from typing import Any

from instincts.analyst.codes import Forest
from instincts.analyst.policy import Policy
from instincts.analyst.scoring import VERDICTS, score
from instincts.analyst.service.bodies import RescoreBody
from instincts.analyst.service.rows import TreeRow, forest_of
from instincts.analyst.service.storage import Store
from instincts.analyst.service.tenants import Tenant
from instincts.analyst.tree import Tree

__all__ = ["rescored"]


async def rescored(store: Store, tenant: Tenant, body: RescoreBody, policies: Sequence[Policy]) -> dict[str, Any]:
    """Judge a tenant's stored trees, or trees that came along.

    Returns:
        Under `results` one entry a policy with its verdicts in the order of the trees; under `flips` the places where
        the last policy differs from the first, where there are several; under `missing` ids that are no trees of yours.

    Raises:
        UnreadableReplyError: something that came along is no tree.
        NoVerdictError: `store_down`.
    """
    rows: list[TreeRow] = []
    if body.trees is not None:
        names = [str(place) for place in range(len(body.trees))]
        forest = Forest.of(Tree.of(each) for each in body.trees)
    else:
        rows = await (
            store.trees(tenant.name, body.tree_ids)
            if body.tree_ids is not None
            else store.newest(tenant.name, body.newest or 1)
        )
        names, forest = [row.id for row in rows], forest_of(rows)
    results = await asyncio.to_thread(lambda: [_result(forest, policy) for policy in policies])
    first, last = results[0]["verdicts"], results[-1]["verdicts"]
    return {
        "trees": names,
        "missing": sorted(set(body.tree_ids or ()) - set(names)),
        "results": results,
        "flips": [
            {"tree": name, "before": before, "after": after, "subject": rows[place].subject if rows else None}
            for place, (name, before, after) in enumerate(zip(names, first, last, strict=True))
            if before != after
        ],
        "table": {
            before: {after: list(zip(first, last, strict=True)).count((before, after)) for after in VERDICTS}
            for before in VERDICTS
        },
    }


def _result(forest: Forest, policy: Policy) -> dict[str, Any]:
    scores = score(forest, policy)
    return {
        "policy": {"name": policy.name, "version": policy.version, "digest": policy.digest},
        "verdicts": scores.verdicts(),
        "scores": [float(each) for each in scores.score_P],
        "probabilities": [float(each) for each in scores.probability_P],
    }
