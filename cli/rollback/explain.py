"""What could be undone now in a stack, with the command for each, and what cannot be undone and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.markup import escape

from cli import configuration, guard
from cli.access import declared_state, stack_access
from cli.failure import BadInputError, FailureError
from cli.migrate.command import folder_of
from cli.migrate.run import batches_in, told_of
from cli.release import App, images_of, rolled_back
from cli.rollback import updates
from cli.rollback.lost import losses
from cli.rollback.time_travel import Restorer, dropped_databases, reaches
from cli.rollback.updates import Update

_TOLD: Final = 5
"""How many of the last updates are told."""
NEVER: Final = (
    ("a key that was rotated", "the one before it works until the next rotation: `./nexus rotate-key`"),
    ("a password, key pair or secret that was made anew", "the old value is nowhere; the vault keeps what was in it"),
    ("rows older than Time Travel", "for seven days more Snowflake's support may have them (Fail-safe)"),
    ("rows that expired or were left out by a migration", "they are not kept, on purpose"),
    ("a destroyed stack", "`./nexus up` makes it anew, without what it held"),
    ("what was done outside of this project", "`./nexus drift` tells it; nothing here kept how it was before"),
)
"""What nothing here undoes, and what there is instead."""


def explanation(stack: str, more: str, overrides: Sequence[str]) -> dict[str, Any]:
    """Everything that could be undone. `more` are the options that name the stack, for the commands."""
    return {
        "stack": stack,
        "apps": _apps(stack, more, overrides),
        "updates": _updates(stack, more),
        "time_travel": _time_travel(stack, more),
        "migrations": _migrations(stack, more),
        "never": [{"what": what, "instead": instead} for what, instead in NEVER],
    }


def _apps(stack: str, more: str, overrides: Sequence[str]) -> list[dict[str, Any]]:
    settings = configuration.load(stack, overrides)
    found = []
    for app in App:
        images = images_of(settings, app.value)
        told: dict[str, Any] = {"app": app.value, "out": images.told()}
        try:
            told |= {"back_to": rolled_back(images).image, "command": f"./nexus rollback --app {app.value}{more}"}
        except BadInputError as reason:
            told["why_not"] = str(reason)
        found.append(told)
    return found


def _updates(stack: str, more: str) -> dict[str, Any]:
    known = updates.kept(stack)
    ups = [each for each in known if each.verb == "up"]
    told = [_update(each) for each in known[-_TOLD:]]
    found: dict[str, Any] = {"kept": len(known), "last": told, "folder": str(updates.folder(stack))}
    if not ups:
        return found | {"why_not": "no update is known on this machine: what ran elsewhere is kept there."}
    last = ups[-1]
    found["number"] = last.number
    reason = updates.why_not(last, known)
    if reason:
        return found | {"why_not": reason}
    before = last.state()
    now = declared_state(stack)
    return found | {
        "command": f"./nexus rollback --update last{more}",
        "undoing_would_lose": [guard.told(each) for each in losses(now, before)],
        "does_not_come_back": [guard.told(each) for each in losses(before, now)],
    }


def _update(update: Update) -> dict[str, Any]:
    return {
        "number": update.number,
        "verb": update.verb,
        "begun": update.begun.isoformat(timespec="seconds"),
        "by": update.values["by"],
        "commit": update.values["commit"],
        "result": update.values.get("result") or "broke off",
        "changes": update.values.get("changes") or {},
    }


def _time_travel(stack: str, more: str) -> dict[str, Any]:
    try:
        with stack_access(stack) as access:
            restorer = Restorer.of(access)
            found, databases = list(reaches(restorer)), dropped_databases(restorer)
    except FailureError as reason:
        return {"why_not": str(reason)}
    example = found[0].schema if found else "DATABASE.SCHEMA"
    return {
        "command": f"./nexus rollback --table {example}.TABLE --at TIME{more}",
        "organizations": [
            {
                "organization": each.tenant,
                "schema": each.schema,
                "days": each.days,
                "since": each.oldest.isoformat(timespec="seconds"),
                "dropped": [f"./nexus rollback {option}{more}" for option in each.dropped],
                "kept_aside": list(each.aside),
            }
            for each in found
        ],
        "dropped_databases": [
            {"database": name, "statements": statements, "until": until.isoformat(timespec="seconds")}
            for name, statements, until in databases
        ],
    }


def _migrations(stack: str, more: str) -> list[dict[str, Any]]:
    folder = folder_of(stack)
    found = []
    for batch in batches_in(folder):
        told = told_of(folder, batch)
        each = {"batch": batch, "state": "carried" if told.get("finished") else "not finished"}
        if told.get("rolled_back"):
            each["state"] = f"taken back on {told['rolled_back']}"
        else:
            each["command"] = f"./nexus rollback --migration {batch}{more}"
        found.append(each)
    return found


# ── for a person ─────────────────────────────────────────────────────────────────────────────────────────────────────


def show(told: Mapping[str, Any], output: Console) -> None:
    """What can be undone, what cannot, and the commands."""

    def line(text: str, style: str = "") -> None:
        output.print(escape(text), style=style, soft_wrap=True, highlight=False)

    output.print("[bold]Apps[/]")
    for app in told["apps"]:
        line(f"  {app['app']}: {app['out']}")
        line(f"      {app['command']}" if "command" in app else f"      not: {app['why_not']}", "dim")
    output.print("[bold]Updates[/]")
    known = told["updates"]
    for each in known["last"]:
        counts = ", ".join(f"{count} {what}" for what, count in each["changes"].items()) or "no changes"
        line(f"  {each['number']}: {each['verb']} {each['begun']}, {each['by']}, {each['result']}: {counts}")
    if "command" in known:
        line(f"      {known['command']}", "dim")
        _losses(line, "undoing it would lose, and asks for an allowance first:", known["undoing_would_lose"])
        _losses(line, "undoing it does not bring back:", known["does_not_come_back"])
    else:
        line(f"      not: {known['why_not']}", "dim")
    output.print("[bold]Tables and schemas (Time Travel)[/]")
    travel = told["time_travel"]
    for each in travel.get("organizations", ()):
        line(f"  {each['organization']}: all of {each['schema']} back to {each['since']} ({each['days']} days)")
        for command in each["dropped"]:
            line(f"      {command}", "dim")
        for name in each["kept_aside"]:
            line(f"      kept aside by a restoration: {name}; DROP TABLE ends it", "dim")
    for each in travel.get("dropped_databases", ()):
        line(f"  {each['database']} was dropped, and comes back by hand until {each['until']} (docs/going-back.md):")
        for statement in each["statements"]:
            line(f"      {statement};", "dim")
    line(f"      {travel['command']}" if "command" in travel else f"      not: {travel['why_not']}", "dim")
    output.print("[bold]Migration batches[/]")
    for each in told["migrations"]:
        line(f"  {each['batch']}: {each['state']}")
        if "command" in each:
            line(f"      {each['command']}", "dim")
    if not told["migrations"]:
        line("  none is known on this machine", "dim")
    output.print("[bold]What cannot be undone[/]")
    for each in told["never"]:
        line(f"  {each['what']}: {each['instead']}")


def _losses(line: Any, title: str, found: list[Mapping[str, Any]]) -> None:
    if found:
        line(f"      {title}")
    for each in found:
        whose = f"{each['tenant']}: " if each["tenant"] and each["tenant"] not in each["object"] else ""
        line(f"        {whose}{each['object']}: {each['change']}; recoverable: {each['recoverable']}", "dim")
