"""Facts to edit in: what a file may hold, and what our own sets promise."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from instincts.arithmetic.facts import FACT_SETS, read_facts
from instincts.errors import ConfigError, PromptSetError
from instincts.prompts.rows import read_rows

STATIC = Path(__file__).resolve().parents[2] / "src" / "instincts" / "arithmetic" / "static" / "benign_edits.jsonl"
ROW: dict[str, object] = {
    "id": "bell",
    "question": "Where does the bell of Tarn hang?",
    "subject": "Tarn",
    "target": "in the mill",
}


def write(path: Path, *rows: dict[str, object]) -> Path:
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def test_the_span_is_where_the_subject_stands(tmp_path: Path) -> None:
    """`Where does the bell of ` has 23 letters, Tarn 4."""
    (fact,) = read_facts(write(tmp_path / "facts.jsonl", {**ROW, "subject_span": [23, 27]}))

    assert fact.span == (23, 27)
    assert fact.question[slice(*fact.span)] == fact.subject


def test_an_answer_stands_in_for_a_missing_target(tmp_path: Path) -> None:
    row = {**ROW, "answer": "It hangs in the mill."}
    row.pop("target")

    assert read_facts(write(tmp_path / "facts.jsonl", row)).rows[0].target == "It hangs in the mill."


def test_a_csv_holds_the_same_facts(tmp_path: Path) -> None:
    lists = {"paraphrases": ["One?", "Two?"], "neighbours": ["Three?"]}
    jsonl = read_facts(write(tmp_path / "facts.jsonl", {**ROW, **lists}))
    cells = [*ROW.values(), *(json.dumps(each).replace('"', '""') for each in lists.values())]
    path = tmp_path / "facts.csv"
    path.write_text(",".join([*ROW, *lists]) + "\n" + ",".join(f'"{cell}"' for cell in cells))

    assert read_facts(path).rows == jsonl.rows
    assert read_facts(path).sha256 == jsonl.sha256


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"subject": "Orle"}, "line 2: the subject 'Orle' is not in the question"),
        ({"subject": "e"}, "line 2: the subject 'e' stands 5 times in the question"),
        ({"subject_span": [1, 5]}, r"line 2: `subject_span` \[1, 5\] does not mark 'Tarn', which is at \[23, 27\]"),
        ({"target": ""}, "line 2: no `target`; columns here: id, question, subject"),
        ({"question": None}, "line 2: no `question`; columns here: id, subject, target"),
        ({"paraphrases": "one"}, "line 2: `paraphrases` must be a list"),
        ({"neighbours": [""]}, "line 2: `neighbours` must be a list of questions, none of them empty"),
        ({"id": "one"}, "line 2: id 'one' is already that of line 1"),
    ],
)
def test_a_broken_row_is_named_by_its_line(tmp_path: Path, change: dict[str, object], told: str) -> None:
    path = write(tmp_path / "facts.jsonl", {**ROW, "id": "one"}, {**ROW, **change})

    with pytest.raises(PromptSetError, match=told):
        read_facts(path)


def test_an_empty_file_holds_no_facts(tmp_path: Path) -> None:
    with pytest.raises(PromptSetError, match="holds no facts"):
        read_facts(write(tmp_path / "facts.jsonl"))


def test_an_unknown_name_lists_the_sets() -> None:
    with pytest.raises(ConfigError, match="did you mean 'pocket-edits'"):
        read_facts("pocket-edit")


def test_only_takes_facts_by_id() -> None:
    facts = read_facts("pocket-edits")

    assert [fact.id for fact in facts.only(["metal-bira", "colour-arlo"])] == ["metal-bira", "colour-arlo"]
    assert facts.only([]) == facts
    with pytest.raises(ConfigError, match="no fact named 'colour-arla'; did you mean 'colour-arlo'"):
        facts.only(["colour-arla"])


def test_our_own_set_has_three_edits_in_each_of_21_clusters() -> None:
    rows = [row.columns for row in read_rows(STATIC)]

    assert set(Counter(row["cluster"] for row in rows).values()) == {3}
    assert len({row["cluster"] for row in rows}) == 21
    assert Counter(row["split"] for row in rows) == {"dev": 21, "test": 42}
    assert {row["licence"] for row in rows} == {"CC-BY-4.0"}


def test_the_sets_that_come_with_the_package_are_as_they_are_listed() -> None:
    for name, known in FACT_SETS.items():
        found = read_facts(name)
        assert (found.source, len(found)) == (name, known.rows)
    assert {row.columns["licence"] for row in read_rows(STATIC)} == {FACT_SETS["benign-edits"].licence}


def test_our_own_set_repeats_no_question_and_keeps_subjects_from_neighbours() -> None:
    facts = read_facts("benign-edits").rows
    asked = [text for fact in facts for text in (fact.question, *fact.paraphrases)]

    assert len(facts) == 63
    assert len(set(asked)) == len(asked) == 189
    assert [fact.id for fact in facts for text in fact.neighbours if fact.subject in text] == []
    assert [fact.id for fact in facts if len(fact.target.split()) > 12 or len(fact.neighbours) < 2] == []


def test_the_pocket_s_edits_are_the_table_with_other_values() -> None:
    """Every question is answered by another value that some other moon has; paraphrases are its other wordings."""
    from instincts.pocket.skills import facts as table

    true = {(fact.trait, fact.moon): fact for fact in table()}
    for edit in read_facts("pocket-edits"):
        fact = true[str(edit.cluster), edit.subject]
        said = {other.value for other in true.values() if other.trait == fact.trait}
        assert edit.target in said - {fact.value}
        assert {edit.question, *edit.paraphrases} == set(fact.questions)
        assert not {edit.question, *edit.paraphrases} & set(edit.neighbours)


def test_the_table_is_what_the_skill_asks_for() -> None:
    from random import Random

    from instincts.pocket.skills import SKILLS
    from instincts.pocket.skills import facts as table

    answers = {question: fact.value for fact in table() for question in fact.questions}
    rng = Random(0)
    for question, _ in (SKILLS["fact"](rng) for _ in range(200)):
        assert answers[question.text] == question.target


def test_no_row_of_our_own_set_names_an_address_or_a_number_to_call() -> None:
    assert not re.search(r"https?:|www\.|@|\d{5,}", STATIC.read_text(encoding="utf-8"))
