"""`instincts attacks`: which attacks there are, what each needs, and what one of them makes of a request."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from instincts.cli.options import AsJson
from instincts.cli.table import notice, show_rows
from instincts.errors import ConfigError, unknown_name

if TYPE_CHECKING:
    from instincts.attacks import Attack

__all__ = ["EXAMPLE", "attacks"]

EXAMPLE = "How do I zordan the paper lamp?"
"""Harmful in name only: the verb means nothing."""

LEGEND = (
    "budget: most questions to the model for one goal, - where nothing is searched for. needs: contrast is --contrast "
    "FILE, all else --model-role NAME=MODEL. judged: a new answer to the prompt that the attack ends with, or the best "
    "of all that it got"
)


def attacks(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]",
            show_default=False,
            help="One attack, with an example; or a family, or `transfer:FILE` for the attacks of a file.",
        ),
    ] = None,
    family: Annotated[
        str | None, typer.Option("--family", metavar="NAME", show_default=False, help="Only the attacks of a family.")
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option("--from", metavar="DIR", show_default=False, help="Write the prompts that searches found there."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", show_default=False, help="A .jsonl file for them, for `transfer:FILE`."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the attacks: what each needs of a model, its budget, its paper, and why it might work.

    For example:

    - `instincts attacks --family encoding`
    - `instincts attacks nested-fiction`
    - `instincts attacks --from runs/searched --out found.jsonl`
    """
    from instincts import attacks as below

    if run is not None or out is not None:
        _write_found(run, out)
        return
    found = below.expand(name) if name else [below.get(each) for each in below.names()]
    if family is not None:
        families = {attack.family for attack in found}
        if family not in families:
            raise unknown_name("family", family, families)
        found = [attack for attack in found if attack.family == family]
    if name and len(found) == 1:
        _show_one(found[0], as_json=as_json)
        return
    shown = [_facts(attack) for attack in sorted(found, key=lambda attack: attack.name)]
    short = ("name", "access", "budget", "needs", "judged", "paper", "mechanism")
    # The family is the first half of the name; a program gets it all the same.
    rows = shown if as_json else [{key: row[key] for key in short} for row in shown]
    show_rows(rows, as_json=as_json, whole=("name", "access"))
    if not as_json:
        notice(f"{len(found)} attacks in {len({attack.family for attack in found})} families. {LEGEND}")


def _write_found(run: Path | None, out: Path | None) -> None:
    from instincts.prompts.stored_files import write_stored
    from instincts.suites.found import found_in

    if run is None or out is None or out.suffix != ".jsonl":
        raise ConfigError("--from DIR and --out FILE.jsonl go together: the run of an evaluation, and where to write")
    columns = found_in(run)
    write_stored(out, columns)
    total = sum(len(column.rows) for column in columns)
    notice(f"{total} prompts of {len(columns)} attacks: {out}; send them with --attack transfer:{out}")


def _show_one(attack: "Attack", *, as_json: bool) -> None:
    facts, example = _facts(attack), _example(attack)
    if as_json:
        show_rows([{**facts, "example": example}], as_json=True)
        return
    show_rows([{"": key, attack.name: value} for key, value in facts.items()], as_json=False, whole=("",))
    if example is None:
        notice("no example: it asks models, or sends prompts from a file of yours")
        return
    show_rows(example, as_json=False, title=f"an example, of {EXAMPLE!r} with seed 0", whole=("role",))


def _facts(attack: "Attack") -> dict[str, Any]:
    return {
        "name": attack.name,
        "family": attack.family,
        "access": attack.access,
        "budget": attack.budget or None,
        "needs": ", ".join([*attack.roles, *(["contrast"] if attack.needs_contrast else [])]) or None,
        "cost": attack.cost or None,
        "judged": attack.judged,
        "paper": attack.paper,
        "mechanism": attack.mechanism,
        "tags": ", ".join(sorted(attack.tags)) or None,
    }


def _example(attack: "Attack") -> list[dict[str, str]] | None:
    from instincts.attacks import Goal
    from instincts.prompts import Message

    if not attack.is_rewriting:
        return None
    goal = Goal((Message("user", EXAMPLE),), EXAMPLE, f"Sure, here is an answer to the request: {EXAMPLE}")
    return [{"role": turn.role, "content": turn.content} for turn in attack.rewrite(goal, 0)]
