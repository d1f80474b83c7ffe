"""`nexus sql`: statements to a stack's Snowflake account, through the official connector."""

from __future__ import annotations

import contextlib
import datetime
import decimal
import json
import sys
from collections.abc import Iterable, Iterator
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection


def statements(text: str) -> Iterator[str]:
    """The statements of a text, split as the connector splits a script; comments alone are none."""
    from snowflake.connector.util_text import split_statements

    for statement, _ in split_statements(StringIO(text), remove_comments=False):
        if statement is not None and _says_something(statement):
            yield statement.strip().removesuffix(";")


def _says_something(statement: str) -> bool:
    from snowflake.connector.util_text import split_statements

    return any(
        bare and bare.strip(" \t\r\n;") for bare, _ in split_statements(StringIO(statement), remove_comments=True)
    )


def one_line(error: Exception) -> str:
    """Snowflake's error in one line: number, SQL state and message, without the query's id."""
    number, state = getattr(error, "errno", None), getattr(error, "sqlstate", None)
    message = " ".join(str(getattr(error, "raw_msg", None) or getattr(error, "msg", None) or error).split())
    if number is None or number < 0:
        return message
    return message if message.startswith(f"{number:06d}") else f"{number:06d} ({state}): {message}"


def run(connection: SnowflakeConnection, texts: Iterable[str], console: Console, *, as_json: bool) -> bool:
    """Run statements in turn until one fails; say whether all went well."""
    from snowflake.connector import Error

    answers: list[dict[str, Any]] = []
    good = True
    for text in texts:
        try:
            answer = _execute(connection, text)
        except Error as error:
            good = False
            if as_json:
                answers.append({"statement": text, "error": one_line(error), "number": error.errno})
            else:
                Console(stderr=True).print(f"[red]✗[/] {escape(one_line(error))}", soft_wrap=True, highlight=False)
            break
        if as_json:
            answers.append(answer)
        else:
            _show(answer, console)
    if as_json:
        sys.stdout.write(json.dumps(answers, default=_plain, indent=2) + "\n")
    return good


def prompt(connection: SnowflakeConnection, console: Console) -> None:
    """Read statements from a person until the end of input or `exit`; an error ends just its statement."""
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401 - makes `input` keep a history, where the system has it
    console.print("Statements end with a semicolon; `exit` or the end of input leaves.", style="dim")
    pending = ""
    while True:
        try:
            line = input("   … " if pending else f"{connection.role or ''}> ")
        except EOFError:
            console.print()
            return
        except KeyboardInterrupt:
            pending = ""
            console.print()
            continue
        if not pending and line.strip().rstrip(";").lower() in {"exit", "quit"}:
            return
        pending = f"{pending}\n{line}".lstrip("\n")
        if pending.rstrip().endswith(";"):
            run(connection, statements(pending), console, as_json=False)
            pending = ""


def _execute(connection: SnowflakeConnection, text: str) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(text)
        return {
            "statement": text,
            "columns": [column.name for column in cursor.description or ()],
            "rows": [list(row) for row in cursor.fetchall()],
        }


def _plain(value: object) -> Any:
    """A value of a row in JSON."""
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, bytes | bytearray):
        return bytes(value).hex()
    return str(value)


def _text(value: object) -> str:
    return "NULL" if value is None else str(value)


def _show(answer: dict[str, Any], console: Console) -> None:
    table = Table()
    for name in answer["columns"]:
        table.add_column(escape(name), overflow="fold")
    for row in answer["rows"]:
        table.add_row(*(escape(_text(value)) for value in row))
    console.print(table)
    count = len(answer["rows"])
    console.print(f"{count} row{'' if count == 1 else 's'}", style="dim", highlight=False)


def read(file: Path) -> str:
    """A script's text; `-` is the standard input."""
    return sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
