"""A moderation endpoint as a model of Inspect, asked by OpenAI's own client over a transport without a network."""

import json

import httpx
import pytest
from inspect_ai.model import ChatMessageUser, GenerateConfig

from instincts.errors import ConfigError
from instincts.models.moderation import ModerationAPI
from instincts.models.target import opened, target

RESULT = {"flagged": True, "categories": {"illicit": True}, "category_scores": {"illicit": 0.7}, "instincts": {"p": 1}}


@pytest.mark.anyio
async def test_the_completion_is_the_one_result_with_what_the_service_adds() -> None:
    asked: list[dict[str, str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append({**json.loads(request.content), "to": str(request.url)})
        return httpx.Response(200, json={"id": "modr-1", "model": "general", "results": [RESULT]})

    client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    api = ModerationAPI("instincts/general", base_url="http://here/v1", api_key="k", http_client=client)
    found = await api.generate([ChatMessageUser(content="zordan?")], [], "none", GenerateConfig())
    assert asked == [{"input": "zordan?", "model": "general", "to": "http://here/v1/moderations"}]
    read = json.loads(found.completion)
    assert (read["flagged"], read["category_scores"]["illicit"], read["instincts"]) == (True, 0.7, {"p": 1})


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("moderation/mine/m", "MINE_BASE_URL"),
        ("moderation/openai/m", "OPENAI_API_KEY"),
        ("moderation/mine", "names no"),
    ],
)
def test_what_is_missing_is_said_in_one_sentence(name: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        opened(target(name), GenerateConfig())
