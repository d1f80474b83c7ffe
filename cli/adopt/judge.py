"""What becomes of each object that exists: what `up` changes in place, what stays as it was found, what blocks it.

An object is never replaced and nothing of it is dropped: what such a change would need stays as it was found, or, where
that takes a person's decision, blocks the whole.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from cli.adopt.compare import Compared
from cli.adopt.find import Found, Refused
from policies.data_loss import Plan, Step, data_types, find_losses
from policies.data_loss.plan import RETENTION, days_of

Becomes = Literal["changed", "kept", "added", "blocked"]
ALL: Final = "all"
_OWNER: Final = "TENANT_ID"
"""The column that says whose a row is: in an organisation's own table, one value."""
_LONGEST: Final = 100


@dataclass(frozen=True, slots=True)
class Line:
    """One property (of a table: one column) that differs, and what becomes of it."""

    property: str
    declared: str
    found: str
    becomes: Becomes
    why: str = ""

    def as_json(self) -> dict[str, Any]:
        return {
            "property": self.property,
            "declared": self.declared,
            "found": self.found,
            "becomes": self.becomes,
            "why": self.why or None,
        }


@dataclass(frozen=True, slots=True)
class Judged:
    """An object, what differs, the settings by which it is taken over, its inputs by them, and what blocks that."""

    of: Found
    lines: Sequence[Line]
    entry: Mapping[str, Any]
    inputs: Mapping[str, Any]
    blocked: Refused | None = None


@dataclass
class _Table:
    """A table's columns as they will be, and as the settings have to say it."""

    columns: list[Mapping[str, Any]] = field(default_factory=list)
    said: list[str | Mapping[str, Any]] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)


def judge(found: Found, compared: Compared, keep: Collection[str]) -> Judged:
    """`keep` names the objects that are taken over as they are found."""
    if ALL in keep or found.resource in keep:
        return _kept(found, compared)
    if compared.replaced_for:
        return Judged(found, _plain_lines(compared, compared.replaced_for), {}, {}, _replaced(found, compared))
    entry: dict[str, Any] = {"id": found.id}
    lines: list[Line] = []
    kept: list[str] = []
    becomes = dict(compared.declared)
    for key in compared.differs:
        before, after = compared.before(key), compared.declared.get(key)
        if found.type.endswith(":Table") and key == "columns":
            table = _table(before or [], after or [], found)
            lines += table.lines
            becomes[key] = table.columns
            if table.said:
                entry["columns"] = table.said
        elif key == RETENTION and _shorter(before, after):
            kept.append(key)
            becomes[key] = before
            why = "fewer days would drop what Time Travel still has"
            if found.tenant and days_of(before) is not None:
                why += f"; ./nexus tenants change {found.tenant} --retention-days {days_of(before)} declares them"
            lines.append(_line(key, compared, "kept", why))
        else:
            lines += _lines(key, compared, "changed")
    if kept:
        entry["keep"] = kept
    losses = find_losses(Plan([_step(found, compared, becomes)]))
    blocked = None
    if losses:
        told = "; ".join(f"{loss.object}: {loss.change} (lost: {loss.lost})" for loss in losses)
        why = f"making it as declared would lose data: {told}"
        blocked = Refused(found.resource, found.tenant, why, _way_out(found))
    return Judged(found, lines, entry, becomes, blocked)


def _kept(found: Found, compared: Compared) -> Judged:
    lines = [line for key in compared.differs for line in _lines(key, compared, "kept", "as it was asked for")]
    entry: dict[str, Any] = {"id": found.id}
    if compared.differs:
        entry["keep"] = list(compared.differs)
    left = {key: compared.before(key) for key in compared.differs}
    return Judged(found, lines, entry, {**compared.declared, **left})


def _plain_lines(compared: Compared, why: Sequence[str]) -> list[Line]:
    return [
        _line(key, compared, "blocked", "it cannot be changed in place")
        if key in why
        else _line(key, compared, "changed")
        for key in compared.differs
    ]


def _replaced(found: Found, compared: Compared) -> Refused:
    what = ", ".join(
        f"{key} is {shown(compared.before(key))}, declared is {shown(compared.declared.get(key))}"
        for key in compared.replaced_for
    )
    return Refused(
        found.resource,
        found.tenant,
        f"{found.word} {found.written} would have to be dropped and made anew: {what}.",
        _way_out(found),
    )


def _way_out(found: Found) -> str:
    by_hand = (
        f"or move it by hand: ALTER {found.word} {found.written} RENAME TO …; ./nexus up makes the declared one; "
        "copy the rows (INSERT INTO … SELECT …), count them on both sides, and drop the old one"
        if found.holds_data
        else f"or, since it holds no data: DROP {found.word} {found.written}; ./nexus up makes the declared one"
    )
    return f"./nexus adopt --keep '{found.resource}' takes it over as it is, with what differs; {by_hand}."


def _step(found: Found, compared: Compared, becomes: Mapping[str, Any]) -> Step:
    urn = f"urn:pulumi:adopt::adopt::{found.type}::{found.name}"
    return Step("update", urn, found.type, found.id, old=compared.found, old_outputs=compared.outputs, new=becomes)


def _shorter(before: Any, after: Any) -> bool:
    was, becomes = days_of(before), days_of(after)
    return was is not None and becomes is not None and becomes < was


# ── a table's columns ────────────────────────────────────────────────────────────────────────────────────────────────


def _table(found: Sequence[Mapping[str, Any]], declared: Sequence[Mapping[str, Any]], of: Found) -> _Table:
    """The columns in the order in which they are there; then what is declared and missing, as Snowflake adds it."""
    table, wanted = _Table(), {str(block["name"]): block for block in declared}
    for block in found:
        name = str(block["name"])
        mine = wanted.pop(name, None)
        stays = block if mine is None else _stays(table, block, mine)
        if mine is None:
            table.lines.append(Line(name, "(no such column)", _column(block), "kept", "its values would be dropped"))
        table.columns.append(stays if stays is not None else mine or {})
        table.said.append(_said(stays) if stays is not None else name)
    for name, block in wanted.items():
        if of.rows and block.get("nullable") is False and not block.get("default"):
            stays = {**block, "nullable": True}
            value = f"'{of.tenant}'" if name == _OWNER and of.tenant else "…"
            fills = f"UPDATE {of.written} SET {name} = {value} WHERE {name} IS NULL"  # noqa: S608 - shown, not run
            why = f"rows in the table: {of.rows}; a column that has no value in them cannot be NOT NULL. Later: {fills}"
            table.lines.append(Line(name, _column(block), "(no such column)", "added", f"as nullable: {why}"))
            table.columns.append(stays)
            table.said.append(_said(stays))
        else:
            table.lines.append(Line(name, _column(block), "(no such column)", "added"))
            table.columns.append(block)
            table.said.append(name)
    names = [str(block["name"]) for block in table.columns]
    if names == [str(block["name"]) for block in declared] and all(isinstance(each, str) for each in table.said):
        table.said = []
    return table


def _stays(table: _Table, found: Mapping[str, Any], declared: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The column as it stays where it cannot be made as declared; None where it can."""
    name, was, becomes = str(found["name"]), str(found["type"]), str(declared["type"])
    difference = data_types.compare(was, becomes)
    tightened = found.get("nullable") is not False and declared.get("nullable") is False
    loosened = found.get("nullable") is False and declared.get("nullable") is not False
    keeps_type = difference in ("narrower", "other")
    others = [key for key in ("comment", "default") if found.get(key) and not declared.get(key)]
    if keeps_type or tightened:
        why = [
            *([f"{was} does not go into {becomes} in place"] if keeps_type else []),
            *(["there may be rows without a value"] if tightened else []),
        ]
        table.lines.append(Line(name, _column(declared), _column(found), "kept", "; ".join(why)))
        stays = {**found, "type": was if keeps_type else becomes, "nullable": tightened or found.get("nullable", True)}
        if difference == "wider":
            table.lines.append(Line(f"{name} type", becomes, was, "changed"))
        return stays
    if difference == "wider" or loosened or others:
        table.lines.append(Line(name, _column(declared), _column(found), "changed"))
    return None


def _said(block: Mapping[str, Any]) -> dict[str, Any]:
    """A column as the settings have it."""
    said: dict[str, Any] = {"name": block["name"], "type": block["type"]}
    if block.get("nullable") is False:
        said["nullable"] = False
    default = block.get("default")
    if isinstance(default, Mapping) and default.get("constant") is not None:
        said["default"] = str(default["constant"])
    if block.get("comment"):
        said["comment"] = block["comment"]
    return said


def _column(block: Mapping[str, Any]) -> str:
    words = [str(block["type"]), *(["NOT NULL"] if block.get("nullable") is False else [])]
    if block.get("default"):
        words.append(f"DEFAULT {shown(block['default'])}")
    if block.get("comment"):
        words.append(f"COMMENT {shown(block['comment'])}")
    return " ".join(words)


def of_setting(compared: Compared, left: Collection[str]) -> list[Line]:
    """What differs of an object that a setting of its own takes over: all of it is changed but what is `left`."""
    return [
        line
        for key in compared.differs
        for line in _lines(key, compared, *(("kept", "others set it too") if key in left else ("changed", "")))
    ]


def _lines(key: str, compared: Compared, becomes: Becomes, why: str = "") -> Iterator[Line]:
    """A property's line; of a structured one, a line for each part that differs."""
    for path, declared, found in _parts(key, compared.declared.get(key), compared.before(key)):
        yield Line(path, shown(declared), shown(found), becomes, why)


def _parts(path: str, declared: Any, found: Any) -> Iterator[tuple[str, Any, Any]]:
    if not (isinstance(declared, Mapping) and isinstance(found, Mapping)):
        yield path, declared, found
        return
    for key in declared:
        # What is found beside is Azure's own addition: a declaration leaves it.
        if declared[key] != found.get(key):
            yield from _parts(f"{path}.{key}", declared[key], found.get(key))


def _line(key: str, compared: Compared, becomes: Becomes, why: str = "") -> Line:
    return Line(key, shown(compared.declared.get(key)), shown(compared.before(key)), becomes, why)


def shown(value: Any) -> str:
    """A value on a line."""
    if value is None:
        return "(nothing)"
    if isinstance(value, float) and value == int(value):
        value = int(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
