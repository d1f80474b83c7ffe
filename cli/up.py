"""`nexus up`: bring a stack to what is declared."""

from __future__ import annotations

from cli import options
from cli.deployment import Request
from cli.run import execute, policy_packs


def command(
    stack: options.Stack = "local",
    yes: options.Yes = False,
    as_json: options.Json = False,
    expect_no_changes: options.ExpectNoChanges = False,
    policy_pack: options.PolicyPacks = None,
    set_: options.Overrides = None,
) -> None:
    """Bring a stack to what is declared: the embedded one at once, a real one after showing the plan.

    Example: ./nexus up
    """
    request = Request("up", stack, expect_no_changes, policy_packs(policy_pack), set_ or ())
    more = "" if stack == "local" else f" --stack {stack}"
    execute(request, yes=yes, as_json=as_json, next_steps=f"./nexus verify{more} · ./nexus outputs{more}")
