"""What a statement answers: columns with Snowflake's types, rows, and how many rows it touched."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import IntEnum
from typing import Any, Literal

import pyarrow as pa

from emulator.snowflake.account import SnowflakeError

ColumnType = Literal[
    "FIXED",
    "REAL",
    "TEXT",
    "BOOLEAN",
    "DATE",
    "TIME",
    "TIMESTAMP_NTZ",
    "TIMESTAMP_LTZ",
    "TIMESTAMP_TZ",
    "VARIANT",
    "OBJECT",
    "ARRAY",
    "BINARY",
]

MAXIMUM_TEXT = 16_777_216
MAXIMUM_BINARY = 8_388_608
_EPOCH = date(1970, 1, 1)
_EPOCH_UTC = datetime(1970, 1, 1, tzinfo=UTC)
_INTEGERS = frozenset(
    {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"}
)
_DUCKDB_TYPES: dict[str, ColumnType] = {
    '"NULL"': "TEXT",
    "VARCHAR": "TEXT",
    "UUID": "TEXT",
    "DOUBLE": "REAL",
    "FLOAT": "REAL",
    "BOOLEAN": "BOOLEAN",
    "DATE": "DATE",
    "TIME": "TIME",
    "TIMESTAMP": "TIMESTAMP_NTZ",
    "TIMESTAMP_S": "TIMESTAMP_NTZ",
    "TIMESTAMP_MS": "TIMESTAMP_NTZ",
    "TIMESTAMP_NS": "TIMESTAMP_NTZ",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP_LTZ",
    "JSON": "VARIANT",
    "BLOB": "BINARY",
    "INTERVAL": "TEXT",
}


class StatementType(IntEnum):
    """The statement type ids by which Snowflake's clients tell rows from row counts."""

    SELECT = 0x1000
    INSERT = 0x3100
    UPDATE = 0x3200
    DELETE = 0x3300
    MERGE = 0x3400
    ALTER_SESSION = 0x4100
    USE = 0x4300
    SHOW = 0x4400
    DESCRIBE = 0x4500
    TRANSACTION = 0x5000
    DEFINITION = 0x6000

    @property
    def changes_rows(self) -> bool:
        """Whether clients add up the counts in the answer into their row count."""
        return 0x3000 <= self < 0x4000


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """A column of an answer. `length` is of text and binary, `precision` and `scale` of numbers and times."""

    name: str
    type: ColumnType = "TEXT"
    nullable: bool = True
    length: int | None = None
    precision: int | None = None
    scale: int | None = None

    @classmethod
    def from_duckdb(cls, name: str, type_: str) -> ResultColumn:
        """The column that DuckDB's type stands for: VARIANT for a list or map; what Snowflake lacks is refused."""
        if type_.startswith("DECIMAL"):
            precision, scale = type_[8:-1].split(",")
            return cls(name, "FIXED", precision=int(precision), scale=int(scale))
        if type_ in _INTEGERS:
            return cls(name, "FIXED", precision=38, scale=0)
        found = _DUCKDB_TYPES.get(type_)
        if found is None and (type_.endswith("]") or type_.startswith("MAP(")):
            found = "VARIANT"
        if found is None:
            raise SnowflakeError(2, "0A000", f"Unsupported in the embedded Snowflake: a value of the type {type_}")
        if found == "TEXT":
            return cls(name, "TEXT", length=MAXIMUM_TEXT)
        if found == "BINARY":
            return cls(name, "BINARY", length=MAXIMUM_BINARY)
        if found.startswith("TIME"):
            return cls(name, found, precision=0, scale=9)
        return cls(name, found)

    def row_type(self) -> dict[str, Any]:
        """As the wire protocol describes it."""
        return {
            "name": self.name,
            "database": "",
            "schema": "",
            "table": "",
            "nullable": self.nullable,
            "type": self.type.lower(),
            "byteLength": min(self.length * 4, MAXIMUM_TEXT) if self.length is not None else None,
            "length": self.length,
            "scale": self.scale,
            "precision": self.precision,
            "collation": None,
        }


@dataclass(slots=True)
class Result:
    """A statement's answer.

    `rows` hold Python values (int, Decimal, float, str, bool, bytes, date, time, datetime; JSON text for
    VARIANT, OBJECT and ARRAY). `affected` is the number of rows that were changed, for statements that
    change rows.
    """

    columns: list[ResultColumn]
    rows: list[tuple[Any, ...]]
    type: StatementType = StatementType.SELECT
    affected: int | None = None
    query_id: str = ""
    notes: list[str] = field(default_factory=list)

    @classmethod
    def message(cls, text: str, type_: StatementType = StatementType.DEFINITION) -> Result:
        """The one-line answer of a statement that has no rows to give."""
        return cls([ResultColumn("status", "TEXT", length=MAXIMUM_TEXT)], [(text,)], type_)

    @classmethod
    def counts(cls, type_: StatementType, counts: Sequence[tuple[str, int]]) -> Result:
        """The answer of a statement that changes rows: a count a column."""
        columns = [ResultColumn(name, "FIXED", precision=38, scale=0) for name, _ in counts]
        return cls(columns, [tuple(count for _, count in counts)], type_, sum(count for _, count in counts))

    @classmethod
    def listing(
        cls,
        names: Sequence[str],
        rows: Iterable[Sequence[Any]],
        type_: StatementType = StatementType.SHOW,
        types: Mapping[str, ColumnType] | None = None,
    ) -> Result:
        """The answer of SHOW or DESCRIBE: text columns but for those named in `types`."""
        columns = []
        for name in names:
            kind = (types or {}).get(name, "TEXT")
            if kind == "TEXT":
                columns.append(ResultColumn(name, "TEXT", length=MAXIMUM_TEXT))
            elif kind == "FIXED":
                columns.append(ResultColumn(name, "FIXED", precision=38, scale=0))
            else:
                columns.append(ResultColumn(name, kind, precision=0, scale=9))
        return cls(columns, [tuple(row) for row in rows], type_)

    def arrow(self) -> pa.Table:
        """The rows as an Arrow table, columns typed as Snowflake's."""
        arrays = [_arrow_array(column, [row[index] for row in self.rows]) for index, column in enumerate(self.columns)]
        # Names may repeat, which a schema allows and a mapping would not.
        schema = pa.schema(
            [pa.field(column.name, array.type) for column, array in zip(self.columns, arrays, strict=True)]
        )
        return pa.Table.from_arrays(arrays, schema=schema)

    def arrow_stream(self) -> bytes:
        """The rows as the Arrow stream that Snowflake's clients read: times as numbers, what they are as metadata."""
        arrays = [_client_array(column, [row[index] for row in self.rows]) for index, column in enumerate(self.columns)]
        schema = pa.schema(
            [
                pa.field(
                    column.name,
                    array.type,
                    metadata={
                        "logicalType": column.type,
                        "precision": str(column.precision if column.type == "FIXED" else 38),
                        "scale": str(column.scale or 0),
                        "charLength": str(column.length or 0),
                    },
                )
                for column, array in zip(self.columns, arrays, strict=True)
            ]
        )
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, schema) as writer:
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
        return bytes(sink.getvalue())

    def text_rows(self) -> list[list[str | None]]:
        """The rows in the protocol's JSON form: every value as text, times as numbers since 1970."""
        return [[_as_text(value) for value in row] for row in self.rows]


_MOMENT = pa.struct([pa.field("epoch", pa.int64(), nullable=False), pa.field("fraction", pa.int32(), nullable=False)])
_MOMENT_WITH_ZONE = pa.struct([*_MOMENT, pa.field("timezone", pa.int32(), nullable=False)])
# Offsets travel in minutes, moved so that none is negative.
_NO_OFFSET = 1440


def _client_array(column: ResultColumn, values: list[Any]) -> pa.Array:
    match column.type:
        case "TIME":
            return pa.array([None if value is None else _of_day(value) * 1000 for value in values], type=pa.int64())
        case "TIMESTAMP_NTZ" | "TIMESTAMP_LTZ":
            moments = [None if value is None else _split_moment(value) for value in values]
            return pa.array(
                [None if moment is None else {"epoch": moment[0], "fraction": moment[1]} for moment in moments],
                type=_MOMENT,
            )
        case "TIMESTAMP_TZ":
            found: list[dict[str, int] | None] = []
            for value in values:
                if value is None:
                    found.append(None)
                    continue
                epoch, fraction = _split_moment(value)
                offset = value.utcoffset()
                minutes = int(offset.total_seconds() // 60) if offset is not None else 0
                found.append({"epoch": epoch, "fraction": fraction, "timezone": _NO_OFFSET + minutes})
            return pa.array(found, type=_MOMENT_WITH_ZONE)
        case _:
            return _arrow_array(column, values)


def _of_day(value: time) -> int:
    """Microseconds since midnight."""
    return ((value.hour * 60 + value.minute) * 60 + value.second) * 1_000_000 + value.microsecond


def _split_moment(value: datetime) -> tuple[int, int]:
    """Whole seconds since 1970 and the nanoseconds beyond."""
    seconds, microseconds = divmod(_microseconds(value), 1_000_000)
    return seconds, microseconds * 1_000


def _microseconds(value: datetime) -> int:
    passed = (value if value.tzinfo else value.replace(tzinfo=UTC)) - _EPOCH_UTC
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds


def _arrow_array(column: ResultColumn, values: list[Any]) -> pa.Array:
    if column.type == "FIXED" and not column.scale:
        # Clients make integers of 64 bits of whole numbers only where they come so.
        fits = all(value is None or -(2**63) <= value < 2**63 for value in values)
        return pa.array(values, type=pa.int64() if fits else pa.decimal128(38, 0))
    return pa.array(values, type=_arrow_type(column))


def _arrow_type(column: ResultColumn) -> pa.DataType:
    match column.type:
        case "FIXED":
            return pa.decimal128(38, column.scale or 0)
        case "REAL":
            return pa.float64()
        case "BOOLEAN":
            return pa.bool_()
        case "DATE":
            return pa.date32()
        case "TIME":
            return pa.time64("us")
        case "TIMESTAMP_NTZ":
            return pa.timestamp("us")
        case "TIMESTAMP_LTZ" | "TIMESTAMP_TZ":
            return pa.timestamp("us", tz="UTC")
        case "BINARY":
            return pa.binary()
        case _:
            return pa.string()


def _as_text(value: Any) -> str | None:
    match value:
        case None:
            return None
        case bool():
            return "1" if value else "0"
        case str():
            return value
        case bytes() | bytearray():
            return bytes(value).hex().upper()
        case datetime():
            return _seconds(value)
        case date():
            return str((value - _EPOCH).days)
        case time():
            whole, part = divmod(_of_day(value), 1_000_000)
            return f"{whole}.{part * 1000:09d}"
        case Decimal():
            return f"{value:f}"
        case _:
            return str(value)


def _seconds(value: datetime) -> str:
    microseconds = _microseconds(value)
    whole, part = divmod(abs(microseconds), 1_000_000)
    return f"{'-' if microseconds < 0 else ''}{whole}.{part * 1000:09d}"


def variant_text(text: str) -> str:
    """JSON as Snowflake shows a VARIANT: indented by two, keys in order; what is no JSON stays as it is."""
    if not text or text[0] not in "{[":
        return text
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)
