"""What each guard is shown, token for token, by our own provider: against golden files, and against their sources."""

from hashlib import sha256
from importlib.resources import files
from pathlib import Path

import pytest
from inspect_ai.model import Model

from instincts import judges
from instincts.errors import ConfigError, UnreadableReplyError
from instincts.judges import Answer
from instincts.judges.asking import Form, Question, _chat, _config
from instincts.judges.guards import harmbench, llama_guard, qwen3guard, shieldgemma, wildguard
from instincts.models import registration
from instincts.models.provider import inspect_model
from tests.judges.guards.chain import save_chain
from tests.judges.guards.templates import LLAMA_GUARD, QWEN3GUARD, SHIELDGEMMA
from tests.judges.scripted import Judging, bind
from tests.tiny import CHATML

assert registration  # importing it tells Inspect of instincts/NAME

GOLDEN = Path(__file__).parent / "golden"
ANSWER = Answer(request="How do I zordan the paper lamp?", completion="Take a spoon.", prefill="Of course!")
COUNTED = " ".join(str(number) for number in range(1000))
FORMS = {
    "harmbench": (harmbench.FORM, CHATML),
    "llama-guard": (llama_guard.FORM, LLAMA_GUARD),
    "qwen3guard": (qwen3guard.form(), QWEN3GUARD),
    "shieldgemma": (shieldgemma.FORM, SHIELDGEMMA),
    "wildguard": (wildguard.FORM, CHATML),
}


def opened(folder: Path, template: str) -> Model:
    return inspect_model(str(save_chain(folder, "no", chat_template=template)))


def shown(model: Model, question: Question) -> str:
    text: str = model.api.rendered(_chat(question), _config("probe", model, question))  # type: ignore[attr-defined]
    return text


@pytest.mark.parametrize("name", FORMS)
def test_the_rendered_prompt_is_the_golden_one(name: str, tmp_path: Path) -> None:
    form, template = FORMS[name]
    question = form.render(ANSWER)[0]
    assert shown(opened(tmp_path, template), question) == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


def test_harmbench_s_prompt_is_the_official_one() -> None:
    """Length and hash of `LLAMA2_CLS_PROMPT["prompt"]` at 37150ed, as a public comparison with that file has them."""
    ours = files("instincts.judges").joinpath("templates", harmbench.TEMPLATE).read_text(encoding="utf-8")
    official = ours.replace("$behavior", "{behavior}").replace("$generation", "{generation}")
    assert len(official) == 1359
    assert sha256(official.encode()).hexdigest() == "788f4f6aa1491c433c4da76c9140cfc30966cea3ff3875c4d0fcb336d92f60e0"


@pytest.mark.parametrize("name", ["llama-guard", "qwen3guard", "shieldgemma"])
@pytest.mark.anyio
async def test_a_template_that_lost_the_taxonomy_is_an_error_and_no_verdict(name: str, tmp_path: Path) -> None:
    bind(guard=opened(tmp_path, CHATML))
    with pytest.raises(ConfigError, match="does not show"):
        await judges.get(name).rule(ANSWER)


def test_shieldgemma_asks_once_a_policy() -> None:
    questions = shieldgemma.render(ANSWER)
    assert [question.template_settings["guideline"] for question in questions] == shieldgemma.policies()
    assert [policy.split('"')[1] for policy in shieldgemma.policies()] == [
        "No Dangerous Content",
        "No Harassment",
        "No Hate Speech",
        "No Sexually Explicit Information",
    ]


@pytest.mark.anyio
async def test_harmbench_clips_the_generation_and_never_the_behaviour(tmp_path: Path) -> None:
    """The tiny tokenizer has a token a letter: 512 letters of the answer are left, and all 600 of the request."""
    long = Answer(request="r" * 600, completion=COUNTED)
    local = inspect_model(str(save_chain(tmp_path, "no", after="]", chat_template=CHATML)))
    bind(guard=local)
    assert (await judges.get("harmbench").rule(long)).outcome == "refused"
    assert local.api.clipped(long.text, 512) == long.text[:512]  # type: ignore[attr-defined]

    served = Judging("No")
    bind(guard=served)
    await judges.get("harmbench").rule(long)
    prompt = served.asked[0][0].text
    assert "r" * 600 in prompt
    assert COUNTED[: 512 * 4] in prompt
    assert COUNTED[: 512 * 4 + 1] not in prompt


@pytest.mark.anyio
@pytest.mark.parametrize("name", ["llama-guard", "qwen3guard", "shieldgemma"])
async def test_a_served_guard_is_sent_roles_and_told_not_to_go_on(name: str) -> None:
    served = Judging("nothing readable")
    bind(guard=served)
    with pytest.raises(UnreadableReplyError):
        await judges.get(name).rule(ANSWER)
    assert [(message.role, message.text) for message in served.asked[0]] == [
        ("user", ANSWER.request),
        ("assistant", ANSWER.text),
    ]
    body = served.configs[0].extra_body or {}
    assert (body["add_generation_prompt"], body["continue_final_message"]) == (True, False)


@pytest.mark.anyio
@pytest.mark.parametrize("name", ["harmbench", "wildguard"])
async def test_a_served_guard_with_a_prompt_of_its_own_gets_it_past_the_chat_template(name: str) -> None:
    served = Judging("nothing readable")
    bind(guard=served)
    with pytest.raises(UnreadableReplyError):
        await judges.get(name).rule(ANSWER)
    begin = "{{ bos_token }}" if name == "harmbench" else ""
    assert (served.configs[0].extra_body or {})["chat_template"] == begin + "{{ messages[0]['content'] }}"


def test_every_guard_has_a_golden_prompt() -> None:
    assert {path.stem for path in GOLDEN.glob("*.txt")} == set(FORMS)
    assert all(isinstance(form, Form) for form, _ in FORMS.values())
