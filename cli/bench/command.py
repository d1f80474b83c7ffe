"""`nexus bench`: how long our stack takes, against the least that any stack of its size takes."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from cli import engine
from cli.bench.figures import SizeFigures, as_json, show, show_times
from cli.bench.measure import CommandFailedError
from cli.bench.runner import Bench
from cli.console import answer, console, errors, say
from cli.failure import BadInputError, FailureError
from cli.place import ROOT

SIZES = "1,5,20,60"
QUICK_SIZES = "1,5"


def command(
    tenants: Annotated[
        str, typer.Option("--tenants", "--sizes", help="Numbers of tenants to measure at, with commas.")
    ] = SIZES,
    quick: Annotated[
        bool, typer.Option("--quick", help=f"Measure at {QUICK_SIZES.replace(',', ' and ')} tenants only.")
    ] = False,
    runs: Annotated[int, typer.Option("--runs", min=1, help="How often to measure each step; medians are told.")] = 1,
    floor: Annotated[
        bool,
        typer.Option(
            "--floor/--no-floor",
            help="Measure the floor beside ours: at 60 tenants its up and destroy take many minutes.",
        ),
    ] = True,
    as_json_: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Measure preview, first up, second up, destroy and memory against the floor.

    Example: nexus bench --tenants 5,20 --runs 3
    """
    sizes = _sizes(QUICK_SIZES if quick else tenants)
    found = engine.acquire(say)
    work = Path(tempfile.mkdtemp(prefix="nexus-bench-"))
    log = work / "bench.log"
    bench = Bench(root=ROOT, engine=found.path, work=work, log=log, report=say)
    measured: list[SizeFigures] = []
    try:
        for size in sizes:
            measured.append(bench.size(size, runs=runs, floor=floor))
            if len(measured) < len(sizes):
                # The large sizes take long: what is known already need not wait for them.
                show_times(measured, errors())
    except CommandFailedError as failure:
        raise FailureError(f"{failure}\nEverything that was printed: {log}") from None
    if as_json_:
        answer(as_json(measured, runs))
    else:
        show(measured, runs, console())
    # Kept when something failed: the log is in it.
    shutil.rmtree(work, ignore_errors=True)


def _sizes(text: str) -> list[int]:
    try:
        sizes = [int(part) for part in text.split(",")]
    except ValueError:
        raise BadInputError(f"--tenants {text!r}: numbers with commas between them, as in {SIZES}") from None
    if not all(0 < size < 10000 for size in sizes) or sizes != sorted(set(sizes)):
        raise BadInputError(f"--tenants {text!r}: each between 1 and 9999, in ascending order, none twice")
    return sizes
