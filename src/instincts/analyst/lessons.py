"""Trees as lessons: which prompt each belongs to, what a specialist is asked and what it is to write.

From a folder that `analyze` wrote, whose prompts are found again by their hash, or from the pocket grammar, which knows
every request's true tree. A tree that was cut off, and a prompt without a verdict, teach nothing and are counted.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from instincts.analyst.lines import END, encode_side
from instincts.analyst.parsing import Caps
from instincts.analyst.rows import TREES_FILE, Analysis, prompt_sha256, read_analyses
from instincts.analyst.settings import Coding
from instincts.analyst.taxonomy import EXTENTS, LIKELIHOODS, Side
from instincts.analyst.tree import BenefitBranch, EffectLabel, HarmBranch, Tree
from instincts.analyst.wording import inquiry
from instincts.errors import ConfigError, PromptSetError, RecordError, unknown_name
from instincts.pocket.requests import PocketRequest, draw_request, draw_skill
from instincts.pocket.skills import SKILLS
from instincts.pocket.trees import tree_of
from instincts.pocket.wrappers import WRAPPERS
from instincts.prompts import Message, read_prompts
from instincts.records import RUN_FILE, file_sha256, read_run_card

__all__ = ["POCKET_TREES", "TreeRow", "TreeRows", "pocket_row", "pocket_trees", "question", "read_tree_rows", "written"]

POCKET_TREES = "pocket"
"""Name of the true trees of the pocket's training requests, plain and in the wrappers that alignment showed."""


class TreeRow(NamedTuple):
    """A prompt and its tree."""

    id: str
    turns: tuple[Message, ...]
    tree: Tree
    family: str
    """A prompt and its wrapped twins have the same; a family is held out whole."""


class TreeRows(NamedTuple):
    """Trees to learn, and what was left out."""

    rows: tuple[TreeRow, ...]
    left_out: Mapping[str, int]
    """Why, and how often."""
    sha256: str
    """Of the trees and their prompts."""


def read_tree_rows(source: str, prompts: str | None = None) -> TreeRows:
    """Read the trees of a folder with their prompts, or make the pocket's.

    Args:
        source: a folder that `analyze` wrote, its `trees.jsonl`, or `pocket`.
        prompts: the file or set that the trees were grown on; by default what the folder's `run.json` names.

    Raises:
        RecordError: no trees there, or none with a verdict.
        PromptSetError: the prompts are not found, or belong to none of the trees.
        ConfigError: neither a folder nor a name.
    """
    path = Path(source)
    if source == POCKET_TREES and not path.exists():
        return pocket_trees()
    if not path.exists() and not path.suffix and path.parent == Path():
        raise unknown_name("folder or set of trees", source, (POCKET_TREES,))
    analyses = read_analyses(path)
    left_out: Counter[str] = Counter()
    usable = []
    for analysis in analyses:
        if (reason := _useless(analysis)) is None:
            usable.append(analysis)
        else:
            left_out[reason] += 1
    if not usable:
        counted = ", ".join(f"{count} {reason}" for reason, count in left_out.items())
        raise RecordError(f"{source} holds no tree to learn from ({counted}); grow trees with `instincts analyze`")
    known = _prompts(path, usable, prompts)
    rows = [
        TreeRow(each.id, turns, each.tree, family)
        for each in usable
        if each.prompt_sha256 in known and each.tree is not None
        for turns, family in [known[each.prompt_sha256]]
    ]
    if missing := len(usable) - len(rows):
        left_out["whose prompt is not in the prompt file"] += missing
    if not rows:
        raise PromptSetError(f"the prompts of {source} are not found; give --prompts the file that it was grown on")
    trees = path / TREES_FILE if path.is_dir() else path
    return TreeRows(tuple(rows), dict(left_out), file_sha256(trees))


def pocket_trees(n: int = 12_000, seed: int = 0) -> TreeRows:
    """Draw requests with training verbs and objects, half plain, half wrapped, a tenth of them skills, and their trees.

    Args:
        n: how many.
        seed: any integer.
    """
    rng = Random(f"trees/{seed}")
    # Four turns of others' requests before one's own would make every row of a step as long as theirs.
    seen = [name for name, wrapper in WRAPPERS.items() if wrapper.seen and name != "many-shot"]
    skills = list(SKILLS)
    rows = []
    for index in range(n):
        id = f"pocket-trees-{seed}-{index:05d}"
        if index % 10 == 9:
            request = draw_skill(rng, skill=rng.choice(skills), split="train", id=id)
        else:
            wrapper = rng.choice(seen) if rng.random() < 0.5 else None
            request = draw_request(rng, harmful=index % 2 == 1, split="train", wrapper=wrapper, id=id)
        rows.append(pocket_row(request))
    digest = sha256()
    for row in rows:
        digest.update(json.dumps([row.id, *map(str, row.turns), row.tree.to_json()]).encode())
    return TreeRows(tuple(rows), {}, digest.hexdigest())


def pocket_row(request: PocketRequest) -> TreeRow:
    """Give a request of the pocket its true tree; a wrapper changes neither tree nor family."""
    turns = tuple(Message.of(role, content) for role, content in request.messages)
    family = f"{request.verb} {request.object}" if request.verb else request.prompt
    return TreeRow(request.id, turns, Tree.of(tree_of(request)), family)


def question(turns: Sequence[Message], sides: Sequence[Side], coding: Coding) -> tuple[Message, ...]:
    """Write what a specialist is asked."""
    return inquiry(turns, sides, coding, Caps()).messages


def written(tree: Tree, sides: Sequence[Side], coding: Coding) -> str:
    """Write the sides of a tree as a specialist shall: the most severe first, so that a cut costs the least."""
    tree = _most_severe_first(tree)
    if coding == "specialist":
        return "\n".join([*(encode_side(tree, side) for side in sides), END])
    if coding == "specialist-json":
        whole = {f"{side}s": [_json_branch(each) for each in _side(tree, side)] for side in sides}
        return json.dumps(whole, ensure_ascii=False, separators=(",", ":"))
    raise ConfigError(f"a specialist does not write {coding}")


def _useless(analysis: Analysis) -> str | None:
    if analysis.tree is None:
        return "without a verdict"
    if analysis.subject == "response":
        return "of an answer, not of a prompt"
    return "cut off" if analysis.tree.truncated else None


def _prompts(path: Path, analyses: Sequence[Analysis], given: str | None) -> dict[str, tuple[tuple[Message, ...], str]]:
    """Find each prompt by its hash: kept beside the tree, or in the prompt file."""
    found: dict[str, tuple[tuple[Message, ...], str]] = {}
    for each in analyses:
        # What is kept is the turns' text; only of a single turn is that the whole prompt.
        if each.prompt is not None and prompt_sha256([("user", each.prompt)]) == each.prompt_sha256:
            found[each.prompt_sha256] = ((Message("user", each.prompt),), each.id)
    if given is None and all(each.prompt_sha256 in found for each in analyses):
        return found
    for prompt in read_prompts(given or _named(path)):
        turns = prompt.messages
        family = str(prompt.metadata.get("family") or prompt.id)
        found[prompt_sha256([(turn.role, turn.content) for turn in turns])] = (turns, family)
    return found


def _named(path: Path) -> str:
    folder = path if path.is_dir() else path.parent
    if (folder / RUN_FILE).is_file():
        names = [name for name in read_run_card(folder).data if name != "templates"]
        if names:
            return names[0]
    raise PromptSetError(f"{path} holds no prompts, only their hashes; give --prompts the file that it was grown on")


def _most_severe_first(tree: Tree) -> Tree:
    def leaves(labels: Sequence[EffectLabel]) -> list[EffectLabel]:
        return sorted(labels, key=_severity, reverse=True)

    def whole(branches: Sequence[Any]) -> list[dict[str, Any]]:
        made = []
        for branch in branches:
            actions = [each.model_copy(update={"effects": tuple(leaves(each.effects))}) for each in branch.actions]
            actions.sort(key=lambda each: _severity(each.effects[0]), reverse=True)
            made.append(branch.model_copy(update={"actions": tuple(actions)}))
        return sorted(made, key=lambda each: _severity(each.actions[0].effects[0]), reverse=True)

    return tree.model_copy(update={"harms": tuple(whole(tree.harms)), "benefits": tuple(whole(tree.benefits))})


def _severity(label: EffectLabel) -> tuple[int, int, bool]:
    return EXTENTS.index(label.extent), LIKELIHOODS.index(label.likelihood), label.immediate


def _side(tree: Tree, side: Side) -> Sequence[HarmBranch | BenefitBranch]:
    return tree.harms if side == "harm" else tree.benefits


def _json_branch(branch: HarmBranch | BenefitBranch) -> dict[str, Any]:
    name = "id" if isinstance(branch, HarmBranch) else "text"
    acts = [
        {
            name: action.action,
            "fx": [{"e": each.effect, "x": each.extent, "p": each.likelihood, "now": each.immediate}
                   for each in action.effects],
        }
        for action in branch.actions
    ]  # fmt: skip
    return {"who": branch.stakeholder, "kind": branch.kind, "acts": acts}
