"""A real model behind `instincts serve`: the shipped analyst, the official client, stored trees, and the page."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from instincts.pocket.requests import sample_requests
from instincts.statistics.ranking import auroc
from tests.analyst.service.processes import Serving, serving

openai = pytest.importorskip("openai", reason="openai is not installed (extra `dev`)")

NAME = "pocket-analyst"
PATIENCE = 60_000
"""Milliseconds that a busy machine may take."""
HARMFUL, BENIGN = ([each.prompt for each in sample_requests(kind, 12, 11, "heldout")] for kind in ("harmful", "benign"))
"""Of verbs and objects that it never saw."""

pytestmark = [pytest.mark.slow, pytest.mark.enable_socket]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    options = ("--model", NAME, "--policy", "general", "--on-error", "review", "--set", "error_reply=verdict")
    with serving(tmp_path_factory.mktemp("serving"), *options, "--set", "seconds=120") as found:
        yield found


@pytest.fixture(scope="module")
def judged(service: Serving) -> list[Any]:
    """What the official client gets for all texts at once, the harmful ones first."""
    client = openai.OpenAI(base_url=f"{service.url}/v1", api_key="any", timeout=120)
    found = client.moderations.create(input=[*HARMFUL, *BENIGN], model="omni-moderation-latest").results
    client.close()
    return list(found)


def test_a_specialist_behind_the_service_tells_harmful_texts_from_benign_ones(judged: list[Any]) -> None:
    ours = [each.model_extra["instincts"] for each in judged]
    told = [(each["probability"], n < len(HARMFUL)) for n, each in enumerate(ours) if each["tree_id"]]

    assert len(told) >= 0.9 * len(judged)
    assert auroc([chance for chance, _ in told], [bad for _, bad in told]) >= 0.9
    assert all(each.flagged == any(each.categories.model_dump().values()) for each in judged)


def test_its_trees_are_judged_again_under_other_policies_as_before_under_the_same(
    service: Serving, judged: list[Any]
) -> None:
    """Sensitive lines, 0 for review and block, let nothing pass; the same policy gives the same verdicts."""
    ours = [each.model_extra["instincts"] for each in judged if each.model_extra["instincts"]["tree_id"]]
    strict = httpx.get(f"{service.url}/v1/policies/general").json()["policy"] | {"name": "strict"}
    strict["verdict"] = {"review": 0.0, "block": 0.0}
    asked = {"tree_ids": [each["tree_id"] for each in ours], "policies": ["general", strict]}
    again = httpx.post(f"{service.url}/v1/rescore", json=asked, timeout=60).json()

    assert again["missing"] == []
    assert again["results"][0]["verdicts"] == [each["verdict"] for each in ours]
    assert again["results"][0]["scores"] == [each["score"] for each in ours]
    assert set(again["results"][1]["verdicts"]) == {"block"}
    assert len(again["flips"]) == sum(each["verdict"] != "block" for each in ours)


def test_an_answer_has_no_verdict_from_a_model_that_learnt_prompts(service: Serving) -> None:
    body = {"input": BENIGN[0], "subject": "response"}
    ours = httpx.post(f"{service.url}/v1/moderations", json=body, timeout=60).json()["results"][0]["instincts"]

    assert (ours["verdict"], ours["tree_id"], ours["error"]["cause"]) == ("review", None, "unreadable")


def test_the_page_shows_its_tree_and_moves_its_verdict(browser: Any, service: Serving, judged: list[Any]) -> None:
    """The weights of all categories at 0 leave the bias of `general`, -1.5, and what benefits take off: allowed."""
    worst = max(range(len(HARMFUL)), key=lambda n: judged[n].model_extra["instincts"]["probability"] or 0)
    page = browser.new_page()
    page.goto(service.url, timeout=PATIENCE)
    page.wait_for_selector("#slider-block-line", timeout=PATIENCE)
    page.fill("#text", HARMFUL[worst])
    page.click("#go")
    page.wait_for_selector("#verdict:not(.hidden)", timeout=PATIENCE)
    shown = page.inner_text("#chance")
    page.click("#unfold")
    leaves = page.locator("#tree li").count()
    for slider in page.locator(".slider.touched input").all():
        slider.fill("0")
    after = page.inner_text("#word")
    page.click("#compare button")
    page.wait_for_selector("#flips table", timeout=PATIENCE)
    told = page.inner_text("#flips")
    page.close()

    assert f"p {judged[worst].model_extra['instincts']['probability']:.3f}" in shown
    assert leaves >= 2
    assert after == "✓ Allow"
    assert f"{sum(bool(each.model_extra['instincts']['tree_id']) for each in judged)} trees" in told


def test_nothing_but_the_address_was_written_to_the_log(service: Serving, judged: list[Any]) -> None:
    assert judged
    assert "Traceback" not in service.log
    assert not any(text in service.log for text in (*HARMFUL, *BENIGN))
