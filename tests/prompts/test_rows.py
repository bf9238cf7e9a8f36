"""Rows of a file before anybody says what they mean."""

import gzip
import json
from pathlib import Path

import pytest

from instincts.errors import PromptSetError
from instincts.prompts import read_prompts
from instincts.prompts.rows import HEADINGS, read_rows

TREE = {"licence": "own", "Lamps": {"Paper": ["one", "two"]}, "Doors": {"Wood": ["three"]}}


def written(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_lists_under_headings_are_rows_with_their_lines(tmp_path: Path) -> None:
    """Indented by 1: the licence on line 2, the first question on line 5, the third on line 11."""
    rows = read_rows(written(tmp_path, "a.json", json.dumps(TREE, indent=1)))
    assert [(row.line, row.columns["prompt"], row.columns[HEADINGS]) for row in rows] == [
        (5, "one", ("Lamps", "Paper")),
        (6, "two", ("Lamps", "Paper")),
        (11, "three", ("Doors", "Wood")),
    ]


def test_the_first_heading_is_the_category(tmp_path: Path) -> None:
    rows = read_prompts(written(tmp_path, "a.json", json.dumps(TREE)))
    assert [(row.request, row.category) for row in rows] == [("one", "Lamps"), ("two", "Lamps"), ("three", "Doors")]


def test_a_list_of_objects_is_rows(tmp_path: Path) -> None:
    rows = read_rows(written(tmp_path, "a.json", '[{"prompt": "one"},\n {"prompt": "t[w}o"}]'))
    assert [(row.line, row.columns) for row in rows] == [(1, {"prompt": "one"}), (2, {"prompt": "t[w}o"})]


def test_plain_text_is_a_prompt_a_line(tmp_path: Path) -> None:
    rows = read_prompts(written(tmp_path, "a.txt", "one\r\n\r\ntwo\n"))
    assert [row.request for row in rows] == ["one", "two"]


def test_a_packed_file_is_read_as_it_would_be_unpacked(tmp_path: Path) -> None:
    path = written(tmp_path, "a.jsonl.gz", gzip.compress(b'{"prompt": "one"}\n'))
    assert [row.request for row in read_prompts(path)] == ["one"]


@pytest.mark.parametrize(
    ("name", "text", "line", "says"),
    [
        ("a.json", '["one",\n"two"', 2, "broken JSON"),
        ("a.json", '["one",\n\n5]', 3, "a row must be text or an object, not int"),
        ("a.json", '"one"', 1, "holds a list or an object, not str"),
        ("a.csv", "version https://git-lfs.github.com/spec/v1\noid sha256:00\n", 1, "a pointer of Git LFS"),
        ("a.jsonl.gz", b"not packed", 1, "broken gzip"),
    ],
)
def test_broken_files_name_the_line(tmp_path: Path, name: str, text: str | bytes, line: int, says: str) -> None:
    with pytest.raises(PromptSetError, match=says) as caught:
        read_rows(written(tmp_path, name, text))
    assert f"line {line}:" in str(caught.value)


def test_a_packed_file_that_was_cut_names_the_last_line_there_is(tmp_path: Path) -> None:
    lines = "".join(
        json.dumps({"prompt": f"request {number} " + str(hash(number) ** 9)}) + "\n" for number in range(200)
    )
    packed = gzip.compress(lines.encode())
    with pytest.raises(PromptSetError, match=r"line \d\d+: broken gzip"):
        read_rows(written(tmp_path, "a.jsonl.gz", packed[: len(packed) // 2]))
