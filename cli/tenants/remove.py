"""`nexus tenants remove`: an organisation leaves, in two steps with a time between them, and a certificate at the end.

Retire: exported, suspended, a day set before which nothing is deleted. Delete: from that day on, accepted by name; the
data-loss guard passes exactly these losses, once. Each call takes the step that is due and says what follows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
import yaml

from cli import configuration, deployment, guard, options
from cli.access import stack_access
from cli.adopt.write import without_organization
from cli.clock import today
from cli.connector import one_line, rows
from cli.console import answer, console
from cli.deployment import Request
from cli.failure import BadInputError, FailureError
from cli.place import Place
from cli.render import words
from cli.settings_file import KeptFile, edited, replace_text
from cli.tenants.editing import Organization, carry_out, tell, up_command
from cli.tenants.export import exported
from cli.tenants.file import OrganizationsFile, completed
from cli.tenants.plan import of_one, preview
from cli.tenants.record import Record

if TYPE_CHECKING:
    from snowflake.connector.cursor import SnowflakeCursor

    from infra.settings import OrganizationSettings, Settings
    from policies.data_loss import Judged

FAIL_SAFE_DAYS: Final = 7
"""After Time Travel, Snowflake itself may bring back permanent tables for so long (docs.snowflake.com, Fail-safe)."""
_READER: Final = "ACCOUNTADMIN"
_TIMES: Final = ("CREATED_AT", "UPDATED_AT", "INGESTED_AT", "LAST_SEEN_AT", "REVOKED_AT")
"""Columns by which a row says when it was written."""
_ALLOWED_FOR_DAYS: Final = 7


@dataclass(frozen=True, slots=True)
class Options:
    """What was given to this call."""

    to: Path | None
    keep_days: int
    accepted_by: str | None
    as_json: bool


def remove(
    organization: Organization,
    accepted_by: Annotated[
        str | None, typer.Option(metavar="EMAIL", help="Who accepts this step: the mail address of a person.")
    ] = None,
    to: Annotated[
        Path | None, typer.Option(help="To retire: an empty folder outside of the repository for the export.")
    ] = None,
    keep_days: Annotated[
        int, typer.Option(min=1, max=36_500, help="To retire: for how many days from today on nothing may be deleted.")
    ] = 90,
    stack: options.Stack = "local",
    as_json: options.Json = False,
    set_: options.Overrides = None,
) -> None:
    """Remove an organisation: retire it, and delete it once its days are over; each call takes the step that is due.

    Example: ./nexus tenants remove HCS0007 --to /secure/HCS0007 --accepted-by officer@example.com
    """
    file = OrganizationsFile.of(stack, set_ or ())
    given = Options(to, keep_days, accepted_by, as_json)
    record = Record.of(file, organization)
    if record is not None and record.values.get("stack", stack) != stack:
        raise BadInputError(
            f"{organization} left stack {record.values['stack']}, whose record this is: in stack {stack}, which shares "
            f"{file.path.name}, allow its loss as the plan proposes (docs/data-loss.md)."
        )
    if organization not in file.organizations():
        if record is None:
            file.require(organization)
        else:
            certify(file, organization, record, given)
        return
    if len(file.organizations()) == 1:
        raise BadInputError(f"{organization} is the last organisation: a stack without any is taken down by `destroy`.")
    settings = completed(file.check())
    own = next(each for each in settings.organizations if each.organization_id == organization)
    kept_until = record.kept_until if record else None
    if own.retired is None:
        retire(file, organization, given)
    elif kept_until and own.retired.delete_from < kept_until:
        raise BadInputError(
            f"{file.path.name} lets {organization} be deleted from {own.retired.delete_from} on, its record keeps it "
            f"until {kept_until}, as was accepted: put that day back, or resume it and retire it anew with other days."
        )
    elif today() < own.retired.delete_from:
        raise BadInputError(
            f"{organization} is kept until {own.retired.delete_from}, as {own.retired.accepted_by} accepted: "
            "nothing is deleted before. `./nexus tenants resume` lets it stay."
        )
    elif record is None:
        raise BadInputError(
            f"{organization} is retired and its record is missing: take it from the last commit, or let it stay by "
            "`./nexus tenants resume` and `./nexus up`, and retire it anew."
        )
    elif settings.deletion_protection and own.retired.deletion_accepted_by is None:
        release(file, organization, record, given)
    else:
        delete(file, own, settings, record, given)


def _accepted(given: Options) -> str:
    """Raises `BadInputError` where nobody is named."""
    from pydantic import TypeAdapter, ValidationError

    from infra.rules import EmailAddress

    try:
        return TypeAdapter(EmailAddress).validate_python(given.accepted_by)
    except ValidationError:
        raise BadInputError(
            "--accepted-by: name who accepts this step, by mail address (officer@example.com)."
        ) from None


# ── the first step ───────────────────────────────────────────────────────────────────────────────────────────────────


def retire(file: OrganizationsFile, organization: str, given: Options) -> None:
    """Export it, suspend it, and set the day from which on it may be deleted."""
    who = _accepted(given)
    if given.to is None:
        raise BadInputError("--to: name an empty folder outside of the repository for the organisation's export.")
    if file.require(organization).get("suspended"):
        raise BadInputError(
            f"{organization} is suspended, and its own role could read nothing for the export: "
            "`./nexus tenants resume` and `./nexus up` first."
        )
    manifest = exported(file.stack, organization, given.to)
    _nothing_left_out(file, organization, manifest)
    since = today()
    retired = {"since": since, "delete_from": since + timedelta(days=given.keep_days), "accepted_by": who}
    told = {key: str(value) for key, value in retired.items()}
    record = Record.new(file, organization, {"stack": file.stack, "retired": told, "export": manifest})
    with record.kept():
        # Before the line: one that says retired has its record, whatever ends this run.
        record.write()
        carry_out(
            file,
            organization,
            lambda: file.change(organization, {"suspended": True, "retired": retired}),
            as_json=given.as_json,
            with_plan=True,
            notes=[
                f"Exported {sum(each['rows'] for each in manifest['tables']):,} rows of "
                f"{len(manifest['tables'])} tables.",
                f"Nothing is deleted before {retired['delete_from']}; then the same command goes on.",
            ],
        )


# ── the second step ──────────────────────────────────────────────────────────────────────────────────────────────────


def release(file: OrganizationsFile, organization: str, record: Record, given: Options) -> None:
    """Lift the protection of what is the organisation's own: the engine deletes nothing that is protected."""
    who = _accepted(given)
    _still_as_exported(file, organization, record)
    retired = {**file.require(organization)["retired"], "deletion_accepted_by": who}
    with record.kept():
        record.write(deletion={"accepted_by": who, "accepted_on": today().isoformat()})
        carry_out(
            file,
            organization,
            lambda: file.change(organization, {"retired": retired}),
            as_json=given.as_json,
            # Protection is the engine's own, and in no plan: it would say that nothing is to be done.
            with_plan=False,
            notes=["This lifts the protection of its objects; after `up` the same command deletes them."],
        )


def delete(
    file: OrganizationsFile, own: OrganizationSettings, settings: Settings, record: Record, given: Options
) -> None:
    """Take the organisation's line out, and allow exactly the losses that come of it."""
    organization = own.organization_id
    who = _accepted(given)
    counts, kept_for = _still_as_exported(file, organization, record)
    deletion = record.values.get("deletion") or {"accepted_by": who, "accepted_on": today().isoformat()}
    deletion |= {
        "asked_by": who,
        "asked_on": today().isoformat(),
        "rows_then": counts,
        # Snowflake goes by the longest: the account's own minimum, or what somebody set on a table.
        "retention_days": max(
            own.retention_days, settings.snowflake.account_parameters.min_data_retention_time_in_days, kept_for
        ),
    }
    with record.kept(), file.kept():
        # Before the line goes: once it has gone, this is what a later call goes on by.
        record.write(deletion=deletion)
        file.remove(organization)
        _allow(file, organization, record, settings, given, who, counts)


def _allow(
    file: OrganizationsFile,
    organization: str,
    record: Record,
    settings: Settings,
    given: Options,
    who: str | None,
    counts: Mapping[str, int],
) -> None:
    """With its line gone: allow what the plan would lose of it, and nothing else.

    Raises `FailureError` where the plan does anything else, or needs no allowance any more.
    """
    taken_over = without_organization(file.stack, organization)
    with taken_over.kept():
        request = Request("preview", file.stack, overrides=file.overrides)
        found, outcome = preview(request, file.check(), quiet=given.as_json)
        blocked = list(outcome.verdict.blocked) if outcome.verdict else []
        foreign = [judged for judged in blocked if judged.finding.tenant != organization or judged.finding.unknown]
        if foreign or not (outcome.succeeded or blocked):
            reasons = [f"  {judged.finding}" for judged in foreign] or [
                f"  {problem}" for problem in (*outcome.progress.problems, *outcome.progress.violations)
            ]
            raise FailureError("the plan does more than remove this organisation:\n" + "\n".join(reasons))
        planned = of_one(organization, found, file.stack, settings)
        if planned.elsewhere:
            raise FailureError(
                f"{planned.elsewhere} changes beside this organisation's are due: `./nexus up` with its line in first."
            )
        if who is None:
            if not blocked:
                raise FailureError(f"{organization} is still up in stack {file.stack}: `./nexus up` deletes it.")
            who = _accepted(given)
        allowances = Allowances.of(file.stack)
        retired = record.values["retired"]
        reason = f"{organization} left on {retired['since']}; exported, and kept until {retired['delete_from']}"
        with allowances.kept():
            record.write(
                deletion={**record.values["deletion"], "allowed": sorted({judged.fingerprint for judged in blocked})}
            )
            allowances.add(blocked, reason, who)
        notes = [
            f"{sum(counts.values()):,} rows go, {len(blocked)} losses are allowed for {_ALLOWED_FOR_DAYS} days.",
            "After `up` the same command writes the certificate.",
        ]
        tell(file, organization, planned, as_json=given.as_json, notes=notes, next_=up_command(file))


def _nothing_left_out(file: OrganizationsFile, organization: str, manifest: Mapping[str, Any]) -> None:
    """Raises `FailureError` where its database has rows that its own role, which exports, does not see."""
    there = {each["table"] for each in manifest["tables"]}
    with _reading(file, organization) as (cursor, tenant):
        left_out = [each for each in _tables(cursor, tenant) if each.name not in there and each.rows]
    if left_out:
        raise FailureError(
            f"the export lacks what {tenant['role_application']} does not see of {tenant['database']}, and what would "
            f"go with it: move it into {tenant['schema']}, where that role reads all, or drop it.\n"
            + "\n".join(f"  {each.name}: {each.rows} rows" for each in left_out)
        )


def _still_as_exported(file: OrganizationsFile, organization: str, record: Record) -> tuple[dict[str, int], int]:
    """How many rows each table has, and for how many days Time Travel keeps them at most.

    Raises `FailureError` where it has any that the export lacks, or where its roles work still. The export lacks what
    came after it began: by count, or by the times that rows say of themselves.
    """
    export = record.values["export"]
    exported_rows = {each["table"]: each["rows"] for each in export["tables"]}
    began = datetime.fromisoformat(export.get("began_at") or export["exported_at"]).astimezone(UTC)
    with _reading(file, organization) as (cursor, tenant):
        if rows(cursor, f'SHOW GRANTS TO ROLE "{tenant["role_application"]}"'):
            raise FailureError(f"{organization} is not suspended in stack {file.stack} yet: `./nexus up` first.")
        found = list(_tables(cursor, tenant, began))
    more = [
        f"{each.name} has {each.rows} rows, the export {exported_rows.get(each.name, 0)}"
        for each in found
        if each.rows > exported_rows.get(each.name, 0)
    ]
    more += [f"{each.name} has {each.newer} rows of after the export" for each in found if each.newer]
    if more:
        raise FailureError(
            f"{organization} has data that its export lacks: resume and retire it anew.\n"
            + "\n".join(f"  {line}" for line in more)
        )
    return {each.name: each.rows for each in found}, max((each.retention_days for each in found), default=0)


@dataclass(frozen=True, slots=True)
class Table:
    """One of an organisation's database, by its own name, or with its schema's where that is another one."""

    name: str
    rows: int
    newer: int
    retention_days: int


@contextmanager
def _reading(file: OrganizationsFile, organization: str) -> Iterator[tuple[SnowflakeCursor, Mapping[str, str]]]:
    """As who sees all: what is deleted is the whole database, whoever made what is in it."""
    from snowflake.connector import Error

    with stack_access(file.stack) as access:
        _, outputs = access.state()
        tenant, shared = outputs["tenants"].get(organization), outputs["shared"]
        if tenant is None:
            raise FailureError(f"{organization} is not up in stack {file.stack}.")
        try:
            with access.as_deploy_user(_READER, shared["warehouse"]) as cursor:
                yield cursor, tenant
        except Error as error:
            raise FailureError(one_line(error)) from None


def _tables(cursor: SnowflakeCursor, tenant: Mapping[str, str], since: datetime | None = None) -> Iterator[Table]:
    """Each table of its database, in order, with its rows and how many say that they were written later."""
    shown = rows(cursor, f'SHOW TABLES IN DATABASE "{tenant["database"]}"')
    for row in sorted(shown, key=lambda row: (str(row["schema_name"]) != tenant["schema"], str(row["name"]))):
        schema, name = str(row["schema_name"]), str(row["name"])
        table = words.joined(tenant["database"], schema, name)
        late = ""
        if since:
            columns = {str(each["name"]) for each in rows(cursor, f"DESCRIBE TABLE {table}")}
            moment = f"'{since:%Y-%m-%d %H:%M:%S}'::TIMESTAMP_NTZ"
            late = " OR ".join(f'"{column}" > {moment}' for column in _TIMES if column in columns)
        (found,) = rows(
            cursor,
            f"SELECT COUNT(*) AS N, COUNT(CASE WHEN {late or 'FALSE'} THEN 1 END) AS NEWER FROM {table}",  # noqa: S608
        )
        called = name if schema == tenant["schema"] else f"{schema}.{name}"
        yield Table(called, int(found["n"]), int(found["newer"]), int(row["retention_time"] or 0))


@dataclass
class Allowances(KeptFile):
    """Where losses are allowed: the stack's own file, or beside an embedded stack, which is not committed."""

    embedded: bool

    @classmethod
    def of(cls, stack: str) -> Allowances:
        embedded = deployment.is_embedded(stack)
        file = KeptFile.read(Place.of(stack).allowances if embedded else configuration.stack_file(stack))
        return cls(file.path, file.before, embedded)

    def add(self, blocked: list[Judged], reason: str, who: str) -> None:
        """Allow these losses, beside those that are allowed already."""
        given = [
            {
                "object": judged.finding.object,
                "change": judged.finding.change,
                "fingerprint": judged.fingerprint,
                "reason": reason,
                "acceptedBy": who,
                "expires": today() + timedelta(days=_ALLOWED_FOR_DAYS),
            }
            for judged in blocked
        ]
        # One that was given before is given anew, with another week.
        renewed = {judged.fingerprint for judged in blocked}
        self._write([*(each for each in self._known() if each.get("fingerprint") not in renewed), *given])

    def without(self, fingerprints: Collection[str]) -> None:
        """Take those out that are spent; whoever else's stay."""
        known = self._known()
        if any(each.get("fingerprint") in fingerprints for each in known):
            self._write([each for each in known if each.get("fingerprint") not in fingerprints])

    def _known(self) -> list[dict[str, Any]]:
        known = yaml.safe_load(self.before or "")
        if self.embedded:
            return list(known or ())
        return list(((known or {}).get("config") or {}).get(guard.KEY) or ())

    def _write(self, all_: list[dict[str, Any]]) -> None:
        if self.embedded and not all_:
            self.path.unlink(missing_ok=True)
        elif self.embedded:
            replace_text(self.path, yaml.safe_dump(all_, sort_keys=False, allow_unicode=True))
        else:
            replace_text(self.path, edited(self.before or "", ("config",), {guard.KEY: all_ or None}))


# ── the certificate ──────────────────────────────────────────────────────────────────────────────────────────────────


def certify(file: OrganizationsFile, organization: str, record: Record, given: Options) -> None:
    """Once it is gone from the account, write down what was deleted, when, by whom, until when it can be had back."""
    certificate = record.values.get("certificate")
    if certificate is None:
        if "deletion" not in record.values:
            raise BadInputError(
                f"{organization} is neither declared nor was its deletion asked for: nothing to certify."
            )
        if _is_up(file, organization):
            # Its line has gone and what is lost is not allowed, or not any more: this goes on where a run ended.
            counts, _ = _still_as_exported(file, organization, record)
            _allow(file, organization, record, completed(file.check()), given, None, counts)
            return
        certificate = _certificate(file, organization, record)
        record.write(certificate=certificate)
    _spent(file, record)
    if given.as_json:
        answer(record.values)
        return
    output = console()
    output.print(f"[bold]Certificate of deletion: {organization}[/]")
    for name, value in certificate.items():
        told = ", ".join(f"{key} {each}" for key, each in value.items()) if isinstance(value, dict) else value
        output.print(f"  {name.replace('_', ' ')}: {told}", markup=False, highlight=False)
    output.print(f"Written: {record.path.relative_to(file.path.parent)}", markup=False, highlight=False)


def _is_up(file: OrganizationsFile, organization: str) -> bool:
    with stack_access(file.stack) as access:
        _, outputs = access.state()
        return organization in outputs["tenants"]


def _certificate(file: OrganizationsFile, organization: str, record: Record) -> dict[str, Any]:
    from snowflake.connector import Error

    database = record.values["export"]["schema"].partition(".")[0]
    deletion = record.values["deletion"]
    with stack_access(file.stack) as access:
        _, outputs = access.state()
        shared = outputs["shared"]
        try:
            with access.as_deploy_user(_READER, shared["warehouse"]) as cursor:
                left = [str(row["name"]) for row in rows(cursor, f"SHOW DATABASES LIKE '{database}'")]
                left += [str(row["name"]) for row in rows(cursor, f"SHOW WAREHOUSES LIKE '{organization}%'")]
                left += [str(row["name"]) for row in rows(cursor, f"SHOW ROLES LIKE '{organization}%'")]
                if left:
                    raise FailureError(f"{organization} is not gone from the account: {', '.join(left)} are there.")
                table = f'"{shared["database"]}"."{shared["schema"]}"."ORGANIZATIONS"'
                found = rows(
                    cursor,
                    f"SELECT REMOVED_AT FROM {table} WHERE ORGANIZATION_ID = %s",  # noqa: S608 - names of ours
                    (organization,),
                )
        except Error as error:
            raise FailureError(one_line(error)) from None
    removed_at = found[0]["removed_at"] if found else None
    if removed_at is None:
        raise FailureError(f"{table} does not say when {organization} was removed.")
    until = removed_at.date() + timedelta(days=int(deletion["retention_days"]))
    return {
        "organization": organization,
        "database": database,
        "deleted_at": f"{removed_at.isoformat(timespec='seconds')}Z",
        "rows": deletion["rows_then"],
        "sha256_of_export": {each["table"]: each["sha256"] for each in record.values["export"]["tables"]},
        "retired_by": record.values["retired"]["accepted_by"],
        "deletion_accepted_by": deletion["accepted_by"],
        "time_travel_until": until.isoformat(),
        "fail_safe_until": (until + timedelta(days=FAIL_SAFE_DAYS)).isoformat(),
        "certified_on": today().isoformat(),
    }


def _spent(file: OrganizationsFile, record: Record) -> None:
    """An embedded stack's allowances are spent; a real stack's are taken out of its file by whoever reviews it."""
    allowed = record.values["deletion"].get("allowed") or ()
    if deployment.is_embedded(file.stack):
        Allowances.of(file.stack).without(allowed)
