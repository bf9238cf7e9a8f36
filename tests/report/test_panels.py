from instincts.report.figures import Mark
from instincts.report.panels import marks_of, panels_of
from instincts.report.training import Curves


def test_only_what_was_recorded_becomes_a_panel() -> None:
    curves = Curves(({"kind": "step", "step": 1, "kl": 0.1}, {"kind": "check", "step": 1, "dsr": 0.5, "kl": None}))

    assert [(panel.id, [line.label for line in panel.lines]) for panel in panels_of(curves, is_labelled=True)] == [
        ("canaries", ["harmful refused"]),
        ("kl", ["rollouts"]),
    ]


def test_the_stop_and_the_kept_checkpoint_are_marked_once_where_they_agree() -> None:
    assert marks_of({"stop_step": 60, "best_step": 45}) == [Mark(60, "stopped", "ink"), Mark(45, "kept", "after")]
    assert marks_of({"stop_step": 60, "best_step": 60}) == [Mark(60, "stopped and kept", "ink")]
    assert marks_of({"stop_step": 60, "best_step": None}) == [Mark(60, "stopped", "ink")]
    assert marks_of({}) == []


def test_canaries_without_labels_are_not_called_harmful() -> None:
    curves = Curves(({"kind": "check", "step": 1, "dsr": 0.5, "refusal_share": 0.4, "entropy_harmful": 0.2},))

    labels = [[line.label for panel in panels_of(curves, is_labelled=given) for line in panel.lines]
              for given in (False, True)]  # fmt: skip

    assert labels[0] == ["contested, answered surely", "contested, read as refusals", "contested canaries"]
    assert labels[1] == ["harmful refused", "harmful canaries"]
