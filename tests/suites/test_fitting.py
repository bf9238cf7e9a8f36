"""Which attacks can be put to which models."""

from dataclasses import replace

import pytest

from instincts import attacks
from instincts.attacks import Access, Attack
from instincts.attacks.attack import Goal
from instincts.attacks.target import AttackTarget, Found
from instincts.errors import ConfigError
from instincts.suites.fitting import fit, named
from instincts.suites.target import Target

LOCAL = Target("pocket-llama", "0" * 64, is_local=True)
SERVED = Target("openai/some-model", "served", is_local=False)


async def search(target: AttackTarget, goal: Goal, seed: int) -> Found:
    return Found(goal.messages)


def invented(name: str, access: Access, roles: tuple[str, ...] = ()) -> Attack:
    return Attack(
        name=name, family="invented", mechanism="none", access=access, search=search, budget=1, roles=roles,
        needs_contrast=access == "hidden-states",
    )  # fmt: skip


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for a registry with one attack of each kind."""
    known = {each.name: each for each in (attacks.get("plain"), attacks.get("pocket/urgency"))}
    known |= {
        f"invented/{access}": invented(f"invented/{access}", access)
        for access in ("black-box", "log-probs", "gradients", "hidden-states")
    }
    known["invented/driven"] = invented("invented/driven", "black-box", ("attacker",))
    monkeypatch.setattr("instincts.attacks.registry._ATTACKS", known)


def test_an_open_model_allows_what_looks_inside() -> None:
    assert len(fit("invented/gradients,invented/hidden-states", [LOCAL], {}).attacks) == 2


@pytest.mark.parametrize(
    ("attack", "what"),
    [("gradients", "the gradients"), ("hidden-states", "the hidden states")],
)
def test_a_served_model_does_not_and_both_are_named(attack: str, what: str) -> None:
    with pytest.raises(ConfigError, match=f"attack invented/{attack} needs {what}.* of openai/some-model"):
        fit(f"invented/{attack}", [LOCAL, SERVED], {})


def test_log_probabilities_are_asked_of_a_server_only_where_that_was_wanted() -> None:
    """Whether it returns any is known when it answers; `all` does not try."""
    assert len(fit("invented/log-probs", [LOCAL, SERVED], {}).attacks) == 1
    assert "name it to try" in fit("all", [LOCAL, SERVED], {}).left_out["invented/log-probs"]


def test_all_leaves_out_what_is_fitted_where_there_is_nothing_to_fit_on() -> None:
    left_out = fit("all", [LOCAL], {"attacker": "pocket-qwen"}, has_contrast=False).left_out
    assert set(left_out) == {"invented/hidden-states"}
    assert "give --contrast FILE" in left_out["invented/hidden-states"]


def test_an_attack_that_another_model_drives_wants_that_model() -> None:
    with pytest.raises(ConfigError, match="invented/driven needs another model: give --model-role attacker=MODEL"):
        fit("invented/driven", [LOCAL], {})
    assert len(fit("invented/driven", [LOCAL], {"attacker": "pocket-llama"}).attacks) == 1


def test_all_means_what_applies_to_every_model_and_tells_the_rest() -> None:
    fitted = fit("all", [LOCAL, SERVED], {})
    assert {each.name for each in fitted.attacks} == {"plain", "pocket/urgency", "invented/black-box"}
    assert set(fitted.left_out) == {
        "invented/driven", "invented/gradients", "invented/hidden-states", "invented/log-probs"
    }  # fmt: skip
    assert "openai/some-model" in fitted.left_out["invented/gradients"]
    assert "--model-role attacker" in fitted.left_out["invented/driven"]


def test_all_on_an_open_model_with_every_role_leaves_nothing_out() -> None:
    assert fit("all", [LOCAL], {"attacker": "pocket-qwen"}).left_out == {}


def test_all_leaves_searches_out_that_the_counting_judge_would_steer() -> None:
    fitted = fit("all", [LOCAL], {"attacker": "pocket-qwen"}, clash="refusal")
    assert {each.name for each in fitted.attacks} == {"plain", "pocket/urgency"}
    assert "refusal, whose verdict counts" in fitted.left_out["invented/black-box"]


def test_static_is_what_only_rewrites_and_plain_comes_first() -> None:
    assert [each.name for each in named("static")] == ["plain"]
    assert [each.name for each in named("pocket/urgency,static")] == ["pocket/urgency", "plain"]


def test_only_a_run_knows_what_all_means() -> None:
    with pytest.raises(ConfigError, match="instincts evaluate --attack all"):
        named("all")


def test_common_names_leave_out_prefills_where_the_provider_closes_turns_and_long_contexts_anywhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = {name: invented(name, "static") for name in ("invented/begun", "invented/long")}
    tags = {"invented/begun": "prefilled", "invented/long": "long-context"}
    rewriting = {
        name: replace(each, search=None, budget=0, apply=lambda turns, seed: turns, tags=frozenset([tags[name]]))
        for name, each in known.items()
    }
    monkeypatch.setattr("instincts.attacks.registry._ATTACKS", rewriting)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)

    for common in ("all", "static"):
        assert [each.name for each in fit(common, [LOCAL], {}).attacks] == ["invented/begun"]
        assert set(fit(common, [LOCAL, SERVED], {}).left_out) == {"invented/begun", "invented/long"}
    assert [each.name for each in named("static")] == ["invented/begun"]
    assert [each.name for each in fit("invented/long,static", [LOCAL], {}).attacks] == [
        "invented/long", "invented/begun"
    ]  # fmt: skip
    with pytest.raises(ConfigError, match="the provider of openai/some-model closes that turn"):
        fit("invented/begun", [SERVED], {})
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:8000/v1")
    assert len(fit("invented/begun", [SERVED], {}).attacks) == 1
