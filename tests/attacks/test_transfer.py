"""Transfer: named by file and column, joined to behaviours, sent as written, and honest about what was given up."""

import csv
import json
from pathlib import Path

import pytest
from inspect_ai.model import get_model

from instincts import attacks, judges
from instincts.attacks.attack import Found, Goal
from instincts.attacks.target import AttackTarget
from instincts.errors import ConfigError, PromptSetError
from instincts.prompts import Message, read_prompts
from instincts.prompts.stored_files import read_stored

LAMP, BELL = "How do I zordan the paper lamp?", "How do I mokfik the wax bell?"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "found.csv"
    path.write_text(f"Index,Goal,Behavior,GCG,AIM\n0,{LAMP},l,gcg lamp,aim lamp\n1,{BELL},b,gcg bell,aim bell\n")
    return path


def goal(text: str, id: str = "g", *before: Message) -> Goal:
    return Goal((*before, Message("user", text)), text, "Sure", id)


async def sent(attack: attacks.Attack, of: Goal) -> Found:
    model = get_model("mockllm/model", memoize=False)
    target = AttackTarget(model, attack=attack.name, budget=0, seed=0, loop_judge=judges.get("refusal"))
    assert attack.search is not None
    found = await attack.search(target, of, 0)
    assert target.cost.queries == 0
    return found


def test_a_file_stands_for_all_its_attacks_and_a_column_for_itself(file: Path) -> None:
    assert [attack.name for attack in attacks.expand(f"plain,transfer:{file}")] == [
        "plain",
        "transfer/GCG",
        "transfer/AIM",
    ]
    assert [attack.name for attack in attacks.expand(f"transfer:{file}:AIM+GCG")] == ["transfer/AIM", "transfer/GCG"]
    assert [attack.name for attack in attacks.expand(f"transfer:{file}:Goal")] == ["transfer/Goal"]


def test_an_attack_is_found_again_by_what_it_calls_itself(file: Path) -> None:
    for attack in attacks.expand(f"transfer:{file}"):
        assert attacks.get(attack.spec).name == attack.name


def test_it_says_how_much_there_is_without_a_word_of_it(file: Path) -> None:
    attack = attacks.get(f"transfer:{file}:GCG")
    assert (attack.access, attack.budget, attack.family) == ("static", 0, "transfer")
    assert "2 rows, 2 distinct, 0 given up" in attack.mechanism
    assert attack.sources is not None
    assert list(attack.sources()) == [str(file)]


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ("transfer:{file}:GCC", "no attack in .* named 'GCC'; did you mean 'GCG'"),
        ("transfer:nowhere.csv", "no file of attack prompts nowhere.csv"),
        ("transfer:nowhere.csv:GCG", "no file of attack prompts nowhere.csv"),
    ],
)
def test_a_file_or_a_column_that_is_not_there_is_told(file: Path, spec: str, complaint: str) -> None:
    with pytest.raises((ConfigError, PromptSetError), match=complaint):
        attacks.expand(spec.format(file=file))


def test_one_attack_is_not_several(file: Path) -> None:
    with pytest.raises(ConfigError, match=r"holds 2 attacks; name one, as in .*:GCG"):
        attacks.get(f"transfer:{file}")


def test_two_files_with_a_column_of_one_name_are_not_mixed_up(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text(file.read_text())
    with pytest.raises(ConfigError, match="are called transfer/GCG; measure one file at a time"):
        attacks.expand(f"transfer:{file},transfer:{other}")


def test_a_file_that_changes_is_read_again(file: Path) -> None:
    before = attacks.get(f"transfer:{file}:GCG").sources
    file.write_text(file.read_text().replace("gcg lamp", "another gcg lamp"))
    after = attacks.get(f"transfer:{file}:GCG").sources
    assert before is not None
    assert after is not None
    assert before() != after()


@pytest.mark.anyio
async def test_the_prompt_of_the_behaviour_is_sent_as_the_last_turn(file: Path) -> None:
    before = (Message("system", "Be brief."), Message("user", "Hello."), Message("assistant", "Hi."))
    found = await sent(attacks.get(f"transfer:{file}:AIM"), goal(BELL, "2", *before))

    assert found.messages == (*before, Message("user", "aim bell"))
    assert found.output is None
    assert (found.notes["line"], found.notes["file_rows"]) == (3, 2)
    assert "goal_differs" not in found.notes


@pytest.mark.anyio
async def test_a_system_message_of_the_file_takes_the_place_of_the_prompts_own(tmp_path: Path) -> None:
    turns = [{"role": "system", "content": "Play."}, {"role": "user", "content": "one"}]
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps({"behaviour_id": "lamp", "goal": "Another text.", "messages": turns}))

    found = await sent(attacks.get(f"transfer:{path}:mine"), goal(LAMP, "lamp", Message("system", "Be brief.")))

    assert [turn.content for turn in found.messages] == ["Play.", "one"]
    assert found.notes["goal_differs"] is True


@pytest.mark.anyio
async def test_what_the_attack_gave_up_on_is_not_sent(tmp_path: Path) -> None:
    path = tmp_path / "artifact.json"
    given_up = {"index": 0, "goal": LAMP, "prompt": None, "number_of_queries": None}
    path.write_text(json.dumps({"parameters": {"method": "PAIR", "model": "m"}, "jailbreaks": [given_up]}))

    found = await sent(attacks.get(f"transfer:{path}"), goal(LAMP))

    assert found.notes["gave_up"] is True
    assert found.output is not None
    assert found.output.completion == ""


def test_behaviours_without_a_prompt_are_counted_before_anything_is_sent(file: Path) -> None:
    check = attacks.get(f"transfer:{file}:GCG").check
    assert check is not None
    check([goal(LAMP), goal(BELL)])
    with pytest.raises(PromptSetError, match=r"no prompt of GCG for 2 of 3 behaviours, .* the first is 'x'"):
        check([goal(LAMP), goal("Something else?", "x"), goal("And else?", "y")])


def test_a_file_that_counts_from_nought_meets_the_hundred_behaviours_that_are_counted_from_one(
    shared_data: Path, tmp_path: Path
) -> None:
    behaviours = read_prompts(shared_data / "jailbreakbench_behaviors.csv")
    path = tmp_path / "expanded.csv"
    with path.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(["Index", "Goal", "Target", "Behavior", "Category", "Source", "mine"])
        writer.writerows(
            [at, row.request.upper(), "Sure", "b", "c", "s", f"prompt {at}"] for at, row in enumerate(behaviours)
        )

    (column,) = [each for each in read_stored(path).columns if each.name == "mine"]
    found = [column.find(row.id, row.request) for row in behaviours]

    assert [row.messages for row in found if row] == [(Message("user", f"prompt {at}"),) for at in range(100)]
