"""What is fitted on a model goes when the model goes."""

import gc
import weakref

from instincts.attacks.local.kept import KeptPerModel
from instincts.models.opening import OpenModel
from tests.tiny import tiny_model


def opened_tiny() -> OpenModel:
    model, tokenizer = tiny_model("llama")
    return OpenModel(name="tiny", model=model, tokenizer=tokenizer, stop_ids=frozenset({2}), digest="0" * 64)


def test_a_value_is_made_once_a_model_and_key() -> None:
    kept: KeptPerModel[object] = KeptPerModel()
    one, other = opened_tiny(), opened_tiny()
    first = kept.get(one, "a", object)
    assert kept.get(one, "a", object) is first
    assert len({first, kept.get(one, "b", object), kept.get(other, "a", object)}) == 3


def test_nothing_keeps_a_model_in_memory() -> None:
    kept: KeptPerModel[object] = KeptPerModel()
    opened = opened_tiny()
    weights = weakref.ref(opened.model)
    kept.get(opened, "a", lambda: weights())
    del opened
    gc.collect()
    assert weights() is None
