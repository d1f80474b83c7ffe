"""Tables, schemas and databases that are not where they are declared and were not dropped: somebody renamed them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cli.connector import rows_if_there
from cli.drift_meaning import DECLARED, Meaning
from cli.drift_retention import KINDS
from cli.render import words
from cli.render.script import Declared

if TYPE_CHECKING:
    from snowflake.connector.cursor import SnowflakeCursor

_ELSEWHERE: Final = Meaning(DECLARED, "its data, if it was renamed, is where nothing of the stack protects it")


@dataclass(frozen=True, slots=True)
class Renamed:
    """What is neither there nor among what was dropped; `statement` moves it back or, not knowing which, shows all."""

    found: str
    statement: str
    role: str
    meaning: Meaning = _ELSEWHERE


def renamed(declared: Iterable[Declared], gone: Collection[str], cursor: SnowflakeCursor) -> dict[str, Renamed]:
    """Of what is gone, by URN: what UNDROP would not bring back."""
    known = list(declared)
    return {
        each.urn: _found(each, known, cursor)
        for each in known
        if each.urn in gone and each.kind in KINDS and not _dropped(each, cursor)
    }


def _dropped(each: Declared, cursor: SnowflakeCursor) -> bool:
    return any(
        row["name"] == each.inputs["name"] and row["dropped_on"] is not None
        for row in rows_if_there(cursor, f"SHOW {KINDS[each.kind]}S HISTORY{_in(each)}")
    )


def _found(each: Declared, known: list[Declared], cursor: SnowflakeCursor) -> Renamed:
    kind, name = KINDS[each.kind], str(each.inputs["name"])
    shown = f"SHOW {kind}S{_in(each)}"
    if each.kind == "Table":
        own = {str(other.inputs["name"]) for other in known if other.kind == "Table" and _in(other) == _in(each)}
        columns = [str(column["name"]) for column in each.inputs.get("columns") or ()]
        others = sorted({str(row["name"]) for row in rows_if_there(cursor, shown)} - own)
        alike = [other for other in others if _columns(each, other, cursor) == columns]
        if len(alike) == 1:
            to = f"ALTER TABLE {_written(each, alike[0])} RENAME TO {_written(each, name)}"
            return Renamed(f"is not there, and was not dropped: {alike[0]} has its columns", to, "SYSADMIN")
    return Renamed("is not there, nor among what was dropped: renamed, or out of Time Travel", shown, "ACCOUNTADMIN")


def _columns(each: Declared, table: str, cursor: SnowflakeCursor) -> list[str]:
    return [str(row["name"]) for row in rows_if_there(cursor, f"DESCRIBE TABLE {_written(each, table)}")]


def _in(each: Declared) -> str:
    parts = [str(each.inputs[part]) for part in ("database", "schema") if part in each.inputs]
    kind = {0: "", 1: " IN DATABASE ", 2: " IN SCHEMA "}[len(parts)]
    return kind + ".".join(words.quoted(part) for part in parts)


def _written(each: Declared, name: str) -> str:
    return words.joined(*(str(each.inputs[part]) for part in ("database", "schema") if part in each.inputs), name)
