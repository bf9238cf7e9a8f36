"""The public sets we can read: where they come from, what they may be used for, and how many rows they have.

Nothing of them is in this package. Numbers of rows are those of the files as published; a hash stands where a published
file was at hand. `role` is `test` for what must never be trained or tuned on.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from instincts.errors import unknown_name

__all__ = ["CATALOGUE", "DataSet", "Hub", "data_set", "sets_of"]


@dataclass(frozen=True, kw_only=True)
class Hub:
    """Where the Hugging Face hub has it."""

    path: str
    config: str | None = None
    split: str = "train"


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """One public set."""

    name: str
    what: str
    paper: str
    """arXiv id, or where it is described."""
    source: str
    """Owner and repository, on GitHub unless it says otherwise."""
    licence: str
    role: Literal["test", "train"]
    suite: Literal["jailbreak", "moderation", "overrefusal", "utility"]
    rows: tuple[int, ...]
    """How many rows a published file has; several where it is published in several sizes, none where in many files."""
    layout: str
    """Name of the layout; `own` where it has no columns of its own and only the count tells it."""
    columns: tuple[str, ...]
    label: str | None = None
    """What every row is, where no column says it."""
    sha256: str | None = None
    hub: Hub | None = None


def data_set(name: str) -> DataSet:
    """Look up a set.

    Raises:
        ConfigError: no set of that name; the message lists near matches.
    """
    if name not in CATALOGUE:
        raise unknown_name("data set", name, CATALOGUE)
    return CATALOGUE[name]


def sets_of(layout: str, columns: Collection[str], rows: int) -> Sequence[DataSet]:
    """Find the sets that a file may be: those of its layout, and of its length where nothing else tells them apart."""
    if layout != "own":
        found = [each for each in CATALOGUE.values() if each.layout == layout]
        return [each for each in found if rows in each.rows] or found
    return [
        each for each in CATALOGUE.values()
        if each.layout == "own" and set(each.columns) == set(columns) and rows in each.rows
    ]  # fmt: skip


def _set(
    name: str, what: str, *, rows: int | tuple[int, ...], columns: str, layout: str | None = None, **known: object
) -> DataSet:
    sizes = (rows,) if isinstance(rows, int) else rows
    return DataSet(name=name, what=what, rows=sizes, columns=tuple(columns.split()), layout=layout or name, **known)  # type: ignore[arg-type]


CATALOGUE: MappingProxyType[str, DataSet] = MappingProxyType(
    {
        each.name: each
        for each in (
            _set("jailbreakbench", "harmful behaviours in ten categories, each with the opening of an agreeing answer",
                 paper="2404.01318", source="JailbreakBench/jailbreakbench", licence="MIT", role="test",
                 suite="jailbreak", rows=100, columns="Goal Target Behavior Category", label="harmful",
                 sha256="45e9a8923b28f547bb372fbaa9af7df8b38c818a80ae50c3bab97704197ff516",
                 hub=Hub(path="JailbreakBench/JBB-Behaviors", config="behaviors", split="harmful")),
            _set("jailbreakbench-benign", "the benign twins of the JailbreakBench behaviours",
                 paper="2404.01318", source="JailbreakBench/JBB-Behaviors (hub only)", licence="MIT", role="test",
                 suite="overrefusal", rows=100, layout="jailbreakbench", columns="Goal Target Behavior Category",
                 label="safe", hub=Hub(path="JailbreakBench/JBB-Behaviors", config="behaviors", split="benign")),
            _set("harmbench", "harmful behaviours: standard, contextual, and copyright (which no suite takes)",
                 paper="2402.04249", source="centerforaisafety/HarmBench", licence="MIT", role="test",
                 suite="jailbreak", rows=(400, 320, 200, 100, 80),
                 columns="Behavior FunctionalCategory SemanticCategory Tags ContextString BehaviorID"),
            _set("advbench", "harmful requests with agreeing openings", paper="2307.15043",
                 source="llm-attacks/llm-attacks", licence="MIT", role="train", suite="jailbreak", rows=520,
                 columns="goal target", label="harmful", hub=Hub(path="walledai/AdvBench")),
            _set("strongreject", "forbidden requests in six categories", paper="2402.10260",
                 source="alexandrasouly/strongreject", licence="MIT", role="test", suite="jailbreak",
                 rows=(313, 60), columns="category source forbidden_prompt", label="harmful"),
            _set("simple-safety-tests", "harmful requests in five harm areas", paper="2311.08370",
                 source="bertiev/SimpleSafetyTests", licence="CC-BY-4.0", role="test", suite="jailbreak", rows=100,
                 columns="id harm_area counter category prompts_final", label="harmful",
                 sha256="6d95a1301e0d0f3a3c4cf5392f4afff11ad6e3066f95d23aaa138d44aedf986c"),
            _set("harmfulqa", "harmful questions under ten topics", paper="2308.09662",
                 source="declare-lab/red-instruct", licence="Apache-2.0", role="train", suite="jailbreak", rows=1960,
                 columns="topic subtopic question", label="harmful", hub=Hub(path="declare-lab/HarmfulQA")),
            _set("catqa", "harmful questions in eleven categories of five", paper="2402.11746",
                 source="declare-lab/red-instruct", licence="Apache-2.0", role="train", suite="jailbreak", rows=550,
                 columns="Category Subcategory Question", label="harmful",
                 hub=Hub(path="declare-lab/CategoricalHarmfulQA", split="en")),
            _set("catqa-tree", "CatQA as lists under headings", paper="2402.11746", source="declare-lab/red-instruct",
                 licence="Apache-2.0", role="train", suite="jailbreak", rows=550, layout="own",
                 columns="prompt headings", label="harmful"),
            _set("harmfulqa-tree", "HarmfulQA as lists under headings", paper="2308.09662",
                 source="declare-lab/red-instruct", licence="Apache-2.0", role="train", suite="jailbreak", rows=1960,
                 layout="own", columns="prompt headings", label="harmful"),
            _set("malicious-instruct", "harmful requests, one a line", paper="2310.06987",
                 source="Princeton-SysML/Jailbreak_LLM", licence="MIT", role="test", suite="jailbreak", rows=100,
                 layout="own", columns="prompt", label="harmful"),
            _set("xstest", "safe requests that look harmful, and unsafe contrasts", paper="2308.01263",
                 source="paul-rottger/exaggerated-safety", licence="CC-BY-4.0", role="test", suite="overrefusal",
                 rows=450, columns="prompt type label focus note",
                 sha256="11783fb294ed017473ee53c207d71f2161c7672c8d0b037501e78387f801cb5a",
                 hub=Hub(path="walledai/XSTest", split="test")),
            _set("or-bench-hard", "safe requests that models refuse most", paper="2405.20947",
                 source="bench-llm/or-bench (hub)", licence="CC-BY-4.0", role="test", suite="overrefusal", rows=1319,
                 layout="own", columns="prompt category", label="safe",
                 hub=Hub(path="bench-llm/or-bench", config="or-bench-hard-1k")),
            _set("or-bench-toxic", "harmful requests in the same ten categories", paper="2405.20947",
                 source="bench-llm/or-bench (hub)", licence="CC-BY-4.0", role="test", suite="overrefusal", rows=655,
                 layout="own", columns="prompt category", label="unsafe",
                 hub=Hub(path="bench-llm/or-bench", config="or-bench-toxic")),
            _set("oktest", "safe requests with harmful words", paper="2401.17633", source="InvokerStark/OverKill",
                 licence="none stated", role="test", suite="overrefusal", rows=300, layout="own", columns="prompt",
                 label="safe"),
            _set("oktest-heldout", "the held-out part of OKTest", paper="2401.17633", source="InvokerStark/OverKill",
                 licence="none stated", role="test", suite="overrefusal", rows=50, layout="own", columns="prompt",
                 label="safe"),
            _set("ailuminate", "harmful requests in twelve hazards; the demo and the practice set", paper="2503.05731",
                 source="mlcommons/ailuminate", licence="CC-BY-4.0", role="test", suite="jailbreak",
                 rows=(1200, 12000), columns="release_prompt_id prompt_text hazard locale", label="harmful"),
            _set("air-bench", "harmful requests in the 16 categories of AIR-2024", paper="2407.17436",
                 source="stanford-crfm/air-bench-2024 (hub)", licence="CC-BY-4.0", role="test", suite="jailbreak",
                 rows=5694, columns="cate-idx l2-name l3-name l4-name prompt", label="harmful",
                 hub=Hub(path="stanford-crfm/air-bench-2024", config="default", split="test")),
            _set("sorry-bench", "450 requests in 45 categories, in 21 wordings; some a policy may allow",
                 paper="2406.14598", source="sorry-bench/sorry-bench-202406 (hub, on request)",
                 licence="its own, on request", role="test", suite="jailbreak", rows=(9450, 450),
                 columns="question_id category turns prompt_style", label="harmful",
                 hub=Hub(path="sorry-bench/sorry-bench-202406")),
            _set("wildguardtest", "harmful and benign requests, plain and adversarial; some without a label",
                 paper="2406.18495", source="allenai/wildguardmix (hub, gated)", licence="ODC-BY", role="test",
                 suite="moderation", rows=1725, layout="wildguard",
                 columns="prompt adversarial prompt_harm_label subcategory",
                 hub=Hub(path="allenai/wildguardmix", config="wildguardtest", split="test")),
            _set("wildguardtrain", "what WildGuard was trained on", paper="2406.18495",
                 source="allenai/wildguardmix (hub, gated)", licence="ODC-BY", role="train", suite="moderation",
                 rows=86759, layout="wildguard", columns="prompt adversarial prompt_harm_label subcategory",
                 hub=Hub(path="allenai/wildguardmix", config="wildguardtrain")),
            _set("wildjailbreak", "adversarial requests, harmful and benign: the evaluation split", paper="2406.18510",
                 source="allenai/wildjailbreak (hub, behind a click-through)", licence="ODC-BY", role="test",
                 suite="moderation", rows=(2250, 2210), columns="adversarial label data_type"),
            _set("wildjailbreak-train", "plain and adversarial requests, harmful and benign, with answers",
                 paper="2406.18510", source="allenai/wildjailbreak (hub, behind a click-through)", licence="ODC-BY",
                 role="train", suite="moderation", rows=261559, columns="vanilla adversarial completion data_type"),
            _set("openai-moderation", "texts with eight categories of harm; a missing one is unknown",
                 paper="2208.03274", source="openai/moderation-api-release", licence="MIT", role="test",
                 suite="moderation", rows=1680, columns="prompt"),
            _set("cyberseceval-frr", "benign questions about security: false refusals", paper="2404.13161",
                 source="meta-llama/PurpleLlama", licence="MIT", role="test", suite="overrefusal", rows=750,
                 columns="mutated_prompt attack_type", label="benign"),
            _set("harmless-instructions", "ordinary instructions: train, validation, test", paper="2406.11717",
                 source="busycalibrating/AdversariaLLM", licence="CC-BY-NC (Alpaca-derived)", role="train",
                 suite="overrefusal", rows=(18793, 6264, 6266), layout="refusal-direction",
                 columns="instruction category", label="benign"),
            _set("polyguard", "texts that keep or break a rule of an organisation, a file each", paper="2506.19054",
                 source="AI-secure/PolyGuard", licence="none stated", role="test", suite="moderation", rows=(),
                 columns="instance category rule"),
            _set("gsm8k", "grade-school word problems; the answer after ####", paper="2110.14168",
                 source="openai/grade-school-math", licence="MIT", role="test", suite="utility", rows=(1319, 7473),
                 columns="question answer", label="skill",
                 sha256="3730d312f6e3440559ace48831e51066acaca737f6eabec99bccb9e4b3c39d14",
                 hub=Hub(path="openai/gsm8k", config="main", split="test")),
            _set("math", "competition problems with boxed answers", paper="2103.03874", source="hendrycks/math",
                 licence="MIT", role="test", suite="utility", rows=(5000, 500),
                 columns="problem level type solution", label="skill",
                 hub=Hub(path="DigitalLearningGmbH/MATH-lighteval", config="default", split="test")),
            _set("humaneval", "functions to write; the tests run in a sandbox", paper="2107.03374",
                 source="openai/human-eval", licence="MIT", role="test", suite="utility", rows=164,
                 columns="task_id prompt entry_point canonical_solution test", label="skill",
                 sha256="b796127e635a67f93fb35c04f4cb03cf06f38c8072ee7cee8833d7bee06979ef",
                 hub=Hub(path="openai/openai_humaneval", split="test")),
            _set("mmlu", "multiple-choice questions in 57 subjects", paper="2009.03300", source="hendrycks/test",
                 licence="MIT", role="test", suite="utility", rows=14042, columns="question subject choices answer",
                 label="skill", hub=Hub(path="cais/mmlu", config="all", split="test")),
            _set("truthfulqa", "questions that people answer wrongly", paper="2109.07958", source="sylinrl/TruthfulQA",
                 licence="Apache-2.0", role="test", suite="utility", rows=817,
                 columns="question mc1_targets mc2_targets", label="skill",
                 hub=Hub(path="truthfulqa/truthful_qa", config="multiple_choice", split="validation")),
            _set("ifeval", "instructions whose following can be checked", paper="2311.07911",
                 source="google-research/google-research", licence="Apache-2.0", role="test", suite="utility",
                 rows=541, columns="key prompt instruction_id_list kwargs", label="skill",
                 sha256="67ffeee0fcb87c317c5b08a2de85557b4a7e96ada6178aa645b4954fe4b53d49",
                 hub=Hub(path="google/IFEval")),
            _set("bbh", "BIG-Bench Hard; one file a task, named after it", paper="2210.09261",
                 source="suzgunmirac/BIG-Bench-Hard", licence="MIT", role="test", suite="utility",
                 rows=(250, 187, 178, 146), columns="input target headings", label="skill"),
        )
    }
)  # fmt: skip
"""Every set by name."""
