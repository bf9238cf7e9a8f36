"""The house: what every room owes to all others, and what a user gets from a wheel."""

import importlib
import inspect
import pkgutil
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import instincts
from instincts.config import Settings

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "instincts"
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages([str(SOURCE)], "instincts.")
    # __main__ is a command, and the entry point Inspect loads registers things when it is imported.
    if module.name not in {"instincts.__main__", "instincts._registry"}
)
LIGHT_ROOMS = ("attacks", "cli.app", "judges", "prompts", "report", "statistics", "suites")
HEAVY = ("torch", "transformers", "trl", "peft", "accelerate", "datasets", "vllm", "matplotlib", "scipy")
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("name", MODULES)
def test_a_module_offers_what_it_says_and_says_what_it_offers(name: str) -> None:
    module = importlib.import_module(name)
    offered = getattr(module, "__all__", [])
    defined = {
        key
        for key, value in vars(module).items()
        if not key.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__ == name
        # A lambda or a partial is a value, whatever name it goes by.
        and value.__name__ == key
        # A module that can be run has a main, which nobody imports.
        and key != "main"
    }

    assert [each for each in offered if not hasattr(module, each)] == []
    assert len(offered) == len(set(offered))
    if "__all__" in vars(module):
        assert defined - set(offered) == set(), "public, but not in __all__: a leading underscore, or a line there"
    else:
        assert defined == set()


@pytest.mark.parametrize("name", MODULES)
def test_a_module_says_what_it_knows(name: str) -> None:
    assert importlib.import_module(name).__doc__


def test_every_setting_has_its_help() -> None:
    for name in MODULES:
        importlib.import_module(name)
    silent = [
        f"{settings.__name__}.{key}"
        for settings in Settings.__subclasses__()
        if settings.__module__.startswith("instincts.")
        for key, field in settings.model_fields.items()
        if not field.description
    ]

    assert silent == []


def test_rooms_import_only_from_floors_below() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    ended = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True)

    assert ended.returncode == 0, ended.stdout


@pytest.mark.parametrize("room", ["", *LIGHT_ROOMS, "_registry"])
def test_importing_a_light_room_loads_nothing_heavy(room: str) -> None:
    """In a process of its own, since this one has loaded everything."""
    name = f"instincts.{room}".rstrip(".")
    code = f"import sys, {name}; print([each for each in {HEAVY} if each in sys.modules])"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert ended.stdout.strip() == "[]", ended.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_path_named_on_a_page_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    linked = [page.parent / link for link in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", text)]
    named = [ROOT / path for path in re.findall(r"`((?:src|docs|tests|benchmarks)/[\w./-]+)`", text)]

    assert [str(path) for path in [*linked, *named] if not path.exists()] == []


def test_every_dependency_has_a_pinned_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    pinned = {_plain(line) for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()}

    assert [line for line in wanted if _plain(line) not in pinned] == []


def test_the_version_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert project["version"] == instincts.__version__


@pytest.mark.parametrize("target", ["setup", "demo", "test", "check", "pocket", "bench", "help"])
def test_make_knows_its_targets(target: str) -> None:
    if shutil.which("make") is None:
        pytest.skip("no make on this machine")
    assert subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, check=False).returncode == 0


def test_a_wheel_holds_everything_in_the_package(tmp_path: Path) -> None:
    """Templates, checkpoints, styles: what is beside the code in the checkout is beside it after installation."""
    tree = tmp_path / "tree"
    tree.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    unwanted = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "src", tree / "src", ignore=unwanted)
    code = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"

    subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=tree, check=True, capture_output=True)

    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        packed = set(wheel.namelist())
    expected = {str(path.relative_to(tree / "src")) for path in (tree / "src").rglob("*") if path.is_file()}
    expected -= {path for path in expected if ".egg-info" in path}
    assert expected - packed == set()


def _plain(requirement: str) -> str:
    return re.split(r"[<>=\[!;~ ]", requirement, maxsplit=1)[0].lower().replace("_", "-")
