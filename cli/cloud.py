"""The embedded cloud's process, as its user: started for a run, or attached to where `nexus serve` keeps one up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cli.failure import BadInputError, FailureError
from cli.place import ROOT, Place, cache_directory

_HELD: Final = 3  # emulator.__main__.HELD, without importing what a process of its own imports.
_BAD_INPUT: Final = 2  # argparse's
FIRST_SQL: Final = ("existing_objects.sql", "deploy_principal.sql")
"""Committed in cli/, in the order in which they are run."""
_PATIENCE: Final = 20.0
"""Seconds to wait for an earlier embedded cloud of the same stack to let go of its directory."""


_OF_REAL_CLOUDS: Final = ("ARM_", "AZURE_", "SNOWFLAKE_", "PULUMI_")
"""How the variables begin by which real clouds and backends are reached."""


def without_credentials(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment from which no real cloud and no backend can be reached: the embedded one needs none of it."""
    return {key: value for key, value in environment.items() if not key.startswith(_OF_REAL_CLOUDS)}


def first_sql(place: Place) -> list[Path]:
    """What a new account of the embedded cloud runs: what exists before the stack, the deploy principal's bootstrap.

    They are in the stack's folder once it was run (cli/world.py); until then they are the committed ones.
    """
    return sorted(place.first_sql.glob("*.sql")) or [ROOT / "cli" / name for name in FIRST_SQL]


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where an embedded cloud listens, as it wrote it down itself."""

    pid: int
    host: str
    port: int
    snowflake: str
    azure: str
    control: str
    control_token_file: Path
    providers: Mapping[str, int]
    debug_providers: str

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Endpoints:
        fields = {name: values[name] for name in cls.__slots__ if name != "control_token_file"}
        return cls(**fields, control_token_file=Path(values["control_token_file"]))


class Cloud:
    """A running embedded cloud: its endpoints and its control."""

    def __init__(self, endpoints: Endpoints, process: subprocess.Popen[str] | None, log: Path) -> None:
        self.endpoints = endpoints
        self._process = process
        self._log = log

    @property
    def attached(self) -> bool:
        """Whether somebody else keeps it up."""
        return self._process is None

    def control(self, path: str, body: Mapping[str, Any] | None = None, *, timeout: float = 600) -> dict[str, Any]:
        """Ask its control: GET without a body, else POST. Raises `FailureError` with its refusal."""
        request = urllib.request.Request(  # noqa: S310 - an address of this machine, from its own file
            f"{self.endpoints.control}/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.endpoints.control_token_file.read_text(encoding='utf-8')}"},
        )
        try:
            with _DIRECT.open(request, timeout=timeout) as response:
                answer: dict[str, Any] = json.load(response)
                return answer
        except urllib.error.HTTPError as refusal:
            raise FailureError(f"the embedded cloud refuses {path}: {json.load(refusal)['error']}") from None
        except OSError as error:
            raise FailureError(self.obituary() or f"the embedded cloud does not answer: {error}") from None

    def obituary(self) -> str | None:
        """What to tell if the process is gone without having been asked to; None while it lives."""
        if self._process is not None:
            try:
                code: int | None = self._process.wait(timeout=0.5)
            except subprocess.TimeoutExpired:
                return None
        elif _alive(self.endpoints.pid):
            return None
        else:
            code = None
        how = "" if code is None else f" (exit code {code})"
        return f"the embedded cloud ended unexpectedly{how}; its log: {self._log}"

    def stop(self) -> None:
        """Ask our own process to end, and wait for it."""
        if self._process is None:
            return
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


# The machine's proxy settings are not for loopback.
_DIRECT: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _alive(pid: int) -> bool:
    import psutil

    return psutil.pid_exists(pid)


def attached(place: Place) -> Cloud | None:
    """The cloud that `nexus serve` keeps up for this stack, if it answers."""
    try:
        endpoints = Endpoints.of(json.loads(place.endpoints.read_text(encoding="utf-8")))
        cloud = Cloud(endpoints, None, place.cloud_log)
        cloud.control("status", timeout=5)
    except (OSError, ValueError, KeyError, TypeError, FailureError):
        return None
    return cloud


class StartingCloud:
    """An embedded cloud on its way up: it starts while its user prepares other things."""

    def __init__(self, place: Place, arguments: tuple[str, ...] = ()) -> None:
        self._place = place
        self._arguments = arguments
        self._log = place.cloud_log
        self._cloud = attached(place)
        self._process = None if self._cloud else self._start()

    def _start(self) -> subprocess.Popen[str]:
        place = self._place
        kept_apart: dict[str, Any] = (
            # A process group of its own: Ctrl-C is for the run, which still needs its cloud to end well.
            {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}  # type: ignore[attr-defined,unused-ignore]
            if os.name == "nt"
            else {"start_new_session": True}
        )
        with open(self._log, "ab") as log:
            return subprocess.Popen(
                [
                    *(sys.executable, "-m", "emulator", "--watch-parent", "--directory", str(place.cloud)),
                    *("--endpoints", str(place.endpoints), "--deploy-key", str(place.deploy_key)),
                    *("--cache", str(cache_directory() / "introspection")),
                    *(argument for file in first_sql(place) for argument in ("--first-sql", str(file))),
                    *(("--world", str(place.world)) if place.world.exists() else ()),
                    *self._arguments,
                ],
                cwd=ROOT,
                env=without_credentials(os.environ),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                **kept_apart,
            )

    def wait(self) -> Cloud:
        """The cloud once it is ready. Raises `FailureError` where it cannot start, `BadInputError` where it was told
        what it does not understand."""
        patience = time.monotonic() + _PATIENCE
        while self._cloud is None:
            process = self._process
            assert process is not None
            assert process.stdout is not None
            line = process.stdout.readline()
            if line:
                self._cloud = Cloud(Endpoints.of(json.loads(line)), process, self._log)
                break
            process.communicate()
            code = process.returncode
            if code == _BAD_INPUT:
                raise BadInputError(_last_words(self._log).rpartition(" argument ")[2])
            if code != _HELD or time.monotonic() > patience:
                raise FailureError(f"{_last_words(self._log)}\nThe embedded cloud did not start; its log: {self._log}")
            # An earlier one is on its way down, or `nexus serve` on its way up.
            time.sleep(0.2)
            self._cloud = attached(self._place)
            if self._cloud is None:
                self._process = self._start()
        return self._cloud

    def stop(self) -> None:
        if self._cloud is not None:
            self._cloud.stop()
        elif self._process is not None:
            _end(self._process)


def _end(process: subprocess.Popen[str]) -> None:
    """End one that is not ready yet."""
    process.terminate()
    process.communicate()


def _last_words(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


@contextmanager
def starting(place: Place, *arguments: str) -> Iterator[StartingCloud]:
    """Start or attach; what was started is stopped at the end."""
    cloud = StartingCloud(place, arguments)
    try:
        yield cloud
    finally:
        cloud.stop()


@contextmanager
def running(place: Place) -> Iterator[Cloud]:
    """A cloud that is ready, for verbs that talk to it and do not run the engine."""
    with starting(place) as cloud:
        yield cloud.wait()
