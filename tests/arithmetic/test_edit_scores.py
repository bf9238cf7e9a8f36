"""What an edit is measured by."""

import pytest

from instincts.arithmetic.asking import answer_ids, ask, ask_about
from instincts.arithmetic.edit_scores import Look, Said, _interval, edit_metrics, look_at
from instincts.arithmetic.facts import Fact, read_facts
from instincts.models.opening import open_model
from instincts.pocket.skills import facts as table
from instincts.statistics import wilson
from tests.tiny import tiny_tokenizer


def fact(id: str) -> Fact:
    return Fact(id=id, question="Who is Mo?", subject="Mo", span=(7, 9), target="a cat", paraphrases=("Mo is?",) * 2)


def test_a_model_that_knows_the_true_table_gives_its_values() -> None:
    """The pocket knows most of its facts; the same rows with their true values as targets are nearly all given."""
    true = {(row.trait, row.moon): row.value for row in table()}
    rows = read_facts("pocket-edits").rows
    from dataclasses import replace

    known = [replace(row, target=true[str(row.cluster), row.subject], neighbours=()) for row in rows]
    looks = look_at(open_model("pocket-llama"), known[:8], 4)

    assert sum(look.question.given for look in looks) >= 7
    assert all(look.question.probability > 0.5 for look in looks if look.question.given)


def test_rates_and_neighbours_are_counted() -> None:
    """One fact took, with both paraphrases and one of two neighbours; the other did not, and its neighbour stayed."""
    no, yes = Said(False, 0.0), Said(True, 1.0)
    before = [Look(no, (no, no), ("a", "b")), Look(no, (no, no), ("c",))]
    after = [Look(yes, (yes, yes), ("a", "x")), Look(no, (no, no), ("c",))]

    rows = {
        (row.slice, row.metric, row.run): row for row in edit_metrics("m", [fact("one"), fact("two")], before, after)
    }

    assert rows["all", "efficacy", "after"].value == 0.5
    assert rows["all", "efficacy", "before"].value == 0
    assert rows["all", "paraphrase", "after"].value == 0.5
    assert (rows["all", "neighbourhood", "after"].value, rows["all", "neighbourhood", "after"].n) == (2 / 3, 3)
    assert rows["one", "neighbourhood", "after"].value == 0.5
    assert (rows["all", "efficacy", "after"].ci_low, rows["all", "efficacy", "after"].ci_high) == wilson(1, 2)[1:3]


def test_paraphrases_of_one_fact_are_no_facts_of_their_own() -> None:
    """Four facts all of whose three paraphrases agree: the interval is wider than that of twelve answers."""
    no, yes = Said(False, 0.0), Said(True, 1.0)
    before = [Look(no, (no,) * 3, ())] * 4
    after = [Look(yes, (yes,) * 3, ())] * 2 + [Look(no, (no,) * 3, ())] * 2
    facts = [fact(name) for name in ("one", "two", "three", "four")]

    (row,) = [
        row for row in edit_metrics("m", facts, before, after)
        if (row.slice, row.metric, row.run) == ("all", "paraphrase", "after")
    ]  # fmt: skip

    alone = wilson(6, 12)
    assert row.ci_low is not None
    assert alone.low is not None
    assert row.ci_low < alone.low


@pytest.mark.parametrize("template", [True, False])
def test_the_subject_is_found_after_a_prefix_that_names_it(template: bool) -> None:
    """One token a byte: the token at its place is the last letter of the subject in the question."""
    tokenizer = tiny_tokenizer()
    if not template:
        tokenizer.chat_template = None

    asked = ask_about(tokenizer, fact("one"), "subject", "Mo said so")

    text = str(tokenizer.decode(asked.ids[: asked.place + 1]))
    assert text.endswith("Mo said so. Who is Mo")
    assert ask_about(tokenizer, fact("one"), "last").place == len(ask(tokenizer, "Who is Mo?")) - 1


def test_an_answer_in_plain_text_begins_with_a_space() -> None:
    tokenizer = tiny_tokenizer(chat_template=None)

    assert tokenizer.decode(answer_ids(tokenizer, "Who is Mo?", "a cat")) == " a cat"
    assert tokenizer.decode(answer_ids(tiny_tokenizer(), "Who is Mo?", "a cat")) == "a cat"


def test_an_interval_of_probabilities_stays_between_0_and_1() -> None:
    """Of 0.9, 0.99 and 0.6 by Student's t the upper end would be 1.3."""
    found = _interval([0.9, 0.99, 0.6], ["a", "b", "c"])
    assert found.value == pytest.approx(0.83)
    assert found.high == 1
    assert found.low is not None
    assert 0 < found.low < 0.83
