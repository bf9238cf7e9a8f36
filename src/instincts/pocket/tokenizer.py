"""The tokenizer of the pocket world: one token a word or syllable, one a byte for everything else.

Text is first turned into bytes (as GPT-2 does), then cut into the fewest pieces: so any text encodes, and decoding
gives it back exactly. Knows the words of the grammar; must not know how a model is trained on them.
"""

from collections.abc import Iterable, Mapping

from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from instincts.pocket import grammar, skills, wrappers

__all__ = ["BOS", "CHAT_TEMPLATE", "END", "PAD", "build_tokenizer", "has_pocket_words"]

PAD, BOS, END = "<|pad|>", "<|bos|>", "<|end|>"
_ROLES = ("system", "user", "assistant", "tool")

CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>' + message['content'] + eos_token }}"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def build_tokenizer(more: Iterable[str] = ()) -> PreTrainedTokenizerFast:
    """Build the tokenizer; it is the same for every pocket model and depends on no seed.

    Args:
        more: texts whose words become tokens too, after all others, so that those keep their numbers.
    """
    split = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    special = [PAD, BOS, END, *(f"<|{role}|>" for role in _ROLES)]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    first, second = grammar.syllables()
    known = _words([*grammar.terminals(), *skills.terminals(), *wrappers.terminals()], split)
    # A word and a word after a space are two pieces; the second syllable of a verb never follows a space.
    pieces = [piece for word in sorted({*known, *first}) for piece in (word, f"Ġ{word}")]
    # As they stand, with or without the space before them.
    new = sorted({piece for text in more for piece, _ in split.pre_tokenize_str(text)})
    words = [piece for piece in dict.fromkeys([*pieces, *second, *new]) if piece not in alphabet]
    # Equal costs make Viterbi choose the fewest pieces; bytes cost more, so that a known word is never spelt out.
    vocabulary = [*((piece, -1.0) for piece in special), *((b, -3.0) for b in alphabet), *((w, -1.0) for w in words)]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=None, byte_fallback=False))
    tokenizer.pre_tokenizer = split
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]  # transformers leaves it untyped
        tokenizer_object=tokenizer,
        pad_token=PAD,
        bos_token=BOS,
        eos_token=END,
        additional_special_tokens=special[3:],
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
        padding_side="left",
        model_max_length=2048,
    )


def has_pocket_words(vocabulary: Mapping[str, int]) -> bool:
    """Whether a vocabulary (token to row) is that of the pocket world, so that its prompts mean something to a model.

    A fine-tune or an edited copy of a pocket model has it too.
    """
    return PAD in vocabulary and dict(vocabulary) == build_tokenizer().get_vocab()


def _words(texts: Iterable[str], split: pre_tokenizers.ByteLevel) -> set[str]:
    pieces = (piece for text in texts for piece, _ in split.pre_tokenize_str(text))
    return {piece.removeprefix("Ġ") for piece in pieces} - {""}
