"""`nexus drift`: what was changed by hand since the last `up`, and the ways out."""

from __future__ import annotations

import dataclasses
import json
import re
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import typer
from rich.console import Console
from rich.markup import escape

from cli import deployment, options
from cli.access import StackAccess, declared_state, embedded_access, history, stack_access, updates
from cli.connector import one_line
from cli.console import answer, console
from cli.cost.graph import resources
from cli.deployment import Outcome, Request, embedded_state
from cli.drift_adoption import adoption
from cli.drift_gone import Renamed, renamed
from cli.drift_grants import GrantFound, undeclared
from cli.drift_meaning import Meaning, of_gone, of_property
from cli.drift_retention import DAYS, KINDS, Retention
from cli.drift_statements import EffectLost, held_to, lost
from cli.failure import FailureError
from cli.place import Place
from cli.progress import Display, Progress, kind_of, name_of, type_of
from cli.render import words
from cli.render.graph import Record, declared
from cli.render.script import Declared
from cli.run import log_of
from policies.graph.resources import Secret, plain

if TYPE_CHECKING:
    from pulumi.automation.events import EngineEvent

_WRITES: Final = "-write-in-application"
"""Behind the organisation's id: the grant by which its application works."""
_LONGEST: Final = 80
_USERS: Final = "users"
"""Whom a network policy is attached to."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it is declared: which side is better off, and the two ways out.

    `adopt` says how what was found would be declared, and is empty where no setting does that; `mend` is the command
    that brings back what is declared. `within` is the database with which it has gone.
    """

    tenant: str | None
    urn: str
    what: str
    property: str
    declared: str
    found: str
    meaning: Meaning
    adopt: str = ""
    mend: str = ""
    within: str = ""

    def as_json(self) -> dict[str, Any]:
        return {
            "tenant": self.tenant,
            "urn": self.urn,
            "what": self.what,
            "property": self.property,
            "declared": self.declared,
            "found": self.found,
            "better": self.meaning.better or None,
            "why": self.meaning.why,
            "mend": self.mend,
            "adopt": self.adopt or None,
            "within": self.within or None,
        }


@dataclass
class Refreshed(Progress):
    """Listens to a refresh and keeps what each resource was declared to be, and what was found."""

    read: list[Any] = field(default_factory=list)

    def on_event(self, event: EngineEvent) -> None:
        super().on_event(event)
        if event.res_outputs_event is not None:
            self.read.append(event.res_outputs_event.metadata)


@dataclass(frozen=True, slots=True)
class Drift:
    """Everything that differs, and the program's statements whose effect nothing tells."""

    differences: list[Difference]
    untold: list[str]
    refreshed: bool = False
    """Whether the state was read back since the last `up`: what was found then counts as declared here."""


def command(stack: options.Stack = "local", as_json: options.Json = False) -> None:
    """Tell what was changed by hand since the last `up`, by organisation, who is better off, and how to mend or adopt.

    It changes nothing. Exit code 1 where something was changed. Example: ./nexus drift --stack prod --json
    """
    drift = drift_of(stack, quiet=as_json)
    if as_json:
        answer(
            {
                "stack": stack,
                "drift": [each.as_json() for each in drift.differences],
                "not_compared": drift.untold,
                "refreshed_since_up": drift.refreshed,
            }
        )
    else:
        show(drift, stack, console())
    if drift.differences or drift.refreshed:
        raise typer.Exit(1)


def drift_of(stack: str, *, quiet: bool) -> Drift:
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
            return _told(outcome, progress, access, run.state(), history(Place.of(stack)))
    with stack_access(stack) as access:
        settings = deployment.checked_settings(request)
        with (
            deployment.real_stack(request, settings) as (engine, config_file, _),
            Display(progress, console(), quiet=quiet),
        ):
            outcome = deployment.run_engine(request, engine, progress, config_file, preview=True)
        return _told(outcome, progress, access, declared_state(stack), updates(stack))


def _told(
    outcome: Outcome,
    progress: Refreshed,
    access: StackAccess,
    state: Mapping[str, Any],
    done: Iterable[Mapping[str, Any]],
) -> Drift:
    if not outcome.succeeded:
        problems = deployment.explain(outcome, log_of(access.stack))
        raise FailureError("what is there cannot be read:\n" + "\n".join(f"  {problem}" for problem in problems))
    resources_ = [resource for resource in state.get("resources") or () if not resource.get("delete")]
    known = [_record(resource) for resource in resources_]
    tenants = tenants_of(known)
    # What the stack leaves as it is found is not drift.
    left = {resource["urn"]: resource.get("ignoreChanges") or () for resource in resources_}
    retention = Retention.of(known)
    found = [
        each
        for step in progress.read
        for each in of_step(step, tenants.get(step.urn), access.stack, retention)
        if not _is_within(each.property, left.get(step.urn, ()))
    ]
    by_urn = {record.urn: record for record in known}
    found = list(_with_containers(found, by_urn))
    declared_ = declared(known)
    grants = _grants(access, declared_)
    found = list(_explained(found, grants, by_urn, access.stack))
    found += [_of_grant(each, access.stack) for each in grants]
    effects, untold, moved, networks = _effects(access, declared_, state, found)
    found = [
        dataclasses.replace(each, meaning=networks[each.urn])
        if each.property == _USERS and each.urn in networks
        else each
        for each in found
    ]
    found = [_of_renamed(each, moved[each.urn], access.stack) if each.urn in moved else each for each in found]
    found += [_of_effect(each, access.stack) for each in effects]
    found.sort(key=lambda each: (each.tenant or "", each.what, each.property, each.found))
    return Drift(found, untold, refreshed_since_up(done))


def refreshed_since_up(done: Iterable[Mapping[str, Any]]) -> bool:
    """Whether anything was read back into the state after the last `up` that succeeded; `done` is the newest first."""
    for each in done:
        if each["kind"] == "update" and each["result"] == "succeeded":
            return False
        if each["kind"] == "refresh" and (each.get("resourceChanges") or {}).keys() - {"same"}:
            return True
    return False


def _with_containers(found: list[Difference], known: Mapping[str, Record]) -> Iterator[Difference]:
    """Those that have gone with their database or schema say so: what brings it back brings them."""
    gone: dict[str, str] = {}
    for kind, parts in (("Database", ("name",)), ("Schema", ("database", "name"))):
        for each in found:
            if not each.property and type_of(each.urn).endswith(f":{kind}") and each.urn in known:
                inputs = known[each.urn].inputs
                gone[".".join(str(inputs[part]) for part in parts)] = each.mend
    for each in found:
        own = ".".join(_own_name(known[each.urn].inputs)) if each.urn in known else ""
        text = json.dumps(known[each.urn].inputs, default=str) if each.urn in known else ""
        # Its own name, or one that it speaks of, quoted or not.
        text = f'"{own}" {text}'.replace("\\", "").replace('"."', ".")
        # Databases come first: with one of them its schemas have gone too.
        with_ = next((name for name in gone if name != own and re.search(rf'"{re.escape(name)}["\.]', text)), "")
        if with_:
            each = dataclasses.replace(each, within=with_, mend=gone[with_])
        yield each


def _own_name(inputs: Mapping[str, Any]) -> list[str]:
    return [str(inputs[part]) for part in ("database", "schema", "name") if isinstance(inputs.get(part), str)]


def _explained(
    found: list[Difference], grants: list[GrantFound], known: Mapping[str, Record], stack: str
) -> Iterator[Difference]:
    """Without what the account tells better than the engine, which sees no more than the role that declares.

    What another owns is not gone; a privilege that its holder may grant on is not missing.
    """
    moved = {each.urn: each for each in grants if each.property == "owner"}
    grantable: dict[str, set[str]] = {}
    for grant in grants:
        if grant.grantable:
            grantable.setdefault(grant.urn, set()).add(grant.grantable)
    for each in found:
        if each.property == "privileges" and each.urn in grantable:
            declared_ = list(known[each.urn].inputs.get("privileges") or ())
            if each.found == _found(declared_, [one for one in declared_ if one not in grantable[each.urn]]):
                continue
        if not each.property and not each.within:
            if each.urn in moved:
                continue
            record = known.get(each.urn)
            with_ = next((moved[urn] for urn in (record.dependencies if record else ()) if urn in moved), None)
            if with_ and type_of(each.urn).rpartition(":")[2] not in KINDS:
                each = dataclasses.replace(each, within=with_.what, mend=_run(stack, with_.role, with_.undo))
        yield each


def _is_within(path: str, others: Iterable[str]) -> bool:
    return any(path == each or path.startswith((f"{each}.", f"{each}[")) for each in others)


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


def of_step(
    step: Any, tenant: str | None, stack: str = "local", retention: Retention | None = None
) -> Iterator[Difference]:
    """What reading one resource found other than declared, each property by its path."""
    type_, name = type_of(step.urn), name_of(step.urn)
    kind, what = type_.rpartition(":")[2], f"{kind_of(type_)} {name}"
    if step.old is None:
        return
    before = plain(step.old.inputs or {})
    if step.new is None:
        yield Difference(
            tenant,
            step.urn,
            what,
            "",
            "is there",
            "is gone",
            of_gone(kind),
            # What a suspension takes first: the backend may have suspended it.
            adopt=f"./nexus tenants suspend {tenant}{_option(stack)}" if name == f"{tenant}{_WRITES}" else "",
            mend=_brought_back(kind, before, stack),
        )
        return
    after = plain(step.new.inputs or {})
    kept = {*_secrets(before), *_secrets(after)}
    # What a refresh reads anew is marked in the outputs alone.
    marked = kept.union(*(_secrets(plain(side.outputs or {})) for side in (step.old, step.new)))
    leaves = list(_leaves("", before, after))
    # Of a secret the engine shows neither side: that they differ it says apart.
    changed = [path for path in sorted(kept) if any(_is_within(each, [path]) for each in step.detailed_diff or ())]
    told = [path for path, _, _ in leaves]
    leaves += [(path, Secret(), Secret()) for path in changed if not _is_within(path, told)]
    for path, was, is_ in leaves:
        if _is_within(path, marked) or any(_is_within(each, [path]) for each in marked):
            was, is_ = (value if value is None else Secret() for value in (was, is_))
        yield Difference(
            tenant,
            step.urn,
            what,
            path,
            _text(was),
            f"another {is_}" if isinstance(was, Secret) and isinstance(is_, Secret) else _found(was, is_),
            _meaning(kind, path, was, is_, before, retention or Retention()),
            adopt=adoption(stack, tenant, kind, name, path, is_),
            mend=_mended(stack),
        )


def _meaning(kind: str, path: str, was: Any, is_: Any, before: Mapping[str, Any], retention: Retention) -> Meaning:
    if path == DAYS and kind in KINDS:
        # An object without days of its own has its container's.
        was, is_ = (retention.in_effect(before, days) for days in (was, is_))
        if was is None or is_ is None:
            return Meaning()
    return of_property(kind, path, was, is_, before)


def _leaves(path: str, declared_: Any, found: Any) -> Iterator[tuple[str, Any, Any]]:
    """What differs, as deep as both sides have the same shape; what a list names is found by its name."""
    if declared_ == found:
        return
    if isinstance(declared_, Mapping) and isinstance(found, Mapping):
        for key in sorted({*declared_, *found}):
            if not key.startswith("__"):
                yield from _leaves(f"{path}.{key}" if path else key, declared_.get(key), found.get(key))
        return
    before, after = _by_name(declared_), _by_name(found)
    if before is not None and after is not None and [*before] != [*after] and before.keys() == after.keys():
        yield path, list(before), list(after)
    elif before is not None and after is not None:
        for name in dict.fromkeys((*before, *after)):
            yield from _leaves(f"{path}[{name}]", before.get(name), after.get(name))
    else:
        yield path, declared_, found


def _secrets(value: Any, path: str = "") -> Iterator[str]:
    """The paths of secrets, as the engine writes them."""
    if isinstance(value, Secret):
        yield path
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _secrets(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _secrets(inner, f"{path}[{place}]")


def _by_name(value: Any) -> dict[str, Any] | None:
    """A list of things that each have a name of their own; None for anything else."""
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        return None
    named = {str(item["name"]): item for item in value if item.get("name")}
    return named if len(named) == len(value) else None


def _mended(stack: str) -> str:
    return f"./nexus refresh{_option(stack)} && ./nexus up{_option(stack)}"


def _brought_back(kind: str, inputs: Mapping[str, Any], stack: str) -> str:
    if kind not in KINDS:
        return _mended(stack)
    # Not by `up`: what it makes under the same name would stand in the way.
    name = words.joined(*(inputs[part] for part in ("database", "schema", "name") if part in inputs))
    return _run(stack, "SYSADMIN", f"UNDROP {KINDS[kind]} {name}")


def _run(stack: str, role: str, statement: str) -> str:
    return f"./nexus sql{_option(stack)} --role {role} {shlex.quote(statement)}"


def _grants(access: StackAccess, declared_: list[Declared]) -> list[GrantFound]:
    from snowflake.connector import Error

    try:
        with access.as_deploy_user("SECURITYADMIN") as cursor:
            return list(undeclared(declared_, cursor))
    except Error as error:
        raise FailureError(f"the account does not tell its grants to {access.deploy_user}: {one_line(error)}") from None


def _effects(
    access: StackAccess, declared_: list[Declared], state: Mapping[str, Any], found: list[Difference]
) -> tuple[list[EffectLost], list[str], dict[str, Renamed], dict[str, Meaning]]:
    from snowflake.connector import Error

    outputs: Mapping[str, Any] = next(
        (each.get("outputs", {}) for each in state.get("resources") or () if each["type"] == "pulumi:pulumi:Stack"), {}
    )
    try:
        # Who sees every row and every policy; its statements read.
        with access.as_deploy_user("ACCOUNTADMIN", outputs["shared"]["warehouse"]) as cursor:
            gone = {each.urn for each in found if not each.property and not each.within}
            moved = {each.urn for each in found if each.property == _USERS}
            networks = held_to((each for each in declared_ if each.urn in moved), cursor)
            return (*lost(declared_, cursor), renamed(declared_, gone, cursor), networks)
    except Error as error:
        raise FailureError(f"the account does not tell {access.deploy_user} what is there: {one_line(error)}") from None


def _of_grant(grant: GrantFound, stack: str) -> Difference:
    mend = _run(stack, grant.role, grant.undo)
    return Difference(
        grant.tenant, "", grant.what, grant.property, grant.declared, grant.found, grant.meaning, mend=mend
    )


def _of_renamed(difference: Difference, found: Renamed, stack: str) -> Difference:
    mend = _run(stack, found.role, found.statement)
    return dataclasses.replace(difference, found=found.found, meaning=found.meaning, mend=mend)


def _of_effect(effect: EffectLost, stack: str) -> Difference:
    ready = f"USE WAREHOUSE {words.name(effect.of.warehouse)}; " if effect.of.warehouse else ""
    mend = _run(stack, effect.of.role or "SYSADMIN", ready + effect.again)
    return Difference(
        effect.of.tenant,
        effect.of.urn,
        effect.what,
        effect.property_,
        effect.declared,
        effect.found,
        effect.meaning,
        adopt=f"./nexus tenants resume {effect.of.tenant}{_option(stack)}" if effect.property_ == "STATUS" else "",
        mend=mend,
    )


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


def show(drift: Drift, stack: str, output: Console) -> None:
    """By organisation: what is declared, what was found, which of them is better off, and the ways out."""
    found, mended = drift.differences, _mended(stack)
    if not found:
        told = "nothing since" if drift.refreshed else "everything is as it is declared, and nobody has a grant beside"
        output.print(f"[green]No drift[/]: {told}.")
    for tenant in dict.fromkeys(each.tenant for each in found):
        output.print(f"[bold]{escape(tenant or 'shared')}[/]")
        told = ""
        own = [each for each in found if each.tenant == tenant]
        for each in (each for each in own if not each.within):
            words_ = f"{each.property} is {each.found}, declared is {each.declared}"
            if each.property in ("grants", ""):
                words_ = each.found
            output.print(f"  {each.what}: {words_}", markup=False, soft_wrap=True, highlight=False)
            lines = [("better", str(each.meaning))]
            if each.mend not in (mended, told):
                lines.append(("mend", each.mend))
            if each.adopt:
                lines.append(("adopt", each.adopt))
            told = each.mend
            for way, line in lines:
                output.print(f"      {way:<6} {line}", markup=False, soft_wrap=True, style="dim", highlight=False)
        for database, count in Counter(each.within for each in own if each.within).items():
            output.print(f"  {count} more went with {database}", markup=False, highlight=False)
    if found:
        told = f"{len(found)} difference{'' if len(found) == 1 else 's'}"
        output.print(
            f"{told}. Run the lines `mend` first: then `{mended}` mends what has none. What has no line `adopt` is "
            "declared by the program, and by no setting.",
            markup=False,
            soft_wrap=True,
        )
    if drift.refreshed:
        output.print(
            "The state was read back (refresh) since the last `up` that succeeded: what differed then counts as "
            f"declared here. `./nexus preview{_option(stack)}` tells it.",
            style="yellow",
            markup=False,
            soft_wrap=True,
        )
    if drift.untold:
        output.print(
            f"Not compared, since nothing tells what they did: {', '.join(drift.untold)}",
            markup=False,
            soft_wrap=True,
            style="dim",
            highlight=False,
        )
