"""A model behind a moderator: what is refused, what is passed on untouched, and what is told of it."""

from pathlib import Path
from typing import Any

import pytest
from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageUser,
    ContentImage,
    GenerateConfig,
    Model,
    ModelOutput,
)

from instincts.analyst.moderating import REFUSAL
from instincts.analyst.policy_files import read_policy, write_policy
from instincts.errors import ModelDirectoryError
from instincts.models.provider import inspect_model
from tests.analyst.scripted import ASKED, DOWN, PROVIDER
from tests.analyst.test_moderating import guarded

pytestmark = pytest.mark.anyio
HARMFUL = "How do I zordan the paper gate?"
BENIGN = "Tell me how to nibnap the wax ladder."
CONFIG = GenerateConfig(temperature=0.0, max_tokens=16)


@pytest.fixture(autouse=True)
def _fresh() -> None:
    ASKED.clear()
    DOWN.clear()


async def _ask(model: Model, *messages: ChatMessage | str, **config: Any) -> ModelOutput:
    chat = [ChatMessageUser(content=each) if isinstance(each, str) else each for each in messages]
    return await model.generate(chat, config=CONFIG.merge(GenerateConfig(**config)))


def _told(output: ModelOutput) -> dict[str, Any]:
    return dict((output.metadata or {})["moderation"])


async def test_what_the_policy_stops_gets_the_refusal_and_the_model_is_not_asked(tmp_path: Path) -> None:
    output = await _ask(inspect_model(str(guarded(tmp_path / "out"))), HARMFUL)

    assert (output.completion, output.stop_reason) == (REFUSAL, "stop")
    assert output.usage is not None
    assert output.usage.total_tokens == 0
    assert _told(output) | {"score": 0, "probability": 0, "tokens": 0} == {
        "refused": "prompt", "verdict": _told(output)["verdict"], "score": 0, "probability": 0, "cause": "",
        "questions": 1, "tokens_read": 10, "tokens": 0,
    }  # fmt: skip
    assert _told(output)["verdict"] in ("review", "block")


async def test_what_the_policy_allows_is_answered_as_without_a_moderator(tmp_path: Path) -> None:
    """Same text, entropies and usage; only the name and the moderator's account differ."""
    behind = await _ask(inspect_model("pocket-llama"), BENIGN)
    output = await _ask(inspect_model(str(guarded(tmp_path / "out"))), BENIGN)

    assert output.completion == behind.completion
    assert output.usage == behind.usage
    assert {**(behind.metadata or {}), "moderation": _told(output)} == output.metadata
    assert (_told(output)["refused"], _told(output)["verdict"]) == ("", "allow")
    assert output.model.startswith(f"instincts/{tmp_path / 'out'}@")


async def test_a_review_is_answered_where_the_folder_says_so(tmp_path: Path) -> None:
    own = tmp_path / "mine.toml"
    policy = read_policy("children").to_data() | {"verdict": {"review": 0.0, "block": 1.0}}
    write_policy(own, read_policy("children").model_validate(policy))
    refused = await _ask(inspect_model(str(guarded(tmp_path / "one", policy=str(own)))), BENIGN)
    answered = await _ask(inspect_model(str(guarded(tmp_path / "two", policy=str(own), on_review="allow"))), BENIGN)

    assert (_told(refused)["verdict"], refused.completion) == ("review", REFUSAL)
    assert (_told(answered)["verdict"], _told(answered)["refused"]) == ("review", "")


@pytest.mark.parametrize("on_error", ["block", "review", "allow"])
@pytest.mark.parametrize(("analyst", "cause"), [("babbling", "unreadable"), ("failing", "analyst_down")])
async def test_a_request_without_a_tree_gets_what_the_folder_says(
    tmp_path: Path, on_error: str, analyst: str, cause: str
) -> None:
    DOWN.add(1)
    out = guarded(tmp_path / "out", analyst=f"{PROVIDER}/{analyst}", on_error=on_error)
    output = await _ask(inspect_model(str(out)), BENIGN)

    assert (output.completion == REFUSAL) == (on_error != "allow")
    assert (_told(output)["cause"], _told(output)["verdict"], _told(output)["score"]) == (cause, on_error, None)


async def test_the_refusal_is_the_users_own(tmp_path: Path) -> None:
    output = await _ask(inspect_model(str(guarded(tmp_path / "out", refusal="Not here."))), HARMFUL)

    assert output.completion == "Not here."


async def test_every_turn_is_judged_whoever_it_says_wrote_it(tmp_path: Path) -> None:
    """A prefilled answer and a system text are an attacker's as well."""
    model = inspect_model(str(guarded(tmp_path / "out")))
    chats: list[list[ChatMessage]] = [
        [ChatMessageSystem(content="Be brief."), ChatMessageUser(content=HARMFUL)],
        [ChatMessageUser(content=HARMFUL), ChatMessageAssistant(content="Of course!")],
    ]
    for chat in chats:
        assert (await _ask(model, *chat)).completion == REFUSAL
        assert all(each.text in ASKED[-1][0][-1].text for each in chat)


async def test_a_picture_is_not_judged_by_its_caption(tmp_path: Path) -> None:
    picture = ChatMessageUser(content=[ContentImage(image="data:image/png;base64,AAAA")])
    output = await _ask(inspect_model(str(guarded(tmp_path / "out"))), picture)

    assert (output.completion, _told(output)["cause"], ASKED) == (REFUSAL, "not_text", [])


async def test_an_answer_is_read_before_it_is_shown(tmp_path: Path) -> None:
    """The analyst finds nothing in the request and harm in the answer, which tells how."""
    open_ = await _ask(inspect_model(str(guarded(tmp_path / "one"))), BENIGN)
    closed = await _ask(
        inspect_model(str(guarded(tmp_path / "two", answers=True, analyst=f"{PROVIDER}/strict"))), BENIGN
    )

    assert open_.completion != REFUSAL
    assert closed.completion == REFUSAL
    assert (_told(closed)["refused"], _told(closed)["questions"]) == ("answer", 2)
    assert "mean_entropy" not in (closed.metadata or {})
    assert closed.usage == open_.usage


async def test_each_of_several_answers_is_read_for_itself(tmp_path: Path) -> None:
    out = guarded(tmp_path / "out", answers=True)
    output = await _ask(inspect_model(str(out)), BENIGN, num_choices=3, temperature=1.0)

    assert len(output.choices) == 3
    assert _told(output)["questions"] == 4


async def test_a_folder_that_changed_while_it_was_open_answers_nothing(tmp_path: Path) -> None:
    out = guarded(tmp_path / "out")
    model = inspect_model(str(out))
    (out / "policy.toml").write_text((out / "policy.toml").read_text() + "\n")

    with pytest.raises(ModelDirectoryError, match="was changed since it was opened"):
        await _ask(model, BENIGN)
