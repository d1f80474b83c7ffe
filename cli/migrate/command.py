"""`nexus migrate mongo`: LibreChat's documents from MongoDB into the organisations' tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import options
from cli.access import StackAccess, stack_access
from cli.console import answer, console, say
from cli.failure import BadInputError, FailureError
from cli.place import ROOT, Place

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from snowflake.connector import SnowflakeConnection

    from cli.migrate.run import World
    from cli.migrate.source import Source
    from cli.migrate.target import Address
    from cli.migrate.users import UserMap
    from infra.settings import OrganizationSettings


class From(StrEnum):
    """What can be migrated from."""

    MONGO = "mongo"


def command(
    what: Annotated[From, typer.Argument(help="Where the documents are: a MongoDB of LibreChat.")],
    from_: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="DUMP|URI", help="A folder, archive or .bson file of mongodump, or a mongodb:// URI."
        ),
    ] = None,
    map_: Annotated[
        Path | None, typer.Option("--map", help="A CSV or YAML file: user (id or mail address) and organisation.")
    ] = None,
    tenant: Annotated[
        list[str] | None, typer.Option("--tenant", help="Only this organisation; repeatable. Otherwise all.")
    ] = None,
    database: Annotated[
        str | None, typer.Option("--database", help="Which database, where the source has several.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be carried; nothing is written.")] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Compute a batch's digests anew and hold them against its report.")
    ] = False,
    batch: Annotated[str | None, typer.Option("--batch", help="Which batch to verify; otherwise the last.")] = None,
    rollback: Annotated[
        str | None, typer.Option("--rollback", metavar="BATCH", help="Take a batch's rows out of the tables again.")
    ] = None,
    even_if_used: Annotated[
        bool, typer.Option("--even-if-used", help="Roll back although the application went on with conversations.")
    ] = False,
    stack: options.Stack = "local",
    yes: options.Yes = False,
    as_json: options.Json = False,
) -> None:
    """Carry LibreChat's conversations into the organisations' tables, each document accounted for.

    Example: nexus migrate mongo --from dump/ --map users.csv --dry-run
    """
    from cli.migrate import report, run

    del what
    _judge_options(from_, map_, dry_run=dry_run, verify=verify, rollback=rollback, batch=batch)
    if rollback is not None:
        roll_back(rollback, tenant, even_if_used=even_if_used, stack=stack, yes=yes, as_json=as_json)
        return
    with _world(stack, needs_account=not dry_run) as world:
        tenants = _tenants(world, tenant)
        with _source(from_, database) as source:
            users = _users(map_, world)
            from cli.migrate.progress import Progress

            progress = Progress()
            try:
                told = _run(run, world, source, users, tenants, batch, dry_run, verify, stack, yes, progress)
            except _source_error() as error:
                raise FailureError(str(error)) from None
            finally:
                progress.end()
    folder = world.folder / (run.DRY_RUN if dry_run else told["batch"])
    if verify:
        lines = [f"Batch {told['batch']}: {told['verdict']} (documents {told['documents']})"]
        lines += [f"note: {note}" for note in told["notes"]]
        lines += [f"MISMATCH: {problem}" for problem in told["mismatches"]]
    else:
        lines = [*report.text(told), "", f"Report and quarantine: {folder}"]
    _tell(told, as_json, lines)


def roll_back(
    batch: str, tenant: list[str] | None, *, even_if_used: bool, stack: str, yes: bool, as_json: bool
) -> None:
    """Take a batch's rows out of the tables again, asked first on a real stack, and tell it."""
    from cli.migrate import run

    with _world(stack, needs_account=True) as world:
        tenants = _tenants(world, tenant)
        _confirmed(f"Take batch {batch} out of the tables of stack {stack!r}?", stack, yes)
        told = run.rollback(world, batch, tenants, even_if_used=even_if_used)
        _tell(told, as_json, _rollback_lines(told))


def folder_of(stack: str) -> Path:
    """Where the batches of a stack are written down on this machine."""
    return Place.of(stack).directory / "migrations"


def _run(
    run: Any,
    world: World,
    source: Source | None,
    users: UserMap | None,
    tenants: frozenset[str],
    batch: str | None,
    dry_run: bool,
    verify: bool,
    stack: str,
    yes: bool,
    progress: Any,
) -> dict[str, Any]:
    told: dict[str, Any]
    if verify:
        told = run.verify(world, batch, source, users, progress)
    elif dry_run:
        told = run.dry_run(world, source, users, tenants, progress)
    else:
        _confirmed(f"Write into the tables of stack {stack!r}?", stack, yes)
        told = run.migrate(world, source, users, tenants, progress, say)
    return told


def _judge_options(
    from_: str | None, map_: Path | None, *, dry_run: bool, verify: bool, rollback: str | None, batch: str | None
) -> None:
    problems = []
    if sum((dry_run, verify, rollback is not None)) > 1:
        problems.append("--dry-run, --verify and --rollback exclude each other")
    if rollback is not None and (from_ or map_):
        problems.append("--rollback takes neither --from nor --map: the rows themselves say which batch they are of")
    if rollback is None and not verify:
        problems += [f"{name} is missing" for name, value in (("--from", from_), ("--map", map_)) if value is None]
    if verify and (from_ is None) != (map_ is None):
        problems.append("--verify reads the documents anew with both --from and --map, or not at all with neither")
    if batch is not None and not verify:
        problems.append("--batch goes with --verify")
    if problems:
        raise BadInputError("\n".join(problems))


def _source_error() -> type[Exception]:
    from cli.migrate.source import SourceError

    return SourceError


@contextmanager
def _source(from_: str | None, database: str | None) -> Iterator[Source | None]:
    from cli.migrate.dump import open_dump
    from cli.migrate.live import LiveDatabase
    from cli.migrate.source import SourceError

    if from_ is None:
        yield None
        return
    source: Source
    try:
        if from_.startswith(("mongodb://", "mongodb+srv://")):
            source = LiveDatabase(from_, database)
        else:
            source = open_dump(Path(from_), database)
    except SourceError as error:
        raise BadInputError(str(error)) from None
    try:
        yield source
    finally:
        source.close()


def _users(map_: Path | None, world: World) -> UserMap | None:
    from cli.migrate.users import MapError, read_map

    if map_ is None:
        return None
    try:
        return read_map(map_, frozenset(world.addresses))
    except MapError as error:
        raise BadInputError(str(error)) from None


def _tenants(world: World, chosen: list[str] | None) -> frozenset[str]:
    known = frozenset(world.addresses)
    unknown = sorted(set(chosen or ()) - known)
    if unknown:
        raise BadInputError(f"--tenant {', '.join(unknown)}: not declared. Organisations: {', '.join(sorted(known))}")
    return frozenset(chosen) if chosen else known


def _confirmed(question: str, stack: str, yes: bool) -> None:
    from cli import deployment
    from cli.console import interactive

    if yes or deployment.is_embedded(stack):
        return
    if not interactive():
        raise BadInputError(f"stack {stack!r} is a real one, and nobody can be asked: give --yes")
    if not typer.confirm(question):
        raise BadInputError("nothing was changed")


@contextmanager
def _world(stack: str, *, needs_account: bool) -> Iterator[World]:
    from cli.migrate.run import World
    from cli.migrate.target import Address, connecting

    folder = folder_of(stack)
    if not needs_account:
        organizations = _declared(stack)
        addresses = {each.organization_id: Address(each.organization_id, "", "", "", "") for each in organizations}
        yield World(stack, folder, addresses, _unreachable, _no_key, _suspended(organizations))
        return
    with stack_access(stack) as access:
        _, outputs = access.state()
        account = f"{access.address.organization}-{access.address.account}"
        user, key = _worker(access)
        suspended = _suspended(access.settings.organizations)
        connected = connecting(access.address, user, key)
        yield World(account, folder, _addresses(outputs), connected, access.deploy_key, suspended)


def _suspended(organizations: Iterable[OrganizationSettings]) -> frozenset[str]:
    return frozenset(each.organization_id for each in organizations if each.suspended)


def _addresses(outputs: Any) -> dict[str, Address]:
    from cli.migrate.target import Address

    return {
        name: Address(name, tenant["database"], tenant["schema"], tenant["warehouse"], tenant["role_application"])
        for name, tenant in outputs["tenants"].items()
    }


def _declared(stack: str) -> Sequence[OrganizationSettings]:
    """The declared organisations: all that a dry run asks for."""
    from cli.configuration import load
    from infra.settings import SettingsError, load_settings

    try:
        return load_settings(load(stack).get("config") or {}, ROOT).organizations
    except SettingsError as error:
        raise BadInputError(str(error)) from None


def _unreachable(address: Address) -> SnowflakeConnection:
    raise AssertionError(f"a dry run asks nothing of {address.tenant}")


def _no_key() -> RSAPrivateKey:
    raise AssertionError("a dry run signs nothing")


def _worker(access: StackAccess) -> tuple[str, RSAPrivateKey]:
    """The service user, who holds every organisation's application role and writes the rows, and its key."""
    from cli.service_keys import key_of

    user = access.settings.snowflake.service_user.name
    return user, key_of(access, user)


def _rollback_lines(told: dict[str, Any]) -> list[str]:
    lines = [f"Batch {told['batch']}: {told['verdict']}, {told['left']} rows left"]
    for tenant, tables in told["removed"].items():
        lines += [f"  {tenant} {table}: {count} rows taken out" for table, count in tables.items()]
    return [*lines, "Until its Time Travel ends, each table can still be read as it was before."]


def _tell(told: dict[str, Any], as_json: bool, lines: list[str]) -> None:
    if as_json:
        answer(told)
    else:
        for line in lines:
            console().print(line, markup=False)
    if told["verdict"] == "FAIL" or (told["verdict"] == "DRY RUN" and told["mismatches"]):
        raise typer.Exit(1)
