"""The engine through the Automation API, without the command runs that one deployment does not need.

Each start of the CLI takes a quarter second, and the API's own `up` starts it seven times (its version,
selecting the stack, the outputs twice, the history). Here the version is known, every command names its
stack, and what happened is known from the event stream.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

from pulumi.automation import (
    CommandResult,
    LocalWorkspace,
    OutputMap,
    PulumiCommand,
    Stack,
    UpdateSummary,
)
from pulumi.automation._stack import StackInitMode
from pulumi.automation.errors import create_command_error
from semver import VersionInfo

from cli.engine import Engine

Interrupted = Callable[[int], None]
"""Told how often the run was asked to stop."""


class EngineCommand(PulumiCommand):
    """Runs one engine executable, in exactly `environment`, and lets it end well when the run is asked to stop."""

    def __init__(self, engine: Engine, environment: Mapping[str, str], on_stop: Interrupted) -> None:
        # The parent's constructor would run the executable to ask its version.
        self.command = str(engine.path)
        self.version = VersionInfo.parse(engine.version)
        self._environment = dict(environment)
        self._on_stop = on_stop

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: Callable[[str], Any] | None = None,
        on_error: Callable[[str], Any] | None = None,
    ) -> CommandResult:
        environment = {**self._environment, **additional_env, "PULUMI_AUTOMATION_API": "true"}
        # The official distribution brings the language hosts beside the executable.
        environment["PATH"] = os.pathsep.join([str(Path(self.command).parent), environment.get("PATH", "")])
        process = subprocess.Popen(
            [self.command, "--non-interactive", *args],
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            # A group of its own, so that Ctrl-C reaches it once, from us: a second one makes it drop everything.
            process_group=0 if os.name != "nt" else None,
        )
        texts: list[list[str]] = [[], []]
        with self._stopping(process):
            readers = [
                threading.Thread(target=_read, args=(stream, lines, listener), daemon=True)
                for stream, lines, listener in (
                    (process.stdout, texts[0], on_output),
                    (process.stderr, texts[1], on_error),
                )
            ]
            for reader in readers:
                reader.start()
            for reader in readers:
                reader.join()
            code = process.wait()
        result = CommandResult(stdout="\n".join(texts[0]), stderr="\n".join(texts[1]), code=code)
        if code != 0:
            raise create_command_error(result)
        return result

    @contextmanager
    def _stopping(self, process: subprocess.Popen[str]) -> Iterator[None]:
        """While the engine runs, a signal to us asks it to finish what it is doing and to write its state."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        asked = 0

        def ask(_: int, __: FrameType | None) -> None:
            nonlocal asked
            asked += 1
            self._on_stop(asked)
            if os.name == "nt":
                return  # The console has told the engine itself.
            process.send_signal(signal.SIGINT)

        numbers = [signal.SIGINT, signal.SIGTERM] + ([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])
        before = {number: signal.signal(number, ask) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _read(stream: Any, lines: list[str], listener: Callable[[str], Any] | None) -> None:
    with stream:
        for line in stream:
            text = line.rstrip()
            lines.append(text)
            if listener is not None:
                listener(text)


class Workspace(LocalWorkspace):
    """A local workspace whose stacks are known to exist: `--stack` says which, nothing is selected."""

    def select_stack(self, stack_name: str) -> None:
        """Every command names its stack."""


class RunningStack(Stack):
    """A stack whose runs are known from their events: afterwards the engine is not asked what it did."""

    def outputs(self) -> OutputMap:
        return {}

    def info(self, show_secrets: bool = True) -> UpdateSummary:  # noqa: ARG002 - the parent's signature
        # Only asked for after a run that succeeded; whoever runs it has its events.
        return UpdateSummary(
            kind="update", start_time=datetime.now(UTC), message="", environment={}, config={}, result="succeeded"
        )


def open_stack(name: str, program: Callable[[], Any], directory: Path, command: EngineCommand) -> RunningStack:
    """A stack that exists, of the project in `directory`, with an inline program."""
    workspace = Workspace(work_dir=str(directory), program=program, pulumi_command=command)
    return RunningStack(name, workspace, StackInitMode.SELECT)
