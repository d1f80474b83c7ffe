"""A lock on a directory or a run, that names its holder to whoever comes second."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout


class HeldError(Exception):
    """Someone else holds the lock: `holder` says who, in the words it gave, and `pid` is its process, if known."""

    def __init__(self, holder: str, pid: int | None) -> None:
        super().__init__(f"held by {holder}" + (f" (process {pid})" if pid else ""))
        self.holder = holder
        self.pid = pid


@contextmanager
def hold(path: Path, holder: str) -> Iterator[None]:
    """Hold the lock file `path`, as `holder`; the system frees it with the process.

    Raises `HeldError` at once when it is taken.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # The note is not in the lock file itself: Windows lets nobody else read a locked file.
    note = path.with_name(path.name + ".holder")
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        pid, _, words = _read(note).partition(" ")
        raise HeldError(words.strip() or "another process", int(pid) if pid.isdigit() else None) from None
    try:
        note.write_text(f"{os.getpid()} {holder}\n", encoding="utf-8")
        yield
    finally:
        note.unlink(missing_ok=True)
        # Removed while held: whoever waits on the removed file notices, and locks a new one. Windows keeps it.
        with suppress(OSError):
            path.unlink(missing_ok=True)
        lock.release()


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock file `path`."""
    if not path.exists():
        return False
    try:
        with FileLock(path).acquire(timeout=0):
            return False
    except Timeout:
        return True


def _read(note: Path) -> str:
    try:
        return note.read_text(encoding="utf-8")
    except OSError:
        return ""
