"""What there is, from the declared graph: components and their order, resources, columns, and what is kept how long."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Mapping
from typing import Any, Final

import networkx as nx

from cli.documents.declared import ANY, ORGANIZATIONS, Declared
from cli.documents.mermaid import Flowchart
from cli.documents.parts import DocumentError, table
from cli.report.isolation import tagged_columns
from components.snowflake.phi import NO_PHI, PHI_CLASSES
from policies.graph.resources import Resource, identifier

_OURS: Final = "videxa:"


# ── order ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def azure_order(declared: Declared) -> str:
    """Which component on Azure stands on which."""
    return _order(declared, "azure")


def snowflake_order(declared: Declared) -> str:
    """Which component on Snowflake stands on which."""
    return _order(declared, "snowflake")


def components(declared: Declared) -> str:
    """What each kind of component is, by the first paragraph of its own description, and how many there are."""
    found: dict[str, list[str]] = {}
    for each in declared.graph.resources:
        if each.type.startswith(_OURS):
            found.setdefault(each.type, []).append(each.name)
    rows = []
    for type_, names in sorted(found.items()):
        _, cloud, kind = type_.split(":")
        said = inspect.getdoc(getattr(importlib.import_module(f"components.{cloud}"), kind)) or ""
        if not said:
            raise DocumentError(f"the component {kind} has no description")
        here = "each organisation" if kind == "Organization" else ", ".join(f"`{name}`" for name in sorted(names))
        rows.append((f"`{kind}`", here, said.split("\n\n")[0]))
    return table(("component", "in this deployment", "what it is"), rows)


def _order(declared: Declared, cloud: str) -> str:
    """Components of one cloud, those of a kind as one; an arrow leads to what is made later."""
    components = {each.urn: each for each in declared.graph.resources if each.type.startswith(_OURS) and each.parent}
    after: dict[str, set[str]] = {urn: set() for urn in components}
    for resource in declared.graph.resources:
        own = _component(declared, resource, components)
        provider = resource.provider.rpartition("::")[0]
        for other in (*declared.dependencies[resource.urn], *declared.dependencies.get(provider, ())):
            below = declared.graph.by_urn.get(other)
            found = _component(declared, below, components) if below is not None else ""
            if own and found and own != found:
                after[own].add(found)
    names = {urn: _kind(declared, each) for urn, each in components.items() if each.type.startswith(f"{_OURS}{cloud}:")}
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(sorted(set(names.values())))
    graph.add_edges_from(
        sorted(
            {
                (names[below], names[urn])
                for urn in names
                for below in after[urn]
                if below in names and names[below] != names[urn]
            }
        )
    )
    if not nx.is_directed_acyclic_graph(graph):
        raise DocumentError(f"the components on {cloud} wait for each other: {nx.find_cycle(graph)}")
    drawing = Flowchart("LR")
    least = nx.transitive_reduction(graph)
    # Those that stand alone come last: no arrow passes them.
    for name in sorted(graph, key=lambda each: (not graph.degree(each), each)):
        drawing.node(name)
    for first, second in sorted(least.edges):
        drawing.edge(first, second)
    return str(drawing)


def _component(declared: Declared, resource: Resource, components: Mapping[str, Resource]) -> str:
    """The URN of the outermost component that a resource is under, or is; empty for what is under none."""
    found, urn = "", resource.urn
    while urn:
        if urn in components:
            found = urn
        urn = declared.parents.get(urn, "")
    return found


def _kind(declared: Declared, component: Resource) -> str:
    """What a component is drawn as: its type's word, with the organisation's own in the place of each of them."""
    return "each Organization" if declared.tenant(component) else component.kind


# ── resources ────────────────────────────────────────────────────────────────────────────────────────────────────────


def resources(declared: Declared) -> str:
    """How many resources of each type there are, for each organisation and shared by all."""
    counts: dict[str, dict[str, int]] = {}
    for resource in declared.graph.resources:
        if resource.type.startswith(("pulumi:", _OURS)):
            continue
        of = counts.setdefault(resource.short_type, {})
        tenant = declared.tenant(resource) or ""
        of[tenant] = of.get(tenant, 0) + 1
    rows = []
    for type_, of in sorted(counts.items()):
        each = {of.get(tenant, 0) for tenant in ORGANIZATIONS}
        if len(each) != 1:
            raise DocumentError(f"organisations differ in {type_}: {sorted(each)}")
        rows.append((type_, each.pop(), of.get("", 0)))
    shared = sum(row[2] for row in rows)
    one = sum(row[1] for row in rows)
    return table(
        ("type", "for each organisation", "shared"),
        [
            *((f"`{type_}`", str(each or ""), str(of or "")) for type_, each, of in rows),
            ("all", str(one), str(shared)),
        ],
    )


# ── columns ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def columns(declared: Declared) -> str:
    """The columns of an organisation's tables, and of shared ones that name people: class, mask, or why none."""
    tagged = tagged_columns(declared.graph)
    masks = _masks(declared)
    parts = ["| class | means |", "| --- | --- |"]
    parts += [f"| `{name}` | {meaning} |" for name, meaning in PHI_CLASSES.items()]
    for resource in sorted(declared.graph.snowflake("Table"), key=lambda each: each.name):
        inputs = resource.inputs
        name = f"{inputs['database']}.{inputs['schema']}.{inputs['name']}"
        own = tagged.get(name, {})
        if declared.tenant(resource) not in (None, ORGANIZATIONS[0]) or (not declared.tenant(resource) and not own):
            continue
        parts += ["", f"### {name.replace(ORGANIZATIONS[0], ANY)}", "", f"{inputs['comment']}.", ""]
        types = {column["name"]: column["type"] for column in inputs["columns"]}
        if own:
            rows = (
                (f"`{column}`", types[column], f"`{own[column]}`", masks[_base(types[column])])
                for column in types
                if column in own
            )
            parts += [table(("column", "type", "class", "others see"), rows), ""]
        free: dict[str, list[str]] = {}
        for column, type_ in types.items():
            if column not in own:
                reason = NO_PHI.get(column, "") if _base(type_) in masks else "a time, a number or a truth value"
                if not reason:
                    raise DocumentError(
                        f"{name}.{column} has no class, and no reason for it (components/snowflake/phi.py)"
                    )
                free.setdefault(reason, []).append(f"`{column}`")
        parts += [f"- {', '.join(found)}: {reason}." for reason, found in sorted(free.items())]
    return "\n".join(parts)


def _base(type_: str) -> str:
    return type_.partition("(")[0]


def _masks(declared: Declared) -> dict[str, str]:
    """By a column's type what the tag's masking policy shows to whoever is not the application."""
    found = {}
    attached = {
        name[-1]
        for tag in declared.graph.snowflake("Tag")
        for policy in tag.inputs.get("maskingPolicies") or ()
        for name in [identifier(str(policy))]
    }
    for policy in declared.graph.snowflake("MaskingPolicy"):
        other = re.search(r"ELSE (?:'([^']*)'|(NULL)) END$", str(policy.inputs["body"]))
        if other is None:
            raise DocumentError(f"the mask {policy.name} does not end with what others see")
        if policy.inputs["name"] in attached:
            found[str(policy.inputs["returnDataType"])] = f"`{other[1] or other[2]}`"
    return found


# ── what is kept ─────────────────────────────────────────────────────────────────────────────────────────────────────


def kept(declared: Declared) -> str:
    """How long what was deleted or written can be had back, as it is declared."""
    graph = declared.graph
    databases = {
        bool(declared.tenant(each)): each.inputs["dataRetentionTimeInDays"]
        for each in graph.snowflake("Database")
        if "dataRetentionTimeInDays" in each.inputs
    }
    vault = declared.one("azure-native:keyvault:Vault").inputs["properties"]
    logs = declared.one("azure-native:operationalinsights:Workspace").inputs["retentionInDays"]
    archive = declared.one("azure-native:storage:StorageAccount").inputs["sku"]["name"]
    (rule,) = declared.one("azure-native:storage:ManagementPolicy").inputs["policy"]["rules"]
    ends = rule["definition"]["actions"]["baseBlob"]["delete"]["daysAfterModificationGreaterThan"]
    job = declared.one("azure-native:app:Job").inputs["configuration"]
    rows = [
        (
            "an organisation's rows, tables, database",
            _days(databases[True]),
            "Time Travel, unless it has a setting of its own",
        ),
        ("organisations, users, usage", _days(databases[False]), "Time Travel of the shared database"),
        ("either, beyond that", "7 days", "Fail-safe: Snowflake's support alone has access, and promises no time"),
        (
            "a deleted secret, the deleted vault",
            _days(vault["softDeleteRetentionInDays"]),
            f"soft delete; purge protection {_on(vault['enablePurgeProtection'])}",
        ),
        ("logs to search", _days(logs), "Log Analytics"),
        ("the audit trail", _days(ends), f"archive, {archive}; a rule deletes what is older"),
        (
            "the search index",
            "nothing to keep",
            f"a new replica is filled again: `{job['scheduleTriggerConfig']['cronExpression']}`",
        ),
    ]
    return table(("what", "how long", "by what"), rows)


def _days(value: Any) -> str:
    return f"{int(value)} days"


def _on(value: Any) -> str:
    return "on" if value else "off"
