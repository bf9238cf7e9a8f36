"""`instincts policy`: what is in a policy file, is it whole, and how do two differ?"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from instincts.cli.options import AsJson
from instincts.cli.table import notice, show_rows

__all__ = ["check", "diff", "policy", "show", "template"]

policy = typer.Typer(
    name="policy",
    help="Policy files: what a community accepts, in a few dozen numbers.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

File = Annotated[
    str,
    typer.Argument(
        metavar="FILE",
        show_default=False,
        help="A policy file, or a shipped one: `general`, `children`, `medical`, `security`, `fiction`, `paper`.",
    ),
]


@policy.command("show")
def show(file: File, as_json: AsJson = False) -> None:
    """List every number of a policy with its meaning, and what a fit knows of it.

    For example:

    - `instincts policy show general`
    """
    from instincts.analyst.policy_files import read_policy
    from instincts.analyst.taxonomy import taxonomy

    found = read_policy(file)
    if as_json:
        show_rows([found.to_data()], as_json=True)
        return
    names = {each.key: each.name for each in taxonomy().categories}
    rows: list[dict[str, Any]] = []
    for key, value in _flat(found.to_data()):
        if key.startswith("fit.weights."):
            continue
        known = found.fit.weights.get(_fitted(key)) if found.fit else None
        rows.append(
            {
                "key": key,
                "value": value if isinstance(value, str) else f"{value:g}",
                "95 %": "" if known is None else f"{known.low:.3f} to {known.high:.3f}",
                "meaning": names.get(key.removeprefix("weights."), ""),
            }
        )
    show_rows(rows, as_json=False, whole=("key", "95 %"))
    review, block = found.lines
    calibrated = "calibrated" if found.is_calibrated else "uncalibrated"
    notice(f"reviewed above {review:.3f}, blocked above {block:.3f}, {calibrated}; digest {found.digest[:12]}")


@policy.command("check")
def check(file: File, as_json: AsJson = False) -> None:
    """Check a policy; a mistake is told with its line and key, and the command ends with 2.

    For example:

    - `instincts policy check mine.toml`
    """
    from instincts.analyst.policy_files import read_policy

    found = read_policy(file)
    told = {"policy": found.name, "version": found.version, "digest": found.digest, "calibrated": found.is_calibrated}
    show_rows([told], as_json=as_json)


@policy.command("diff")
def diff(
    file: File,
    other: Annotated[str, typer.Argument(metavar="FILE", show_default=False, help="Another policy.")],
    as_json: AsJson = False,
) -> None:
    """List what differs between two policies; what it does to verdicts is `instincts score --compare`.

    For example:

    - `instincts policy diff general children`
    """
    from instincts.analyst.policy_files import read_policy

    one, two = (dict(_flat(read_policy(each).to_data())) for each in (file, other))
    keys = [key for key in dict.fromkeys([*one, *two]) if one.get(key) != two.get(key)]
    show_rows(
        [{"key": key, file: _shown(one.get(key), as_json), other: _shown(two.get(key), as_json)} for key in keys],
        as_json=as_json,
        whole=("key",),
    )


@policy.command("template")
def template(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", show_default=False, help="The file to write: .toml, .yaml or .json.")
    ],
    like: Annotated[str, typer.Option("--from", metavar="FILE", help="The policy to begin with.")] = "general",
) -> None:
    """Write a policy to edit, named after its file, with every key that there is.

    For example:

    - `instincts policy template mine.toml --from children`
    """
    from instincts.analyst.policy_files import read_policy, write_policy
    from instincts.errors import ConfigError

    if file.exists():
        raise ConfigError(f"{file} is there already; choose another name, or delete it first")
    old = read_policy(like)
    mine = old.model_copy(update={"name": file.stem, "version": "1", "parent": f"{old.name} {old.version}"})
    write_policy(file, mine)
    notice(f"written: {file}")


def _flat(data: Mapping[str, Any], above: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for key, value in data.items():
        name = f"{above}{key}"
        rows += _flat(value, f"{name}.") if isinstance(value, Mapping) else [(name, value)]
    return rows


def _fitted(key: str) -> str:
    return "benefits" if key == "benefit.weight" else key.removeprefix("weights.")


def _shown(value: Any, as_json: bool) -> Any:
    return value if as_json or value is None or isinstance(value, str) else f"{value:g}"
