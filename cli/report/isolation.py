"""Who reaches which object with patients' data, role by object, each with its path."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from policies.graph.isolation import Node, Path, Reach, Way
from policies.graph.resources import ResourceGraph, identifier

TENANT: Final = "{tenant}"
"""What stands in a path for the organisation whose object it leads to: theirs are alike, and told once."""
PRIVILEGE: Final = "{privilege}"
LEVELS: Final[Mapping[str, tuple[str, str]]] = {
    "breach": ("!", "reaches what it must not"),
    "owns": ("O", "owns it"),
    "writes": ("W", "changes what is in it"),
    "reads": ("R", "reads it"),
    "uses": ("U", "uses it, without reading rows"),
    "grants-itself": ("G", "could grant itself more"),
    "by-procedure": ("P", "reaches it by a reviewed procedure alone"),
}
"""Level → its letter and what it means, the highest first."""
_RANK: Final = {level: -rank for rank, level in enumerate(LEVELS)}
_WRITES: Final = frozenset({"INSERT", "UPDATE", "DELETE", "TRUNCATE", "ALL PRIVILEGES"})


def tagged_columns(graph: ResourceGraph) -> dict[str, dict[str, str]]:
    """Table's full name → its columns that a tag marks, with the tag's value."""
    found: dict[str, dict[str, str]] = {}
    for association in graph.snowflake("TagAssociation"):
        for name in association.inputs.get("objectIdentifiers") or ():
            *table, column = identifier(str(name))
            found.setdefault(".".join(table), {})[column] = str(association.inputs.get("tagValue"))
    return found


def matrix(reach: Reach, tagged: Iterable[str]) -> dict[str, Any]:
    """Every user, role and share that reaches an object with patients' data: how far, and by which path.

    The objects are the tenants' own that hold or show content, and those with tagged columns.
    """
    objects = dict.fromkeys([*reach.content, *(Node("TABLE", name) for name in sorted(tagged))])
    paths = reach.paths()
    findings = reach.findings(paths)
    broken = {finding.found for finding in findings}
    known: dict[tuple[str, ...], int] = {}
    cells: dict[tuple[Node, Node], list[Path]] = {}
    for path in paths:
        if path.target in objects:
            cells.setdefault((path.holder, path.target), []).append(path)
    return {
        "objects": [{"object": str(node), "tenant": reach.rules.of(node)} for node in objects],
        "holders": [
            {"holder": str(holder), "tenant": reach.rules.of(holder)}
            for holder in dict.fromkeys(holder for holder, _ in cells)
        ],
        "all_holders": [str(holder) for holder in reach.holders],
        "cells": [
            _cell(holder, target, reach.rules.of(target), found, broken, known)
            for (holder, target), found in cells.items()
        ],
        "paths": [list(steps) for steps in known],
        "findings": [
            {"resource": finding.resource, "rule": finding.rule, "found": finding.found} for finding in findings
        ],
        "tried": len(paths),
    }


def _cell(
    holder: Node,
    target: Node,
    tenant: str | None,
    paths: Sequence[Path],
    broken: set[str],
    known: dict[tuple[str, ...], int],
) -> dict[str, Any]:
    ways: dict[tuple[int, str], list[str]] = {}
    for path in paths:
        steps = tuple(_template(step, path.privilege, tenant, target) for step in path.steps)
        number = known.setdefault(steps, len(known))
        ways.setdefault((number, path.way.name.lower()), []).append(path.privilege)
    breach = any(str(path) in broken for path in paths)
    return {
        "holder": str(holder),
        "object": str(target),
        "tenant": tenant,
        "level": "breach" if breach else highest(level_of(path.privilege, path.way) for path in paths),
        "reaches": [{"privileges": found, "way": way, "path": number} for (number, way), found in ways.items()],
    }


def level_of(privilege: str, way: Way) -> str:
    if way is Way.PROCEDURE:
        return "by-procedure"
    if way is Way.ADMINISTRATIVE:
        return "grants-itself"
    if privilege == "OWNERSHIP":
        return "owns"
    if privilege in _WRITES:
        return "writes"
    return "reads" if privilege == "SELECT" else "uses"


def highest(levels: Iterable[str]) -> str:
    return max(levels, key=lambda level: _RANK[level])


def _template(step: str, privilege: str, tenant: str | None, target: Node) -> str:
    if step.startswith(f"{privilege} on "):
        step = PRIVILEGE + step[len(privilege) :]
    step = step.replace(target.name, "{object}")
    return step.replace(tenant, TENANT) if tenant else step


def steps_of(cell: Mapping[str, Any], reached: Mapping[str, Any], paths: Sequence[Sequence[str]]) -> list[str]:
    """A cell's path in full, as the graph tells it."""
    privileges = ", ".join(reached["privileges"])
    name = str(cell["object"]).partition(" ")[2]
    return [
        step.replace(PRIVILEGE, privileges).replace(TENANT, str(cell["tenant"])).replace("{object}", name)
        for step in paths[reached["path"]]
    ]
