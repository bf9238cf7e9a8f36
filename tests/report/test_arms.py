from instincts.records import Metric
from instincts.report.arms import compare


def row(run: str, model: str = "m", *, slice_name: str = "all", metric: str = "dsr") -> Metric:
    return Metric(
        run=run,
        model=model,
        suite="s",
        slice=slice_name,
        metric=metric,
        value=0.5,
        ci_low=0.4,
        ci_high=0.6,
        n=9,
        seed=0,
    )


def test_before_comes_first_and_after_last() -> None:
    arms = compare([row("after"), row("half-way"), row("before")]).arms

    assert [arm.label for arm in arms] == ["before", "half-way", "after"]


def test_arms_are_called_by_what_tells_them_apart() -> None:
    assert [arm.label for arm in compare([row("r", "a"), row("r", "b")]).arms] == ["a", "b"]
    assert [arm.label for arm in compare([row("r", "a"), row("r", "b"), row("q", "a")]).arms] == [
        "r · a",
        "r · b",
        "q · a",
    ]


def test_a_row_given_twice_counts_once() -> None:
    assert len(compare([row("r"), row("r")]).rows) == 1


def test_rows_are_found_by_arm_suite_metric_and_slice() -> None:
    found = compare([row("r"), row("r", slice_name="roleplay"), row("q")])
    first, second = found.arms

    assert found.slices("s", "dsr") == ["roleplay"]
    assert found.row(first, "s", "dsr", "roleplay") == row("r", slice_name="roleplay")
    assert found.row(second, "s", "dsr", "roleplay") is None
    assert found.arms_with("dsr", "another suite") == ()


def test_no_comparison_rests_on_canaries() -> None:
    found = compare([row("start").model_copy(update={"suite": "canaries"})])

    assert found.suites("dsr") == []
    assert found.arms_with("dsr") == ()
