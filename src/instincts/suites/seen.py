"""Rows of an evaluation that the model was trained on: found and told before there is a number to believe."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from instincts.errors import InstinctsError, RecordError
from instincts.prompts import PromptSet, read_prompts
from instincts.prompts.overlap import Overlap, overlaps
from instincts.records import RUN_FILE, read_run_card
from instincts.suites.target import Target

__all__ = ["Seen", "look_for_seen_rows"]


class Seen(NamedTuple):
    """What was found of one training file."""

    training: str
    """The file or set."""
    model: str | None
    """The model whose run card names it; None where the user did."""
    suite: str
    overlaps: tuple[Overlap, ...]
    rows: int
    """How many rows of the evaluation were looked for."""
    complaint: str | None = None
    """Why it could not be looked at; then nothing is known."""

    def __str__(self) -> str:
        """Tell it in a sentence."""
        owner = f"{self.model} was trained on" if self.model else "--trained-on names"
        if self.complaint:
            return f"{owner} {self.training}, which cannot be compared with suite {self.suite}: {self.complaint}"
        exact = sum(each.kind == "exact" for each in self.overlaps)
        return (
            f"{owner} {self.training}, which holds {exact} of the {self.rows} prompts of suite {self.suite} exactly "
            f"and {len(self.overlaps) - exact} nearly"
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain data for the run card: ids, never a text."""
        return {
            "training": self.training,
            "model": self.model,
            "suite": self.suite,
            "rows": self.rows,
            "exact": [each.id for each in self.overlaps if each.kind == "exact"],
            "near": [each.id for each in self.overlaps if each.kind == "near"],
            **({"complaint": self.complaint} if self.complaint else {}),
        }


def look_for_seen_rows(
    tested: Sequence[tuple[str, PromptSet]], targets: Sequence[Target], trained_on: Sequence[str]
) -> list[Seen]:
    """Compare what is asked with what was trained on.

    Args:
        tested: (suite, prompts) of the evaluation.
        targets: the models; a folder that `train` wrote names its prompts in its run card.
        trained_on: files or sets that the user names.

    Returns:
        What was found, without the training files that share nothing.

    Raises:
        PromptSetError: a file that the user named is missing or broken.
    """
    named = [(text, None, read_prompts(text)) for text in trained_on]
    found = [
        _compared(suite, prompts, training, model, trained)
        for training, model, trained in [*named, *_of_models(targets)]
        for suite, prompts in tested
    ]
    return [each for each in found if each.overlaps or each.complaint]


def _of_models(targets: Sequence[Target]) -> Iterator[tuple[str, str, PromptSet | InstinctsError]]:
    for target in targets:
        folder = Path(target.given)
        # The data of a moderator's card is its policy; nobody was trained on that.
        if not target.shows_weights or not (folder / RUN_FILE).is_file():
            continue
        for source, digest in read_run_card(folder).data.items():
            # What a vector was read from: the hash is that of pairs, so only the rows can be compared.
            named = source.removeprefix("prompts:").removeprefix("refusals:")
            known = {digest} if named == source else set()
            try:
                trained: PromptSet | InstinctsError = read_prompts(named)
            except InstinctsError as error:
                # The file may be on the machine that trained the model: that is told, and is no reason not to measure.
                trained = error
            # A training without labels has dropped them before it wrote the hash.
            if isinstance(trained, PromptSet) and not known <= {trained.sha256, trained.without_labels().sha256}:
                trained = RecordError("the file has changed since")
            yield source, target.given, trained


def _compared(
    suite: str, prompts: PromptSet, training: str, model: str | None, trained: PromptSet | InstinctsError
) -> Seen:
    if isinstance(trained, PromptSet):
        return Seen(training, model, suite, tuple(overlaps(prompts, trained)), len(prompts))
    return Seen(training, model, suite, (), len(prompts), str(trained))
