import json
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel

from instincts.errors import ModelDirectoryError
from instincts.models.decoding import Sampling, decode
from instincts.models.opening import context_length, open_model, stop_tokens
from tests.tiny import edit_json, save_tiny, tiny_model, tiny_tokenizer

IDS = torch.tensor([[7, 8, 9, 10]])


def logits(model: torch.nn.Module) -> torch.Tensor:
    with torch.no_grad():
        result: torch.Tensor = model(input_ids=IDS).logits
    return result


def save_lora(folder: Path, base: str, seed: int = 1) -> torch.Tensor:
    """Save an overlay with random adapter weights; returns the logits that training saw."""
    model, _ = tiny_model("llama")
    torch.manual_seed(seed)
    layered = get_peft_model(model, LoraConfig(r=2, target_modules=["q_proj", "up_proj"], init_lora_weights=False))
    layered.save_pretrained(str(folder / "adapter"))
    (folder / "defence.json").write_text(json.dumps({"format": 1, "kind": "lora", "base": base, "adapter": "adapter"}))
    return logits(layered)


def test_a_saved_model_opens_with_the_same_weights(folder: Path) -> None:
    opened = open_model(str(folder))
    assert torch.equal(logits(opened.model), logits(tiny_model("llama")[0]))
    assert not opened.model.training


def test_the_cpu_works_in_float32_whatever_the_checkpoint_holds(tmp_path: Path) -> None:
    model, tokenizer = tiny_model("llama")
    model.to(torch.bfloat16).save_pretrained(tmp_path)  # type: ignore[arg-type]
    tokenizer.save_pretrained(tmp_path)
    assert open_model(str(tmp_path), device="cpu").model.dtype == torch.float32
    assert open_model(str(tmp_path), dtype=torch.bfloat16, device="cpu").model.dtype == torch.bfloat16


def test_every_source_of_stop_tokens_counts(folder: Path) -> None:
    """The generation config names 7 and 8, the tokenizer </s> (2), the template closes turns by <|im_end|> (4)."""
    edit_json(folder / "generation_config.json", {"eos_token_id": [7, 8]})
    assert open_model(str(folder)).stop_ids == {2, 4, 7, 8}


def test_a_model_whose_answers_nothing_ends_is_refused() -> None:
    model, _ = tiny_model("llama", eos_token_id=None)
    tokenizer = tiny_tokenizer(chat_template="{% for message in messages %}{{ message['content'] }}{% endfor %}")
    tokenizer.eos_token = None
    with pytest.raises(ModelDirectoryError, match="nothing ends an answer of NAME"):
        stop_tokens(model, tokenizer, "NAME")


def test_weights_that_do_not_fit_the_config_are_refused(folder: Path) -> None:
    """Without this, transformers would fill the missing tensor with random numbers and print a warning."""
    tensors = load_file(folder / "model.safetensors")
    del tensors["model.norm.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelDirectoryError, match=r"1 missing or of another shape, first model\.norm\.weight"):
        open_model(str(folder))


def test_an_unknown_architecture_is_refused_in_one_line(folder: Path) -> None:
    edit_json(folder / "config.json", {"model_type": "no-such-architecture"})
    with pytest.raises(ModelDirectoryError) as error:
        open_model(str(folder))
    assert "\n" not in str(error.value)


def test_a_quantised_checkpoint_without_its_package_is_refused_in_one_line(folder: Path) -> None:
    edit_json(folder / "config.json", {"quantization_config": {"quant_method": "gptq", "bits": 4}})
    with pytest.raises(
        ModelDirectoryError, match=r"needs a package that is not here: .*; install it, or name"
    ) as error:
        open_model(str(folder))
    assert "\n" not in str(error.value)


def test_a_tokenizer_without_its_package_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*_: object, **__: object) -> None:
        raise ImportError("\nTinyTokenizer requires the tiny library\nbut it was not found")

    monkeypatch.setattr("instincts.models.opening.AutoTokenizer.from_pretrained", absent)
    with pytest.raises(ModelDirectoryError, match="not here: TinyTokenizer requires the tiny library; install it"):
        open_model(str(folder))


def test_code_in_a_checkpoint_is_not_run(folder: Path) -> None:
    marker = folder / "ran"
    (folder / "evil.py").write_text(f"open({str(marker)!r}, 'w').close()\nclass Model: pass\n")
    auto = {"AutoConfig": "evil.Model", "AutoModelForCausalLM": "evil.Model"}
    edit_json(folder / "config.json", {"auto_map": auto, "model_type": "no-such-architecture"})
    with pytest.raises(ModelDirectoryError):
        open_model(str(folder))
    assert not marker.exists()


def test_a_lora_overlay_opens_as_it_was_trained(folder: Path) -> None:
    """Merged in float32: rounding alone, some 1e-6 of logits of size 10."""
    trained = save_lora(folder.parent, "model")
    opened = open_model(str(folder.parent))
    assert isinstance(opened.model, PreTrainedModel)
    assert torch.allclose(logits(opened.model), trained, atol=2e-5)
    assert not torch.allclose(logits(opened.model), logits(tiny_model("llama")[0]), atol=0.1)


def test_a_lora_overlay_stays_a_layer_in_bfloat16(folder: Path) -> None:
    """Merging would round the weights themselves."""
    save_lora(folder.parent, "model")
    opened = open_model(str(folder.parent), dtype=torch.bfloat16, device="cpu")
    assert any("lora" in name for name, _ in opened.model.named_parameters())
    answers = decode(opened.model, [[7, 8]], Sampling(max_tokens=4), stop_ids=frozenset())
    assert len(answers[0].tokens) == 4


def test_an_overlay_takes_the_tokenizer_of_its_base_unless_it_has_its_own(folder: Path) -> None:
    save_lora(folder.parent, "model")
    assert len(open_model(str(folder.parent)).tokenizer) == len(tiny_tokenizer())
    tiny_tokenizer("<own>").save_pretrained(folder.parent)
    assert len(open_model(str(folder.parent)).tokenizer) == len(tiny_tokenizer()) + 1


def test_an_adapter_that_does_not_fit_its_base_is_refused(tmp_path: Path) -> None:
    save_tiny(tmp_path / "model", num_hidden_layers=1)
    save_lora(tmp_path, "model")
    with pytest.raises(ModelDirectoryError, match="does not fit its base"):
        open_model(str(tmp_path))


def test_the_context_is_read_from_the_config() -> None:
    assert context_length(tiny_model("gemma3_text")[0]) == 256
