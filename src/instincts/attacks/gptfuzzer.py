"""GPTFuzzer-like: templates are mutated by a model, and a tree search says which one next (arXiv:2309.10253).

As published: five mutators, chosen at random; MCTS-Explore over the tree of templates (see `selection_tree`); a mutated
template joins the tree if it made the target comply. Other than published: one goal at a time; the seeds are eight of
our own, where the paper starts from 77 community texts (send those through `transfer`); ten templates are drawn a round
before any of them is asked, so that a round is one batch; at most 100 questions (PandaGuard: 200); after the first
round in which a template works the search ends, as a run on one question does, unless the judge rates by degrees: then
a template joins the tree from a rating above 0. Left out: the paper's own classifier of answers.
"""

from random import Random
from typing import TYPE_CHECKING

from instincts.attacks.attack import Attack, Found, Goal
from instincts.attacks.attacker import ATTACKER, ask_for_fields, quoted, told
from instincts.attacks.selection_tree import Node, SelectionTree
from instincts.attacks.trying import Try, asking, found_among, put
from instincts.attacks.wording import fill, sources

if TYPE_CHECKING:
    from instincts.attacks.target import AttackTarget

__all__ = ["ATTACKS", "SLOT"]

SLOT = "[REQUEST]"

ROUND = 10


async def _search(target: "AttackTarget", goal: Goal, seed: int) -> Found:
    """Select, mutate, ask and give the reward back, ten at a time."""
    rng = Random(seed)
    tree = SelectionTree(fill("gptfuzzer-seeds").splitlines(), rng)
    tries: list[Try] = []
    barren = 0
    while target.left and barren < _PATIENCE and not any(each.worked for each in tries):
        paths = [tree.select() for _ in range(min(ROUND, target.left))]
        templates = await _mutated(target, tree, [path[-1] for path in paths], rng)
        alive = [(path, template) for path, template in zip(paths, templates, strict=True) if template is not None]
        made = await put(target, goal, [asking(goal, template.replace(SLOT, goal.request)) for _, template in alive])
        for (path, template), each in zip(alive, made, strict=True):
            tree.reward(path, each.rating)
            if each.rating > 0:
                tree.add(template, path[-1])
        tries += made
        barren = 0 if made else barren + 1
    return await found_among(target, goal, tries, {"templates": len(tree)})


async def _mutated(target: "AttackTarget", tree: SelectionTree, parents: list[Node], rng: Random) -> list[str | None]:
    """Mutate each parent; None where the attacker wrote no template, or one with no place for the request."""
    mutators = [line.partition(": ")[2] for line in fill("gptfuzzer-mutators").splitlines()]
    asked = [
        told(
            fill(
                "gptfuzzer",
                change=rng.choice(mutators),
                template=quoted(parent.template),
                other=quoted(rng.choice(tree.nodes).template),
            )
        )
        for parent in parents
    ]
    replies = await ask_for_fields(target, asked, "template")
    templates = [None if reply is None else reply["template"] for reply in replies]
    return [template if template is not None and template.count(SLOT) == 1 else None for template in templates]


_PATIENCE = 2
"""Rounds without a single usable template after which the attacker is given up."""

ATTACKS = (
    Attack(
        name="gptfuzzer",
        family="gptfuzzer",
        mechanism="templates mutated by a model, chosen by a tree search",
        access="black-box",
        search=_search,
        budget=100,
        cost="one mutation a question",
        roles=(ATTACKER,),
        sources=sources("gptfuzzer", "gptfuzzer-mutators", "gptfuzzer-seeds"),
        paper="2309.10253",
    ),
)
