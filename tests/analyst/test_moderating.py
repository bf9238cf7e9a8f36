"""Folders that put a moderator before a model: what they say, what changes their digest, and what is refused."""

import json
import shutil
from pathlib import Path

import pytest

import tests.analyst.scripted
from instincts.analyst.moderating import Moderation, moderate, read_moderation
from instincts.analyst.policy_files import read_policy, write_policy
from instincts.analyst.settings import AnalysisSettings
from instincts.errors import ConfigError, ModelDirectoryError
from instincts.models.directory import is_unchanged, locate
from instincts.models.opening import open_model
from instincts.models.target import target
from instincts.records import read_run_card
from tests.tiny import edit_json

ANALYST = f"{tests.analyst.scripted.PROVIDER}/able"


def guarded(
    out: Path, model: str = "pocket-llama", analyst: str = ANALYST, policy: str = "children", **given: object
) -> Path:
    """Write a moderated folder whose analyst is scripted."""
    settings = Moderation.resolve(given={"on_error": "block", **given})
    moderate(model, analyst, policy, out=out, settings=settings, analysis=AnalysisSettings(calls=1, structured="off"))
    return out


def test_a_folder_names_its_model_and_analyst_and_holds_its_policy(tmp_path: Path) -> None:
    location = locate(str(guarded(tmp_path / "out", answers=True)))
    settings, analysis, policy = read_moderation(location)

    assert location.overlay is not None
    assert (location.overlay.base.name, location.overlay.analyst) == ("pocket-llama", ANALYST)
    assert policy == read_policy("children")
    assert (settings.answers, settings.on_error, settings.on_review, analysis.calls) == (True, "block", "block", 1)


def test_the_run_card_and_the_target_say_that_it_is_moderated(tmp_path: Path) -> None:
    out = guarded(tmp_path / "out")
    told = target(str(out)).moderated

    assert "trees/able reads prompts under policy children" in told
    assert read_run_card(out).outcome == {"moderated": {"pocket-llama": told}}
    assert not target(str(out)).shows_weights
    assert target("pocket-llama").shows_weights


def test_the_digest_covers_policy_settings_analyst_and_model(tmp_path: Path) -> None:
    shutil.copytree(locate("pocket-qwen").path, tmp_path / "reader")
    own = tmp_path / "mine.toml"
    write_policy(own, read_policy("children"))
    folders = [
        guarded(tmp_path / "plain"),
        guarded(tmp_path / "same"),
        guarded(tmp_path / "model", model="pocket-qwen"),
        guarded(tmp_path / "analyst", analyst=str(tmp_path / "reader")),
        guarded(tmp_path / "policy", policy="paper"),
        guarded(tmp_path / "settings", on_review="allow"),
    ]
    digests = [locate(str(each)).digest for each in folders]

    assert digests[0] == digests[1]
    assert len(set(digests)) == 5
    # An analyst that was trained again is another one, and so is a policy that was edited where it lies.
    location = locate(str(folders[0]))
    text = (folders[0] / "policy.toml").read_text()
    (folders[0] / "policy.toml").write_text(text + "\n")
    assert not is_unchanged(location)
    assert locate(str(folders[0])).digest not in digests
    edit_json(tmp_path / "reader" / "config.json", {"note": "trained again"})
    with pytest.raises(ModelDirectoryError, match="no longer the analyst"):
        locate(str(folders[3]))


def test_a_policy_file_is_copied_as_it_is(tmp_path: Path) -> None:
    own = tmp_path / "mine.yaml"
    write_policy(own, read_policy("general"))
    out = guarded(tmp_path / "out", policy=str(own))

    own.unlink()
    assert read_moderation(locate(str(out)))[2] == read_policy("general")


def test_both_folders_may_be_moved_together(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    shutil.copytree(locate("pocket-qwen").path, tmp_path / "here" / "model")
    guarded(tmp_path / "here" / "out", model=str(tmp_path / "here" / "model"))
    before = locate(str(tmp_path / "here" / "out")).digest

    shutil.move(tmp_path / "here", tmp_path / "there")
    assert locate(str(tmp_path / "there" / "out")).digest == before


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"on_error": None}, "give --on-error"),
        ({"refusal": " "}, "empty --refusal"),
        ({"model": "trees/able"}, "served by a provider"),
        ({"policy": "childrn"}, "did you mean 'children'"),
    ],
)
def test_what_cannot_be_put_together_is_one_sentence(tmp_path: Path, given: dict[str, str], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        guarded(tmp_path / "out", **given)
    assert not (tmp_path / "out").exists()


def test_a_specialist_of_prompts_is_asked_about_no_answers(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="a specialist reads prompts"):
        moderate(
            "pocket-llama",
            ANALYST,
            "children",
            out=tmp_path / "out",
            settings=Moderation(on_error="block", answers=True),
            analysis=AnalysisSettings(coding="specialist"),
        )


def test_a_moderated_model_shows_no_weights_and_reads_for_nobody(tmp_path: Path) -> None:
    out = guarded(tmp_path / "out")

    with pytest.raises(ModelDirectoryError, match="puts a moderator before pocket-llama"):
        open_model(str(out))
    with pytest.raises(ConfigError, match="would refuse to read"):
        guarded(tmp_path / "other", analyst=str(out))


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [("on_error", "alow", "on_error"), ("on_error", None, "add on_error"), ("policy", "gone.toml", "not there")],
)
def test_a_card_that_does_not_say_what_to_do_is_refused(tmp_path: Path, key: str, value: str, problem: str) -> None:
    out = guarded(tmp_path / "out")
    card = json.loads((out / "defence.json").read_text())
    (out / "defence.json").write_text(json.dumps({**card, key: value}))

    with pytest.raises(ModelDirectoryError, match=problem):
        read_moderation(locate(str(out)))
