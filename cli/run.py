"""What `up`, `preview`, `refresh` and `destroy` have in common: the run, its display, its answer and exit code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from cli import deployment, guard, judgement
from cli.console import answer, console, errors, interactive
from cli.deployment import Outcome, Request
from cli.failure import BadInputError
from cli.place import Place, local_directory
from cli.progress import Display, Problem, Progress, show_plan, show_problems, show_summary
from policies.data_loss import Verdict

if TYPE_CHECKING:
    from cli.rollback.updates import Update

_HEADLINES: Final = {"up": "Up", "preview": "Planned", "refresh": "Refreshed", "destroy": "Destroyed"}


def policy_packs(paths: Sequence[Path] | None) -> list[Path]:
    """The folders of policy packs, this deployment's own first. Raises `BadInputError` naming each that is none."""
    packs = [path.resolve() for path in paths or []]
    wrong = [str(path) for path in packs if not (path / "PulumiPolicy.yaml").is_file()]
    if wrong:
        raise BadInputError("not a policy pack (no PulumiPolicy.yaml): " + ", ".join(wrong))
    return judgement.with_own(packs)


def log_of(stack: str) -> Path:
    return local_directory() / f"{stack}.log"


def execute(request: Request, *, yes: bool, as_json: bool, next_steps: str = "") -> Outcome:
    """Run it, show it, and leave with exit code 1 if it failed."""
    outcome = outcome_of(request, yes=yes, as_json=as_json)
    report(request, outcome, as_json=as_json, next_steps=next_steps)
    return outcome


def outcome_of(request: Request, *, yes: bool, as_json: bool) -> Outcome:
    """Run it and show its progress; what came of it is the caller's to tell."""
    from cli.rollback.updates import require_own

    require_own(request.stack)
    if deployment.is_embedded(request.stack):
        return _embedded(request, as_json=as_json)
    return _real(request, yes=yes, as_json=as_json)


def _embedded(request: Request, *, as_json: bool) -> Outcome:
    with deployment.embedded_run(request) as run:
        progress = Progress(request.verb, total=None)
        with _noted(request, run.settings) as update, Display(progress, console(), quiet=as_json):
            outcome = deployment.run_embedded(request, run, progress)
            if update is not None:
                update.end(outcome)
        if outcome.succeeded and request.verb == "destroy":
            remove(run)
    return outcome


@contextmanager
def _noted(request: Request, settings: Mapping[str, Any]) -> Iterator[Update | None]:
    """Export the state before a run writes it: whatever writes that of a real stack, `up` of an embedded one."""
    from cli.access import exported
    from cli.rollback import updates

    embedded = deployment.is_embedded(request.stack)
    if request.verb != "up" and (embedded or request.verb == "preview"):
        yield None
        return
    export = updates.embedded_export(Place.of(request.stack)) if embedded else exported(request.stack)
    with updates.noted(request, settings, export) as update:
        yield update


def remove(run: deployment.EmbeddedRun) -> None:
    """Leave nothing of an embedded stack behind."""
    import shutil

    cloud = run.cloud()
    if cloud.attached:
        # `nexus serve` keeps its cloud, emptied; it removes the rest when it ends.
        cloud.control("reset", {})
        for path in (run.place.state, run.place.pulumi_home, run.place.updates, run.place.directory / "bin"):
            shutil.rmtree(path, ignore_errors=True)
        for file in (
            run.place.configuration,
            run.place.releases,
            run.place.keys,
            run.place.guarded,
            run.place.judged,
            run.place.allowances,
            run.place.adopted,
        ):
            file.unlink(missing_ok=True)
        return
    cloud.stop()
    shutil.rmtree(run.place.directory)
    log_of(run.place.stack).unlink(missing_ok=True)


def _real(request: Request, *, yes: bool, as_json: bool) -> Outcome:
    settings = deployment.checked_settings(request)
    changes = request.verb in {"up", "destroy"}
    if changes and not yes and (as_json or not interactive()):
        raise BadInputError(
            f"`nexus {request.verb}` changes the real stack {request.stack!r} and nobody can be asked here: "
            "give --yes once the plan has been read (`nexus preview`)."
        )
    from cli.access import declared_state

    checked = deployment.check_settings(settings)
    with deployment.real_stack(request, settings) as (stack, config_file, stop):

        def plan(progress: Progress) -> Outcome:
            with Display(progress, console(), quiet=as_json):
                return deployment.plan(
                    request,
                    stack,
                    progress,
                    config_file,
                    checked,
                    lambda: declared_state(request.stack),
                    refresh=request.refresh,
                )

        if request.verb == "preview":
            outcome = plan(Progress("preview"))
            outcome.interrupted = stop.asked > 0
            return outcome
        verdict = None
        if changes:
            # Asked or not, nothing is written before it is known what would be lost.
            planned = plan(Progress(request.verb))
            verdict = planned.verdict
            if not planned.succeeded:
                return planned.instead_of(Progress(request.verb))
            if not yes:
                show_plan(planned.progress, console())
                show_summary(planned.progress, "Planned", console())
            if verdict is not None and not as_json:
                guard.show(verdict, console(), request.stack, verb="preview" if request.verb == "up" else "destroy")
            if not yes and not typer.confirm(f"Go on with {request.verb} of {request.stack}?", default=False):
                raise BadInputError("Nothing was changed.")
        progress = Progress(request.verb)
        with _noted(request, settings) as update, Display(progress, console(), quiet=as_json):
            outcome = deployment.run_engine(request, stack, progress, config_file, refresh=request.refresh)
            if update is not None:
                update.end(outcome)
        outcome.verdict = verdict
        outcome.interrupted = stop.asked > 0
    return outcome


def report(
    request: Request, outcome: Outcome, *, as_json: bool, next_steps: str, more: Mapping[str, Any] | None = None
) -> None:
    """Tell how a run ended; `more` joins an answer in JSON. Leaves with exit code 1 if it failed."""
    progress = outcome.progress
    problems = [] if outcome.succeeded else deployment.explain(outcome, log_of(request.stack))
    if as_json:
        answer(
            {
                "stack": request.stack,
                "verb": request.verb,
                "result": "succeeded" if outcome.succeeded else "failed",
                **progress.as_json(),
                "errors": [{"urn": problem.urn, "message": problem.message} for problem in problems],
                "data_loss": guard.as_json(outcome.verdict or Verdict()),
                "notes": outcome.notes,
                **(more or {}),
            }
        )
    else:
        _show(request, outcome, problems, next_steps)
    if not outcome.succeeded:
        raise typer.Exit(1)


def _show(request: Request, outcome: Outcome, problems: list[Problem], next_steps: str) -> None:
    progress = outcome.progress
    for note in outcome.notes:
        errors().print(note, markup=False, style="dim")
    if request.verb == "preview":
        show_plan(progress, console())
    show_problems("Warnings", progress.warnings, console())
    show_problems("Policy violations", progress.violations, console())
    if outcome.verdict is not None and request.verb != "destroy":
        guard.show(outcome.verdict, console(), request.stack, verb=request.verb)
        told = [problem.message for problem in guard.as_problems(outcome.verdict)]
        problems = [problem for problem in problems if problem.message not in told]
    headline = _HEADLINES[request.verb]
    if not outcome.succeeded:
        headline = "Stopped" if outcome.interrupted else "Failed"
    show_summary(progress, headline, console())
    show_problems("Errors", problems, errors())
    if outcome.succeeded and next_steps:
        console().print(f"Next: {next_steps}", markup=False)
