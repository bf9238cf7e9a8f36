"""Controls of a safety vector: as long as what they control, and without what they are to be without."""

from pathlib import Path

import pytest
import torch

from instincts.arithmetic.contrasts import Contrast, ContrastSet
from instincts.pocket.wrappers import WRAPPERS
from instincts.prompts import Message
from instincts.studies.arithmetic_results import Result
from instincts.studies.vector_controls import ARMS, as_long, exchanged, random_like, run_study, table, without

VECTOR = {0: torch.tensor([3.0, 4.0]), 2: torch.tensor([0.0, 2.0])}


def test_half_of_the_rows_exchange_their_sides_and_no_text_is_lost() -> None:
    rows = tuple(Contrast((Message("user", f"s{at}"),), (Message("user", f"u{at}"),)) for at in range(10))
    mixed = exchanged(ContrastSet(rows, "mine"), torch.Generator().manual_seed(0))
    turned = [one != other for one, other in zip(mixed, rows, strict=True)]
    assert sum(turned) == 5
    assert all({*one} == {*other} for one, other in zip(mixed, rows, strict=True))


def test_lengths_are_kept_layer_by_layer() -> None:
    """Lengths 5 and 2."""
    for made in (
        random_like(VECTOR, torch.Generator().manual_seed(0)),
        as_long(dict.fromkeys((0, 2), torch.ones(2)), VECTOR),
    ):
        assert [float(each.norm()) for each in made.values()] == pytest.approx([5.0, 2.0])


def test_what_lies_along_a_direction_is_taken_out() -> None:
    """Without its share along (0, 1), (3, 4) is (3, 0), and (5, 0) once it is as long again; (0, 2) leaves nothing."""
    left = without(VECTOR, dict.fromkeys(VECTOR, torch.tensor([0.0, 7.0])))
    assert left[0].tolist() == pytest.approx([5.0, 0.0])
    assert not left[2].any()


def result(arm: str, dsr: float, seed: int) -> Result:
    return Result(
        model="m", twin="how-to", arm=arm, seed=seed, n=10, choice="", dsr=dsr, worst_dsr=0.0, unseen_dsr=dsr,
        plain_dsr=0.9, benign_compliance=1.0, wrapped_benign_compliance=1.0, skill_accuracy=1.0,
        by_attack=dict.fromkeys(WRAPPERS, dsr),
    )  # fmt: skip


def test_the_table_tells_means_and_ends_over_seeds() -> None:
    rows = table([result("vector", 0.4, 0), result("vector", 0.6, 1), result("untreated", 0.3, 0)]).splitlines()
    assert [row.split(" | ")[1] for row in rows[2:]] == ["untreated", "vector"]
    assert "| 2 | 0.500 (0.400 to 0.600) | 0.900" in rows[3]


@pytest.mark.slow
def test_a_whole_seed_and_a_second_look_that_runs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("instincts.studies.pocket_twins.RECIPES", {"how-to": {"steps": 2, "save_every": 2}})
    found = run_study(tmp_path, models=["pocket-llama"], seeds=[0], n=1)
    assert [each.arm for each in found] == list(ARMS)
    monkeypatch.setattr("instincts.studies.vector_controls.make_twin", None)
    assert run_study(tmp_path, models=["pocket-llama"], seeds=[0], n=1) == found
