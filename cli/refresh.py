"""`nexus refresh`: read back what is really there."""

from __future__ import annotations

from cli import options
from cli.deployment import Request
from cli.run import execute


def command(
    stack: options.Stack = "local",
    as_json: options.Json = False,
    expect_no_changes: options.ExpectNoChanges = False,
) -> None:
    """Read back what is really there into the state, so that the next `up` mends what drifted.

    Example: ./nexus refresh --expect-no-changes
    """
    more = "" if stack == "local" else f" --stack {stack}"
    execute(
        Request("refresh", stack, expect_no_changes), yes=True, as_json=as_json, next_steps=f"./nexus preview{more}"
    )
