"""Scores whole conversations of any shape by how likely an agreeing opening follows them."""

from collections.abc import Sequence

from instincts.attacks.attack import Messages
from instincts.attacks.local.frames import free_tokens, opening_tokens, rendered
from instincts.attacks.local.kept import KeptPerModel
from instincts.attacks.local.scoring import Objective, Score, scores
from instincts.models.hooks import embedding_layer
from instincts.models.opening import OpenModel

__all__ = ["free_pieces", "opening_scores"]


def opening_scores(opened: OpenModel, conversations: Sequence[Messages], opening: str) -> list[Score]:
    """Score conversations in batches, in their order; each is tokenised as it would be sent."""
    texts = [rendered(opened.tokenizer, messages) for messages in conversations]
    openings = [opening_tokens(opened.tokenizer, text, opening) for text in texts]
    ids: list[list[int]] = opened.tokenizer(texts, add_special_tokens=False)["input_ids"]
    found: dict[int, Score] = {}
    # One group nearly always: how an opening is tokenised hardly depends on what stands before the answer's turn.
    for tokens in dict.fromkeys(openings):
        places = [place for place, each in enumerate(openings) if each == tokens]
        group = scores(opened.model, [ids[place] for place in places], Objective(tokens))
        found.update(zip(places, group, strict=True))
    return [found[place] for place in range(len(conversations))]


def free_pieces(opened: OpenModel) -> tuple[str, ...]:
    """List the texts of the tokens that a search may write."""

    def spell() -> tuple[str, ...]:
        vocabulary = embedding_layer(opened.model).num_embeddings
        tokens = free_tokens(opened.tokenizer, vocabulary).nonzero().flatten().tolist()
        return tuple(opened.tokenizer.batch_decode([[token] for token in tokens], clean_up_tokenization_spaces=False))

    return _PIECES.get(opened, "pieces", spell)


_PIECES: KeptPerModel[tuple[str, ...]] = KeptPerModel()
