"""Prompt files: what is read, and the file and line that every error names."""

import codecs
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instincts.errors import PromptSetError
from instincts.prompts.files import read_prompt_file, write_prompts
from instincts.prompts.prompt import Message, Prompt


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def problem(path: Path) -> str:
    with pytest.raises(PromptSetError) as caught:
        read_prompt_file(path)
    assert path.name in str(caught.value)
    return str(caught.value)


def test_jsonl_rows_keep_what_they_know_and_the_rest_as_metadata(tmp_path: Path) -> None:
    row = {"prompt": "hello", "id": 7, "category": "c", "label": "benign", "target": "hi", "note": "n", "k": [1]}
    (prompt,) = read_prompt_file(written(tmp_path, "a.jsonl", json.dumps(row)))
    assert prompt == Prompt(
        id="7",
        messages=(Message("user", "hello"),),
        category="c",
        label="benign",
        target="hi",
        metadata={"note": "n", "k": [1]},
    )


def test_csv_rows_are_the_same_prompts_as_jsonl_rows(tmp_path: Path) -> None:
    table = read_prompt_file(written(tmp_path, "a.csv", 'id,prompt,label\nx,"one, two\nthree",benign\ny,four,\n'))
    lines = read_prompt_file(
        written(
            tmp_path,
            "a.jsonl",
            '{"id": "x", "prompt": "one, two\\nthree", "label": "benign"}\n{"id": "y", "prompt": "four"}\n',
        )
    )
    assert table.rows == lines.rows
    assert table.sha256 == lines.sha256


def test_a_row_without_an_id_gets_its_number(tmp_path: Path) -> None:
    rows = read_prompt_file(written(tmp_path, "a.csv", "prompt\none\ntwo\n"))
    assert [row.id for row in rows] == ["1", "2"]


def test_messages_may_hold_a_system_prompt_and_a_prefill(tmp_path: Path) -> None:
    turns = [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "u"},
        {"role": "assistant", "content": "a"},
    ]
    (prompt,) = read_prompt_file(written(tmp_path, "a.jsonl", json.dumps({"messages": turns})))
    assert [turn.role for turn in prompt.messages] == ["system", "user", "assistant"]
    assert prompt.prefill == "a"


def test_a_csv_cell_may_hold_messages_as_json(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", 'prompt,messages\n,"[{""role"": ""user"", ""content"": ""u""}]"\nplain,\n')
    assert [row.request for row in read_prompt_file(path)] == ["u", "plain"]


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
def test_a_byte_order_mark_windows_line_ends_and_blank_lines_change_nothing(tmp_path: Path, name: str) -> None:
    text = '{"prompt": "one"}\r\n\r\n{"prompt": "two"}\r\n' if name == "a.jsonl" else "prompt\r\none\r\n\r\ntwo\r\n"
    rows = read_prompt_file(written(tmp_path, name, codecs.BOM_UTF8 + text.encode()))
    assert [row.request for row in rows] == ["one", "two"]


def test_an_unnamed_index_column_is_dropped(tmp_path: Path) -> None:
    (row,) = read_prompt_file(written(tmp_path, "a.csv", ",prompt\n0,one\n"))
    assert row.metadata == {}


def test_a_line_separator_inside_a_string_does_not_end_the_row(tmp_path: Path) -> None:
    (row,) = read_prompt_file(written(tmp_path, "a.jsonl", '{"prompt": "one\u2028two"}'))
    assert row.request == "one\u2028two"


@pytest.mark.parametrize(
    ("name", "content", "line", "says"),
    [
        ("a.jsonl", '{"prompt": "one"}\n{"prompt": "tw\n', 2, "broken JSON"),
        ("a.jsonl", '{"prompt": "one"}\n\n["two"]\n', 3, "must be a JSON object, not list"),
        ("a.jsonl", '{"text": "one"}\n', 1, "no `prompt` or `messages`; columns here: text"),
        ("a.jsonl", '{"Prompt": "one"}\n', 1, "rename 'Prompt' to `prompt`"),
        ("a.csv", "id,prompts_final\n1,one\n", 2, "columns here: id, prompts_final"),
        ("a.jsonl", '{"prompt": "  "}\n', 1, "empty prompt"),
        ("a.csv", "id,prompt\n1,one\n2,\n", 3, "empty prompt"),
        ("a.jsonl", '{"prompt": 5}\n', 1, "`prompt` must be text, not int"),
        ("a.jsonl", '{"prompt": "a", "label": ["x"]}\n', 1, "`label` must be text, not list"),
        ("a.jsonl", '{"prompt": "a", "id": "x"}\n{"prompt": "b", "id": "x"}\n', 2, "already used on line 1"),
        ("a.csv", 'id,prompt\nx,"two\nlines"\nx,b\n', 4, "already used on line 2"),
        ("a.jsonl", '{"prompt": "a", "messages": []}\n', 1, "both `prompt` and `messages`"),
        ("a.jsonl", '{"messages": []}\n', 1, "at least one message"),
        ("a.jsonl", '{"messages": [{"role": "bot", "content": "a"}]}\n', 1, "role 'bot'; roles are system, user"),
        ("a.jsonl", '{"messages": [{"role": "user", "content": ""}]}\n', 1, "message 1 (user) is empty"),
        ("a.jsonl", '{"messages": [{"role": "user"}]}\n', 1, "message 1 must have a `role` and a `content`"),
        ("a.jsonl", '{"messages": [{"role": "assistant", "content": "a"}]}\n', 1, "no user message"),
        ("a.csv", 'messages\n"[{"\n', 2, "`messages` is not a JSON list"),
        ("a.csv", "id,prompt\n1,one,two\n", 2, "3 cells under 2 columns"),
        ("a.csv", 'prompt\n"one\n', 2, "broken CSV"),
        ("a.csv", "prompt,prompt\na,b\n", 1, "column 'prompt' appears twice"),
        ("a.csv", b"prompt\none\ntw\xff\n", 3, "not UTF-8"),
    ],
)
def test_a_broken_row_is_named_by_line(tmp_path: Path, name: str, content: str | bytes, line: int, says: str) -> None:
    message = problem(written(tmp_path, name, content))
    assert f"line {line}:" in message
    assert says in message


def test_a_row_that_ends_with_the_system_is_an_error(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "u"}, {"role": "system", "content": "s"}]
    assert "end with the user" in problem(written(tmp_path, "a.jsonl", json.dumps({"messages": turns})))


@pytest.mark.parametrize(
    ("name", "content"), [("a.jsonl", ""), ("a.jsonl", "\n\n"), ("a.csv", ""), ("a.csv", "prompt\n")]
)
def test_an_empty_file_is_an_error(tmp_path: Path, name: str, content: str) -> None:
    assert "holds no prompts" in problem(written(tmp_path, name, content))


def test_another_suffix_is_an_error(tmp_path: Path) -> None:
    assert "end in .jsonl, .csv, .tsv, .json or .txt, not '.docx'" in problem(written(tmp_path, "a.docx", "hello"))


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    assert "no prompt file" in problem(tmp_path / "a.jsonl")


def test_a_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").mkdir()
    assert "cannot read" in problem(tmp_path / "a.jsonl")


texts = st.text(min_size=1).filter(str.strip)
prompts = st.builds(
    lambda turns, prefill, category, label, target, note: Prompt(
        id="x",
        messages=(*(Message("user", turn) for turn in turns), *([Message("assistant", prefill)] if prefill else [])),
        category=category,
        label=label,
        target=target,
        metadata={"note": note},
    ),
    *(st.lists(texts, min_size=1, max_size=3), st.none() | texts, st.none() | texts, st.none() | texts),
    *(st.none() | texts, st.none() | texts | st.integers()),
)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(prompt=prompts)
def test_what_is_written_is_read_back(tmp_path_factory: pytest.TempPathFactory, prompt: Prompt) -> None:
    path = tmp_path_factory.mktemp("prompts") / "a.jsonl"
    write_prompts(path, [prompt])
    assert read_prompt_file(path).rows == (prompt,)


def test_prompts_are_written_only_as_jsonl(tmp_path: Path) -> None:
    with pytest.raises(PromptSetError, match="written as JSONL"):
        write_prompts(tmp_path / "a.csv", [])


def test_xstest_reads_as_it_is_published(shared_data: Path) -> None:
    """The folder's README states 450 rows, 250 of them safe."""
    rows = read_prompt_file(shared_data / "xstest_prompts.csv")
    assert len(rows) == 450
    assert sum(row.label == "safe" for row in rows) == 250
    assert {"type", "focus", "note"} >= set(rows.rows[0].metadata)
