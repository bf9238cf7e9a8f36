"""Which attacks make prompts that no model of the run has the room for, counted before anything is asked.

Counted are rewritings, with the models' own tokenizers and chat templates. Left out: what searches write, and served
models, whose context nobody here knows; there a prompt that does not fit is an error of its sample, never cut.
"""

from collections.abc import Iterable, Mapping, Sequence

from inspect_ai.dataset import Sample

from instincts.attacks import Goal, registry
from instincts.attacks.attack import Messages, agreeing_opening
from instincts.attacks.chat import as_message, derived_seed
from instincts.attacks.transfer import PREFIX
from instincts.errors import ConfigError, PromptSetError
from instincts.models.directory import ModelLocation, context_of, locate
from instincts.suites.target import Target

__all__ = ["keep_longest", "misfits"]


def keep_longest(found: dict[str, Messages], samples: Iterable[Sample], seed: int) -> None:
    """Keep the longest conversation of each attack: to count thousands would take longer than to ask some.

    Args:
        found: by attack; changed in place, so that tasks can be looked at one after the other.
        samples: of any suite; those that do not attack are passed over.
        seed: of the run, so that what is counted is what will be sent.
    """
    for sample in samples:
        known = sample.metadata or {}
        name = str(known.get("attack_spec") or known.get("attack"))
        if known.get("suite") == "utility" or name.startswith(PREFIX) or isinstance(sample.input, str):
            continue
        if not (attack := registry.get(name)).is_rewriting:
            continue
        request = str(known["goal"])
        messages = tuple(as_message(turn) for turn in sample.input)
        goal = Goal(messages, request, agreeing_opening(request, known.get("opening")), str(known["prompt_id"]))
        try:
            messages = attack.rewrite(goal, derived_seed(seed, sample.id))
        except (ConfigError, PromptSetError):
            continue  # some attacks need what a goal does not have; that is told when it is asked
        if name not in found or _most_tokens(messages) > _most_tokens(found[name]):
            found[name] = messages


def misfits(longest: Mapping[str, Messages], targets: Sequence[Target]) -> dict[str, str]:
    """Name each attack whose longest prompt leaves no room in the context of some local model, and say why.

    Args:
        longest: the longest conversation of each attack.
        targets: the models.
    """
    found: dict[str, str] = {}
    for target in targets:
        if not target.is_local or (context := context_of(location := locate(target.given))) is None:
            continue
        doubtful = {name: messages for name, messages in longest.items() if _most_tokens(messages) >= context}
        for (name, _), length in zip(doubtful.items(), _lengths(location, list(doubtful.values())), strict=True):
            if length >= context:
                told = (
                    f"attack {name} does not fit {target.given}: its longest prompt has {length:,} tokens, and the "
                    f"context holds {context:,}, answer included"
                )
                found.setdefault(name, told)
    return found


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
