"""A provider package small enough to see through: things with a name, kept in one SQLite file."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pulumi

from emulator.cloud import Contents
from emulator.package import (
    Change,
    CheckAnswer,
    CheckFailure,
    CloudError,
    DiffAnswer,
    EmbeddedPackage,
    Question,
    ReadAnswer,
)

TYPE = "toy:index:Thing"


class ToyPackage(EmbeddedPackage):
    """Things: `name` replaces and is unique, `size` updates; the name `refused` is refused.

    Making the thing `slow` lasts until the file `release` is in the cloud's folder: a test can act meanwhile.
    """

    name = "toy"
    version = "1.0.0"

    def __init__(self, directory: Path) -> None:
        self._release = directory / "release"
        self._things = sqlite3.connect(directory / "things.sqlite3", isolation_level=None, check_same_thread=False)
        self._things.execute("CREATE TABLE IF NOT EXISTS thing (name TEXT PRIMARY KEY, size INTEGER)")

    def close(self) -> None:
        self._things.close()

    def check_configuration(self, inputs: dict[str, Any]) -> CheckAnswer:
        return CheckAnswer(inputs)

    def configure(self, inputs: dict[str, Any]) -> Any:
        return dict(inputs)

    def check(self, question: Question) -> CheckAnswer:
        if question.inputs.get("name") == "ill-formed":
            return CheckAnswer(question.inputs, [CheckFailure("name", "a thing cannot be called ill-formed")])
        return CheckAnswer(question.inputs)

    def diff(self, question: Question) -> DiffAnswer:
        changes = {}
        if question.old_inputs.get("name") != question.inputs.get("name"):
            changes["name"] = Change.UPDATE_REPLACE
        if question.old_outputs.get("size") != question.inputs.get("size"):
            changes["size"] = Change.UPDATE
        return DiffAnswer(changes, delete_before_replace=True)

    def create(self, question: Question) -> tuple[str, dict[str, Any]]:
        if question.preview:
            return "", question.inputs
        name = question.inputs["name"]
        if name == "refused":
            raise CloudError("003001 (42501): the toy refuses this thing")
        limit = time.monotonic() + 60
        while name == "slow" and not self._release.exists() and time.monotonic() < limit:
            time.sleep(0.01)
        try:
            self._things.execute("INSERT INTO thing VALUES (?, ?)", (name, question.inputs["size"]))
        except sqlite3.IntegrityError:
            raise CloudError(f"thing {name!r} already exists") from None
        return name, dict(question.inputs)

    def identify(self, question: Question) -> str:
        return str(question.inputs["name"])

    def read(self, question: Question) -> ReadAnswer:
        row = self._things.execute("SELECT name, size FROM thing WHERE name = ?", (question.id,)).fetchone()
        if row is None:
            return ReadAnswer()
        values = {"name": row[0], "size": row[1]}
        return ReadAnswer(question.id, values, values)

    def update(self, question: Question) -> dict[str, Any]:
        if not question.preview:
            self._things.execute("UPDATE thing SET size = ? WHERE name = ?", (question.inputs["size"], question.id))
        return dict(question.inputs)

    def delete(self, question: Question) -> None:
        self._things.execute("DELETE FROM thing WHERE name = ?", (question.id,))

    def invoke(self, token: str, arguments: dict[str, Any], configuration: Any) -> dict[str, Any]:
        raise CloudError(f"the toy has no function {token}")


def open_contents(directory: Path) -> Contents:
    package = ToyPackage(directory)
    return Contents([package], [], package.close)


CONTENTS = f"--contents={__name__}:open_contents"


def things(directory: Path) -> dict[str, int]:
    """What is really there, whoever made it."""
    with closing(sqlite3.connect(directory / "things.sqlite3")) as database:
        return dict(database.execute("SELECT name, size FROM thing").fetchall())


class Thing(pulumi.CustomResource):
    def __init__(self, name: str, size: int, after: list[Thing]) -> None:
        super().__init__(TYPE, name, {"name": name, "size": size}, pulumi.ResourceOptions(depends_on=after))
