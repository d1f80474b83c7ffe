"""The table of commands: every verb with its line of help, and what it means when it ends with 1."""

from __future__ import annotations

from typing import Any

import typer

from cli.documents.parts import DocumentError, table


def commands() -> str:
    """A table for each thing that a person wants to do. Raises `DocumentError` for a verb without help."""
    from cli.__main__ import PANELS, VERDICTS, app

    group: Any = typer.main.get_command(app)
    context = group.make_context("nexus", ["up"], resilient_parsing=True)
    unknown = [verb for verb in VERDICTS if verb not in {verb for verbs in PANELS.values() for verb in verbs}]
    if unknown:
        raise DocumentError(f"cli/__main__.py: VERDICTS names what is no verb: {', '.join(unknown)}")
    parts = []
    for panel, verbs in PANELS.items():
        rows = []
        for verb in verbs:
            command = group.get_command(context, verb)
            rows.append((f"`{verb}`", _help(command), VERDICTS.get(verb, "")))
            rows += [(f"`{verb} {name}`", _help(inner), "") for name, inner in getattr(command, "commands", {}).items()]
        parts += [f"### {panel}", "", table(("command", "what it does", "ends with 1 too where"), rows), ""]
    return "\n".join(parts)


def _help(command: Any) -> str:
    said = (command.help or "").partition("\n\n")[0]
    if not said:
        raise DocumentError(f"{command.name} has no help")
    return " ".join(said.split())
