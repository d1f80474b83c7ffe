"""`nexus sql`: statements to a stack's Snowflake account, through the official connector."""

from __future__ import annotations

import contextlib
import datetime
import decimal
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from cli import options
from cli.access import StackAccess, stack_access
from cli.connector import connect, one_line
from cli.console import WIDEST, console, errors
from cli.failure import BadInputError, FailureError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from snowflake.connector import SnowflakeConnection


_ROLE_REFUSED = frozenset({390186, 390189})
"""Snowflake's numbers for a log-in in a role that is not there, or not the user's."""


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


def run(connection: SnowflakeConnection, texts: Iterable[str], output: Console, *, as_json: bool) -> bool:
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
                errors().print(f"[red]✗[/] {escape(one_line(error))}")
            break
        if as_json:
            answers.append(answer)
        else:
            _show(answer, output)
    if as_json:
        sys.stdout.write(json.dumps(answers, default=_plain, indent=2) + "\n")
    return good


def prompt(connection: SnowflakeConnection, output: Console) -> None:
    """Read statements from a person until the end of input or `exit`; an error ends just its statement."""
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401 - makes `input` keep a history, where the system has it
    output.print("Statements end with a semicolon; `exit` or the end of input leaves.", style="dim")
    pending = ""
    while True:
        try:
            line = input("   … " if pending else f"{connection.role or ''}> ")
        except EOFError:
            output.print()
            return
        except KeyboardInterrupt:
            pending = ""
            output.print()
            continue
        if not pending and line.strip().rstrip(";").lower() in {"exit", "quit"}:
            return
        pending = f"{pending}\n{line}".lstrip("\n")
        if pending.rstrip().endswith(";"):
            run(connection, statements(pending), output, as_json=False)
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


def _show(answer: dict[str, Any], output: Console) -> None:
    """A table; on a terminal that is too narrow for it, each row as lines of name and value."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in answer["columns"]:
        table.add_column(escape(name), no_wrap=True)
    for row in answer["rows"]:
        table.add_row(*(escape(_text(value)) for value in row))
    width = Measurement.get(output, output.options.update(max_width=WIDEST), table).maximum
    if width <= output.width:
        output.print(table)
    else:
        for number, row in enumerate(answer["rows"], 1):
            lines = Table(box=None, pad_edge=False, show_header=False, title=f"row {number}", title_justify="left")
            lines.add_column(style="bold", no_wrap=True)
            lines.add_column(overflow="fold")
            for name, value in zip(answer["columns"], row, strict=True):
                lines.add_row(escape(name), escape(_text(value)))
            output.print(lines)
    count = len(answer["rows"])
    output.print(f"{count} row{'' if count == 1 else 's'}", style="dim", highlight=False)


def read(file: Path) -> str:
    """A script's text; `-` is the standard input. Raises `BadInputError` where it cannot be read."""
    if str(file) == "-":
        return sys.stdin.read()
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"{file} cannot be read: {getattr(error, 'strerror', None) or error}") from None


def command(
    statement: Annotated[str | None, typer.Argument(help="Statements, a semicolon between them.")] = None,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", help="Run the statements of a file; - is standard input.")
    ] = None,
    role: Annotated[str | None, typer.Option(help="The role to act in (otherwise the user's default one).")] = None,
    user: Annotated[
        str | None, typer.Option(help="The deploy user (default), the applications' service user, or Power BI's.")
    ] = None,
    warehouse: Annotated[str | None, typer.Option(help="The warehouse (otherwise the user's default one).")] = None,
    stack: options.Stack = "local",
    as_json: options.Json = False,
) -> None:
    """Send statements to the stack's Snowflake account; with neither statement nor file, a prompt.

    Example: ./nexus sql --role HCS0001_APP "SELECT COUNT(*) FROM HCS0001_DB.NEXUSCHAT.CONVERSATIONS"
    """
    if statement is not None and file is not None:
        raise BadInputError("give a statement or a file, not both")
    texts: list[str] | None = None
    if statement is not None or file is not None or not sys.stdin.isatty():
        texts = list(statements(statement if statement is not None else read(file or Path("-"))))
        if not texts:
            raise BadInputError("there is no statement in what was given")
    from snowflake.connector import Error

    with stack_access(stack) as access:
        name = user or access.deploy_user
        try:
            connection = connect(access.address, name, _key(access, name), role=role, warehouse=warehouse)
        except Error as error:
            raise (BadInputError if error.errno in _ROLE_REFUSED else FailureError)(one_line(error)) from None
        with closing(connection):
            if texts is None:
                prompt(connection, console())
            elif not run(connection, texts, console(), as_json=as_json):
                raise typer.Exit(1)


def _key(access: StackAccess, user: str) -> RSAPrivateKey:
    """The private key of a user whose key is to be had here."""
    if user == access.deploy_user:
        return access.deploy_key()
    from cli.service_keys import key_of

    return key_of(access, user)
