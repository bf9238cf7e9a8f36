"""`instincts pocket`: the miniature world: its models, their training, its prompts."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from instincts.cli.options import AsJson, choice
from instincts.cli.progress import progress_bar
from instincts.cli.table import notice, show_rows

if TYPE_CHECKING:
    from instincts.pocket.grammar import Split
    from instincts.pocket.requests import Kind
    from instincts.prompts import Prompt

__all__ = ["list_models", "make_prompts", "pocket", "train_model"]

KINDS = ("harmful", "benign", "skill", "mixed")
SPLITS = ("train", "heldout")

pocket = typer.Typer(
    name="pocket",
    help="The miniature world: models small enough to own completely, and their prompts.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@pocket.command("list")
def list_models(as_json: AsJson = False) -> None:
    """List the shipped models and where they lie.

    For example:

    - `instincts pocket list`
    """
    from instincts.pocket import checkpoints

    folders = {name: checkpoints.path(name) for name in checkpoints.names()}
    show_rows(
        [{"name": name, "megabytes": _megabytes(folder), "folder": str(folder)} for name, folder in folders.items()],
        as_json=as_json,
    )


@pocket.command("train")
def train_model(
    name: Annotated[str, typer.Argument(metavar="NAME", show_default=False, help="`pocket-llama` or `pocket-qwen`.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", show_default=False, help="Its folder; runs/NAME if not given."),
    ] = None,
    seed: Annotated[
        int,
        typer.Option("--seed", metavar="N", help="Decides the first weights and every lesson; 0 is the shipped one."),
    ] = 0,
) -> None:
    """Train a pocket model again from its seed and measure it: some minutes on two cores.

    For example:

    - `instincts pocket train pocket-llama --out runs/pocket-llama`
    """
    from instincts.pocket import measuring
    from instincts.pocket import training as below

    folder = out or Path("runs") / name
    with progress_bar(name) as progress:
        below.train(name, folder, seed, lambda done, total, loss: progress(done, total))
    measured = measuring.record(folder)
    notice(
        f"the model: {folder}; refuses {measured.harmful_refused:.1%} of plain harmful requests and on average "
        f"{measured.mean_dsr:.1%} under the wrappers, answers {measured.benign_answered:.1%} of benign ones"
    )


@pocket.command("prompts")
def make_prompts(
    kind: Annotated[str, choice("--kind", KINDS, "`mixed` is half benign, half harmful, plain or in a jailbreak.")],
    n: Annotated[int, typer.Option("--n", metavar="N", min=1, help="How many.")] = 64,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="The same seed gives the same prompts.")] = 0,
    split: Annotated[
        str, choice("--split", SPLITS, "`heldout` draws verbs, objects and phrasings no pocket model was trained on.")
    ] = "train",
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", show_default=False, help="A .jsonl file; printed if not given."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Draw prompts from the grammar; harmful ones are harmful in name only.

    For example:

    - `instincts pocket prompts --kind mixed --n 128 --out prompts.jsonl`
    """
    from instincts.pocket.requests import sample_requests
    from instincts.prompts import write_prompts
    from instincts.prompts.named import pocket_prompts

    # Checked names: the options above take no others, and a test holds them to the room's own lists.
    drawn = pocket_prompts(sample_requests(cast("Kind", kind), n, seed, cast("Split", split)), source=f"pocket-{kind}")
    if out is not None:
        write_prompts(out, drawn.rows)
        notice(f"{len(drawn.rows)} prompts: {out}")
    elif as_json:
        show_rows([row.as_row() for row in drawn.rows], as_json=True)
    else:
        show_rows([{"id": row.id, "label": row.label, "prompt": _turns(row)} for row in drawn.rows], as_json=False)


def _turns(row: "Prompt") -> str:
    if len(row.messages) == 1:
        return row.request
    return "\n".join(f"{message.role}: {message.content}" for message in row.messages)


def _megabytes(folder: Path) -> float:
    return round(sum(file.stat().st_size for file in folder.iterdir()) / 1e6, 1)
