"""Measures our stack and the floor in turns, each in a directory of its own that goes away again."""

from __future__ import annotations

import contextlib
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cli.bench.figures import STEPS, SizeFigures, Step
from cli.bench.measure import Measurement, measure
from cli.bench.stack import BenchStack

FLOOR_VERBS: Mapping[Step, str] = {
    "preview": "preview",
    "first up": "up",
    "second up": "up",
    "destroy": "destroy",
}
OUR_ARGUMENTS: Mapping[Step, tuple[str, ...]] = {
    "preview": ("preview",),
    "first up": ("up", "--yes"),
    "second up": ("up", "--yes", "--expect-no-changes"),
    "destroy": ("destroy", "--yes"),
}

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Bench:
    """Where to measure.

    `root` is the repository, `engine` the Pulumi CLI's executable, `work` a throw-away directory; `log`
    takes what the measured commands print, and `report` is told what is measured next.
    """

    root: Path
    engine: Path
    work: Path
    log: Path
    report: Report

    def environment(self, **more: str) -> dict[str, str]:
        environment = {
            key: value for key, value in os.environ.items() if not key.startswith(("PULUMI_", "SNOWFLAKE_", "ARM_"))
        }
        environment["PATH"] = f"{self.engine.parent}{os.pathsep}{environment.get('PATH', '')}"
        return {**environment, **more}

    def size(self, tenants: int, *, runs: int, floor: bool) -> SizeFigures:
        """Measure one number of tenants: every step `runs` times, ours and the floor's in turns. Medians count."""
        each = [self._once(tenants, run, floor=floor) for run in range(runs)]
        figures = SizeFigures(tenants=tenants, resources=each[-1].resources)
        for step in STEPS:
            figures.ours[step] = _median([one.ours[step] for one in each])
            figures.runs[step] = [one.ours[step].seconds for one in each]
            if floor:
                figures.floor[step] = _median([one.floor[step] for one in each])
        figures.unjudged = _median([one.unjudged for one in each if one.unjudged is not None])
        return figures

    def _once(self, tenants: int, run: int, *, floor: bool) -> SizeFigures:
        directory = self.work / f"{tenants}-tenants-{run}"
        mine = BenchStack.make(directory / "ours", tenants=tenants)
        figures = SizeFigures(tenants=tenants, resources=0)
        with contextlib.ExitStack() as stack:
            stack.callback(shutil.rmtree, directory, ignore_errors=True)

            def ours(step: Step) -> None:
                self.report(f"{tenants} tenants: our {step}")
                figures.ours[step] = measure(
                    mine.command(*OUR_ARGUMENTS[step], *(mine.setting if step != "destroy" else ())),
                    directory=self.root,
                    environment=self.environment(**mine.environment),
                    log=self.log,
                )

            ours("preview")
            figures.unjudged = self._unjudged(directory / "unjudged", tenants)
            ours("first up")
            # Only now the state tells how many resources ours has, and so how many the floor gets.
            figures.resources = mine.resources()
            if not floor:
                ours("second up")
                ours("destroy")
                return figures
            port, server = stack.enter_context(noop_provider(self.root, self.environment()))

            def floors(step: Step) -> None:
                self.report(f"{tenants} tenants, {figures.resources} resources: the floor's {step}")
                figures.floor[step] = measure(
                    (
                        sys.executable,
                        str(self.root / "bench" / "floor_program.py"),
                        FLOOR_VERBS[step],
                        # One of them is the provider that the engine makes for the package.
                        str(figures.resources - 1),
                        str(directory / "floor"),
                    ),
                    directory=self.root,
                    environment=self.environment(PULUMI_DEBUG_PROVIDERS=f"snowflake:{port}"),
                    beside=(server,),
                    log=self.log,
                )

            floors("preview")
            floors("first up")
            for step in ("second up", "destroy"):
                ours(step)
                floors(step)
        return figures

    def _unjudged(self, directory: Path, tenants: int) -> Measurement:
        """The same preview without policies and without the guard against data loss, as new as the other."""
        stack = BenchStack.make(directory, tenants=tenants)
        self.report(f"{tenants} tenants: our preview without policies and guard")
        return measure(
            (sys.executable, "-m", "cli.bench.unjudged", *stack.setting),
            directory=self.root,
            environment=self.environment(**stack.environment),
            log=self.log,
        )


def _median(measurements: Sequence[Measurement]) -> Measurement:
    """The median seconds with the highest peaks."""
    return Measurement(
        statistics.median(measurement.seconds for measurement in measurements),
        max(measurement.proportional_bytes for measurement in measurements),
        max(measurement.resident_bytes for measurement in measurements),
        statistics.median(measurement.processor_seconds for measurement in measurements),
    )


@contextlib.contextmanager
def noop_provider(root: Path, environment: Mapping[str, str]) -> Iterator[tuple[int, int]]:
    """A no-op provider's server: its port and its process id."""
    with subprocess.Popen(
        (sys.executable, str(root / "bench" / "noop_provider.py")),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=dict(environment),
        text=True,
    ) as server:
        assert server.stdout is not None
        try:
            yield int(server.stdout.readline()), server.pid
        finally:
            server.communicate()
