"""Which of the declared objects exist in the account already, though the stack's state does not have them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from cli.adopt.kinds import IDENTITY, KINDS, NO_OBJECT, Kind, Name, sql_name
from cli.connector import one_line, rows
from cli.failure import FailureError
from cli.render.script import Declared
from infra.words import called
from policies.data_loss import data_types
from policies.graph.resources import Unknown, identifier

if TYPE_CHECKING:
    from snowflake.connector.cursor import SnowflakeCursor

ASKED_AS: Final = "ACCOUNTADMIN"
"""Holds MANAGE GRANTS, by which SHOW leaves nothing out."""


@dataclass(frozen=True, slots=True)
class Found:
    """A declared object that exists. `resource` is what a plan calls it, `owner` the role that owns it ("" where
    Snowflake tells none), `rows` a table's."""

    resource: str
    type: str
    name: str
    tenant: str | None
    word: str
    written: str
    id: str
    inputs: Mapping[str, Any]
    role: str
    owner: str = ""
    rows: int = 0
    holds_data: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """What cannot be taken over, why, and the way out."""

    resource: str
    tenant: str | None
    why: str
    way_out: str

    def as_json(self) -> dict[str, Any]:
        return {"resource": self.resource, "tenant": self.tenant, "why": self.why, "way_out": self.way_out}


@dataclass
class Account:
    """What SHOW lists, asked once for each kind and container."""

    cursor: SnowflakeCursor
    _listed: dict[str, dict[str, list[dict[str, Any]]]] = field(default_factory=dict)

    def named(self, kind: Kind, name: Name) -> list[dict[str, Any]]:
        """The rows of SHOW under this name (overloads of a function are several); none where its container is not."""
        if kind.parts > 1 and not self.has(name[:-1]):
            return []
        container = {1: "", 2: f" IN DATABASE {sql_name(name[:1])}", 3: f" IN SCHEMA {sql_name(name[:2])}"}[kind.parts]
        return self._show(f"SHOW {kind.plural}{container}").get(name[-1], [])

    def has(self, container: Name) -> bool:
        """Whether a database or schema exists."""
        return bool(self.named(KINDS["Database" if len(container) == 1 else "Schema"], container))

    def unique_keys(self, table: Name) -> set[str]:
        """The names of a table's unique constraints."""
        listed = self._show(f"SHOW UNIQUE KEYS IN TABLE {sql_name(table)}", "constraint_name")
        return set(listed)

    def has_role(self, role: str) -> bool:
        return bool(self.named(KINDS["AccountRole"], (role,)))

    def _show(self, statement: str, by: str = "name") -> dict[str, list[dict[str, Any]]]:
        from snowflake.connector import Error

        if statement not in self._listed:
            found: dict[str, list[dict[str, Any]]] = {}
            try:
                shown = rows(self.cursor, statement)
            except Error as error:
                # Its container is there: whoever may not look into it does not know what is in it.
                raise FailureError(
                    f"{statement}: {one_line(error)}\n"
                    f"What exists cannot be seen by {ASKED_AS}, and is not taken for absent."
                ) from None
            for row in shown:
                found.setdefault(str(row[by]), []).append(row)
            self._listed[statement] = found
        return self._listed[statement]


def find(declared: Iterable[Declared], account: Account, known: Iterable[str]) -> tuple[list[Found], list[Refused]]:
    """The declared objects that exist and are not in the state (`known` are its URNs), and those that no id imports."""
    state, found, refused = set(known), [], []
    for each in declared:
        if each.urn in state or each.adopted or each.kind in NO_OBJECT:
            continue
        resource, kind = called(_type(each), each.name), KINDS.get(each.kind)
        if each.kind == "TableConstraint":
            refused += _constraint(each, resource, account)
            continue
        if kind is None:
            raise FailureError(f"{resource}: how such an object is looked for is not known here.")
        parts = [each.inputs.get(part) for part in IDENTITY if part in each.inputs]
        if len(parts) != kind.parts or any(isinstance(part, Unknown) for part in parts):
            raise FailureError(f"{resource}: its name is not known before a run, so it cannot be looked for.")
        name = tuple(str(part) for part in parts)
        there = account.named(kind, name)
        if each.kind in ("FunctionPython", "ProcedurePython"):
            there = [row for row in there if _signature(row) == _declared_signature(each)]
        if not there:
            continue
        written = sql_name(name)
        if kind.identity is None:
            arguments = ", ".join(str(argument["argDataType"]) for argument in each.inputs.get("arguments") or ())
            refused.append(_without_id(each, resource, kind, f"{written}({arguments})"))
            continue
        found.append(
            Found(
                resource=resource,
                type=_type(each),
                name=each.name,
                tenant=each.tenant,
                word=kind.word,
                written=written,
                id=kind.identity(name),
                inputs=each.inputs,
                role=each.role,
                owner=str(there[0].get("owner") or ""),
                rows=int(there[0].get("rows") or 0),
                holds_data=kind.holds_data,
            )
        )
    order = list(KINDS)
    found.sort(key=lambda each: (each.tenant or "", order.index(each.type.rpartition(":")[2]), each.name))
    return found, refused


def _constraint(each: Declared, resource: str, account: Account) -> list[Refused]:
    """A constraint is in no list of its own, and the provider imports none."""
    table = identifier(str(each.inputs["tableId"]))
    if not account.named(KINDS["Table"], table) or str(each.inputs["name"]) not in account.unique_keys(table):
        return []
    name = sql_name((str(each.inputs["name"]),))
    return [
        Refused(
            resource,
            each.tenant,
            f"constraint {name} on table {sql_name(table)} exists, and the provider imports none.",
            "It holds no data, and Snowflake does not enforce it:\n"
            f"ALTER TABLE {sql_name(table)} DROP CONSTRAINT {name};\nand `./nexus up` makes the declared one.",
        )
    ]


def _type(each: Declared) -> str:
    return each.urn.split("::")[2].rsplit("$", 1)[-1]


def _without_id(each: Declared, resource: str, kind: Kind, written: str) -> Refused:
    return Refused(
        resource,
        each.tenant,
        f"{kind.word} {written} exists, and the provider imports none.",
        f"It holds no data. Keep its text (SELECT GET_DDL('{kind.word}', …)), see who is granted it, then\n"
        f"DROP {kind.word} {written};\nand `./nexus up` makes the declared one.",
    )


def _signature(row: Mapping[str, Any]) -> list[str]:
    """The types of a routine's arguments: SHOW has them as `F(VARCHAR, NUMBER) RETURN VARCHAR`."""
    match = re.search(r"\((.*?)\)\s+RETURN", str(row.get("arguments") or ""))
    return [data_types.parse(part)[0] for part in match[1].split(",")] if match and match[1].strip() else []


def _declared_signature(each: Declared) -> list[str]:
    return [data_types.parse(str(argument["argDataType"]))[0] for argument in each.inputs.get("arguments") or ()]
