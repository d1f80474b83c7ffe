"""Kills a run in the middle, with its engine and its cloud."""

from __future__ import annotations

import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

import psutil
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
