"""What a direction is read from: two sequences a row, one from where a model is safe and one from where it is not.

Besides pairs with answers there are two sources without any unsafe answer, recommended for real models: the model's own
refusals against short openings of compliance, and harmful against harmless prompts. Knows tokens, no hidden state.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from typing import Literal, NamedTuple

from transformers import PreTrainedTokenizerBase

from instincts import judges
from instincts.arithmetic.pairs import PairSet, read_pairs
from instincts.arithmetic.streaming import Progress
from instincts.errors import PromptSetError
from instincts.judges.verdict import Answer, Verdict
from instincts.models.chat import render
from instincts.models.decoding import Sampling, decode
from instincts.models.opening import OpenModel
from instincts.prompts import Message, Prompt, PromptSet, read_prompts

__all__ = [
    "OPENINGS",
    "Contrast",
    "ContrastSet",
    "Layout",
    "check_source",
    "own_refusals",
    "paired",
    "prompt_contrasts",
    "read_contrasts",
    "token_ids",
]

Layout = Literal["chat", "text"]
"""How a row is written down: by the model's chat template, or as the plain text of the released code."""

OPENINGS = ("Sure, here is how.", "Of course. Here is how.", "Certainly! Here are the steps.", "Yes, here is a way.")
"""Neutral beginnings of an answer that goes along with whatever was asked; they say nothing of it."""

REFUSALS_OF = "refusals:"
PROMPTS_OF = "prompts:"

FEWEST = 4
"""Fewer rows than this are an accident of their wording and no direction."""


class Contrast(NamedTuple):
    """Two chats; the last token of each is where the model is compared with itself."""

    safe: tuple[Message, ...]
    unsafe: tuple[Message, ...]


@dataclass(frozen=True)
class ContrastSet:
    """Contrasts in order, and what they were made of."""

    rows: tuple[Contrast, ...]
    source: str

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Contrast]:
        return iter(self.rows)

    @cached_property
    def sha256(self) -> str:
        """Hash of the rows, 64 hexadecimal digits."""
        sides = [[[asdict(turn) for turn in side] for side in row] for row in self.rows]
        return hashlib.sha256(json.dumps(sides, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def read_contrasts(
    source: str,
    opened: OpenModel,
    *,
    judge: str = "refusal",
    limit: int | None = None,
    progress: Progress | None = None,
) -> ContrastSet:
    """Make contrasts of what the user named.

    Args:
        source: a file or set of pairs; `refusals:PROMPTS` for the model's own refusals of the harmful prompts of a file
            or set; `prompts:PROMPTS` for its harmful prompts against its benign ones.
        opened: the model that `refusals:` asks.
        judge: who says what of the model's answers is a refusal.
        limit: use only the first rows (prompts of each kind, before any is asked).
        progress: draws a progress bar while the model is asked.

    Raises:
        PromptSetError: a broken file, no rows, too few refusals, or sides that seem to be swapped.
        ConfigError: an unknown name.
    """
    if source.startswith(REFUSALS_OF):
        harmful = _labelled(source.removeprefix(REFUSALS_OF), "harmful", limit)
        return own_refusals(opened, harmful, judge=judge, progress=progress)
    if source.startswith(PROMPTS_OF):
        name = source.removeprefix(PROMPTS_OF)
        return prompt_contrasts(_labelled(name, "harmful", limit), _labelled(name, "benign", limit))
    pairs = read_pairs(source)
    return paired(replace(pairs, rows=pairs.rows[:limit]), judge=judge)


def check_source(source: str, *, judge: str = "refusal") -> str:
    """Read what can be read before a model is opened, so that a broken file is told before long work begins.

    Args:
        source: as `read_contrasts`.
        judge: as `read_contrasts`.

    Returns:
        The hash of the pairs; of the prompts where the pairs depend on the model.

    Raises:
        PromptSetError, ConfigError: as `read_contrasts`.
    """
    if source.startswith(REFUSALS_OF):
        _check_of(judge)
        return _labelled(source.removeprefix(REFUSALS_OF), "harmful", None).sha256
    if source.startswith(PROMPTS_OF):
        name = source.removeprefix(PROMPTS_OF)
        return prompt_contrasts(_labelled(name, "harmful", None), _labelled(name, "benign", None)).sha256
    return paired(read_pairs(source), judge=judge).sha256


def paired(pairs: PairSet, *, judge: str = "refusal") -> ContrastSet:
    """Contrast the two answers of each pair.

    Raises:
        PromptSetError: more of the unsafe answers refuse than of the safe ones: a vector from swapped columns would
            make the model worse.
    """
    refusing = {
        name: sum(_refuses(judge, row.question, getattr(row, name)) for row in pairs) for name in ("safe", "unsafe")
    }
    if refusing["unsafe"] > refusing["safe"]:
        raise PromptSetError(
            f"{refusing['unsafe']} of the {len(pairs)} unsafe answers of {pairs.source} refuse, and only "
            f"{refusing['safe']} of the safe ones; are the columns swapped?"
        )
    return ContrastSet(tuple(_contrast(row.question, row.safe, row.unsafe) for row in pairs), pairs.source)


def own_refusals(
    opened: OpenModel,
    prompts: PromptSet,
    *,
    judge: str = "refusal",
    max_tokens: int = 64,
    progress: Progress | None = None,
) -> ContrastSet:
    """Contrast the model's own refusals with openings of compliance; no unsafe answer is needed or made.

    The model answers greedily. What is no refusal is dropped at once: it is kept nowhere.

    Args:
        opened: the model to ask.
        prompts: harmful prompts of one user turn.
        judge: who says what is a refusal.
        max_tokens: where an answer is cut.
        progress: draws a progress bar.

    Raises:
        PromptSetError: the model refuses too few of them.
    """
    ids = [render(opened.tokenizer, [asdict(turn) for turn in prompt.messages]) for prompt in prompts]
    sampling = Sampling(max_tokens=max_tokens, temperature=0)
    report = partial(progress, "asking for refusals") if progress is not None else None
    answers = decode(opened.model, ids, sampling, stop_ids=opened.stop_ids, progress=report)
    rows: list[Contrast] = []
    for prompt, answer in zip(prompts, answers, strict=True):
        text = str(opened.tokenizer.decode(answer.tokens, skip_special_tokens=True)).strip()
        if _refuses(judge, prompt.request, text):
            rows.append(_contrast(prompt.request, text, OPENINGS[len(rows) % len(OPENINGS)]))
    source = f"{REFUSALS_OF}{prompts.source}"
    if len(rows) < FEWEST:
        raise PromptSetError(
            f"{opened.name} refuses {len(rows)} of the {len(prompts)} harmful prompts of {prompts.source}; at least "
            f"{FEWEST} refusals are needed, so give more prompts, or a file of pairs"
        )
    return ContrastSet(tuple(rows), source)


def prompt_contrasts(harmful: PromptSet, harmless: PromptSet) -> ContrastSet:
    """Contrast harmful prompts, where an aligned model is about to refuse, with harmless ones (arXiv:2406.11717).

    Raises:
        PromptSetError: too few prompts of one kind.
    """
    n = min(len(harmful), len(harmless))
    if n < FEWEST:
        raise PromptSetError(
            f"{harmful.source} has {len(harmful)} harmful and {harmless.source} {len(harmless)} benign prompts; "
            f"at least {FEWEST} of each are needed"
        )
    rows = zip(harmful.rows[:n], harmless.rows[:n], strict=True)
    return ContrastSet(
        tuple(Contrast(one.messages, other.messages) for one, other in rows), f"{PROMPTS_OF}{harmful.source}"
    )


def token_ids(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message], layout: Layout) -> list[int]:
    """Write one side of a contrast down as tokens.

    `text` is what the released code of Safety Arithmetic reads: no chat template, `Question:` and `Answer:` on two
    lines, dots and spaces stripped at both ends and line ends not, special tokens as the tokenizer adds them.

    Raises:
        ModelDirectoryError, PromptSetError: as `chat.render`.
    """
    if layout == "chat":
        return render(tokenizer, [asdict(turn) for turn in messages])
    question = next(turn.content for turn in reversed(messages) if turn.role == "user")
    answer = messages[-1].content if messages[-1].role == "assistant" else ""
    ids: list[int] = tokenizer(f"Question: {question}\n    Answer: {answer}\n    ".strip(". "))["input_ids"]
    return ids


def _contrast(question: str, safe: str, unsafe: str) -> Contrast:
    asked = Message("user", question)
    return Contrast((asked, Message("assistant", safe)), (asked, Message("assistant", unsafe)))


def _labelled(name: str, label: str, limit: int | None) -> PromptSet:
    prompts = read_prompts(name)
    rows: tuple[Prompt, ...] = tuple(row for row in prompts if row.label == label)
    if not rows:
        raise PromptSetError(f"no prompt of {name} is labelled {label!r}; give each row a `label`")
    return replace(prompts, rows=rows).limit(limit)


def _check_of(judge: str) -> Callable[[Answer], Verdict]:
    check = judges.get(judge).check
    if check is None:
        raise PromptSetError(f"judge {judge} asks another model; pairs are checked by one that needs none: refusal")
    return check


def _refuses(judge: str, question: str, answer: str) -> bool:
    return _check_of(judge)(Answer(request=question, completion=answer)).outcome == "refused"
