"""One organisation's five tables, through the official connector and as that organisation's application role.

Rows go in by array binding, which is the connector's own way for many rows: one statement, all rows or none, and no
stage. (A stage would need privileges that an application role rightly lacks.) Each statement leaves out rows that are
there, so that one that was sent again, by a retry or after a kill, adds nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from cli.connector import SnowflakeAddress, connect
from cli.migrate.mapping import NO_PARENT, SOURCE_SYSTEM, TABLES, Table, time_text
from cli.migrate.values import CANONICAL, row_digest

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from snowflake.connector import SnowflakeConnection

_FETCHED_AT_ONCE: Final = 500
_BIND_VARIABLE_NOT_SET: Final = 2049
_CASTS: Final = {
    "text": "{}",
    "number": "{}::NUMBER(38, 0)",
    "boolean": "{}::BOOLEAN",
    "time": "{}::TIMESTAMP_NTZ(9)",
    "json": "PARSE_JSON({})",
    "array": "PARSE_JSON({})",
}
_JSON: Final = frozenset({"json", "array"})


@dataclass(frozen=True, slots=True)
class Address:
    """Where an organisation's tables are, and the role and warehouse to work with."""

    tenant: str
    database: str
    schema: str
    warehouse: str
    role: str


Connect = Callable[[Address], "SnowflakeConnection"]
"""Logs in as an organisation's application role; its statements have bind variables written as `?`."""


def connecting(account: SnowflakeAddress, user: str, key: RSAPrivateKey) -> Connect:
    """Log in to an account as a user that may take every organisation's application role."""

    def connected(address: Address) -> SnowflakeConnection:
        return connect(
            account,
            user,
            key,
            role=address.role,
            warehouse=address.warehouse,
            database=address.database,
            schema=address.schema,
            paramstyle="qmark",
        )

    return connected


@dataclass(frozen=True, slots=True)
class Found:
    """One row as the table has it: who it is, where it came from, and its digest."""

    source_id: str
    kind: str
    origin: str
    digest: bytes


class Target:
    """The tables of one organisation. Raises the connector's own errors."""

    def __init__(self, address: Address, connection: SnowflakeConnection) -> None:
        self.address = address
        self._connection = connection

    def close(self) -> None:
        self._connection.close()

    def _rows(self, statement: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        with closing(self._connection.cursor()) as cursor:
            cursor.execute(statement, tuple(values))
            while rows := cursor.fetchmany(_FETCHED_AT_ONCE):
                yield from rows

    def _value(self, statement: str, values: Sequence[Any]) -> int:
        ((value,),) = self._rows(statement, values)
        return int(value)

    def keys(self, table: Table) -> Iterator[tuple[str, str, str | None, str | None, str | None]]:
        """The user, the key, the origin, SOURCE_ID and the conversation of each row."""
        conversation = "CONVERSATION_ID" if table.name == "CHAT_MESSAGES" else "NULL"
        columns = ", ".join(table.key)
        for row in self._rows(
            f"SELECT {columns}, SOURCE_SYSTEM, SOURCE_ID, {conversation} FROM {table.name} WHERE TENANT_ID = ?",  # noqa: S608
            (self.address.tenant,),
        ):
            *key, origin, source, of = row
            yield key[0], " ".join(part for part in key[1:] if part is not None), origin, source, of

    def insert(self, table: Table, rows: Sequence[Sequence[str | None]], batch: str, now: datetime) -> int:
        """Write rows, their cells in the order of the table's columns. How many were not there yet.

        What is the same for all rows stands in the statement, and a column that has nothing in any of them is left out.
        """
        from snowflake.connector.errors import ProgrammingError

        columns = list(table.columns)
        bound = [
            (index, name)
            for index, name in enumerate(columns)
            if name != "TENANT_ID" and any(row[index] is not None for row in rows)
        ]
        same = {
            "TENANT_ID": _literal(self.address.tenant),
            "SOURCE_SYSTEM": _literal(SOURCE_SYSTEM + batch),
            "INGESTED_AT": _CASTS["time"].format(_literal(str(time_text(now)))),
        }
        cells = [*same.values(), *(_CASTS[table.columns[name]].format(f"v.C{index}") for index, name in bound)]
        there = [f"t.{name} = {same[name]}" for name in ("TENANT_ID", "SOURCE_SYSTEM")]
        there += [f"t.{name} = v.C{index}" for index, name in bound if name in ("SOURCE_ID", "PREF_KIND")]
        statement = (
            f"INSERT INTO {table.name} ({', '.join((*same, *(name for _, name in bound)))}) SELECT {', '.join(cells)} "  # noqa: S608
            f"FROM VALUES ({', '.join('?' * len(bound))}) AS v ({', '.join(f'C{index}' for index, _ in bound)}) "
            f"WHERE NOT EXISTS (SELECT 1 FROM {table.name} t WHERE {' AND '.join(there)})"
        )
        positions = [index for index, _ in bound]
        # Each value with its type, so that the connector need not look for it.
        values = [[("TEXT", row[index]) for index in positions] for row in rows]
        with closing(self._connection.cursor()) as cursor:
            try:
                cursor.executemany(statement, values)
                return int(cursor.rowcount or 0)
            except ProgrammingError as error:
                if error.errno != _BIND_VARIABLE_NOT_SET:
                    raise
            # An account that takes arrays only in a plain VALUES gets the rows singly
            # (issues 1211 and 1770 of the connector tell of such).
            count = 0
            for row in values:
                cursor.execute(statement, row)
                count += int(cursor.rowcount or 0)
            return count

    def found(self, table: Table, origin: str, above: str | None, up_to: str | None) -> Iterator[Found]:
        """The rows whose SOURCE_SYSTEM is like `origin` and whose SOURCE_ID lies in a range, each with its digest
        computed from what was read."""
        columns = list(table.columns)
        kind = "PREF_KIND" if "PREF_KIND" in table.columns else "''"
        where, values = ["TENANT_ID = ?", "SOURCE_SYSTEM LIKE ?"], [self.address.tenant, origin]
        for text, bound in (("SOURCE_ID > ?", above), ("SOURCE_ID <= ?", up_to)):
            if bound is not None:
                where.append(text)
                values.append(bound)
        # TO_JSON gives a VARIANT without the blanks that Snowflake shows it with.
        cells_of = [f"TO_JSON({name})" if table.columns[name] in _JSON else name for name in columns]
        statement = f"SELECT SOURCE_SYSTEM, {kind}, {', '.join(cells_of)} FROM {table.name} WHERE {' AND '.join(where)}"  # noqa: S608
        texts_of, source = [CANONICAL[kind] for kind in table.columns.values()], columns.index("SOURCE_ID")
        for origin, pref_kind, *cells in self._rows(statement, values):
            texts = [None if cell is None else of(cell) for of, cell in zip(texts_of, cells, strict=True)]
            yield Found(str(texts[source]), pref_kind, origin, row_digest(texts, columns))

    def counts(self, batch: str) -> dict[str, int]:
        """How many rows a batch has in each table."""
        each = " UNION ALL ".join(
            f"SELECT '{name}', COUNT(*) FROM {name} WHERE TENANT_ID = ? AND SOURCE_SYSTEM = ?"  # noqa: S608
            for name in TABLES
        )
        values = [self.address.tenant, SOURCE_SYSTEM + batch] * len(TABLES)
        return {name: int(count) for name, count in self._rows(each, values)}

    def migrated_users(self) -> Iterator[tuple[str, str]]:
        """The batches that have rows here, each with the users whose rows they are."""
        each = " UNION ".join(
            f"SELECT SOURCE_SYSTEM, USER_ID FROM {name} WHERE TENANT_ID = ? AND SOURCE_SYSTEM LIKE ?"  # noqa: S608
            for name in TABLES
        )
        for origin, user in self._rows(each, [self.address.tenant, f"{SOURCE_SYSTEM}%"] * len(TABLES)):
            yield origin.removeprefix(SOURCE_SYSTEM), user

    def repeated(self, table: Table) -> int:
        """How many keys stand in several rows: Snowflake itself holds no standard table to its primary key."""
        columns = ", ".join(table.key)
        return self._value(
            f"SELECT COUNT(*) FROM (SELECT {columns} FROM {table.name} WHERE TENANT_ID = ? "  # noqa: S608
            f"GROUP BY {columns} HAVING COUNT(*) > 1) k",
            (self.address.tenant,),
        )

    def broken_chains(self) -> int:
        """How many migrated messages have a parent that is not in their conversation."""
        return self._value(
            "SELECT COUNT(*) FROM CHAT_MESSAGES m LEFT JOIN CHAT_MESSAGES p ON p.TENANT_ID = m.TENANT_ID "
            "AND p.USER_ID = m.USER_ID AND p.CONVERSATION_ID = m.CONVERSATION_ID "
            "AND p.MESSAGE_ID = m.PARENT_MESSAGE_ID WHERE m.TENANT_ID = ? AND m.SOURCE_SYSTEM LIKE ? "
            "AND m.PARENT_MESSAGE_ID IS NOT NULL AND m.PARENT_MESSAGE_ID NOT IN ('', ?) AND p.MESSAGE_ID IS NULL",
            (self.address.tenant, f"{SOURCE_SYSTEM}%", NO_PARENT),
        )

    def without_conversation(self) -> int:
        """How many migrated messages have no conversation."""
        return self._value(
            "SELECT COUNT(*) FROM CHAT_MESSAGES m LEFT JOIN CONVERSATIONS c ON c.TENANT_ID = m.TENANT_ID "
            "AND c.USER_ID = m.USER_ID AND c.CONVERSATION_ID = m.CONVERSATION_ID "
            "WHERE m.TENANT_ID = ? AND m.SOURCE_SYSTEM LIKE ? AND c.CONVERSATION_ID IS NULL",
            (self.address.tenant, f"{SOURCE_SYSTEM}%"),
        )

    def built_upon(self, batch: str) -> int:
        """How many messages that are not the batch's stand in its conversations: a rollback would cut them off."""
        return self._value(
            "SELECT COUNT(*) FROM CHAT_MESSAGES m JOIN CONVERSATIONS c ON c.TENANT_ID = m.TENANT_ID "
            "AND c.USER_ID = m.USER_ID AND c.CONVERSATION_ID = m.CONVERSATION_ID "
            "WHERE m.TENANT_ID = ? AND c.SOURCE_SYSTEM = ? AND COALESCE(m.SOURCE_SYSTEM, '') <> ?",
            (self.address.tenant, SOURCE_SYSTEM + batch, SOURCE_SYSTEM + batch),
        )

    def delete(self, table: Table, batch: str) -> int:
        """Take a batch's rows out. How many they were."""
        with closing(self._connection.cursor()) as cursor:
            cursor.execute(
                f"DELETE FROM {table.name} WHERE TENANT_ID = ? AND SOURCE_SYSTEM = ?",  # noqa: S608
                (self.address.tenant, SOURCE_SYSTEM + batch),
            )
            return int(cursor.rowcount or 0)

    def transaction(self, work: Callable[[], None]) -> None:
        """Do several changes, all or none."""
        with closing(self._connection.cursor()) as cursor:
            cursor.execute("BEGIN")
            try:
                work()
            except BaseException:
                cursor.execute("ROLLBACK")
                raise
            cursor.execute("COMMIT")


def _literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def open_targets(addresses: Sequence[Address], connect: Connect) -> dict[str, Target]:
    """A connection to each organisation, with its tables looked at. All that fails is in one `ConnectionError`."""
    from snowflake.connector import Error

    targets: dict[str, Target] = {}
    problems: list[str] = []
    for address in addresses:
        try:
            target = targets[address.tenant] = Target(address, connect(address))
            target.counts("")
        except Error as error:
            message = " ".join(str(error.msg or error).split())
            problems.append(f"{address.tenant} as {address.role}: {message}")
    if problems:
        for target in targets.values():
            target.close()
        raise ConnectionError("\n".join(problems))
    return targets
