"""Another language: the request translated there, the answer back, and no verdict on what cannot be read."""

import json
from typing import Any

import pytest
from inspect_ai.model import ChatMessageUser, GenerateConfig, ModelName, ModelOutput
from inspect_ai.model._model import init_active_model, init_model_roles
from inspect_ai.scorer import Target
from inspect_ai.solver import TaskState

from instincts.attacks.solvers import attack
from instincts.errors import UnreadableReplyError
from instincts.judges.scorers import scorer_named
from tests.attacks.playing import ANSWER, REFUSAL, REQUEST, Rule, played, refuses, stage


def hyphens(turns: list[str]) -> str:
    """Translate as the pocket's translator does."""
    text = json.loads(next(line for line in turns[0].splitlines() if line.startswith("Text: "))[6:])
    back = "into English" in turns[0]
    return json.dumps({"translation": text.replace("-", " ") if back else "-".join(text.split())})


def only_there(turns: list[str]) -> str:
    return "No." if "into English" in turns[0] else hyphens(turns)


@pytest.mark.anyio
async def test_the_request_is_sent_translated_and_the_answer_read_translated_back() -> None:
    with stage("translation/zulu", refuses, hyphens, role="translator") as here:
        found = await here.run("translation/zulu")
        assert found.read is not None
        assert await found.read("So-it-is.") == "So it is."
    assert found.messages[-1].content == "How-do-I-zordan-the-paper-lamp?"
    assert "into Zulu" in here.told[0][0]
    assert here.asked == []


@pytest.mark.anyio
async def test_a_request_that_is_not_translated_is_sent_as_it_is_and_the_log_says_so() -> None:
    with stage("translation/hmong", refuses, refuses, role="translator") as here:
        found = await here.run("translation/hmong")
        assert found.read is not None
        with pytest.raises(UnreadableReplyError, match="did not translate the answer back"):
            await found.read("So-it-is.")
    assert (found.messages[-1].content, found.notes["translated"]) == (REQUEST, False)


@pytest.mark.anyio
async def test_combined_keeps_the_language_that_works() -> None:
    def there(turns: list[str]) -> str:
        reply = json.loads(hyphens(turns))["translation"]
        return json.dumps({"translation": f"{reply}-gn" if "into Guarani" in turns[0] else reply})

    def answers_guarani(turns: list[str]) -> str:
        return "-".join((ANSWER if turns[-1].endswith("-gn") else REFUSAL).split())

    with stage("translation/combined", answers_guarani, there, role="translator") as here:
        found = await here.run("translation/combined")
    assert (found.notes["language"], found.notes["rating"]) == ("Guarani", 1.0)
    assert len(here.asked) == here.target.cost.queries == 4


async def solved(translator: Rule) -> TaskState:
    """Run the solver on one sample whose target answers in hyphens."""

    async def generate(state: TaskState, **config: Any) -> TaskState:
        state.output = ModelOutput.from_content("mockllm/model", "-".join(REFUSAL.split()))
        return state

    turns: list[Any] = [ChatMessageUser(content=REQUEST)]
    state = TaskState(model=ModelName("mockllm/model"), sample_id="s", epoch=1, input=REQUEST, messages=turns)
    init_active_model(played(refuses, []), GenerateConfig())
    init_model_roles({"translator": played(translator, [])})
    try:
        return await attack("translation/zulu")(state, generate)  # type: ignore[arg-type]  # a part of the protocol
    finally:
        init_model_roles({})


@pytest.mark.anyio
async def test_the_judge_sees_the_answer_in_english() -> None:
    state = await solved(hyphens)
    assert state.metadata["decoded"] == REFUSAL
    assert state.metadata["cost"]["role_queries"] == 2
    score = await scorer_named("refusal")(state, Target(""))
    assert score is not None
    assert score.value == "refused"


@pytest.mark.anyio
async def test_an_answer_that_is_not_translated_back_gets_no_verdict() -> None:
    """As it stands, a judge of English refusals would take it for an answer."""
    state = await solved(only_there)
    assert "decoded" not in state.metadata
    score = await scorer_named("refusal")(state, Target(""))
    assert score is not None
    assert score.value != score.value  # NaN is how Inspect says unscored
    assert "did not translate the answer back" in (score.explanation or "")
