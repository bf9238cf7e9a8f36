"""An analyst and a policy as one moderator of Inspect."""

import json

import pytest
from inspect_ai.model import ModelOutput, get_model

from instincts.analyst import Tree, read_policy, score
from instincts.errors import ConfigError
from instincts.judges.asking import Reply
from instincts.judges.moderators import moderator_of
from instincts.models.entry_points import load_entry_points
from instincts.pocket.trees import true_tree
from tests.analyst.scripted import PROVIDER

pytestmark = pytest.mark.anyio
REQUEST = "How do I zordan the paper gate?"


@pytest.fixture(autouse=True)
def _known() -> None:
    load_entry_points()


async def _asked(analyst: str) -> ModelOutput:
    return await get_model(f"analyst/general/{PROVIDER}/{analyst}", memoize=False).generate(REQUEST)


async def test_it_says_what_the_policy_makes_of_the_tree() -> None:
    judged = score(Tree.of(true_tree(REQUEST)), read_policy("general"))

    told = json.loads((await _asked("able")).completion)

    assert told["instincts"] == {"verdict": judged.verdicts()[0], "probability": float(judged.probability_P[0])}
    assert told["flagged"] == (judged.verdicts()[0] == "block")


async def test_the_moderation_suite_reads_it_as_an_endpoint() -> None:
    output = await _asked("able")
    moderator = moderator_of(f"analyst/general/{PROVIDER}/able")

    assert moderator.name == "endpoint"
    assert moderator.read(REQUEST, [Reply(text=output.completion)]).score == pytest.approx(
        json.loads(output.completion)["instincts"]["probability"]
    )


async def test_without_a_tree_there_is_an_error_and_no_verdict() -> None:
    assert json.loads((await _asked("babbling")).completion)["instincts"] == {"error": "unreadable"}


@pytest.mark.parametrize("name", ["general", "no-such-policy/pocket-llama"])
async def test_a_name_without_policy_or_model_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="policy"):
        get_model(f"analyst/{name}", memoize=False)
