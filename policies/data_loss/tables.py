"""Tables: the columns that an update in place drops, retypes or narrows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from policies.data_loss import data_types
from policies.data_loss.finding import Finding
from policies.data_loss.names import listed, sql
from policies.data_loss.plan import Plan, Step, object_name, unknown

_UNCHANGED_BY_DEFAULT = {"nullable": True, "collate": ""}


def column_losses(plan: Plan) -> Iterator[Finding]:
    """What happens to columns of tables that stay. To Pulumi it is an update; the provider drops and adds."""
    for step in plan.of("Table"):
        if step.op == "update":
            yield from _of_table(plan, step)


def _of_table(plan: Plan, step: Step) -> Iterator[Finding]:
    name = object_name(step)
    table = sql(name)
    tenant = plan.tenant(step, name[0] if name else "")
    place = f"table {table}"
    back = time_travel(plan, name, f"CREATE TABLE … CLONE {table} BEFORE (STATEMENT => …)")
    if not name or unknown(step.new.get("columns")) or unknown(step.before("columns")):
        yield Finding(
            step.urn,
            tenant,
            place if name else f"table {step.name}",
            "unknown columns",
            "the plan does not know the columns that the table is to have: any of its columns could go",
            back,
            unknown=True,
        )
        return
    old, new = _columns(step.before("columns")), _columns(step.new.get("columns"))
    added = [column for column in new if column not in old]
    for column, block in old.items():
        written = sql([column])
        if column not in new:
            hint = f" ({listed(added)} is added: a renamed column is dropped and added empty)" if added else ""
            yield Finding(
                step.urn,
                tenant,
                place,
                f"drop column {column}",
                f"every value of {column}{hint}",
                back,
                f"SELECT COUNT({written}) FROM {table};",
            )
        else:
            yield from _changed(step, tenant, place, table, column, block, new[column], back)


def _changed(
    step: Step,
    tenant: str,
    place: str,
    table: str,
    column: str,
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    back: str,
) -> Iterator[Finding]:
    written = sql([column])
    was, becomes = str(old.get("type")), str(new.get("type"))
    difference = data_types.compare(was, becomes)
    if _said(old, "collate") != _said(new, "collate"):
        difference, was, becomes = "other", _collated(old), _collated(new)
    if difference == "narrower":
        yield Finding(
            step.urn,
            tenant,
            place,
            f"narrow column {column} from {was} to {becomes}",
            f"values of {column} that {becomes} does not hold; where there is one, Snowflake refuses and the run stops "
            "half-way",
            back,
            _too_long(table, written, becomes),
        )
    elif difference == "other":
        yield Finding(
            step.urn,
            tenant,
            place,
            f"retype column {column} from {was} to {becomes}",
            f"values of {column}: Snowflake converts hardly any type into another in place, so the run stops half-way, "
            "and what is dropped and added to get past it is empty",
            back,
            f"SELECT COUNT({written}), COUNT(TRY_CAST({written}::VARCHAR AS {becomes})) FROM {table};",
        )
    if _said(old, "nullable") is not False and _said(new, "nullable") is False:
        yield Finding(
            step.urn,
            tenant,
            place,
            f"make column {column} NOT NULL",
            f"rows without {column}, and every write that leaves it out; where there is one, Snowflake refuses and the "
            "run stops half-way",
            back,
            f"SELECT COUNT(*) FROM {table} WHERE {written} IS NULL;",
        )


def _said(block: Mapping[str, Any], key: str) -> Any:
    value = block.get(key)
    return _UNCHANGED_BY_DEFAULT[key] if value is None else value


def _collated(block: Mapping[str, Any]) -> str:
    collation = _said(block, "collate")
    return f"{block.get('type')}" + (f" COLLATE '{collation}'" if collation else "")


def _columns(blocks: Any) -> dict[str, Mapping[str, Any]]:
    return {str(block["name"]): block for block in blocks or () if isinstance(block, Mapping) and "name" in block}


def _too_long(table: str, column: str, becomes: str) -> str:
    name, numbers = data_types.parse(becomes)
    if name in ("VARCHAR", "BINARY"):
        return f"SELECT COUNT(*) FROM {table} WHERE LENGTH({column}) > {numbers[0]};"
    if name == "NUMBER":
        return f"SELECT COUNT(*) FROM {table} WHERE ABS({column}) >= 1e{numbers[0] - numbers[1]};"
    return f"SELECT COUNT({column}) FROM {table};"


def time_travel(plan: Plan, name: tuple[str, ...], how: str) -> str:
    """How long Snowflake can bring something back, and how."""
    days = plan.retention(name)
    if days is None:
        return f"by Time Travel, as long as its retention lasts, which the plan does not show: {how}"
    if days == 0:
        return "no: its Time Travel is 0 days"
    return f"for {days} day{'s' if days != 1 else ''} of Time Travel: {how}"
