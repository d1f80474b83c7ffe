"""`nexus rollback`: explain what can be undone, and undo it."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

import typer

from cli import deployment, options, release
from cli.console import answer, console, interactive
from cli.failure import BadInputError
from cli.release import App


def command(
    app: Annotated[App | None, typer.Option("--app", help="Give an app's earlier image all of its traffic.")] = None,
    update: Annotated[
        str | None, typer.Option("--update", metavar="N|last", help="Undo this update, and all after it.")
    ] = None,
    table: Annotated[
        list[str] | None,
        typer.Option("--table", metavar="DATABASE.SCHEMA.TABLE", help="Bring this table back; repeatable."),
    ] = None,
    schema: Annotated[
        str | None, typer.Option("--schema", metavar="DATABASE.SCHEMA", help="Bring all tables of a schema back.")
    ] = None,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="As it was then: ISO 8601, in UTC where it names no zone.")
    ] = None,
    before: Annotated[str | None, typer.Option(metavar="QUERY", help="As it was before this query id.")] = None,
    dropped: Annotated[bool, typer.Option("--dropped", help="What was dropped last under this name.")] = False,
    run: Annotated[bool, typer.Option("--run", help="Run the statements, not only show them.")] = False,
    migration: Annotated[
        str | None, typer.Option("--migration", metavar="BATCH", help="Take a migration batch's rows out again.")
    ] = None,
    even_if_used: Annotated[
        bool, typer.Option("--even-if-used", help="Although the application went on with conversations of the batch.")
    ] = False,
    stack: options.Stack = "local",
    yes: options.Yes = False,
    as_json: options.Json = False,
    policy_pack: options.PolicyPacks = None,
    set_: options.Overrides = None,
) -> None:
    """Undo an app's release, an update, a table's loss or a migration batch; without options, tell what can be undone.

    Example: ./nexus rollback --update last
    """
    _judge(app, update, table, schema, at, before, dropped, run, migration, even_if_used)
    if app is not None:
        change = release.Change("rollback", stack, app.value, release.rolled_back)
        release.carry_out(change, yes=yes, as_json=as_json, packs=policy_pack, overrides=set_ or ())
    elif update is not None:
        from cli.rollback.update import undo_update

        undo_update(stack, update, yes=yes, as_json=as_json, packs=policy_pack, overrides=set_ or ())
    elif table or schema:
        restore(stack, table or [], schema, at, before, dropped=dropped, run=run, yes=yes, as_json=as_json)
    elif migration is not None:
        from cli.migrate.command import roll_back

        roll_back(migration, None, even_if_used=even_if_used, stack=stack, yes=yes, as_json=as_json)
    else:
        from cli.rollback.explain import explanation, show

        told = explanation(stack, "" if stack == "local" else f" --stack {stack}", set_ or ())
        if as_json:
            answer(told)
        else:
            show(told, console())


def _judge(
    app: App | None,
    update: str | None,
    table: list[str] | None,
    schema: str | None,
    at: str | None,
    before: str | None,
    dropped: bool,
    run: bool,
    migration: str | None,
    even_if_used: bool,
) -> None:
    """Raises `BadInputError` with everything that does not go together."""
    problems = []
    given = {
        "--app": app is not None,
        "--update": update is not None,
        "--table": bool(table),
        "--schema": schema is not None,
        "--migration": migration is not None,
    }
    chosen = [name for name, is_given in given.items() if is_given]
    if len(chosen) > 1:
        problems.append(f"{' and '.join(chosen)} exclude each other: one undoing at a time")
    time_travel = given["--table"] or given["--schema"]
    for name, is_given in (("--at", at), ("--before", before), ("--dropped", dropped), ("--run", run)):
        if is_given and not time_travel:
            problems.append(f"{name} goes with --table or --schema")
    if even_if_used and migration is None:
        problems.append("--even-if-used goes with --migration")
    if problems:
        raise BadInputError("\n".join(problems))


def restore(
    stack: str,
    tables: list[str],
    schema: str | None,
    at: str | None,
    before: str | None,
    *,
    dropped: bool,
    run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Show how tables or a schema come back by Time Travel, and bring them back where that is asked for."""
    from cli.access import stack_access
    from cli.rollback.time_travel import Restorer, moment, parsed

    when = moment(at, before, dropped)
    names = [parsed(text, 3) for text in dict.fromkeys(tables)]
    real = not deployment.is_embedded(stack)
    if real and run and not yes and (as_json or not interactive()):
        raise BadInputError(f"`--run` changes the real stack {stack!r} and nobody can be asked here: give --yes.")
    with stack_access(stack) as access:
        restorer = Restorer.of(access)
        found = restorer.schema(parsed(schema, 2), when) if schema else restorer.tables(names, when)
        told: dict[str, Any] = {
            "stack": stack,
            "organization": found.tenant,
            "moment": when.told(),
            "script": found.script(),
            "run": run,
        }
        if not as_json:
            for line in found.script():
                console().print(line, markup=False, soft_wrap=True)
        if run:
            if real and not yes and not typer.confirm(f"Run this on {stack}?", default=False):
                raise BadInputError("Nothing was changed.")
            restorer.run(found)
        told["objects"] = [each.as_json() for each in found.objects]
    if run:
        told["drift"] = _what_pulumi_sees(stack, found.tenant, as_json)
    if as_json:
        answer(told)
    elif not run:
        console().print("Nothing was changed: --run runs it.")


def _what_pulumi_sees(stack: str, tenant: str, as_json: bool) -> list[dict[str, Any]]:
    """What differs from what is declared of the organisation now, and what `up` would do about it."""
    from cli import drift

    told = drift.drift_of(stack, quiet=as_json)
    found = [each for each in told.differences if each.tenant == tenant]
    if not as_json:
        console().print("Restored.")
        if found:
            drift.show(replace(told, differences=found), stack, console())
        else:
            console().print(f"Pulumi sees {tenant} as it is declared: `up` would change nothing in it.", markup=False)
    return [each.as_json() for each in found]
