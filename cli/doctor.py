"""`nexus doctor`: what a run needs and what earlier ones left, each with its mend."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import socket
import sqlite3
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Final

import typer
from rich.markup import escape

from cli import configuration, deployment, engine, options
from cli.cloud import attached
from cli.console import answer, console
from cli.failure import FailureError
from cli.place import ROOT, Place, cache_directory, local_directory
from emulator.lock import is_held

OLDEST_PYTHON: Final = (3, 11)
DISK_WANTED: Final = 2 * 1024**3
"""Bytes: an embedded stack of twenty tenants with room to grow, or the engine's build."""
_PACKAGES: Final = ("pulumi", "pulumi-snowflake", "pulumi-azure-native", "pulumi-random", "pulumi-tls", "pulumi-policy")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; `mend` says what to do where it is not `good`."""

    subject: str
    good: bool
    found: str
    mend: str = ""


def examine(stack: str) -> list[Finding]:
    """Everything, in the order in which a run needs it. Nothing is changed or fetched."""
    findings: list[Finding] = [_python(), *_packages(), _engine(), _port(), *_disk()]
    if deployment.is_embedded(stack):
        findings += _leftovers(Place.of(stack))
    return findings


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    wanted = ".".join(map(str, OLDEST_PYTHON))
    return Finding(
        "Python",
        sys.version_info >= OLDEST_PYTHON,
        f"{version} ({sys.executable})",
        f"run nexus with Python {wanted} or newer",
    )


def pins() -> dict[str, str]:
    """The versions that `requirements.txt` pins, by package."""
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==([^\s\\;]+)", text, re.MULTILINE))


def _packages() -> Iterator[Finding]:
    pinned = pins()
    wrong: list[str] = []
    for name, version in pinned.items():
        try:
            installed = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            installed = "missing"
        if installed != version:
            wrong.append(f"{name} is {installed}, pinned {version}")
    for name in _PACKAGES:
        mine = [text for text in wrong if text.startswith(f"{name} ")]
        yield Finding(name, not mine, mine[0] if mine else pinned[name], _SET_UP_AGAIN)
    others = [text for text in wrong if not text.startswith(tuple(f"{name} " for name in _PACKAGES))]
    yield Finding("other packages", not others, "; ".join(others) or f"{len(pinned)} as pinned", _SET_UP_AGAIN)


_SET_UP_AGAIN: Final = "remove .venv and start ./nexus again: it makes the environment anew"


def _engine() -> Finding:
    notes: list[str] = []
    found, reasons = engine.find(notes.append)
    if found is None:
        mend = "the next run fetches or builds it (`./nexus up`), or install Pulumi so that `pulumi` is on PATH"
        return Finding("engine", False, "; ".join(reasons), mend)
    more = f" ({'; '.join(notes)})" if notes else ""
    return Finding("engine", True, f"Pulumi {found.version}, {found.source}: {found.path}{more}")


def _port() -> Finding:
    try:
        with (
            socket.create_server(("127.0.0.1", 0)) as listener,
            socket.create_connection(listener.getsockname(), timeout=5),
        ):
            pass
    except OSError as error:
        return Finding("loopback ports", False, str(error), "let programs of yours listen on and reach 127.0.0.1")
    return Finding("loopback ports", True, "can be listened on and reached")


def _disk() -> Iterator[Finding]:
    for subject, path in (("disk for stacks", local_directory()), ("disk for the cache", cache_directory())):
        existing = next(parent for parent in (path, *path.parents) if parent.exists())
        free = shutil.disk_usage(existing).free
        writable = os.access(existing, os.W_OK)
        yield Finding(
            subject,
            writable and free >= DISK_WANTED,
            f"{free / 1024**3:.1f} GiB free under {path}" if writable else f"{existing} cannot be written to",
            f"free {DISK_WANTED // 1024**3} GiB there, or choose another place with NEXUS_DIRECTORY and NEXUS_CACHE",
        )


# ── what earlier runs left ───────────────────────────────────────────────────────────────────────────────────────────


def _leftovers(place: Place) -> Iterator[Finding]:
    looks: list[tuple[str, Callable[[Place], Finding]]] = [
        ("embedded cloud", _cloud),
        ("engine locks", _engine_locks),
        ("unfinished run", _unfinished_run),
        ("orphan processes", _orphans),
    ]
    for subject, look in looks:
        try:
            yield look(place)
        except (OSError, ValueError, sqlite3.Error) as error:
            yield Finding(subject, False, f"cannot be looked at: {error}", "`./nexus destroy` throws the stack away")


def _cloud(place: Place) -> Finding:
    cloud = attached(place)
    if cloud is not None:
        return Finding("embedded cloud", True, f"up (process {cloud.endpoints.pid})")
    if place.endpoints.exists() and not is_held(place.cloud / "cloud.lock"):
        return Finding(
            "embedded cloud",
            False,
            f"{place.endpoints} names a process that is gone: it was killed",
            "the next run starts it anew",
        )
    return Finding("embedded cloud", True, "down")


def _engine_locks(place: Place) -> Finding:
    import psutil

    stale = [file for file, pid in deployment.engine_locks(place) if not pid or not psutil.pid_exists(pid)]
    if stale:
        return Finding(
            "engine locks",
            False,
            f"{len(stale)} of a process that is gone",
            "the next run removes it; for plain pulumi: pulumi cancel",
        )
    return Finding("engine locks", True, "none left behind")


def _unfinished_run(place: Place) -> Finding:
    journal = place.cloud / "journal.sqlite3"
    run = None
    if journal.exists() and not is_held(place.lock):
        with sqlite3.connect(f"{journal.as_uri()}?mode=ro", uri=True) as database:
            run = database.execute("SELECT command, pid FROM run ORDER BY id DESC LIMIT 1").fetchone()
    if run:
        return Finding(
            "unfinished run",
            False,
            f"{run[0]!r} (process {run[1]}) was killed",
            "`./nexus up` takes back what the state does not know, and finishes it",
        )
    return Finding("unfinished run", True, "none")


def _orphans(place: Place) -> Finding:
    """Embedded clouds of this stack that nobody waits for any more."""
    import psutil

    orphans = []
    for process in psutil.process_iter(["pid", "cmdline", "ppid"]):
        line = process.info["cmdline"] or []
        parent = process.info["ppid"] or 1
        if "emulator" in line and str(place.cloud) in line and (parent == 1 or not psutil.pid_exists(parent)):
            orphans.append(str(process.info["pid"]))
    if orphans:
        return Finding("orphan processes", False, ", ".join(orphans), f"end them: kill {' '.join(orphans)}")
    return Finding("orphan processes", True, "none")


def command(stack: options.Stack = "local", as_json: options.Json = False) -> None:
    """Look at what a run needs and what earlier ones left; say how to mend what is wrong.

    Example: ./nexus doctor
    """
    configuration.require(stack)
    findings = examine(stack)
    wrong = [finding for finding in findings if not finding.good]
    if as_json:
        answer({"good": not wrong, "findings": [asdict(finding) for finding in findings]})
    else:
        width = max(len(finding.subject) for finding in findings)
        for finding in findings:
            mark = "[green]✓[/]" if finding.good else "[red]✗[/]"
            console().print(f"{mark} {finding.subject:<{width}}  {escape(finding.found)}")
            if not finding.good:
                console().print(f"  {'':<{width}}  → {escape(finding.mend)}")
    if wrong:
        if not as_json:
            raise FailureError(f"{len(wrong)} thing{'s' if len(wrong) > 1 else ''} to mend")
        raise typer.Exit(1)
