"""`nexus check`: what a pull request is judged by, here, in one command, each step with its time."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from cli import configuration, deployment, options
from cli.clock import today
from cli.console import answer, console, errors
from cli.cost.graph import KeptPlan
from cli.deployment import embedded_state
from cli.failure import BadInputError, FailureError
from cli.judgement import PACK
from cli.place import ROOT
from cli.progress import Progress
from cli.rehearse import Rehearsal, embedded_only, filled
from cli.rehearse import Step as RehearsedStep
from cli.report.command import Base, directory_of, write
from cli.report.evidence import evidence
from cli.report.gather import BaseUp, Declared, base_coming_up, change_over, declared
from cli.report.summary import summary

LEFT: Final = (
    "Left to `./nexus test`: types, and every test. Left to `./nexus rehearse`: that a second plan changes nothing."
)
LEFT_BY_FAST: Final = "Left to `./nexus check`: the rehearsal with its policies, data loss, cost and report."
_LINTERS: Final = {"style": ("ruff", "check", "--quiet"), "format": ("ruff", "format", "--check", "--quiet")}


@dataclass
class Step:
    """One step, how long it took and what is wrong."""

    name: str
    seconds: float = 0
    said: str = ""
    problems: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {
            "step": self.name,
            "passed": not self.problems,
            "seconds": round(self.seconds, 2),
            "said": self.said,
            "problems": self.problems,
        }


class _Rehearsal(Rehearsal):
    """A rehearsal that keeps its judged plan, and what stood when all was up."""

    plans_again = False
    plan: KeptPlan | None = None
    state: Mapping[str, Any] | None = None

    def _progress(self, verb: deployment.Verb) -> Progress:
        if verb == "preview" and self.plan is None:
            self.plan = KeptPlan(verb)
            return self.plan
        return super()._progress(verb)

    def _show(self, step: RehearsedStep) -> None:
        """The check tells its own steps."""

    def _step(self, name: str, do: Callable[[RehearsedStep], None]) -> bool:
        good = super()._step(name, do)
        if good and name == "up":
            self.state = embedded_state(self.place)
        return good


def command(
    stack: Annotated[str, typer.Option("--stack", "-s", help="The stack whose settings are rehearsed.")] = "prod",
    base: Base = None,
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="DIR", help="Where the report goes. [default: .nexus/report/<stack>]"),
    ] = None,
    fast: Annotated[
        bool, typer.Option("--fast", help="Settings and style alone, in seconds: what the pre-commit hook runs.")
    ] = False,
    as_json: options.Json = False,
    set_: options.Overrides = None,
) -> None:
    """Judge a change as its pull request will be: settings, style, a rehearsal with policies, data loss, cost, report.

    Nothing real is reached, and no credential is needed. With --base, what the change does to what that commit declares
    is planned too: whom it touches, what it would lose, what it adds to the cost. Ends with 1 where a step fails.

    Example: ./nexus check --stack prod --base origin/main
    """
    started = time.monotonic()
    if fast and (base or report):
        raise BadInputError("--fast looks at settings and style alone: give it no --base and no --report.")
    check = Check(stack, base, as_json=as_json)
    with ExitStack() as until_done:
        told = None
        if fast:
            check.look(until_done, set_ or ())
        else:
            told = check.run(until_done, set_ or (), report)
    seconds = time.monotonic() - started
    failed = [step for step in check.steps if step.problems]
    if as_json:
        answer(
            {
                "stack": stack,
                "result": "failed" if failed else "passed",
                "seconds": round(seconds, 2),
                "steps": [step.as_json() for step in check.steps],
                "summary": summary(told) if told else "",
            }
        )
    else:
        verdict = f"[red]failed at {failed[0].name}[/]" if failed else "[green]passed[/]"
        console().print(f"{stack}: {verdict} in {seconds:.1f} s")
        console().print(LEFT_BY_FAST if fast else LEFT, markup=False)
    if failed:
        raise typer.Exit(1)


class Check:
    """The steps, one after the other; a base is brought up beside them."""

    def __init__(self, stack: str, base: str | None, *, as_json: bool) -> None:
        self.stack, self.base, self.quiet = stack, base, as_json
        self.steps: list[Step] = []
        self._coming: BaseUp | None = None

    def look(self, until_done: ExitStack, overrides: Sequence[str]) -> None:
        """What takes seconds: the settings, and how the code is written. A base begins to come up beside it."""
        embedded_only()
        self._note("settings", time.monotonic())
        self._settings, self._made_up = filled(configuration.load(self.stack, overrides))
        self._checked = deployment.check_settings(self._settings)
        self.steps[-1].said = f"{len(self._checked.organizations)} organisations, {len(self._made_up)} values made up"
        self._done()
        if self.base is not None:
            self._coming = until_done.enter_context(base_coming_up(self.stack, self.base, overrides))
        for name, arguments in _LINTERS.items():
            self._lint(name, arguments)

    def run(self, until_done: ExitStack, overrides: Sequence[str], report: Path | None) -> dict[str, Any] | None:
        """All of them, and the evidence where there is any."""
        directory = directory_of(self.stack, report)
        self.look(until_done, overrides)
        settings, checked, made_up, coming = self._settings, self._checked, self._made_up, self._coming
        rehearsal = _Rehearsal(self.stack, settings, checked, [PACK], True)
        self._rehearse(rehearsal)
        if rehearsal.plan is not None and rehearsal.state is not None:
            found = Declared(self.stack, checked, settings, made_up, rehearsal.plan, rehearsal.state)
        else:
            # It ended before anything stood: what is declared is looked at all the same, for the report to say why.
            self._note("graph", time.monotonic())
            try:
                found = declared(self.stack, settings, checked, made_up, quiet=True)
            except FailureError as failure:
                self._done(str(failure))
                return None
            self._done()
        over = None
        if coming is not None:
            self._note("change over the base", time.monotonic())
            coming.wait()
            over = change_over(coming, settings, checked, quiet=True)
        told = evidence(found, over, today())
        if over is not None:
            self.steps[-1].said = told["plan"]["touches"]
            self._done(*(f"{loss['object']}: {loss['change']}" for loss in told["data_loss"]["blocked"]))
            self._note("cost", time.monotonic())
            added = told["cost"]["against"]["total"]
            self.steps[
                -1
            ].said = f"{added['floor']:+,.2f} to {added['ceiling']:+,.2f} {told['cost']['currency']} a month"
            self._done()
        self._note("report", time.monotonic())
        write(found, told, directory)
        self.steps[-1].said = str(directory / "report.html")
        before = {problem for step in self.steps for problem in step.problems}
        lost = [f"data loss: {loss['object']}: {loss['change']}" for loss in told["data_loss"]["blocked"]]
        self._done(*(failure for failure in told["failures"] if failure not in {*before, *lost}))
        return told

    def _lint(self, name: str, arguments: tuple[str, ...]) -> None:
        self._note(name, time.monotonic())
        done = subprocess.run(
            [sys.executable, "-m", *arguments], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        self._done(*([f"{' '.join(arguments)}:\n{(done.stdout or done.stderr).strip()}"] if done.returncode else []))

    def _rehearse(self, rehearsal: _Rehearsal) -> None:
        known = len(rehearsal.steps)
        rehearsal.run()
        for step in rehearsal.steps[known:]:
            self.steps.append(Step(step.name, step.seconds, step.said, list(step.problems)))
            self._show()

    def _note(self, name: str, started: float) -> None:
        self.steps.append(Step(name, started))

    def _done(self, *problems: str) -> None:
        step = self.steps[-1]
        step.seconds = time.monotonic() - step.seconds
        step.problems += problems
        self._show()

    def _show(self) -> None:
        if self.quiet:
            return
        step = self.steps[-1]
        mark = "[red]✗[/]" if step.problems else "[green]✓[/]"
        console().print(f"{mark} {step.name} ({step.seconds:.1f} s)" + (": " if step.said else ""), end="")
        console().print(step.said, markup=False)
        for problem in step.problems:
            errors().print(f"  {problem}", markup=False)
