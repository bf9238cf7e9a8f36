"""What a user can set about growing trees; knows no model."""

from typing import Literal

from pydantic import Field

from instincts.config import Settings

__all__ = ["SPECIALISTS", "AnalysisSettings", "Coding", "Subject"]

Coding = Literal["json", "lines", "specialist", "specialist-json"]

SPECIALISTS: frozenset[Coding] = frozenset({"specialist", "specialist-json"})
"""The codings of models that were trained to write trees and take no instruction."""

Subject = Literal["prompt", "response", "dialogue"]
"""What a tree is about: a prompt as if it were answered, an answer as it stands, the last request of several turns."""


class AnalysisSettings(Settings):
    """How trees are grown."""

    calls: Literal[1, 2] = 2
    """Calls a prompt: 2 asks for harms and benefits apart, as the paper does; 1 asks for both at once."""
    coding: Coding = "json"
    """How the tree is written: `json` with words, `lines` in the compact coding; `specialist` and `specialist-json` for
    a model that was trained to write the one or the other and takes no instruction. A model that `distill` trained says
    it itself."""
    structured: bool = True
    """Hold served models to the JSON schema where their provider can; a provider that cannot is asked without."""
    attempts: int = Field(default=3, ge=1)
    """How often a side is asked for before the prompt has no verdict; the last time in the other coding."""
    temperature: float = Field(default=0.0, ge=0)
    """Of the first attempt; the others are sampled at 0.6, the paper's, if this is 0."""
    max_tokens: int = Field(default=4096, ge=1)
    """Where a reply is cut; a tree that was cut off is never allowed."""
    stakeholders: int = Field(default=6, ge=1)
    """Most stakeholders on a side; the paper asks for as many as possible, which makes length count as harm."""
    actions: int = Field(default=4, ge=1)
    """Most actions a stakeholder."""
    effects: int = Field(default=3, ge=1)
    """Most effects an action."""
    max_characters: int = Field(default=20_000, ge=1)
    """A longer prompt has no verdict."""
    keep_prompts: bool = False
    """Write prompts beside their trees; otherwise only their SHA-256."""
    limit: int | None = Field(default=None, ge=1)
    """Only the first N prompts."""
    seed: int = 0
    """Of the sampling."""
