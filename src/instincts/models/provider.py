"""Serves any model to Inspect as `instincts/NAME`: batched, seeded, with entropies in each output's metadata.

Names in logs carry the model's content, `instincts/NAME@0123456789ab`, and so does `base_url`. Inspect keys its log
directories by the one and its response cache by the other, and remembers models by name within a process; so a model
that was trained again under the same path is a different model everywhere, and no old answer is ever taken for its own.

Sampling follows the request alone: what it leaves open is temperature 1, top-p 1, no top-k, seed 0. Each answer is
drawn from its own seed, made of the request's seed, the rendered prompt, and the sample and epoch it belongs to.
"""

import asyncio
import contextlib
import copy
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

import anyio
import torch
from inspect_ai.log._samples import sample_active
from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    GenerateConfig,
    Model,
    ModelAPI,
    ModelOutput,
    ModelUsage,
    get_model,
)
from inspect_ai.tool import ToolChoice, ToolInfo

from instincts.errors import ModelDirectoryError, unknown_name
from instincts.models import conversation
from instincts.models.chat import render, render_text
from instincts.models.decoding import answer_room, row_seed
from instincts.models.directory import ModelLocation, is_unchanged, locate, tagged
from instincts.models.opening import OpenModel, open_location
from instincts.models.queue import BatchQueue
from instincts.models.tool_calls import Reply, parse_json_calls, parse_reply

__all__ = ["BATCH_SIZE", "DEFAULT_MAX_TOKENS", "InstinctsAPI", "inspect_model"]

T = TypeVar("T")

BATCH_SIZE = 64
"""Most answers decoded at once, unless the caller says otherwise."""

DEFAULT_MAX_TOKENS = 2048
"""Longest answer where a request sets none, as in Inspect's other local providers."""


def inspect_model(name: str, config: GenerateConfig | None = None, **model_args: Any) -> Model:
    """Give a model to Inspect: `get_model("instincts/NAME")`, opened anew, with as many connections as a batch holds.

    Args:
        name: a pocket name, a folder or a hub id.
        config: settings of every request.
        **model_args: `dtype`, `device`, `batch_size`.
    """
    # A number of connections also switches off Inspect's search for one, which leaves batches half empty at first.
    connections = GenerateConfig(max_connections=int(model_args.get("batch_size", BATCH_SIZE)))
    settings = connections.merge(config or GenerateConfig())
    return get_model(f"instincts/{name}", config=settings, memoize=False, **model_args)


class InstinctsAPI(ModelAPI):
    """Inspect's view of one open model."""

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig = GenerateConfig(),  # noqa: B008 - Inspect's own signature; it is only read
        *,
        dtype: str | None = None,
        device: str | None = None,
        batch_size: int = BATCH_SIZE,
        **model_args: Any,
    ) -> None:
        """Open the model.

        Args:
            model_name: a pocket name, a folder or a hub id.
            base_url: the digest a log recorded; anything else is refused.
            api_key: not used.
            config: the settings of every request.
            dtype: name of a torch dtype; see `open_model`.
            device: see `open_model`.
            batch_size: most answers decoded at once.
            **model_args: refused by name.

        Raises:
            ModelDirectoryError: the model does not open, or has changed since the log was written.
        """
        if model_args:
            raise unknown_name("argument of an instincts model", min(model_args), ("dtype", "device", "batch_size"))
        if dtype is not None and not isinstance(getattr(torch, dtype, None), torch.dtype):
            raise unknown_name("dtype", dtype, ("float32", "bfloat16", "float16"))
        self._dtype = None if dtype is None else getattr(torch, dtype)
        self._device = device
        self._queue = BatchQueue(int(batch_size))
        self._lock = threading.Lock()
        self._location = locate(model_name)
        self._looked = time.monotonic()
        self._opened: OpenModel | None = open_location(self._location, self._dtype, device)
        self._view: Callable[[OpenModel], OpenModel] | None = None
        self._tag = ""
        if base_url not in (None, self.base_url):
            raise ModelDirectoryError(f"{self._location.name} is now {self.base_url}, not {base_url}: it has changed")
        super().__init__(model_name=model_name, base_url=base_url, api_key=api_key, config=config)

    @property
    def model_name(self) -> str:
        """Name and content of the model as it lies on the disk now; Inspect asks a dozen times a sample."""
        if time.monotonic() - self._looked > _NAME_SECONDS:
            self._fresh_location()
        return self._location.tagged_name

    @model_name.setter
    def model_name(self, value: str) -> None:
        """Ignore the name that Inspect's constructor sets: it lacks the content."""

    @property
    def base_url(self) -> str:
        """The content of the model, the part of Inspect's cache key that a provider can choose."""
        return f"sha256:{self._fresh_location().digest}{self._tag}"

    @base_url.setter
    def base_url(self, value: str | None) -> None:
        """Ignore what Inspect's constructor sets."""

    async def generate(
        self, input: list[ChatMessage], tools: list[ToolInfo], tool_choice: ToolChoice, config: GenerateConfig
    ) -> ModelOutput:
        """Answer one chat; see the module for seeds and `ModelOutput.metadata`.

        `mean_entropy` and `first_k_entropy` (nats a token; the stop token counts) and `first_k` are in the metadata,
        of the first choice where several were asked for.

        Raises:
            ConfigError: a setting that would change the distribution and is not supported.
            PromptSetError: the chat cannot be rendered or does not fit the context.
        """
        opened = self._fresh_model()
        if self._view is not None:
            opened = self._view(opened)
        model = f"instincts/{tagged(opened.name, opened.digest)}"
        sampling = conversation.sampling_of(config, DEFAULT_MAX_TOKENS)
        schemas = [conversation.template_tool(tool) for tool in tools]
        how = conversation.rendering_of(config)
        prompt = render(opened.tokenizer, [conversation.template_message(message) for message in input], schemas, how)
        room = answer_room(opened.model, prompt, sampling.max_tokens)
        expected = config.max_connections or self._queue.batch_size
        waiting = [
            self._queue.submit(opened, prompt, sampling, _seed(config, prompt, choice), expected)
            for choice in range(config.num_choices or 1)
        ]
        answers = [await _result(future) for future in waiting]
        choices = []
        for answer in answers:
            text = conversation.answer_text(opened.tokenizer, answer, sampling.stop)
            reply = Reply(text, [])
            if tools and input[-1].role == "assistant":
                # A response template reads from the start of the turn and would count the prefilled part as an answer.
                reply = parse_json_calls(text)
            elif tools:
                reply = parse_reply(opened.tokenizer, answer.tokens, text, prompt, schemas)
            choices.append(
                ChatCompletionChoice(
                    message=conversation.assistant_message(reply, model),
                    stop_reason=conversation.stop_reason(reply, answer, short_of_context=room < sampling.max_tokens),
                    logprobs=conversation.logprobs(opened.tokenizer, answer) if config.logprobs else None,
                )
            )
        written = sum(len(answer.tokens) for answer in answers)
        return ModelOutput(
            model=model,
            choices=choices,
            usage=ModelUsage(input_tokens=len(prompt), output_tokens=written, total_tokens=len(prompt) + written),
            metadata=conversation.entropies(answers[0]),
        )

    def rendered(self, input: list[ChatMessage], config: GenerateConfig) -> str:
        """Render a chat as `generate` would show it to the model, special tokens spelt out."""
        messages = [conversation.template_message(message) for message in input]
        return render_text(self._fresh_model().tokenizer, messages, how=conversation.rendering_of(config))

    def clipped(self, text: str, tokens: int) -> str:
        """Cut a text after so many of the model's tokens."""
        tokenizer = self._fresh_model().tokenizer
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        return text if len(ids) <= tokens else str(tokenizer.decode(ids[:tokens]))

    def control_strings(self) -> list[str]:
        """List what the tokenizer takes for one token wherever it stands, in a user's text too."""
        return list(self._fresh_model().tokenizer.get_added_vocab())

    async def run_alone(self, work: Callable[[OpenModel], T]) -> T:
        """Run torch work on the model in a thread, while nothing else uses the model.

        For what no request can express: gradients, hidden states, hooks. Work waits for its turn, and answers wait
        for work; whatever it changes of the model it must put back.
        """
        return await _result(self._queue.run_alone(self._fresh_model(), work))

    def seen_through(self, view: Callable[[OpenModel], OpenModel], tag: str) -> "InstinctsAPI":
        """Give this provider with a changed view of its model; weights, queue and turns stay the same.

        For answers under hooks (`hooks.edited_model`). Requests share a batch where `view` gives the same object.

        Args:
            view: from the model to what is decoded from; called at each request, so it should remember.
            tag: joins `base_url`, so that Inspect's response cache takes no such answer for one of the plain model.
        """
        other = copy.copy(self)
        other._view, other._tag = view, f"+{tag}"
        return other

    async def count_text_tokens(self, text: str) -> int:
        """Count with the model's own tokenizer; Inspect's default downloads another one."""
        return len(await self.tokenize(text))

    async def tokenize(self, text: str) -> list[int]:
        """Tokenise plain text, without template or special tokens."""
        ids: list[int] = self._fresh_model().tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def max_tokens(self) -> int | None:
        """Longest answer where the request sets none."""
        return DEFAULT_MAX_TOKENS

    def max_connections(self) -> int:
        """As many requests at once as one batch holds: then a batch fills, and decodes while nothing else runs."""
        return self._queue.batch_size

    def connection_key(self) -> str:
        """Each model has its own batches."""
        return self._location.name

    def collapse_user_messages(self) -> bool:
        """Many templates refuse two user turns in a row."""
        return True

    def should_retry(self, ex: Exception) -> bool:
        """Nothing here fails by chance."""
        return False

    def close(self) -> None:
        """Let go of the model."""
        self._opened = None

    def _fresh_location(self) -> ModelLocation:
        """Look again where the files have changed. While they are being written, the model is still the old one."""
        with self._lock:
            self._looked = time.monotonic()
            if not is_unchanged(self._location):
                with contextlib.suppress(ModelDirectoryError, OSError):
                    location = locate(self._location.name)
                    if location.digest != self._location.digest:
                        self._opened = None
                    self._location = location
            return self._location

    def _fresh_model(self) -> OpenModel:
        location = self._fresh_location()
        active = sample_active()
        begun = "" if active is None else str(active.model)
        if begun.startswith(f"instincts/{location.name}@") and begun != f"instincts/{location.tagged_name}":
            raise ModelDirectoryError(
                f"{location.name} was changed while it was evaluated (it was {begun}); "
                "evaluate it again, and train into another folder meanwhile"
            )
        with self._lock:
            if self._opened is None:
                self._opened = open_location(location, self._dtype, self._device)
            return self._opened


_NAME_SECONDS = 0.01
"""How long a name may go without a look at the disk: less than any model takes to be written."""


def _seed(config: GenerateConfig, prompt: list[int], choice: int) -> int:
    """Name an answer by everything that may tell it from another: run again, it is the same; in another epoch, not."""
    active = sample_active()
    sample = (None, None) if active is None else (active.sample.id, active.epoch)
    return row_seed(config.seed or 0, prompt, *sample, choice)


async def _result(future: "Future[T]") -> T:
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:  # Inspect can also run on trio
        return await anyio.to_thread.run_sync(future.result, abandon_on_cancel=True)
    return await asyncio.wrap_future(future, loop=loop)
