from pathlib import Path

import pytest
from inspect_ai.scorer import Score

from instincts.errors import RecordError
from instincts.report.samples import Answer, Ruling, read_answers
from tests.report.runs import Said, jailbreak_answers, skill_answers, write_log

SAID = Said(
    task="jailbreak",
    id="h1",
    attack="roleplay",
    label="harmful",
    category="zorp",
    prompt="zorp it",
    reply="sure",
    score=Score(value="complied", answer="refused"),
    entropy=0.75,
)


def read(folder: Path, *said: Said) -> list[Answer]:
    write_log(folder / "2026_x.eval", said)
    return read_answers([folder / "2026_x.eval"])


def test_an_answer_is_read_as_it_was_logged(tmp_path: Path) -> None:
    (answer,) = read(tmp_path, SAID)

    assert (answer.suite, answer.attack, answer.prompt, answer.label) == ("jailbreak", "roleplay", "h1", "harmful")
    assert (answer.mean_entropy, answer.model, answer.category) == (0.75, "pocket-llama", "zorp")
    assert answer.place == (tmp_path / "2026_x.eval", "roleplay:h1", 1)


def test_the_verdict_is_the_judge_s_and_not_what_the_model_wrote(tmp_path: Path) -> None:
    (answer,) = read(tmp_path, SAID)

    assert answer.outcome == "complied"


def test_what_no_judge_could_read_is_unjudged(tmp_path: Path) -> None:
    (answer,) = read(tmp_path, SAID._replace(score=Score.unscored(reason="grader_failed", answer="refused")))

    assert answer.outcome == "unjudged"


def test_letters_of_an_exact_match_are_right_and_wrong(tmp_path: Path) -> None:
    said = skill_answers("before")
    outcomes = [answer.outcome for answer in read(tmp_path, *said)]

    assert outcomes.count("right") == sum(one.score.value == "C" for one in said)
    assert outcomes.count("wrong") == sum(one.score.value == "I" for one in said)


def test_of_two_answers_to_one_sample_the_later_log_counts(tmp_path: Path) -> None:
    write_log(tmp_path / "1_x.eval", [SAID])
    write_log(tmp_path / "2_x.eval", [SAID._replace(reply="again")])

    (answer,) = read_answers([tmp_path / "1_x.eval", tmp_path / "2_x.eval"])

    assert answer.place.log == tmp_path / "2_x.eval"


def test_prompts_are_told_apart_by_their_wording_and_requests_by_theirs(tmp_path: Path) -> None:
    """A long prompt is kept apart in the log, and still differs from another long one."""
    first, same, other = (
        read(tmp_path / str(at), SAID._replace(prompt=text))[0]
        for at, text in enumerate(("zorp " * 500, "zorp " * 500, "zorp " * 501))
    )

    assert first.asked == same.asked != other.asked
    assert first.goal == same.goal != other.goal


def test_every_judge_has_its_say_and_the_first_one_counts(tmp_path: Path) -> None:
    scores = {"pocket": Score(value="complied", metadata={"partial": True}), "refusal": Score(value="refused")}
    (answer,) = read(tmp_path, SAID._replace(more_scores={"refusal": scores["refusal"]}, score=scores["pocket"]))

    assert answer.rulings == (Ruling("pocket", "complied", True), Ruling("refusal", "refused", False))
    assert (answer.outcome, answer.is_partial) == ("complied", True)


def test_another_judge_does_not_stand_in_for_the_one_that_counts(tmp_path: Path) -> None:
    (answer,) = read(
        tmp_path,
        SAID._replace(score=Score.unscored(reason="grader_failed"), more_scores={"refusal": Score(value="refused")}),
    )

    assert answer.outcome == "unjudged"


def test_a_log_that_was_cut_off_is_named(tmp_path: Path) -> None:
    path = tmp_path / "2026_x.eval"
    write_log(path, jailbreak_answers("before", n=2))
    path.write_bytes(path.read_bytes()[:200])

    with pytest.raises(RecordError, match=r"2026_x\.eval"):
        read_answers([path])
