"""Masks, row access policies and tags that come off, for good or for as long as a replacement takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from policies.data_loss.finding import Finding
from policies.data_loss.names import listed, sql
from policies.data_loss.plan import Plan, Step, object_name, unknown
from policies.graph.resources import identifier

_POLICIES: Final = {
    "MaskingPolicy": ("masking policy", "what it masks"),
    "RowAccessPolicy": ("row access policy", "the rows it hides"),
    "Tag": ("tag", "what is masked by it, and every classification made with it"),
}
_BACK: Final = "nothing brings it back: what was read meanwhile was read. Suspend readers first"


def detached(plan: Plan) -> Iterator[Finding]:
    """Every way in which what guards a column or a row is off while readers are on."""
    yield from _policies(plan)
    yield from _tagged(plan)
    yield from _columns_and_views(plan)


def _policies(plan: Plan) -> Iterator[Finding]:
    for step in plan.of(*_POLICIES):
        word, guards = _POLICIES[step.kind]
        name = object_name(step)
        place = f"{word} {sql(name) if name else step.name}"
        tenant = plan.tenant(step, name[0] if name else "")
        if step.gone:
            change = (
                "drop" if step.op == "delete" else f"drop and create again (for {', '.join(sorted(step.replace_keys))})"
            )
            references = (
                f"SNOWFLAKE.ACCOUNT_USAGE.TAG_REFERENCES WHERE TAG_NAME = '{name[-1] if name else step.name}'"
                if step.kind == "Tag"
                else f"TABLE(INFORMATION_SCHEMA.POLICY_REFERENCES(POLICY_NAME => '{sql(name)}'))"
            )
            yield Finding(
                step.urn,
                tenant,
                place,
                change,
                f"{guards} is open to whoever may read it, until a policy is attached again (while this one is "
                "attached, Snowflake refuses the drop and the run stops half-way)",
                f"{_BACK}. A changed policy under a new name leaves no gap",
                f"SELECT * FROM {references};",
            )
        elif step.kind == "Tag" and step.op == "update":
            yield from _unmasked_tag(step, tenant, place)


def _unmasked_tag(step: Step, tenant: str, place: str) -> Iterator[Finding]:
    old, new = step.before("maskingPolicies") or (), step.new.get("maskingPolicies") or ()
    if not old:
        return
    if unknown(new):
        yield Finding(
            step.urn,
            tenant,
            place,
            "unknown masking policies",
            "the plan does not know which masks the tag is to carry: a column could be left in clear text",
            _BACK,
            unknown=True,
        )
        return
    still = {identifier(str(policy)) for policy in new}
    for policy in old:
        if identifier(str(policy)) not in still:
            yield Finding(
                step.urn,
                tenant,
                place,
                f"take masking policy {sql(identifier(str(policy)))} off",
                "every column that bears the tag, of the type that this policy masks, is in clear text from then on",
                _BACK,
            )


def _tagged(plan: Plan) -> Iterator[Finding]:
    going = {object_name(step) for step in plan.of("Database", "Schema", "Table", "View") if step.gone}
    going |= set(_dropped_columns(plan))
    for step in plan.of("TagAssociation"):
        if step.op in ("create", "same") or step.retained:
            continue
        old = step.before("objectIdentifiers") or ()
        new = step.new.get("objectIdentifiers") or () if step.op == "update" else ()
        tag = sql(identifier(str(step.before("tagId") or "")))
        if unknown(old) or unknown(new):
            yield Finding(
                step.urn,
                plan.tenant(step),
                f"tag association {step.name}",
                "unknown objects",
                "the plan does not know which objects keep the tag: a mask that hangs on it could come off",
                _BACK,
                unknown=True,
            )
            continue
        kept = {identifier(str(name)) for name in new}
        lost = [
            name
            for name in (identifier(str(entry)) for entry in old)
            if name not in kept and not any(name[:length] in going for length in range(1, len(name) + 1))
        ]
        if not lost:
            continue
        tables = sorted({name[:3] for name in lost}) if step.before("objectType") == "COLUMN" else sorted(lost)
        for table in tables:
            names = [name for name in lost if name[: len(table)] == table]
            columns = ", ".join(sorted(name[-1] for name in names if len(name) > len(table)))
            yield Finding(
                step.urn,
                plan.tenant(step, table[0]),
                f"{str(step.before('objectType') or 'object').lower() if not columns else 'table'} {sql(table)}",
                (f"take tag {tag} off" + (f" {columns}" if columns else ""))
                + (" for a moment" if step.op == "replace" else ""),
                "the masks that hang on the tag: these columns are in clear text for whoever may read the table"
                if columns
                else "the masks and the classification that hang on the tag",
                _BACK,
            )


def _dropped_columns(plan: Plan) -> Iterator[tuple[str, ...]]:
    for step in plan.of("Table"):
        if step.op == "update" and not unknown(step.new.get("columns")):
            names = [
                {str(block.get("name")) for block in blocks or () if isinstance(block, Mapping)}
                for blocks in (step.before("columns"), step.new.get("columns"))
            ]
            for column in names[0] - names[1]:
                yield (*object_name(step), column)


def _columns_and_views(plan: Plan) -> Iterator[Finding]:
    for step in plan.of("Table", "View"):
        if step.op != "update":
            continue
        name = object_name(step)
        tenant = plan.tenant(step, name[0] if name else "")
        place = f"{step.kind.lower()} {sql(name) if name else step.name}"
        lost = list(_masks(step))
        if (
            step.kind == "View"
            and step.before("rowAccessPolicy")
            and (step.before("rowAccessPolicy") != step.new.get("rowAccessPolicy"))
        ):
            lost.append("its row access policy")
        for what in lost:
            yield Finding(
                step.urn,
                tenant,
                place,
                f"detach {what}",
                "the guard of its rows or columns: until another is attached, whoever may read it reads all",
                _BACK,
            )
    for step in plan.of("TableColumnMaskingPolicyApplication"):
        if step.gone:
            table, column = str(step.before("table") or ""), str(step.before("column") or "")
            yield Finding(
                step.urn,
                plan.tenant(step, identifier(table)[0] if table else ""),
                f"table {sql(identifier(table))}",
                f"detach the mask of {column}" + (" for a moment" if step.op == "replace" else ""),
                "the mask: until another is attached, the column is in clear text",
                _BACK,
            )


def _masks(step: Step) -> Iterator[str]:
    def masked(blocks: Any) -> dict[str, Any]:
        return {
            str(block.get("name") or block.get("columnName")): block.get("maskingPolicy")
            for block in blocks or ()
            if isinstance(block, Mapping) and block.get("maskingPolicy")
        }

    old, new = step.before("columns"), step.new.get("columns")
    if unknown(old) or unknown(new):
        return
    still = {str(block.get("name") or block.get("columnName")) for block in new or () if isinstance(block, Mapping)}
    before, after = masked(old), masked(new)
    lost = sorted(column for column, policy in before.items() if column in still and after.get(column) != policy)
    if lost:
        yield f"the masks of {listed(lost)}"
