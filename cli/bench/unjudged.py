"""A preview of the stack `local` as `nexus preview` makes it, but for the policies and the guard against data loss.

Only the bench runs it, to tell what those two add: python -m cli.bench.unjudged --set KEY=VALUE
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from cli import deployment
from cli.console import console
from cli.deployment import Request
from cli.progress import Display, Progress, show_plan, show_summary


def preview(overrides: Sequence[str]) -> bool:
    """Whether the plan could be made. It is shown as the command shows it, so that only the judging differs."""
    request = Request("preview", "local", overrides=overrides)
    with deployment.embedded_run(request) as run:
        progress = Progress("preview")
        cloud = run.cloud()
        stack = run.stack(cloud, run.program, lambda _: None, policies=False)
        with Display(progress, console()):
            outcome = deployment.run_engine(
                request, stack, progress, run.place.configuration, refresh=False, preview=True
            )
    show_plan(progress, console())
    show_summary(progress, "Planned", console())
    return outcome.succeeded


if __name__ == "__main__":
    succeeded = preview(sys.argv[2::2])
    sys.stdout.flush()
    # As the command ends: without taking everything apart.
    import os

    os._exit(0 if succeeded else 1)
