"""Low-resource languages: the request in another language, the answer translated back for the judge (arXiv:2310.02446).

The paper's four low-resource languages, through a model in the role `translator`; one prompt each and no search.
`translation/combined` is the paper's combined attack: it asks in all four and keeps the language that works best. A
request that the translator does not translate is sent as it is; an answer that it does not translate back gets no
verdict. Left out: the paper's medium- and high-resource languages, which hardly attack, and a check of the translation.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

from instincts.attacks.attack import Attack, Found, Goal
from instincts.attacks.attacker import ask_for_fields, quoted, told
from instincts.attacks.trying import asking
from instincts.attacks.wording import fill, sources
from instincts.errors import UnreadableReplyError

if TYPE_CHECKING:
    from instincts.attacks.target import AttackTarget

__all__ = ["ATTACKS", "LANGUAGES", "TRANSLATOR"]

LANGUAGES = {"zulu": "Zulu", "scots-gaelic": "Scots Gaelic", "hmong": "Hmong", "guarani": "Guarani"}

TRANSLATOR = "translator"
"""The model role that translates."""


def _one(language: str) -> "Callable[[AttackTarget, Goal, int], Awaitable[Found]]":
    async def search(target: "AttackTarget", goal: Goal, seed: int) -> Found:
        ((prompt, was_translated),) = await _there(target, goal, [language])
        notes = {"language": language, "translated": was_translated}
        return Found(asking(goal, prompt), notes=notes, read=partial(_back, target))

    return search


async def _combined(target: "AttackTarget", goal: Goal, seed: int) -> Found:
    languages = list(LANGUAGES.values())[: target.left]
    prompts = await _there(target, goal, languages)
    conversations = [asking(goal, prompt) for prompt, _ in prompts]
    answers = await target.ask_all(conversations)
    ratings = await asyncio.gather(*(_rated(target, goal, answer) for answer in answers))
    best = max(range(len(languages)), key=lambda number: ratings[number])
    notes = {"language": languages[best], "translated": prompts[best][1], "rating": ratings[best]}
    return Found(conversations[best], notes=notes, read=partial(_back, target))


async def _there(target: "AttackTarget", goal: Goal, languages: list[str]) -> list[tuple[str, bool]]:
    text = quoted(goal.request)
    asked = [told(fill("translation-there", language=language, text=text)) for language in languages]
    replies = await ask_for_fields(target, asked, "translation", role=TRANSLATOR, temperature=0.0)
    return [(goal.request, False) if reply is None else (reply["translation"], True) for reply in replies]


async def _back(target: "AttackTarget", answer: str) -> str:
    """Translate an answer into English.

    Raises:
        UnreadableReplyError: the translator did not.
    """
    if not answer.strip():
        return answer
    asked = told(fill("translation-back", text=quoted(answer, most=len(answer))))
    (reply,) = await ask_for_fields(target, [asked], "translation", role=TRANSLATOR, temperature=0.0)
    if reply is None:
        raise UnreadableReplyError(f"the translator did not translate the answer back: {answer[:80]!r}")
    return reply["translation"]


async def _rated(target: "AttackTarget", goal: Goal, answer: str) -> float:
    try:
        return await target.rate(goal, await _back(target, answer))
    except UnreadableReplyError:
        return 0.0


def _attack(
    name: str, mechanism: str, search: "Callable[[AttackTarget, Goal, int], Awaitable[Found]]", budget: int
) -> Attack:
    return Attack(
        name=f"translation/{name}",
        family="translation",
        mechanism=mechanism,
        access="black-box",
        search=search,
        budget=budget,
        cost="two translations an answer",
        roles=(TRANSLATOR,),
        sources=sources("translation-there", "translation-back"),
        paper="2310.02446",
    )


ATTACKS = (
    *(_attack(name, f"asks in {language}", _one(language), 0) for name, language in LANGUAGES.items()),
    _attack("combined", "asks in the language that works best of four", _combined, len(LANGUAGES)),
)
