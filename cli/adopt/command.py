"""`nexus adopt`: what exists already under the declared names."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.markup import escape

from cli import clock, configuration, deployment, options, world
from cli.access import StackAccess, declared_state, embedded_access, stack_access
from cli.adopt import write
from cli.adopt.alike import DAYS, POLICY, Unlike, unlike
from cli.adopt.compare import Plan, compare
from cli.adopt.find import ASKED_AS, Account, Found, Refused, find
from cli.adopt.judge import ALL, Judged, Line, judge, of_setting
from cli.adopt.ownership import HandOver, carry_out, hand_overs
from cli.cloud import starting
from cli.connector import one_line
from cli.console import answer, console, interactive
from cli.failure import BadInputError, FailureError
from cli.place import Place
from cli.progress import name_of
from cli.render.graph import Record, declared
from cli.render.plan import planned
from infra.words import called

if TYPE_CHECKING:
    from infra.settings import Settings

_AZURE: Final = "azure-native:"
_BECOMES: Final = {"changed": "up changes it", "kept": "stays as found", "added": "up adds it", "blocked": "blocked"}

Keep = Annotated[
    list[str] | None,
    typer.Option(
        metavar="RESOURCE",
        help="Take this object over exactly as it is found; repeatable; `all` for every one.",
    ),
]
AcceptedBy = Annotated[
    str | None,
    typer.Option(
        metavar="EMAIL",
        help="Who accepts that organisations are not all alike until what was found is made as declared.",
    ),
]
HandOverOption = Annotated[
    bool, typer.Option("--hand-over", help="Run the statements that hand the objects to the roles that declare them.")
]


@dataclass
class Adoption:
    """What was found, what becomes of it, and what was done."""

    stack: str
    judged: list[Judged] = field(default_factory=list)
    settings: dict[tuple[str, ...], Any] = field(default_factory=dict)
    by_setting: dict[str, Sequence[Line]] = field(default_factory=dict)
    in_settings: list[str] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    hand_overs: list[HandOver] = field(default_factory=list)
    unasked: dict[str, str] = field(default_factory=dict)
    unlike: list[Unlike] = field(default_factory=list)
    accepted_by: str = ""
    written: Path | None = None
    handed_over: bool = False

    @property
    def blocked(self) -> list[Refused]:
        return [*self.refused, *(each.blocked for each in self.judged if each.blocked is not None)]

    @property
    def imports(self) -> dict[str, Mapping[str, Any]]:
        return {each.of.resource: each.entry for each in self.judged}

    def as_json(self) -> dict[str, Any]:
        return {
            "stack": self.stack,
            "result": "blocked" if self.blocked else "adopted" if self.written else "found",
            "found": [
                {
                    "resource": each.of.resource,
                    "tenant": each.of.tenant,
                    "object": f"{each.of.word} {each.of.written}",
                    "id": each.of.id,
                    "owner": each.of.owner or None,
                    "differs": [line.as_json() for line in each.lines],
                    "entry": dict(each.entry) or None,
                }
                for each in self.judged
            ],
            "settings": {".".join(path): value for path, value in self.settings.items()},
            "by_setting": {name: [line.as_json() for line in lines] for name, lines in self.by_setting.items()},
            "in_settings": self.in_settings,
            "blocked": [each.as_json() for each in self.blocked],
            "hand_over": [each.as_json() for each in self.hand_overs],
            "handed_over": self.handed_over,
            "unasked": self.unasked,
            "unlike": [{"resource": each.resource, "why": each.why} for each in self.unlike],
            "accepted_by": self.accepted_by or None,
            "written": self.written.name if self.written else None,
        }


def command(
    stack: options.Stack = "local",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Write the settings without asking.")] = False,
    hand_over: HandOverOption = False,
    keep: Keep = None,
    accepted_by: AcceptedBy = None,
    as_json: options.Json = False,
    set_: options.Overrides = None,
) -> None:
    """Find what exists already under the declared names, and take it over: nothing is made a second time.

    Shows declared against found and writes the import settings; `./nexus up` then imports. Exit code 1 where something
    cannot be taken over. Example: ./nexus adopt --stack prod
    """
    with _access(stack, set_ or []) as (access, settings):
        adoption = _found(stack, access, settings, set_ or [], keep or [], quiet=as_json)
        _accept(adoption, settings, accepted_by)
        if not as_json:
            show(adoption, console())
        if not adoption.blocked:
            _do(adoption, access, yes=yes, hand_over=hand_over, as_json=as_json)
    if as_json:
        answer(adoption.as_json())
    if adoption.blocked:
        raise typer.Exit(1)


@contextmanager
def _access(stack: str, overrides: list[str]) -> Iterator[tuple[StackAccess, dict[str, Any]]]:
    """The stack's account, which need not be up, and its settings; an embedded stack is held meanwhile."""
    settings = configuration.load(stack, overrides)
    checked = deployment.check_settings(settings)
    if not deployment.is_embedded(stack):
        with stack_access(stack) as access:
            yield access, settings
        return
    place = Place.of(stack)
    with deployment.only_run(place, "adopt"):
        place.prepare()
        world.prepare(place, checked)
        with starting(place) as cloud:
            yield embedded_access(place, checked, cloud.wait()), settings


def _found(
    stack: str,
    access: StackAccess,
    settings: dict[str, Any],
    overrides: list[str],
    keep: Sequence[str],
    *,
    quiet: bool,
) -> Adoption:
    from snowflake.connector import Error

    adoption = Adoption(stack)
    checked = deployment.check_settings(settings)
    with _own_environment():
        records = planned(stack, overrides, quiet=quiet)
    known = {resource["urn"] for resource in _state(stack).get("resources") or ()}
    try:
        with access.as_deploy_user(ASKED_AS) as cursor:
            account = Account(cursor)
            stack_declares = declared(records)
            found, adoption.refused = find(stack_declares, account, known)
            adoption.hand_overs, refused = hand_overs(found, account, stack_declares)
            adoption.refused += refused
    except Error as error:
        raise FailureError(
            f"{access.deploy_user} cannot ask the account as {ASKED_AS}: {one_line(error)}\n"
            "What exists is not known so, and is not taken for absent."
        ) from None
    by_setting = {(checked.snowflake.service_user.name, "ServiceUser"): ("snowflake", "service_user", "adopt")}
    new: list[Found] = []
    for each in found:
        path = by_setting.get((each.name, each.type.rpartition(":")[2]))
        if each.resource in checked.imports:
            adoption.in_settings.append(each.resource)
        elif path is not None:
            adoption.settings[path] = True
            adoption.by_setting[each.resource] = ()
        else:
            new.append(each)
    azure = [
        record
        for record in records
        if record.type.startswith(_AZURE)
        and record.urn not in known
        and not record.adopted
        and called(record.type, name_of(record.urn)) not in checked.imports
    ]
    plan = compare(settings, checked, access.endpoints, new, azure)
    adoption.unasked = plan.unasked
    adoption.judged = [judge(each, plan.compared[each.resource], keep) for each in new]
    _of_azure(adoption, plan, azure, checked)
    _know(keep, adoption)
    accepted = {each.resource for each in checked.policy_exceptions if each.policy == POLICY}
    if adoption.judged and not adoption.blocked:
        adoption.unlike = [
            each
            for each in unlike(records, adoption.judged)
            if accepted.isdisjoint({each.name, f"{each.type}::{each.name}"})
        ]
    return adoption


def _accept(adoption: Adoption, settings: Mapping[str, Any], accepted_by: str | None) -> None:
    """Have the exceptions written that `up` needs, where somebody accepts them."""
    if not adoption.unlike or accepted_by is None:
        return
    until = clock.today() + timedelta(days=DAYS)
    before = (settings.get("config") or {}).get(f"{configuration.project()}:policyExceptions") or []
    adoption.accepted_by = accepted_by
    adoption.settings["policyExceptions",] = [
        *before,
        *(each.exception(accepted_by, until) for each in adoption.unlike),
    ]


def _of_azure(adoption: Adoption, plan: Plan, records: Sequence[Record], checked: Settings) -> None:
    """The vault and the registry have settings of their own; anything else of Azure is first taken over as it is."""
    secrets: list[str] = []
    for record in records:
        resource, kind = called(record.type, name_of(record.urn)), record.type.rpartition(":")[2]
        if resource not in plan.azure:
            continue
        inputs = record.inputs
        if record.type == "azure-native:keyvault:Vault":
            adoption.settings["azure", "vault", "adopt"] = True
            # An open vault holds no secrets of this platform: what differs is planned, and shown before it is done.
            adoption.settings["azure", "vault", "adopted_settings"] = "declared"
            adoption.by_setting[resource] = of_setting(plan.compared[resource], ["tags"])
        elif record.type == "azure-native:containerregistry:Registry":
            adoption.settings["azure", "registry", "adopt"] = True
            adoption.settings["azure", "registry", "resource_group"] = str(inputs["resourceGroupName"])
            adoption.by_setting[resource] = of_setting(plan.compared[resource], plan.compared[resource].differs)
        elif record.type == "azure-native:keyvault:Secret":
            _secret(adoption, resource, str(inputs["secretName"]), secrets)
        else:
            found = Found(
                resource=resource,
                type=record.type,
                name=name_of(record.urn),
                tenant=None,
                word=kind,
                written=plan.azure[resource].rpartition("/")[2],
                id=plan.azure[resource],
                inputs=inputs,
                role="",
                holds_data=kind == "StorageAccount",
            )
            compared = plan.compared[resource]
            judged = judge(found, compared, [ALL])
            # Azure fills in much that nobody declared, and others use what exists: what is declared comes later.
            adoption.judged.append(Judged(found, judged.lines, {"id": found.id, "keep": ["*"]}, {}))
    if secrets:
        before = list(checked.azure.vault.existing_secrets)
        adoption.settings["azure", "vault", "existing_secrets"] = sorted({*before, *secrets})


def _secret(adoption: Adoption, resource: str, name: str, secrets: list[str]) -> None:
    from infra.azure_settings import TAKEN_OVER_SECRETS

    if name in TAKEN_OVER_SECRETS:
        secrets.append(name)
        adoption.by_setting[resource] = ()
        return
    adoption.refused.append(
        Refused(
            resource,
            None,
            f"secret {name} exists, and its value comes from this stack (a key that its users get).",
            "See who reads it; then delete and purge it, or name the vault otherwise, and `./nexus up` makes it.",
        )
    )


def _know(keep: Sequence[str], adoption: Adoption) -> None:
    known = [each.of.resource for each in adoption.judged]
    wrong = [name for name in keep if name != ALL and name not in known]
    if wrong:
        raise BadInputError(
            f"--keep: nothing that was found is called {', '.join(wrong)}; found: {', '.join(known) or 'nothing'}."
        )


def _state(stack: str) -> Mapping[str, Any]:
    if deployment.is_embedded(stack):
        return declared_state(stack)
    try:
        return declared_state(stack)
    except FailureError as error:
        # One that was never made has none; anything else is to be known.
        if "no stack named" in str(error):
            return {}
        raise


@contextmanager
def _own_environment() -> Iterator[None]:
    """Put the user's log-ins back after what takes them away, so that it reaches nothing real."""
    before = dict(os.environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _do(adoption: Adoption, access: StackAccess, *, yes: bool, hand_over: bool, as_json: bool) -> None:
    """Write, and hand over where that was asked for: each is asked about, unless `--yes` was given."""
    asked = interactive() and not as_json
    statements = adoption.hand_overs
    if (
        statements
        and hand_over
        and (yes or (asked and typer.confirm(f"Run the {len(statements)} statements?", default=False)))
    ):
        with access.as_deploy_user(ASKED_AS) as cursor:
            carry_out(statements, cursor)
        adoption.handed_over = True
    new = adoption.imports or adoption.settings
    file = write.file_of(adoption.stack).name
    if new and (yes or (asked and typer.confirm(f"Write this into {file}?", default=False))):
        adoption.written = write.write(adoption.stack, adoption.imports, adoption.settings)
    if as_json:
        return
    output = console()
    if adoption.handed_over:
        output.print(f"Handed over: {len(statements)} statements were run as {ASKED_AS}.", markup=False)
    if new:
        output.print(f"Written into {file}." if adoption.written else "Nothing was written: give --yes.", markup=False)
    if statements and not adoption.handed_over:
        output.print("Before `./nexus up`: run the statements, or give --hand-over.", markup=False)
    elif adoption.written or adoption.in_settings:
        output.print("Next: ./nexus preview, which tells what `up` imports and changes; then ./nexus up.", markup=False)


def show(adoption: Adoption, output: Console) -> None:
    """By organisation: each object, declared against found; then what blocks, and the statements."""
    tenants = dict.fromkeys(each.of.tenant for each in adoption.judged)
    for tenant in sorted(tenants, key=lambda name: name or ""):
        output.print(f"[bold]{escape(tenant or 'shared')}[/]")
        for each in (each for each in adoption.judged if each.of.tenant == tenant):
            _show_one(each, output)
    for resource, lines in adoption.by_setting.items():
        _print(output, f"  {resource}: by a setting of its own")
        _show_lines(lines, output)
    for path, value in adoption.settings.items():
        if path != ("policyExceptions",):
            _print(output, f"Setting: {'.'.join(path)} = {value}")
    for resource in adoption.in_settings:
        _print(output, f"In the settings already: {resource}")
    for resource, why in adoption.unasked.items():
        _print(output, f"Not known whether it exists: {resource}: {why}")
    _show_unlike(adoption, output)
    if adoption.hand_overs:
        _print(output, "Owners that have to be others first, since a role sees and changes what it owns:")
        for statement in adoption.hand_overs:
            _print(output, f"  {statement.statement};  -- back: {statement.undo}")
    for blocked in adoption.blocked:
        output.print(f"[red]✗[/] {escape(blocked.resource)}: {escape(blocked.why)}", soft_wrap=True)
        _print(output, "    way out: " + blocked.way_out.replace("\n", "\n        "))
    if adoption.blocked:
        _print(output, "Nothing was written.")
    elif not (adoption.judged or adoption.settings or adoption.in_settings):
        output.print("[green]Nothing to adopt[/]: what exists under the declared names is the stack's own.")


def _show_one(each: Judged, output: Console) -> None:
    owner = f", {each.of.owner}'s" if each.of.owner else ""
    _print(output, f"  {each.of.resource}: {each.of.word} {each.of.written}{owner}")
    _show_lines(each.lines, output)
    if not each.lines:
        _print(output, "      as declared")


def _show_lines(lines: Sequence[Line], output: Console) -> None:
    for line in lines:
        told = f"{line.property}: found {line.found}, declared {line.declared}: {_BECOMES[line.becomes]}"
        _print(output, f"      {told}" + (f" ({line.why})" if line.why else ""))


def _show_unlike(adoption: Adoption, output: Console) -> None:
    if not adoption.unlike:
        return
    who = f"accepted by {adoption.accepted_by} for {DAYS} days" if adoption.accepted_by else "not accepted"
    _print(output, f"Organisations are not all alike then ({POLICY}), {who}:")
    for each in adoption.unlike:
        _print(output, f"  {each.resource}: {each.why}")
    if not adoption.accepted_by:
        _print(output, "  `up` is refused until somebody accepts it: --accepted-by EMAIL")


def _print(output: Console, text: str) -> None:
    output.print(text, markup=False, highlight=False, soft_wrap=True)
