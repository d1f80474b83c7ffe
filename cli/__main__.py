"""`python -m cli`: the command, once its environment is there."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any, Final

import typer
from typer.core import TyperGroup

from cli.failure import FailureError

VERBS: Final = {
    "up": "cli.up",
    "preview": "cli.preview",
    "refresh": "cli.refresh",
    "destroy": "cli.destroy",
    "rehearse": "cli.rehearse",
    "verify": "cli.verify.command",
    "outputs": "cli.outputs",
    "tenants": "cli.tenants.command:app",
    "cost": "cli.cost.command",
    "env-diff": "cli.env_diff",
    "bootstrap": "cli.bootstrap",
    "approve-link": "cli.approve_link",
    "release": "cli.release",
    "promote": "cli.release:promote",
    "rollback": "cli.release:rollback",
    "rotate-key": "cli.rotate_key",
    "migrate": "cli.migrate.command",
    "sql": "cli.sql",
    "serve": "cli.serve",
    "env": "cli.env",
    "doctor": "cli.doctor",
    "test": "cli.test",
    "bench": "cli.bench.command",
}
"""Each verb's module, whose `command` (or what is named after a colon) is a Typer command function, or a whole app.

Only the verb that is asked for is imported.
"""
_PASS_THROUGH: Final = {"test"}
"""Verbs that hand options on which are not theirs."""


class Verbs(TyperGroup):
    """The verbs, in their order, each imported when it is needed."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the parent's signature
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        if cmd_name not in VERBS:
            return None
        module, _, function = VERBS[cmd_name].partition(":")
        command = getattr(importlib.import_module(module), function or "command")
        if isinstance(command, typer.Typer):
            group = typer.main.get_command(command)
            group.name = cmd_name
            return group
        app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        settings = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": ["--help"]}
        app.command(cmd_name, context_settings=settings if cmd_name in _PASS_THROUGH else None)(command)
        return typer.main.get_command(app)


app = typer.Typer(cls=Verbs, add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback(epilog="Each verb tells more, with an example: ./nexus VERB --help")
def nexus() -> None:
    """NexusChat's platform as code: the real Pulumi engine, on an embedded cloud or on Azure and Snowflake."""


def main(arguments: list[str] | None = None) -> int:
    """Run one verb and give the exit code: 0 done, 1 the run or a verdict failed, 2 bad input."""
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
