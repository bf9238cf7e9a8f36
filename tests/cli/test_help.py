"""Every verb explains itself, with a command to copy that really parses."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from instincts.cli.app import app, run

DOCS = Path(__file__).resolve().parents[2] / "docs" / "cli"


def _verbs(
    group: typer.core.TyperGroup, above: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], typer.core.TyperCommand]]:
    for name, command in group.commands.items():
        words = (*above, name)
        if isinstance(command, typer.core.TyperGroup):
            yield from _verbs(command, words)
        else:
            assert isinstance(command, typer.core.TyperCommand)
            yield words, command


VERBS = dict(_verbs(typer.main.get_group(app)))
each_verb = pytest.mark.parametrize("words", VERBS, ids=" ".join)


def _examples(words: tuple[str, ...]) -> list[list[str]]:
    found = re.findall(r"^ *- `instincts (.+)`$", VERBS[words].help or "", flags=re.MULTILINE)
    return [shlex.split(line) for line in found]


@each_verb
def test_help_shows_what_it_does_and_an_example(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*words, "--help"]) == 0

    shown = capsys.readouterr().out
    assert "For example:" in shown
    assert f"instincts {' '.join(words)}" in shown


@each_verb
def test_each_example_parses(words: tuple[str, ...]) -> None:
    for example in _examples(words):
        assert tuple(example[: len(words)]) == words
        # Parses every option and runs nothing: making a context calls no verb.
        VERBS[words].make_context(words[-1], example[len(words) :])
    assert _examples(words)


@each_verb
def test_every_option_has_help(words: tuple[str, ...]) -> None:
    silent = [parameter.name for parameter in VERBS[words].params if not getattr(parameter, "help", None)]

    assert silent == []


@each_verb
def test_a_verb_that_prints_a_table_prints_json_too(words: tuple[str, ...]) -> None:
    writes_files_only = {("report",), ("moderate",), ("pocket", "train"), ("policy", "template"), ("serve",)}
    has_json = any("--json" in parameter.opts for parameter in VERBS[words].params)

    assert has_json == (words not in writes_files_only)


@each_verb
def test_every_option_is_on_the_verbs_page(words: tuple[str, ...]) -> None:
    page = (DOCS / f"{words[0]}.md").read_text(encoding="utf-8")
    options = [name for parameter in VERBS[words].params for name in parameter.opts if name.startswith("--")]

    assert [name for name in options if name not in page and name not in {"--help", "--json"}] == []


def test_help_loads_no_heavy_library() -> None:
    heavy = ("torch", "transformers", "trl", "inspect_ai", "numpy", "pydantic", "matplotlib", "scipy")
    code = f"import sys, instincts.cli.app as cli; cli.run(['--help']); print([m for m in {heavy} if m in sys.modules])"

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert ended.stdout.splitlines()[-1] == "[]", ended.stderr
