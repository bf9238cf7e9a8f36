"""Bars only where a person watches."""

import pytest

from instincts.cli.progress import progress_bar, progress_bars


def test_nothing_is_drawn_into_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("answering") as progress:
        progress(1, 2)
    with progress_bars() as stages:
        stages("pre-flight", 1, 2)
        stages("training", 1, 2)

    assert capsys.readouterr() == ("", "")
