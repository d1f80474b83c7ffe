"""A run killed in the middle, with its engine and its cloud: the next one finishes it."""

from __future__ import annotations

import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from nexus_command import ROOT, Nexus

PATIENCE = 120.0


def done(journal: Path) -> int:
    """How many changes the cloud has written down as done."""
    if not journal.exists():
        return 0
    with closing(sqlite3.connect(f"{journal.as_uri()}?mode=ro", uri=True)) as database:
        try:
            (count,) = database.execute("SELECT COUNT(*) FROM operation WHERE progress = 'done'").fetchone()
        except sqlite3.OperationalError:
            # The table is not made yet, or is being written.
            return 0
    return int(count)


def kill_when(nexus: Nexus, operations: int, *arguments: str) -> int:
    """Start the command and kill it, its engine and its cloud at once when the journal has so many operations."""
    process = subprocess.Popen(
        nexus.command(*arguments),
        cwd=ROOT,
        env=nexus.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    journal = nexus.stack / "cloud" / "journal.sqlite3"
    patience = time.monotonic() + PATIENCE
    while (reached := done(journal)) < operations:
        assert process.poll() is None, f"it ended by itself after {reached} operations"
        assert time.monotonic() < patience, f"only {reached} operations"
    everyone = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    for each in everyone:
        each.suspend()
    for each in everyone:
        each.kill()
    process.wait()
    psutil.wait_procs(everyone, timeout=30)
    return done(journal)


@pytest.fixture(scope="module")
def total(nexus: Nexus) -> int:
    """How many resources a whole `up` makes."""
    nexus.tenants(HCS0001={}, HCS0002={})
    created: int = nexus.run("preview", "--json").answer["changes"]["created"]
    return created


@pytest.mark.parametrize("share", [0.2, 0.8])
def test_the_next_up_finishes_a_killed_one(nexus: Nexus, total: int, share: float) -> None:
    reached = kill_when(nexus, int(total * share), "up", "--yes")
    assert int(total * share) <= reached < total

    nexus.run("up", "--yes", "--json")
    assert nexus.run("up", "--yes", "--json", "--expect-no-changes").answer["changes"]["unchanged"] == total
    nexus.run("verify", "--json")
    nexus.run("destroy", "--yes")


def test_the_next_destroy_finishes_a_killed_one(nexus: Nexus, total: int) -> None:
    nexus.run("up", "--yes")
    kill_when(nexus, total // 3, "destroy", "--yes")
    nexus.run("destroy", "--yes")
    assert not nexus.stack.exists()
