"""IFEval's checkers (arXiv:2311.07911) as a scorer; strict, and right only where every instruction is followed.

The checkers are Google's, as `lm_eval` carries them. They look for NLTK's sentence data when they are imported, and
would download it; so it must be there before.
"""

from typing import Any

from inspect_ai.scorer import CORRECT, INCORRECT, Score, Scorer, Target, accuracy, scorer, stderr
from inspect_ai.solver import TaskState

from instincts.errors import ConfigError

__all__ = ["check_data", "instructions_followed"]


def check_data() -> None:
    """Make sure that nothing will be downloaded.

    Raises:
        ConfigError: the sentence data are not on this machine.
    """
    import nltk

    try:
        nltk.data.find("tokenizers/punkt_tab")
    except LookupError:
        raise ConfigError(
            "task ifeval counts sentences with NLTK's data punkt_tab, which are not on this machine; fetch them once "
            "with `python -m nltk.downloader punkt_tab`, or leave the task out"
        ) from None


@scorer(metrics=[accuracy(), stderr()])
def instructions_followed() -> Scorer:
    """Correct if the answer follows every instruction of its prompt, word for word as it stands."""

    async def score(state: TaskState, target: Target) -> Score:
        followed = _followed(state.metadata, state.output.completion)
        names = state.metadata["instruction_id_list"]
        missed = [name for name, kept in zip(names, followed, strict=True) if not kept]
        return Score(
            value=INCORRECT if missed else CORRECT,
            answer=state.output.completion,
            explanation=f"not followed: {', '.join(missed)}" if missed else "every instruction is followed",
            metadata={"followed": sum(followed), "instructions": len(names)},
        )

    return score


def _followed(known: dict[str, Any], completion: str) -> list[bool]:
    import langdetect
    from lm_eval.tasks.ifeval.utils import InputExample, test_instruction_following_strict

    # The detector of languages draws lots unless it is told not to.
    langdetect.DetectorFactory.seed = 0
    kwargs = known["kwargs"]
    asked = InputExample(
        key=0,
        instruction_id_list=known["instruction_id_list"],
        prompt=known["prompt"],
        # Out of a log the numbers of the instructions come back as text.
        kwargs=[kwargs[at] if at in kwargs else kwargs[str(at)] for at in range(len(kwargs))],
    )
    return [bool(kept) for kept in test_instruction_following_strict(asked, completion).follow_instruction_list]
