"""Run folders in, one HTML page and its JSON out; the only module here that writes, and that knows the template."""

import json
import shlex
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from instincts.errors import ConfigError
from instincts.records import Metric, write_json, write_text
from instincts.report.arms import Arm, Comparison, compare
from instincts.report.confidence import entropy_block, gate_blocks
from instincts.report.folders import RunFolder, read_folders
from instincts.report.progress import training_blocks
from instincts.report.rates import rate_blocks
from instincts.report.samples import Answer, read_answers
from instincts.report.summary import headlines_of, model_name, sentences_of, title_of
from instincts.report.svg import ARM_INKS
from instincts.report.transcripts import choose_exchanges
from instincts.report.words import interval_of, setting, suite_text, value_of, value_text

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

__all__ = ["write_report"]


def write_report(folders: Sequence[Path], out: Path) -> None:
    """Write one self-contained page about some run folders, and a JSON of the same name with the same numbers.

    The first folder is what the others are compared with; a demo folder brings its parts `before`, `model`, `after`.

    Args:
        folders: folders that `preflight`, `train`, `evaluate` or `demo` wrote.
        out: the page, a file ending in `.html`.

    Raises:
        ConfigError: `out` is no HTML file, or its JSON would replace a file that is not a report's.
        RecordError: a folder cannot be read, or the page cannot be written.
    """
    numbers = _beside(out)
    parts = read_folders(folders)
    comparison = compare(row for part in parts for row in part.metrics)
    answers = _answers_by_arm(parts, comparison.arms)
    content = _content(parts, comparison, answers)
    write_text(out, _environment().get_template("page.html.j2").render(content))
    write_json(numbers, _numbers(parts, comparison, content))


def _content(
    parts: Sequence[RunFolder], comparison: Comparison, answers: Mapping[Arm, Sequence[Answer]]
) -> dict[str, Any]:
    headlines = headlines_of(comparison)
    answering = tuple(arm for arm in comparison.arms if answers[arm])
    return {
        "title": title_of(parts),
        "verbs": list(dict.fromkeys(part.card.verb for part in parts)),
        "sentences": sentences_of(parts, comparison, headlines),
        "headlines": headlines,
        "arm_inks": ARM_INKS,
        "defence": rate_blocks(comparison, ("dsr",)),
        "costs": rate_blocks(comparison, ("benign_compliance", "skill_accuracy")),
        "entropy": entropy_block(comparison, answers),
        "gates": gate_blocks(parts),
        "trainings": training_blocks(parts),
        "answering": answering,
        "exchanges": choose_exchanges(
            [model_name(arm.label) for arm in answering], [answers[arm] for arm in answering]
        ),
        "rows": comparison.rows,
        "parts": parts,
        "notes": [note for part in parts for note in part.notes],
    }


def _answers_by_arm(parts: Sequence[RunFolder], arms: Sequence[Arm]) -> dict[Arm, list[Answer]]:
    """Give each arm the answers its folder logged; a folder with several models is told apart by model."""
    found: dict[Arm, list[Answer]] = {arm: [] for arm in arms}
    for part in parts:
        own = [arm for arm in arms if arm.run in part.runs]
        if not own:
            continue
        for answer in read_answers(part.logs):
            for arm in own:
                if len(own) == 1 or arm.model == answer.model:
                    found[arm].append(answer)
    return found


def _numbers(parts: Sequence[RunFolder], comparison: Comparison, content: Mapping[str, Any]) -> dict[str, Any]:
    entropy = content["entropy"]
    return {
        "report": REPORT_MARK,
        "metrics": [row.model_dump() for row in comparison.rows],
        "entropies": entropy.data if entropy is not None else {},
        "training": {block.name: list(block.curves.rows) for block in content["trainings"]},
        "gate": {part.name: part.gate for part in parts if part.gate is not None},
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
        interval=interval_of,
        unit_text=value_text,
        setting=setting,
        suite_text=suite_text,
        model_name=model_name,
        command=shlex.join,
        when=_when,
        safe_svg=_markup,
    )
    return environment


def _template(name: str) -> str:
    return files("instincts.report").joinpath("templates", name).read_text(encoding="utf-8")


def _exact(row: Metric) -> "Markup":
    """Write a value for people with the unrounded one beside it for programs."""
    from markupsafe import Markup

    if row.value is None:
        return Markup("<span>{}</span>").format(value_of(row))
    return Markup('<data value="{}">{}</data>').format(repr(row.value), value_of(row))


def _when(stamp: str) -> str:
    """Write an ISO time in UTC to the minute."""
    return f"{stamp[:16].replace('T', ' ')} UTC"


def _markup(svg: str) -> "Markup":
    """Let a figure through unescaped; `svg.render` and Matplotlib escape every text in it."""
    from markupsafe import Markup

    return Markup(svg)


REPORT_MARK = "instincts/1"
