"""Runs a migration in processes of its own and kills each at another point, as `kill -9` would.

Called with JSON: `port`, `key` (a file), `folder`, `dump` and `map`, and `points`. Prints the signal that ended each
process (0 where it ended by itself), and what the last one reported.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

from cli.connector import SnowflakeAddress, private_key
from cli.migrate import report, run
from cli.migrate.batch import Batch
from cli.migrate.dump import open_dump
from cli.migrate.journal import Journal
from cli.migrate.target import Target, connecting
from cli.migrate.users import read_map
from tests.migrate.chat_account import SERVICE_USER, addresses
from tests.migrate.migrations import EVERYBODY, nothing

POINTS: dict[str, tuple[object, str, bool]] = {
    "reading": (Journal, "add", False),
    "deciding": (Batch, "decide", True),
    "before a statement": (Target, "insert", True),
    "after a statement": (Target, "insert", False),
    "comparing": (Target, "repeated", True),
    "quarantine": (Batch, "write_quarantine", False),
    "report": (report, "text", True),
}
"""What is called there, and whether the kill comes before it is carried out or after."""


def _dying(original: Callable[..., Any], times: int, *, before: bool) -> Callable[..., Any]:
    calls = 0

    def wrapped(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        mine = calls
        if before and mine == times:
            os.kill(os.getpid(), signal.SIGKILL)
        answer = original(*arguments, **named)
        if mine == times:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    return wrapped


def _migrate(given: dict[str, Any]) -> dict[str, Any]:
    key = private_key(Path(given["key"]).read_text(encoding="utf-8"))
    account = SnowflakeAddress("VIDEXA", "EMBEDDED", "127.0.0.1", given["port"])
    world = run.World(
        "VIDEXA-EMBEDDED",
        Path(given["folder"]),
        {address.tenant: address for address in addresses()},
        connecting(account, SERVICE_USER, key),
        lambda: key,
    )
    users = read_map(Path(given["map"]), EVERYBODY)
    return run.migrate(world, open_dump(Path(given["dump"]), None), users, EVERYBODY, nothing, nothing)


def _killed_at(point: str, given: dict[str, Any]) -> int:
    """Migrate in a process that is killed there: the signal that ended it."""
    child = os.fork()
    if child:
        return -os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    name, _, times = point.partition(" #")
    owner, called, before = POINTS[name]
    with patch.object(owner, called, _dying(getattr(owner, called), int(times or 1), before=before)):
        _migrate(given)
    os._exit(0)


def main(given: dict[str, Any]) -> None:
    with patch("cli.migrate.batch.ROWS_AT_ONCE", 4), patch("cli.migrate.survey._AT_ONCE", 10):
        signals = [_killed_at(point, given) for point in given["points"]]
        told = _migrate(given)
    json.dump({"signals": signals, "report": told}, sys.stdout)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
