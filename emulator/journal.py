"""What a run of the engine did to the embedded cloud, so that a killed run can be taken back.

On the embedded cloud the engine writes its state once, at the end of a run. One that is killed leaves the
state of before, while the cloud has moved on. So each create, update and delete of a run is written down
here, before and after it is done, until the run's own end says that the state knows everything.
See docs/decisions/0001-state-and-journal.md.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from emulator.package import CloudError, EmbeddedPackage, Question

Kind = Literal["create", "update", "delete"]
Progress = Literal["begun", "done", "failed"]
Result = TypeVar("Result")

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS run (
    id INTEGER PRIMARY KEY, command TEXT NOT NULL, pid INTEGER NOT NULL, started REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS operation (
    sequence INTEGER PRIMARY KEY, run INTEGER NOT NULL, kind TEXT NOT NULL, progress TEXT NOT NULL,
    package TEXT NOT NULL, urn TEXT NOT NULL, type TEXT NOT NULL, name TEXT NOT NULL, id TEXT NOT NULL,
    provider TEXT NOT NULL, inputs TEXT NOT NULL, old_inputs TEXT NOT NULL, old_outputs TEXT NOT NULL,
    outputs TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS recovered (at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS gone (urn TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (urn, id)) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Run:
    """A run that has begun and not ended. `pid` is the process that asked for it; `started` in Unix seconds."""

    id: int
    command: str
    pid: int
    started: float


@dataclass(frozen=True, slots=True)
class Operation:
    """One change of a run. `provider` holds the inputs that the call's provider resource was configured with."""

    sequence: int
    kind: Kind
    progress: Progress
    package: str
    urn: str
    type: str
    name: str
    id: str
    provider: dict[str, Any] | None
    inputs: dict[str, Any]
    old_inputs: dict[str, Any]
    old_outputs: dict[str, Any]
    outputs: dict[str, Any]

    def question(self, configuration: Any, **changes: Any) -> Question:
        values: dict[str, Any] = {
            "id": self.id,
            "inputs": self.inputs,
            "old_inputs": self.old_inputs,
            "old_outputs": self.old_outputs,
        }
        return Question(
            urn=self.urn, type=self.type, name=self.name, configuration=configuration, **{**values, **changes}
        )


class RunOpenError(CloudError):
    """A run began and never ended: it has to be recovered before the next."""


class Journal:
    """The journal of one embedded cloud; its methods may be called from any thread."""

    def __init__(self, file: Path) -> None:
        self._lock = threading.Lock()
        file.touch(mode=0o600, exist_ok=True)
        self._database = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        # Safe against a killed process at any moment, which is what it is for; not against a power cut.
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=OFF")
        # Inputs may hold secret values: what is deleted is overwritten.
        self._database.execute("PRAGMA secure_delete=ON")
        self._database.executescript(_SCHEMA)
        self._active: int | None = None
        self._gone = {(urn, id_) for urn, id_ in self._all("SELECT urn, id FROM gone")}

    def close(self) -> None:
        with self._lock:
            self._database.close()

    def _all(self, statement: str, parameters: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        with self._lock, closing(self._database.execute(statement, tuple(parameters))) as cursor:
            return cursor.fetchall()

    def open_run(self) -> Run | None:
        """The run that has not ended, whether it is going on or was killed."""
        rows = self._all("SELECT id, command, pid, started FROM run ORDER BY id DESC LIMIT 1")
        return Run(*rows[0]) if rows else None

    def begin(self, command: str, pid: int) -> Run:
        """Open a run. Raises `RunOpenError` while another is open."""
        unfinished = self.open_run()
        if unfinished is not None:
            raise RunOpenError(f"the run {unfinished.command!r} of process {unfinished.pid} has not ended")
        self._all("INSERT INTO run (command, pid, started) VALUES (?, ?, ?)", (command, pid, time.time()))
        run = self.open_run()
        assert run is not None
        self._active = run.id
        return run

    def end(self, run: int, *, refreshed: bool) -> None:
        """Close a run whose outcome the state knows. `refreshed`: it also read back what an earlier killed run did."""
        with self._lock, self._database:
            self._database.execute("BEGIN")
            self._database.execute("DELETE FROM operation WHERE run = ?", (run,))
            self._database.execute("DELETE FROM run WHERE id = ?", (run,))
            if refreshed:
                self._database.execute("DELETE FROM recovered")
                self._database.execute("DELETE FROM gone")
                self._gone.clear()
        self._active = None

    def refresh_due(self) -> bool:
        """Whether a killed run was taken back and no run has read the cloud back since."""
        return bool(self._all("SELECT 1 FROM recovered LIMIT 1"))

    def is_gone(self, urn: str, id_: str) -> bool:
        """Whether a killed run deleted this, which the state still has.

        Some resources are nothing that could be looked up (a statement that was run, a number that was drawn):
        only the journal knows that they are gone, and deleting them again would run their statement again.
        """
        return (urn, id_) in self._gone

    def operations(self, run: int) -> list[Operation]:
        rows = self._all(
            "SELECT sequence, kind, progress, package, urn, type, name, id, provider, inputs, old_inputs, old_outputs,"
            " outputs FROM operation WHERE run = ? ORDER BY sequence",
            (run,),
        )
        return [Operation(*row[:8], *(json.loads(text) for text in row[8:])) for row in rows]

    def record(
        self,
        package: str,
        kind: Kind,
        question: Question,
        provider: dict[str, Any] | None,
        do: Callable[[], Result],
        outcome: Callable[[Result], tuple[str, dict[str, Any]]],
    ) -> Result:
        """Do one change, written down before and after; `outcome` gives the id and outputs of its result.

        Without an open run it is just done: the caller keeps its own account (plain `pulumi` writes its state
        at every step).
        """
        if self._active is None:
            return do()
        texts = [
            json.dumps(value) for value in (provider, question.inputs, question.old_inputs, question.old_outputs, {})
        ]
        ((sequence,),) = self._all(
            "INSERT INTO operation (run, kind, progress, package, urn, type, name, id, provider, inputs, old_inputs,"
            " old_outputs, outputs) VALUES (?, ?, 'begun', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING sequence",
            (self._active, kind, package, question.urn, question.type, question.name, question.id, *texts),
        )
        try:
            result = do()
        except Exception:
            self._all("UPDATE operation SET progress = 'failed' WHERE sequence = ?", (sequence,))
            raise
        identity, outputs = outcome(result)
        if kind == "create" and self.is_gone(question.urn, identity):
            self._gone.discard((question.urn, identity))
            self._all("DELETE FROM gone WHERE urn = ? AND id = ?", (question.urn, identity))
        self._all(
            "UPDATE operation SET progress = 'done', id = ?, outputs = ? WHERE sequence = ?",
            (identity, json.dumps(outputs), sequence),
        )
        return result

    def unknown(self, run: int, known: set[tuple[str, str]]) -> list[Operation]:
        """The creations of a run that a state with the resources `known` (URN, id) does not have."""
        return [
            operation
            for operation in self.operations(run)
            if operation.kind == "create"
            and operation.progress != "failed"
            and (operation.urn, operation.id) not in known
        ]

    def recover(
        self, run: int, known: set[tuple[str, str]], packages: dict[str, EmbeddedPackage]
    ) -> tuple[list[str], list[str]]:
        """Take back what a killed run did and the state does not know, newest first.

        Creations are deleted. An update that left nothing under the id that the state has (a rename) is turned
        back. All other updates and deletions stay: the next run reads them back (`refresh_due`, `is_gone`).

        Returns what was done and what could not be, a line each. The run is closed only if all could be.
        """
        done: list[str] = []
        failed: list[str] = []
        configurations: dict[str, Any] = {}
        for operation in reversed(self.operations(run)):
            package = packages[operation.package]
            if operation.kind == "delete" and operation.progress == "done" and (operation.urn, operation.id) in known:
                self._gone.add((operation.urn, operation.id))
                self._all("INSERT OR IGNORE INTO gone (urn, id) VALUES (?, ?)", (operation.urn, operation.id))
            try:
                key = operation.package + json.dumps(operation.provider)
                if operation.provider is not None and key not in configurations:
                    configurations[key] = package.configure(operation.provider)
                line = _take_back(operation, package, configurations.get(key), known)
            except CloudError as refusal:
                failed.append(f"{operation.urn}: {refusal}")
            else:
                if line:
                    done.append(line)
        if not failed:
            self._all("INSERT INTO recovered (at) VALUES (?)", (time.time(),))
            self.end(run, refreshed=False)
        return done, failed


def _take_back(
    operation: Operation, package: EmbeddedPackage, configuration: Any, known: set[tuple[str, str]]
) -> str | None:
    """Take back one operation as far as it needs to be; say what was done, None where nothing was."""
    if operation.kind == "create" and operation.progress == "done":
        if (operation.urn, operation.id) in known:
            return None
        package.delete(operation.question(configuration, old_inputs=operation.inputs, old_outputs=operation.outputs))
        return f"deleted {operation.urn}"
    if operation.kind == "create" and operation.progress == "begun":
        # Killed in the middle: it may or may not be there.
        question = operation.question(configuration)
        identity = package.identify(question)
        # An id that the state has belongs to that resource, whatever this creation wanted with it.
        if not identity or any(identity == id_ for _, id_ in known):
            return None
        found = package.read(operation.question(configuration, id=identity, old_inputs=operation.inputs))
        if not found.id:
            return None
        package.delete(
            operation.question(configuration, id=found.id, old_inputs=operation.inputs, old_outputs=found.outputs)
        )
        return f"deleted {operation.urn}"
    if operation.kind == "update" and operation.progress == "done" and (operation.urn, operation.id) in known:
        if package.read(operation.question(configuration, inputs=operation.old_inputs)).id:
            return None
        package.update(
            operation.question(
                configuration,
                inputs=operation.old_inputs,
                old_inputs=operation.inputs,
                old_outputs=operation.outputs,
            )
        )
        return f"turned back {operation.urn}"
    return None
