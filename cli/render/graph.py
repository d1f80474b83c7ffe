"""The Snowflake side of a declared graph, with what each resource needs before it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from cli.cost.graph import resources
from cli.progress import name_of
from cli.render.script import Declared
from policies.graph.resources import Unknown, plain

_PROVIDER: Final = "pulumi:providers:snowflake"
_SNOWFLAKE: Final = "snowflake:"


@dataclass(frozen=True, slots=True)
class Record:
    """One resource of a graph, of any package: `dependencies` are URNs, `provider` its provider's reference."""

    urn: str
    type: str
    inputs: Mapping[str, Any]
    parent: str = ""
    provider: str = ""
    dependencies: frozenset[str] = field(default_factory=frozenset)
    adopted: bool = False


def declared(records: Iterable[Record]) -> list[Declared]:
    """The Snowflake resources. What one needs is told through resources of other packages, and through its provider."""
    by_urn = {record.urn: record for record in records}
    tenants = {each.urn: each.tenant for each in resources((urn, record.parent, {}) for urn, record in by_urn.items())}

    @cache
    def needed(urn: str) -> frozenset[str]:
        record = by_urn[urn]
        found: set[str] = set()
        for other in {*record.dependencies, _provider(record)} & by_urn.keys():
            if by_urn[other].type.startswith(_SNOWFLAKE):
                found.add(other)
            else:
                found |= needed(other)
        return frozenset(found)

    found: list[Declared] = []
    for record in by_urn.values():
        if not record.type.startswith(_SNOWFLAKE):
            continue
        provider = by_urn.get(_provider(record))
        settings = {} if provider is None else plain(provider.inputs)
        role = settings.get("role", "")
        found.append(
            Declared(
                urn=record.urn,
                kind=record.type.rpartition(":")[2],
                name=name_of(record.urn),
                inputs=plain(record.inputs),
                role="" if isinstance(role, Unknown) else str(role),
                warehouse=str(settings.get("warehouse") or ""),
                tenant=tenants[record.urn],
                adopted=record.adopted,
                after=needed(record.urn),
            )
        )
    return found


def _provider(record: Record) -> str:
    return record.provider.rpartition("::")[0]
