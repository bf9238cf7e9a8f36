"""Tables of tinted cells: what they count and how they are laid out."""

import pytest

from instincts.report.arms import compare
from instincts.report.heat import change_table, crossed_tables, model_table
from tests.report.made import SECOND, change, row


def test_a_cell_counts_how_many_of_how_many() -> None:
    comparison = compare([row("dsr", 0.35, "x", n=20), row("dsr", None, "y", n=0)])

    table = model_table(comparison, "jailbreak", "dsr", comparison.arms, ["x", "y"])

    assert [(name, [(cell.value, cell.note) if cell else None for cell in cells]) for name, cells in table.lines] == [
        ("x", [(0.35, "7/20")]),
        ("y", [(None, "")]),
    ]


def test_a_mean_over_unequal_attacks_is_no_count() -> None:
    comparison = compare([row("dsr", 0.625, "x", n=6)])

    (_, (cell,)), *_ = model_table(comparison, "jailbreak", "dsr", comparison.arms, ["x"]).lines

    assert cell is not None
    assert cell.note == "n = 6"


def crossed(run: str, value: float) -> list[object]:
    return [
        row("dsr", value, f"{attack} × {topic}", run=run) for attack in ("plain", "x") for topic in ("lamps", "wugs")
    ]


def test_two_models_have_a_table_each_and_one_of_the_difference() -> None:
    comparison = compare([*crossed("before", 0.25), *crossed("after", 0.75)])  # type: ignore[list-item]

    tables = crossed_tables(comparison, "jailbreak", comparison.arms)

    assert [table.title for table in tables] == ["before", "after", "after minus before"]
    assert [table.columns for table in tables] == [("lamps", "wugs")] * 3
    cell = tables[2].lines[0][1][0]
    assert cell is not None
    assert tables[2].is_difference
    assert cell.value == pytest.approx(0.5)


def test_one_category_is_no_map() -> None:
    comparison = compare([row("dsr", 0.5, "plain × lamps")])

    assert crossed_tables(comparison, "jailbreak", comparison.arms) == []


def test_crossed_slices_are_no_attacks() -> None:
    comparison = compare([row("dsr", 0.5, "x"), row("dsr", 0.5, "x × lamps"), row("dsr", 0.5, "category lamps")])

    assert comparison.slices("jailbreak", "dsr") == ["x"]
    assert comparison.crossed("jailbreak", "dsr") == [("x", "lamps")]


def test_a_change_is_marked_where_chance_is_unlikely() -> None:
    table = change_table([SECOND], [("x", [change(0.3, p_holm=0.01)]), ("y", [change(0.3, p_holm=0.3)]), ("z", [None])])

    assert [cells[0] and cells[0].is_clear for _, cells in table.lines] == [True, False, None]
