"""A migration on a stack that `up` made: killed and taken up, verified, taken back, by the declared roles alone."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from nexus_command import ROOT, Nexus

from tests.migrate.dumps import Generator, write_folder, write_map


@pytest.fixture(scope="module")
def dump(nexus_up: Nexus) -> tuple[str, ...]:
    """A stack with two organisations, and the options of a dump with users of both."""
    nexus = nexus_up
    database = Generator(21).database(users=4, conversations=3, messages=100)
    folder = write_folder(nexus.directory / "dump", database.collections, packed=True)
    users = write_map(nexus.directory / "users.csv", database.map())
    return "--from", str(folder), "--map", str(users)


def _kill_while_writing(nexus: Nexus, options: tuple[str, ...]) -> None:
    migrations = nexus.stack / "migrations"
    process = subprocess.Popen(
        nexus.command("migrate", "mongo", *options), cwd=ROOT, env=nexus.environment, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if any(_noted(journal) for journal in migrations.glob("*/journal.sqlite")):
            os.kill(process.pid, signal.SIGKILL)
            break
    assert process.wait(60) == -signal.SIGKILL


def _noted(journal: Path) -> bool:
    try:
        with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as database:
            return database.execute("SELECT COUNT(*) FROM document WHERE digest IS NOT NULL").fetchone()[0] > 0
    except sqlite3.Error:
        return False


def test_a_migration_from_its_kill_to_its_rollback(nexus: Nexus, dump: tuple[str, ...]) -> None:
    def count(tenant: str) -> Any:
        script = f"USE WAREHOUSE {tenant}_WH; SELECT COUNT(*) FROM {tenant}_DB.NEXUSCHAT.CHAT_MESSAGES"
        return nexus.run("sql", "--role", f"{tenant}_APP", script, "--json").answer[-1]["rows"][0][0]

    _kill_while_writing(nexus, dump)
    first = nexus.run("migrate", "mongo", *dump, "--json")
    assert "which was not finished" in first.stderr
    report = first.answer
    assert (report["verdict"], report["mismatches"]) == ("PASS", [])
    written = {tenant: report["organizations"][tenant]["messages"]["written"] for tenant in ("HCS0001", "HCS0002")}
    assert written == {"HCS0001": 600, "HCS0002": 600}
    second = nexus.run("migrate", "mongo", *dump, "--json").answer
    assert {entry["written"] for entries in second["organizations"].values() for entry in entries.values()} == {0}
    verified = nexus.run("migrate", "mongo", "--verify", "--batch", report["batch"], *dump, "--json").answer
    assert (verified["verdict"], verified["mismatches"]) == ("PASS", [])
    assert count("HCS0001") == 600
    back = nexus.run("rollback", "--migration", report["batch"], "--json").answer
    assert back["removed"]["HCS0002"]["CHAT_MESSAGES"] == 600
    assert count("HCS0001") == 0
    assert "rolled back" in nexus.run("migrate", "mongo", "--verify", "--batch", report["batch"], expect=1).stdout
    for wrong, words in (
        (("migrate", "mongo"), "--from is missing"),
        (("migrate", "mongo", *dump, "--tenant", "HCS0099"), "not declared"),
        (("migrate", "mongo", "--from", "nowhere", *dump[2:]), "cannot be read"),
        (("migrate", "mongo", *dump, "--dry-run", "--verify"), "exclude each other"),
    ):
        assert words in nexus.run(*wrong, expect=2).stderr
