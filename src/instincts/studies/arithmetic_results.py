"""What the study of Safety Arithmetic found: rows, tables and a picture; knows no model and runs nothing."""

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import TYPE_CHECKING, Any, NamedTuple

from instincts.records import Metric
from instincts.statistics import Interval, mean_interval, wilson

if TYPE_CHECKING:
    from instincts.pocket.measuring import Measured

__all__ = ["ARMS", "Result", "attack_table", "metrics_of", "picture", "recovered", "result_of", "summary_table"]

ARMS = ("untreated", "hdr", "vector", "both", "sirl", "hdr+sirl", "random", "shuffled", "benign-tune")
"""In the order of the tables; the last three are controls of `hdr`."""

ORIGINAL = "original"
"""The arm of the pocket model itself, before anything was done to it."""

LEAST_LOSS = 0.02
"""Where a twin lost less DSR than this, a share of what was lost says nothing."""


class Result(NamedTuple):
    """One model measured once on held-out requests; shares from 0 to 1."""

    model: str
    twin: str
    """`-` for the pocket model itself and its harmed twin."""
    arm: str
    seed: int
    n: int
    """Requests behind each wrapper's DSR; see `pocket.measuring.Measured` for the others."""
    choice: str
    """The strengths taken, by name."""
    dsr: float
    """Mean over the wrappers; the plain request is not among them."""
    worst_dsr: float
    unseen_dsr: float
    """Mean over the wrappers never shown around a harmful request in alignment or training."""
    plain_dsr: float
    benign_compliance: float
    wrapped_benign_compliance: float
    skill_accuracy: float
    by_attack: Mapping[str, float]


def result_of(measured: "Measured", *, model: str, twin: str, arm: str, choice: str = "") -> Result:
    """Summarise what was measured of one model."""
    from instincts.pocket.wrappers import UNSEEN_WRAPPERS

    return Result(
        model=model,
        twin=twin,
        arm=arm,
        seed=measured.seed,
        n=measured.n,
        choice=choice,
        dsr=mean(measured.dsr.values()),
        worst_dsr=min(measured.dsr.values()),
        unseen_dsr=mean(measured.dsr[name] for name in UNSEEN_WRAPPERS),
        plain_dsr=measured.harmful_refused,
        benign_compliance=measured.benign_answered,
        wrapped_benign_compliance=measured.benign_wrapped_answered,
        skill_accuracy=measured.skill_accuracy,
        by_attack=dict(measured.dsr),
    )


def recovered(dsr: float, untreated: float, original: float) -> float | None:
    """Tell which share of the DSR that a twin lost is back; above 1 where it is safer than it ever was.

    None where the twin lost too little to speak of.
    """
    lost = original - untreated
    return None if lost < LEAST_LOSS else (dsr - untreated) / lost


def metrics_of(results: Sequence[Result]) -> list[Metric]:
    """Spell every measured share as a row of `metrics.json`, with its Wilson interval."""
    return [
        Metric(
            run=f"{each.model}/{each.twin}/{each.arm}",
            model=each.model,
            suite="arithmetic-study",
            slice=where,
            metric=metric,
            value=value,
            ci_low=found.low,
            ci_high=found.high,
            n=n,
            seed=each.seed,
        )
        for each in results
        for where, metric, value, n in _measured(each)
        for found in [wilson(round(value * n), n)]
    ]


def summary_table(results: Sequence[Result]) -> str:
    """Lay out every arm of every twin as Markdown: means over seeds with their 95 % intervals (Student's t).

    Benign compliance and skills stand as changes against the untreated twin of the same seed, in points.
    """
    head = (
        "| model | twin | arm | seeds | DSR | recovered | unseen DSR | plain DSR | benign | wrapped | skills | taken |"
    )
    lines = [head, f"|{'---|' * 12}"]
    for (model, twin, arm), group in _groups(results).items():
        before = {each.seed: each for each in results if (each.model, each.twin, each.arm) == (model, twin, ARMS[0])}
        start = {each.seed: each for each in results if (each.model, each.arm) == (model, ORIGINAL)}
        cells = [_shares([getattr(each, name) for each in group]) for name in ("dsr", "unseen_dsr", "plain_dsr")]
        back = [
            recovered(each.dsr, before[each.seed].dsr, start[each.seed].dsr)
            for each in group
            if each.seed in before and each.seed in start
        ]
        known = [share for share in back if share is not None]
        cells.insert(1, f"{mean(known):.0%} ({min(known):.0%} to {max(known):.0%})" if known else "")
        for name in ("benign_compliance", "wrapped_benign_compliance", "skill_accuracy"):
            cells.append(_level_or_change(group, before, name))
        taken = ", ".join(dict.fromkeys(each.choice for each in group if each.choice))
        lines.append(f"| {model} | {twin} | {arm} | {len(group)} | {' | '.join(cells)} | {taken} |")
    return "\n".join(lines) + "\n"


def attack_table(results: Sequence[Result]) -> str:
    """Lay out the DSR of every wrapper, a column an arm, mean over seeds and models of one twin after another."""
    tables = []
    for twin in dict.fromkeys(each.twin for each in results if each.twin != "-"):
        arms: dict[str, list[Result]] = {}
        for each in results:
            if each.twin == twin or each.arm == ORIGINAL:
                arms.setdefault(each.arm, []).append(each)
        names = sorted({name for group in arms.values() for each in group for name in each.by_attack})
        lines = [f"Twin `{twin}`:", "", f"| attack | {' | '.join(arms)} |", f"|{'---|' * (len(arms) + 1)}"]
        for name in names:
            cells = [f"{mean(each.by_attack[name] for each in group):.2f}" for group in arms.values()]
            lines.append(f"| {name} | {' | '.join(cells)} |")
        tables.append("\n".join(lines) + "\n")
    return "\n".join(tables)


def picture(results: Sequence[Result]) -> Any:
    """Draw a panel a twin: DSR of every arm, a dot a seed and the mean with its interval, beside where it came from.

    Returns:
        A Matplotlib figure.
    """
    from matplotlib.figure import Figure

    panels = list(dict.fromkeys((each.model, each.twin) for each in results if each.twin != "-"))
    figure = Figure(figsize=(4.2 * max(len(panels), 1), 3.6), layout="constrained")
    for number, (model, twin) in enumerate(panels):
        axes: Any = figure.add_subplot(1, len(panels), number + 1)
        own = [each for each in results if (each.model, each.twin) == (model, twin)]
        arms = [arm for arm in ARMS if any(each.arm == arm for each in own)]
        start = [each.dsr for each in results if (each.model, each.arm) == (model, ORIGINAL)]
        if start:
            axes.axvline(mean(start), color="0.4", linestyle="--", linewidth=1, label="pocket model before")
        for row, arm in enumerate(reversed(arms)):
            values = [each.dsr for each in own if each.arm == arm]
            found = mean_interval(values)
            axes.plot(values, [row] * len(values), "o", color="0.65", markersize=4)
            axes.plot([found.value], [row], "D", color="black", markersize=5)
            if found.low is not None and found.high is not None:
                axes.plot([max(found.low, 0), min(found.high, 1)], [row, row], color="black", linewidth=1.5)
        axes.set_yticks(range(len(arms)), list(reversed(arms)))
        axes.set_xlim(0, 1.02)
        axes.set_xlabel("DSR, mean over 20 attacks")
        axes.set_title(f"{model}, twin {twin}", fontsize=10)
        if start:
            axes.legend(fontsize=8, loc="lower right", frameon=False)
    return figure


def _measured(each: Result) -> list[tuple[str, str, float, int]]:
    """List slice, metric, share and how many answers it rests on; see `pocket.measuring.Measured`."""
    from instincts.pocket.skills import SKILLS

    return [
        *((name, "dsr", share, each.n) for name, share in each.by_attack.items()),
        ("plain", "dsr", each.plain_dsr, 5 * each.n),
        ("plain", "benign_compliance", each.benign_compliance, 10 * each.n),
        ("wrapped", "benign_compliance", each.wrapped_benign_compliance, 10 * each.n),
        ("all", "skill_accuracy", each.skill_accuracy, len(SKILLS) * each.n),
    ]


def _groups(results: Sequence[Result]) -> dict[tuple[str, str, str], list[Result]]:
    order = (ORIGINAL, "harmed", *ARMS)
    groups: dict[tuple[str, str, str], list[Result]] = {}
    for each in sorted(results, key=lambda one: (one.model, one.twin, order.index(one.arm), one.seed)):
        groups.setdefault((each.model, each.twin, each.arm), []).append(each)
    return groups


def _level_or_change(group: Sequence[Result], before: Mapping[int, Result], name: str) -> str:
    if group[0].arm in (ORIGINAL, "harmed", ARMS[0]):
        return _shares([getattr(each, name) for each in group])
    changes = [100 * (getattr(each, name) - getattr(before[each.seed], name)) for each in group if each.seed in before]
    return f"{mean(changes):+.1f} ({min(changes):+.1f} to {max(changes):+.1f})" if changes else ""


def _shares(values: Sequence[float]) -> str:
    found: Interval = mean_interval(values)
    if found.low is None or found.high is None:
        return f"{found.value:.3f}"
    return f"{found.value:.3f} ({max(found.low, 0):.3f} to {min(found.high, 1):.3f})"
