from collections.abc import Iterator
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from instincts.errors import ModelDirectoryError, PromptSetError
from instincts.models.chat import render
from instincts.models.decoding import Decoded, Sampling, decode
from instincts.models.hooks import embedding_layer
from instincts.models.opening import open_model
from instincts.pocket.requests import sample_requests
from instincts.signals import reference
from tests.tiny import FAMILIES, Family, tiny_model

GREEDY = Sampling(max_tokens=24, temperature=0)
SAMPLED = Sampling(max_tokens=24, seed=3)
TEXTS = ["a", "a somewhat longer prompt, past the window", "three", "one more, of middling length"]
STOPS = frozenset([2, *range(60, 70)])


@pytest.fixture(scope="module")
def llama() -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    return tiny_model("llama")


@pytest.fixture
def shapes(llama: tuple[PreTrainedModel, PreTrainedTokenizerFast]) -> Iterator[list[tuple[int, int]]]:
    """Rows and columns of token ids in every call of the model."""
    seen: list[tuple[int, int]] = []

    def note(_: torch.nn.Module, __: tuple[Any, ...], inputs: dict[str, Any]) -> None:
        rows, columns = inputs["input_ids"].shape
        seen.append((rows, columns))

    hook = llama[0].register_forward_pre_hook(note, with_kwargs=True)
    yield seen
    hook.remove()


def encode(tokenizer: PreTrainedTokenizerFast, *texts: str) -> list[list[int]]:
    return [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]


def generate(model: PreTrainedModel, prompt: list[int], max_tokens: int, stops: frozenset[int]) -> list[int]:
    """What `generate` answers greedily to one prompt, alone and unpadded."""
    ids = torch.tensor([prompt])
    tokens: list[int] = model.generate(  # type: ignore[operator]
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=max_tokens,
        do_sample=False,
        eos_token_id=sorted(stops),
        pad_token_id=0,
    )[0, len(prompt) :].tolist()
    return tokens


def tokens_of(answers: list[Decoded]) -> list[list[int]]:
    return [answer.tokens for answer in answers]


@pytest.mark.parametrize("family", FAMILIES)
def test_greedy_takes_the_tokens_of_generate(family: Family) -> None:
    """`generate` runs each prompt alone, without padding, so this holds padding, caches and compaction to nothing."""
    model, tokenizer = tiny_model(family)
    prompts = encode(tokenizer, *TEXTS)
    answers = decode(model, prompts, GREEDY, stop_ids=STOPS)
    expected = [generate(model, prompt, GREEDY.max_tokens, STOPS) for prompt in prompts]
    assert tokens_of(answers) == expected
    assert [answer.ended for answer in answers] == [tokens[-1] in STOPS for tokens in expected]


@pytest.mark.parametrize("name", ["pocket-llama", "pocket-qwen"])
def test_greedy_takes_the_tokens_of_generate_on_the_pocket(name: str) -> None:
    opened = open_model(name, device="cpu")
    requests = sample_requests("mixed", 12, 0, "heldout")
    prompts = [
        render(opened.tokenizer, [{"role": role, "content": text} for role, text in request.messages])
        for request in requests
    ]
    answers = decode(opened.model, prompts, Sampling(max_tokens=48, temperature=0), stop_ids=opened.stop_ids)
    assert tokens_of(answers) == [generate(opened.model, prompt, 48, opened.stop_ids) for prompt in prompts]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("temperature", [1.0, 0.6])
def test_recorded_signals_are_those_of_the_finished_text(family: Family, temperature: float) -> None:
    """One pass over prompt and answer, teacher-forced and unpadded, scored in float64 by the reference."""
    model, tokenizer = tiny_model(family)
    prompts = encode(tokenizer, *TEXTS)
    sampling = Sampling(max_tokens=24, temperature=temperature)
    for prompt, answer in zip(prompts, decode(model, prompts, sampling, stop_ids=STOPS), strict=True):
        with torch.no_grad():
            logits_T_V = model(input_ids=torch.tensor([prompt + answer.tokens])).logits[0, len(prompt) - 1 : -1]
        scaled_T_V = logits_T_V.double().numpy() / temperature
        entropy_T = reference.token_entropy(scaled_T_V)
        log_prob_T = reference.token_log_prob(scaled_T_V, torch.tensor(answer.tokens).numpy())
        assert answer.entropy_T.tolist() == pytest.approx(entropy_T.tolist(), abs=2e-4)
        assert answer.log_prob_T.tolist() == pytest.approx(log_prob_T.tolist(), abs=2e-4)
        certainty_T = reference.self_certainty(scaled_T_V)
        assert answer.self_certainty_T.tolist() == pytest.approx(certainty_T.tolist(), abs=5e-4)


def test_an_answer_does_not_depend_on_its_batch(llama: tuple[PreTrainedModel, PreTrainedTokenizerFast]) -> None:
    model, tokenizer = llama
    prompts = encode(tokenizer, *TEXTS)
    together = decode(model, prompts, SAMPLED, stop_ids=STOPS, seeds=[1, 2, 3, 4])
    apart = decode(model, prompts[::-1], SAMPLED, stop_ids=STOPS, seeds=[4, 3, 2, 1], batch_size=1)
    assert tokens_of(together) == tokens_of(apart)[::-1]


def test_a_seed_repeats_and_another_differs(llama: tuple[PreTrainedModel, PreTrainedTokenizerFast]) -> None:
    model, tokenizer = llama
    prompts = encode(tokenizer, *TEXTS)
    first, again = (tokens_of(decode(model, prompts, SAMPLED, stop_ids=STOPS)) for _ in range(2))
    other = tokens_of(decode(model, prompts, Sampling(max_tokens=24, seed=4), stop_ids=STOPS))
    assert first == again
    assert first != other


def test_samples_of_one_prompt_differ_though_it_is_read_once(
    llama: tuple[PreTrainedModel, PreTrainedTokenizerFast], shapes: list[tuple[int, int]]
) -> None:
    model, tokenizer = llama
    prompts = encode(tokenizer, "one", "two", "one", "one")
    answers = decode(model, prompts, SAMPLED, stop_ids=frozenset())
    assert shapes[:2] == [(2, 3), (4, 1)]
    assert len({tuple(tokens) for tokens in tokens_of(answers)}) == 4
    alone = decode(model, prompts[2:3], SAMPLED, stop_ids=frozenset(), seeds=[11])
    shared = decode(model, prompts, SAMPLED, stop_ids=frozenset(), seeds=[8, 9, 11, 10])
    assert shared[2].tokens == alone[0].tokens


def test_rows_that_have_ended_leave_the_batch(
    llama: tuple[PreTrainedModel, PreTrainedTokenizerFast], shapes: list[tuple[int, int]]
) -> None:
    model, tokenizer = llama
    answers = decode(model, encode(tokenizer, *"abcdefgh"), SAMPLED, stop_ids=STOPS)
    rows = [rows for rows, _ in shapes]
    assert rows == sorted(rows, reverse=True)
    assert rows[0] == 8
    assert rows[-1] < 8
    assert {answer.ended for answer in answers} == {True, False}


def test_an_answer_ends_with_its_stop_token_or_is_cut_off_at_the_limit(
    llama: tuple[PreTrainedModel, PreTrainedTokenizerFast],
) -> None:
    model, tokenizer = llama
    for answer in decode(model, encode(tokenizer, *"abcdefgh"), SAMPLED, stop_ids=STOPS):
        assert not STOPS & set(answer.tokens[:-1])
        assert answer.ended == (answer.tokens[-1] in STOPS)
        assert answer.ended or len(answer.tokens) == SAMPLED.max_tokens
        assert len(answer.tokens) == len(answer.entropy_T) == len(answer.log_prob_T)


def test_a_long_answer_outgrows_the_first_record(llama: tuple[PreTrainedModel, PreTrainedTokenizerFast]) -> None:
    """The record begins with room for 128 tokens; a shorter run of the same seed must be its beginning."""
    model, tokenizer = llama
    prompts = encode(tokenizer, "a")
    long = decode(model, prompts, Sampling(max_tokens=200, seed=3), stop_ids=frozenset())[0]
    short = decode(model, prompts, SAMPLED, stop_ids=frozenset())[0]
    assert len(long.tokens) == 200
    assert long.tokens[:24] == short.tokens
    assert bool((long.entropy_T > 0).all())


def test_a_stop_string_ends_an_answer_across_tokens(llama: tuple[PreTrainedModel, PreTrainedTokenizerFast]) -> None:
    """Tokens are single bytes, so a string of three characters is met only across three tokens."""
    model, tokenizer = llama
    prompts = encode(tokenizer, *TEXTS)
    free = decode(model, prompts, SAMPLED, stop_ids=frozenset())
    stop = str(tokenizer.decode(free[1].tokens[5:8]))
    stopped = decode(
        model, prompts, Sampling(max_tokens=24, seed=3, stop=(stop,)), stop_ids=frozenset(), tokenizer=tokenizer
    )
    assert stopped[1].tokens == free[1].tokens[:8]
    assert stopped[1].ended


def test_a_prompt_that_fills_the_context_is_refused(llama: tuple[PreTrainedModel, PreTrainedTokenizerFast]) -> None:
    """The tiny context holds 256 tokens, so 256 leave no room for an answer."""
    with pytest.raises(PromptSetError, match=r"prompt 1 has 256 tokens .* holds 256"):
        decode(llama[0], [[5], [5] * 256], GREEDY, stop_ids=STOPS)


def test_the_end_of_the_context_cuts_off_only_the_row_that_reaches_it(
    llama: tuple[PreTrainedModel, PreTrainedTokenizerFast],
) -> None:
    answers = decode(llama[0], [[5] * 250, [5] * 10], GREEDY, stop_ids=frozenset())
    assert [len(answer.tokens) for answer in answers] == [6, 24]
    assert [answer.ended for answer in answers] == [False, False]


def test_an_empty_prompt_is_refused(llama: tuple[PreTrainedModel, PreTrainedTokenizerFast]) -> None:
    with pytest.raises(PromptSetError, match="prompt 0 is empty"):
        decode(llama[0], [[]], GREEDY, stop_ids=STOPS)


@pytest.mark.parametrize("sampling", [GREEDY, SAMPLED])
def test_a_model_without_finite_logits_is_refused(sampling: Sampling) -> None:
    model, _ = tiny_model("llama")
    with torch.no_grad():
        embedding_layer(model).weight[8] = torch.nan
    with pytest.raises(ModelDirectoryError, match="logits for token 1 of an answer are not finite"):
        decode(model, [[7], [8]], sampling, stop_ids=STOPS)


def test_no_prompts_give_no_answers(llama: tuple[PreTrainedModel, PreTrainedTokenizerFast]) -> None:
    assert decode(llama[0], [], GREEDY, stop_ids=STOPS) == []


def test_a_batch_that_does_not_fit_in_memory_is_halved(
    llama: tuple[PreTrainedModel, PreTrainedTokenizerFast],
) -> None:
    model, tokenizer = llama
    prompts = encode(tokenizer, *"abcde")
    expected = tokens_of(decode(model, prompts, SAMPLED, stop_ids=STOPS))

    def full(_: torch.nn.Module, __: tuple[Any, ...], inputs: dict[str, Any]) -> None:
        if len(inputs["input_ids"]) > 2:
            raise torch.OutOfMemoryError("no room for more than two rows")

    hook = model.register_forward_pre_hook(full, with_kwargs=True)
    try:
        assert tokens_of(decode(model, prompts, SAMPLED, stop_ids=STOPS)) == expected
    finally:
        hook.remove()


def test_progress_counts_up_to_all_answers(llama: tuple[PreTrainedModel, PreTrainedTokenizerFast]) -> None:
    seen: list[tuple[int, int]] = []
    decode(llama[0], [[5]] * 7, SAMPLED, stop_ids=STOPS, batch_size=3, progress=lambda *counts: seen.append(counts))
    assert seen == [(3, 7), (6, 7), (7, 7)]


def test_decoding_leaves_a_model_in_training_as_it_was() -> None:
    model, tokenizer = tiny_model("qwen2")
    model.train()
    answers = decode(model, encode(tokenizer, "a"), SAMPLED, stop_ids=STOPS)
    assert model.training
    assert all(parameter.grad is None and parameter.requires_grad for parameter in model.parameters())
    assert not answers[0].entropy_T.requires_grad


def test_gradient_checkpointing_in_train_mode_is_refused() -> None:
    """It switches the cache off, and decoding would go on with one token of context."""
    model, tokenizer = tiny_model("llama")
    model.activation_checkpointing_enable()
    model.train()
    with pytest.raises(ModelDirectoryError, match="gradient checkpointing"):
        decode(model, encode(tokenizer, "a"), SAMPLED, stop_ids=STOPS)
