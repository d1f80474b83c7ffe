"""Brings up what this checkout declares on an embedded cloud, and leaves it there for whoever asked for it.

python -m cli.report.bring_up STACK [--set KEY=VALUE]…
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from cli import configuration, deployment, world
from cli.cloud import starting
from cli.deployment import EmbeddedRun, Request
from cli.failure import FailureError
from cli.progress import Progress
from cli.rehearse import embedded_only, filled, place_of


def bring_up(stack: str, overrides: Sequence[str]) -> None:
    """Raises `FailureError` where it does not come up."""
    embedded_only()
    settings, _ = filled(configuration.load(stack, overrides))
    checked = deployment.check_settings(settings)
    place = place_of(stack)
    place.directory.parent.mkdir(parents=True, exist_ok=True)
    with deployment.only_run(place, "report"):
        place.prepare()
        world.prepare(place, checked)
        with starting(place) as cloud:
            run = EmbeddedRun(place, settings, cloud, deployment.load_program)
            outcome = deployment.run_embedded(Request("up", stack), run, Progress("up"))
    if not outcome.succeeded:
        problems = deployment.explain(outcome, place.directory / "base.log")
        raise FailureError("\n".join(str(problem) for problem in problems))


if __name__ == "__main__":
    stack_, *more = sys.argv[1:]
    try:
        bring_up(stack_, more[1::2])
    except FailureError as failure:
        sys.stderr.write(f"{failure}\n")
        sys.exit(failure.exit_code)
