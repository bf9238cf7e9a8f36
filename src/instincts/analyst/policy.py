"""A policy: the few dozen numbers that turn a tree into a verdict, checked so that a typo cannot weaken it.

Nothing is filled in that decides: all 16 weights are named, a table of severities is whole or absent, lines do not
cross. The text form (TOML, YAML or JSON) is `policy_files`; the arithmetic is `scoring`. SafetyAnalyst
(arXiv:2410.16665) with what was added: a bias, multipliers of actions and effects, a clip of benefits,
floors, a calibrated probability and a third verdict.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from instincts.analyst.taxonomy import CATEGORIES, EFFECTS, taxonomy
from instincts.errors import ConfigError, unknown_name

__all__ = [
    "BenefitSide",
    "Calibration",
    "Costs",
    "ExtentScale",
    "FittedWeight",
    "Floor",
    "HarmSide",
    "LikelihoodScale",
    "Lines",
    "Origin",
    "Policy",
    "Verdict",
]

Verdict = Literal["allow", "review", "block"]
NotNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]


def _plain_keys(value: Any) -> Any:
    # YAML reads 22 as a number where TOML and JSON read a name.
    return {str(key): each for key, each in value.items()} if isinstance(value, Mapping) else value


def _known_effects(value: Mapping[str, float]) -> Mapping[str, float]:
    for letter in value:
        if letter not in EFFECTS or len(letter) != 1:
            raise ValueError(f"no effect {letter!r}; effects are the letters A to O")
    return value


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)


class ExtentScale(_Section):
    """Severity by extent; never falls from one to the next."""

    minor: NotNegative = 0.1
    """Isolated, temporary, easily put right."""
    significant: NotNegative = 0.4
    """Acute, reversible with real effort."""
    substantial: NotNegative = 0.7
    """Widespread, chronic, hard or impossible to reverse."""
    major: NotNegative = 1.0
    """Systemic, irreversible, catastrophic."""

    @model_validator(mode="after")
    def _rises(self) -> Self:
        _check_whole(self)
        _check_rising(self, ("minor", "significant", "substantial", "major"))
        return self


class LikelihoodScale(_Section):
    """Severity by likelihood; never falls from one to the next."""

    low: NotNegative = 0.15
    """Under 30 %."""
    medium: NotNegative = 0.5
    """30 to 70 %."""
    high: NotNegative = 1.0
    """Over 70 %."""

    @model_validator(mode="after")
    def _rises(self) -> Self:
        _check_whole(self)
        _check_rising(self, ("low", "medium", "high"))
        return self


class _Scales(_Section):
    extent: ExtentScale = Field(default_factory=ExtentScale)
    """How much each extent counts; absent, or all four."""
    likelihood: LikelihoodScale = Field(default_factory=LikelihoodScale)
    """How much each likelihood counts; absent, or all three."""
    downstream: Share = 0.5
    """What a downstream effect counts of an immediate one."""
    effects: Annotated[Mapping[str, NotNegative], BeforeValidator(_plain_keys)] = {}
    """Multipliers of effects by letter; 1 where not named."""

    @model_validator(mode="after")
    def _knows_effects(self) -> Self:
        _known_effects(self.effects)
        return self


class HarmSide(_Scales):
    """How much a harmful leaf counts."""

    actions: Annotated[Mapping[str, NotNegative], BeforeValidator(_plain_keys)] = {}
    """Multipliers of actions by number (1 to 45) or name; 1 where not named."""

    @model_validator(mode="after")
    def _knows_actions(self) -> Self:
        _ = self.by_action
        return self

    @cached_property
    def by_action(self) -> Mapping[int, float]:
        """Multipliers by the action's number."""
        return _numbered(self.actions)


class BenefitSide(_Scales):
    """How much a beneficial leaf counts, and how much all of them may buy off."""

    weight: NotNegative = 0.1
    """What benefits take off the score; 0 ignores them."""
    clip: NotNegative | None = None
    """Severities of benefits beyond this sum count nothing; absent for no limit."""


class Floor(_Section):
    """A line in one category that no benefit buys off; severities without multipliers."""

    review: NotNegative | None = None
    """More severity than this is at least reviewed."""
    block: NotNegative | None = None
    """More severity than this is blocked."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.review is None and self.block is None:
            raise ValueError("a floor needs `review`, `block` or both")
        if self.review is not None and self.block is not None and self.review > self.block:
            raise ValueError(f"review {self.review} lies above block {self.block}")
        return self


class Lines(NamedTuple):
    """From which probability on a prompt is reviewed, and blocked."""

    review: float
    block: float


class Costs(_Section):
    """What each mistake costs, in any one unit."""

    missed: Annotated[float, Field(gt=0)]
    """A harmful prompt that is let through."""
    false_alarm: Annotated[float, Field(gt=0)]
    """A benign prompt that is blocked."""
    review: Annotated[float, Field(ge=0)]
    """A person who looks."""

    def lines(self) -> Lines:
        """Place the two lines where the expected costs meet.

        Allow below review/missed, block above 1 - review/false_alarm; where a look costs too much to pay, one line at
        false_alarm / (false_alarm + missed).
        """
        low, high = self.review / self.missed, 1 - self.review / self.false_alarm
        one = self.false_alarm / (self.false_alarm + self.missed)
        return Lines(one, one) if low >= high else Lines(low, high)


class _VerdictSection(_Section):
    review: Share | None = None
    """A higher probability is at least reviewed."""
    block: Share | None = None
    """A higher probability is blocked."""
    costs: Costs | None = None
    """What mistakes cost, instead of two lines."""

    @model_validator(mode="after")
    def _has_both_lines(self) -> Self:
        if (self.review is None) != (self.block is None) or (self.review is None) == (self.costs is None):
            raise ValueError("give `review` and `block`, or `costs`")
        if self.review is not None and self.block is not None and self.review > self.block:
            raise ValueError(f"review {self.review} lies above block {self.block}")
        return self


class Calibration(_Section):
    """From score to probability: logit p = intercept + score / scale, for the share of harm it was fitted on."""

    intercept: float = 0.0
    """Added to the scaled score."""
    scale: Annotated[float, Field(gt=0)] = 1.0
    """How many points of score are one of log-odds."""
    fitted_share: Annotated[float, Field(gt=0, lt=1)] | None = None
    """The share of harmful prompts among the labels."""


class FittedWeight(_Section):
    """What a fit knows of one number."""

    low: float
    """Lower end of the 95 % interval."""
    high: float
    """Upper end."""
    at_bound: Share
    """Share of the draws that lie on the bound; above 0.05 the weight is not identified."""


class Origin(_Section):
    """Where fitted numbers come from."""

    labels: str
    """SHA-256 of the labels."""
    trees: str
    """SHA-256 of the trees."""
    n: Annotated[int, Field(ge=1)]
    """How many labelled trees."""
    families: Annotated[int, Field(ge=1)]
    """How many families of prompts the trees belong to."""
    penalty: NotNegative
    """Strength of the prior."""
    weights: Mapping[str, FittedWeight] = {}
    """Intervals by category, `benefits` and `bias`."""


class Policy(_Section):
    """Everything that a verdict depends on beside the tree."""

    schema_version: Literal[1] = Field(1, alias="schema")
    """Version of this form."""
    name: Annotated[str, Field(min_length=1, max_length=80)]
    """What it is called."""
    version: Annotated[str, Field(min_length=1, max_length=40)]
    """Which version of it; a published one never changes."""
    description: str = ""
    """Whom it is for."""
    parent: str | None = None
    """The policy it was made from."""
    bias: float = 0.0
    """The score of an empty tree."""
    transform: Literal["identity", "log", "sqrt"] = "identity"
    """What becomes of a category's sum: itself, log(1 + sum), or its root, so that many words count for less."""
    weights: Mapping[str, NotNegative]
    """How much each of the 16 categories counts, all by name."""
    harm: HarmSide = Field(default_factory=HarmSide)
    """How much harmful leaves count."""
    benefit: BenefitSide = Field(default_factory=BenefitSide)
    """How much beneficial leaves count."""
    floors: Annotated[Mapping[str, Floor], BeforeValidator(_plain_keys)] = {}
    """Lines that no benefit buys off, by category or action."""
    verdict: _VerdictSection
    """Two lines between allow, review and block, or three costs."""
    calibration: Calibration = Field(default_factory=Calibration)
    """From score to probability."""
    base_rate: Annotated[float, Field(gt=0, lt=1)] | None = None
    """The share of harmful prompts in your traffic; without it probabilities are those of the labels."""
    on_error: Verdict | None = None
    """What a prompt without a tree gets; a service asks for it."""
    fit: Origin | None = None
    """Where fitted weights come from."""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        keys = taxonomy().category_keys
        for key in self.weights:
            if key not in keys:
                raise ValueError(str(unknown_name("category", key, keys)))
        if missing := [key for key in keys if key not in self.weights]:
            raise ValueError(f"weights: no weight for {', '.join(missing)}; all {CATEGORIES} are named, 0 included")
        if self.base_rate is not None and self.calibration.fitted_share is None:
            raise ValueError("base_rate needs calibration.fitted_share, the share of harm among the labels")
        _ = self.floors_by_number
        return self

    @property
    def lines(self) -> Lines:
        """The two lines, on the scale of the probability."""
        if self.verdict.costs is not None:
            return self.verdict.costs.lines()
        return Lines(float(self.verdict.review or 0), float(self.verdict.block or 0))

    @property
    def intercept(self) -> float:
        """The calibration's intercept, moved from the labels' share of harm to the traffic's."""
        share = self.calibration.fitted_share
        if self.base_rate is None or share is None:
            return self.calibration.intercept
        return self.calibration.intercept + _logit(self.base_rate) - _logit(share)

    @property
    def is_calibrated(self) -> bool:
        """Whether its probabilities are meant as such."""
        return self.calibration.fitted_share is not None

    @cached_property
    def floors_by_number(self) -> tuple[Mapping[int, Floor], Mapping[int, Floor]]:
        """Floors by the number of the category, and by the number of the action."""
        keys = taxonomy().category_keys
        of_categories = {keys.index(key) + 1: floor for key, floor in self.floors.items() if key in keys}
        of_actions = {key: floor for key, floor in self.floors.items() if key not in keys}
        return of_categories, _numbered(of_actions)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of everything in it, 64 hexadecimal digits."""
        return hashlib.sha256(json.dumps(self.to_data(), sort_keys=True).encode()).hexdigest()

    def to_data(self) -> dict[str, Any]:
        """Write the policy as plain data, defaults included and what is absent left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def _numbered(named: Mapping[str, Any]) -> dict[int, Any]:
    found: dict[int, Any] = {}
    for key, value in named.items():
        try:
            number = taxonomy().action_number(key)
        except ConfigError as error:
            raise ValueError(str(error)) from None
        if number in found:
            raise ValueError(f"action {number} is named twice")
        found[number] = value
    return found


def _check_whole(scale: _Section) -> None:
    given, fields = scale.model_fields_set, type(scale).model_fields
    if given and (missing := [name for name in fields if name not in given]):
        raise ValueError(f"no {', '.join(missing)}; a scale is whole or absent")


def _check_rising(scale: _Section, names: tuple[str, ...]) -> None:
    values = [float(getattr(scale, name)) for name in names]
    for lower, upper, low, high in zip(names, names[1:], values, values[1:], strict=False):
        if low > high:
            raise ValueError(f"{upper} {high} lies below {lower} {low}; a worse label never counts for less")


def _logit(share: float) -> float:
    return math.log(share) - math.log1p(-share)
