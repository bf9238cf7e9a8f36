"""A model behind a real HTTP server, asked through Inspect's OpenAI provider, is judged as it is when opened here."""

from pathlib import Path

import pytest
from inspect_ai import eval as inspect_eval
from inspect_ai.log import EvalLog
from inspect_ai.model import Model, get_model

from instincts.models.provider import inspect_model
from instincts.suites import tasks
from tests.serving import served


def verdicts(model: Model, logs: Path) -> dict[str, tuple[str, str]]:
    task = tasks.pocket(attacks="plain,pocket", limit=3, questions=12, max_tokens=48)
    (log,) = inspect_eval(task, model=model, temperature=0.0, log_dir=str(logs), display="none")
    assert isinstance(log, EvalLog)
    assert log.status == "success", log.error
    found = {}
    for sample in log.samples or []:
        (score,) = [each for each in (sample.scores or {}).values() if each is not None]
        found[str(sample.id)] = (str(score.value), sample.output.completion)
    return found


@pytest.mark.slow
@pytest.mark.enable_socket
def test_a_served_model_gets_the_verdicts_of_the_local_one_on_greedy_decoding(tmp_path: Path) -> None:
    """Prefilled answers too: the server continues the last assistant message, as vLLM and SGLang do."""
    here = verdicts(inspect_model("pocket-llama"), tmp_path / "here")
    with served("pocket-llama") as url:
        there = verdicts(
            get_model("openai-api/pocket/pocket-llama", base_url=url, api_key="none", memoize=False), tmp_path / "there"
        )
    assert len(here) == 2 * 3 * 21 + 12
    assert there == here
