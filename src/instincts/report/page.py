"""Run folders in, one HTML page and its JSON out; the only module here that writes, and that knows the template."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from instincts.errors import ConfigError
from instincts.records import Metric, write_json, write_text
from instincts.report.comparing import Compared, compared
from instincts.report.confidence import entropy_block, gate_blocks
from instincts.report.costs import cost_tables
from instincts.report.folders import RunFolder, read_folders
from instincts.report.groups import judged_on_best
from instincts.report.heat import crossed_tables
from instincts.report.helpfulness import halves_blocks
from instincts.report.left_out import left_out
from instincts.report.moves import change_blocks
from instincts.report.plane import plane_drawing
from instincts.report.progress import training_blocks
from instincts.report.rates import rate_blocks
from instincts.report.strengths import strength_blocks, strength_headlines
from instincts.report.summary import headlines_of, sentences_of, title_of
from instincts.report.svg import ARM_INKS
from instincts.report.transcripts import choose_exchanges, read_transcripts
from instincts.report.words import interval_of, model_name, points_text, setting, suite_text, term, value_of, value_text

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

__all__ = ["write_report"]


def write_report(folders: Sequence[Path], out: Path, *, transcripts: bool | None = None) -> None:
    """Write one self-contained page about some run folders, and a JSON of the same name with the same numbers.

    The first folder is what the others are compared with; a demo folder brings its parts `before`, `model`, `after`.

    Args:
        folders: folders that `preflight`, `train`, `steer`, `evaluate` or `demo` wrote.
        out: the page, a file ending in `.html`.
        transcripts: whether a few prompts and answers are put on the page; by default only of runs whose prompts all
            come with this package, which are free of content. All others stay in the Inspect logs.

    Raises:
        ConfigError: `out` is no HTML file, or its JSON would replace a file that is not a report's.
        RecordError: a folder cannot be read, or the page cannot be written.
    """
    numbers = _beside(out)
    parts = read_folders(folders)
    found = compared(parts)
    content = _content(parts, found, transcripts)
    write_text(out, _environment().get_template("page.html.j2").render(content))
    write_json(numbers, _numbers(parts, found, content))


@dataclass(frozen=True)
class _Shown:
    """The transcripts of a page, and whether there were any to show."""

    arms: tuple[Any, ...]
    exchanges: list[Any]
    texts: dict[Any, Any]
    is_withheld: bool


def _content(parts: Sequence[RunFolder], found: Compared, transcripts: bool | None) -> dict[str, Any]:
    comparison = found.comparison
    headlines = headlines_of(comparison, without=("dsr",) if found.is_disputed else ())
    headlines = headlines or strength_headlines(comparison)
    dsr_suites = comparison.suites("dsr")
    return {
        "title": title_of(parts),
        "verbs": list(dict.fromkeys(part.card.verb for part in parts)),
        "alarms": found.alarms,
        "sentences": sentences_of(parts, comparison, headlines),
        "headlines": headlines,
        "arm_inks": ARM_INKS,
        "found": found,
        "plane": plane_drawing(found.standings, comparison.arms),
        "defence": rate_blocks(comparison, ("dsr",)),
        "crossed": [
            table
            for suite in dsr_suites
            for table in crossed_tables(comparison, suite, comparison.arms_with("dsr", suite))
        ],
        "judged_on_best": judged_on_best([name for suite in dsr_suites for name in comparison.slices(suite, "dsr")]),
        "moves": change_blocks(found.changes),
        "halves": halves_blocks(comparison),
        "costs": rate_blocks(comparison, ("benign_compliance", "skill_accuracy")),
        "prices": cost_tables(comparison),
        "left_out": left_out(parts),
        "moderators": found.moderators,
        "entropy": entropy_block(comparison, found.answers),
        "gates": gate_blocks(parts),
        "trainings": training_blocks(parts),
        "strengths": strength_blocks(parts),
        "shown": _shown(parts, found, transcripts),
        "rows": comparison.rows,
        "parts": parts,
        "notes": [*(note for part in parts for note in part.notes), *found.notes],
    }


def _shown(parts: Sequence[RunFolder], found: Compared, transcripts: bool | None) -> _Shown:
    answering = tuple(arm for arm in found.comparison.arms if found.answers[arm])
    is_open = all(part.is_content_free for part in parts if part.logs) if transcripts is None else transcripts
    if not is_open or not answering:
        return _Shown((), [], {}, is_withheld=bool(answering))
    exchanges = choose_exchanges(
        [model_name(arm.label) for arm in answering], [found.answers[arm] for arm in answering]
    )
    return _Shown(answering, exchanges, read_transcripts(exchanges), is_withheld=False)


def _numbers(parts: Sequence[RunFolder], found: Compared, content: dict[str, Any]) -> dict[str, Any]:
    entropy = content["entropy"]
    return {
        "report": REPORT_MARK,
        "metrics": [row.model_dump() for row in found.comparison.rows],
        "comparison": found.to_json(),
        "judged_on_best": content["judged_on_best"],
        "left_out": [one._asdict() for one in content["left_out"]],
        "entropies": entropy.data if entropy is not None else {},
        "training": {block.name: list(block.curves.rows) for block in content["trainings"]},
        "gate": {part.name: part.gate for part in parts if part.gate is not None},
        "strengths": {
            part.name: {"points": list(part.points), "taken": part.card.outcome.get("sweep")}
            for part in parts
            if part.points
        },
        "runs": {part.name: part.card.model_dump() for part in parts},
    }


def _beside(out: Path) -> Path:
    if out.suffix.lower() not in {".html", ".htm"}:
        raise ConfigError(f"--out {out} must end in .html")
    numbers = out.with_suffix(".json")
    if numbers.exists():
        try:
            is_ours = json.loads(numbers.read_text(encoding="utf-8")).get("report") == REPORT_MARK
        except (OSError, ValueError, AttributeError):
            is_ours = False
        if not is_ours:
            raise ConfigError(f"{numbers} exists and is no report's; choose another name than {out.name}")
    return numbers


def _environment() -> "Environment":
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        loader=FunctionLoader(_template),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        value=_exact,
        number=_number,
        interval=interval_of,
        points=points_text,
        unit_text=value_text,
        setting=setting,
        suite_text=suite_text,
        model_name=model_name,
        metric_label=lambda metric: term(metric).label,
        command=shlex.join,
        when=_when,
        safe_svg=_markup,
    )
    return environment


def _template(name: str) -> str:
    return files("instincts.report").joinpath("templates", name).read_text(encoding="utf-8")


def _exact(row: Metric) -> "Markup":
    """Write a value for people with the unrounded one beside it for programs."""
    return _number(row.value, value_of(row))


def _number(value: float | None, text: str) -> "Markup":
    from markupsafe import Markup

    if value is None:
        return Markup("<span>{}</span>").format(text)
    return Markup('<data value="{}">{}</data>').format(repr(value), text)


def _when(stamp: str) -> str:
    """Write an ISO time in UTC to the minute."""
    return f"{stamp[:16].replace('T', ' ')} UTC"


def _markup(svg: str) -> "Markup":
    """Let a figure through unescaped; `svg.render` and Matplotlib escape every text in it."""
    from markupsafe import Markup

    return Markup(svg)


REPORT_MARK = "instincts/1"
