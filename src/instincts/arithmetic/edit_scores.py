"""How well an edit took: efficacy, paraphrases, neighbourhood, before and after; knows no way of editing.

Efficacy (arXiv:2202.05262, section 3.3): does the question get the new answer? Paraphrase: do other wordings? The
neighbourhood: do other questions keep theirs? An answer counts where every token of the target is the likeliest one,
which is stricter than the paper's "likelier than the old answer" and needs no old answer. A neighbour counts where the
edited model greedily says what it said before, whether that was right or not.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch

from instincts.arithmetic.asking import answer_ids, ask
from instincts.arithmetic.facts import Fact
from instincts.arithmetic.streaming import Progress
from instincts.models.decoding import Sampling, decode
from instincts.models.opening import OpenModel
from instincts.records import Metric
from instincts.statistics import Interval, mean_interval, rate, wilson

__all__ = ["Look", "Said", "edit_metrics", "gives_target", "look_at"]


class Said(NamedTuple):
    """How a model takes a question and the answer it shall get."""

    given: bool
    """Whether each token of the answer is the likeliest one."""
    probability: float
    """Of the whole answer."""


class Look(NamedTuple):
    """What a model says of one fact."""

    question: Said
    paraphrases: tuple[Said, ...]
    neighbours: tuple[str, ...]
    """What it answers to each, greedily."""


def look_at(
    opened: OpenModel,
    facts: Sequence[Fact],
    answer_tokens: int,
    progress: Progress | None = None,
    stage: str = "asking",
) -> list[Look]:
    """Ask a model about facts.

    Args:
        opened: the model.
        facts: what to ask about.
        answer_tokens: where the answer to a neighbour is cut.
        progress: draws a progress bar.
        stage: its name.
    """
    neighbours = [question for fact in facts for question in fact.neighbours]
    asked = [ask(opened.tokenizer, question) for question in neighbours]
    sampling = Sampling(max_tokens=answer_tokens, temperature=0)
    decoded = decode(opened.model, asked, sampling, stop_ids=opened.stop_ids) if asked else []
    answers = iter([str(opened.tokenizer.decode(each.tokens)) for each in decoded])
    looks = []
    for done, fact in enumerate(facts, start=1):
        question, *paraphrases = (_said(opened, text, fact.target) for text in (fact.question, *fact.paraphrases))
        looks.append(Look(question, tuple(paraphrases), tuple(next(answers) for _ in fact.neighbours)))
        if progress is not None:
            progress(stage, done, len(facts))
    return looks


def gives_target(opened: OpenModel, fact: Fact) -> bool:
    """Whether a model gives a fact's new answer already."""
    return _said(opened, fact.question, fact.target).given


def edit_metrics(model: str, facts: Sequence[Fact], before: Sequence[Look], after: Sequence[Look]) -> list[Metric]:
    """Lay the looks out as rows: all facts together, then each one.

    Rates have Wilson's interval, over facts where there are several (two paraphrases of a fact are no two facts), mean
    probabilities Student's or, of several a fact, a bootstrap over facts.
    """
    everything = [*zip(facts, before, after, strict=True)]
    slices = {"all": everything, **({row[0].id: [row] for row in everything} if len(everything) > 1 else {})}
    rows = []
    for where, part in slices.items():
        for metric, run, values, owners in _observed(part):
            found = _interval(values, owners)
            if found.n:
                rows.append(
                    Metric(
                        run=run,
                        model=model,
                        suite="edit",
                        slice=where,
                        metric=metric,
                        value=found.value,
                        ci_low=found.low,
                        ci_high=found.high,
                        n=found.n,
                        seed=None,
                    )
                )
    return rows


class _Observed(NamedTuple):
    metric: str
    run: str
    values: list[bool] | list[float]
    owners: list[str]
    """The fact of each value."""


def _observed(part: Sequence[tuple[Fact, Look, Look]]) -> list[_Observed]:
    found = []
    for run, side in (("before", 0), ("after", 1)):
        looks = [(fact.id, (old, new)[side]) for fact, old, new in part]
        asked = [(id, look.question) for id, look in looks]
        others = [(id, said) for id, look in looks for said in look.paraphrases]
        for name, saids in (("efficacy", asked), ("paraphrase", others)):
            owners = [id for id, _ in saids]
            found.append(_Observed(name, run, [said.given for _, said in saids], owners))
            found.append(_Observed(f"{name}_probability", run, [said.probability for _, said in saids], owners))
    kept = [
        (fact.id, was == now)
        for fact, old, new in part
        for was, now in zip(old.neighbours, new.neighbours, strict=True)
    ]
    found.append(_Observed("neighbourhood", "after", [same for _, same in kept], [id for id, _ in kept]))
    return found


def _interval(values: list[bool] | list[float], owners: list[str]) -> Interval:
    if all(isinstance(value, bool) for value in values):
        hits = [bool(value) for value in values]
        # Of a single fact the questions are all there is to vary.
        return wilson(sum(hits), len(hits)) if len(set(owners)) < 2 else rate(hits, owners)
    several = 1 < len(set(owners)) < len(owners)
    found = mean_interval(values, clusters=owners if several else None)
    # Student's t of a few probabilities knows no bounds.
    low, high = (None if end is None else min(max(end, 0.0), 1.0) for end in (found.low, found.high))
    return found._replace(low=low, high=high)


@torch.no_grad()
def _said(opened: OpenModel, question: str, target: str) -> Said:
    before, answer = ask(opened.tokenizer, question), answer_ids(opened.tokenizer, question, target)
    ids = torch.tensor([[*before, *answer[:-1]]], device=opened.model.device)
    logits_A_V = opened.model(input_ids=ids, use_cache=False).logits[0, len(before) - 1 :].float().cpu()
    answer_A = torch.tensor(answer)
    said_A = logits_A_V.log_softmax(dim=-1).gather(-1, answer_A.unsqueeze(-1))
    return Said(bool((logits_A_V.argmax(dim=-1) == answer_A).all()), said_A.sum().exp().item())
