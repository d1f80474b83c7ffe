"""`nexus preview`: what `up` would do."""

from __future__ import annotations

from cli import options
from cli.deployment import Request
from cli.run import execute, policy_packs


def command(
    stack: options.Stack = "local",
    as_json: options.Json = False,
    expect_no_changes: options.ExpectNoChanges = False,
    policy_pack: options.PolicyPacks = None,
    set_: options.Overrides = None,
) -> None:
    """Show what `up` would change, and change nothing.

    Example: ./nexus preview --set snowflake.shared_retention_days=7
    """
    request = Request("preview", stack, expect_no_changes, policy_packs(policy_pack), set_ or ())
    more = "" if stack == "local" else f" --stack {stack}"
    execute(request, yes=True, as_json=as_json, next_steps=f"./nexus up{more}")
