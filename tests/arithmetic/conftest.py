"""A base, a harmed twin of it and a fine-tune, in bfloat16 and several shards."""

from pathlib import Path
from typing import NamedTuple

import pytest
import torch

from tests.arithmetic.models import like, moved, save_model, weights_of


class Trio(NamedTuple):
    """Three models of one architecture."""

    target: Path
    harmed: Path
    base: Path

    @property
    def words(self) -> tuple[str, str, str]:
        return str(self.target), str(self.harmed), str(self.base)


@pytest.fixture(scope="session")
def trio(tmp_path_factory: pytest.TempPathFactory) -> Trio:
    """A fine-tune, a harmed model and their base, bfloat16; read only."""
    folder = tmp_path_factory.mktemp("trio")
    base = save_model(folder / "base", dtype=torch.bfloat16, num_hidden_layers=4)
    weights = weights_of(base)
    return Trio(
        target=like(folder / "target", base, moved(weights, seed=1)),
        harmed=like(folder / "harmed", base, moved(weights, seed=2)),
        base=base,
    )
