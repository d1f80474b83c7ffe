"""`nexus preview`: what `up` would do."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from cli import options
from cli.deployment import Request
from cli.run import execute, outcome_of, policy_packs, report


def command(
    stack: options.Stack = "local",
    as_json: options.Json = False,
    expect_no_changes: options.ExpectNoChanges = False,
    policy_pack: options.PolicyPacks = None,
    sql: Annotated[bool, typer.Option("--sql", help="Tell the statements that it runs in Snowflake, too.")] = False,
    set_: options.Overrides = None,
) -> None:
    """Show what `up` would change, and change nothing.

    Example: ./nexus preview --set snowflake.shared_retention_days=7
    """
    request = Request("preview", stack, expect_no_changes, policy_packs(policy_pack), set_ or (), keep_steps=sql)
    more = "" if stack == "local" else f" --stack {stack}"
    next_steps = f"./nexus up{more}"
    if not sql:
        execute(request, yes=True, as_json=as_json, next_steps=next_steps)
        return
    from cli.render.changes import changes_of

    outcome = outcome_of(request, yes=True, as_json=as_json)
    changes = changes_of(outcome.progress.steps or ())
    if not as_json:
        # A plan that is refused is told with its statements all the same.
        sys.stdout.write(f"{changes.text()}\n")
    report(request, outcome, as_json=as_json, next_steps=next_steps, more={"sql": changes.as_json()})
