"""Which columns hold patients' data, whether each is tagged wherever it stands, and whether its tag masks it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cli.report.isolation import tagged_columns
from components.snowflake.phi import NO_PHI, PHI_COLUMNS, PHI_TYPES
from policies.graph.resources import Resource, ResourceGraph, identifier


def coverage(graph: ResourceGraph) -> list[dict[str, Any]]:
    """A row for each column that can hold text, of every table's name: its class, and in how many tables it is tagged.

    `state` is `protected` (tagged and masked wherever it is), `gap`, `none` (it holds none, for the reason given) or
    `unclassified`.
    """
    tagged, masked = tagged_columns(graph), _masked_types(graph)
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for table in graph.snowflake("Table"):
        name = str(table.inputs.get("name"))
        marks = tagged.get(f"{table.inputs.get('database')}.{table.inputs.get('schema')}.{name}", {})
        for column in table.inputs.get("columns") or ():
            kind = str(column["type"]).partition("(")[0].upper()
            if kind not in PHI_TYPES:
                continue
            row = rows.setdefault(
                (name, str(column["name"])),
                {"table": name, "column": column["name"], "type": kind, "tables": 0, "tagged": 0, "classes": set()},
            )
            row["tables"] += 1
            if column["name"] in marks:
                row["tagged"] += 1
                row["classes"].add(marks[column["name"]])
    return [_judged(row, masked) for row in rows.values()]


def _judged(row: dict[str, Any], masked: set[str]) -> dict[str, Any]:
    known = PHI_COLUMNS.get(row["table"], {}).get(row["column"])
    row["classes"] = sorted(row["classes"])
    row["masked"] = bool(row["tagged"]) and row["type"] in masked
    row["why"] = ""
    if row["tagged"] or known:
        row["state"] = "protected" if row["tagged"] == row["tables"] and row["masked"] else "gap"
    elif row["column"] in NO_PHI:
        row["state"], row["why"] = "none", NO_PHI[row["column"]]
    else:
        row["state"] = "unclassified"
    return row


def _masked_types(graph: ResourceGraph) -> set[str]:
    """The types of columns that a tag with masking policies masks."""
    policies: dict[str, Resource] = {_full(each.inputs): each for each in graph.snowflake("MaskingPolicy")}
    found: set[str] = set()
    for tag in graph.snowflake("Tag"):
        for name in tag.inputs.get("maskingPolicies") or ():
            policy = policies.get(".".join(identifier(str(name))))
            if policy is not None:
                found.add(str(policy.inputs.get("returnDataType")).partition("(")[0].upper())
    return found


def _full(inputs: Mapping[str, Any]) -> str:
    return f"{inputs.get('database')}.{inputs.get('schema')}.{inputs.get('name')}"
