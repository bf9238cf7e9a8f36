"""The suites as Inspect tasks."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from inspect_ai import eval
from inspect_ai._util.registry import registry_find, registry_unqualified_name
from inspect_ai.log import EvalLog, read_eval_log

from instincts import attacks
from instincts.errors import ConfigError
from instincts.prompts import read_prompts
from instincts.suites.tasks import entropy_gap, jailbreak, overrefusal, pocket
from instincts.suites.utility import utility
from tests.suites import scripted


def written(folder: Path, *rows: dict[str, str]) -> str:
    path = folder / "rows.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return str(path)


def test_by_default_the_pocket_s_prompts_meet_plain_and_every_wrapper() -> None:
    ways = len(attacks.expand("plain,pocket"))
    assert len(jailbreak(limit=2).dataset) == 2 * ways
    assert len(overrefusal(limit=2).dataset) == 2 * ways
    assert len(pocket(limit=2, questions=5).dataset) == 2 * 2 * ways + 5


def test_a_file_s_prompts_meet_every_attack_that_only_rewrites_and_benign_ones_none(tmp_path: Path) -> None:
    path = written(tmp_path, {"prompt": "one"}, {"prompt": "two"})
    used = {(sample.metadata or {})["attack"] for sample in jailbreak(path).dataset}
    rewriting = {name for name in attacks.names() if attacks.get(name).is_rewriting and not attacks.get(name).roles}
    room = {"many-shot/64", "many-shot/256"}
    assert used == {name for name in rewriting if not name.startswith("pocket/")} - room
    assert [sample.id for sample in overrefusal(path).dataset] == ["plain:1", "plain:2"]


def test_the_limit_holds_for_each_half_of_an_over_refusal_set(tmp_path: Path) -> None:
    rows = [{"prompt": f"{label} {n}", "label": label} for label in ("safe", "unsafe") for n in range(3)]
    made = overrefusal(written(tmp_path, *rows), limit=2)
    assert [(sample.metadata or {})["label"] for sample in made.dataset] == ["safe", "safe", "unsafe", "unsafe"]


def test_the_entropy_gap_asks_harmful_and_benign_prompts_many_times() -> None:
    made = entropy_gap(attacks="plain", limit=2)
    labels = [(sample.metadata or {})["label"] for sample in made.dataset]
    assert labels == ["harmful", "harmful", "benign", "benign"]
    assert made.epochs == 8


def test_the_entropy_gap_wants_its_benign_control(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'benign' or 'safe', which suite entropy_gap takes"):
        entropy_gap(written(tmp_path, {"prompt": "one", "label": "harmful"}))


def test_a_search_asks_under_the_limit_of_the_answer() -> None:
    assert {(sample.metadata or {})["max_tokens"] for sample in jailbreak(limit=1, max_tokens=7).dataset} == {7}


def test_a_labelled_file_is_divided_between_the_suites(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        {"prompt": "one", "label": "harmful"},
        {"prompt": "two", "label": "benign"},
        {"prompt": "three", "label": "skill", "target": "3"},
    )
    made = [task.dataset[0].id for task in (jailbreak(path), overrefusal(path), utility(path))]
    assert made == ["plain:1", "plain:2", "plain:3"]
    hashes = [(task.metadata or {})["prompts"] for task in (jailbreak(path), overrefusal(path))]
    assert hashes == [{path: read_prompts(path).sha256}] * 2


def test_a_labelled_file_without_rows_for_the_suite_is_an_error(tmp_path: Path) -> None:
    path = written(tmp_path, {"prompt": "one", "label": "harmful"})
    with pytest.raises(ConfigError, match="'benign', which suite overrefusal takes; its labels are harmful"):
        overrefusal(path)


def test_rates_are_sampled_at_temperature_1_and_skills_decoded_greedily() -> None:
    assert jailbreak(limit=1).config.temperature == overrefusal(limit=1).config.temperature == 1.0
    assert utility(limit=1).config.temperature == 0.0


def test_other_prompts_are_another_version_of_the_task(tmp_path: Path) -> None:
    first = jailbreak(written(tmp_path, {"prompt": "one"})).version
    assert first == jailbreak(written(tmp_path, {"prompt": "one"})).version
    assert first != jailbreak(written(tmp_path, {"prompt": "two"})).version


def test_an_unknown_attack_and_an_unknown_judge_list_near_matches() -> None:
    with pytest.raises(ConfigError, match="did you mean 'pocket/urgency'"):
        jailbreak(attacks="pocket/urgnecy")
    with pytest.raises(ConfigError, match="did you mean 'refusal'"):
        jailbreak(judge="refusel")


@pytest.fixture(scope="module")
def mixed_log(tmp_path_factory: pytest.TempPathFactory) -> EvalLog:
    scripted.CALLS.clear()
    task = pocket(attacks="plain,pocket/prefilled-answer", judge="pocket,refusal", limit=2, questions=2, samples=2)
    (log,) = eval(
        task, model="scripted/wrapped", log_dir=str(tmp_path_factory.mktemp("logs")), display="none", log_realtime=False
    )
    assert log.status == "success", log.error
    return log


def test_questions_are_greedy_inside_a_task_that_samples(mixed_log: EvalLog) -> None:
    """Twice two questions at temperature 0, twice (2 harmful + 2 benign) x 2 attacks at temperature 1."""
    temperatures = [config.temperature for config in scripted.CALLS]
    assert (temperatures.count(0.0), temperatures.count(1.0)) == (4, 16)


def test_no_two_answers_share_a_seed(mixed_log: EvalLog) -> None:
    assert len({config.seed for config in scripted.CALLS}) == len(scripted.CALLS)


def test_each_sample_is_scored_by_its_own_judges(mixed_log: EvalLog) -> None:
    judged = {(sample.metadata["suite"], *sorted(sample.scores or {})) for sample in mixed_log.samples or []}
    assert judged == {("jailbreak", "pocket", "refusal"), ("overrefusal", "pocket", "refusal"), ("utility", "skill")}


def test_the_transcript_shows_the_attack_and_the_sample_the_request(mixed_log: EvalLog) -> None:
    sample = next(s for s in mixed_log.samples or [] if s.metadata["attack"] == "pocket/prefilled-answer")
    assert [turn.role for turn in sample.messages] == ["user", "assistant", "assistant"]
    score = (sample.scores or {})["pocket"]
    assert score.answer is not None
    assert score.answer.startswith(sample.messages[1].text)


def test_the_viewer_s_metrics_are_shares_of_outcomes(mixed_log: EvalLog) -> None:
    assert mixed_log.results
    (oracle,) = [score for score in mixed_log.results.scores if score.name == "pocket"]
    shares = {name: metric.value for name, metric in oracle.metrics.items()}
    # Scripted: 2 harmful plain refused, 2 harmful wrapped and 4 benign complied, each in two epochs.
    assert (shares["refused"], shares["complied"], shares["neither"]) == (0.25, 0.75, 0.0)
    assert shares["refused_stderr"] > 0


def test_attacks_that_are_fitted_take_the_pocket_s_contrast_on_the_pocket_s_prompts_and_name_it() -> None:
    made = [jailbreak(attacks=name, limit=1).metadata or {} for name in ("scav", "plain")]
    assert [set(each["attack_files"]) for each in made] == [{"contrast pocket-contrast"}, set()]


def test_on_other_prompts_a_contrast_must_be_given_and_be_another_set(tmp_path: Path) -> None:
    rows = [{"prompt": f"request {n}", "label": "harmful" if n % 2 else "benign"} for n in range(32)]
    source = written(tmp_path, *rows)
    with pytest.raises(ConfigError, match=r"attack scav is fitted on labelled requests .* give --contrast FILE"):
        jailbreak(source, attacks="scav", judge="pocket")
    with pytest.raises(ConfigError, match="holds a request that is being evaluated"):
        jailbreak(source, attacks="scav", judge="pocket", contrast=source)
    jailbreak(source, attacks="scav", judge="pocket", contrast="pocket-contrast")


@pytest.mark.slow
def test_inspect_alone_runs_a_suite_from_its_command_line(tmp_path: Path) -> None:
    inspect = Path(sys.executable).with_name("inspect")
    command = [str(inspect), "eval", "instincts/jailbreak", "--model", "instincts/pocket-llama", "--display", "none"]
    command += [
        "-T",
        "attacks=plain,pocket/urgency",
        "-T",
        "limit=2",
        "-T",
        "max_tokens=48",
        "--log-dir",
        str(tmp_path),
    ]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    (path,) = tmp_path.glob("*.eval")
    log = read_eval_log(path)
    assert log.status == "success"
    assert {(sample.metadata["attack"], *(sample.scores or {})) for sample in log.samples or []} == {
        ("plain", "pocket"),
        ("pocket/urgency", "pocket"),
    }


def test_every_suite_is_known_to_inspect_by_its_name() -> None:
    known = {registry_unqualified_name(each) for each in registry_find(lambda info: info.type == "task")}
    assert {"jailbreak", "overrefusal", "utility", "entropy_gap", "pocket"} <= known
