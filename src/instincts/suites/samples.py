"""Prompts crossed with attacks, as the samples of an Inspect task; knows no model and no judge.

A sample's input is the plain request; the attack named in its metadata rewrites it when the sample runs. So judges and
readers of the log see what was really asked, and `sample.id` says both: `ATTACK:PROMPT`.
"""

from collections.abc import Sequence

from inspect_ai.dataset import Sample

from instincts.attacks import Attack, Goal
from instincts.attacks.chat import as_chat
from instincts.errors import ConfigError
from instincts.prompts import Prompt, PromptSet

__all__ = ["attacked_samples", "exact_samples"]


def attacked_samples(suite: str, prompts: PromptSet, attacks: Sequence[Attack]) -> list[Sample]:
    """Cross every prompt with every attack, attack by attack.

    Raises:
        ConfigError: a prompt already ends with a prefilled answer, and an attack other than `plain` is asked for.
        PromptSetError: a file of attack prompts has none for one of these.
    """
    prefilled = next((prompt.id for prompt in prompts if prompt.prefill), None)
    wrapping = next((attack.name for attack in attacks if attack.family != "plain"), None)
    if prefilled is not None and wrapping is not None:
        raise ConfigError(
            f"prompt {prefilled!r} of {prompts.source} ends with a prefilled answer, which {wrapping} cannot wrap; "
            "use --attack plain"
        )
    goals = [Goal(prompt.messages, prompt.request, "", prompt.id) for prompt in prompts]
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
    return [_sample(suite, prompt, attack, target=prompt.target or "") for prompt in prompts]


def _sample(suite: str, prompt: Prompt, attack: Attack, target: str = "") -> Sample:
    metadata = {
        "suite": suite,
        "prompt_id": prompt.id,
        "goal": prompt.request,
        "attack": attack.name,
        "attack_spec": attack.spec or None,
        "family": attack.family,
        "category": prompt.category,
        "label": prompt.label,
        "judged_by": "skill" if target else None,
    }
    return Sample(
        id=f"{attack.name}:{prompt.id}",
        input=as_chat(prompt.messages),
        # Only an exact answer is a target: benchmark files also call the opening of a compliance one.
        target=target,
        metadata={name: value for name, value in metadata.items() if value is not None},
    )
