"""Requests to fit on: labelled, enough of them, and never the ones that are evaluated."""

import json
from pathlib import Path

import pytest

from instincts.attacks.contrast import FEWEST, read_contrast
from instincts.errors import ConfigError


def written(folder: Path, *rows: dict[str, object]) -> str:
    path = folder / "contrast.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def labelled(harmful: int, benign: int) -> list[dict[str, object]]:
    labels = ["harmful"] * harmful + ["benign"] * benign
    return [{"prompt": f"request {number}", "label": label} for number, label in enumerate(labels)]


def test_a_file_is_divided_by_its_labels_and_other_rows_are_left_out(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [*labelled(FEWEST, FEWEST + 1), {"prompt": "2 + 2", "label": "skill"}]
    turns = [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]
    prefilled: dict[str, object] = {"messages": turns, "label": "harmful"}
    contrast = read_contrast(written(tmp_path, *rows, prefilled), "scav")
    assert (len(contrast.harmful), len(contrast.benign)) == (FEWEST, FEWEST + 1)


def test_two_files_may_hold_the_two_kinds(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"prompt": f"{kind} {n}"} for kind in ("one", "other") for n in range(FEWEST)]
    (tmp_path / "a").mkdir()
    one, other = written(tmp_path, *rows[:FEWEST]), written(tmp_path / "a", *rows[FEWEST:])
    contrast = read_contrast(f"harmful={one}, benign={other}", "scav")
    assert [row.request for row in contrast.harmful] == [row["prompt"] for row in rows[:FEWEST]]
    assert len(contrast.benign) == FEWEST


def test_no_contrast_names_the_flag() -> None:
    with pytest.raises(ConfigError, match=r"attack scav is fitted on labelled requests .* give --contrast FILE"):
        read_contrast(None, "scav")


def test_too_few_of_a_kind_are_counted(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=rf"8 requests labelled harmful and 1 labelled benign; .* {FEWEST} or more"):
        read_contrast(written(tmp_path, *labelled(FEWEST, 1)), "scav")


def test_a_request_under_evaluation_is_refused_whatever_its_case_and_spacing(tmp_path: Path) -> None:
    contrast = read_contrast(written(tmp_path, *labelled(FEWEST, FEWEST)), "scav")
    contrast.check_apart("request 99")
    with pytest.raises(ConfigError, match="holds a request that is being evaluated"):
        contrast.check_apart(" Request  3 ")


def test_the_pocket_s_contrast_shares_no_request_with_what_is_measured() -> None:
    from instincts.prompts import read_prompts

    contrast = read_contrast("pocket-contrast", "scav")
    assert (len(contrast.harmful), len(contrast.benign)) == (64, 64)
    for row in (*read_prompts("pocket-harmful"), *read_prompts("pocket-benign")):
        contrast.check_apart(row.request)
