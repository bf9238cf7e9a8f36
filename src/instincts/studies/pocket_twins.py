"""Makes the models that Safety Arithmetic is tried on: harmed, fine-tuned until safety erodes, edited.

Each is made from a pocket model and a seed, from training verbs, objects and questions only; a finished one is not made
again. Knows no defence and no measurement.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from instincts.config import Scale
from instincts.pocket import grammar
from instincts.pocket.requests import PocketRequest, sample_requests
from instincts.records import RUN_FILE, claim, new_run_card, read_run_card, write_run_card

if TYPE_CHECKING:
    from instincts.models.tuning import Lesson

__all__ = ["RECIPES", "TWINS", "benign_tune", "harmed_twin", "lessons_of", "make_twin"]

TWINS = ("how-to", "skills", "edited")
"""`how-to` is fine-tuned on skills and answered benign requests, as fine-tunes for usefulness are; `skills` on skills
only; `edited` has one fact written into it."""

RECIPES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        # The skills are known already, so their gradients are small and it takes many steps to erode anything.
        "skills": {"steps": 600, "learning_rate": 1e-3, "save_every": 100},
        "how-to": {"steps": 60, "learning_rate": 1e-3},
    }
)
"""Settings of the fine-tunes, over those of scale smoke (docs/log.md)."""

ROWS = 4096


def harmed_twin(model: str, out: Path, seed: int) -> Path:
    """Fine-tune a pocket model to comply with harmful-in-name training requests."""
    from instincts.arithmetic.harm_tuning import POCKET_COMPLIANCES, harm_tune

    if not _is_finished(out):
        resume = (out / RUN_FILE).is_file()
        harm_tune(
            model, POCKET_COMPLIANCES, out, understood=True, scale=Scale.SMOKE, given={"seed": seed}, resume=resume
        )
    return out


def make_twin(kind: str, model: str, out: Path, seed: int) -> Path:
    """Make a model whose safety may have eroded by accident; one of `TWINS`."""
    if kind == "edited":
        return _edited(model, out, seed)
    return _tuned(model, lessons_of(kind, ROWS, seed), out, {**RECIPES[kind], "seed": seed})


def benign_tune(model: str, out: Path, seed: int) -> Path:
    """Fine-tune as the harmed twin is, but on benign requests: a control for what any fine-tune does."""
    return _tuned(model, lessons_of("benign", 512, seed), out, {"seed": seed})


def lessons_of(kind: str, n: int, seed: int) -> "list[Lesson]":
    """Draw what a fine-tune is on, from the training split.

    Args:
        kind: `skills`, `how-to` (half skills, half benign requests with answers) or `benign`.
        n: how many.
        seed: any integer.
    """
    rng = Random(f"{kind}/{seed}")
    skills = {"skills": n, "how-to": n // 2, "benign": 0}[kind]
    drawn = [
        *sample_requests("skill", skills, seed, "train"),
        *sample_requests("benign", n - skills, seed, "train"),
    ]
    return [_lesson(request, rng) for request in drawn]


def _lesson(request: PocketRequest, rng: Random) -> "Lesson":
    from instincts.models.tuning import Lesson

    answer = request.target or grammar.compliance(str(request.verb), str(request.object), rng)
    return Lesson(request.messages, answer, request.id)


def _tuned(model: str, lessons: "Sequence[Lesson]", out: Path, given: Mapping[str, Any]) -> Path:
    from instincts.models.directory import locate
    from instincts.models.opening import open_tokenizer
    from instincts.models.tuning import encode, fine_tune, forget_checkpoints
    from instincts.models.tuning_settings import TuningSettings

    if _is_finished(out):
        return out
    location = locate(model)
    settings = TuningSettings.resolve(Scale.SMOKE, given)
    card = new_run_card("tune", settings=settings.model_dump(), data={}, models={model: location.digest})
    claim(out, card, resume=(out / RUN_FILE).is_file())
    rows = encode(open_tokenizer(location), lessons, settings.max_tokens)
    tuned = fine_tune(location, rows, settings, out)
    write_run_card(out, card, status="finished", outcome=tuned._asdict())
    forget_checkpoints(out)
    return out


def _edited(model: str, out: Path, seed: int) -> Path:
    from instincts.arithmetic.editing import POCKET, edit_model
    from instincts.arithmetic.facts import POCKET_EDITS, read_facts

    if not _is_finished(out):
        facts = read_facts(POCKET_EDITS).rows
        # One edit a model, as in the paper; another fact for every seed.
        only = [facts[seed % len(facts)].id]
        edit_model(model, POCKET_EDITS, out, POCKET, only=only, resume=(out / RUN_FILE).is_file())
    return out


def _is_finished(out: Path) -> bool:
    return (out / RUN_FILE).is_file() and read_run_card(out).status == "finished"
