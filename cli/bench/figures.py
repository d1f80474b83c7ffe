"""What a bench found, what of it meets its aim, and how both are shown."""

from __future__ import annotations

import itertools
import math
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
JUDGING_AIM: Final = 1.25
"""Highest ratio of a preview's time to that of one without policies and guard."""
MEMORY_AIM: Final = 1024**3
"""Bytes at most, of all processes at one moment."""


@dataclass(slots=True)
class SizeFigures:
    """Everything measured at one number of tenants; with several runs, each figure is the median one."""

    tenants: int
    resources: int
    ours: dict[Step, Measurement] = field(default_factory=dict)
    floor: dict[Step, Measurement] = field(default_factory=dict)
    runs: dict[Step, list[float]] = field(default_factory=dict)
    """The seconds of each of our runs."""
    unjudged: Measurement | None = None
    """Our preview without the policies and the guard against data loss."""

    def ratio(self, step: Step) -> float:
        return self.ours[step].seconds / self.floor[step].seconds

    @property
    def judging(self) -> float | None:
        """A preview's time, in times of what it would take without policies and guard."""
        return self.ours["preview"].seconds / self.unjudged.seconds if self.unjudged is not None else None

    @property
    def peak_bytes(self) -> int:
        return max(measurement.peak_bytes for measurement in self.ours.values())


@dataclass(frozen=True, slots=True)
class Verdict:
    """One aim at one place: `limit` is what `found` may be at most, both in `unit`.

    What is true is somewhere from `least` to `most`, as far as the runs differ; without these it is `found`.
    """

    aim: str
    found: float
    limit: float
    unit: str
    least: float | None = None
    most: float | None = None

    @property
    def met(self) -> bool | None:
        """None where the runs differ by more than what the aim asks about: that is neither met nor missed."""
        least = self.found if self.least is None else self.least
        most = self.found if self.most is None else self.most
        return None if least <= self.limit < most else self.found <= self.limit


@dataclass(frozen=True, slots=True)
class Growth:
    """Seconds that each tenant more costs, between two sizes: `ours` and the `floor`'s.

    `uncertain` is by how many seconds a tenant `ours` may be wrong either way, judged by how far runs of this step
    differ; `processor` is what all our processes compute for a tenant.
    """

    step: Step
    smaller: int
    larger: int
    ours: float
    floor: float | None
    uncertain: float
    processor: float


def growths(sizes: Sequence[SizeFigures]) -> Iterator[Growth]:
    """The cost of a tenant for each step, from each size to the next."""
    for step in STEPS:
        # Either end may be wrong by half of it. A size that was run once has none of its own: the others' counts.
        spread = max(
            (max(size.runs[step]) - min(size.runs[step]) for size in sizes if size.runs.get(step)), default=0.0
        )
        for smaller, larger in itertools.pairwise(sizes):
            tenants = larger.tenants - smaller.tenants
            floor = (
                (larger.floor[step].seconds - smaller.floor[step].seconds) / tenants
                if step in smaller.floor and step in larger.floor
                else None
            )
            ours = (larger.ours[step].seconds - smaller.ours[step].seconds) / tenants
            processor = (larger.ours[step].processor_seconds - smaller.ours[step].processor_seconds) / tenants
            yield Growth(step, smaller.tenants, larger.tenants, ours, floor, spread / tenants, processor)


def verdicts(sizes: Sequence[SizeFigures]) -> list[Verdict]:
    """Every aim, wherever it was measured."""
    found = [
        Verdict(f"{step} at {size.tenants} tenants", size.ratio(step), limit, "of the floor")
        for step, limit in RATIO_AIMS.items()
        for size in sizes
        if step in size.floor
    ]
    found += [
        Verdict(f"preview with policies and guard at {size.tenants} tenants", judging, JUDGING_AIM, "of it without")
        for size in sizes
        if (judging := size.judging) is not None
    ]
    found += [
        Verdict(f"memory at {size.tenants} tenants", size.peak_bytes / 1024**2, MEMORY_AIM / 1024**2, "MiB")
        for size in sizes
    ]
    by_step: dict[Step, list[Growth]] = {}
    for growth in growths(sizes):
        by_step.setdefault(growth.step, []).append(growth)
    for step, each in by_step.items():
        found += [_flat(step, before, after) for before, after in itertools.pairwise(each)]
    return found


def _flat(step: Step, before: Growth, after: Growth) -> Verdict:
    """Whether a tenant more costs what it cost among fewer."""
    return Verdict(
        f"growth of {step}, {after.smaller}→{after.larger} against {before.smaller}→{before.larger}",
        _ratio(after.ours, before.ours),
        GROWTH_AIM,
        "times",
        _ratio(after.ours - after.uncertain, before.ours + before.uncertain),
        _ratio(after.ours + after.uncertain, before.ours - before.uncertain),
    )


def _ratio(cost: float, to: float) -> float:
    """How many times as much; more than anything where what it is compared with is nothing."""
    return max(cost, 0.0) / to if to > 0 else math.inf


def machine() -> dict[str, Any]:
    """Where it was measured, as far as the figures depend on it."""
    return {
        "cores": os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "system": platform.system(),
        "python": platform.python_version(),
    }


def as_json(sizes: Sequence[SizeFigures]) -> dict[str, Any]:
    """All figures, for a program to read."""
    return {
        "machine": machine(),
        "sizes": [
            {
                "tenants": size.tenants,
                "resources": size.resources,
                "peak_bytes": size.peak_bytes,
                "preview_unjudged": asdict(size.unjudged) if size.unjudged is not None else None,
                "judging": size.judging,
                "steps": {
                    step: {
                        "ours": asdict(size.ours[step]),
                        "our_runs": size.runs.get(step, []),
                        "floor": asdict(size.floor[step]) if step in size.floor else None,
                        "ratio": size.ratio(step) if step in size.floor else None,
                    }
                    for step in STEPS
                },
            }
            for size in sizes
        ],
        "growth": [asdict(growth) for growth in growths(sizes)],
        "aims": [{**_finite(asdict(verdict)), "met": verdict.met} for verdict in verdicts(sizes)],
    }


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    """JSON has no infinity."""
    return {name: None if value == math.inf else value for name, value in values.items()}


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
    console.print(table)


def show(sizes: Sequence[SizeFigures], console: Console) -> None:
    """All figures, for a person to read."""
    show_times(sizes, console)
    costs = _table("Seconds that one tenant more costs")
    for heading in ("step", "from", "to", "ours", "±", "computed", "the floor's"):
        costs.add_column(heading, justify="left" if heading == "step" else "right")
    for growth in growths(sizes):
        floor = "not run" if growth.floor is None else f"{growth.floor:.3f}"
        seconds = (f"{value:.3f}" for value in (growth.ours, growth.uncertain, growth.processor))
        costs.add_row(growth.step, str(growth.smaller), str(growth.larger), *seconds, floor)
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
            _WORDS[verdict.met],
        )
    console.print(aims)
    here = machine()
    console.print(
        f"{here['cores']} cores, {here['memory_bytes'] / 1024**3:.0f} GiB, {here['system']}, Python {here['python']}; "
        f"medians of {_times(sizes)}. The floor: a plain loop of as many account roles on "
        "a provider that does nothing (bench/), whose server is up before the clock starts, with the engine's stock "
        "file backend. Ours: the command as it is; it starts its embedded cloud within the time and has the engine "
        "write its state once, at the end. Memory: all processes at one moment, each page counted once (PSS). "
        "A preview without policies and guard is a fresh one too, beside the other. "
        "Computed: seconds of processor time of all processes. ±: by how much the runs of a step differ.",
        style="dim",
        highlight=False,
    )


_WORDS: Final[dict[bool | None, str]] = {
    True: "[green]met[/]",
    False: "[red]missed[/]",
    None: "[yellow]not to be told: the runs differ by more[/]",
}


def _times(sizes: Sequence[SizeFigures]) -> str:
    """How often each size was measured."""
    return ", ".join(f"{len(size.runs.get('preview', [])) or 1} ({size.tenants} tenants)" for size in sizes) + " runs"


def _table(title: str) -> Table:
    return Table(
        title=f"\n{title}", title_justify="left", box=None, pad_edge=False, header_style="bold", padding=(0, 3, 0, 0)
    )
