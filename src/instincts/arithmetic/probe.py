"""Asks a model and what was made of it the same harmful prompts, to notice inputs that were swapped.

No sign check sees them: with `--harmed` and `--base` the wrong way round, a removal adds the harm direction.
"""

from functools import partial
from typing import NamedTuple, NoReturn

from instincts.arithmetic.knee import Point
from instincts.arithmetic.streaming import Progress
from instincts.arithmetic.sweep import point_of
from instincts.arithmetic.sweep_settings import SweepSettings
from instincts.arithmetic.validation import Answered, Validation, measure
from instincts.errors import SteeringError
from instincts.models.directory import ModelLocation
from instincts.models.opening import open_location

__all__ = ["Probed", "probe", "refuse_worse"]


class Probed(NamedTuple):
    """Before and after."""

    before: Point
    after: Point

    @property
    def is_worse(self) -> bool:
        """Whether attacks succeed more often than the interval of the model before allows."""
        return (
            self.after.asr.value is not None
            and self.before.asr.high is not None
            and self.after.asr.value > self.before.asr.high
        )


def probe(
    before: ModelLocation,
    after: ModelLocation,
    strength: float,
    validation: Validation,
    settings: SweepSettings,
    progress: Progress | None = None,
) -> Probed:
    """Ask both models the first harmful prompts.

    Args:
        before: the model that was steered.
        after: what came of it.
        strength: how much was subtracted.
        validation: where the prompts come from, and who judges.
        settings: how many are asked, and how long answers are.
        progress: draws a progress bar.
    """
    asked = validation.harmful_only(settings.probe)

    def ask(location: ModelLocation, stage: str) -> Answered:
        report = partial(progress, stage) if progress is not None else None
        return measure(open_location(location), asked, settings, report)

    return Probed(
        point_of(ask(before, "probing the model"), 0.0, 0.0),
        point_of(ask(after, "probing the result"), strength, 0.0),
    )


def refuse_worse(before: Point, after: Point, model: str, harmed: str, base: str) -> NoReturn:
    """Stop, once everything is written and marked: the result is worse than what it was made from.

    Raises:
        SteeringError: always; says which inputs may be swapped.
    """
    was, now = before.asr, after.asr
    raise SteeringError(
        f"the result is worse than {model}: it complies with {100 * (now.value or 0):.0f} % of {now.n} harmful "
        f"prompts, {model} with {100 * (was.value or 0):.0f} % (at most {100 * (was.high or 0):.0f} % by its "
        f"interval), and it is marked worse_than_input; are --harmed ({harmed}) and --base ({base}) swapped, or was "
        f"{harmed} made from another model?"
    )
