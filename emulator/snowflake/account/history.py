"""What the account saw happen: statements, log-ins, sessions, runs of tasks and alerts, calls of models, grants taken
back, mails.

Kept in a file of its own, apart from the catalogue, so that nothing waits for it: what is noted is gathered in memory
and written in batches. A kill loses the last few seconds of it and nothing else. Of each kind the newest are kept.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

Kind = Literal["STATEMENT", "LOG_IN", "SESSION", "TASK_RUN", "ALERT_RUN", "MODEL_CALL", "REVOKED", "MAIL"]
Event = dict[str, Any]

KEPT: Final = 20_000
"""How many of each kind are kept."""
_BATCH: Final = 256
_LONGEST_WAIT_SECONDS: Final = 2.0


class History:
    """Under the account's lock, as all of it."""

    def __init__(self, path: Path, kept: int = KEPT) -> None:
        self._kept = kept
        self._closed = False
        self._sqlite = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._sqlite.execute("PRAGMA journal_mode = WAL")
        self._sqlite.execute("PRAGMA synchronous = OFF")
        self._sqlite.execute(
            "CREATE TABLE IF NOT EXISTS events (number INTEGER PRIMARY KEY, kind TEXT NOT NULL, body TEXT NOT NULL)"
        )
        self._sqlite.execute("CREATE INDEX IF NOT EXISTS events_by_kind ON events (kind, number)")
        self._waiting: list[tuple[Kind, Event]] = []
        self._written = time.monotonic()

    def close(self) -> None:
        """Write what waits, and let go of what is too old. Once is enough."""
        if self._closed:
            return
        self._closed = True
        self._write()
        for (kind,) in self._sqlite.execute("SELECT DISTINCT kind FROM events").fetchall():
            self._sqlite.execute(
                "DELETE FROM events WHERE kind = ? AND number <= "
                "(SELECT number FROM events WHERE kind = ? ORDER BY number DESC LIMIT 1 OFFSET ?)",
                (kind, kind, self._kept),
            )
        self._sqlite.close()

    def note(self, kind: Kind, **event: Any) -> Event:
        """Note an event. Values are text, numbers, truth values, None, lists of these, and times."""
        self._waiting.append((kind, event))
        if len(self._waiting) >= _BATCH or time.monotonic() - self._written > _LONGEST_WAIT_SECONDS:
            self._write()
        return event

    def events(
        self, kind: Kind, where: Callable[[Event], bool] | None = None, *, having: str | None = None
    ) -> list[Event]:
        """The events of a kind, the oldest first. Of those without the truth value `having` nothing else is read."""
        self._write()
        rows = self._sqlite.execute(
            "SELECT body FROM (SELECT number, body FROM events WHERE kind = ? ORDER BY number DESC LIMIT ?) "
            "WHERE ? IS NULL OR json_extract(body, '$.' || ?) ORDER BY number",
            (kind, self._kept, having, having),
        )
        found = [_read(body) for (body,) in rows]
        return found if where is None else [event for event in found if where(event)]

    def _write(self) -> None:
        self._written = time.monotonic()
        if not self._waiting:
            return
        rows = [(kind, _body(event)) for kind, event in self._waiting]
        self._waiting.clear()
        self._sqlite.execute("BEGIN")
        try:
            self._sqlite.executemany("INSERT INTO events (kind, body) VALUES (?, ?)", rows)
        except BaseException:
            self._sqlite.execute("ROLLBACK")
            raise
        self._sqlite.execute("COMMIT")


def moment() -> datetime:
    """The present time."""
    return datetime.now(UTC)


def _body(event: Event) -> str:
    # A client's text may hold halves of characters, which no file takes: one of them must not stop all that follows.
    return json.dumps(event, default=_plain, ensure_ascii=False).encode(errors="replace").decode()


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return {"at": value.isoformat()}
    raise TypeError(f"no stored form for a {type(value).__name__}")


def _time(stored: dict[str, Any]) -> Any:
    return datetime.fromisoformat(stored["at"]) if stored.keys() == {"at"} else stored


# Made once: `json.loads` with a hook makes one for each event.
_DECODER: Final = json.JSONDecoder(object_hook=_time)


def _read(body: str) -> Event:
    event: Event = _DECODER.decode(body)
    return event
