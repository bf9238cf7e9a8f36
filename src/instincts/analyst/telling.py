"""Explanations and comparisons as rows for people and programs; computes nothing that is not in them."""

from typing import Any

from instincts.analyst.comparing import Comparison
from instincts.analyst.explaining import Explanation

__all__ = ["comparison_data", "explanation_rows"]


def explanation_rows(found: Explanation) -> list[dict[str, Any]]:
    """Lay out a waterfall: the bias, every leaf, the score, then what would change the verdict."""
    rows = [_row("bias", "", "", "", found.bias)]
    rows += [_row(each.category, each.stakeholder, each.action, each.effect, each.points) for each in found.shares]
    rows.append(_row(f"score: {found.verdict}", "", "", "a floor decided" if found.floored else "", found.score))
    rows += [
        _row(f"{each.verdict} if", each.key, f"weighed {each.needed:.3f}", f"instead of {each.now:.3f}", None)
        for each in found.changes
    ]
    return rows


def comparison_data(found: Comparison, ids: list[str]) -> dict[str, Any]:
    """Lay out a comparison: the table, who counts for more or less, and every prompt whose verdict differs.

    Args:
        found: the comparison.
        ids: of the prompts, in the order of the trees.
    """
    return {
        "table": found.table,
        "points_by_category": found.by_category,
        "points_by_kind": found.by_kind,
        "flips": [
            {
                "id": ids[flip.place],
                "before": flip.before,
                "after": flip.after,
                "stricter": flip.is_stricter,
                "because": flip.because,
            }
            for flip in found.flips
        ],
    }


def _row(what: str, who: str, action: str, effect: str, points: float | None) -> dict[str, Any]:
    return {"": what, "stakeholder": who, "action": action, "effect": effect, "points": points}
