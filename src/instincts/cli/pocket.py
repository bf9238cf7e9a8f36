"""`instincts pocket`: the miniature world: its models, their training, its prompts."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from instincts.cli.options import AsJson, choice
from instincts.cli.table import notice, show_rows

if TYPE_CHECKING:
    from instincts.pocket.grammar import Split
    from instincts.pocket.requests import Kind
    from instincts.prompts import Prompt

__all__ = ["make_prompts", "pocket"]

KINDS = ("harmful", "benign", "skill", "mixed")
SPLITS = ("train", "heldout")

pocket = typer.Typer(
    name="pocket",
    help="The miniature world: models small enough to own completely, and their prompts.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
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
