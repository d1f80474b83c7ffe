"""What a report is made of: a judged plan, the declared graph, and the change over a base, without any credential.

The declaration is planned with the policies, and then brought up, on an embedded cloud that is thrown away: names that
a plan of a new stack does not know stand in its state, so that who reaches what can be computed to the end.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cli import deployment, world
from cli.cloud import starting
from cli.console import console
from cli.cost.graph import KeptPlan
from cli.deployment import EmbeddedRun, Outcome, Request, embedded_state
from cli.failure import BadInputError, FailureError
from cli.judgement import PACK
from cli.place import ROOT, Place, local_directory
from cli.progress import Display, Progress
from cli.rehearse import throw_away
from cli.run import log_of
from policies.data_loss import Verdict

if TYPE_CHECKING:
    from infra.settings import Settings

_LINES: Final = 15
"""How much of what a base said before it failed is repeated."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What a stack's configuration declares. `plan` was judged by the policies; `state` is the deployment after it."""

    stack: str
    settings: Settings
    completed: Mapping[str, Any]
    made_up: Mapping[str, Any]
    plan: KeptPlan
    state: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Base:
    """What the declaration is compared with: a commit's, brought up.

    `ref` is as it was given; `plan` leads from it to the declaration, `before` is its deployment, and `verdict` what
    the plan would lose.
    """

    ref: str
    commit: str
    plan: KeptPlan
    before: Mapping[str, Any]
    verdict: Verdict


def declared(
    stack: str, settings: dict[str, Any], checked: Settings, made_up: Mapping[str, Any], *, quiet: bool
) -> Declared:
    """Plan, judge and bring up a configuration that is complete. Raises `FailureError` where it cannot be.

    What the policies find is part of the answer and no failure.
    """
    plan = KeptPlan("preview")
    with throw_away(stack, settings, checked, "report") as run:
        with Display(plan, console(), quiet=quiet):
            outcome = deployment.run_embedded(Request("preview", stack, policy_packs=(PACK,)), run, plan)
        _require(outcome, f"report-{stack}", unless_judged=True)
        progress = Progress("up")
        with Display(progress, console(), quiet=quiet):
            # Judged already: what was found there is told, and does not keep the graph from being looked at.
            _require(deployment.run_embedded(Request("up", stack), run, progress), f"report-{stack}")
        state = embedded_state(run.place)
    return Declared(stack, checked, settings, made_up, plan, state)


def _require(outcome: Outcome, log: str, *, unless_judged: bool = False) -> None:
    if outcome.succeeded or (unless_judged and outcome.progress.violations and not outcome.progress.problems):
        return
    problems = deployment.explain(outcome, log_of(log))
    raise FailureError("the declaration cannot be planned:\n" + "\n".join(f"  {problem}" for problem in problems))


# ── the base ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def commit_of(ref: str) -> str:
    """The commit that a reference of git's means. Raises `BadInputError` where there is none."""
    done = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    if done.returncode:
        raise BadInputError(f"--base {ref}: git knows no such commit. A shallow clone has to fetch it first.")
    return done.stdout.decode().strip()


def _git(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["git", *arguments], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except OSError:
        raise BadInputError("--base needs git, which is not here") from None


class BaseUp:
    """A base's own program and settings on their way up, by a process of their own."""

    def __init__(self, stack: str, ref: str, overrides: Sequence[str]) -> None:
        self.stack, self.ref, self.commit = stack, ref, commit_of(ref)
        self._checkout = Path(tempfile.mkdtemp(prefix="nexus-base-"))
        self.directory = local_directory() / "base"
        self.place = Place(stack, self.directory / "rehearsal" / stack)
        archive = _git("archive", "--format=tar", self.commit)
        with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
            tar.extractall(self._checkout, filter="data")
        arguments = [part for override in overrides for part in ("--set", override)]
        shutil.rmtree(self.directory, ignore_errors=True)
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "cli.report.bring_up", stack, *arguments],
            cwd=self._checkout,
            env={**os.environ, "PYTHONPATH": str(self._checkout), "NEXUS_DIRECTORY": str(self.directory)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def wait(self) -> None:
        """Raises `FailureError` with what it said where it cannot be brought up."""
        said, _ = self._process.communicate()
        if self._process.returncode:
            lines = "\n".join(f"  {line}" for line in said.strip().splitlines()[-_LINES:])
            raise FailureError(f"the base {self.ref} cannot be brought up:\n{lines}")

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait()
        for directory in (self._checkout, self.directory):
            shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def base_coming_up(stack: str, ref: str, overrides: Sequence[str] = ()) -> Iterator[BaseUp]:
    """Bring up what a commit declares, while others do something else; nothing of it is left afterwards."""
    base = BaseUp(stack, ref, overrides)
    try:
        yield base
    finally:
        base.close()


def change_over(base: BaseUp, settings: dict[str, Any], checked: Settings, *, quiet: bool) -> Base:
    """The plan that leads from a base, which is up, to a configuration."""
    place = base.place
    with deployment.only_run(place, "report"):
        before = embedded_state(place)
        world.prepare(place, checked)
        with starting(place) as cloud:
            run = EmbeddedRun(place, settings, cloud, deployment.load_program)
            plan = KeptPlan("preview")
            with Display(plan, console(), quiet=quiet):
                outcome = deployment.run_embedded(Request("preview", base.stack), run, plan)
    verdict = outcome.verdict or Verdict()
    if not outcome.succeeded and not outcome.blocked:
        _require(outcome, f"report-{base.stack}")
    return Base(base.ref, base.commit, plan, before, verdict)
