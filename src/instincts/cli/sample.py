"""`instincts sample`: answers with their entropies, and the most confident of N without any training."""

from typing import Annotated

import typer

from instincts.cli.options import AsJson, Model, Prompts, Seed
from instincts.cli.progress import progress_bar
from instincts.cli.table import show_rows

__all__ = ["sample"]


def sample(
    model: Model,
    prompts: Prompts,
    best_of: Annotated[
        int, typer.Option("--best-of", metavar="N", help="Answer N times and keep the answer of lowest mean entropy.")
    ] = 1,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Answer prompts and show how sure the model was, in nats a token.

    For example:

    - `instincts sample pocket-llama --prompts pocket-mixed --best-of 8`
    """
    from instincts.sirl import best_of_n as below

    with progress_bar("answering") as progress:
        answers = below.sample(model, prompts, best_of=best_of, seed=seed or 0, progress=progress)
    show_rows([answer.to_json() for answer in answers], as_json=as_json)
