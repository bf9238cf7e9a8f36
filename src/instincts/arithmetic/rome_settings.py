"""Every setting of a ROME edit; knows no model and no file."""

from typing import Literal

from pydantic import Field

from instincts.config import Settings

__all__ = ["Covariance", "RomeSettings", "Token"]

Covariance = Literal["text", "identity"]

Token = Literal["subject", "last"]


class RomeSettings(Settings):
    """One knowledge edit by ROME (arXiv:2202.05262). Defaults are EasyEdit's for Llama-2-7B, which that paper lacks."""

    layer: int | None = Field(None, ge=0)
    """Which layer's MLP is edited, from 0. By default the one as deep as layer 5 of 32."""
    token: Token = "subject"
    """On which token the fact is looked up: `subject`, the last one of the subject, as in the paper; `last`, the last
    one of the prompt, for models that put subject and relation together only there."""
    steps: int = Field(25, ge=1)
    """Most times the loss of the value is looked at; one step of Adam lies between two looks."""
    rate: float = Field(0.5, gt=0)
    """Adam's learning rate for the value."""
    enough: float = Field(0.05, ge=0)
    """The search for the value ends below this loss, in nats; from the released code of ROME."""
    clamp: float = Field(4.0, gt=0)
    """How long the change of the value may be, in lengths of the value before."""
    kl: float = Field(0.0625, ge=0)
    """Weight of keeping what the model says of the subject itself."""
    decay: float = Field(1e-3, ge=0)
    """Weight of the length of the change over the squared length of the value before."""
    prefixes: int = Field(10, ge=0)
    """How many texts of 5 and how many of 10 tokens stand before the question in turn, besides nothing."""
    covariance: Covariance = "text"
    """What the key is told apart from: `text` (the keys of ordinary text, as in the paper) or
    `identity` (nothing, as EasyEdit has it)."""
    covariance_tokens: int = Field(20_000, ge=100)
    """Most tokens of text that are read for it."""
    ridge: float = Field(1e-3, ge=0)
    """What is added to the diagonal of the covariance, as a share of its mean."""
    answer_tokens: int = Field(16, ge=1)
    """How many tokens of a neighbour's answer are compared before and after."""
    seed: int = 0
    """Of the prefixes and of the model's own text."""
