"""Policies as files: TOML, YAML or JSON, shipped ones by name; every complaint names the file, the line and the key.

A name (`paper`, `general`) stands for the policy in `policies/`; a file of that name wins. A key that stands twice, a
YAML alias and anything that is no plain data are refused. Knows the text, not the arithmetic.
"""

import json
import re
import tomllib
from collections.abc import Hashable, Iterator, Mapping
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from instincts.analyst.policy import Policy
from instincts.analyst.taxonomy import taxonomy
from instincts.errors import ConfigError, unknown_name
from instincts.records import write_text

__all__ = ["SHIPPED", "parse_policy", "policy_text", "read_policy", "write_policy"]

SHIPPED = ("children", "fiction", "general", "medical", "paper", "security")
"""Policies that come with the package."""

Path_ = tuple[str, ...]


def read_policy(source: str | Path) -> Policy:
    """Read a policy file, or a shipped policy by name.

    Raises:
        ConfigError: neither, or a file that is no policy; names file, line and key.
    """
    path = Path(source)
    if not path.exists() and str(source) in SHIPPED:
        shipped = files("instincts.analyst").joinpath("policies", f"{source}.toml")
        return parse_policy(shipped.read_text(encoding="utf-8"), ".toml", name=str(source))
    if not path.exists() and path.suffix == "" and len(path.parts) == 1:
        raise unknown_name("policy file or policy", str(source), SHIPPED)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(f"no policy file {path}; shipped policies are {', '.join(SHIPPED)}") from None
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text; save it as UTF-8") from None
    return parse_policy(text, path.suffix, name=str(path))


def parse_policy(text: str, suffix: str, *, name: str = "policy") -> Policy:
    """Read a policy from text.

    Args:
        text: the file's content.
        suffix: `.toml`, `.yaml`, `.yml` or `.json`.
        name: names the file in errors.

    Raises:
        ConfigError: it is no policy; names line and key.
    """
    match suffix.lower():
        case ".toml":
            data, lines = _toml(text, name), _toml_lines(text)
        case ".yaml" | ".yml" | ".json":
            # JSON is YAML, and so its keys have lines as well.
            data, lines = _yaml(text, name)
        case _:
            raise ConfigError(f"{name}: policies end in .toml, .yaml or .json, not {suffix or 'nothing'!r}")
    if not isinstance(data, Mapping):
        raise ConfigError(f"{name}, line 1: a policy is a table of keys; `instincts policy template FILE` writes one")
    try:
        return Policy.model_validate(data)
    except ValidationError as error:
        raise ConfigError("; ".join(dict.fromkeys(_told(each, name, lines) for each in error.errors()))) from None


def policy_text(policy: Policy) -> str:
    """Write a policy as TOML that `parse_policy` reads back to an equal one."""
    return "\n".join(_toml_table(policy.to_data(), ())).strip() + "\n"


def write_policy(path: Path, policy: Policy) -> None:
    """Write a policy file; the suffix decides between TOML, YAML and JSON.

    Raises:
        ConfigError: another suffix.
        RecordError: it could not be written.
    """
    match path.suffix.lower():
        case ".toml":
            text = policy_text(policy)
        case ".json":
            text = json.dumps(policy.to_data(), indent=1, ensure_ascii=False) + "\n"
        case ".yaml" | ".yml":
            import yaml

            text = yaml.safe_dump(policy.to_data(), sort_keys=False, allow_unicode=True)
        case _:
            raise ConfigError(f"{path}: policies end in .toml, .yaml or .json, not {path.suffix or 'nothing'!r}")
    write_text(path, text)


def _toml(text: str, name: str) -> Any:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        seen: dict[Path_, int] = {}
        for number, path in _toml_entries(text):
            # Of a key that stands twice `tomllib` says no line.
            if "overwrite" in str(error) and path in seen:
                what = f"{'.'.join(path)} stands twice, first on line {seen[path]}"
                raise ConfigError(f"{name}, line {number}: {what}") from None
            seen[path] = number
        raise ConfigError(f"{name}: not TOML: {error}") from None


def _toml_lines(text: str) -> dict[Path_, int]:
    """Find the line of each key: `tomllib` tells none. A dotted key or header stands for every table on its way."""
    lines: dict[Path_, int] = {}
    for number, path in _toml_entries(text):
        for depth in range(1, len(path) + 1):
            lines.setdefault(path[:depth], number)
    return lines


def _toml_entries(text: str) -> Iterator[tuple[int, Path_]]:
    table: Path_ = ()
    for number, line in enumerate(text.split("\n"), start=1):
        if header := _HEADER.match(line):
            table = _keys(header[1])
            yield number, table
        elif entry := _ENTRY.match(line):
            path = (*table, *_keys(entry[1]))
            yield number, path
            for inner in _INLINE.findall(line[entry.end() :]):
                yield number, (*path, *_keys(inner))


def _keys(text: str) -> Path_:
    return tuple(bare or quoted[1:-1] for bare, quoted in _KEY.findall(text))


def _yaml(text: str, name: str) -> tuple[Any, dict[Path_, int]]:
    import yaml

    lines: dict[Path_, int] = {}
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                raise ConfigError(f"{name}, line {event.start_mark.line + 1}: aliases are not read; write it out")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        if root is not None:
            _yaml_lines(root, (), lines, name)
        return yaml.safe_load(text), lines
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{name}, line {line}: {error.problem or 'not YAML'}") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise ConfigError(f"{name}: not YAML: {str(error).splitlines()[0]}") from None


def _yaml_lines(node: Any, path: Path_, lines: dict[Path_, int], name: str) -> None:
    if node.id != "mapping":
        return
    for key, value in node.value:
        here = (*path, str(key.value))
        line = key.start_mark.line + 1
        if here in lines:
            raise ConfigError(f"{name}, line {line}: {'.'.join(here)} stands twice, first on line {lines[here]}")
        lines[here] = line
        _yaml_lines(value, here, lines, name)


def _told(problem: Mapping[str, Any], name: str, lines: Mapping[Path_, int]) -> str:
    path = tuple(str(part) for part in problem["loc"])
    message = str(problem["msg"]).removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        message = _unknown_key(path)
    elif problem["type"] == "missing":
        message = "is missing"
    elif problem["type"] != "value_error":
        message = f"{message[0].lower()}{message[1:]}, not {problem['input']!r}"
    known = next((path[:depth] for depth in range(len(path), 0, -1) if path[:depth] in lines), ())
    # A complaint about the whole policy names its key itself.
    if not known and (first := re.match(r"\w+", message)) and (first[0],) in lines:
        known = (first[0],)
    if not known and (quoted := re.search(r"named '([^']+)'", message)):
        known = next((each for each in lines if each[-1] == quoted[1]), ())
    where = f"{name}, line {lines[known]}" if known else name
    return f"{where}: {'.'.join(path)}: {message}" if path else f"{where}: {message}"


def _unknown_key(path: Path_) -> str:
    model: Any = Policy
    for part in path[:-1]:
        model = _model_of(model.model_fields[part].annotation) if part in getattr(model, "model_fields", {}) else None
    known = [field.alias or key for key, field in model.model_fields.items()] if model else []
    near = get_close_matches(path[-1], known, n=1, cutoff=0.5)
    return f"unknown key; did you mean {near[0]!r}?" if near else f"unknown key; known: {', '.join(known)}"


def _model_of(annotation: Any) -> Any:
    found = [annotation, *getattr(annotation, "__args__", ())]
    return next((each for each in found if isinstance(each, type) and issubclass(each, BaseModel)), None)


def _toml_table(data: Mapping[str, Any], path: Path_) -> Iterator[str]:
    plain = {key: value for key, value in data.items() if not isinstance(value, Mapping)}
    tables = {key: value for key, value in data.items() if isinstance(value, Mapping)}
    if path and (plain or not tables):
        yield ""
        yield f"[{'.'.join(map(_toml_key, path))}]"
    for key, value in plain.items():
        comment = f"  # {_NAMES()[key]}" if path == ("weights",) and key in _NAMES() else ""
        yield f"{_toml_key(key)} = {_toml_value(value)}{comment}"
    for key, value in tables.items():
        if value:
            yield from _toml_table(value, (*path, key))


def _toml_key(key: str) -> str:
    return key if _BARE.fullmatch(key) else json.dumps(key)


def _toml_value(value: Hashable) -> str:
    # JSON's strings and numbers are TOML's, and no policy holds anything else.
    return json.dumps(value, ensure_ascii=True)


def _NAMES() -> Mapping[str, str]:  # noqa: N802 - a table that must not be read at import
    return {each.key: each.name for each in taxonomy().categories}


_BARE = re.compile(r"[A-Za-z0-9_-]+")
_KEY = re.compile(r"""([A-Za-z0-9_-]+)|("[^"]*"|'[^']*')""")
_HEADER = re.compile(r"\s*\[([^\[\]]+)\]\s*(?:#.*)?$")
_DOTTED = r"""(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*"""
_ENTRY = re.compile(rf"\s*({_DOTTED})\s*=")
_INLINE = re.compile(rf"[{{,]\s*({_DOTTED})\s*=")
