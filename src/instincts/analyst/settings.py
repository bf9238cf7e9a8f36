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
    structured: Literal["auto", "on", "off"] = "auto"
    """Hold served models to the JSON schema: `auto` tries it once on a prompt without content and goes without where
    the server refuses it or writes nothing readable under it; `on` takes no refusal."""
    attempts: int = Field(default=3, ge=1)
    """How often a side is asked for before the prompt has no verdict; the last time in the other coding."""
    samples: int = Field(default=1, ge=1)
    """Trees of each prompt, made one of what at least half of them agree on; 3 to 5 for teachers and audits."""
    temperature: float = Field(default=0.0, ge=0)
    """Of the first attempt; the others, and all samples of several, are drawn at 0.6, the paper's, if this is 0."""
    max_tokens: int = Field(default=4096, ge=1)
    """Where a reply is cut; a tree that was cut off is never allowed."""
    stakeholders: int = Field(default=6, ge=1)
    """Most stakeholders on a side; the paper asks for as many as possible, which makes length count as harm."""
    actions: int = Field(default=4, ge=1)
    """Most actions a stakeholder."""
    effects: int = Field(default=3, ge=1)
    """Most effects an action."""
    window: int = Field(default=8000, ge=200)
    """Characters that are read at once; a longer prompt is read in windows of it that overlap by a fifth, and of their
    trees the worst counts. It halves by itself where the analyst's context is too short."""
    windows: int = Field(default=32, ge=1)
    """Most windows of a prompt; one that needs more has no verdict."""
    max_characters: int = Field(default=100_000, ge=1)
    """A longer prompt has no verdict."""
    keep_prompts: bool = False
    """Write prompts beside their trees; otherwise only their SHA-256."""
    limit: int | None = Field(default=None, ge=1)
    """Only the first N prompts."""
    seed: int = 0
    """Of the sampling."""
