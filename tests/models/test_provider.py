import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import Task, eval, eval_set
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog
from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageUser,
    GenerateConfig,
    Model,
    ModelOutput,
    get_model,
)
from inspect_ai.scorer import includes
from inspect_ai.tool import ToolInfo, ToolParams

from instincts.errors import ConfigError, ModelDirectoryError, PromptSetError
from instincts.models import registration
from instincts.models.chat import render
from instincts.models.decoding import Sampling, decode
from instincts.models.opening import open_model
from instincts.models.provider import inspect_model
from tests.tiny import save_tiny

assert registration  # importing it tells Inspect of instincts/NAME

SHORT = GenerateConfig(max_tokens=8, seed=1)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tiny model; Inspect's response cache and traces stay in the test's own folder."""
    monkeypatch.setenv("INSPECT_CACHE_DIR", str(tmp_path / "cache"))
    return save_tiny(tmp_path / "model")


def ask(model: Model, text: str = "hello", config: GenerateConfig = SHORT, **how: Any) -> ModelOutput:
    return asyncio.run(model.generate(text, config=config, **how))


def questions(n: int = 3, **how: Any) -> Task:
    samples = [Sample(id=str(place), input="the same question", target="x") for place in range(n)]
    return Task(dataset=samples, scorer=includes(), config=SHORT.merge(GenerateConfig(**how)))


def run(model: Model | str, folder: Path, **how: Any) -> EvalLog:
    return eval(questions(), model=model, log_dir=str(folder), display="none", **how)[0]


def answers(log: EvalLog) -> dict[tuple[str | int, int], str]:
    assert log.status == "success"
    return {(sample.id, sample.epoch): sample.output.completion for sample in log.samples or ()}


def test_an_answer_is_the_decoders_own_with_entropies_and_usage(folder: Path) -> None:
    """Greedy, so that the seed does not matter."""
    output = ask(inspect_model(str(folder)), config=GenerateConfig(max_tokens=8, temperature=0))
    opened = open_model(str(folder))
    prompt = render(opened.tokenizer, [{"role": "user", "content": "hello"}])
    expected = decode(opened.model, [prompt], Sampling(max_tokens=8, temperature=0), stop_ids=opened.stop_ids)[0]
    assert output.completion == opened.tokenizer.decode(expected.tokens, skip_special_tokens=True)
    assert output.stop_reason == "max_tokens"
    assert output.usage is not None
    assert (output.usage.input_tokens, output.usage.output_tokens) == (len(prompt), 8)
    assert output.metadata is not None
    assert output.metadata["mean_entropy"] == pytest.approx(expected.entropy_T.mean().item())
    assert output.metadata["first_k_entropy"] == pytest.approx(expected.entropy_T[:5].mean().item())


def test_a_trailing_assistant_message_is_continued(folder: Path) -> None:
    model = inspect_model(str(folder), GenerateConfig(temperature=0, max_tokens=4))
    chat: list[ChatMessage] = [ChatMessageUser(content="hello"), ChatMessageAssistant(content="Well")]
    output = asyncio.run(model.generate(chat))
    opened = open_model(str(folder))
    prompt = opened.tokenizer(
        "<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\nWell", add_special_tokens=False
    )["input_ids"]
    expected = decode(opened.model, [prompt], Sampling(max_tokens=4, temperature=0), stop_ids=opened.stop_ids)[0]
    assert output.completion == opened.tokenizer.decode(expected.tokens, skip_special_tokens=True)


def test_a_seed_repeats_and_another_differs(folder: Path) -> None:
    model = inspect_model(str(folder))
    first, again = ask(model), ask(model)
    other = ask(model, config=GenerateConfig(max_tokens=8, seed=2))
    assert first.completion == again.completion != other.completion


def test_runs_repeat_while_samples_and_epochs_differ(folder: Path) -> None:
    """Three samples ask the same, in two epochs: six answers, the same six in a second run."""
    model = inspect_model(str(folder))
    first = answers(run(model, folder / "a", epochs=2))
    assert len(set(first.values())) == 6
    assert answers(run(model, folder / "b", epochs=2)) == first


def test_several_choices_differ(folder: Path) -> None:
    output = ask(inspect_model(str(folder)), config=GenerateConfig(max_tokens=8, num_choices=3))
    assert len({choice.message.text for choice in output.choices}) == 3


def test_log_probs_come_with_the_answer(folder: Path) -> None:
    output = ask(inspect_model(str(folder)), config=GenerateConfig(max_tokens=8, logprobs=True, top_logprobs=3))
    logprobs = output.choices[0].logprobs
    assert logprobs is not None
    assert len(logprobs.content) == 8
    assert all(token.top_logprobs and len(token.top_logprobs) == 3 for token in logprobs.content)
    assert all(token.token == (token.top_logprobs or [])[0].token for token in logprobs.content)


def test_tokens_are_counted_by_the_models_own_tokenizer(folder: Path) -> None:
    """One token a byte; Inspect's default would download a vocabulary."""
    assert asyncio.run(inspect_model(str(folder)).count_tokens("four")) == 4


def test_a_cached_answer_is_not_taken_for_a_retrained_models(folder: Path) -> None:
    """The trap: same path, same question, new weights, and the response cache on."""
    old = ask(inspect_model(str(folder)), cache=True)
    assert ask(inspect_model(str(folder)), cache=True).completion == old.completion
    save_tiny(folder, seed=5)
    assert ask(inspect_model(str(folder)), cache=True).completion != old.completion
    assert ask(inspect_model(str(folder))).completion != old.completion


def test_a_remembered_model_looks_at_its_files_again(folder: Path) -> None:
    """The trap: `get_model` gives the same object again, whatever lies at the path now."""
    model = get_model(f"instincts/{folder}")
    old, name = ask(model, cache=True), str(model)
    save_tiny(folder, seed=5)
    again = get_model(f"instincts/{folder}")
    new = ask(again, cache=True)
    assert again is model
    assert new.completion != old.completion
    assert str(again) != name
    assert new.model == str(again)


def test_an_eval_set_does_not_reuse_the_log_of_other_weights(folder: Path, tmp_path: Path) -> None:
    """The trap: `eval_set` finds finished logs by the model's name. Unchanged weights are found, changed ones not."""

    def evaluate(log_dir: str) -> EvalLog:
        how = {"log_dir": str(tmp_path / log_dir), "display": "none", "log_dir_allow_dirty": True}
        _, logs = eval_set(questions(), model=f"instincts/{folder}", **how)  # type: ignore[arg-type]
        return logs[0]

    first, again = evaluate("logs"), evaluate("logs")
    assert again.eval.run_id == first.eval.run_id
    save_tiny(folder, seed=5)
    after = evaluate("logs")
    assert after.eval.run_id != first.eval.run_id
    assert after.eval.model != first.eval.model


def test_a_logged_name_opens_the_content_it_names_or_nothing(folder: Path) -> None:
    name = str(inspect_model(str(folder))).removeprefix("instincts/")
    assert str(inspect_model(name)) == f"instincts/{name}"
    save_tiny(folder, seed=5)
    with pytest.raises(ModelDirectoryError, match="has changed"):
        inspect_model(name)


def test_weights_that_change_during_an_evaluation_fail_it(folder: Path) -> None:
    model = inspect_model(str(folder))
    original = model.api.generate

    async def retrain_first(*args: Any, **how: Any) -> Any:
        save_tiny(folder, seed=5)
        return await original(*args, **how)

    model.api.generate = retrain_first  # type: ignore[method-assign]
    log = run(model, folder / "logs")
    assert log.status == "error"
    assert log.error is not None
    assert "was changed while it was evaluated" in log.error.message


def test_a_prompt_that_fills_the_context_fails_its_sample(folder: Path) -> None:
    with pytest.raises(PromptSetError, match="context holds 256"):
        ask(inspect_model(str(folder)), "x" * 300)


def test_tools_for_a_template_that_shows_none_are_refused(folder: Path) -> None:
    tool = ToolInfo(name="add", description="Adds.", parameters=ToolParams())
    with pytest.raises(ModelDirectoryError, match="does not show tools"):
        ask(inspect_model(str(folder)), tools=[tool])


def test_a_misspelt_model_argument_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'batch_size'"):
        inspect_model(str(folder), batchsize=3)
    with pytest.raises(ConfigError, match="did you mean 'bfloat16'"):
        inspect_model(str(folder), dtype="bfloat61")


def test_as_many_requests_run_at_once_as_a_batch_holds(folder: Path) -> None:
    model = inspect_model(str(folder), batch_size=5)
    assert model.api.max_connections() == model.config.max_connections == 5


def test_registering_the_provider_loads_no_torch() -> None:
    code = "import sys, instincts.models.registration; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_request_may_bring_its_own_template_and_close_the_last_turn(folder: Path) -> None:
    """The fields of a vLLM request: a template, its arguments, whether the model's turn opens."""
    api: Any = inspect_model(str(folder)).api
    turns = [ChatMessageUser(content="q"), ChatMessageAssistant(content="a")]
    own = {
        "chat_template": "{{ bos_token }}{{ messages[0]['content'] }}{{ more }}",
        "chat_template_kwargs": {"more": "!"},
    }

    def shown(**body: Any) -> str:
        return str(api.rendered(turns, GenerateConfig(extra_body=body or None)))

    assert shown().endswith("<|im_start|>assistant\na")
    closed = shown(add_generation_prompt=True, continue_final_message=False)
    assert closed.endswith("a<|im_end|>\n<|im_start|>assistant\n")
    assert shown(**own, add_generation_prompt=False, continue_final_message=False) == "<s>q!"


def test_a_field_of_the_request_s_body_that_nobody_reads_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'chat_template'"):
        ask(inspect_model(str(folder)), config=SHORT.merge(GenerateConfig(extra_body={"chat_templat": "x"})))


def test_text_is_clipped_by_the_model_s_own_tokens(folder: Path) -> None:
    api: Any = inspect_model(str(folder)).api
    assert api.clipped("abcdef", 4) == "abcd"
    assert api.clipped("abc", 4) == "abc"
