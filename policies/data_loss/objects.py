"""Snowflake objects that hold data: dropped, replaced, renamed, or kept for fewer days."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from policies.data_loss.finding import Finding
from policies.data_loss.names import listed, sql
from policies.data_loss.plan import RETENTION, Plan, Step, days_of, object_name, unknown
from policies.data_loss.tables import time_travel
from policies.graph.resources import identifier


@dataclass(frozen=True, slots=True)
class Stateful:
    """A kind of object that holds what no program can make again.

    `word` is Snowflake's own; `lost` what goes with one; `check` shows how much, `{}` standing for the name, `{quoted}`
    for it inside a string; `undrop` says whether UNDROP brings it back; `back` what else does.
    """

    word: str
    lost: str
    check: str
    undrop: bool = False
    back: str = "no: it is made empty again"


_ROWS = "SELECT COUNT(*) FROM {};"
STATEFUL: Final[Mapping[str, Stateful]] = {
    "Database": Stateful(
        "DATABASE",
        "every schema and table in it, and all grants on them",
        "SELECT TABLE_SCHEMA, TABLE_NAME, ROW_COUNT FROM {}.INFORMATION_SCHEMA.TABLES WHERE ROW_COUNT > 0;",
        undrop=True,
    ),
    "Schema": Stateful(
        "SCHEMA",
        "every table in it, and all grants on them",
        "SELECT TABLE_NAME, ROW_COUNT FROM {database}.INFORMATION_SCHEMA.TABLES "
        "WHERE TABLE_SCHEMA = '{last}' AND ROW_COUNT > 0;",
        undrop=True,
    ),
    "Table": Stateful("TABLE", "every row of it, and all grants on it", _ROWS, undrop=True),
    "HybridTable": Stateful("HYBRID TABLE", "every row of it, and all grants on it", _ROWS),
    "EventTable": Stateful("EVENT TABLE", "every event in it", _ROWS, undrop=True),
    "StageInternal": Stateful("STAGE", "every file in it", "LIST @{};"),
    "Stage": Stateful("STAGE", "every file in it, if it is an internal one", "LIST @{};"),
    "Sequence": Stateful(
        "SEQUENCE",
        "how far it has counted: numbers are given out twice",
        "SHOW SEQUENCES LIKE '{last}' IN SCHEMA {schema};",
        back="by ALTER SEQUENCE, where the last number is known",
    ),
    **dict.fromkeys(
        ("Stream", "StreamOnTable", "StreamOnView", "StreamOnExternalTable", "StreamOnDirectoryTable"),
        Stateful(
            "STREAM",
            "how far it was read: changes that nobody has read yet",
            "SELECT SYSTEM$STREAM_HAS_DATA('{}');",
            back="no: a new one begins now",
        ),
    ),
    **dict.fromkeys(
        (
            "SecretWithGenericString",
            "SecretWithBasicAuthentication",
            "SecretWithClientCredentials",
            "SecretWithAuthorizationCodeGrant",
        ),
        Stateful(
            "SECRET", "its value", "DESCRIBE SECRET {};", back="only from where the value is kept outside Snowflake"
        ),
    ),
}


def tables_of(plan: Plan, database: str, schema: str = "") -> list[str]:
    """The names of the tables that the plan takes away with a database or schema."""
    return sorted(
        sql(name[1 if not schema else 2 :])
        for step in plan.of("Table")
        if step.gone and (name := object_name(step))[:1] == (database,) and (not schema or name[1:2] == (schema,))
    )


_INSIDE: Final = ", then UNDROP of each schema and table in it, which the engine drops first"
"""An object comes back with what it held when it was dropped, and not with what was dropped before."""


def _kept_for(step: Step, plan: Plan, name: tuple[str, ...], kind: Stateful) -> str:
    if not kind.undrop:
        return kind.back
    transient = str(step.before("isTransient")).lower() == "true"
    inside = kind.word in ("DATABASE", "SCHEMA") and any(
        other.gone and object_name(other)[: len(name)] == name != object_name(other)
        for other in plan.of("Schema", "Table")
    )
    said = time_travel(plan, name, f"UNDROP {kind.word} {sql(name)}{_INSIDE if inside else ''}")
    if step.op == "replace":
        said += " once the new one is renamed"
    if transient:
        return f"{said}; being transient, for 1 day at most, and without Fail-safe"
    return f"{said}; then 7 days of Fail-safe, by Snowflake's support alone"


def dropped(plan: Plan) -> Iterator[Finding]:
    """Objects that hold data and are deleted, or deleted to be made anew. What lies in one that goes goes with it."""
    gone = {object_name(step) for step in plan.of(*STATEFUL) if step.gone}
    for step in plan.of(*STATEFUL):
        if not step.gone:
            continue
        kind, name = STATEFUL[step.kind], object_name(step)
        if any(name[:length] in gone for length in range(1, len(name))):
            continue
        if removed(plan, step):
            continue
        written = sql(name) if name else step.name
        lost = kind.lost
        if step.kind in ("Database", "Schema") and name:
            tables = tables_of(plan, *name)
            lost += f" ({len(tables)} of this stack: {listed(tables)})" if tables else ""
        yield Finding(
            step.urn,
            plan.tenant(step, name[0] if name else ""),
            f"{kind.word.lower()} {written}",
            _change(step),
            lost,
            _kept_for(step, plan, name, kind),
            kind.check.replace("{database}", sql(name[:1]))
            .replace("{schema}", sql(name[:-1]))
            .replace("{last}", name[-1] if name else step.name)
            .replace("{}", written),
        )


def _change(step: Step) -> str:
    if step.op == "delete":
        return "drop"
    return f"drop and create again (for {', '.join(sorted(step.replace_keys)) or 'a reason the plan does not give'})"


def removed(plan: Plan, step: Step) -> bool:
    """Whether a step's resource goes because its whole organisation goes."""
    organization = plan.organization(step)
    return organization is not None and organization.op == "delete"


def organizations(plan: Plan) -> Iterator[Finding]:
    """Organisations that are taken out of the organisations' file, with all that they hold."""
    for component in plan.steps:
        if not component.type.endswith(":Organization") or component.op != "delete":
            continue
        inside = [step for step in plan.steps if step.gone and plan.organization(step) is component]
        held = [step for step in inside if step.kind in STATEFUL and step.type.startswith("snowflake:")]
        if not held:
            continue
        databases = [object_name(step) for step in held if step.kind == "Database"]
        tables = sorted(sql(object_name(step)[1:]) for step in held if step.kind == "Table")
        names = [sql(name) for name in databases] or [sql(object_name(held[0]))]
        undrop = ", ".join(f"UNDROP DATABASE {name}" for name in names)
        back = time_travel(plan, databases[0], f"{undrop}{_INSIDE}") if databases else "see the objects"
        yield Finding(
            component.urn,
            component.name,
            f"organisation {component.name}",
            "remove",
            f"the organisation as a whole: {listed(names)} with {len(tables)} tables ({listed(tables)}), "
            f"every conversation in them, and {len(inside) - len(held)} other resources (roles, grants, warehouse)",
            f"{back}; then 7 days of Fail-safe, by Snowflake's support alone; roles and grants by declaring it again",
            " ".join(STATEFUL["Database"].check.replace("{}", name) for name in names),
        )


def renamed(plan: Plan) -> Iterator[Finding]:
    """Databases, schemas and tables that keep their data under another name."""
    for step in plan.of("Database", "Schema", "Table"):
        if step.op != "update" or "name" not in step.new:
            continue
        old, new = object_name(step), step.new["name"]
        kind = STATEFUL[step.kind]
        tenant = plan.tenant(step, old[0] if old else "")
        place = f"{kind.word.lower()} {sql(old) if old else step.name}"
        if unknown(new) or not old:
            yield Finding(
                step.urn,
                tenant,
                place,
                "unknown name",
                "the plan does not know its name: it could be renamed, and what names it would point nowhere",
                "by renaming it back",
                unknown=True,
            )
            continue
        becomes = (*old[:-1], *identifier(new)[:1]) if str(new).startswith('"') else (*old[:-1], str(new))
        if becomes == old:
            continue
        lost = "every statement, view, policy and program that names it finds nothing"
        if step.kind != "Table":
            lost += "; what is declared inside it is replaced, which drops it (see each)"
        yield Finding(
            step.urn,
            tenant,
            place,
            f"rename to {sql(becomes)}",
            lost,
            f"ALTER {kind.word} {sql(becomes)} RENAME TO {sql(old)}; as long as nothing else was dropped",
            kind.check.replace("{database}", sql(old[:1])).replace("{last}", old[-1]).replace("{}", sql(old)),
        )


_PARAMETERS: Final = {"DATA_RETENTION_TIME_IN_DAYS": 1, "MIN_DATA_RETENTION_TIME_IN_DAYS": 0}
"""The account's parameters that decide Time Travel, each with Snowflake's default."""
_MOST_DAYS: Final = 90


def shortened(plan: Plan) -> Iterator[Finding]:
    """Fewer days of Time Travel: what lies further back is gone at once."""
    for step in plan.of("Database", "Schema", "Table"):
        if step.op == "update":
            name = object_name(step)
            place = f"{STATEFUL[step.kind].word.lower()} {sql(name) if name else step.name}"
            tenant = plan.tenant(step, name[0] if name else "")
            inherited = plan.retention(name[:-1])
            yield from _shorter(step, tenant, place, step.before(RETENTION), step.new.get(RETENTION), inherited)
    for step in plan.of("AccountParameter", "ObjectParameter"):
        key = str(step.before("key") or step.new.get("key") or "").upper()
        if step.op in ("update", "replace", "delete") and not step.retained and key in _PARAMETERS:
            after = step.new.get("value") if step.op != "delete" else None
            where = "account" if step.kind == "AccountParameter" else f"object of {step.name}"
            place = f"{where}, parameter {key}"
            yield from _shorter(step, plan.tenant(step), place, step.before("value"), after, _PARAMETERS[key])


def _shorter(step: Step, tenant: str, place: str, was: Any, becomes: Any, inherited: int | None) -> Iterator[Finding]:
    before, after = _days(was, inherited), _days(becomes, inherited)
    if unknown(was) or unknown(becomes) or (before is None and after is not None and after < _MOST_DAYS):
        yield Finding(
            step.urn,
            tenant,
            place,
            "unknown retention",
            "the plan does not know the days of Time Travel before and after: there could be fewer",
            "no: what Time Travel has let go is gone",
            unknown=True,
        )
    elif before is not None and (after is None or after < before):
        yield Finding(
            step.urn,
            tenant,
            place,
            f"shorten retention from {before} to {'what it inherits' if after is None else f'{after} days'}",
            f"what was deleted or changed more than {'so many' if after is None else after} days ago can no longer be "
            "brought back",
            "no: a longer retention does not bring back what a shorter one let go",
        )


def _days(value: Any, inherited: int | None) -> int | None:
    days = days_of(value)
    return inherited if days is None or days < 0 else days
