"""Which attacks make prompts that no model of the run has the room for, counted before anything is asked.

Counted are rewritings, with the models' own tokenizers and chat templates. Left out: what searches write, and served
models, whose context nobody here knows; there a prompt that does not fit is an error of its sample, never cut.
"""

import json
from collections.abc import Sequence
from typing import Any

from inspect_ai.dataset import Sample

from instincts.attacks import Goal, registry
from instincts.attacks.attack import Messages, agreeing_opening
from instincts.attacks.chat import as_message, derived_seed
from instincts.attacks.transfer import PREFIX
from instincts.errors import ConfigError, PromptSetError
from instincts.models.directory import ModelLocation, locate
from instincts.suites.target import Target

__all__ = ["misfits"]


def misfits(samples: Sequence[Sample], targets: Sequence[Target], seed: int) -> dict[str, str]:
    """Name each attack with a prompt that leaves no room for an answer in the context of some local model, and say why.

    Args:
        samples: of suites that attack.
        targets: the models.
        seed: of the run, so that what is counted is what will be sent.
    """
    found: dict[str, str] = {}
    conversations: dict[str, list[Messages]] | None = None
    for target in targets:
        if not target.is_local or (context := _context(location := locate(target.given))) is None:
            continue
        if conversations is None:
            conversations = _rewritten(samples, seed)
        # The longest of each attack tell: counting thousands of prompts would take longer than asking some.
        doubtful = {name: rows[0] for name, rows in conversations.items() if _most_tokens(rows[0]) >= context}
        for (name, _), length in zip(doubtful.items(), _lengths(location, list(doubtful.values())), strict=True):
            if length >= context:
                told = (
                    f"attack {name} does not fit {target.given}: its longest prompt has {length:,} tokens, and the "
                    f"context holds {context:,}, answer included"
                )
                found.setdefault(name, told)
    return found


def _rewritten(samples: Sequence[Sample], seed: int) -> dict[str, list[Messages]]:
    """List the conversations of each attack, the longest first."""
    found: dict[str, list[Messages]] = {}
    for sample in samples:
        known = sample.metadata or {}
        name = str(known.get("attack_spec") or known.get("attack"))
        if name.startswith(PREFIX) or not (attack := registry.get(name)).is_rewriting or isinstance(sample.input, str):
            continue
        request = str(known["goal"])
        messages = tuple(as_message(turn) for turn in sample.input)
        goal = Goal(messages, request, agreeing_opening(request, known.get("opening")), str(known["prompt_id"]))
        try:
            found.setdefault(name, []).append(attack.rewrite(goal, derived_seed(seed, sample.id)))
        except (ConfigError, PromptSetError):
            continue  # some attacks need what a goal does not have; that is told when it is asked
    return {name: sorted(rows, key=_most_tokens, reverse=True) for name, rows in found.items()}


def _context(location: ModelLocation) -> int | None:
    while location.overlay is not None:
        location = location.overlay.base
    config: dict[str, Any] = json.loads((location.path / "config.json").read_text(encoding="utf-8"))
    limit = config.get("max_position_embeddings") or config.get("text_config", {}).get("max_position_embeddings")
    return int(limit) if limit else None


def _most_tokens(messages: Messages) -> int:
    """Bound the tokens of a conversation from above: a token is a byte or more, and a template writes little."""
    return _TEMPLATE + sum(len(turn.content.encode()) + _TURN for turn in messages)


def _lengths(location: ModelLocation, conversations: Sequence[Messages]) -> list[int]:
    if not conversations:
        return []
    from instincts.models.chat import render
    from instincts.models.opening import open_tokenizer

    tokenizer = open_tokenizer(location)
    lengths = []
    for messages in conversations:
        try:
            turns = [{"role": turn.role, "content": turn.content} for turn in messages]
            lengths.append(len(render(tokenizer, turns)))
        except PromptSetError:
            lengths.append(0)  # a template that takes no such turns says so when it is asked
    return lengths


_TEMPLATE, _TURN = 256, 16
