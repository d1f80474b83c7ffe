"""`python -m cli`: the command, once its environment is there."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any, Final

import typer
from typer.core import TyperGroup

from cli import lean_sdk
from cli.failure import FailureError
from cli.place import TRIED

PANELS: Final = {
    "Bring a stack up": {
        "up": "cli.up",
        "preview": "cli.preview",
        "refresh": "cli.refresh",
        "destroy": "cli.destroy",
        "outputs": "cli.outputs",
    },
    "Prove a change before it is made": {
        "check": "cli.check",
        "report": "cli.report.command",
        "verify": "cli.verify.command",
        "rehearse": "cli.rehearse",
        "cost": "cli.cost.command",
        "env-diff": "cli.env_diff",
    },
    "Take organisations on, move their data, let them go": {
        "tenants": "cli.tenants.command:app",
        "migrate": "cli.migrate.command",
    },
    "Release, rotate, go back": {
        "release": "cli.release",
        "promote": "cli.release:promote",
        "rollback": "cli.rollback.command",
        "rotate-key": "cli.rotate_key",
    },
    "Look inside": {
        "drift": "cli.drift",
        "sql": "cli.sql",
        "sql render": "cli.render.command",
        "serve": "cli.serve",
        "env": "cli.env",
    },
    "Set up a real environment": {
        "bootstrap": "cli.bootstrap",
        "adopt": "cli.adopt.command",
        "approve-link": "cli.approve_link",
    },
    "Keep the project well": {
        "doctor": "cli.doctor",
        "docs": "cli.documents.command",
        "test": "cli.test",
        "bench": "cli.bench.command",
    },
}
"""The verbs by what a person wants to do.

Each has its module, whose `command` (or what is named after a colon) is a Typer command function, or a whole app. Only
the verb that is asked for is imported.
"""
VERBS: Final = {verb: module for verbs in PANELS.values() for verb, module in verbs.items()}
VERDICTS: Final = {
    "preview": "a policy or a loss of data stops the plan; with --expect-no-changes, anything would change",
    "up": "a policy or a loss of data stops it; with --expect-no-changes, anything changed",
    "refresh": "with --expect-no-changes, anything drifted",
    "check": "a step finds something",
    "report": "something in it stops the change",
    "verify": "a check fails, or cannot be made",
    "rehearse": "a step finds something",
    "migrate": "a document is not accounted for",
    "release": "`verify` finds something new; the release is taken back",
    "rollback": "what is undone would lose data, or `verify` finds something new; then nothing is undone",
    "drift": "anything differs",
    "docs": "with --check, a document is stale",
    "adopt": "something that exists cannot be taken over",
    "doctor": "something needed is wrong",
    "test": "a check or a test fails",
}
"""What exit code 1 says of a verb beside that its run failed, by verb."""
_PASS_THROUGH: Final = {"test"}
"""Verbs that hand options on which are not theirs."""


class Verbs(TyperGroup):
    """The verbs, in their order, each imported when it is needed."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the parent's signature
        return list(VERBS)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """A verb of two words comes before the one that is its first word."""
        two = " ".join(args[:2])
        return (two, self.get_command(ctx, two), args[2:]) if two in VERBS else super().resolve_command(ctx, args)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        if cmd_name not in VERBS:
            return None
        module, _, function = VERBS[cmd_name].partition(":")
        command = getattr(importlib.import_module(module), function or "command")
        if isinstance(command, typer.Typer):
            return _shown(typer.main.get_command(command), cmd_name)
        app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        settings = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": ["--help"]}
        app.command(cmd_name, context_settings=settings if cmd_name in _PASS_THROUGH else None)(command)
        return _shown(typer.main.get_command(app), cmd_name)


def _shown(command: Any, verb: str) -> Any:
    """A verb's command, in its place on the page of all verbs."""
    command.name = verb
    command.rich_help_panel = next(panel for panel, verbs in PANELS.items() if verb in verbs)
    return command


app = typer.Typer(cls=Verbs, add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback(epilog="Each verb tells more, with an example: ./nexus VERB --help")
def nexus() -> None:
    """NexusChat's platform as code: the real Pulumi engine, on an embedded cloud or on Azure and Snowflake."""
    if TRIED:
        from cli.configuration import require
        from cli.console import say

        for stack in TRIED:
            # A name that is mistyped would leave the stack that was meant a real one.
            require(stack)
        are = "is" if len(TRIED) == 1 else "are"
        say(f"{', '.join(TRIED)} {are} embedded here (NEXUS_EMBEDDED): nothing real is reached")


def main(arguments: list[str] | None = None) -> int:
    """Run one verb and give the exit code: 0 done, 1 the run or a verdict failed, 2 bad input."""
    # Whatever a verb takes of the program, if only its names, must not load the SDKs whole.
    lean_sdk.install()
    try:
        code = app(args=arguments, prog_name="nexus", standalone_mode=True)
    except FailureError as failure:
        from cli.console import errors

        errors().print(f"nexus: {failure}", markup=False)
        return failure.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("\n")
        return 1
    except SystemExit as exit_:
        return exit_.code if isinstance(exit_.code, int) else 1
    return code if isinstance(code, int) else 0


if __name__ == "__main__":
    exit_code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Everything is closed: taking the SDKs' hundreds of thousands of objects apart would take a noticeable while.
    os._exit(exit_code)
