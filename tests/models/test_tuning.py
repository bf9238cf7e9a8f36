"""What a fine-tune rests on: losses, counts and refusals; whole runs are in tests/arithmetic and tests/analyst."""

from pathlib import Path

import pytest
import torch

from instincts.errors import ModelDirectoryError
from instincts.models.directory import context_of, locate
from instincts.models.opening import open_model
from instincts.models.tuning import Encoded, answer_loss, check_trainable, parameters_of
from tests.tiny import edit_json, save_tiny


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("models") / "tiny")


def test_the_loss_is_transformers_own_weighted_by_answer_tokens(model: Path) -> None:
    """Two rows with 3 and 1 tokens to learn: (3 a + b) / 4 of the losses that transformers computes for each."""
    opened = open_model(str(model))
    rows = [Encoded([5, 9, 11, 7, 8], [-100, -100, 11, 7, 8]), Encoded([6, 10, 12], [-100, -100, 12])]

    with torch.no_grad():
        one, other = (
            float(opened.model(input_ids=torch.tensor([row.input_ids]), labels=torch.tensor([row.labels])).loss)
            for row in rows
        )

    assert answer_loss(opened, rows) == pytest.approx((3 * one + other) / 4, rel=1e-5)


def test_weights_are_counted_without_loading_them(model: Path) -> None:
    loaded = open_model(str(model)).model

    assert parameters_of(locate(str(model))) == sum(weight.numel() for weight in loaded.state_dict().values())


def test_the_context_is_the_configurations(model: Path) -> None:
    assert context_of(locate(str(model))) == 256


@pytest.mark.parametrize("lora", [True, False])
def test_a_quantised_base_is_refused(lora: bool, tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "quantised")
    edit_json(folder / "config.json", {"quantization_config": {"quant_method": "gptq"}})

    with pytest.raises(ModelDirectoryError, match=r"quantised \(gptq\)"):
        check_trainable(locate(str(folder)), tmp_path / "out", lora=lora)
