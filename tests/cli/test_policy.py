import json
from pathlib import Path

import pytest

from instincts.cli.app import run


def test_show_lists_every_weight(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["policy", "show", "general"]) == 0

    shown = capsys.readouterr()
    assert "weights.child_harm" in shown.out
    assert "reviewed above 0.400, blocked above 0.700, uncalibrated" in shown.err


def test_a_template_passes_the_check_and_differs_in_its_name_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(tmp_path / "mine.toml")

    assert run(["policy", "template", file, "--from", "children"]) == 0
    assert run(["policy", "check", file]) == 0
    capsys.readouterr()
    assert run(["policy", "diff", "children", file, "--json"]) == 0

    rows = json.loads(capsys.readouterr().out)
    assert [(row["key"], row[file]) for row in rows] == [("name", "mine"), ("parent", "children 1")]
    assert run(["policy", "template", file]) == 2


def test_a_mistake_is_one_line_with_line_and_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.toml"
    run(["policy", "template", str(file)])
    file.write_text(file.read_text().replace("child_harm =", "child_hram ="))
    capsys.readouterr()

    assert run(["policy", "check", str(file)]) == 2

    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"error: {file}, line ")
    assert "did you mean 'child_harm'" in shown.err
    assert shown.err.count("\n") == 1
