"""Prompts crossed with attacks, as the samples of an Inspect task; knows no model and no judge.

A sample's input is the plain request; the attack named in its metadata rewrites it when the sample runs. So judges and
readers of the log see what was really asked, and `sample.id` says both: `ATTACK:PROMPT`.
"""

from collections.abc import Sequence
from typing import Any

from inspect_ai.dataset import Sample

from instincts.attacks import Attack, Goal
from instincts.attacks.chat import as_chat
from instincts.errors import ConfigError
from instincts.prompts import Prompt, PromptSet

__all__ = ["attacked_samples", "exact_samples", "question_sample"]


def attacked_samples(suite: str, prompts: PromptSet, attacks: Sequence[Attack]) -> list[Sample]:
    """Cross every prompt with every attack, attack by attack.

    Raises:
        ConfigError: a prompt already ends with a prefilled answer, and an attack other than `plain` is asked for.
        InstinctsError: an attack that reads files has nothing for one of these prompts.
    """
    prefilled = next((prompt.id for prompt in prompts if prompt.prefill), None)
    wrapping = next((attack.name for attack in attacks if attack.family != "plain"), None)
    if prefilled is not None and wrapping is not None:
        raise ConfigError(
            f"prompt {prefilled!r} of {prompts.source} ends with a prefilled answer, which {wrapping} cannot wrap; "
            "use --attack plain"
        )
    goals = [Goal(prompt.messages, prompt.request, _opening(prompt) or "", prompt.id) for prompt in prompts]
    for attack in attacks:
        if attack.check is not None:
            attack.check(goals)
    return [_sample(suite, prompt, attack) for attack in attacks for prompt in prompts]


def exact_samples(suite: str, prompts: PromptSet, attack: Attack) -> list[Sample]:
    """Make samples with an exact answer to compare with.

    Raises:
        ConfigError: a prompt has no target.
    """
    if missing := [prompt.id for prompt in prompts if not prompt.target]:
        raise ConfigError(
            f"{len(missing)} of {len(prompts)} prompts of {prompts.source} have no target, the first is "
            f"{missing[0]!r}; suite {suite} compares answers with a `target` column"
        )
    return [_sample(suite, prompt, attack, target=prompt.target or "", judged_by="skill") for prompt in prompts]


def question_sample(prompt: Prompt, sample: Sample, task: str, judged_by: str) -> Sample:
    """Give a sample that another package made of a question what our readers of logs look for.

    Args:
        prompt: the question.
        sample: as the other package wants it.
        task: the utility task.
        judged_by: name of the scorer.
    """
    known = {
        "suite": "utility",
        "prompt_id": prompt.id,
        "goal": prompt.request,
        "attack": "plain",
        "family": "plain",
        "category": prompt.category,
        "label": "skill",
        "task": task,
        "judged_by": judged_by,
    }
    return sample.model_copy(
        update={"id": f"{task}:{prompt.id}", "metadata": {**(sample.metadata or {}), **_present(known)}}
    )


def _sample(suite: str, prompt: Prompt, attack: Attack, target: str = "", judged_by: str | None = None) -> Sample:
    known = {
        "suite": suite,
        "prompt_id": prompt.id,
        "goal": prompt.request,
        "attack": attack.name,
        "attack_spec": attack.spec or None,
        "family": attack.family,
        "category": prompt.category,
        "label": prompt.label,
        "opening": None if judged_by else _opening(prompt),
        "judged_by": judged_by,
    }
    return Sample(
        id=f"{attack.name}:{prompt.id}",
        input=as_chat(prompt.messages),
        # Only an exact answer is a target: benchmark files also call the opening of a compliance one.
        target=target,
        metadata=_present(known),
    )


def _opening(prompt: Prompt) -> str | None:
    opening = prompt.metadata.get("opening") or prompt.target
    return str(opening) if opening else None


def _present(known: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in known.items() if value is not None}
