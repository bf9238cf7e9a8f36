"""The public files as they are published, and damaged copies of them; texts are counted and hashed, never shown."""

import gzip
from collections import Counter
from pathlib import Path

import pytest

from instincts.errors import PromptSetError
from instincts.prompts.files import read_contents
from instincts.prompts.inspection import inspect_file

# As the README of the folder states them.
FILES = {
    "xstest_prompts.csv": ("xstest", 450),
    "jailbreakbench_behaviors.csv": ("jailbreakbench", 100),
    "simple_safety_tests.csv": ("simple-safety-tests", 100),
    "gsm8k_test.jsonl": ("gsm8k", 1319),
    "HumanEval.jsonl.gz": ("humaneval", 164),
    "ifeval_input_data.jsonl": ("ifeval", 541),
}
each_file = pytest.mark.parametrize("name", FILES)


def content(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def damaged(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def complaint(path: Path) -> str:
    with pytest.raises(PromptSetError) as caught:
        read_contents(path)
    told = str(caught.value)
    assert told.startswith(f"{path}, line ")
    assert "\n" not in told
    return told


@each_file
def test_it_has_as_many_rows_as_its_readme_states(shared_data: Path, name: str) -> None:
    contents = read_contents(shared_data / name)
    assert contents.data_set
    assert (contents.data_set.name, len(contents.prompts)) == FILES[name]


@each_file
def test_its_bytes_are_those_that_were_published(shared_data: Path, name: str) -> None:
    found = inspect_file(shared_data / name)
    assert found.as_published
    assert found.is_whole


def test_xstest_has_eighteen_types_of_25_of_which_250_are_safe(shared_data: Path) -> None:
    rows = read_contents(shared_data / "xstest_prompts.csv").prompts
    assert Counter(row.label for row in rows) == {"safe": 250, "unsafe": 200}
    assert set(Counter(row.category for row in rows).values()) == {25}


def test_jailbreakbench_has_ten_categories_of_ten_and_an_opening_each(shared_data: Path) -> None:
    rows = read_contents(shared_data / "jailbreakbench_behaviors.csv").prompts
    assert list(Counter(row.category for row in rows).values()) == [10] * 10
    assert all(row.metadata["opening"] for row in rows)


def test_simple_safety_tests_has_five_areas_of_twenty(shared_data: Path) -> None:
    rows = read_contents(shared_data / "simple_safety_tests.csv").prompts
    assert list(Counter(row.category for row in rows).values()) == [20] * 5


@each_file
def test_a_copy_with_a_row_less_is_refused(shared_data: Path, tmp_path: Path, name: str) -> None:
    lines = content(shared_data / name).rstrip().split(b"\n")
    told = complaint(damaged(tmp_path, name, b"\n".join(lines[:-1]) + b"\n"))
    assert "damaged or cut" in told


@each_file
@pytest.mark.parametrize("share", [0.3, 0.61, 0.98])
def test_a_copy_that_was_cut_is_refused(shared_data: Path, tmp_path: Path, name: str, share: float) -> None:
    data = content(shared_data / name)
    complaint(damaged(tmp_path, name, data[: int(share * len(data))]))


@each_file
def test_a_copy_with_a_byte_that_is_no_text_is_refused(shared_data: Path, tmp_path: Path, name: str) -> None:
    data = content(shared_data / name)
    half = len(data) // 2
    line = data[:half].count(b"\n") + 1
    assert f"line {line}: not UTF-8" in complaint(damaged(tmp_path, name, data[:half] + b"\xff" + data[half:]))


@each_file
def test_a_copy_with_a_damaged_header_or_key_is_refused(shared_data: Path, tmp_path: Path, name: str) -> None:
    column = {"xstest": b"focus", "jailbreakbench": b"Goal", "simple-safety-tests": b"prompts_final"}
    key = column.get(
        FILES[name][0], {"gsm8k": b"answer", "humaneval": b"test", "ifeval": b"kwargs"}.get(FILES[name][0])
    )
    assert key
    complaint(damaged(tmp_path, name, content(shared_data / name).replace(key, key[:-1] + b"#", 1)))


@each_file
def test_a_changed_letter_shows_in_the_hash(shared_data: Path, tmp_path: Path, name: str) -> None:
    """A copy with as many rows may be another edition: it is read, and told apart from the published bytes."""
    data = content(shared_data / name)
    found = inspect_file(damaged(tmp_path, name, data.replace(b" the ", b" teh ", 1)))
    assert (found.is_whole, found.as_published) == (True, False)


def test_a_packed_copy_that_was_cut_is_refused(shared_data: Path, tmp_path: Path) -> None:
    data = (shared_data / "HumanEval.jsonl.gz").read_bytes()
    path = tmp_path / "HumanEval.jsonl.gz"
    path.write_bytes(data[: len(data) // 2])
    assert "broken gzip" in complaint(path)


def test_an_extract_of_a_tenth_is_read_and_is_known_for_one(shared_data: Path, tmp_path: Path) -> None:
    lines = content(shared_data / "xstest_prompts.csv").split(b"\n")
    contents = read_contents(damaged(tmp_path, "extract.csv", b"\n".join(lines[:46])))
    assert len(contents.prompts) == 45
    assert contents.data_set
    assert not contents.is_whole
