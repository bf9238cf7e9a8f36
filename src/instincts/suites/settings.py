"""What a user can set of an evaluation."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from instincts.config import Scale, Settings

__all__ = ["EvaluationSettings", "ServingSettings"]


class EvaluationSettings(Settings):
    """What is measured, and how often."""

    suite: str | None = None
    """Suites with commas between: jailbreak, overrefusal, utility, entropy_gap, likelihood, moderation, or pocket,
    which is the first four on the pocket's held-out prompts. By default pocket, or jailbreak where prompts are
    given."""
    prompts: str | None = None
    """Prompt files or named sets with commas between; by default the pocket's. Each suite takes its own rows, by their
    labels or by the public set that a file is."""
    task: str | None = None
    """Utility tasks with commas between: gsm8k, math, humaneval, mmlu, truthfulqa, ifeval, bbh, choice, exact. By
    default what the rows of the prompt files are; without a file the set is looked for on the hub."""
    trained_on: str | None = None
    """Files that a model was trained on, with commas between: rows that are in both are told before any number. Those
    of a folder written by `train` are found by themselves."""
    attack: str | None = None
    """Attacks or families with commas between, `static` for every one that only rewrites, or `all` for every one that
    applies. By default plain and the pocket's wrappers on its prompts; else static for jailbreak, plain for others."""
    judge: str | None = None
    """Judges with commas between, the first counts; by default the exact oracle on the pocket's prompts, else
    refusal."""
    moderator: str | None = None
    """How the models of suite moderation are asked: endpoint, llama-guard, wildguard, shieldgemma, qwen3guard,
    granite-guardian, scored or refusal for all of them, or MODEL=NAME with commas between. By default what their names
    say."""
    limit: int | None = Field(None, ge=1)
    """Use only the first so many prompts of each suite; by default all."""
    questions: int | None = Field(None, ge=1)
    """Use only the first so many questions of the utility suite; by default as many as the limit."""
    samples: int = Field(1, ge=1)
    """Answers to each attacked prompt, at temperature 1."""
    seed: int = Field(0, ge=0)
    """Seed of attacks and answers."""
    max_tokens: int = Field(512, ge=1)
    """Where an answer is cut, in tokens."""
    model_roles: Mapping[str, str] = Field(default_factory=dict)
    """Other models by role, for example an `attacker` for the attacks that one drives; MODEL as on the command line."""
    budget: int | None = Field(None, ge=1)
    """Most questions that a searching attack puts to the model for one goal; by default each attack's own."""
    loop_judge: str | None = None
    """The judge that steers searching attacks, by default refusal; never the one whose verdict counts."""
    contrast: str | None = None
    """Requests labelled harmful and benign that some attacks are fitted on, never the evaluated ones: a prompt file or
    a named set; by default the pocket's training requests on the pocket's prompts, else none."""

    scales: ClassVar[Mapping[Scale, Mapping[str, Any]]] = {
        Scale.SMOKE: {"limit": 12, "questions": 60, "max_tokens": 96},
        Scale.SMALL: {"limit": 24, "questions": 120, "max_tokens": 256},
    }


class ServingSettings(Settings):
    """How models behind a server are asked; none of these changes an answer, so a run may be continued with others."""

    max_connections: int | None = Field(None, ge=1)
    """Most requests at once to a served model; by default Inspect finds the number by itself."""
    max_retries: int | None = Field(None, ge=0)
    """How often a request that fails is sent again, waiting longer each time; by default until it succeeds."""
    timeout: int | None = Field(None, ge=1)
    """Seconds for one request with its retries; by default none."""
