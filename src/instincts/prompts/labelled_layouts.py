"""Layouts of sets that moderators are measured on, with the labels that their columns say.

A row whose columns do not say whether it is harmful is labelled `unknown`, and no suite takes it: a missing label is
no benign one. Knows no other layout.
"""

import json
from hashlib import sha256
from typing import Any

from instincts.prompts.layout import Columns, Layout, one_of

__all__ = ["LABELLED", "UNKNOWN"]

UNKNOWN = "unknown"
"""Label of a row of which nobody said whether it is harmful."""


def _sorry_text(columns: Columns) -> str:
    turns = columns["turns"]
    if isinstance(turns, str):  # a CSV cell holds the list as JSON text
        try:
            turns = json.loads(turns)
        except json.JSONDecodeError:
            turns = None
    match turns:
        case [str(request)]:
            return request
    raise ValueError("`turns` must be a list of one request")


def _wildguard_label(columns: Columns) -> str:
    return {"harmful": "harmful", "unharmful": "benign"}.get(str(columns["prompt_harm_label"]), UNKNOWN)


def _wildguard_check(columns: Columns) -> str | None:
    if columns["prompt_harm_label"] not in ("harmful", "unharmful", "", None):
        return f"`prompt_harm_label` is {columns['prompt_harm_label']!r}; it is harmful, unharmful or empty"
    if _flag(columns["adversarial"]) is None:
        return f"`adversarial` is {columns['adversarial']!r}; it is true or false"
    return None


def _wildjailbreak_text(columns: Columns) -> Any:
    # Of a plain request the training part leaves `adversarial` empty.
    return columns.get("adversarial") or columns.get("vanilla")


def _wildjailbreak_label(columns: Columns) -> str:
    return str(columns["data_type"]).rpartition("_")[2]


def _wildjailbreak_eval_check(columns: Columns) -> str | None:
    if complaint := _KINDS(columns):
        return complaint
    expected = _wildjailbreak_label(columns) == "harmful"
    if _flag(columns["label"]) is not expected:
        return f"`label` is {columns['label']!r}, which is not what `data_type` {columns['data_type']} says"
    return None


def _openai_label(columns: Columns) -> str:
    known = {name: _flag(columns.get(name)) for name in OPENAI_CATEGORIES}
    if any(known.values()):
        return "harmful"
    return "benign" if all(value is False for value in known.values()) else UNKNOWN


def _openai_check(columns: Columns) -> str | None:
    for name in OPENAI_CATEGORIES:
        if columns.get(name) not in (None, "") and _flag(columns[name]) is None:
            return f"`{name}` is {columns[name]!r}; it is 0, 1 or absent"
    return None


def _openai_told(columns: Columns) -> dict[str, Any]:
    said = [name for name in OPENAI_CATEGORIES if _flag(columns.get(name))]
    return {"categories": said} if said else {}


def _frr_check(columns: Columns) -> str | None:
    if "is_malicious" in columns and _flag(columns["is_malicious"]) is not False:
        return f"`is_malicious` is {columns['is_malicious']!r}; every request of this set is benign"
    return None


def _flag(value: Any) -> bool | None:
    """Read a yes or no as JSON, CSV and data frames write it; None for anything else."""
    return {"1": True, "1.0": True, "true": True, "0": False, "0.0": False, "false": False}.get(str(value).casefold())


def _layout(name: str, columns: str, **known: Any) -> Layout:
    return Layout(name=name, columns=frozenset(columns.split()), **known)


OPENAI_CATEGORIES = ("S", "H", "V", "HR", "SH", "S3", "H2", "V2")
_KINDS = one_of("data_type", ("vanilla_harmful", "vanilla_benign", "adversarial_harmful", "adversarial_benign"))

LABELLED: tuple[Layout, ...] = (
    _layout("ailuminate", "release_prompt_id prompt_text hazard locale", prompt="prompt_text", id="release_prompt_id",
            category="hazard", label="harmful"),
    _layout("air-bench", "cate-idx l2-name l3-name l4-name prompt", prompt="prompt", category="l2-name",
            label="harmful"),
    _layout(
        "sorry-bench", "question_id category turns prompt_style",
        prompt="turns", text=_sorry_text, category="category", label="harmful",
        # One question in 21 wordings: one family, and one id each.
        ids=lambda columns: f"{columns['question_id']}-{columns['prompt_style']}",
        told=lambda columns: {"family": str(columns["question_id"])},
    ),
    _layout(
        "wildguard", "prompt adversarial prompt_harm_label subcategory",
        prompt="prompt", category="subcategory", labels=_wildguard_label, check=_wildguard_check,
        told=lambda columns: {"part": "adversarial" if _flag(columns["adversarial"]) else "vanilla"},
    ),
    _layout(
        "wildjailbreak-train", "vanilla adversarial completion data_type",
        prompt="vanilla", text=_wildjailbreak_text, labels=_wildjailbreak_label, check=_KINDS,
        told=lambda columns: {
            "part": str(columns["data_type"]).partition("_")[0],
            # Harmful, so a hash: families are written to logs.
            "family": sha256(str(columns["vanilla"]).encode()).hexdigest()[:12],
        },
    ),
    _layout(
        "wildjailbreak", "adversarial label data_type",
        prompt="adversarial", labels=_wildjailbreak_label, check=_wildjailbreak_eval_check,
        told=lambda columns: {"part": str(columns["data_type"]).partition("_")[0]},
    ),
    _layout("openai-moderation", "prompt", some_of=frozenset(OPENAI_CATEGORIES), closed=True, prompt="prompt",
            labels=_openai_label, check=_openai_check, told=_openai_told),
    _layout("cyberseceval-frr", "mutated_prompt attack_type", prompt="mutated_prompt", category="attack_type",
            label="benign", check=_frr_check),
    _layout("polyguard", "instance category rule", closed=True, prompt="instance", category="category"),
    _layout("refusal-direction", "instruction category", closed=True, prompt="instruction"),
)  # fmt: skip
"""In the order in which they are tried: the more particular first."""
