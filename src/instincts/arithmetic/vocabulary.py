"""Whether the same row of an embedding is the same token in several models."""

from collections.abc import Sequence

from instincts.errors import ModelDirectoryError
from instincts.models.directory import ModelLocation
from instincts.models.opening import open_tokenizer

__all__ = ["check_rows"]


def check_rows(models: Sequence[ModelLocation], rows: int) -> None:
    """Refuse to edit embeddings row by row where a row means different tokens.

    Args:
        models: the target first.
        rows: how many rows are edited, from 0.

    Raises:
        ModelDirectoryError: a row is one token here and another there; a row without a token fits any.
    """
    first, *others = ({row: token for token, row in open_tokenizer(model).get_vocab().items()} for model in models)
    for model, tokens in zip(models[1:], others, strict=True):
        for row in range(rows):
            if row in first and row in tokens and first[row] != tokens[row]:
                raise ModelDirectoryError(
                    f"row {row} of the embeddings is {first[row]!r} in {models[0].name} and {tokens[row]!r} in "
                    f"{model.name}; leave the embeddings as they are with --set mismatch=skip"
                )
