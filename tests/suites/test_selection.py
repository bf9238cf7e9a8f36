"""Which rows a suite takes."""

import json
from pathlib import Path

import pytest

from instincts.errors import ConfigError
from instincts.suites.selection import select, sources_of
from tests.prompts.invented import ROWS, as_jsonl


def written(folder: Path, name: str, rows: list[dict[str, object]]) -> str:
    path = folder / f"{name}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.fixture
def files(tmp_path: Path) -> str:
    """Behaviours, an over-refusal set and questions, as a user gives them for three suites at once."""
    names = ("jailbreakbench", "xstest", "gsm8k")
    for name in names:
        (tmp_path / f"{name}.jsonl").write_text(as_jsonl(ROWS[name]))
    return ",".join(str(tmp_path / f"{name}.jsonl") for name in names)


def test_each_suite_takes_its_own_rows_of_the_same_files(files: str) -> None:
    """The unsafe half of the over-refusal set is its control, no behaviour."""
    labels = {suite: [row.label for row in select(files, suite).prompts] for suite in ("jailbreak", "overrefusal")}
    assert labels == {"jailbreak": ["harmful", "harmful"], "overrefusal": ["unsafe", "safe"]}
    assert [row.metadata["task"] for row in select(files, "utility").prompts] == ["gsm8k", "gsm8k"]


def test_only_the_files_that_gave_rows_are_named(files: str) -> None:
    assert [Path(name).stem for name in select(files, "jailbreak").files] == ["jailbreakbench"]


def test_without_behaviours_the_unsafe_half_stands_in(tmp_path: Path) -> None:
    path = written(tmp_path, "xstest", ROWS["xstest"])
    assert [row.label for row in select(path, "jailbreak").prompts] == ["unsafe"]


def test_rows_of_several_files_keep_ids_of_their_own(tmp_path: Path) -> None:
    paths = [written(tmp_path, name, ROWS["advbench"]) for name in ("one", "two")]
    assert [row.id for row in select(paths, "jailbreak").prompts] == ["one/1", "one/2", "two/1", "two/2"]


def test_a_file_that_says_nothing_is_what_the_suite_was_given_it_for(tmp_path: Path) -> None:
    path = written(tmp_path, "rows", [{"prompt": "one"}])
    assert len(select(path, "jailbreak").prompts) == len(select(path, "overrefusal").prompts) == 1


def test_a_suite_without_rows_says_what_there_is(files: str) -> None:
    gsm8k = files.rpartition(",")[2]
    with pytest.raises(ConfigError, match="'harmful' or 'unsafe', which suite jailbreak takes; its labels are skill"):
        select(gsm8k, "jailbreak")


def test_the_limit_is_for_each_file_and_label(files: str) -> None:
    assert [row.label for row in select(files, "overrefusal", 1).prompts] == ["unsafe", "safe"]


def test_other_rows_are_another_version(tmp_path: Path) -> None:
    first = select(written(tmp_path, "rows", [{"prompt": "one"}]), "jailbreak").version
    assert first != select(written(tmp_path, "rows", [{"prompt": "two"}]), "jailbreak").version


def test_a_comma_in_a_name_parts_no_file(tmp_path: Path) -> None:
    path = written(tmp_path, "one,two", [{"prompt": "one"}])
    assert sources_of(path) == [path]
    assert sources_of(["a, b", "c"]) == ["a", "b", "c"]
