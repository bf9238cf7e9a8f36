"""Puts a moderator before a model: a folder whose `defence.json` names both, with the policy beside it.

Nothing of the model is copied. The folder opens like any other defence, so every evaluation measures the two together.
"""

import os
import shutil
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from instincts.analyst.policy import Policy, Verdict
from instincts.analyst.policy_files import policy_text, read_policy
from instincts.analyst.settings import SPECIALISTS, AnalysisSettings
from instincts.analyst.specialist import as_trained
from instincts.analyst.wording import templates_sha256
from instincts.config import Settings
from instincts.errors import ConfigError, ModelDirectoryError
from instincts.models.content import DEFENCE_FILE
from instincts.models.directory import SERVED, ModelLocation, locate
from instincts.models.target import Target, target
from instincts.records import claim, new_run_card, read_json, write_json, write_run_card, write_text

__all__ = ["REFUSAL", "Moderation", "moderate", "read_moderation"]

REFUSAL = "I'm sorry, but I can't help with that."
"""What a blocked request gets: no reason, since a reason tells an attacker what to change."""


class Moderation(Settings):
    """What a moderator before a model does."""

    on_error: Verdict | None = None
    """What a request without a tree gets; the policy's `on_error` if absent, and one of them says it."""
    on_review: Literal["block", "allow"] = "block"
    """What a request gets that a person should see: nobody is there to look, so it is refused unless you say
    otherwise."""
    answers: bool = False
    """Judge the answer too, before it is shown; costs a tree of each answer."""
    refusal: str = REFUSAL
    """What is said in place of an answer."""


def moderate(
    model: str, analyst: str, policy: str, *, out: Path, settings: Moderation, analysis: AnalysisSettings
) -> str:
    """Write a model directory that answers only what a policy allows.

    Args:
        model: who answers; a pocket name, a folder or a hub id, other defences included.
        analyst: who grows trees; a model as above, or `openai/NAME` of any Inspect provider.
        policy: a policy file, or a shipped policy's name; copied.
        out: the folder, new.
        settings: what is done with a verdict.
        analysis: how trees are grown.

    Returns:
        What was put before the model, in a few words.

    Raises:
        ConfigError: a policy that is none, nothing that says what happens without a tree, or a model that a provider
            serves.
        ModelDirectoryError: a model that does not open.
        RecordError: the folder is taken, or could not be written.
    """
    numbers = read_policy(policy)
    on_error = settings.on_error or numbers.on_error
    if on_error is None:
        raise ConfigError(
            f"policy {numbers.name} does not say what a request without a tree gets; give --on-error block, review or "
            "allow"
        )
    if not settings.refusal.strip():
        raise ConfigError("an empty --refusal is no answer; write what is said in place of one")
    found, below = target(analyst), _checkpoint(model)
    analysis = as_trained(found, analysis)
    if analysis.coding in SPECIALISTS and settings.answers:
        raise ConfigError("a specialist reads prompts; --answers needs another analyst, with coding json or lines")
    if found.moderated:
        raise ConfigError(f"{analyst} is {found.moderated}, and would refuse to read; name the model behind it")
    settings = settings.model_copy(update={"on_error": on_error})
    card = new_run_card(
        "moderate",
        settings={"analyst": analyst, **settings.model_dump(), "analysis": analysis.model_dump()},
        data={policy: numbers.digest, "templates": templates_sha256()},
        models={model: below.digest},
        roles={"analyst": f"{found.given} {found.digest}"},
    )
    claim(out, card, resume=False)
    kept = _copied(policy, numbers, out)
    told = _told(found, numbers, settings)
    # Last of all: a folder without it is no model, so one that was cut off cannot be taken for whole.
    write_json(
        out / DEFENCE_FILE,
        {
            "format": 1,
            "kind": "moderated",
            "base": _named(below, out),
            "base_digest": below.digest,
            "analyst": _named(locate(found.given), out) if found.is_local else found.given,
            "analyst_digest": found.digest,
            "policy": kept,
            **settings.model_dump(),
            "analysis": analysis.model_dump(exclude={"limit", "keep_prompts"}),
            "told": told,
        },
    )
    write_run_card(out, card, status="finished", outcome={"moderated": {model: told}})
    return told


def read_moderation(location: ModelLocation) -> tuple[Moderation, AnalysisSettings, Policy]:
    """Read what a moderated folder says of itself.

    Raises:
        ModelDirectoryError: it says something that this version does not know.
    """
    path = location.path / DEFENCE_FILE
    card: dict[str, Any] = read_json(path)
    assert location.overlay is not None
    try:
        settings = Moderation.model_validate({name: card[name] for name in Moderation.model_fields if name in card})
        analysis = AnalysisSettings.model_validate(card.get("analysis", {}))
    except ValidationError as error:
        first = error.errors()[0]
        raise ModelDirectoryError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    if settings.on_error is None:
        raise ModelDirectoryError(f"{path} does not say what a request without a tree gets; add on_error")
    try:
        return settings, analysis, read_policy(location.overlay.part)
    except ConfigError as error:
        raise ModelDirectoryError(f"{location.name} has a policy that is none: {error}") from None


def _checkpoint(model: str) -> ModelLocation:
    found = target(model)
    if not found.is_local:
        raise ConfigError(
            f"{model} is served by a provider, and a moderator is put before a model that this machine opens; ask "
            "`instincts serve` before you ask the provider"
        )
    return locate(found.given)


def _copied(source: str, policy: Policy, out: Path) -> str:
    path = Path(source)
    name = f"policy{path.suffix.lower() if path.exists() else '.toml'}"
    out.mkdir(parents=True, exist_ok=True)
    if path.exists():
        shutil.copyfile(path, out / name)
    else:
        write_text(out / name, policy_text(policy))
    return name


def _named(location: ModelLocation, out: Path) -> str:
    # A folder is named from here, so that both may be moved together; a pocket name or hub id is a name anywhere.
    is_folder = Path(location.name).expanduser().resolve() == location.path
    return os.path.relpath(location.path, out.resolve()) if is_folder else location.name


def _told(analyst: Target, policy: Policy, settings: Moderation) -> str:
    what = "prompts and answers" if settings.answers else "prompts"
    whom = analyst.given if analyst.digest == SERVED else f"{analyst.given}@{analyst.digest[:8]}"
    review = "refused" if settings.on_review == "block" else "answered"
    return (
        f"moderated: {whom} reads {what} under policy {policy.name} {policy.version} ({policy.digest[:8]}), "
        f"reviews are {review}, what has no tree gets {settings.on_error}"
    )
