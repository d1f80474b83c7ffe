"""What a bench found, what of it meets its aim, and how both are shown."""

from __future__ import annotations

import itertools
import os
import platform
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

import psutil
from rich.console import Console
from rich.table import Table

from cli.bench.measure import Measurement

Step = Literal["preview", "first up", "second up", "destroy"]
STEPS: Final[tuple[Step, ...]] = ("preview", "first up", "second up", "destroy")

RATIO_AIMS: Final[dict[Step, float]] = {"preview": 0.8, "first up": 1.2, "second up": 1.0}
"""Highest ratio of our time to the floor's."""
GROWTH_AIM: Final = 1.2
"""Highest ratio of the seconds that one tenant more costs to those between the two sizes before."""
MEMORY_AIM: Final = 1024**3
"""Bytes at most, of all processes at one moment."""


@dataclass(slots=True)
class SizeFigures:
    """Everything measured at one number of tenants; with several runs, each figure is the median one."""

    tenants: int
    resources: int
    ours: dict[Step, Measurement] = field(default_factory=dict)
    floor: dict[Step, Measurement] = field(default_factory=dict)

    def ratio(self, step: Step) -> float:
        return self.ours[step].seconds / self.floor[step].seconds

    @property
    def peak_bytes(self) -> int:
        return max(measurement.peak_bytes for measurement in self.ours.values())


@dataclass(frozen=True, slots=True)
class Verdict:
    """One aim at one place: `limit` is what `found` may be at most, both in `unit`."""

    aim: str
    found: float
    limit: float
    unit: str

    @property
    def met(self) -> bool:
        return self.found <= self.limit


@dataclass(frozen=True, slots=True)
class Growth:
    """Seconds that each tenant more costs, between two sizes."""

    step: Step
    smaller: int
    larger: int
    ours: float
    floor: float | None


def growths(sizes: Sequence[SizeFigures]) -> Iterator[Growth]:
    """The cost of a tenant for each step, from each size to the next."""
    for step in STEPS:
        for smaller, larger in itertools.pairwise(sizes):
            tenants = larger.tenants - smaller.tenants
            floor = (
                (larger.floor[step].seconds - smaller.floor[step].seconds) / tenants
                if step in smaller.floor and step in larger.floor
                else None
            )
            ours = (larger.ours[step].seconds - smaller.ours[step].seconds) / tenants
            yield Growth(step, smaller.tenants, larger.tenants, ours, floor)


def verdicts(sizes: Sequence[SizeFigures]) -> list[Verdict]:
    """Every aim, wherever it was measured."""
    found = [
        Verdict(f"{step} at {size.tenants} tenants", size.ratio(step), limit, "of the floor")
        for step, limit in RATIO_AIMS.items()
        for size in sizes
        if step in size.floor
    ]
    found += [
        Verdict(f"memory at {size.tenants} tenants", size.peak_bytes / 1024**2, MEMORY_AIM / 1024**2, "MiB")
        for size in sizes
    ]
    by_step: dict[Step, list[Growth]] = {}
    for growth in growths(sizes):
        by_step.setdefault(growth.step, []).append(growth)
    for step, each in by_step.items():
        found += [
            Verdict(
                f"growth of {step}, {after.smaller}→{after.larger} against {before.smaller}→{before.larger}",
                after.ours / before.ours,
                GROWTH_AIM,
                "times",
            )
            for before, after in itertools.pairwise(each)
            if before.ours > 0
        ]
    return found


def machine() -> dict[str, Any]:
    """Where it was measured, as far as the figures depend on it."""
    return {
        "cores": os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "system": platform.system(),
        "python": platform.python_version(),
    }


def as_json(sizes: Sequence[SizeFigures], runs: int) -> dict[str, Any]:
    """All figures, for a program to read."""
    return {
        "machine": machine(),
        "runs": runs,
        "sizes": [
            {
                "tenants": size.tenants,
                "resources": size.resources,
                "peak_bytes": size.peak_bytes,
                "steps": {
                    step: {
                        "ours": asdict(size.ours[step]),
                        "floor": asdict(size.floor[step]) if step in size.floor else None,
                        "ratio": size.ratio(step) if step in size.floor else None,
                    }
                    for step in STEPS
                },
            }
            for size in sizes
        ],
        "growth": [asdict(growth) for growth in growths(sizes)],
        "aims": [{**asdict(verdict), "met": verdict.met} for verdict in verdicts(sizes)],
    }


def show_times(sizes: Sequence[SizeFigures], console: Console) -> None:
    """Seconds and memory, a line a size."""
    table = _table("Seconds from start to exit: ours / the floor's = ratio")
    for heading in ("tenants", "resources", *STEPS, "peak memory"):
        table.add_column(heading, justify="right")
    for size in sizes:
        table.add_row(
            str(size.tenants),
            str(size.resources),
            *(
                f"{size.ours[step].seconds:.1f} / {size.floor[step].seconds:.1f} = {size.ratio(step):.2f}"
                if step in size.floor
                else f"{size.ours[step].seconds:.1f} / not run"
                for step in STEPS
            ),
            f"{size.peak_bytes / 1024**2:.0f} MiB",
        )
    _wide(console).print(table)


def show(sizes: Sequence[SizeFigures], runs: int, console: Console) -> None:
    """All figures, for a person to read."""
    show_times(sizes, console)
    console = _wide(console)
    costs = _table("Seconds that one tenant more costs")
    for heading in ("step", "from", "to", "ours", "the floor's"):
        costs.add_column(heading, justify="left" if heading == "step" else "right")
    for growth in growths(sizes):
        floor = "not run" if growth.floor is None else f"{growth.floor:.3f}"
        costs.add_row(growth.step, str(growth.smaller), str(growth.larger), f"{growth.ours:.3f}", floor)
    if costs.row_count:
        console.print(costs)
    aims = _table("Aims")
    for heading in ("aim", "at most", "found", ""):
        aims.add_column(heading, justify="right" if heading in ("at most", "found") else "left")
    for verdict in verdicts(sizes):
        aims.add_row(
            verdict.aim,
            f"{verdict.limit:.4g} {verdict.unit}",
            f"{verdict.found:.3g} {verdict.unit}",
            "[green]met[/]" if verdict.met else "[red]missed[/]",
        )
    console.print(aims)
    here = machine()
    console.print(
        f"{here['cores']} cores, {here['memory_bytes'] / 1024**3:.0f} GiB, {here['system']}, Python {here['python']}; "
        f"{'one run' if runs == 1 else f'medians of {runs} runs'}. The floor: a plain loop of as many account roles on "
        "a provider that does nothing (bench/), whose server is up before the clock starts, with the engine's stock "
        "file backend. Ours: the command as it is; it starts its embedded cloud within the time and has the engine "
        "write its state once, at the end. Memory: all processes at one moment, each page counted once (PSS).",
        style="dim",
        highlight=False,
    )


def _table(title: str) -> Table:
    return Table(
        title=f"\n{title}", title_justify="left", box=None, pad_edge=False, header_style="bold", padding=(0, 3, 0, 0)
    )


def _wide(console: Console) -> Console:
    """Where nobody looks at a terminal, lines stay whole."""
    return console if console.is_terminal else Console(file=console.file, width=140, emoji=False, color_system=None)
