"""`/v1/moderations`: OpenAI's schema outside, a verdict on a tree inside."""

import sqlite3
from pathlib import Path

import pytest

from instincts.analyst import read_policy
from instincts.analyst.service import ServiceSettings
from instincts.analyst.service.categories import KEYS
from tests.analyst.service.scripted import BENIGN, HARMFUL, ScriptedAnalyst, asked

pytestmark = pytest.mark.anyio


async def test_a_harmful_text_is_flagged_and_a_benign_one_is_not(tmp_path: Path) -> None:
    """`general`: two violent leaves of severity 1 and 0.7 are 3 ln(1 + 1.7) = 2.98 points above the bias of -1.5.

    The benefit takes 0.4 ln(1 + 0.1 · 0.15 · 0.5) = 0.003 off: 1.477 points, p = 0.814, above the block line 0.7.
    """
    async with asked(tmp_path) as (client, _):
        answer = (await client.post("/v1/moderations", json={"input": [HARMFUL, BENIGN]})).json()

    bad, good = answer["results"]
    assert (bad["flagged"], good["flagged"]) == (True, False)
    assert bad["instincts"]["score"] == pytest.approx(1.477, abs=5e-4)
    assert bad["instincts"]["verdict"] == "block"
    assert bad["categories"]["violence"]
    assert set(bad["categories"]) == set(bad["category_scores"]) == set(KEYS)
    assert answer["model"] == "general"


@pytest.mark.parametrize("text", [HARMFUL, BENIGN, "How do I mirvel?"])
async def test_a_text_is_flagged_exactly_where_a_category_is(tmp_path: Path, text: str) -> None:
    async with asked(tmp_path) as (client, _):
        for review in (True, False):
            async with asked(tmp_path, settings=ServiceSettings(flag_review=review)) as (client, _):
                result = (await client.post("/v1/moderations", json={"input": text})).json()["results"][0]
            assert result["flagged"] == any(result["categories"].values())
            assert max(result["category_scores"].values()) <= result["instincts"]["probability"]


async def test_the_same_text_asks_the_analyst_once(tmp_path: Path) -> None:
    analyst = ScriptedAnalyst()
    async with asked(tmp_path, analyst) as (client, _):
        for tier in ("model", "memory"):
            result = (await client.post("/v1/moderations", json={"input": HARMFUL})).json()["results"][0]
            assert result["instincts"]["tier"] == tier
    async with asked(tmp_path, analyst) as (client, _):
        result = (await client.post("/v1/moderations", json={"input": HARMFUL})).json()["results"][0]

    assert result["instincts"]["tier"] == "store"
    assert len(analyst.calls) == 1


async def test_a_text_that_comes_again_gets_the_same_answer_under_each_policy(tmp_path: Path) -> None:
    """Its numbers come from memory the second time; only ids and the tier differ."""
    async with asked(tmp_path) as (client, _):
        answers = [
            (await client.post("/v1/moderations", json={"input": HARMFUL, "model": name})).json()["results"][0]
            for name in ("general", "children", "general", "children")
        ]

    for each in answers:
        for name in ("verdict_id", "tier"):
            del each["instincts"][name]
    assert answers[:2] == answers[2:]
    assert answers[0]["instincts"]["score"] != answers[1]["instincts"]["score"]


async def test_a_response_is_another_subject_than_a_prompt(tmp_path: Path) -> None:
    analyst = ScriptedAnalyst()
    async with asked(tmp_path, analyst) as (client, _):
        await client.post("/v1/moderations", json={"input": BENIGN})
        await client.post("/v1/moderations", json={"input": BENIGN, "subject": "response"})

    assert [case.subject for case in analyst.calls] == ["prompt", "response"]


async def test_text_parts_are_one_text_and_an_image_is_an_error(tmp_path: Path) -> None:
    text = {"type": "text", "text": HARMFUL}
    image = {"type": "image_url", "image_url": {"url": "data:"}}
    async with asked(tmp_path) as (client, _):
        one = await client.post("/v1/moderations", json={"input": [text, text]})
        other = await client.post("/v1/moderations", json={"input": [text, image]})

    assert len(one.json()["results"]) == 1
    assert other.status_code == 400
    assert other.json()["error"]["type"] == "invalid_request_error"


async def test_a_policy_is_named_as_the_model_and_openais_names_mean_the_services(tmp_path: Path) -> None:
    async with asked(tmp_path) as (client, _):
        names = [
            (await client.post("/v1/moderations", json={"input": BENIGN, "model": name})).json()["model"]
            for name in ("children", "omni-moderation-latest", "general")
        ]
        unknown = await client.post("/v1/moderations", json={"input": BENIGN, "model": "childen"})

    assert names == ["children", "general", "general"]
    assert unknown.status_code == 404
    assert "did you mean 'children'" in unknown.json()["error"]["message"]


@pytest.mark.parametrize(("reply", "status"), [("status", 503), ("verdict", 200)])
async def test_a_text_without_a_tree_gets_what_was_declared(tmp_path: Path, reply: str, status: int) -> None:
    settings = ServiceSettings.model_validate({"error_reply": reply})
    async with asked(tmp_path, settings=settings, on_error="block") as (client, _):
        answer = await client.post("/v1/moderations", json={"input": "garble"})

    assert answer.status_code == status
    if status == 503:
        assert answer.json()["error"]["code"] == "unreadable"
        assert answer.headers["x-should-retry"] == "false"
    else:
        result = answer.json()["results"][0]
        assert result["flagged"]
        assert result["instincts"]["verdict"] == "block"
        assert result["instincts"]["error"]["cause"] == "unreadable"
        assert result["instincts"]["score"] is None


async def test_it_is_alive_and_ready(tmp_path: Path) -> None:
    async with asked(tmp_path) as (client, _):
        assert (await client.get("/healthz")).json()["status"] == "ok"
        assert (await client.get("/readyz")).json()["policy"]["name"] == "general"


async def test_metrics_count_verdicts_and_hold_no_text(tmp_path: Path) -> None:
    async with asked(tmp_path) as (client, _):
        await client.post("/v1/moderations", json={"input": [HARMFUL, BENIGN]})
        text = (await client.get("/metrics")).text

    assert 'instincts_verdicts_total{tenant="local",verdict="block"} 1.0' in text
    assert "lamp" not in text


async def test_the_whole_answer_opens_into_leaves_whose_points_add_up(tmp_path: Path) -> None:
    """Leaves add up to actions, effects and stakeholders, and with the empty tree's score to the score."""
    async with asked(tmp_path) as (client, _):
        found = (await client.post("/v1/analyze", json={"prompt": HARMFUL})).json()
        kept = sqlite3.connect(tmp_path / "moderation.db").execute("SELECT tree_id, score FROM verdicts WHERE id = ?", (
            found["verdict_id"],
        )).fetchone()  # fmt: skip

    shares = found["contributions"]
    points = sum(each["points"] for each in shares["leaves"])
    assert found["score_of_empty_tree"] + points == pytest.approx(found["score"], abs=1e-9)
    for group in (shares["actions"], shares["effects"], shares["stakeholders"], found["points"]):
        assert sum(group.values()) == pytest.approx(points, abs=1e-9)
    assert [each["action"] for each in shares["leaves"]][:2] == ["Violent Acts", "Violent Acts"]
    assert kept == (found["tree_id"], found["score"])


async def test_the_weight_that_it_says_would_change_the_verdict_does(tmp_path: Path) -> None:
    async with asked(tmp_path) as (client, _):
        found = (await client.post("/v1/analyze", json={"prompt": HARMFUL})).json()
        change = next(each for each in found["changes"] if each["key"] == "violence_extremism")
        policy = read_policy("general").to_data()
        policy["weights"]["violence_extremism"] = change["needed"]
        again = await client.post("/v1/rescore", json={"tree_ids": [found["tree_id"]], "policies": ["general", policy]})

    verdicts = [each["verdicts"] for each in again.json()["results"]]
    assert verdicts == [[found["verdict"]], [change["verdict"]]]
    assert change["verdict"] != found["verdict"]


async def test_a_dialogue_and_an_answer_to_a_prompt_are_judged_with_their_turns(tmp_path: Path) -> None:
    analyst = ScriptedAnalyst()
    turns = [{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}]
    async with asked(tmp_path, analyst) as (client, _):
        for body in (
            {"messages": [*turns, {"role": "user", "content": HARMFUL}]},
            {"prompt": "one", "response": "two"},
        ):
            assert (await client.post("/v1/analyze", json=body)).status_code == 200
        wrong = await client.post("/v1/analyze", json={"prompt": "one", "messages": turns})

    assert [(case.subject, [role for role, _ in case.turns]) for case in analyst.calls] == [
        ("dialogue", ["user", "assistant", "user"]),
        ("response", ["user", "assistant"]),
    ]
    assert wrong.status_code == 400
