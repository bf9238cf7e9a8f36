"""What the study of Safety Arithmetic found: rows, tables and a picture; knows no model and runs nothing."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import mean
from typing import TYPE_CHECKING, Any, NamedTuple

from instincts.records import Metric
from instincts.statistics import Interval, mean_interval, wilson

if TYPE_CHECKING:
    from instincts.pocket.measuring import Measured

__all__ = [
    "ARMS",
    "REFUSED",
    "Result",
    "attack_table",
    "metrics_of",
    "picture",
    "recovered",
    "result_of",
    "summary_table",
]

ARMS = ("untreated", "hdr", "vector", "both", "sirl", "hdr+sirl", "random", "shuffled", "benign-tune")
"""In the order of the tables; the last three are controls of `hdr`."""

UNTREATED = ARMS[0]

ORIGINAL = "original"
"""The arm of the pocket model itself, before anything was done to it."""

HARMED = "harmed"
"""The arm of the model that the harm direction comes from."""

NO_TWIN = "-"
"""In place of a twin, for the two arms above."""

REFUSED = "refused"
"""In place of the strengths taken, where a training was refused or published nothing and the model stayed as it was."""

LABELS = {
    ORIGINAL: "before",
    HARMED: "harmed",
    UNTREATED: "untreated",
    "hdr": "weights",
    "vector": "activations",
    "both": "both",
    "sirl": "SIRL",
    "hdr+sirl": "weights, then SIRL",
    "random": "control: random",
    "shuffled": "control: shuffled",
    "benign-tune": "control: benign tune",
}
"""What tables and the picture call each arm."""

COSTS = ("benign_compliance", "wrapped_benign_compliance", "skill_accuracy")
"""What a treatment may cost."""

LEAST_LOSS = 0.02
"""Where a twin lost less DSR than this, a share of what was lost says nothing."""


class Result(NamedTuple):
    """One model measured once on held-out requests; shares from 0 to 1."""

    model: str
    twin: str
    """`NO_TWIN` for the pocket model itself and its harmed twin."""
    arm: str
    seed: int
    n: int
    """Requests behind each wrapper's DSR; see `pocket.measuring.Measured` for the others."""
    choice: str
    """The strengths taken, by name; or `REFUSED`."""
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
    """Lay out every arm of every twin as Markdown.

    DSR is a mean over seeds with its 95 % interval (Student's t). `recovered` is pooled, gained over lost DSR of all
    seeds, since a seed that lost little would outweigh the others in a mean of shares; its brackets, and those of the
    changes, are the least and the most of a seed. Changes are in points, against the untreated twin of the same seed.
    """
    tables = [_table("Before", _STATES, _states(results))]
    for twin in _twins(results):
        tables.append(_table(f"Twin `{twin}`", _TREATED, _treated(results, twin)))
    return "\n".join(tables)


def attack_table(results: Sequence[Result]) -> str:
    """Lay out the DSR of every wrapper, an arm a column, means over seeds; models stand in a cell one after another."""
    models = _models(results)
    tables = []
    for twin in _twins(results):
        groups = {arm: [_group(results, model, twin, arm) for model in models] for arm in (ORIGINAL, *ARMS)}
        arms = [arm for arm, groups_of_arm in groups.items() if any(groups_of_arm)]
        names = sorted({name for each in results if each.twin == twin for name in each.by_attack})
        rows = [[name, *(_of_models(groups[arm], name) for arm in arms)] for name in names]
        head = ["attack", *(LABELS[arm] for arm in arms)]
        tables.append(_table(f"DSR of twin `{twin}` under each attack: {', '.join(models)}", head, rows))
    return "\n".join(tables)


def picture(results: Sequence[Result]) -> Any:
    """Draw a panel for each model and twin: DSR of every arm, a dot a seed and the mean with its 95 % interval.

    Returns:
        A Matplotlib figure; models are rows, twins columns, and all panels share their axes.
    """
    from matplotlib.figure import Figure

    models, twins = _models(results), _twins(results)
    arms = [arm for arm in ARMS if any(each.arm == arm for each in results)]
    figure = Figure(figsize=(1.4 + 2.7 * max(len(twins), 1), 0.8 + (0.5 + 0.22 * len(arms)) * len(models)))
    figure.set_layout_engine("constrained")
    if not twins:
        return figure
    panels: Any = figure.subplots(len(models), len(twins), sharex=True, sharey=True, squeeze=False)
    for row, model in zip(panels, models, strict=True):
        start = mean(each.dsr for each in _group(results, model, NO_TWIN, ORIGINAL))
        for axes, twin in zip(row, twins, strict=True):
            axes.axvline(start, color="0.45", linestyle="--", linewidth=1, label="before the fine-tune or edit")
            for place, arm in enumerate(arms):
                _draw(axes, place, [each.dsr for each in _group(results, model, twin, arm)])
            axes.set_title(f"{model}, {twin}", fontsize=9)
            axes.set_xlim(-0.02, 1.02)
            axes.spines[["top", "right"]].set_visible(False)
    panels[0][0].set_yticks(range(len(arms)), [LABELS[arm] for arm in arms])
    panels[0][0].invert_yaxis()
    figure.supxlabel("DSR, mean over the attacks; dots are seeds, lines 95 %", fontsize=9)
    figure.legend(handles=panels[0][0].lines[:1], fontsize=8, loc="outside upper right", frameon=False)
    return figure


def _draw(axes: Any, place: int, values: Sequence[float]) -> None:
    if not values:
        return
    found = mean_interval(values)
    axes.plot(values, [place] * len(values), "o", color="0.7", markersize=4)
    axes.plot([found.value], [place], "D", color="black", markersize=4)
    if found.low is not None and found.high is not None:
        axes.plot([max(found.low, 0), min(found.high, 1)], [place, place], color="black", linewidth=1.2)


def _states(results: Sequence[Result]) -> Iterator[list[str]]:
    """The pocket models and their harmed twins."""
    for model in _models(results):
        for arm in (ORIGINAL, HARMED):
            if group := _group(results, model, NO_TWIN, arm):
                shares = (_mean_of([getattr(each, name) for each in group]) for name in ("dsr", "plain_dsr", *COSTS))
                yield [model, LABELS[arm], str(len(group)), *shares]


def _treated(results: Sequence[Result], twin: str) -> Iterator[list[str]]:
    for model in _models(results):
        before = {each.seed: each for each in _group(results, model, twin, UNTREATED)}
        start = {each.seed: each for each in _group(results, model, NO_TWIN, ORIGINAL)}
        for arm in ARMS:
            group = [each for each in _group(results, model, twin, arm) if each.seed in before and each.seed in start]
            if not group:
                continue
            cells = [_mean_of([each.dsr for each in group]), "", _mean_of([each.plain_dsr for each in group])]
            if arm == UNTREATED:
                cells += [_mean_of([getattr(each, name) for each in group]) for name in COSTS]
            else:
                cells[1] = _back(group, before, start)
                cells += [_changed(group, before, name) for name in COSTS]
            refused = sum(each.choice == REFUSED for each in group)
            yield [model, LABELS[arm], f"{len(group)}{f', {refused} refused' if refused else ''}", *cells]


def _back(group: Sequence[Result], before: Mapping[int, Result], start: Mapping[int, Result]) -> str:
    triples = [(each.dsr, before[each.seed].dsr, start[each.seed].dsr) for each in group]
    pooled = recovered(*(mean(column) for column in zip(*triples, strict=True)))
    if pooled is None:
        return "nothing lost"
    known = [share for triple in triples if (share := recovered(*triple)) is not None]
    return f"{100 * pooled:.0f} % ({100 * min(known):.0f} to {100 * max(known):.0f})"


def _changed(group: Sequence[Result], before: Mapping[int, Result], name: str) -> str:
    points = [100 * (getattr(each, name) - getattr(before[each.seed], name)) for each in group]
    return f"{mean(points):+.1f} ({min(points):+.1f} to {max(points):+.1f})"


def _mean_of(values: Sequence[float]) -> str:
    found: Interval = mean_interval(values)
    if found.low is None or found.high is None:
        return f"{found.value:.3f}"
    return f"{found.value:.3f} ({max(found.low, 0):.2f} to {min(found.high, 1):.2f})"


def _of_models(groups: Sequence[Sequence[Result]], attack: str) -> str:
    return ", ".join(f"{mean(each.by_attack[attack] for each in group):.2f}" if group else "-" for group in groups)


def _table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"{title}:", "", *(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))]
    return "\n".join(lines) + "\n"


def _models(results: Sequence[Result]) -> list[str]:
    return sorted({each.model for each in results})


def _twins(results: Sequence[Result]) -> list[str]:
    return sorted({each.twin for each in results} - {NO_TWIN})


def _group(results: Sequence[Result], model: str, twin: str, arm: str) -> list[Result]:
    """The seeds of one arm; of the model itself whatever the twin."""
    twin = NO_TWIN if arm == ORIGINAL else twin
    return [each for each in results if (each.model, each.twin, each.arm) == (model, twin, arm)]


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


_STATES = ("model", "state", "seeds", "DSR", "plain DSR", "benign", "wrapped benign", "skills")
_TREATED = ("model", "arm", "seeds", "DSR", "recovered", "plain DSR", "benign", "wrapped benign", "skills")
