"""Question sets of `inspect_evals`, by name: their samples, solvers and scorers, on rows that we read ourselves.

The tasks of `inspect_evals` download their data when they are made; ours are put together from the same parts, so that
a file in the place of the hub is the same task. Zero-shot: its few-shot examples come from the hub. Left out: the
sympy scorer of MATH (it computes what a model wrote) and its scorer by a grading model; subsets of BBH in which an
option cannot be told from the text.
"""

import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any

from inspect_ai.dataset import Sample
from inspect_ai.scorer import Scorer
from inspect_ai.solver import Solver

from instincts.errors import ConfigError, unknown_name
from instincts.prompts import Prompt

__all__ = ["QUESTIONS", "Questions", "questions_named"]

Record = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Questions:
    """How the questions of one set are asked and marked."""

    name: str
    sample: Callable[[Prompt, str], Sample]
    """(question, name of its file) -> sample."""
    solver: Callable[[], Solver | list[Solver]]
    scorer: Callable[[], Scorer]
    judged_by: str
    """Name of the scorer in the log."""
    needs: tuple[str, ...] = ("inspect_evals",)
    """Packages beside the core ones."""
    shuffles: bool = False
    """Whether options are shuffled: the published order puts the right one first."""
    sandboxed: bool = False
    """Whether code that the model wrote is run, which happens in a container or not at all."""
    ready: Callable[[], None] | None = None
    """Raises a ConfigError if something else is missing."""

    def check(self) -> None:
        """Make sure that the set can be asked here.

        Raises:
            ConfigError: a package, a container runtime or a data file is missing; says how to get it.
        """
        if missing := [name for name in self.needs if find_spec(name) is None]:
            raise ConfigError(f"task {self.name} needs the package {missing[0]}: pip install 'instincts[utility]'")
        if self.sandboxed and not _docker_answers():
            raise ConfigError(
                f"task {self.name} runs code that the model wrote, in a Docker container and never in this process, "
                "but no Docker daemon answers; start one, or leave the task out"
            )
        if self.ready is not None:
            self.ready()


def questions_named(name: str) -> Questions:
    """Look up a set.

    Raises:
        ConfigError: no set of that name; the message lists near matches.
    """
    if name not in QUESTIONS:
        raise unknown_name("utility task", name, (*QUESTIONS, "exact"))
    return QUESTIONS[name]


def _docker_answers() -> bool:
    docker = shutil.which("docker")
    if docker is None:
        return False
    try:
        return subprocess.run([docker, "info"], capture_output=True, timeout=20, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _record(prompt: Prompt) -> dict[str, Any]:
    return dict(prompt.metadata["record"])


def _gsm8k_sample(prompt: Prompt, file: str) -> Sample:
    from inspect_evals.gsm8k.gsm8k import record_to_sample

    return record_to_sample(_record(prompt))


def _gsm8k_solver() -> list[Solver]:
    from inspect_ai.solver import generate, prompt_template
    from inspect_evals.gsm8k.gsm8k import MATH_PROMPT_TEMPLATE

    return [prompt_template(MATH_PROMPT_TEMPLATE), generate()]


def _number_scorer() -> Scorer:
    from inspect_ai.scorer import match

    return match(numeric=True)


def _math_sample(prompt: Prompt, file: str) -> Sample:
    from inspect_evals.math.utils import record_to_sample

    record = _record(prompt)
    boxed = {"solution": f"\\boxed{{{record['answer']}}}"} if "answer" in record else {}
    level = str(record["level"]) if isinstance(record["level"], str) else f"Level {record['level']}"
    return record_to_sample({**record, **boxed, "level": level, "type": record.get("type", record.get("subject"))})


def _math_solver() -> list[Solver]:
    from inspect_evals.math.math import math_solver

    return math_solver(fewshot=0, fewshot_seed=0)


def _math_scorer() -> Scorer:
    from inspect_evals.math.math import expression_exact_match

    return expression_exact_match()


def _humaneval_sample(prompt: Prompt, file: str) -> Sample:
    from inspect_evals.humaneval.humaneval import record_to_sample

    return record_to_sample()(_record(prompt))


def _humaneval_scorer() -> Scorer:
    from inspect_evals.humaneval.humaneval import verify

    return verify()


def _mmlu_sample(prompt: Prompt, file: str) -> Sample:
    from inspect_evals.mmlu.mmlu import record_to_sample_mmlu

    return record_to_sample_mmlu(_record(prompt))


def _mmlu_solver() -> Solver:
    from inspect_evals.mmlu.mmlu import mmlu_multiple_choice

    return mmlu_multiple_choice(cot=False, max_non_cot_tokens=16)


def _truthfulqa_sample(prompt: Prompt, file: str) -> Sample:
    from inspect_evals.truthfulqa.truthfulqa import labels_to_positions

    targets = _record(prompt)["mc1_targets"]
    return Sample(input=prompt.request, choices=targets["choices"], target=labels_to_positions(targets["labels"]))


def _choice_sample(prompt: Prompt, file: str) -> Sample:
    record = _record(prompt)
    return Sample(input=prompt.request, choices=list(record["choices"]), target=chr(ord("A") + record["answer"]))


def _ifeval_sample(prompt: Prompt, file: str) -> Sample:
    from inspect_evals.ifeval.ifeval import record_to_sample

    return record_to_sample(_record(prompt))


def _ifeval_scorer() -> Scorer:
    from instincts.suites.instructions import instructions_followed

    return instructions_followed()


def _ifeval_ready() -> None:
    from instincts.suites.instructions import check_data

    check_data()


def _bbh_sample(prompt: Prompt, file: str) -> Sample:
    from inspect_evals.bbh.bbh import BBHDatasetRegistry, DatasetType

    subset = Path(file.removesuffix(".gz")).stem
    known = BBHDatasetRegistry.get_all_subset_names()
    if subset not in known:
        raise ConfigError(
            f"{file}: a BBH file is named after its task, as published; {subset!r} is none of {', '.join(known)}"
        )
    record = _record(prompt)
    config = BBHDatasetRegistry.get_dataset_config(subset)
    if config.type is DatasetType.MULTIPLE_CHOICE:
        text, options = _options(prompt.request)
        asked = {"question": text, "choices": {"text": options}, "target": str(record["target"]).strip("()")}
        sample = config.sample_converter(asked)
    else:
        sample = config.sample_converter({"question": prompt.request, "target": str(record["target"])})
        sample.input = f"{_BBH_FORM}\n\nQUESTION: {sample.input}"
    return sample


def _options(text: str) -> tuple[str, list[str]]:
    """Part a BBH question from its options, which stand below it as `(A) ...`."""
    question, _, below = text.partition("\nOptions:\n")
    options = re.findall(r"^\([A-Z]\) (.+)$", below, flags=re.MULTILINE)
    options = options or [line.removeprefix("- ") for line in below.splitlines() if line.startswith("- ")]
    return question, options


def _bbh_solver() -> Solver:
    from inspect_evals.bbh.bbh import bbh_solver

    return bbh_solver()


def _bbh_scorer() -> Scorer:
    from inspect_evals.bbh.bbh import bbh_scorer

    return bbh_scorer()


def _choice_solver() -> Solver:
    from inspect_ai.solver import multiple_choice

    return multiple_choice()


def _choice_scorer() -> Scorer:
    from inspect_ai.scorer import choice

    return choice()


def _plain_solver() -> Solver:
    from inspect_ai.solver import generate

    return generate()


_BBH_FORM = (
    "Make sure you output your answer on the last line as 'ANSWER: <answer>'. You can output multiple lines, but the "
    "answer has to be on the last line."
)

_ALL: Sequence[Questions] = (
    Questions(name="gsm8k", sample=_gsm8k_sample, solver=_gsm8k_solver, scorer=_number_scorer, judged_by="match"),
    Questions(
        name="math", sample=_math_sample, solver=_math_solver, scorer=_math_scorer, judged_by="expression_exact_match"
    ),
    Questions(
        name="humaneval",
        sample=_humaneval_sample,
        solver=_plain_solver,
        scorer=_humaneval_scorer,
        judged_by="verify",
        sandboxed=True,
    ),
    Questions(name="mmlu", sample=_mmlu_sample, solver=_mmlu_solver, scorer=_choice_scorer, judged_by="choice"),
    Questions(
        name="truthfulqa",
        sample=_truthfulqa_sample,
        solver=_choice_solver,
        scorer=_choice_scorer,
        judged_by="choice",
        shuffles=True,
    ),
    Questions(
        name="ifeval",
        sample=_ifeval_sample,
        solver=_plain_solver,
        scorer=_ifeval_scorer,
        judged_by="instructions_followed",
        # The checkers of `inspect_evals` are in a package that no index has; `lm_eval` carries the same ones.
        needs=("inspect_evals", "lm_eval", "langdetect", "immutabledict", "nltk"),
        ready=_ifeval_ready,
    ),
    Questions(name="bbh", sample=_bbh_sample, solver=_bbh_solver, scorer=_bbh_scorer, judged_by="bbh_scorer"),
    Questions(
        name="choice", sample=_choice_sample, solver=_choice_solver, scorer=_choice_scorer, judged_by="choice", needs=()
    ),
)

QUESTIONS: MappingProxyType[str, Questions] = MappingProxyType({each.name: each for each in _ALL})
"""Every set by name; `choice` is the user's own multiple choice."""
