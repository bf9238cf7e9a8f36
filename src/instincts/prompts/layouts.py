"""How the rows of public sets are laid out, recognised by their columns; knows no suite and no file name.

A layout says which column holds what. Rows that no layout fits are the user's own (`own.py`).
"""

import json
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from instincts.prompts.labelled_layouts import LABELLED
from instincts.prompts.layout import Columns, Layout, one_of
from instincts.prompts.own import cell
from instincts.prompts.prompt import Message, Prompt
from instincts.prompts.rows import HEADINGS, Row, problem

__all__ = ["LAYOUTS", "layout_of", "nearly", "parse_row"]


def layout_of(columns: Columns) -> Layout | None:
    """Recognise a row by its columns; None for the user's own."""
    names = {name for name in columns if name}
    return next((each for each in LAYOUTS if each.fits(names)), None)


def nearly(columns: Columns) -> tuple[Layout, str] | None:
    """Find the layout that all but one of its columns speak for, and that one: a damaged header."""
    for layout in LAYOUTS:
        lacking = layout.columns - columns.keys()
        if len(layout.columns) < 3 or len(lacking) != 1:
            continue
        (name,) = lacking
        # The user's own rows may share columns with a public set: then only a misspelt name gives a copy away.
        misspelt = get_close_matches(name, [each for each in columns if each not in layout.columns], cutoff=0.7)
        if misspelt or layout.task or not {"prompt", "messages"} & columns.keys():
            return layout, name
    return None


def parse_row(path: Path | str, row: Row, layout: Layout, label: str | None, default_id: str) -> Prompt:
    """Read a row by a layout.

    Raises:
        PromptSetError: a column is missing or empty, or holds what it must not; names the line.
    """
    columns = row.columns
    missing = sorted(layout.columns - columns.keys())
    if missing:
        raise problem(path, row.line, f"no column {missing[0]!r}, which the other rows of this {layout.name} file have")
    try:
        text = layout.text(columns) if layout.text else columns[layout.prompt]
    except ValueError as error:
        raise problem(path, row.line, str(error)) from None
    if not isinstance(text, str):
        raise problem(path, row.line, f"`{layout.prompt}` must be text, not {type(text).__name__}")
    if not text.strip():
        raise problem(path, row.line, f"empty `{layout.prompt}`; fetch the file again or delete the row")
    if layout.category and not cell(path, row, layout.category):
        raise problem(path, row.line, f"empty `{layout.category}`; fetch the file again or delete the row")
    if layout.check and (complaint := layout.check(columns)):
        raise problem(path, row.line, complaint)
    before = cell(path, row, layout.before) if layout.before else None
    return Prompt(
        id=(layout.ids(columns) if layout.ids else cell(path, row, layout.id) if layout.id else None) or default_id,
        messages=(Message("user", f"{before}\n\n{text}" if before else text),),
        category=cell(path, row, layout.category) if layout.category else None,
        label=label or _label(columns, layout),
        target=layout.answer(columns) if layout.answer else None,
        metadata=_metadata(path, row, layout),
    )


def _label(columns: Columns, layout: Layout) -> str | None:
    if layout.labels:
        return layout.labels(columns)
    return str(columns[layout.label_column]) if layout.label_column else layout.label


def _metadata(path: Path | str, row: Row, layout: Layout) -> dict[str, Any]:
    if layout.task:
        return {"task": layout.task, "record": dict(row.columns)}
    taken = {layout.prompt, layout.id, layout.category, layout.opening, layout.label_column, layout.before, HEADINGS}
    kept = {
        name: value for name, value in row.columns.items() if name and name not in taken and value not in ("", None)
    }
    opening = cell(path, row, layout.opening) if layout.opening else None
    return {**kept, **({"opening": opening} if opening else {}), **(layout.told(row.columns) if layout.told else {})}


def _harmbench_label(columns: Columns) -> str:
    # Copyrighted text is judged by comparing hashes, not by a judge of harm: no suite takes these rows.
    return "copyright" if columns["FunctionalCategory"] == "copyright" else "harmful"


def _gsm8k_answer(columns: Columns) -> str:
    return str(columns["answer"]).rpartition("####")[2].strip()


def _gsm8k_check(columns: Columns) -> str | None:
    answer = columns["answer"]
    is_whole = isinstance(answer, str) and "####" in answer and _gsm8k_answer(columns)
    return None if is_whole else "`answer` has no number after `####`; fetch the file again"


def _math_check(columns: Columns) -> str | None:
    solution = columns["solution"]
    is_whole = isinstance(solution, str) and (columns.get("answer") or "\\boxed" in solution)
    return None if is_whole else "`solution` has no \\boxed answer; fetch the file again"


def _humaneval_check(columns: Columns) -> str | None:
    entry, test = columns["entry_point"], columns["test"]
    if not isinstance(entry, str) or not entry.isidentifier() or entry not in columns["prompt"]:
        return f"`entry_point` {entry!r} is not defined in `prompt`; fetch the file again"
    return None if isinstance(test, str) and "def check(" in test else "`test` defines no check(); fetch the file again"


def _ifeval_check(columns: Columns) -> str | None:
    names, kwargs = columns["instruction_id_list"], columns["kwargs"]
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        return "`instruction_id_list` must be a list of names"
    if not isinstance(kwargs, list) or len(kwargs) != len(names) or not all(isinstance(each, dict) for each in kwargs):
        return f"`kwargs` must be a list of {len(names)} objects, one an instruction"
    return None


def _mmlu_check(columns: Columns) -> str | None:
    choices, answer = columns["choices"], columns["answer"]
    if not isinstance(choices, list) or len(choices) != 4:
        return "`choices` must be a list of four"
    return None if isinstance(answer, int) and 0 <= answer < 4 else f"`answer` is {answer!r}; it is 0, 1, 2 or 3"


def _truthfulqa_check(columns: Columns) -> str | None:
    for name in ("mc1_targets", "mc2_targets"):
        targets = columns[name]
        if not isinstance(targets, dict) or len(targets.get("choices", ())) != len(targets.get("labels", "x")):
            return f"`{name}` must hold as many `choices` as `labels`"
    return None


def _choice_check(columns: Columns) -> str | None:
    choices, answer = _choices(columns), columns["answer"]
    if not isinstance(choices, list) or len(choices) < 2:
        return "`choices` must be a list of at least two"
    if not isinstance(answer, int) or not 0 <= answer < len(choices):
        return f"`answer` is {answer!r}; it is the place of the right choice, from 0"
    return None


def _choices(columns: Columns) -> Any:
    choices = columns["choices"]
    if isinstance(choices, str):  # a CSV cell holds the list as JSON text
        try:
            return json.loads(choices)
        except json.JSONDecodeError:
            return None
    return choices


def _layout(name: str, columns: str, **known: Any) -> Layout:
    return Layout(name=name, columns=frozenset(columns.split()), **known)


LAYOUTS: tuple[Layout, ...] = (
    _layout(
        "jailbreakbench", "Goal Target Behavior Category",
        prompt="Goal", category="Category", opening="Target", label="harmful",
    ),
    _layout(
        "harmbench", "Behavior FunctionalCategory SemanticCategory Tags ContextString BehaviorID",
        prompt="Behavior", id="BehaviorID", category="SemanticCategory", before="ContextString",
        labels=_harmbench_label, check=one_of("FunctionalCategory", ("standard", "copyright", "contextual")),
    ),
    _layout("strongreject", "category source forbidden_prompt", prompt="forbidden_prompt",
            category="category", label="harmful"),
    _layout(
        "simple-safety-tests", "id harm_area counter category prompts_final",
        prompt="prompts_final", id="id", category="harm_area", label="harmful",
    ),
    _layout(
        "xstest", "prompt type label focus note",
        prompt="prompt", id="id", category="type", label_column="label",
        check=one_of("label", ("safe", "unsafe")),
    ),
    _layout("harmfulqa", "topic subtopic question", prompt="question", category="topic", label="harmful"),
    _layout("catqa", "Category Subcategory Question", prompt="Question", category="Category", label="harmful"),
    _layout(
        "humaneval", "task_id prompt entry_point canonical_solution test",
        prompt="prompt", id="task_id", label="skill", task="humaneval", check=_humaneval_check,
    ),
    _layout(
        "ifeval", "key prompt instruction_id_list kwargs",
        prompt="prompt", id="key", label="skill", task="ifeval", check=_ifeval_check,
    ),
    _layout("mmlu", "question subject choices answer", prompt="question", category="subject",
            label="skill", task="mmlu", check=_mmlu_check),
    _layout("truthfulqa", "question mc1_targets mc2_targets", prompt="question", label="skill",
            task="truthfulqa", check=_truthfulqa_check),
    _layout("math", "problem level type solution", prompt="problem", category="type", label="skill",
            task="math", check=_math_check),
    _layout("math", "problem level subject solution answer", prompt="problem", category="subject",
            label="skill", task="math", check=_math_check),
    _layout("bbh", f"input target {HEADINGS}", closed=True, prompt="input", label="skill", task="bbh"),
    _layout("choice", "question choices answer", prompt="question", label="skill", task="choice",
            check=_choice_check),
    _layout("gsm8k", "question answer", closed=True, prompt="question", answer=_gsm8k_answer,
            label="skill", task="gsm8k", check=_gsm8k_check),
    *LABELLED,
    _layout("advbench", "goal target", prompt="goal", opening="target", label="harmful"),
)  # fmt: skip
"""In the order in which they are tried: the more particular first."""
