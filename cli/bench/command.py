"""`nexus bench`: how long our stack takes, against the least that any stack of its size takes."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from cli import configuration, engine, options
from cli.bench import tokens as tokens_bench
from cli.bench.figures import SizeFigures, as_json, show, show_times
from cli.bench.measure import CommandFailedError
from cli.bench.runner import Bench
from cli.console import answer, console, errors, say
from cli.failure import BadInputError, FailureError
from cli.place import ROOT
from infra.settings import SettingsError, load_settings

SIZES = "1,5,20,60"
QUICK_SIZES = "1,5"
LARGE = 20
SMALL_RUNS = 3
"""A few tenants take little beside what every run takes: once is not enough to tell what they take."""


def command(
    tenants: Annotated[
        str, typer.Option("--tenants", "--sizes", help="Numbers of tenants to measure at, with commas.")
    ] = SIZES,
    quick: Annotated[
        bool, typer.Option("--quick", help=f"Measure at {QUICK_SIZES.replace(',', ' and ')} tenants only.")
    ] = False,
    runs: Annotated[
        int | None,
        typer.Option(
            "--runs",
            min=1,
            help=f"How often to measure each step; medians are told. {SMALL_RUNS} below {LARGE} tenants, else 1.",
        ),
    ] = None,
    floor: Annotated[
        bool,
        typer.Option(
            "--floor/--no-floor",
            help="Measure the floor beside ours: at 60 tenants its up and destroy take many minutes.",
        ),
    ] = True,
    as_json_: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
    tokens: Annotated[
        bool,
        typer.Option(
            "--tokens", help="Measure instead what the prompt cache and compression save, at --stack's prices."
        ),
    ] = False,
    migrate: Annotated[
        bool, typer.Option("--migrate", help="Measure instead how fast MongoDB's documents are carried over.")
    ] = False,
    messages: Annotated[int, typer.Option("--messages", min=1, help="How many messages --migrate carries.")] = 20_000,
    stack: options.Stack = "local",
) -> None:
    """Measure preview, first up, second up, destroy and memory against the floor.

    Example: nexus bench --tenants 5,20 --runs 3
    """
    if tokens:
        _tokens(stack, as_json_)
        return
    if migrate:
        _migration(messages, as_json_)
        return
    sizes = _sizes(QUICK_SIZES if quick else tenants)
    found = engine.acquire(say)
    work = Path(tempfile.mkdtemp(prefix="nexus-bench-"))
    log = work / "bench.log"
    bench = Bench(root=ROOT, engine=found.path, work=work, log=log, report=say)
    measured: list[SizeFigures] = []
    try:
        for size in sizes:
            measured.append(bench.size(size, runs=runs or (SMALL_RUNS if size < LARGE else 1), floor=floor))
            if len(measured) < len(sizes):
                # The large sizes take long: what is known already need not wait for them.
                show_times(measured, errors())
    except CommandFailedError as failure:
        raise FailureError(f"{failure}\nEverything that was printed: {log}") from None
    if as_json_:
        answer(as_json(measured))
    else:
        show(measured, console())
    # Kept when something failed: the log is in it.
    shutil.rmtree(work, ignore_errors=True)


def _tokens(stack: str, as_json_: bool) -> None:
    """Tell what cache and compression save. Raises FailureError where the cache gave an answer of another meaning."""
    try:
        settings = load_settings(configuration.load(stack).get("config") or {}, ROOT)
    except SettingsError as error:
        raise BadInputError(str(error)) from None
    prices = {model: price.prompt for model, price in settings.model.prices.items()}
    figures, requests = tokens_bench.measure_corpus()
    if as_json_:
        answer(tokens_bench.as_json(figures, requests, prices))
    else:
        tokens_bench.show(figures, requests, prices, console())
    if wrong := figures.exact.false_hits + figures.normalised.false_hits:
        raise FailureError(f"{wrong} false hits: a cache answered one question with another's answer")


def _migration(messages: int, as_json_: bool) -> None:
    """Tell how fast a migration is, beside plain reading of its dump."""
    from cli.bench import migration

    figures = migration.measure_migration(messages, say)
    if as_json_:
        answer(migration.as_json(figures))
    else:
        migration.show(figures, console())


def _sizes(text: str) -> list[int]:
    try:
        sizes = [int(part) for part in text.split(",")]
    except ValueError:
        raise BadInputError(f"--tenants {text!r}: numbers with commas between them, as in {SIZES}") from None
    if not all(0 < size < 10000 for size in sizes) or sizes != sorted(set(sizes)):
        raise BadInputError(f"--tenants {text!r}: each between 1 and 9999, in ascending order, none twice")
    return sizes
