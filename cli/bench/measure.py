"""Runs a command and says how long it took, how long it computed, and how much memory its processes held at most."""

from __future__ import annotations

import contextlib
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment,unused-ignore]

_SAMPLE_EVERY = 0.2
_NOTABLY_MORE = 1.02


@dataclass(frozen=True, slots=True)
class Measurement:
    """`seconds` from start to exit; the two peaks are in bytes, of all processes at one moment.

    `processor_seconds` is what all processes together computed (user and system): other work on the machine
    changes it less than `seconds`. It is 0 where the system does not tell it.

    `proportional_bytes` divides a page among the processes that share it (the kernel's PSS), so nothing
    counts twice; it is 0 where the system does not tell it. `resident_bytes` is the plain sum (RSS).
    """

    seconds: float
    proportional_bytes: int
    resident_bytes: int
    processor_seconds: float = 0.0

    @property
    def peak_bytes(self) -> int:
        return self.proportional_bytes or self.resident_bytes


class CommandFailedError(Exception):
    """A measured command ended with an error: nothing it took is worth reporting."""


@dataclass(slots=True)
class _Sampler:
    """Adds up the memory of some process trees until it is stopped."""

    roots: Sequence[int]
    proportional: int = 0
    resident: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while True:
            self._sample()
            if self._stop.wait(_SAMPLE_EVERY):
                return

    def stop(self) -> None:
        self._stop.set()

    def _sample(self) -> None:
        processes: dict[int, psutil.Process] = {}
        for root in self.roots:
            with contextlib.suppress(psutil.NoSuchProcess):
                process = psutil.Process(root)
                for each in (process, *process.children(recursive=True)):
                    processes[each.pid] = each
        resident = _total(processes.values(), lambda process: process.memory_info().rss)
        if resident > self.resident * _NOTABLY_MORE:
            # Reading the proportional size walks a process's page tables: only near a new peak, so that
            # measuring does not slow down what is measured.
            self.proportional = max(
                self.proportional,
                _total(processes.values(), lambda process: getattr(process.memory_full_info(), "pss", 0)),
            )
            self.resident = resident


def _total(processes: Iterable[psutil.Process], size: Callable[[psutil.Process], int]) -> int:
    total = 0
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            total += size(process)
    return total


def _processor_seconds(beside: Sequence[int]) -> float:
    """What all children that have ended computed, and their own, and what the processes `beside` did so far."""
    total = 0.0
    if resource is not None:
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        total += ended.ru_utime + ended.ru_stime
        for pid in beside:
            with contextlib.suppress(psutil.NoSuchProcess):
                times = psutil.Process(pid).cpu_times()
                total += times.user + times.system
    return total


def measure(
    command: Sequence[str],
    *,
    directory: Path,
    environment: Mapping[str, str],
    beside: Sequence[int] = (),
    log: Path,
) -> Measurement:
    """Run `command` to its end and measure it.

    `beside` names processes outside its tree that belong to it (an attached provider's server). What it
    prints goes to the end of `log`. Raises `CommandFailedError` when it fails, with the last lines.
    """
    with log.open("ab") as output:
        output.write(f"\n$ {' '.join(command)}\n".encode())
        output.flush()
        computed = _processor_seconds(beside)
        start = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=directory,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        sampler = _Sampler(roots=[process.pid, *beside])
        thread = threading.Thread(target=sampler.run, name="memory", daemon=True)
        thread.start()
        try:
            code = process.wait()
            seconds = time.perf_counter() - start
            computed = _processor_seconds(beside) - computed
        except BaseException:
            # An interrupt ends what it interrupts: nothing of a bench may outlive it.
            process.terminate()
            process.wait()
            raise
        finally:
            sampler.stop()
            thread.join()
    if code != 0:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
        raise CommandFailedError(f"`{' '.join(command)}` ended with exit code {code}:\n" + "\n".join(lines))
    return Measurement(seconds, sampler.proportional, sampler.resident, computed)
