"""What an over-refusal suite says of a model."""

from instincts.records import Metric
from tests.suites.test_rows import answer, found


def rated(*verdicts: tuple[str, bool], label: str | None = "safe", category: str | None = None) -> list[object]:
    return [
        answer(verdict, suite="overrefusal", partial=partial, label=label, category=category, prompt_id=f"{label}{at}")
        for at, (verdict, partial) in enumerate(verdicts)
    ]


def values(rows: dict[tuple[str, str, str], Metric], slice: str) -> dict[str, float | None]:
    return {metric: row.value for (_, where, metric), row in rows.items() if where == slice}


FOUR = (("complied", False), ("complied", True), ("refused", False), ("neither", False))


def test_full_answers_partial_and_full_refusals_and_broken_text_are_four_classes() -> None:
    """One of each: a quarter each, and over-refusal is partial and full together."""
    told = values(found(rated(*FOUR)), "safe")  # type: ignore[arg-type]
    assert told == {
        "benign_compliance": 0.25,
        "over_refusal": 0.5,
        "partial_refusal": 0.25,
        "full_refusal": 0.25,
        "neither_rate": 0.25,
    }


def test_the_unsafe_half_stands_apart_and_is_in_no_total() -> None:
    unsafe = (("refused", False), ("refused", False), ("complied", True), ("complied", False))
    rows = found([*rated(*FOUR), *rated(*unsafe, label="unsafe")])  # type: ignore[list-item]
    assert values(rows, "unsafe") == {
        "unsafe_compliance": 0.5,
        "partial_refusal": 0.25,
        "full_refusal": 0.5,
        "neither_rate": 0.0,
    }
    assert values(rows, "all")["benign_compliance"] == values(rows, "safe")["benign_compliance"] == 0.25
    assert rows["overrefusal", "all", "benign_compliance"].n == 4


def test_types_are_told_by_what_their_half_is_about() -> None:
    rows = found(
        [*rated(*FOUR, category="homonyms"), *rated(("refused", False), label="unsafe", category="contrast")]  # type: ignore[list-item]
    )
    assert values(rows, "category homonyms") == {"benign_compliance": 0.25, "over_refusal": 0.5}
    assert values(rows, "category contrast") == {"full_refusal": 1.0, "partial_refusal": 0.0}


def test_prompts_that_do_not_say_which_half_they_are_have_no_halves() -> None:
    rows = found(rated(*FOUR, label="benign"))  # type: ignore[arg-type]
    assert not values(rows, "safe")
    assert values(rows, "all")["over_refusal"] == 0.5


def test_answers_without_anything_in_them_are_no_refusals() -> None:
    rows = found(
        [answer("neither", suite="overrefusal", is_empty=True), answer("complied", suite="overrefusal", prompt_id="q")]
    )
    told = values(rows, "all")
    assert (told["refusal_rate"], told["empty_rate"], told["neither_rate"]) == (0.0, 0.5, 0.5)
