"""Explanations and comparisons as rows for people and programs; computes nothing that is not in them."""

from collections.abc import Callable, Mapping
from typing import Any

from instincts.analyst.comparing import Comparison
from instincts.analyst.explaining import Explanation

__all__ = ["GROUPINGS", "comparison_data", "comparison_tables", "explanation_rows", "grouped_rows"]


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


def grouped_rows(found: Explanation, by: str) -> list[dict[str, Any]]:
    """Add leaves up, the largest sum first, with the bias above and the score below: the rows between them make it up.

    Args:
        found: the explanation.
        by: of `GROUPINGS`.
    """
    sums = GROUPINGS[by](found)
    rows = [{by: name, "points": points} for name, points in sorted(sums.items(), key=lambda pair: -abs(pair[1]))]
    return [{by: "bias", "points": found.bias}, *rows, {by: f"score: {found.verdict}", "points": found.score}]


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
        "gains_by_kind": found.gains,
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


def comparison_tables(data: Mapping[str, Any], first: str, second: str) -> list[tuple[str, list[dict[str, Any]]]]:
    """Lay a comparison out for people: titles and rows of the verdicts, of who gains and loses, and of what flips.

    Args:
        data: of `comparison_data`.
        first: what the first policy is called.
        second: what the second one is called.
    """
    flips = data["flips"]
    shown = [{name: each[name] for name in ("id", "before", "after", "because")} for each in flips[:_MOST_FLIPS]]
    more = f", the first {_MOST_FLIPS}" if len(flips) > _MOST_FLIPS else ""
    gains = sorted(data["gains_by_kind"].items(), key=lambda pair: -pair[1])
    tables = [
        (
            f"prompts by the verdict of {first} (down) and of {second} (across)",
            [{first: verdict, **counts} for verdict, counts in data["table"].items()],
        ),
        (
            f"who gains and who loses where verdicts differ: points that {second} counts for more",
            [{"stakeholder": kind, "points": points} for kind, points in gains],
        ),
        (f"{len(flips)} verdicts differ{more}", shown),
    ]
    return [(title, rows) for title, rows in tables if rows]


def _row(what: str, who: str, action: str, effect: str, points: float | None) -> dict[str, Any]:
    return {"": what, "stakeholder": who, "action": action, "effect": effect, "points": points}


GROUPINGS: Mapping[str, Callable[[Explanation], Mapping[str, float]]] = {
    "category": lambda found: found.categories,
    "action": Explanation.by_action,
    "effect": Explanation.by_effect,
    "stakeholder": Explanation.by_stakeholder,
    "kind": Explanation.by_kind,
}
"""What the leaves of a tree can be added up by."""
_MOST_FLIPS = 20
"""On a screen; the file has them all."""
