"""`nexus destroy`: remove all of a stack's resources."""

from __future__ import annotations

from cli import options
from cli.deployment import Request
from cli.run import execute


def command(stack: options.Stack = "local", yes: options.Yes = False, as_json: options.Json = False) -> None:
    """Remove all resources of a stack; of the embedded one nothing is left behind.

    Example: ./nexus destroy
    """
    execute(Request("destroy", stack), yes=yes, as_json=as_json)
