"""`nexus bench --migrate`: a synthetic dump carried into an embedded account of its own, beside plain reading of it."""

from __future__ import annotations

import resource
import shutil
import sys
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bson import ObjectId
from rich.console import Console

from bench import migration as bench
from cli.cloud import running
from cli.connector import SnowflakeAddress, connect, private_key
from cli.failure import FailureError
from cli.migrate import run
from cli.migrate.dump import open_dump
from cli.migrate.mapping import TABLES
from cli.migrate.target import Address, connecting
from cli.migrate.users import UserMap
from cli.place import Place
from components.snowflake.tables import NEXUSCHAT_TABLES

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

_TENANT: Final = "HCS0001"
_USER: Final = "NEXUS_DEPLOY"
_ADDRESS: Final = Address(_TENANT, f"{_TENANT}_DB", "NEXUSCHAT", f"{_TENANT}_WH", f"{_TENANT}_APP")
_USERS: Final = 50


@dataclass(frozen=True, slots=True)
class MigrationFigures:
    """Each step's documents and seconds; the dump's bytes, and the most memory that this process held (bytes)."""

    steps: tuple[bench.Step, ...]
    dump_bytes: int
    memory_before: int
    memory_peak: int


def measure_migration(messages: int, say: Any) -> MigrationFigures:
    """Carry so many messages. Raises FailureError where they do not arrive whole."""
    work = Path(tempfile.mkdtemp(prefix="nexus-bench-migrate-"))
    try:
        users = [ObjectId(index.to_bytes(12, "big")) for index in range(1, _USERS + 1)]
        say(f"Writing a dump of {messages} messages")
        folder, count = bench.write_dump(work / "dump", messages, users)
        source = open_dump(folder, None)
        before = _memory()
        steps = [bench.plain_reading(folder)]
        map_ = UserMap({str(user): _TENANT for user in users}, "bench")
        place = Place("local", work / "cloud" / "local")
        place.prepare()
        with running(place) as cloud:
            key = private_key(place.deploy_key.read_text(encoding="utf-8"))
            where = SnowflakeAddress("VIDEXA", "EMBEDDED", cloud.endpoints.host, cloud.endpoints.port)
            with closing(connect(where, _USER, key, role="ACCOUNTADMIN")) as connection:
                _run(connection, _tenant())

            world = run.World(
                "bench", work / "migrations", {_TENANT: _ADDRESS}, connecting(where, _USER, key), lambda: key
            )
            chosen = frozenset({_TENANT})
            everything: dict[str, Any] = {}

            def carried(name: str) -> None:
                everything[name] = run.migrate(world, source, map_, chosen, _quiet, say)

            for name, work_ in (
                ("dry run", lambda: run.dry_run(world, source, map_, chosen, _quiet)),
                ("migration", lambda: carried("first")),
                ("second run", lambda: carried("second")),
            ):
                say(f"Measuring: {name}")
                steps.append(bench.timed(name, count, work_))
        for told in everything.values():
            if told["mismatches"]:
                raise FailureError("the migration did not arrive whole:\n" + "\n".join(told["mismatches"]))
        return MigrationFigures(tuple(steps), source.meter.total, before, _memory())
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _quiet(_step: str, _done: int, _total: int) -> None:
    """Nobody looks."""


def _memory() -> int:
    """The most memory that this process has held so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _run(connection: SnowflakeConnection, statements: Iterable[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _tenant() -> list[str]:
    schema = f"{_ADDRESS.database}.{_ADDRESS.schema}"
    statements = [
        f"CREATE WAREHOUSE {_ADDRESS.warehouse}",
        f"CREATE DATABASE {_ADDRESS.database}",
        f"CREATE SCHEMA {schema} WITH MANAGED ACCESS",
        f"CREATE ROLE {_ADDRESS.role}",
        f"GRANT ROLE {_ADDRESS.role} TO USER {_USER}",
        f"GRANT USAGE ON WAREHOUSE {_ADDRESS.warehouse} TO ROLE {_ADDRESS.role}",
        f"GRANT USAGE ON DATABASE {_ADDRESS.database} TO ROLE {_ADDRESS.role}",
        f"GRANT USAGE ON SCHEMA {schema} TO ROLE {_ADDRESS.role}",
    ]
    for table in TABLES:
        columns = ", ".join(f"{column.name} {column.type}" for column in NEXUSCHAT_TABLES[table].columns)
        statements += [
            f"CREATE TABLE {schema}.{table} ({columns})",
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE {schema}.{table} TO ROLE {_ADDRESS.role}",
        ]
    return statements


def as_json(figures: MigrationFigures) -> Mapping[str, Any]:
    """All figures, for a program to read."""
    return {
        "dump_bytes": figures.dump_bytes,
        "memory_bytes": {"before": figures.memory_before, "peak": figures.memory_peak},
        "steps": [
            {"name": step.name, "documents": step.documents, "seconds": step.seconds, "per_second": step.rate}
            for step in figures.steps
        ],
    }


def show(figures: MigrationFigures, console: Console) -> None:
    """All figures, for a person to read."""
    reading = figures.steps[0].rate
    console.print(f"A dump of {figures.steps[0].documents:,} documents, {figures.dump_bytes / 1e6:,.0f} MB")
    for step in figures.steps:
        share = f"{step.rate / reading:.1%} of plain reading" if step is not figures.steps[0] else ""
        console.print(f"  {step.name:<14}{step.seconds:8.1f} s {step.rate:10,.0f} documents/s  {share}".rstrip())
    console.print(
        f"Memory of this process: {figures.memory_before / 1e6:,.0f} MB before, "
        f"{figures.memory_peak / 1e6:,.0f} MB at most"
    )
