"""The page in a real browser, on a real service: what it computes, what it does, and that nothing in a tree can act."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instincts.analyst import Policy, Tree, parse_policy, read_policy, score
from instincts.analyst.policy_files import SHIPPED
from instincts.analyst.service.asking import Case
from instincts.analyst.service.tenants import Tenant, Tenants
from tests.analyst.service.listening import listening
from tests.analyst.service.scripted import BENIGN, HARMFUL, ScriptedAnalyst
from tests.analyst.trees import any_tree, tree

PATIENCE = 60_000
"""Milliseconds. The page forbids `eval`, so nothing here waits for a function in it."""
MARKUP = "<img src=x onerror=window.hit=1>"
pytestmark = pytest.mark.enable_socket


class NastyAnalyst(ScriptedAnalyst):
    """Writes markup wherever a tree holds words."""

    async def grow(self, case: Case) -> Tree:
        if "nasty" not in case.turns[-1][1]:
            return await super().grow(case)
        data = tree("9 A4H+", "B J2H+ x").model_dump()
        data["harms"][0]["stakeholder"] = MARKUP
        data["benefits"][0]["actions"][0]["action"] = MARKUP
        return Tree.of(data)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with listening(tmp_path_factory.mktemp("service"), NastyAnalyst()) as url:
        yield url


@pytest.fixture(scope="module")
def opened(browser: Any, address: str, request: pytest.FixtureRequest) -> Iterator[tuple[Any, list[str]]]:
    width, scheme = getattr(request, "param", (1280, "light"))
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page, troubles = context.new_page(), []
    page.on("console", lambda message: troubles.append(message.text))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("request", lambda sent: None if sent.url.startswith(address) else troubles.append(sent.url))
    page.goto(address, timeout=PATIENCE)
    page.wait_for_selector("#slider-block-line", timeout=PATIENCE)
    yield page, troubles
    context.close()


def judge(page: Any, text: str) -> str:
    page.fill("#text", text)
    page.click("#go")
    page.wait_for_selector("#go:not([disabled])", timeout=PATIENCE)
    return str(page.inner_text("#word"))


def variants() -> Iterator[Policy]:
    for name in SHIPPED:
        yield read_policy(name)
    data = read_policy("general").to_data()
    data["verdict"] = {"costs": {"missed": 10, "false_alarm": 2, "review": 0.5}}
    data["calibration"] = {"intercept": 0.3, "scale": 0.7, "fitted_share": 0.5}
    data["base_rate"] = 0.02
    data["transform"] = "sqrt"
    data["benefit"]["clip"] = 0.4
    data["harm"]["effects"] = {"A": 2.0}
    data["harm"]["actions"] = {"9": 0.5, "Fraud": 3.0}
    data["floors"] = {"Fraud": {"review": 0.25}, "privacy": {"block": 1.1}}
    yield parse_policy(json.dumps(data), ".json")


def test_the_page_computes_what_the_server_computes(opened: tuple[Any, list[str]]) -> None:
    """All shipped policies and one with costs, base rate, multipliers, clip and floors, on any trees, to 1e-9."""
    page, _ = opened
    policies = list(variants())

    @settings(max_examples=25, deadline=None, derandomize=True)
    @given(st.lists(any_tree, min_size=5, max_size=5))
    def same(trees: list[Tree]) -> None:
        asked = {
            "trees": [each.model_dump(mode="json") for each in trees],
            "policies": [each.to_data() for each in policies],
        }
        found = page.evaluate(
            """({trees, policies}) => policies.map(policy => trees.map(tree => {
                const {score, probability, verdict, floored, leaves, points} = judge(tree, policy);
                const shares = leaves.reduce((sum, each) => sum + each.points, policy.bias);
                return {score, probability, verdict, floored, shares, points: points.slice(0, 17)};
            }))""",
            asked,
        )
        for policy, rows in zip(policies, found, strict=True):
            scores = score(trees, policy)
            assert [row["verdict"] for row in rows] == scores.verdicts()
            assert [row["floored"] for row in rows] == scores.floored_P.tolist()
            assert [row["score"] for row in rows] == pytest.approx(scores.score_P.tolist(), abs=1e-9)
            assert [row["probability"] for row in rows] == pytest.approx(scores.probability_P.tolist(), abs=1e-9)
            assert [row["shares"] for row in rows] == pytest.approx(scores.score_P.tolist(), abs=1e-9)

    same()


def test_a_slider_moves_the_verdict_and_reset_takes_it_back(opened: tuple[Any, list[str]]) -> None:
    page, _ = opened
    assert judge(page, HARMFUL) == "■ Block"

    page.locator("#slider-violence_extremism").fill("0")
    assert page.inner_text("#word") == "✓ Allow"
    assert "■ Block" in page.inner_text("#why")
    page.click("#reset")
    assert page.inner_text("#word") == "■ Block"


def test_the_keyboard_reaches_sliders_and_branches(opened: tuple[Any, list[str]]) -> None:
    page, _ = opened
    judge(page, HARMFUL)
    page.focus("#text")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "subject"
    page.focus("#slider-violence_extremism")
    page.keyboard.press("Home")
    assert page.inner_text("#word") == "✓ Allow"
    page.click("#reset")
    page.focus("#tree summary")
    before = page.evaluate("document.querySelector('#tree details').open")
    page.keyboard.press("Enter")
    assert page.evaluate("document.querySelector('#tree details').open") is not before


def test_ctrl_and_enter_in_the_text_judge_it(opened: tuple[Any, list[str]]) -> None:
    page, _ = opened
    judge(page, BENIGN)
    page.fill("#text", HARMFUL)
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#word.block", timeout=PATIENCE)


def test_sliders_that_matter_to_the_tree_are_marked_in_words(opened: tuple[Any, list[str]]) -> None:
    """The harmful tree has violence and a benefit, and nothing of the other fifteen categories."""
    page, _ = opened
    judge(page, HARMFUL)

    ids = page.eval_on_selector_all(".slider.touched input", "all => all.map(each => each.id)")
    assert ids == ["slider-violence_extremism", "slider-benefits"]


@pytest.mark.parametrize("opened", [(360, "light")], indirect=True)
def test_the_verdict_stays_in_sight_beside_the_sliders_of_a_phone(opened: tuple[Any, list[str]]) -> None:
    page, _ = opened
    judge(page, HARMFUL)
    page.focus("#slider-criminal_activities")
    page.locator("#slider-violence_extremism").fill("0")

    page.evaluate("document.getElementById('slider-criminal_activities').scrollIntoView()")
    strip = page.locator("#strip").bounding_box()
    slider = page.locator("#slider-criminal_activities").bounding_box()
    assert "✓ Allow" in page.inner_text("#strip")
    assert 0 <= strip["y"] < strip["y"] + strip["height"] <= slider["y"]


def test_a_token_is_asked_for_only_where_one_is_needed(
    browser: Any, opened: tuple[Any, list[str]], tmp_path: Path
) -> None:
    assert not opened[0].is_visible("#token")
    tenant = Tenant(name="acme", tokens=("sha256:" + hashlib.sha256(b"secret").hexdigest(),), policy="children")
    with listening(tmp_path, tenants=Tenants({"acme": tenant})) as url:
        page = browser.new_page()
        page.goto(url, timeout=PATIENCE)
        page.wait_for_selector("#token", timeout=PATIENCE)
        page.fill("#token", "secret")
        page.keyboard.press("Enter")
        page.wait_for_selector("#slider-block-line", timeout=PATIENCE)
        assert page.input_value("#policy") == "children"
        page.close()


def test_a_saved_policy_is_compared_over_stored_trees(opened: tuple[Any, list[str]]) -> None:
    page, _ = opened
    judge(page, BENIGN)
    judge(page, HARMFUL)
    page.locator("#slider-violence_extremism").fill("0")
    page.fill("#save-name", "mild")
    page.click("#save button")
    page.wait_for_selector("#saved:has-text('Saved mild 1')", timeout=PATIENCE)
    page.select_option("#first", "general")
    page.select_option("#second", "mild")
    page.click("#compare button")
    page.wait_for_selector("#flips table", timeout=PATIENCE)

    told = page.inner_text("#flips")
    assert "; 0 of" not in told
    assert "0 stricter, " in told
    assert "block → allow" in told
    page.locator("#flips li button").first.click()
    page.wait_for_selector("#found:has-text('stored')", timeout=PATIENCE)
    assert "institution 1" in page.inner_text("#tree")
    page.select_option("#policy", "general")
    page.wait_for_load_state("networkidle", timeout=PATIENCE)


def test_markup_in_a_tree_stays_text(opened: tuple[Any, list[str]]) -> None:
    page, _ = opened
    judge(page, "nasty")
    page.click("#unfold")

    assert page.inner_text("#tree").count(MARKUP) == 2
    assert page.locator("#tree img").count() == 0
    assert page.evaluate("window.hit") is None


def test_what_has_no_tree_is_told_and_nothing_old_stays(opened: tuple[Any, list[str]]) -> None:
    page, _ = opened
    judge(page, HARMFUL)
    judge(page, "garble")

    assert "unreadable" in page.inner_text("#trouble")
    assert not page.is_visible("#verdict")


@pytest.mark.parametrize("opened", [(360, "light"), (360, "dark"), (1280, "light"), (1280, "dark")], indirect=True)
def test_nothing_scrolls_sideways_and_nothing_is_reported(opened: tuple[Any, list[str]]) -> None:
    page, troubles = opened
    judge(page, HARMFUL)
    page.click("#unfold")
    page.click("#compare button")
    page.wait_for_selector("#flips table", timeout=PATIENCE)

    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    assert troubles == []
