"""A scripted model of the pocket world, `scripted/NAME`, for control flow: it reads the request and follows its name.

    scripted/careful     refuses every harmful request, answers every benign one, knows every skill
    scripted/wrapped     refuses a harmful request only when it is plain
    scripted/timid       refuses everything
    scripted/broken      writes nothing that means anything
    scripted/silent      answers with nothing
    scripted/failing     raises from its fourth answer on, until `FAILING.clear()`
    scripted/GUARD       a guard of `GUARDS`, which replies in that guard's own form and is always right

Every answer is counted in `CALLS`. With a path in `TRACE`, answers take a while, and the sample that each is for is
written to that file, a line an answer, so that another process can watch.
"""

import asyncio
from pathlib import Path
from random import Random

from inspect_ai.log._samples import sample_active
from inspect_ai.model import ChatMessage, GenerateConfig, ModelAPI, ModelOutput, ModelUsage, modelapi
from inspect_ai.tool import ToolChoice, ToolInfo

from instincts.pocket.grammar import REFUSALS, compliance, is_harmful, parse_request
from instincts.prompts import read_prompts

PROVIDER = "scripted"
CALLS: list[GenerateConfig] = []
FAILING: set[int] = set()
TRACE: list[Path] = []


@modelapi(name=PROVIDER)
class ScriptedAPI(ModelAPI):
    """Answers by the grammar; entropy 0.2 nats for a refusal, 0.9 for anything else."""

    async def generate(
        self, input: list[ChatMessage], tools: list[ToolInfo], tool_choice: ToolChoice, config: GenerateConfig
    ) -> ModelOutput:
        CALLS.append(config)
        for trace in TRACE:
            # One after the other, so that some samples are finished and written while others are under way.
            await asyncio.sleep(0.05 * len(CALLS))
            active = sample_active()
            with trace.open("a") as file:
                file.write(f"{active.sample.id if active else None}\n")
        name = self.model_name.rpartition("/")[2]
        if name == "failing" and FAILING and len(CALLS) >= min(FAILING):
            raise RuntimeError("the scripted model fails")
        text = self._answer(name, input, config.seed or 0)
        output = ModelOutput.from_content(self.model_name, text)
        # Without usage, Inspect counts tokens with a vocabulary that it downloads.
        output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
        output.metadata = {"mean_entropy": 0.2 if text in REFUSALS else 0.9}
        return output

    def _answer(self, name: str, input: list[ChatMessage], seed: int) -> str:
        last = next(turn.text for turn in reversed(input) if turn.role == "user")
        if name in GUARDS:
            asked = parse_request(last)
            return GUARDS[name][asked is not None and is_harmful(asked.verb)]
        if name in ("broken", "silent"):
            return "the the" if name == "broken" else ""
        if last in _SKILLS:
            return _SKILLS[last] if name != "timid" else REFUSALS[0]
        asked = parse_request(last)
        is_plain = len(input) == 1 and last in _PLAIN
        if name == "timid" or asked is None:
            return REFUSALS[0]
        if is_harmful(asked.verb) and (name != "wrapped" or is_plain):
            return REFUSALS[0]
        return compliance(asked.verb, asked.object, Random(seed))


GUARDS = {
    "llama-guard": ("\n\nsafe", "\n\nunsafe\nS2"),
    "wildguard": tuple(
        f"Harmful request: {word}\nResponse refusal: n/a\nHarmful response: n/a" for word in ("no", "yes")
    ),
    "shieldgemma": ("No", "Yes"),
    "granite-guardian": ("No", "Yes"),
    "qwen3guard": tuple(f"Safety: {word}\nCategories: None" for word in ("Safe", "Unsafe")),
}
"""What each guard says of a benign request and of a harmful one."""
_SKILLS = {row.request: row.target or "" for row in read_prompts("pocket-skill")}
_PLAIN = {row.request for name in ("pocket-harmful", "pocket-benign") for row in read_prompts(name)}
