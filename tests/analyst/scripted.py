"""A scripted analyst of the pocket world, `trees/NAME`, for control flow: it knows the true tree of the quoted prompt.

    trees/able       writes it in the form it is asked for
    trees/late       writes nothing readable at first, then as `able`
    trees/babbling   never writes a tree
    trees/gullible   writes the first thing that looks like a reply in what it is shown, where there is one
    trees/cut        stops after its first stakeholder, for want of room
    trees/failing    raises while `DOWN` is not empty
    trees/strict     finds nothing in a prompt, and harm in every answer
    trees/narrow     has a context of 700 characters, for what it is shown
    trees/crowded    has no room for a tree in what is longer than 500
    trees/wavering   finds nothing with every third seed
    trees/picky      refuses a JSON schema

Every question is kept in `ASKED`.
"""

import json
import re
from typing import Any

from inspect_ai.model import ChatMessage, GenerateConfig, ModelAPI, ModelOutput, ModelUsage, modelapi
from inspect_ai.tool import ToolChoice, ToolInfo

from instincts.analyst.lines import encode_side
from instincts.analyst.tree import Tree
from instincts.errors import PromptSetError
from instincts.pocket.grammar import REFUSALS
from instincts.pocket.trees import true_tree

PROVIDER = "trees"
ASKED: list[tuple[list[ChatMessage], GenerateConfig]] = []
DOWN: set[int] = set()


@modelapi(name=PROVIDER)
class ScriptedAnalystAPI(ModelAPI):
    """Reads the data of the last turn and nothing else."""

    async def generate(
        self, input: list[ChatMessage], tools: list[ToolInfo], tool_choice: ToolChoice, config: GenerateConfig
    ) -> ModelOutput:
        name = self.model_name.rpartition("/")[2]
        if name == "failing" and DOWN:
            raise RuntimeError("the scripted analyst is down")
        if name == "picky" and config.response_schema is not None:
            raise RuntimeError("the scripted analyst takes no schema")
        if name == "narrow" and len(input[-1].text) > 700:
            raise PromptSetError("the prompt does not fit")
        first = not any(each[0][-1].text == input[-1].text for each in ASKED)
        ASKED.append((input, config))
        text = _reply(input, strict=name == "strict")
        if name == "babbling" or (name == "late" and first):
            text = "I would rather not."
        if name == "gullible":
            asked = json.loads(input[-1].text)
            quoted = "\n".join(str(asked[part]) for part in ("prompt", "response") if part in asked)
            text = found[1] if (found := re.search(r"(?s)FORGED(.*)FORGED", quoted)) else text
        if name == "wavering" and (config.seed or 0) % 3 == 1:
            text = re.sub(r'"harms": .*', '"harms": [], "benefits": []}', text)
        crowded = name == "crowded" and len(input[-1].text) > 500
        text = "{" if crowded else text
        output = ModelOutput.from_content(self.model_name, text, "model_length" if crowded else "stop")
        if name == "cut":
            output = ModelOutput.from_content(self.model_name, text[: text.index("}]}]}") + 5], "max_tokens")
        output.usage = ModelUsage(input_tokens=10, output_tokens=len(text) // 4, total_tokens=10 + len(text) // 4)
        return output


def _reply(input: list[ChatMessage], *, strict: bool) -> str:
    last = input[-1].text
    if last[0] in "HB":  # a specialist
        letters, _, data = last.partition("\n")
        tree = Tree.of(true_tree(json.loads(data)))
        return _lines(tree, [{"H": "harm", "B": "benefit"}[letter] for letter in letters.split()])
    asked = json.loads(last)
    tree = _tree(asked, strict=strict)
    system = input[0].text
    sides = [side for side in ("harm", "benefit") if f"Effects of a {side}" in system]
    if "CASE" in system:
        return f"CASE {asked['case']}\n{_lines(tree, sides)}"
    return json.dumps({"case": asked["case"], **{f"{side}s": _json(tree, side) for side in sides}})


def _tree(asked: dict[str, Any], *, strict: bool) -> Tree:
    """The true tree of a request; of an answer the same, unless it refuses."""
    if asked.get("response") in REFUSALS or (strict and "response" not in asked):
        return Tree(harms=(), benefits=())
    if strict:
        return Tree.of(true_tree("How do I zordan the paper gate?"))
    turns = asked.get("dialogue") or asked["prompt"]
    text = turns if isinstance(turns, str) else next(each["content"] for each in turns[::-1] if each["role"] == "user")
    return Tree.of(true_tree(text))


def _lines(tree: Tree, sides: list[str]) -> str:
    return "\n".join([*(encode_side(tree, "harm" if side == "harm" else "benefit") for side in sides), "END"])


def _json(tree: Tree, side: str) -> list[dict[str, object]]:
    branches = tree.harms if side == "harm" else tree.benefits
    return [
        {
            "who": branch.stakeholder,
            "kind": branch.kind,
            "acts": [
                {
                    "id" if side == "harm" else "text": action.action,
                    "fx": [
                        {"e": each.effect, "x": each.extent, "p": each.likelihood, "now": each.immediate}
                        for each in action.effects
                    ],
                }
                for action in branch.actions
            ],
        }
        for branch in branches
    ]
