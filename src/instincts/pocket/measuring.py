"""Measure a pocket model against what the pocket promises: aligned, vulnerable, skilled; knows no loss.

Held-out verbs, objects and phrasings, sampled at temperature 1 with the whole vocabulary, skills greedily; weights as
saved, computed in float32. Plain `generate` and the oracle only, so the numbers lean on no other room.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from instincts.pocket import oracle
from instincts.pocket.grammar import Compliance, Split
from instincts.pocket.requests import PocketRequest, sample_requests
from instincts.pocket.skills import SKILLS
from instincts.pocket.training import CARD_FILE
from instincts.pocket.wrappers import WRAPPERS
from instincts.records import write_json

__all__ = ["Answer", "Measured", "answers", "measure", "record"]

_MOST_TOKENS = 48
_BATCH = 200

Loader = Callable[[Path], tuple[Any, Any]]
"""Opens a folder: a model in eval mode, and its tokenizer."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a pocket model does on held-out prompts; shares are fractions."""

    n: int
    """Prompts behind each share of `dsr`; benign shares rest on ten times, plain harmful on five times as many, and
    skills on n each."""
    seed: int
    harmful_refused: float
    benign_answered: float
    benign_wrapped_answered: float
    benign_refused: float
    """Share of all benign prompts, plain and wrapped, that were refused by a lucky draw."""
    dsr: Mapping[str, float]
    """Share of harmful requests refused, wrapper by wrapper."""
    mean_dsr: float
    skills: Mapping[str, float]
    skill_accuracy: float
    refusal_entropy: float | None
    """Mean over wrapped refusals of their mean token entropy, in nats, end token counted; None without a refusal."""
    compliance_entropy: float | None
    refusal_tokens: float | None
    compliance_tokens: float | None


class Answer(NamedTuple):
    """An answer and its mean token entropy in nats, end token counted."""

    text: str
    entropy: float
    tokens: int


def measure(
    folder: Path, n: int = 200, seed: int = 0, *, split: Split = "heldout", load: Loader | None = None
) -> Measured:
    """Measure a checkpoint; the same arguments give the same numbers on one machine.

    Args:
        folder: an ordinary checkpoint of a pocket model, or whatever `load` opens.
        n: prompts for each wrapper.
        seed: decides prompts and draws.
        split: `train` measures on verbs, objects and questions that no held-out prompt has, to choose settings by.
        load: opens the folder, for a model that is more than a checkpoint; by default the weights in float32.
    """
    model, tokenizer = (load or _load)(folder)

    def ruled(requests: Sequence[PocketRequest]) -> list[tuple[oracle.Outcome, Answer]]:
        return [
            (_outcome(request, answer.text), answer)
            for request, answer in zip(requests, _answers(model, tokenizer, requests, seed=seed), strict=True)
        ]

    harmful = ruled(sample_requests("harmful", 5 * n, seed, split))
    benign = ruled(sample_requests("benign", 10 * n, seed, split))
    wrapped = ruled(sample_requests("benign", 10 * n, seed + 1, split, tuple(WRAPPERS)))
    attacked = {name: ruled(sample_requests("harmful", n, seed, split, [name])) for name in WRAPPERS}
    dsr = {name: _share(rulings, "refused") for name, rulings in attacked.items()}
    refusals, compliances = (
        [answer for rulings in attacked.values() for outcome, answer in rulings if outcome == wanted]
        for wanted in ("refused", "complied")
    )
    skills = _skills(model, tokenizer, sample_requests("skill", n * len(SKILLS), seed, split), seed)
    return Measured(
        n=n,
        seed=seed,
        harmful_refused=_share(harmful, "refused"),
        benign_answered=_share(benign, "complied"),
        benign_wrapped_answered=_share(wrapped, "complied"),
        benign_refused=_share([*benign, *wrapped], "refused"),
        dsr=dsr,
        mean_dsr=_mean(list(dsr.values())),
        skills=skills,
        skill_accuracy=_mean(list(skills.values())),
        refusal_entropy=_mean_or_none([answer.entropy for answer in refusals]),
        compliance_entropy=_mean_or_none([answer.entropy for answer in compliances]),
        refusal_tokens=_mean_or_none([answer.tokens for answer in refusals]),
        compliance_tokens=_mean_or_none([answer.tokens for answer in compliances]),
    )


def record(folder: Path, n: int = 200, seed: int = 0) -> Measured:
    """Measure a checkpoint and write the numbers into its `card.json`, under `measured`."""
    measured = measure(folder, n, seed)
    card = json.loads((folder / CARD_FILE).read_text(encoding="utf-8"))
    write_json(folder / CARD_FILE, {**card, "measured": asdict(measured)})
    return measured


def answers(folder: Path, requests: Sequence[PocketRequest], *, seed: int = 0, greedy: bool = False) -> list[Answer]:
    """Answer requests with a checkpoint, prompts of like length together."""
    return _answers(*_load(folder), requests, seed=seed, greedy=greedy)


def _load(folder: Path) -> tuple[Any, Any]:
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32), AutoTokenizer.from_pretrained(folder)


@torch.no_grad()
def _answers(
    model: Any, tokenizer: Any, requests: Sequence[PocketRequest], *, seed: int, greedy: bool = False
) -> list[Answer]:
    prompts = [_rendered(tokenizer, request) for request in requests]
    # generate cuts to the 50 likeliest tokens unless told not to.
    how = {"do_sample": False} if greedy else {"do_sample": True, "temperature": 1.0, "top_p": 1.0, "top_k": 0}
    found: dict[int, Answer] = {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for rows in _alike(prompts):
            inputs = tokenizer([prompts[row] for row in rows], return_tensors="pt", padding=True)
            written = model.generate(
                **inputs, **how, max_new_tokens=_MOST_TOKENS, output_logits=True, return_dict_in_generate=True
            )
            tokens_B_T = written.sequences[:, inputs["input_ids"].shape[1] :]
            log_prob_B_T_V = torch.stack(written.logits, dim=1).float().log_softmax(dim=-1)
            entropy_B_T = -(log_prob_B_T_V.exp() * log_prob_B_T_V).sum(dim=-1)
            ended_B_T = tokens_B_T == tokenizer.eos_token_id
            # Tokens up to and with the first end token count.
            counted_B_T = ended_B_T.cumsum(dim=1) - ended_B_T.long() == 0
            for number, row in enumerate(rows):
                counted_T = counted_B_T[number]
                found[row] = Answer(
                    str(tokenizer.decode(tokens_B_T[number][counted_T], skip_special_tokens=True)),
                    entropy_B_T[number][counted_T].mean().item(),
                    int(counted_T.sum()),
                )
    return [found[row] for row in range(len(requests))]


def _alike(prompts: Sequence[str]) -> Iterator[list[int]]:
    order = sorted(range(len(prompts)), key=lambda row: len(prompts[row]))
    for first in range(0, len(order), _BATCH):
        yield order[first : first + _BATCH]


def _rendered(tokenizer, request: PocketRequest) -> str:  # type: ignore[no-untyped-def]  # AutoTokenizer has no type
    chat = [{"role": role, "content": content} for role, content in request.messages]
    open_end = request.prefill is not None
    text = tokenizer.apply_chat_template(
        chat, tokenize=False, add_generation_prompt=not open_end, continue_final_message=open_end
    )
    return str(text)


def _outcome(request: PocketRequest, text: str) -> oracle.Outcome:
    # Stricter than the judge of the evaluations: an answer about another verb or object is no compliance here.
    asked = Compliance(str(request.verb), str(request.object))
    return oracle.judge(text, prefill=request.prefill, asked=asked).outcome


def _skills(model: Any, tokenizer: Any, asked: Sequence[PocketRequest], seed: int) -> dict[str, float]:
    right: dict[str, list[float]] = {name: [] for name in SKILLS}
    for request, answer in zip(asked, _answers(model, tokenizer, asked, seed=seed, greedy=True), strict=True):
        right[str(request.skill)].append(oracle.is_right(answer.text, str(request.target)))
    return {name: _mean(each) for name, each in right.items()}


def _share(rulings: Sequence[tuple[oracle.Outcome, Answer]], wanted: oracle.Outcome) -> float:
    return _mean([outcome == wanted for outcome, _ in rulings])


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / len(values), 4)


def _mean_or_none(values: Sequence[float]) -> float | None:
    # A model that refuses everything, or nothing, leaves one of the two without answers.
    return _mean(values) if values else None
