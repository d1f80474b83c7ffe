"""`nexus cost`: what a month of the declared resources costs, at least and at most."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cli import configuration, deployment, options
from cli.access import declared_state
from cli.console import answer, console
from cli.cost import prices as prices_file
from cli.cost.estimate import Estimate, estimate
from cli.cost.graph import PlannedGraph, Resource, of_state
from cli.deployment import Request
from cli.failure import BadInputError, FailureError
from cli.progress import Display
from cli.rehearse import embedded_only, filled, throw_away
from cli.run import log_of

STATE: Final = "state"
"""What stands for the stack as it is now, where an earlier answer's file could be named."""


def command(
    stack: options.Stack = "local",
    as_json: options.Json = False,
    state: Annotated[bool, typer.Option("--state", help="Of what is up now, instead of what is declared.")] = False,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="state|FILE",
            help="Tell what this adds to what is up now, or to an earlier answer of `nexus cost --json`.",
        ),
    ] = None,
    set_: options.Overrides = None,
) -> None:
    """Tell a month's floor and ceiling of what a stack declares, per tenant and in total; nothing real is reached.

    Example: ./nexus cost --stack prod --against before.json
    """
    known = prices_file.load()
    settings = configuration.load(stack, set_ or ())
    completed, _ = filled(settings)
    edition = deployment.check_settings(completed).snowflake.edition
    before = _before(against, stack, edition, known)
    graph = of_state(_up(stack)) if state else planned(stack, completed, quiet=as_json)
    found = estimate(graph, known, edition)
    told = as_answer(stack, found, known, edition)
    if before is not None:
        told["against"] = {"what": against, **difference(before, told)}
    if as_json:
        answer(told)
    else:
        show(told, found, known, console())


def planned(stack: str, settings: dict[str, Any], *, quiet: bool) -> list[Resource]:
    """What the configuration declares, planned on an embedded cloud that is thrown away: no credential is needed."""
    embedded_only()
    checked = deployment.check_settings(settings)
    graph = PlannedGraph("preview")
    with throw_away(stack, settings, checked, "cost") as run, Display(graph, console(), quiet=quiet):
        outcome = deployment.run_embedded(Request("preview", stack), run, graph)
    if not outcome.succeeded:
        problems = deployment.explain(outcome, log_of(f"cost-{stack}"))
        raise FailureError("the plan failed:\n" + "\n".join(f"  {problem}" for problem in problems))
    return graph.resources()


def _up(stack: str) -> Mapping[str, Any]:
    found = declared_state(stack)
    if not found.get("resources"):
        raise FailureError(f"stack {stack!r} is not up: `./nexus up` brings it up.")
    return found


def _before(against: str | None, stack: str, edition: str, known: prices_file.Prices) -> dict[str, Any] | None:
    """The earlier answer. Raises `BadInputError` for a file that is none."""
    if against is None:
        return None
    if against == STATE:
        return as_answer(stack, estimate(of_state(_up(stack)), known, edition), known, edition)
    try:
        earlier: dict[str, Any] = json.loads(Path(against).read_text(encoding="utf-8"))
        difference(earlier, earlier)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise BadInputError(
            f"--against {against}: neither `state` nor a file with `nexus cost --json`'s answer."
        ) from None
    return earlier


def as_answer(stack: str, found: Estimate, known: prices_file.Prices, edition: str) -> dict[str, Any]:
    """For a program: amounts to the cent, by area, by tenant, by line."""
    return {
        "stack": stack,
        "currency": known.currency,
        "region": known.region,
        "edition": edition,
        "prices_of": str(known.oldest),
        "prices_unread": known.unread,
        "total": _range(found.total()),
        "areas": {area: _range(amounts) for area, amounts in found.by_area().items()},
        "tenants": {tenant: _range(amounts) for tenant, amounts in found.by_tenant().items() if tenant is not None},
        "shared": _range(found.total(line for line in found.lines if line.tenant is None)),
        "lines": [
            {
                "area": line.area,
                "what": line.what,
                "tenant": line.tenant,
                **_range((line.floor, line.ceiling)),
                "why": line.why,
            }
            for line in found.lines
        ],
        "unbounded": found.unbounded,
        "by_use": {type_: {"count": count, "charged_for": what} for type_, (count, what) in found.by_use.items()},
        "not_priced": dict(found.not_priced),
    }


def _range(amounts: tuple[float, float]) -> dict[str, float]:
    return {"floor": round(amounts[0], 2), "ceiling": round(amounts[1], 2)}


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """What `after` adds, in total, by area and by tenant; areas and tenants that are the same are left out."""

    def added(old: Mapping[str, float], new: Mapping[str, float]) -> dict[str, float]:
        return {end: round(new[end] - old[end], 2) for end in ("floor", "ceiling")}

    def each(name: str) -> dict[str, dict[str, float]]:
        nothing = {"floor": 0.0, "ceiling": 0.0}
        keys = dict.fromkeys([*before[name], *after[name]])
        changes = {key: added(before[name].get(key, nothing), after[name].get(key, nothing)) for key in keys}
        return {key: change for key, change in changes.items() if any(change.values())}

    return {"total": added(before["total"], after["total"]), "areas": each("areas"), "tenants": each("tenants")}


def show(told: Mapping[str, Any], found: Estimate, known: prices_file.Prices, output: Console) -> None:
    """Every line, the tenants, the areas, what it adds to the earlier one, and what is not in it."""
    _table(
        output, "what", {line.what: ((line.floor, line.ceiling), line.why) for line in found.lines if not line.tenant}
    )
    tenants = {name: ((amounts["floor"], amounts["ceiling"]), "") for name, amounts in told["tenants"].items()}
    if tenants:
        _table(output, "tenant", tenants)
    areas = {area: (amounts, "") for area, amounts in found.by_area().items()}
    _table(output, "area", {**areas, "all": (found.total(), "")})
    change = told.get("against")
    if change:
        rows = {
            name: ((value["floor"], value["ceiling"]), "")
            for part in ("areas", "tenants")
            for name, value in change[part].items()
        }
        total = (change["total"]["floor"], change["total"]["ceiling"])
        _table(output, f"added to {change['what']}", {**rows, "all": (total, "")}, sign=True)
    for line in found.unbounded:
        output.print(f"[yellow]No ceiling[/] {escape(line)}")
    for type_, (count, what) in found.by_use.items():
        output.print(f"Not added up: {count} x {type_}: {what}", markup=False, style="dim")
    for type_, count in found.not_priced.items():
        output.print(f"[yellow]Not priced[/] {count} x {escape(type_)}: nothing is known of it here")
    output.print(
        f"{known.currency} a month at list prices of {known.oldest} ({known.region}; cli/cost/prices.yaml). A monitor "
        "stops warehouses, not Cortex: its tokens come on top."
        + (f" No page could be opened for {', '.join(known.unread)}." if known.unread else ""),
        markup=False,
        style="dim",
    )


def _table(
    output: Console, title: str, rows: Mapping[str, tuple[tuple[float, float], str]], *, sign: bool = False
) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 3, 0, 0))
    table.add_column(title)
    for heading in ("floor", "ceiling"):
        table.add_column(heading, justify="right")
    table.add_column("")
    form = "{:+,.2f}" if sign else "{:,.2f}"
    for name, ((floor, ceiling), why) in rows.items():
        style = "bold" if name == "all" else None
        table.add_row(escape(name), form.format(floor), form.format(ceiling), escape(why), style=style)
    output.print(table)
    output.print()
