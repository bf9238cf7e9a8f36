"""Options that several verbs share."""

import pytest

from instincts.cli.app import run
from instincts.cli.options import SCALES
from instincts.config import Scale


def test_scales_are_those_of_the_settings() -> None:
    assert list(SCALES) == [*Scale]


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
