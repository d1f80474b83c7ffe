"""A change of a stack's settings, carried out: planned, shown, asked for, applied, verified, undone where it fails.

`release`, `promote` and `rollback` are such changes; what they write into which file is their own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer

from cli import deployment, guard, run
from cli.access import stack_access
from cli.cloud import starting
from cli.console import console, errors, interactive
from cli.deployment import Outcome, Request, Verb
from cli.failure import BadInputError, FailureError
from cli.place import Place
from cli.progress import COLUMNS, Problem, show_plan, show_problems
from cli.verify.report import CheckImpossibleError, Report
from policies.data_loss import Verdict


@dataclass
class Story:
    """What was done, for the answer."""

    steps: list[dict[str, Any]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    known: set[str] = field(default_factory=set)
    """What was wrong before: no reason to undo anything."""
    undone: bool = False
    verdict: Verdict = field(default_factory=Verdict)
    """What the plan would lose."""

    def tell(self, step: str, good: bool, said: str, seconds: float, *, quiet: bool) -> None:
        self.steps.append({"step": step, "passed": good, "said": said, "seconds": round(seconds, 2)})
        if not quiet:
            mark = "[green]✓[/]" if good else "[red]✗[/]"
            console().print(f"{mark} {step}: {said} ({seconds:.1f} s)")

    def as_json(self) -> dict[str, Any]:
        return {
            "result": "failed" if self.problems else "succeeded",
            "undone": self.undone,
            "wrong_before": sorted(self.known),
            "data_loss": guard.as_json(self.verdict),
            "steps": self.steps,
            "errors": self.problems,
        }


@dataclass
class Runner:
    """Runs the engine and `verify` on one stack, and notes each in the story.

    `verb` and `subject` are said where a person is asked (rollback of backend).
    """

    verb: str
    subject: str
    stack: str
    overrides: Sequence[str]
    packs: Sequence[Path]
    quiet: bool
    story: Story = field(default_factory=Story)

    def require_somebody(self, yes: bool) -> None:
        """Raises `BadInputError` where a real stack would be changed and nobody can be asked."""
        if not deployment.is_embedded(self.stack) and not yes and (self.quiet or not interactive()):
            raise BadInputError(
                f"`nexus {self.verb}` changes the real stack {self.stack!r} and nobody can be asked here: give --yes."
            )

    def engine(self, verb: Verb, step: str, packs: Sequence[Path] = ()) -> Outcome:
        """One run; what fails is among the story's problems."""
        request = Request(verb, self.stack, policy_packs=packs, overrides=self.overrides)
        started = time.monotonic()
        outcome = run.outcome_of(request, yes=True, as_json=self.quiet)
        totals = outcome.progress.totals()
        said = ", ".join(f"{totals[what]} {what}" for what in COLUMNS[:-1] if totals[what])
        if not outcome.succeeded:
            found = [str(problem) for problem in deployment.explain(outcome, run.log_of(request.stack))]
            found = found or [str(violation) for violation in outcome.progress.violations]
            self.story.problems += found or ["the engine failed"]
        self.story.tell(step, outcome.succeeded, said or "no changes", time.monotonic() - started, quiet=self.quiet)
        return outcome

    def verify(self, step: str) -> set[str]:
        """What is wrong, a line each."""
        from snowflake.connector import Error

        from cli.connector import one_line
        from cli.verify.command import verify

        started = time.monotonic()
        report = Report()
        wrong: set[str] = set()
        with stack_access(self.stack) as access:
            state, outputs = access.state()
            try:
                verify(report, access, state, outputs)
            except CheckImpossibleError as reason:
                wrong.add(f"{reason.resource}: {reason}")
            except Error as error:
                raise FailureError(f"the account refuses {access.deploy_user}: {one_line(error)}") from None
        for check in report.failed:
            wrong |= {f"{finding.resource}: {finding.found}" for finding in check.findings} or {check.asked}
        passed = len(report.checks) - len(report.failed)
        said = f"{passed} of {len(report.checks)} checks passed"
        self.story.tell(step, not wrong, said, time.monotonic() - started, quiet=self.quiet)
        return wrong

    def verify_before(self) -> None:
        """Find out what is wrong before anything is changed, and tell it."""
        self.story.known = self.verify("verify before")
        if self.story.known and not self.quiet:
            show_problems("Wrong before", [Problem("", line) for line in sorted(self.story.known)], errors())

    def apply(
        self,
        *,
        yes: bool,
        restore: Callable[[], None],
        undo: Callable[[], None] | None,
    ) -> bool:
        """Plan, ask, apply, verify what the settings say by now. Says whether it stands.

        `restore` puts the settings back where nothing was done. Where `up` or what follows fails, `undo` puts them
        back for the engine to follow; None where what failed is itself an undoing, and is left to who called for it.
        """
        story = self.story
        plan = self.engine("preview", "plan", self.packs)
        story.verdict = plan.verdict or story.verdict
        if not story.problems and not plan.progress.changes:
            story.problems.append("the engine would change nothing: the settings make no difference to this stack")
        if story.problems:
            restore()
            story.undone = True
            if not self.quiet:
                guard.offer(story.verdict, console(), self.stack)
            return False
        if not self.quiet:
            show_plan(plan.progress, console())
            guard.show(story.verdict, console(), self.stack, verb="preview")
        real = not deployment.is_embedded(self.stack)
        if real and not yes and not typer.confirm(f"Go on with {self.verb} of {self.subject}?", default=False):
            raise BadInputError("Nothing was changed.")
        self.engine("up", "up", self.packs)
        if not story.problems:
            story.problems += sorted(self.verify("verify after") - story.known)
        if not story.problems:
            return True
        if undo is not None:
            undo()
            problems, story.problems = story.problems, []
            self.engine("up", "undo")
            story.undone = not story.problems
            story.problems = [*problems, *(f"undo: {problem}" for problem in story.problems)]
        return False


@contextmanager
def kept_up(stack: str) -> Iterator[None]:
    """Keep an embedded cloud up for all the steps; each attaches to it."""
    place = Place.of(stack)
    if not deployment.is_embedded(stack):
        yield
        return
    if not place.cloud.exists():
        raise FailureError(f"stack {stack!r} is not up: `./nexus up` brings it up.")
    with starting(place) as cloud:
        cloud.wait()
        yield
