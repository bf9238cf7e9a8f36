"""Options that several verbs share."""

import re

import pytest

from instincts import judges
from instincts.cli.app import run
from instincts.cli.options import JUDGES, SCALES, named_models
from instincts.config import Scale
from instincts.errors import ConfigError


def test_scales_are_those_of_the_settings() -> None:
    assert list(SCALES) == [*Scale]


def test_the_sentence_on_judges_names_them_all() -> None:
    assert set(re.findall(r"`([\w-]+)(?::A\+B\+C)?`", JUDGES)) == set(judges.names())


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("demo --scale smal", "no value of --scale named 'smal'; did you mean 'small'?"),
        ("train m --prompts p --out o --preset gatd", "did you mean 'gated'?"),
        ("train m --prompts p --out o --reward entropie", "did you mean 'entropy'"),
        ("pocket prompts --kind benin", "did you mean 'benign'?"),
        ("pocket prompts --kind benign --split trein", "did you mean 'train'?"),
    ],
)
def test_an_unknown_value_gets_a_near_match(line: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(line.split()) == 2
    assert says in capsys.readouterr().err


def test_model_roles_are_read_by_name() -> None:
    assert named_models(["attacker=runs/a", "translator = openai/x=y"]) == {
        "attacker": "runs/a",
        "translator": "openai/x=y",
    }


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["attacker"], "write --model-role attacker=MODEL"),
        (["=m"], "write --model-role attacker=MODEL"),
        (["attacker=a", "attacker=b"], "attacker is given twice, 'a' and 'b'"),
    ],
)
def test_a_model_role_without_a_role_or_a_model_is_refused(words: list[str], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        named_models(words)
