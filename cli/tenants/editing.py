"""`nexus tenants list | add | change | suspend | resume`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Annotated, Any, Final

import typer
from rich.markup import escape
from rich.table import Table

from cli import deployment, options
from cli.console import answer, console
from cli.cost.graph import of_state
from cli.deployment import Request, embedded_state
from cli.failure import BadInputError
from cli.place import Place
from cli.progress import show_plan
from cli.tenants.file import OrganizationsFile, completed
from cli.tenants.plan import PlanOfOne, of_one, plan

_MEASURED: Final = 60
"""Organisations of one stack that were measured (docs/decisions/0002-speed.md)."""

Organization = Annotated[str, typer.Argument(metavar="ORGANIZATION", help="The organisation's id, such as HCS0007.")]
NoPlan = Annotated[
    bool, typer.Option("--no-plan", help="Write the line alone: the plan and its cost are shown by the pull request.")
]
WarehouseSize = Annotated[str | None, typer.Option(help="Its warehouse's size, such as SMALL.")]
MonthlyCredits = Annotated[int | None, typer.Option(help="Credits after which its monitor stops the warehouse.")]
RetentionDays = Annotated[int | None, typer.Option(help="Days of Time Travel.")]
AutoSuspendSeconds = Annotated[int | None, typer.Option(help="Seconds after which an idle warehouse is suspended.")]
MonthlyCortexTokens = Annotated[int | None, typer.Option(help="Tokens that its calls of models may use in a month.")]
Models = Annotated[list[str] | None, typer.Option("--model", help="A Cortex model that it may use; repeatable.")]


def list_(stack: options.Stack = "local", as_json: options.Json = False, set_: options.Overrides = None) -> None:
    """Show every organisation with its settings, and whether it is up, suspended or leaving.

    Example: ./nexus tenants list --stack prod
    """
    file = OrganizationsFile.of(stack, set_ or ())
    settings = completed(file.check())
    up = _up(stack)
    rows: list[dict[str, Any]] = [
        {
            "organization": each.organization_id,
            "state": _state(each),
            "warehouse_size": each.warehouse_size,
            "monthly_credits": each.monthly_credits,
            "retention_days": each.retention_days,
            "auto_suspend_seconds": each.auto_suspend_seconds,
            "monthly_cortex_tokens": each.monthly_cortex_tokens,
            "models": list(each.models),
            "up": None if up is None else each.organization_id in up,
        }
        for each in settings.organizations
    ]
    leaving = sorted(set(up or ()) - {row["organization"] for row in rows})
    if as_json:
        answer({"stack": stack, "file": file.path.name, "organizations": rows, "no_longer_declared": leaving})
        return
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 3, 0, 0))
    for heading in ("organisation", "state", "size", "credits", "Time Travel", "suspends after", "up"):
        table.add_column(
            heading, justify="right" if heading in {"credits", "Time Travel", "suspends after"} else "left"
        )
    for row in rows:
        table.add_row(
            row["organization"],
            row["state"],
            row["warehouse_size"],
            str(row["monthly_credits"]),
            f"{row['retention_days']} days",
            f"{row['auto_suspend_seconds']} s",
            {None: "", True: "yes", False: "not yet"}[row["up"]],
        )
    console().print(table)
    for organization in leaving:
        console().print(f"{organization} is up and no longer declared: the next `up` would delete it.", markup=False)
    console().print(f"{len(rows)} organisations in {file.path.name}", style="dim", highlight=False)


def add(
    organization: Annotated[
        str | None, typer.Argument(metavar="[ORGANIZATION]", help="Its id; without one, the next that is free.")
    ] = None,
    warehouse_size: WarehouseSize = None,
    monthly_credits: MonthlyCredits = None,
    retention_days: RetentionDays = None,
    auto_suspend_seconds: AutoSuspendSeconds = None,
    monthly_cortex_tokens: MonthlyCortexTokens = None,
    model: Models = None,
    stack: options.Stack = "local",
    no_plan: NoPlan = False,
    as_json: options.Json = False,
    set_: options.Overrides = None,
) -> None:
    """Take an organisation on: one line in the organisations' file. What is not given comes from its defaults.

    Example: ./nexus tenants add --warehouse-size SMALL --monthly-credits 100
    """
    from cli.tenants.record import registered_as_removed, removed_organizations

    file = OrganizationsFile.of(stack, set_ or ())
    gone = removed_organizations(file)
    if not no_plan:
        gone = sorted({*gone, *registered_as_removed(stack)})
    name = organization or file.next_free(gone)
    if name in file.organizations():
        raise BadInputError(f"{name} is there already: `./nexus tenants change {name}` changes it.")
    if name in gone:
        raise BadInputError(
            f"{name} was removed, and an id is given once: the next free one is {file.next_free(gone)}."
        )
    values = _given(warehouse_size, monthly_credits, retention_days, auto_suspend_seconds, monthly_cortex_tokens, model)
    notes = []
    if len(file.organizations()) >= _MEASURED:
        notes.append(
            f"beyond {_MEASURED} organisations nothing was measured: put the next ones into a stack of their own."
        )
    carry_out(file, name, lambda: file.add(name, values), as_json=as_json, with_plan=not no_plan, notes=notes)


def change(
    organization: Organization,
    warehouse_size: WarehouseSize = None,
    monthly_credits: MonthlyCredits = None,
    retention_days: RetentionDays = None,
    auto_suspend_seconds: AutoSuspendSeconds = None,
    monthly_cortex_tokens: MonthlyCortexTokens = None,
    model: Models = None,
    default: Annotated[
        list[str] | None,
        typer.Option("--default", metavar="SETTING", help="Take a setting from the defaults again; repeatable."),
    ] = None,
    stack: options.Stack = "local",
    no_plan: NoPlan = False,
    as_json: options.Json = False,
    set_: options.Overrides = None,
) -> None:
    """Change an organisation's own settings.

    Example: ./nexus tenants change HCS0007 --monthly-credits 80 --default warehouse_size
    """
    file = OrganizationsFile.of(stack, set_ or ())
    own = file.require(organization)
    values = _given(warehouse_size, monthly_credits, retention_days, auto_suspend_seconds, monthly_cortex_tokens, model)
    changes: dict[str, Any] = dict(values)
    problems = []
    for key in default or ():
        key = key.replace("-", "_")
        if key in values:
            problems.append(f"--default {key}: it is given a value too.")
        elif key not in own or key in ("suspended", "retired"):
            problems.append(f"--default {key}: {organization} has no {key} of its own.")
        changes[key] = None
    if problems:
        raise BadInputError("\n".join(problems))
    if not changes:
        raise BadInputError("nothing to change was given: --help lists what can be.")
    _refuse_same(organization, own, changes)
    carry_out(file, organization, lambda: file.change(organization, changes), as_json=as_json, with_plan=not no_plan)


def suspend(
    organization: Organization,
    stack: options.Stack = "local",
    no_plan: NoPlan = False,
    as_json: options.Json = False,
    set_: options.Overrides = None,
) -> None:
    """Stop an organisation's warehouse, roles and users; its data stays, and expires as before.

    Example: ./nexus tenants suspend HCS0007
    """
    file = OrganizationsFile.of(stack, set_ or ())
    if file.require(organization).get("suspended"):
        raise BadInputError(f"{organization} is suspended already.")
    carry_out(
        file,
        organization,
        lambda: file.change(organization, {"suspended": True}),
        as_json=as_json,
        with_plan=not no_plan,
    )


def resume(
    organization: Organization,
    stack: options.Stack = "local",
    no_plan: NoPlan = False,
    as_json: options.Json = False,
    set_: options.Overrides = None,
) -> None:
    """Let a suspended organisation work again; one that was leaving stays.

    Example: ./nexus tenants resume HCS0007
    """
    file = OrganizationsFile.of(stack, set_ or ())
    if not file.require(organization).get("suspended"):
        raise BadInputError(f"{organization} is not suspended.")
    carry_out(
        file,
        organization,
        lambda: file.change(organization, {"suspended": None, "retired": None}),
        as_json=as_json,
        with_plan=not no_plan,
    )


def carry_out(
    file: OrganizationsFile,
    organization: str,
    edit: Callable[[], None],
    *,
    as_json: bool,
    with_plan: bool,
    notes: Sequence[str] = (),
) -> None:
    """Edit the file, check it, show what it means for the organisation; the file stays as it was where that fails."""
    planned: PlanOfOne | None = None
    with file.kept():
        edit()
        settings = file.check()
        if with_plan:
            request = Request("preview", file.stack, overrides=file.overrides)
            found = plan(request, settings, quiet=as_json)
            planned = of_one(organization, found, file.stack, completed(settings))
    tell(file, organization, planned, as_json=as_json, notes=notes, next_=up_command(file))


def tell(
    file: OrganizationsFile,
    organization: str,
    planned: PlanOfOne | None,
    *,
    as_json: bool,
    notes: Sequence[str] = (),
    next_: str,
    more: Mapping[str, Any] | None = None,
) -> None:
    """What was written, what it means, and what to type next."""
    difference = file.difference()
    if as_json:
        shown = {"organization": organization, "stack": file.stack, "file": file.path.name, "lines": difference}
        answer({**shown, **(planned.as_json() if planned else {}), **(more or {}), "notes": list(notes), "next": next_})
        return
    output = console()
    output.print(f"[bold]{escape(file.path.name)}[/]")
    for line in difference:
        output.print(f"  {escape(line)}", style="green" if line[0] == "+" else "red", highlight=False)
    if planned is not None:
        output.print(f"[bold]What `up` would do for {organization}[/]")
        show_plan(planned.plan, output, urns={urn for _, urn in planned.changes})
        if not planned.changes:
            output.print("  nothing: the stack is so already", highlight=False)
        if planned.elsewhere:
            output.print(f"[yellow]Beside it {planned.elsewhere} other changes are due[/]: ./nexus preview shows them.")
        output.print(_month(planned), highlight=False)
    for note in notes:
        output.print(f"[yellow]Note[/] {escape(note)}", highlight=False)
    output.print(f"Next: {next_}", markup=False, highlight=False)


def _month(planned: PlanOfOne) -> str:
    def told(amounts: tuple[float, float] | None) -> str:
        return "nothing" if amounts is None else f"{amounts[0]:,.2f} to {amounts[1]:,.2f} {planned.currency}"

    if planned.before is None or planned.before == planned.after:
        return f"A month of it costs {told(planned.after)} at list prices; models come on top."
    return f"A month of it costs {told(planned.after)} at list prices, now {told(planned.before)}; models come on top."


def up_command(file: OrganizationsFile) -> str:
    more = "" if file.stack == "local" else f" --stack {file.stack}"
    return f"./nexus up{more}" + "".join(f" --set {override}" for override in file.overrides)


def _given(
    warehouse_size: str | None,
    monthly_credits: int | None,
    retention_days: int | None,
    auto_suspend_seconds: int | None,
    monthly_cortex_tokens: int | None,
    models: list[str] | None,
) -> dict[str, Any]:
    values = {
        "warehouse_size": warehouse_size.upper() if warehouse_size else None,
        "monthly_credits": monthly_credits,
        "retention_days": retention_days,
        "auto_suspend_seconds": auto_suspend_seconds,
        "monthly_cortex_tokens": monthly_cortex_tokens,
        "models": models or None,
    }
    return {key: value for key, value in values.items() if value is not None}


def _refuse_same(organization: str, own: Mapping[str, Any], changes: Mapping[str, Any]) -> None:
    if all(own.get(key) == value for key, value in changes.items()):
        told = ", ".join(f"{key} {value}" for key, value in changes.items())
        raise BadInputError(f"{organization} has {told} already.")


def _state(organization: Any) -> str:
    if organization.retired is not None:
        return f"leaving, kept until {organization.retired.delete_from}"
    return "suspended" if organization.suspended else "active"


def _up(stack: str) -> set[str] | None:
    """The organisations that are up; None where only the stack's backend could tell."""
    if not deployment.is_embedded(stack):
        return None
    found: set[str] = set()
    with suppress(OSError):
        found = {each.tenant for each in of_state(embedded_state(Place.of(stack))) if each.tenant}
    return found
