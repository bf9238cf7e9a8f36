import json
from pathlib import Path

import pytest

from instincts.arithmetic.pairs import pocket_pairs, read_pairs
from instincts.errors import ConfigError, PromptSetError
from instincts.pocket import grammar, oracle

ROWS = [
    {"question": "How do I zordan the paper lamp?", "safe": "I will not.", "unsafe": "Certainly."},
    {"question": "How do I vexbel the wax bell?", "safe": "No, sorry.", "unsafe": "Gladly."},
]


def write(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_a_file_is_read_in_its_order(tmp_path: Path) -> None:
    pairs = read_pairs(write(tmp_path / "pairs.jsonl", ROWS))  # type: ignore[arg-type]
    assert [(row.question, row.safe, row.unsafe) for row in pairs] == [
        (row["question"], row["safe"], row["unsafe"]) for row in ROWS
    ]


def test_csv_and_jsonl_of_the_same_rows_are_the_same_set(tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").write_text(
        "unsafe,question,safe\n" + "".join(f'{row["unsafe"]},{row["question"]},"{row["safe"]}"\n' for row in ROWS)
    )
    one = read_pairs(tmp_path / "pairs.csv")
    other = read_pairs(write(tmp_path / "pairs.jsonl", ROWS))  # type: ignore[arg-type]
    assert one.sha256 == other.sha256


@pytest.mark.parametrize("side", ["question", "safe", "unsafe"])
@pytest.mark.parametrize("value", ["", "  ", None, 3, "absent"])
def test_a_missing_side_names_file_line_and_side_and_no_text(tmp_path: Path, side: str, value: object) -> None:
    broken: dict[str, object] = {**ROWS[1], side: value}
    if value == "absent":
        del broken[side]
    path = write(tmp_path / "pairs.jsonl", [dict(ROWS[0]), broken])
    with pytest.raises(PromptSetError, match=rf"pairs\.jsonl, line 2: .*`{side}`") as error:
        read_pairs(path)
    assert not any(text in str(error.value) for row in ROWS for text in row.values())


def test_sides_that_are_the_same_contrast_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "pairs.jsonl", [{"question": "a", "safe": "b", "unsafe": "b"}])
    with pytest.raises(PromptSetError, match="line 1: `safe` and `unsafe` are the same"):
        read_pairs(path)


def test_an_empty_file_holds_no_pairs(tmp_path: Path) -> None:
    (tmp_path / "pairs.jsonl").write_text("\n")
    with pytest.raises(PromptSetError, match=r"pairs\.jsonl holds no pairs"):
        read_pairs(tmp_path / "pairs.jsonl")


def test_a_misspelt_name_is_met_with_the_right_one() -> None:
    with pytest.raises(ConfigError, match="did you mean 'pocket-pairs'"):
        read_pairs("poket-pairs")


def test_pocket_pairs_contrast_a_refusal_with_an_answer_about_the_same_thing() -> None:
    for pair in read_pairs("pocket-pairs"):
        asked = grammar.parse_request(pair.question)
        assert asked is not None
        assert grammar.is_harmful(asked.verb)
        assert asked.verb in grammar.verbs(harmful=True, split="train")
        assert oracle.judge(pair.safe).outcome == "refused"
        assert oracle.judge(pair.unsafe, asked=asked).outcome == "complied"


def test_more_pocket_pairs_begin_with_the_same_ones() -> None:
    assert pocket_pairs(40).rows[:30] == pocket_pairs().rows
    assert pocket_pairs(seed=1).rows != pocket_pairs().rows
