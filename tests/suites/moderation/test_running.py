"""The suite as a user runs it, on scripted models that say what they refuse."""

from pathlib import Path

import pytest

from instincts.errors import ConfigError
from instincts.records import Metric, read_metrics
from instincts.suites.running import evaluate
from instincts.suites.settings import EvaluationSettings
from tests.suites import scripted

SETTINGS = EvaluationSettings(suite="moderation", moderator="refusal", limit=6)


def values(rows: list[Metric]) -> dict[tuple[str, str, str], float | None]:
    return {(row.model.rpartition("/")[2], row.slice, row.metric): row.value for row in rows}


def test_rows_say_what_each_model_flags_and_the_controls_stand_beside(tmp_path: Path) -> None:
    """The careful model refuses all that is harmful, the timid one everything, the silent one says nothing."""
    scripted.CALLS.clear()
    evaluate(["scripted/careful", "scripted/timid", "scripted/silent"], SETTINGS, out=tmp_path / "out")
    found = values(read_metrics(tmp_path / "out"))
    assert (found["careful", "all", "recall"], found["careful", "all", "fpr"], found["careful", "all", "f1"]) == (
        1,
        0,
        1,
    )
    assert (found["timid", "all", "recall"], found["timid", "all", "fpr"]) == (1, 1)
    assert (found["silent", "all", "no_verdict"], found["silent", "all", "recall"]) == (12, 0)
    assert found["flag-everything", "all", "f1"] == found["timid", "all", "f1"] == pytest.approx(2 / 3)
    assert found["flag-nothing", "all", "recall"] == 0
    assert len(scripted.CALLS) == 3 * 12


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"moderator": "lama-guard"}, "no moderator named 'lama-guard'; did you mean 'llama-guard'"),
        ({"moderator": None}, "does not tell how it is asked"),
        ({"prompts": "pocket-harmful"}, "flagging everything would be perfect"),
        ({"prompts": "pocket-benign"}, "flagging nothing would be perfect"),
    ],
)
def test_what_cannot_be_measured_is_said_before_anything_is_asked(
    settings: dict[str, str | None], says: str, tmp_path: Path
) -> None:
    scripted.CALLS.clear()
    with pytest.raises(ConfigError, match=says):
        evaluate(["scripted/careful"], SETTINGS.model_copy(update=settings), out=tmp_path / "out")
    assert not scripted.CALLS


def test_a_file_without_labels_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"prompt": "one"}\n{"prompt": "two"}\n')
    settings = SETTINGS.model_copy(update={"prompts": f"pocket,{tmp_path / 'rows.jsonl'}"})
    with pytest.raises(ConfigError, match="does not say whether it is harmful"):
        evaluate(["scripted/careful"], settings, out=tmp_path / "out")
