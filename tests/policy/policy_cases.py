"""A policy's cases, as tests/policy/cases/<policy>.yaml has them: resources that pass, and what makes them not.

A case is the file's resources with some things set: `resource.input.path: value` sets an input (null: not set, a
number: an element of a list), `resource@sources`, `@ignored`, `@provider` or `@deleteBeforeReplace` something about
the resource, `+resource` adds one and `-resource` takes one away. UNKNOWN stands for what a preview does not know;
where the file's own resources have it, it is made from the output of a resource elsewhere. SECRET stands for a secret
that nobody opened, SECRET:text for one whose value is known.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from policies.graph.resources import UNKNOWN, Resource, ResourceGraph, Secret

CASES = Path(__file__).parent / "cases"
_ELSEWHERE = "elsewhere"
_STACK = "urn:pulumi:local::nexuschat"


@dataclass(frozen=True)
class Cases:
    """Of one policy; each case is a set of changes."""

    policy: str
    resources: Mapping[str, Any]
    passing: list[Mapping[str, Any]]
    violating: list[Mapping[str, Any]]
    unknown: list[Mapping[str, Any]]
    never_unknown: str
    parameters: Mapping[str, Any]


def cases_of(policy: str) -> Cases:
    text = yaml.safe_load((CASES / f"{policy}.yaml").read_text(encoding="utf-8"))
    known = {"resources", "passing", "violating", "unknown", "never_unknown", "parameters"}
    assert text.keys() <= known, f"{policy}: {sorted(text.keys() - known)}"
    return Cases(
        policy,
        text["resources"],
        [{}, *text.get("passing", ())],
        text["violating"],
        text.get("unknown", []),
        text.get("never_unknown", ""),
        _values(text.get("parameters", {})),
    )


def graph(resources: Mapping[str, Any], changes: Mapping[str, Any]) -> ResourceGraph:
    found = copy.deepcopy(dict(resources))
    for one in found.values():
        made = {field: [_ELSEWHERE] for field, value in one["inputs"].items() if "UNKNOWN" in repr(value)}
        one["sources"] = made | one.get("sources", {})
    for key, value in changes.items():
        if key.startswith("+"):
            found[key[1:]] = value
        elif key.startswith("-"):
            del found[key[1:]]
        elif "@" in key:
            name, _, field = key.partition("@")
            found[name][field] = value
        else:
            name, _, path = key.partition(".")
            _set(found[name]["inputs"], path.split("."), value)
    urns = {name: urn(_type(one), name) for name, one in found.items()}
    return ResourceGraph(_resource(name, one, urns) for name, one in found.items())


def urn(type_: str, name: str) -> str:
    return f"{_STACK}::{type_}::{name}"


def _type(one: Mapping[str, Any]) -> str:
    package, _, kind = one["type"].partition(":")
    # snowflake:Table as the cases have it, snowflake:index/table:Table as the engine has it.
    return f"snowflake:index/{kind[0].lower()}{kind[1:]}:{kind}" if package == "snowflake" else str(one["type"])


def _resource(name: str, one: Mapping[str, Any], urns: Mapping[str, str]) -> Resource:
    provider = one.get("provider")
    return Resource(
        urns[name],
        _type(one),
        _values(one["inputs"]),
        provider=f"{urns[provider]}::id" if provider else "",
        parent=urns[one["parent"]] if one.get("parent") else "",
        sources={
            field: tuple(urns.get(each, each) for each in names) for field, names in one.get("sources", {}).items()
        },
        delete_before_replace=one.get("deleteBeforeReplace"),
        ignored=tuple(one.get("ignored", ())),
    )


def _set(container: Any, path: list[str], value: Any) -> None:
    *way, last = path
    for key in way:
        container = container[int(key)] if isinstance(container, list) else container.setdefault(key, {})
    if isinstance(container, list):
        container[int(last)] = value
    elif value is None:
        container.pop(last, None)
    else:
        container[last] = value


def _values(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _values(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_values(inner) for inner in value]
    if value == "UNKNOWN":
        return UNKNOWN
    if isinstance(value, str) and value.startswith("@sha256:"):
        return hashlib.sha256(value.removeprefix("@sha256:").encode()).hexdigest()
    if isinstance(value, str) and value.startswith("SECRET"):
        return Secret(value.partition(":")[2] or None)
    return value
