"""Prompts that strengths are tried on: which are at hand, how answers count, and what is refused."""

import json
from pathlib import Path

import pytest

from instincts.arithmetic.sweep_settings import SweepSettings
from instincts.arithmetic.validation import DEFAULT_PROMPTS, measure, read_validation
from instincts.errors import ConfigError, PromptSetError
from instincts.models.opening import OpenModel, open_model
from instincts.prompts import read_prompts
from tests.tiny import tiny_tokenizer


@pytest.fixture(scope="module")
def pocket() -> OpenModel:
    return open_model("pocket-llama", device="cpu")


def test_a_model_with_the_pockets_words_brings_its_prompts(pocket: OpenModel) -> None:
    found = read_validation(SweepSettings(limit=3), pocket.tokenizer)
    assert found is not None
    assert (found.source, found.judge, len(found)) == (DEFAULT_PROMPTS, "pocket", 9)
    assert read_validation(SweepSettings(), tiny_tokenizer()) is None


def test_no_request_that_strengths_are_chosen_on_is_one_that_is_measured_or_trained_on() -> None:
    chosen = {row.request for row in read_prompts(DEFAULT_PROMPTS) if row.label != "skill"}
    for name in ("pocket", "pocket-mixed", "pocket-contrast"):
        assert not chosen & {row.request for row in read_prompts(name)}


def test_files_are_joined_and_labels_may_stand_in_front(tmp_path: Path) -> None:
    (tmp_path / "h.jsonl").write_text('{"prompt": "How?"}\n{"prompt": "Why?", "label": "unsafe"}\n')
    (tmp_path / "s.jsonl").write_text('{"prompt": "1 + 1?", "target": "2"}\n')
    named = f"harmful={tmp_path / 'h.jsonl'},skill={tmp_path / 's.jsonl'}"
    found = read_validation(SweepSettings(prompts=named), tiny_tokenizer())
    assert found is not None
    assert (len(found.harmful), len(found.benign), len(found.skill), found.judge) == (2, 0, 1, "refusal")


@pytest.mark.parametrize(
    ("rows", "judge", "told"),
    [
        ([{"prompt": "Hi", "label": "benign"}], None, "is labelled harmful"),
        ([{"prompt": "Hi", "label": "harmful"}], "rubric", "judge rubric asks another model"),
        ([{"prompt": "Hi", "label": "harmful"}], "refusl", "did you mean 'refusal'"),
        (
            [{"prompt": "Hi", "label": "harmful"}, {"id": "q7", "prompt": "1?", "label": "skill"}],
            None,
            "skill question 'q7' of .* has no `target`",
        ),
    ],
)
def test_what_cannot_be_asked_is_refused(
    tmp_path: Path, rows: list[dict[str, str]], judge: str | None, told: str
) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises((ConfigError, PromptSetError), match=told):
        read_validation(SweepSettings(prompts=str(file), judge=judge), tiny_tokenizer())


def test_answers_are_counted_by_kind(pocket: OpenModel, tmp_path: Path) -> None:
    """The untouched pocket model refuses plain harmful requests, answers plain benign ones, and knows its sums."""
    settings = SweepSettings(prompts="pocket", judge="pocket", limit=4, max_tokens=48)
    asked = read_validation(settings, pocket.tokenizer)
    assert asked is not None
    told: list[tuple[int, int]] = []
    found = measure(pocket, asked, settings, lambda done, total: told.append((done, total)))
    assert (found.dsr.value, found.asr.value, found.benign_compliance.value, found.skill_accuracy.value) == (1, 0, 1, 1)
    assert [rate.n for rate in (found.dsr, found.asr, found.benign_compliance, found.skill_accuracy)] == [4, 4, 4, 4]
    assert found.unjudged == 0
    assert told[-1] == (12, 12)


def test_what_a_judge_cannot_read_leaves_the_rates_and_is_counted(pocket: OpenModel, tmp_path: Path) -> None:
    """The patterns of judge refusal are English; words the pocket does not know make it write other things."""
    found = measure(
        pocket,
        read_validation(SweepSettings(prompts="pocket", judge="refusal", limit=4), pocket.tokenizer),  # type: ignore[arg-type]
        SweepSettings(max_tokens=48),
    )
    assert found.dsr.n + found.benign_compliance.n + found.unjudged == 8


def test_benign_prompts_are_counted_by_set_too(pocket: OpenModel, tmp_path: Path) -> None:
    """Three of `pocket-benign`, and one of a file that nobody answers."""
    (tmp_path / "odd.jsonl").write_text('{"prompt": "Xyzzy?"}\n')
    (tmp_path / "h.jsonl").write_text('{"prompt": "How?"}\n')
    sources = f"harmful={tmp_path / 'h.jsonl'},benign={tmp_path / 'odd.jsonl'},pocket-benign"
    settings = SweepSettings(prompts=sources, judge="pocket", limit=4, max_tokens=48)
    asked = read_validation(settings, pocket.tokenizer)
    assert asked is not None
    found = measure(pocket, asked, settings)
    assert list(found.benign_sets) == [f"benign={tmp_path / 'odd.jsonl'}", "pocket-benign"]
    assert [(rate.value, rate.n) for rate in found.benign_sets.values()] == [(0, 1), (1, 3)]
    assert (found.benign_compliance.value, found.benign_compliance.n) == (0.75, 4)


def test_wrapped_requests_are_a_set_of_their_own(pocket: OpenModel) -> None:
    found = read_validation(SweepSettings(), pocket.tokenizer)
    assert found is not None
    wrapped = [bool(prompt.metadata.get("wrapper")) for prompt in found.benign]
    assert [name == f"{DEFAULT_PROMPTS}, wrapped" for name in found.benign_sets] == wrapped
    assert 0 < sum(wrapped) < len(wrapped) == 192


def test_a_probe_asks_harmful_prompts_alone(pocket: OpenModel) -> None:
    found = read_validation(SweepSettings(limit=6), pocket.tokenizer)
    assert found is not None
    short = found.harmful_only(4)
    assert (len(short), len(short.harmful)) == (4, 4)
