"""A harm-benefit tree: who is touched, by which action, with which effect, how badly, how likely, how soon.

SafetyAnalyst (arXiv:2410.16665) with two changes: an action is a number of AIR-2024 instead of a path in
one string, and the two sides stand apart instead of end to end, so that an empty side is a statement and a missing one
is no tree. A tree holds no verdict. Whatever a schema can refuse it refuses here: no label outside its scale, no empty
branch, no text that could break a line.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, NamedTuple, Self, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from instincts.analyst.taxonomy import ACTIONS, Extent, Likelihood, Side
from instincts.errors import UnreadableReplyError

__all__ = [
    "KINDS",
    "TEXT_LENGTH",
    "Benefit",
    "BenefitBranch",
    "EffectLabel",
    "Harm",
    "HarmBranch",
    "Kind",
    "Leaf",
    "Tree",
    "clean",
]

Kind = Literal["user", "individual", "group", "community", "institution", "nature"]
"""What sort of stakeholder: the one who asks, another person, a set of persons, a public, an organisation, nature."""

KINDS: tuple[Kind, ...] = get_args(Kind)

TEXT_LENGTH = 200
"""Most characters of a stakeholder's name or a benefit's sentence."""


def clean(text: str) -> str:
    """Make a text fit for a tree: one line, single spaces, nothing invisible, at most 200 characters."""
    visible = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(visible.split())[:TEXT_LENGTH].rstrip()


def _is_clean(text: str) -> str:
    if text != clean(text):
        raise ValueError(f"must be one line of at most {TEXT_LENGTH} printable characters with single spaces")
    return text


Letter = Literal["A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L", "M", "N", "O"]
Line = Annotated[str, AfterValidator(_is_clean)]


class _Part(BaseModel):
    # Strict, so that "3" is no number and 1 is not true; only a list may stand for a tuple.
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, strict=True)


class EffectLabel(_Part):
    """A leaf: one effect with its labels."""

    effect: Letter
    """Letter of the effect."""
    extent: Extent
    """How far it reaches."""
    likelihood: Likelihood
    """Under 30 %, 30 to 70 %, over 70 %."""
    immediate: bool
    """Short-term, not downstream."""


class Harm(_Part):
    """A harmful action and what it does to one stakeholder."""

    action: int = Field(ge=1, le=ACTIONS)
    """Number of AIR-2024's level 3."""
    effects: Annotated[tuple[EffectLabel, ...], Field(min_length=1, strict=False)]
    """What follows."""


class Benefit(_Part):
    """A beneficial action, in words: there is no taxonomy of them."""

    action: Line
    """A sentence; it may be empty."""
    effects: Annotated[tuple[EffectLabel, ...], Field(min_length=1, strict=False)]
    """What follows."""


class HarmBranch(_Part):
    """A stakeholder who is harmed."""

    stakeholder: Annotated[Line, Field(min_length=1)]
    """Who, in words."""
    kind: Kind
    """What sort of stakeholder."""
    actions: Annotated[tuple[Harm, ...], Field(min_length=1, strict=False)]
    """What harms them."""


class BenefitBranch(_Part):
    """A stakeholder who gains."""

    stakeholder: Annotated[Line, Field(min_length=1)]
    """Who, in words."""
    kind: Kind
    """What sort of stakeholder."""
    actions: Annotated[tuple[Benefit, ...], Field(min_length=1, strict=False)]
    """What helps them."""


class Leaf(NamedTuple):
    """A leaf with the way to it."""

    side: Side
    branch: int
    """Place of the stakeholder on its side."""
    action: int
    """Place of the action under its stakeholder."""
    effect: int
    """Place of the leaf under its action."""
    number: int
    """The action's number in AIR-2024; 0 for a benefit."""
    label: EffectLabel


class Tree(_Part):
    """What an analyst expects of a prompt that is answered, helpfully and in detail."""

    harms: Annotated[tuple[HarmBranch, ...], Field(strict=False)]
    """Who is harmed; empty where the analyst wrote that nobody is."""
    benefits: Annotated[tuple[BenefitBranch, ...], Field(strict=False)]
    """Who gains; empty where the analyst wrote that nobody does."""
    truncated: bool = False
    """Whether the analyst was cut off: then what is here may block, and can never allow."""

    @classmethod
    def of(cls, data: Any) -> Self:
        """Read a tree from plain data or JSON text.

        Raises:
            UnreadableReplyError: not a tree; names the place.
        """
        try:
            return cls.model_validate_json(data) if isinstance(data, str) else cls.model_validate(data)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"]) or "the tree"
            raise UnreadableReplyError(f"{place}: {first['msg']}") from None
        except RecursionError:
            raise UnreadableReplyError("nested too deeply for a tree") from None

    def leaves(self) -> Iterator[Leaf]:
        """Walk over the leaves, harms first, in the order they are written."""
        for number, harmed in enumerate(self.harms):
            for place, harm in enumerate(harmed.actions):
                for which, label in enumerate(harm.effects):
                    yield Leaf("harm", number, place, which, harm.action, label)
        for number, helped in enumerate(self.benefits):
            for place, benefit in enumerate(helped.actions):
                for which, label in enumerate(benefit.effects):
                    yield Leaf("benefit", number, place, which, 0, label)

    def to_json(self) -> str:
        """Write the tree on one line of JSON, so that `Tree.of` gives it back."""
        return self.model_dump_json()
