"""What a client may send, as the OpenAPI document says it."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from instincts.analyst.settings import Subject

__all__ = ["TREE_ID", "AnalyzeBody", "ModerationBody", "RescoreBody", "TextPart", "Turn"]

TREE_ID = r"^tree-[0-9a-f]{32}$"
"""How a stored tree is called."""
_Name = Annotated[str, Field(min_length=1, max_length=80)]


def _is_text(text: str) -> str:
    # JSON can write half a surrogate pair, which no encoding takes; the message says only that.
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("half of a surrogate pair is no character")
    return text


_Text = Annotated[str, AfterValidator(_is_text)]


class _Body(BaseModel):
    # Strict, so that 1 is no text; frozen, because several handlers read it.
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, strict=True)


class TextPart(_Body):
    """A text among typed parts, as OpenAI's clients send it."""

    type: Literal["text"]
    """Only text is judged: an image is an error, never ignored."""
    text: _Text
    """The text."""


class ModerationBody(_Body):
    """A request of OpenAI's moderation schema."""

    input: Annotated[_Text | list[_Text] | list[TextPart], Field(examples=["How do I contest a parking fine?"])]
    """A text, several texts, or one text in parts."""
    model: _Name | None = None
    """Name of a policy; OpenAI's own model names mean yours."""
    subject: Literal["prompt", "response"] = "prompt"
    """Whether the texts are asked of a model or written by one."""


class Turn(_Body):
    """One turn of a dialogue."""

    role: Literal["system", "user", "assistant"]
    """Who speaks."""
    content: _Text
    """What they say."""


class AnalyzeBody(_Body):
    """A prompt, a dialogue, or the answer to one of them."""

    prompt: _Text | None = None
    """One user turn."""
    messages: Annotated[list[Turn], Field(min_length=1, max_length=200)] | None = None
    """Several turns, the last one judged; instead of `prompt`."""
    response: _Text | None = None
    """The answer to judge, as it stands."""
    policy: _Name | None = None
    """Name of a policy; yours if absent."""
    deadline_ms: Annotated[int, Field(ge=1, le=600_000)] | None = None
    """How long it may take."""

    @model_validator(mode="after")
    def _says_what(self) -> "AnalyzeBody":
        if self.prompt is not None and self.messages is not None:
            raise ValueError("give `prompt` or `messages`, not both")
        if self.prompt is None and self.messages is None and self.response is None:
            raise ValueError("give `prompt`, `messages` or `response`")
        return self

    @property
    def subject(self) -> Subject:
        """What the tree is about."""
        if self.response is not None:
            return "response"
        return "dialogue" if self.messages is not None and len(self.messages) > 1 else "prompt"

    @property
    def turns(self) -> tuple[tuple[str, str], ...]:
        """Role and text of each turn, the one under test last."""
        turns = [(each.role, each.content) for each in self.messages or []]
        if self.prompt is not None:
            turns.append(("user", self.prompt))
        if self.response is not None:
            turns.append(("assistant", self.response))
        return tuple(turns)


class RescoreBody(_Body):
    """Trees, and policies to judge them under."""

    tree_ids: Annotated[list[Annotated[str, Field(pattern=TREE_ID)]], Field(max_length=10_000)] | None = None
    """Stored trees."""
    trees: Annotated[list[dict[str, Any]], Field(max_length=1000)] | None = None
    """Trees as they are; instead of `tree_ids`."""
    newest: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """Your newest stored trees; instead of both."""
    policies: Annotated[list[_Name | dict[str, Any]], Field(min_length=1, max_length=8)]
    """Names, or whole policies."""

    @model_validator(mode="after")
    def _says_which(self) -> "RescoreBody":
        if sum(each is not None for each in (self.tree_ids, self.trees, self.newest)) != 1:
            raise ValueError("give one of `tree_ids`, `trees` and `newest`")
        return self
