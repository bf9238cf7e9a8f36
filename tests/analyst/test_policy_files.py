"""Policies as text: what comes back, and what every mistake is told."""

from pathlib import Path

import pytest

from instincts.analyst.policy_files import SHIPPED, parse_policy, policy_text, read_policy, write_policy
from instincts.errors import ConfigError

GENERAL = policy_text(read_policy("general"))


def _edited(old: str, new: str) -> str:
    assert old in GENERAL
    return GENERAL.replace(old, new, 1)


def _line(text: str, words: str) -> int:
    return next(number for number, line in enumerate(text.split("\n"), start=1) if words in line)


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("suffix", [".toml", ".yaml", ".json"])
def test_a_policy_is_the_same_after_its_file(name: str, suffix: str, tmp_path: Path) -> None:
    before = read_policy(name)
    write_policy(tmp_path / f"copy{suffix}", before)

    after = read_policy(tmp_path / f"copy{suffix}")

    assert after == before
    assert after.digest == before.digest


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("child_harm = 6.0", "child_hram = 6.0", "did you mean 'child_harm'"),
        ("child_harm = 6.0", "", "no weight for child_harm"),
        ("child_harm = 6.0", "child_harm = -6.0", "weights.child_harm: input should be greater than or equal to 0"),
        ("child_harm = 6.0", "child_harm = nan", "weights.child_harm: input should be a finite number"),
        ("child_harm = 6.0", 'child_harm = "much"', "weights.child_harm: input should be a valid number"),
        ("transform =", "transfrom =", "unknown key; did you mean 'transform'?"),
        ("clip = 6.0", "clap = 6.0", "benefit.clap: unknown key; did you mean 'clip'?"),
        ("review = 0.4", "review = 0.8", "review 0.8 lies above block 0.7"),
        ("review = 0.4", "", "give `review` and `block`, or `costs`"),
        ("low = 0.15", "low = 0.6", "medium 0.5 lies below low 0.6"),
        ("low = 0.15", "", "no low; a scale is whole or absent"),
        ("[floors.22]", "[floors.46]", "no action of level 3 named '46'"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_key(old: str, new: str, words: str) -> None:
    text = _edited(old, new)

    with pytest.raises(ConfigError) as told:
        parse_policy(text, ".toml", name="mine.toml")

    assert words in str(told.value)
    assert str(told.value).startswith("mine.toml, line ")
    assert "\n" not in str(told.value)


def test_the_line_is_the_one_with_the_mistake() -> None:
    text = _edited("child_harm = 6.0", "child_harm = -6.0")

    with pytest.raises(ConfigError, match=f"line {_line(text, '-6.0')}: weights.child_harm"):
        parse_policy(text, ".toml")


def test_yaml_tells_lines_too(tmp_path: Path) -> None:
    write_policy(tmp_path / "mine.yaml", read_policy("general"))
    text = (tmp_path / "mine.yaml").read_text().replace("child_harm: 6.0", "child_harm: -6.0")

    with pytest.raises(ConfigError, match=f"line {_line(text, '-6.0')}: weights.child_harm"):
        parse_policy(text, ".yaml")


@pytest.mark.parametrize(
    ("text", "suffix", "words"),
    [
        ("name = 1\nname = 2", ".toml", "line 2"),
        ("name: a\nname: b", ".yaml", "line 2: name stands twice, first on line 1"),
        ("a: &x 1\nb: *x", ".yaml", "line 2: aliases are not read"),
        ("name: [", ".yaml", "line 1"),
        ("name: !!python/object/apply:os.getcwd []", ".yaml", "line 1"),
        ("- 1", ".yaml", "a table of keys"),
        ("", ".yaml", "a table of keys"),
        ("", ".toml", "weights: is missing"),
        ("", ".txt", "policies end in"),
    ],
)
def test_what_is_no_policy_is_told_in_one_line(text: str, suffix: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        parse_policy(text, suffix)


def test_a_name_that_is_near_a_shipped_policy() -> None:
    with pytest.raises(ConfigError, match="did you mean 'children'"):
        read_policy("childern")
