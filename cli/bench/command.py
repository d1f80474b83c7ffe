"""`nexus bench`: how long our stack takes, against the least that any stack of its size takes."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cli import engine
from cli.bench.figures import SizeFigures, as_json, show
from cli.bench.measure import CommandFailedError
from cli.bench.runner import Bench
from cli.console import console, say
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
            if not as_json_:
                _show(measured, runs, sizes)
    except CommandFailedError as failure:
        raise FailureError(f"{failure}\nEverything that was printed: {log}") from None
    if as_json_:
        sys.stdout.write(json.dumps(as_json(measured, runs), indent=2) + "\n")
    # Kept when something failed: the log is in it.
    shutil.rmtree(work, ignore_errors=True)


def _show(measured: list[SizeFigures], runs: int, sizes: list[int]) -> None:
    """All figures at the end; what is there so far on the way, since the large sizes take long."""
    if len(measured) == len(sizes):
        show(measured, runs, console())
    else:
        show(measured, runs, Console(stderr=True))


def _sizes(text: str) -> list[int]:
    try:
        sizes = [int(part) for part in text.split(",")]
    except ValueError:
        raise BadInputError(f"--tenants {text!r}: numbers with commas between them, as in {SIZES}") from None
    if not all(0 < size < 10000 for size in sizes) or sizes != sorted(set(sizes)):
        raise BadInputError(f"--tenants {text!r}: each between 1 and 9999, in ascending order, none twice")
    return sizes
