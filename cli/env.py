"""`nexus env`: what a shell needs so that plain `pulumi` does the same."""

from __future__ import annotations

import os
import shlex
import sys
from enum import StrEnum
from typing import Annotated

import typer

from cli import configuration, deployment, engine, options
from cli.cloud import attached
from cli.console import answer, say
from cli.failure import BadInputError, FailureError
from cli.place import Place


class Shell(StrEnum):
    """The shells whose syntax can be printed."""

    SH = "sh"
    POWERSHELL = "powershell"


def variables(stack: str) -> dict[str, str]:
    """What plain `pulumi` needs for an embedded stack that `nexus serve` keeps up; the stack is made if need be."""
    if not deployment.is_embedded(stack):
        raise BadInputError(f"stack {stack!r} is a real one: plain `pulumi` needs nothing from here.")
    settings = configuration.load(stack)
    deployment.check_settings(settings)
    place = Place.of(stack)
    cloud = attached(place)
    if cloud is None:
        raise FailureError(f"the embedded cloud of {stack!r} is not up: run `./nexus serve` in another shell first.")
    with deployment.only_run(place, "env"):
        place.prepare()
        found = engine.acquire(say)
        salt = deployment.initialise_stack(place, lambda: found)
        configuration.write(settings | ({"encryptionsalt": salt} if salt else {}), place.configuration)
    # A plain run writes its state at every step, as it would for a real cloud: nothing here turns that off.
    return deployment.embedded_variables(place, cloud.endpoints.debug_providers)


def command(
    stack: options.Stack = "local",
    shell: Annotated[Shell, typer.Option(help="Whose syntax to print.")] = (
        Shell.POWERSHELL if os.name == "nt" else Shell.SH
    ),
    as_json: options.Json = False,
) -> None:
    """Print what a shell needs for plain `pulumi` on the embedded stack, while `nexus serve` keeps it up.

    Example: eval "$(./nexus env)" && pulumi preview --stack local
    """
    values = variables(stack)
    if as_json:
        answer(values)
        return
    for key, value in values.items():
        if shell is Shell.SH:
            sys.stdout.write(f"export {key}={shlex.quote(value)}\n")
        else:
            quoted = value.replace("'", "''")
            sys.stdout.write(f"$env:{key} = '{quoted}'\n")
