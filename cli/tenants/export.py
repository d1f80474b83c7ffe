"""`nexus tenants export`: an organisation's tables as Parquet files, with counts and SHA-256, read by its own role."""

from __future__ import annotations

import hashlib
import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.table import Table

from cli import options
from cli.access import StackAccess, stack_access
from cli.connector import NOT_AUTHORIZED, one_line, rows
from cli.console import answer, console
from cli.failure import BadInputError, FailureError
from cli.place import ROOT, local_directory
from cli.tenants.editing import Organization
from cli.tenants.file import OrganizationsFile

if TYPE_CHECKING:
    import pyarrow
    from snowflake.connector.cursor import SnowflakeCursor

MANIFEST: Final = "manifest.json"
_READ_AT_ONCE: Final = 1024 * 1024


def export(
    organization: Organization,
    to: Annotated[
        Path, typer.Option(help="An empty or new folder outside of the repository: it will hold patients' data.")
    ],
    check: Annotated[
        bool, typer.Option("--check", help="Read what lies there instead, and compare it with its manifest.")
    ] = False,
    stack: options.Stack = "local",
    as_json: options.Json = False,
    set_: options.Overrides = None,
) -> None:
    """Write an organisation's tables as Parquet files, with counts and SHA-256, as its own application's role.

    Example: ./nexus tenants export HCS0007 --to /secure/HCS0007
    """
    if check:
        manifest = checked(to, organization)
    else:
        OrganizationsFile.of(stack, set_ or ()).require(organization)
        manifest = exported(stack, organization, to)
    if as_json:
        answer(manifest)
        return
    show(manifest)
    console().print(f"{'Checked' if check else 'Written'}: {to}", markup=False, highlight=False)


def show(manifest: dict[str, Any]) -> None:
    """The manifest as a table."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 3, 0, 0))
    table.add_column("table")
    table.add_column("rows", justify="right")
    table.add_column("SHA-256 of the file", overflow="fold")
    for each in manifest["tables"]:
        table.add_row(each["table"], f"{each['rows']:,}", each["sha256"])
    console().print(table)


def exported(stack: str, organization: str, to: Path) -> dict[str, Any]:
    """Write the files and the manifest, which comes last: a folder without it is not whole.

    Raises `BadInputError` for a folder that is not fit, `FailureError` in Snowflake's words where the role cannot read.
    """
    from snowflake.connector import Error

    _prepare(to)
    began = datetime.now(UTC)
    with stack_access(stack) as access:
        tenant = _tenant(access, organization)
        # Whoever deploys may take each organisation's role; masks and rights are the role's.
        try:
            with access.as_deploy_user(tenant["role_application"], tenant["warehouse"]) as cursor:
                schema = f'"{tenant["database"]}"."{tenant["schema"]}"'
                names = sorted(str(row["name"]) for row in rows(cursor, f"SHOW TABLES IN SCHEMA {schema}"))
                tables = [_write(cursor, schema, name, to) for name in names]
        except Error as error:
            suspended = " (a suspended organisation's roles read nothing)" if error.errno == NOT_AUTHORIZED else ""
            raise FailureError(f"{tenant['role_application']}: {one_line(error)}{suspended}") from None
        manifest = {
            "organization": organization,
            "stack": stack,
            "account": f"{access.address.organization}-{access.address.account}",
            "schema": f"{tenant['database']}.{tenant['schema']}",
            "role": tenant["role_application"],
            "began_at": began.isoformat(timespec="seconds"),
            "exported_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "tables": tables,
        }
    _private(to / MANIFEST, (json.dumps(manifest, indent=2) + "\n").encode())
    return manifest


def checked(to: Path, organization: str) -> dict[str, Any]:
    """The manifest of an export whose every file is as it says.

    Raises `BadInputError` for a folder that holds none, `FailureError` naming each file that is damaged.
    """
    import pyarrow.parquet

    try:
        manifest: dict[str, Any] = json.loads((to / MANIFEST).read_text(encoding="utf-8"))
        of, tables = manifest["organization"], manifest["tables"]
    except (OSError, ValueError, KeyError, TypeError):
        raise BadInputError(f"{to} holds no whole export: its {MANIFEST} is missing or damaged.") from None
    if of != organization:
        raise BadInputError(f"{to} is the export of {of}, not of {organization}.")
    problems = []
    for each in tables:
        path = to / each["file"]
        try:
            if _digest(path) != each["sha256"]:
                problems.append(f"{each['file']} is not what was written: its SHA-256 differs")
            elif pyarrow.parquet.read_metadata(path).num_rows != each["rows"]:
                problems.append(f"{each['file']} has another number of rows than its manifest")
        except (OSError, pyarrow.ArrowException):
            problems.append(f"{each['file']} cannot be read")
    if problems:
        raise FailureError("the export is damaged:\n" + "\n".join(f"  {problem}" for problem in problems))
    return manifest


def _prepare(to: Path) -> None:
    target = to.resolve()
    if target.is_relative_to(ROOT) and not target.is_relative_to(local_directory().resolve()):
        raise BadInputError(f"--to {to}: patients' data does not belong into the repository; name a folder elsewhere.")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise BadInputError(
            f"--to {to}: there is something already; name a folder that is empty or new "
            f"(without {MANIFEST} in it, it is an export that broke off)."
        )
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    target.chmod(0o700)


def _tenant(access: StackAccess, organization: str) -> dict[str, str]:
    _, outputs = access.state()
    found: dict[str, str] | None = outputs["tenants"].get(organization)
    if found is None:
        raise FailureError(f"{organization} is not up: `./nexus up` brings it up.")
    return found


def _write(cursor: SnowflakeCursor, schema: str, table: str, to: Path) -> dict[str, Any]:
    """One table, in the order of its first columns (its key), so that the same rows give the same file."""
    import pyarrow

    question = f'SELECT * FROM {schema}."{table}"'  # noqa: S608 - a name that SHOW gave
    columns = [column.name for column in cursor.describe(question)]
    question += f" ORDER BY {', '.join(str(place + 1) for place in range(min(2, len(columns))))}"
    path = to / f"{_file_name(table)}.parquet"
    count = None
    # Nanoseconds reach from 1677 to 2262; a table with "never" (9999-12-31) in it has microseconds.
    for unit in ("ns", "us"):
        try:
            count = _copied(cursor, question, path, unit)
            break
        except (pyarrow.ArrowInvalid, OverflowError):
            continue
    if count is None:
        raise FailureError(
            f"{table} has a time of before 1677 or after 2262, and one with parts of a microsecond: Parquet has no "
            "type for both. Round the one or change the other, and export into an empty folder again."
        )
    return {
        "table": table,
        "rows": count,
        "columns": columns,
        "file": path.name,
        "bytes": path.stat().st_size,
        "sha256": _digest(path),
    }


def _copied(cursor: SnowflakeCursor, question: str, path: Path, unit: str) -> int:
    """Write a question's rows and count them. Raises `ArrowInvalid` where they do not fit the unit of times."""
    import pyarrow.parquet

    cursor.execute(question)
    _private(path, b"")
    count = 0
    columns = _schema(cursor, unit)
    with pyarrow.parquet.ParquetWriter(path, columns, compression="zstd") as writer:
        # As they arrive, so that a table larger than memory can be written. Of no rows the connector makes no table.
        for batch in cursor.fetch_arrow_batches() if cursor.rowcount else ():
            # The client takes the smallest type that a batch's numbers fit into.
            writer.write_table(batch.cast(columns))
            count += batch.num_rows
    return count


def _file_name(table: str) -> str:
    """Whatever was typed between quotes: no path, and told apart where a file system knows no case."""
    return re.sub(r"[^A-Z0-9_$]", lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode()), table)


def _schema(cursor: SnowflakeCursor, unit: str) -> pyarrow.Schema:
    """The columns of an answer, each in a type that holds all that its Snowflake type does."""
    import pyarrow
    from snowflake.connector.constants import FIELD_ID_TO_NAME

    types = {
        "REAL": pyarrow.float64(),
        "DATE": pyarrow.date32(),
        "TIME": pyarrow.time64("ns"),
        "TIMESTAMP_NTZ": pyarrow.timestamp(unit),
        "TIMESTAMP_LTZ": pyarrow.timestamp(unit, "UTC"),
        "TIMESTAMP_TZ": pyarrow.timestamp(unit, "UTC"),
        "BINARY": pyarrow.binary(),
        "BOOLEAN": pyarrow.bool_(),
    }
    fields = []
    for column in cursor.description or ():
        name = FIELD_ID_TO_NAME[column.type_code]
        if name == "FIXED":
            type_ = pyarrow.decimal128(column.precision or 38, column.scale or 0)
        else:
            type_ = types.get(name, pyarrow.string())
        fields.append(pyarrow.field(column.name, type_))
    return pyarrow.schema(fields)


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(_READ_AT_ONCE):
            digest.update(part)
    return digest.hexdigest()


def _private(path: Path, content: bytes) -> None:
    """A file that nobody else on this machine may read."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
