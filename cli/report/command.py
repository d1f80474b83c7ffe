"""`nexus report`: the evidence for what a stack's settings declare, for a reviewer and a security officer."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from cli import configuration, deployment, options
from cli.clock import today
from cli.console import answer, console
from cli.failure import BadInputError
from cli.place import local_directory
from cli.rehearse import embedded_only, filled
from cli.report.evidence import as_text, evidence, graph_as_json
from cli.report.gather import Declared, base_coming_up, change_over, declared
from cli.report.page import page
from cli.report.summary import summary

PAGE: Final = "report.html"
DATA: Final = "report.json"
GRAPH: Final = "graph.json"
SUMMARY: Final = "summary.md"

Base = Annotated[
    str | None,
    typer.Option(
        "--base",
        metavar="COMMIT",
        help="Tell what changes over what this commit declares: a branch, a tag, HEAD^1. Without it, as a new stack.",
    ),
]


def command(
    stack: options.Stack = "local",
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Where to write it. [default: .nexus/report/<stack>]")
    ] = None,
    base: Base = None,
    as_json: options.Json = False,
    set_: options.Overrides = None,
) -> None:
    """Write who can reach which patients' data, what the policies say, what it costs and what it changes and loses.

    One page that needs no network (report.html), its data (report.json), the roles, grants and objects that it was
    computed from (graph.json), and a summary for a pull request's comment (summary.md). Everything is planned on an
    embedded cloud: no credential is needed. Ends with 1 where something in it stops the change.

    Example: ./nexus report --stack prod --base origin/main
    """
    embedded_only()
    settings, made_up = filled(configuration.load(stack, set_ or ()))
    checked = deployment.check_settings(settings)
    directory = directory_of(stack, out)
    with base_coming_up(stack, base, set_ or ()) if base else nullcontext() as coming:
        found = declared(stack, settings, checked, made_up, quiet=as_json)
        over = None
        if coming is not None:
            coming.wait()
            over = change_over(coming, settings, checked, quiet=as_json)
    told = evidence(found, over, today())
    write(found, told, directory)
    if as_json:
        answer(told)
    else:
        show(told, directory)
    if told["result"] == "failed":
        raise typer.Exit(1)


def directory_of(stack: str, out: Path | None) -> Path:
    """Where to write, made if need be. Raises `BadInputError` where nothing can be written."""
    directory = out or local_directory() / "report" / stack
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInputError(f"--out {directory}: {error.strerror}") from None
    return directory


def write(found: Declared, told: Mapping[str, Any], directory: Path) -> None:
    """Write page, data, graph and summary into a folder."""
    (directory / DATA).write_text(as_text(told), encoding="utf-8")
    (directory / GRAPH).write_text(as_text(graph_as_json(found)), encoding="utf-8")
    (directory / PAGE).write_text(page(told), encoding="utf-8")
    (directory / SUMMARY).write_text(summary(told), encoding="utf-8")


def show(told: Mapping[str, Any], directory: Path) -> None:
    """The verdict in a few lines, and where the rest is."""
    from cli.report.page import figures

    for name, figure in figures(told):
        console().print(f"{name}: {figure}", markup=False)
    for failure in told["failures"]:
        console().print(f"  ✗ {failure}", markup=False, style="red")
    verdict = "[green]passed[/]" if told["result"] == "passed" else "[red]failed[/]"
    console().print(f"{told['stack']}: {verdict}")
    console().print(f"The whole of it: {directory / PAGE}", markup=False)
