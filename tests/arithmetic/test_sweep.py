"""Trying strengths: every pair once, a kill costs one point, and what a point holds is what is read again."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from instincts.arithmetic.automatic import validation_for
from instincts.arithmetic.knee import Point
from instincts.arithmetic.sweep import POINTS_FILE, Points, choose, compared_rows
from instincts.arithmetic.sweep_settings import SweepSettings
from instincts.arithmetic.validation import Validation, read_validation
from instincts.config import Scale
from instincts.errors import ConfigError, PromptSetError, RecordError
from instincts.models.directory import locate
from instincts.models.opening import OpenModel, open_model
from instincts.models.vectors import Rule, VectorSet
from instincts.statistics import wilson
from tests.arithmetic.test_knee import point

SETTINGS = SweepSettings(limit=2, max_tokens=8)


@pytest.fixture(scope="module")
def pocket() -> OpenModel:
    return open_model("pocket-llama", device="cpu")


@pytest.fixture(scope="module")
def asked(pocket: OpenModel) -> Validation:
    found = read_validation(SETTINGS, pocket.tokenizer)
    assert found is not None
    return found


class Bench:
    """Counts what is asked of it; the model stays as it is."""

    def __init__(self, opened: OpenModel, stop_after: int = 99) -> None:
        self.opened, self.seen, self.built, self.left = opened, list[float](), 0, stop_after

    @contextmanager
    def at(self, strength: float) -> Iterator[OpenModel]:
        self.seen.append(strength)
        yield self.opened

    def build(self, opened: OpenModel) -> VectorSet:
        if self.built == self.left:
            raise KeyboardInterrupt
        self.built += 1
        return VectorSet(directions={1: torch.ones(128)}, rule=Rule(), layer_count=4)


def test_every_pair_is_measured_and_a_vector_is_read_once_a_model(
    pocket: OpenModel, asked: Validation, tmp_path: Path
) -> None:
    bench, told = Bench(pocket), list[tuple[int, int]]()
    strengths = (0.0, 1.0), (0.0, 0.1, 0.2)
    choose(bench.at, bench.build, strengths, asked, SETTINGS, tmp_path, lambda _, done, all_: told.append((done, all_)))
    assert (bench.seen, bench.built) == ([0.0, 1.0], 2)
    assert len((tmp_path / POINTS_FILE).read_text().splitlines()) == 6
    assert told[-1] == (36, 36), "six pairs of two prompts of three kinds"


def test_after_a_kill_only_what_is_missing_is_measured(pocket: OpenModel, asked: Validation, tmp_path: Path) -> None:
    strengths = (0.0, 1.0), (0.0, 0.1)
    whole = tmp_path / "whole"
    whole.mkdir()
    bench = Bench(pocket)
    unbroken = choose(bench.at, bench.build, strengths, asked, SETTINGS, whole)
    killed = Bench(pocket, stop_after=1)
    with pytest.raises(KeyboardInterrupt):
        choose(killed.at, killed.build, strengths, asked, SETTINGS, tmp_path)
    file = tmp_path / POINTS_FILE
    assert len(file.read_text().splitlines()) == 2
    file.write_text(file.read_text()[:-20])  # and the last line was cut off
    again = Bench(pocket)
    assert choose(again.at, again.build, strengths, asked, SETTINGS, tmp_path) == unbroken
    assert file.read_text() == (whole / POINTS_FILE).read_text()
    assert again.seen == [0.0, 1.0]
    finished = Bench(pocket)
    assert choose(finished.at, finished.build, strengths, asked, SETTINGS, tmp_path) == unbroken
    assert finished.seen == []


def test_without_a_vector_none_is_built(pocket: OpenModel, asked: Validation, tmp_path: Path) -> None:
    bench = Bench(pocket)
    choose(bench.at, None, ((0.0, 1.0), (0.0,)), asked, SETTINGS, tmp_path)
    assert (bench.seen, bench.built) == ([0.0, 1.0], 0)


def test_a_model_without_refusals_is_tried_without_a_vector(
    pocket: OpenModel, asked: Validation, tmp_path: Path
) -> None:
    """A harmed model refuses nothing, so no refusals can be read from it; with some of the harm taken out they can."""
    bench = Bench(pocket)

    def build(opened: OpenModel) -> VectorSet:
        if bench.seen[-1] == 0:
            raise PromptSetError("refuses 0 of the 30 harmful prompts")
        return bench.build(opened)

    told = list[tuple[int, int]]()
    taken = choose(
        bench.at, build, ((0.0, 1.0), (0.0, 0.1, 0.2)), asked, SETTINGS, tmp_path,
        lambda _, done, all_: told.append((done, all_)),
    )  # fmt: skip
    assert taken.untried == ((0.0, 0.1), (0.0, 0.2))
    assert len((tmp_path / POINTS_FILE).read_text().splitlines()) == 4
    assert told[-1] == (36, 36)
    assert not taken.start.vector


def test_a_model_that_never_refuses_is_told_so(pocket: OpenModel, asked: Validation, tmp_path: Path) -> None:
    def build(opened: OpenModel) -> VectorSet:
        raise PromptSetError("refuses 0 of the 30 harmful prompts")

    with pytest.raises(PromptSetError, match="refuses 0 of the 30"):
        choose(Bench(pocket).at, build, ((0.0, 1.0), (0.0, 0.1)), asked, SETTINGS, tmp_path)


def test_what_refuses_everything_would_win_without_benign_prompts(tmp_path: Path) -> None:
    """Told before a folder is taken."""
    path = tmp_path / "harmful.jsonl"
    path.write_text('{"prompt": "How?", "label": "harmful"}\n')
    with pytest.raises(ConfigError, match=r"no prompt of .*harmful\.jsonl is labelled benign"):
        validation_for(locate("pocket-llama"), SweepSettings(prompts=str(path)), is_needed=True)


def test_a_full_disk_costs_no_point_that_was_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill left half a line, and then nothing can be written: the file stays as it was."""
    Points(tmp_path).add(point(0.1, 0.3, 0.7, None))
    path = tmp_path / POINTS_FILE
    path.write_text(path.read_text() + '{"weights": 0')

    def full(*_: object, **__: object) -> None:
        raise RecordError("no space")

    with monkeypatch.context() as patched:
        patched.setattr("instincts.arithmetic.sweep.write_text", full)
        with pytest.raises(RecordError, match="no space"):
            Points(tmp_path)
    assert len(Points(tmp_path)) == 1
    assert path.read_text().endswith("}\n")


def test_a_point_is_read_as_it_was_written(tmp_path: Path) -> None:
    kept: Point = replace(point(0.1, 0.3, 0.7, None, vector=0.24, unjudged=3), benign_sets={"mine": wilson(7, 9)})
    Points(tmp_path).add(kept)
    assert Points(tmp_path).at([(0.1, 0.24)]) == [kept]


def test_rows_tell_before_and_after_and_nothing_that_was_not_asked() -> None:
    rows = compared_rows(point(0, 0.4, 0.9, None), point(1, 0.8, 0.9, None), "m")
    assert [(row.run, row.metric, row.value) for row in rows] == [
        ("untreated", "dsr", 0.4),
        ("untreated", "asr", 0.6),
        ("untreated", "benign_compliance", 0.9),
        ("steered", "dsr", 0.8),
        ("steered", "asr", 0.2),
        ("steered", "benign_compliance", 0.9),
    ]


def test_strengths_are_read_from_words_and_none_is_negative() -> None:
    assert SweepSettings.resolve(given={"strengths": "2,0.5"}).strengths == (0.0, 0.5, 2.0)
    for settings in (SweepSettings(), SweepSettings.resolve(Scale.SMOKE)):
        assert {settings.strengths[0], settings.vector_strengths[0], settings.both_vector_strengths[0]} == {0.0}
    with pytest.raises(ConfigError, match="a negative strength would make the model worse"):
        SweepSettings.resolve(given={"vector_strengths": "0.1,-0.1"})
    with pytest.raises(ConfigError, match="at least one strength above 0"):
        SweepSettings.resolve(given={"strengths": "0"})
