from pathlib import Path

from inspect_ai.scorer import Score

from instincts.report.samples import Answer, Outcome, Place, Ruling, read_answers
from instincts.report.transcripts import Exchange, Turn, choose_exchanges, read_transcripts
from tests.report.runs import Said, write_log


def answer(
    outcome: Outcome, *, prompt: str = "p", attack: str = "roleplay", label: str | None = "harmful", text: str = "ask"
) -> Answer:
    return Answer(
        model="m",
        suite="jailbreak",
        prompt=prompt,
        epoch=1,
        attack=attack,
        label=label,
        category=None,
        goal=0,
        asked=hash(text),
        rulings=(Ruling("pocket", outcome),),
        mean_entropy=None,
        place=Place(Path("x.eval"), prompt, 1),
    )


def captions(before: list[Answer], after: list[Answer]) -> list[str]:
    return [exchange.caption for exchange in choose_exchanges(["before", "after"], [before, after])]


def test_what_went_badly_is_shown_beside_what_went_well() -> None:
    before = [answer("complied", prompt="a"), answer("refused", prompt="b"), answer("complied", prompt="c")]
    after = [answer("refused", prompt="a"), answer("complied", prompt="b"), answer("complied", prompt="c")]

    assert captions(before, after) == [
        "before gave in, after refused",
        "before and after gave in",
        "before refused, after gave in",
    ]


def test_a_harmless_request_that_is_now_refused_is_shown() -> None:
    assert captions([answer("complied", label="benign")], [answer("refused", label="benign")]) == [
        "harmless: before answered, after refused"
    ]


def test_examples_of_one_kind_come_from_different_attacks() -> None:
    before = [answer("complied", prompt=prompt, attack=attack) for attack in "xyz" for prompt in "ab"]
    after = [answer("refused", prompt=prompt, attack=attack) for attack in "xyz" for prompt in "ab"]

    chosen = choose_exchanges(["before", "after"], [before, after])

    assert [(one.answers[0].attack, one.answers[0].prompt) for one in chosen] == [("x", "a"), ("y", "a")]


def test_prompts_of_other_wording_or_without_a_counterpart_are_not_compared() -> None:
    assert captions([answer("complied", text="one")], [answer("refused", text="another")]) == []
    assert captions([answer("complied", prompt="a")], [answer("refused", prompt="b")]) == []
    assert captions([], [answer("refused")]) == []


def test_one_model_alone_shows_what_it_does() -> None:
    chosen = choose_exchanges(["m"], [[answer("refused", prompt="a"), answer("complied", prompt="b")]])

    assert [exchange.caption for exchange in chosen] == ["it refused", "it gave in"]


def test_only_a_refusal_of_harm_is_shown_unveiled() -> None:
    assert not answer("refused").is_sensitive
    assert answer("complied").is_sensitive
    assert answer("neither").is_sensitive
    assert answer("unjudged").is_sensitive
    assert answer("complied", label=None).is_sensitive
    assert not answer("complied", label="benign").is_sensitive
    assert not answer("right", label=None).is_sensitive


def test_texts_are_read_back_whole_for_the_chosen_answers_alone(tmp_path: Path) -> None:
    said = [
        Said("jailbreak", name, "plain", "harmful", "zorp", "zorp " * 500, f"no {name}", Score(value="refused"), 0.1)
        for name in ("a/b", "c")
    ]
    write_log(tmp_path / "1_jailbreak.eval", said)
    answers = read_answers([tmp_path / "1_jailbreak.eval"])

    found = read_transcripts([Exchange("", (answers[0],))])

    assert list(found) == [answers[0].place]
    assert found[answers[0].place] == ((Turn("user", "zorp " * 500),), "no a/b")
