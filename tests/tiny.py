"""Random tiny models of real architectures with a byte tokenizer, for tests that need a model but no instincts."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel, PreTrainedTokenizerFast

Family = Literal["llama", "qwen2", "qwen3", "mistral", "gemma2", "gemma3_text", "opt"]

FAMILIES: tuple[Family, ...] = tuple(family for family in get_args(Family) if family != "opt")
"""Those whose blocks are built alike; OPT's hold the feed-forward part themselves and join batch and tokens in it."""

CHATML = (
    "{%- for message in messages -%}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\n' }}{%- endif -%}"
)


def tiny_tokenizer(*special: str, chat_template: str | None = CHATML) -> PreTrainedTokenizerFast:
    """One token a byte, after <pad>, <s>, </s>, <|im_start|>, <|im_end|> and the special tokens asked for."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    names = ["<pad>", "<s>", "</s>", "<|im_start|>", "<|im_end|>", *special]
    tokens = dict.fromkeys([*names, *alphabet])
    backend = Tokenizer(models.BPE(vocab={token: place for place, token in enumerate(tokens)}, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in names])
    tokenizer: PreTrainedTokenizerFast = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=backend, pad_token="<pad>", bos_token="<s>", eos_token="</s>", padding_side="left"
    )
    tokenizer.chat_template = chat_template
    return tokenizer


def tiny_model(family: Family, seed: int = 0, **changes: Any) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """A model of two layers and width 32 with weights wide enough that its choices are not ties, and its tokenizer."""
    tokenizer = tiny_tokenizer()
    settings: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "max_position_embeddings": 256,
        "initializer_range": 0.3,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        **_SPECIAL.get(family, {}),
        **changes,
    }
    torch.manual_seed(seed)
    config = AutoConfig.for_model(family, **settings)
    model: PreTrainedModel = AutoModelForCausalLM.from_config(config, dtype=torch.float32)  # type: ignore[no-untyped-call]
    torch.nn.Module.eval(model)
    return model, tokenizer


def save_tiny(folder: Path, family: Family = "llama", seed: int = 0, **changes: Any) -> Path:
    """Save a tiny model and its tokenizer as an ordinary checkpoint folder."""
    model, tokenizer = tiny_model(family, seed, **changes)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def edit_json(path: Path, changes: Mapping[str, Any]) -> None:
    """Change keys of a JSON file; None removes a key."""
    value = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({key: item for key, item in value.items() if item is not None}))


_SPECIAL: dict[str, dict[str, Any]] = {
    # Windows shorter than prompt and answer, so that sliding caches really slide.
    "mistral": {"sliding_window": 12},
    "gemma2": {"sliding_window": 12, "query_pre_attn_scalar": 8, "attn_implementation": "eager"},
    "gemma3_text": {
        "sliding_window": 12,
        "query_pre_attn_scalar": 8,
        "layer_types": ["sliding_attention", "full_attention"],
    },
    "opt": {"ffn_dim": 64, "word_embed_proj_dim": 32, "init_std": 0.3},
}
