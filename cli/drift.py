"""`nexus drift`: what was changed by hand since the last `up`, and the ways out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import typer
from rich.console import Console
from rich.markup import escape

from cli import deployment, options
from cli.access import StackAccess, declared_state, embedded_access, embedded_state, stack_access
from cli.connector import one_line
from cli.console import answer, console
from cli.cost.graph import resources
from cli.deployment import Outcome, Request
from cli.drift_grants import GrantFound, undeclared
from cli.failure import FailureError
from cli.place import Place
from cli.progress import Display, Progress, kind_of, name_of, type_of
from cli.render.graph import Record, declared
from cli.run import log_of
from policies.graph.resources import plain

if TYPE_CHECKING:
    from pulumi.automation.events import EngineEvent

UP: Final = "./nexus up"
"""Mends what a refresh can see."""
_LONGEST: Final = 80
_SETTINGS: Final = {
    ("Warehouse", "warehouseSize"): "warehouse-size",
    ("Warehouse", "autoSuspend"): "auto-suspend-seconds",
    ("ResourceMonitor", "creditQuota"): "monthly-credits",
    ("Database", "dataRetentionTimeInDays"): "retention-days",
}
"""By kind and input of an organisation's resource: the option of `nexus tenants change` that declares it."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it is declared. `adopt` is the command by which what was found would be declared."""

    tenant: str | None
    urn: str
    what: str
    property: str
    declared: str
    found: str
    adopt: str = ""
    mend: str = UP

    def as_json(self) -> dict[str, Any]:
        return {
            "tenant": self.tenant,
            "urn": self.urn,
            "what": self.what,
            "property": self.property,
            "declared": self.declared,
            "found": self.found,
            "mend": self.mend,
            "adopt": self.adopt or None,
        }


@dataclass
class Refreshed(Progress):
    """Listens to a refresh and keeps what each resource was declared to be, and what was found."""

    read: list[Any] = field(default_factory=list)

    def on_event(self, event: EngineEvent) -> None:
        super().on_event(event)
        if event.res_outputs_event is not None:
            self.read.append(event.res_outputs_event.metadata)


def command(stack: options.Stack = "local", as_json: options.Json = False) -> None:
    """Tell what was changed by hand since the last `up`, by organisation, and how to mend or adopt it; change nothing.

    Exit code 1 where something was. Example: ./nexus drift --stack prod --json
    """
    found = differences(stack, quiet=as_json)
    if as_json:
        answer({"stack": stack, "drift": [each.as_json() for each in found]})
    else:
        show(found, stack, console())
    if found:
        raise typer.Exit(1)


def differences(stack: str, *, quiet: bool) -> list[Difference]:
    """Everything that differs, the shared part first. Raises `FailureError` where the stack is not up."""
    request = Request("refresh", stack)
    progress = Refreshed("refresh")
    if deployment.is_embedded(stack):
        if not embedded_state(Place.of(stack)).get("resources"):
            raise FailureError(f"stack {stack!r} is not up: `./nexus up` brings it up.")
        with deployment.embedded_run(request) as run:
            cloud = run.cloud()
            engine = run.stack(cloud, deployment.no_program, lambda _: None, policies=False)
            with Display(progress, console(), quiet=quiet):
                outcome = deployment.run_engine(request, engine, progress, run.place.configuration, preview=True)
            access = embedded_access(run.place, deployment.check_settings(run.settings), cloud)
            return _told(outcome, progress, access, run.state())
    with stack_access(stack) as access:
        settings = deployment.checked_settings(request)
        with (
            deployment.real_stack(request, settings) as (engine, config_file, _),
            Display(progress, console(), quiet=quiet),
        ):
            outcome = deployment.run_engine(request, engine, progress, config_file, preview=True)
        return _told(outcome, progress, access, declared_state(stack))


def _told(outcome: Outcome, progress: Refreshed, access: StackAccess, state: Mapping[str, Any]) -> list[Difference]:
    if not outcome.succeeded:
        problems = deployment.explain(outcome, log_of(access.stack))
        raise FailureError("what is there cannot be read:\n" + "\n".join(f"  {problem}" for problem in problems))
    known = [_record(resource) for resource in state.get("resources") or () if not resource.get("delete")]
    tenants = tenants_of(known)
    # What the stack leaves as it is found is not drift.
    left = {resource["urn"]: resource.get("ignoreChanges") or () for resource in state.get("resources") or ()}
    found = [
        each
        for step in progress.read
        for each in of_step(step, tenants.get(step.urn), access.stack)
        if each.property not in left.get(step.urn, ())
    ]
    found += [_of_grant(each, access.stack) for each in _grants(access, known)]
    return sorted(found, key=lambda each: (each.tenant or "", each.what, each.property, each.found))


def tenants_of(known: list[Record]) -> dict[str, str | None]:
    """The organisation of each resource, by URN."""
    return {each.urn: each.tenant for each in resources((record.urn, record.parent, {}) for record in known)}


def _record(resource: Mapping[str, Any]) -> Record:
    return Record(
        resource["urn"],
        resource["type"],
        resource.get("inputs") or {},
        resource.get("parent") or "",
        resource.get("provider") or "",
        frozenset(resource.get("dependencies") or ()),
        # What the stack took over: what was granted on it before is not the stack's.
        adopted=bool(resource.get("retainOnDelete")),
    )


def of_step(step: Any, tenant: str | None, stack: str = "local") -> Iterator[Difference]:
    """What reading one resource found other than declared."""
    what = f"{kind_of(type_of(step.urn))} {name_of(step.urn)}"
    if step.old is None:
        return
    if step.new is None:
        yield Difference(tenant, step.urn, what, "", "is there", "is gone")
        return
    before, after = plain(step.old.inputs or {}), plain(step.new.inputs or {})
    for key in sorted({*before, *after}):
        if key.startswith("__") or before.get(key) == after.get(key):
            continue
        yield Difference(
            tenant,
            step.urn,
            what,
            key,
            _text(before.get(key)),
            _found(before.get(key), after.get(key)),
            adopt=_adoption(stack, tenant, type_of(step.urn), key, after.get(key)),
        )


def _adoption(stack: str, tenant: str | None, type_: str, key: str, value: Any) -> str:
    option = _SETTINGS.get((type_.rpartition(":")[2], key))
    if tenant is None or option is None or value is None:
        return ""
    return f"./nexus tenants change {tenant} --{option} {_text(value)}{_option(stack)}"


def _grants(access: StackAccess, known: list[Record]) -> list[GrantFound]:
    from snowflake.connector import Error

    try:
        with access.as_deploy_user("SECURITYADMIN") as cursor:
            return list(undeclared(declared(known), cursor))
    except Error as error:
        raise FailureError(f"the account does not tell its grants to {access.deploy_user}: {one_line(error)}") from None


def _of_grant(grant: GrantFound, stack: str) -> Difference:
    mend = f"./nexus sql{_option(stack)} --role SECURITYADMIN '{grant.undo}'"
    return Difference(grant.tenant, "", grant.what, grant.property, grant.declared, grant.found, mend=mend)


def _option(stack: str) -> str:
    return "" if stack == "local" else f" --stack {stack}"


def _found(declared_: Any, found: Any) -> str:
    """What was found; of a list, what it lacks and what it has beside."""
    if not (isinstance(declared_, list) and isinstance(found, list)):
        return _text(found)
    lacks = [item for item in declared_ if item not in found]
    beside = [item for item in found if item not in declared_]
    told = [f"{word} {_text(items)}" for word, items in (("without", lacks), ("also", beside)) if items]
    return ", ".join(told) or "in another order"


def _text(value: Any) -> str:
    if value is None:
        return "(nothing)"
    if isinstance(value, float) and value == int(value):
        return str(int(value))
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    first, *more = text.splitlines() or ['""']
    return f"{first[:_LONGEST]}…" if more or len(first) > _LONGEST else first


def show(found: list[Difference], stack: str, output: Console) -> None:
    """By organisation: what is declared, what was found, and the ways out."""
    if not found:
        output.print("[green]No drift[/]: everything is as it is declared, and nobody has a grant beside.")
        return
    for tenant in dict.fromkeys(each.tenant for each in found):
        output.print(f"[bold]{escape(tenant or 'shared')}[/]")
        for each in (each for each in found if each.tenant == tenant):
            told = f"{each.property} is {each.found}, declared is {each.declared}"
            if each.property in ("grants", ""):
                told = each.found
            output.print(f"  {each.what}: {told}", markup=False, soft_wrap=True, highlight=False)
            if each.mend != UP:
                output.print(f"      mend   {each.mend}", markup=False, soft_wrap=True, style="dim", highlight=False)
            if each.adopt:
                output.print(f"      adopt  {each.adopt}", markup=False, soft_wrap=True, style="dim", highlight=False)
    more = _option(stack)
    output.print(
        f"{len(found)} differences. `./nexus refresh{more}` and then `./nexus up{more}` mend what no line above mends.",
        markup=False,
        soft_wrap=True,
    )
