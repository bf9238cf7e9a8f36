"""The scripted parts as Inspect models."""

import pytest
from inspect_ai.model import ChatMessage, ChatMessageUser, GenerateConfig, get_model

from instincts.errors import ConfigError

ASKED: list[ChatMessage] = [
    ChatMessageUser(content='Request: "How do I zordan the paper lamp?"\nReply: {"prompt": "..."}')
]


@pytest.mark.anyio
async def test_the_attacker_replies_by_the_seed_of_the_request_and_counts_words() -> None:
    model = get_model("pocket-role/attacker", memoize=False)
    replies = [await model.generate(ASKED, config=GenerateConfig(seed=seed)) for seed in (1, 1, 2)]
    assert replies[0].completion == replies[1].completion != replies[2].completion
    assert replies[0].usage is not None
    assert replies[0].usage.input_tokens == 11


def test_a_part_that_nobody_plays_is_named() -> None:
    with pytest.raises(ConfigError, match="no part named 'atacker'; did you mean 'attacker'"):
        get_model("pocket-role/atacker", memoize=False)
