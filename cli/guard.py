"""What a plan would lose (policies/data_loss), from the engine's own events, and what of it the settings allow.

A plan that loses anything that nobody accepted is blocked: a preview fails with all findings, and `up` makes the plan
first and writes nothing. The decision, and what it rests on, is docs/decisions/0004-data-loss-guard.md.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

import yaml
from rich.console import Console
from rich.markup import escape

from cli import clock
from cli.place import ROOT
from cli.progress import Problem, Progress, type_of
from policies.data_loss import Allowance, Finding, Judged, Plan, Step, Verdict, find_losses, settle

if TYPE_CHECKING:
    from infra.settings import Settings

KEY: Final = "nexuschat:dataLossAllowances"
State = Callable[[], Mapping[str, Any]]
"""Reads the stack's deployment as the engine keeps it."""

_PROTECTED: Final = re.compile(r'resource "(urn:pulumi:[^"]+)"\s+(?:cannot be deleted|as it is currently marked)')
_OPS: Final = {"same": "same", "create": "create", "update": "update", "replace": "replace", "delete": "delete"}
# Of a replacement, `replace` has both sides; these carry it out.
_CARRIED_OUT: Final = frozenset({"create-replacement", "delete-replaced"})


# ── from events to steps ─────────────────────────────────────────────────────────────────────────────────────────────


def steps_of(metadata: Iterable[Any]) -> list[Step]:
    """The steps of a plan from the engine's `resource_pre_event`s, a replacement as one step."""
    steps: list[Step] = []
    pending: dict[str, Any] = {}
    replaced: set[str] = set()
    for step in metadata:
        op = str(getattr(step.op, "value", step.op))
        if op in _CARRIED_OUT:
            if op == "delete-replaced":
                pending[step.urn] = step
            continue
        if op in ("import", "import-replacement"):
            # Where the engine tells what it found, that may be changed to what is declared.
            op = "update" if step.old is not None else "create"
        if op not in _OPS:
            continue
        if op == "replace":
            replaced.add(step.urn)
        steps.append(_step(op, step))
    # One whose replacement was made by a run before, and which still waits to be deleted.
    steps += [_step("delete", step) for urn, step in pending.items() if urn not in replaced]
    return steps


def _step(op: str, step: Any) -> Step:
    old, new = step.old, step.new
    state = old or new
    return Step(
        op=op,  # type: ignore[arg-type]
        urn=step.urn,
        type=step.type,
        id=(state.id if state else "") or "",
        parent=(state.parent if state else "") or "",
        old=(old.inputs if old else None) or {},
        old_outputs=(old.outputs if old else None) or {},
        new=(new.inputs if new and op != "delete" else None) or {},
        replace_keys=tuple(step.keys or ()),
        retained=bool(old and old.retain_on_delete),
    )


def _kept_by_protection(progress: Progress, state: Mapping[str, Any], seen: Sequence[Step]) -> list[Step]:
    """What would go, were it not protected: the engine names the first of them and then plans no deletion any more."""
    named = {
        match[1]: "replace" if "unable to replace" in problem.message else "delete"
        for problem in progress.problems
        if (match := _PROTECTED.search(problem.message))
    }
    if not named:
        return []
    known, going = {step.urn for step in seen}, {step.urn for step in seen if step.op in ("delete", "replace")}
    # Deletions are planned once the program has ended: what it has not declared by then is to go.
    ended = "delete" in named.values()
    return [
        Step(
            op="replace" if named.get(urn) == "replace" else "delete",
            urn=urn,
            type=type_of(urn),
            id=resource.get("id") or "",
            parent=resource.get("parent") or "",
            old=resource.get("inputs") or {},
            old_outputs=resource.get("outputs") or {},
            replace_keys=("what the engine does not say",) if named.get(urn) == "replace" else (),
            retained=bool(resource.get("retainOnDelete")),
        )
        for resource in state.get("resources") or ()
        if (urn := resource["urn"]) not in going and (urn in named or (ended and urn not in known))
    ]


# ── the verdict ──────────────────────────────────────────────────────────────────────────────────────────────────────


def judge(plan: Progress, settings: Settings, state: State, *, today: date | None = None) -> Verdict:
    """What a plan whose steps were kept would lose, and what of it the settings allow."""
    steps = steps_of(plan.steps or ())
    if any(_PROTECTED.search(problem.message) for problem in plan.problems):
        steps += _kept_by_protection(plan, state(), steps)
    findings = find_losses(Plan(steps))
    allowances = _allowances(settings)
    versions = _versions(state()) if findings else {}
    # One that was renamed by an alias is in the state under its earlier name.
    earlier = {step.urn: step.old.urn for step in plan.steps or () if step.old is not None}
    return settle(findings, allowances, today or clock.today(), lambda urn: versions.get(earlier.get(urn, urn), ""))


def nothing_lost(settings: Settings) -> Verdict:
    """The verdict where no plan is needed: every allowance matches nothing."""
    return Verdict(stale=_allowances(settings))


def _allowances(settings: Settings) -> list[Allowance]:
    return [
        Allowance(given.object, given.change, given.fingerprint, given.reason, given.acceptedBy, given.expires)
        for given in settings.data_loss_allowances
    ]


def _versions(state: Mapping[str, Any]) -> dict[str, str]:
    """By URN, since when each resource is as it is: the engine's own moments of making and last changing it."""
    return {
        resource["urn"]: f"{resource.get('id', '')} {resource['created']} {resource.get('modified', '')}"
        for resource in state.get("resources") or ()
        if resource.get("created")
    }


def as_problems(verdict: Verdict) -> list[Problem]:
    """What blocks a plan, for whoever tells problems."""
    return [Problem(judged.finding.urn, f"would lose data: {judged.finding}") for judged in verdict.blocked]


def as_json(verdict: Verdict) -> dict[str, Any]:
    return {
        "blocked": [_judged(judged) for judged in verdict.blocked],
        "allowed": [_judged(judged) for judged in verdict.allowed],
        "stale": [{"object": allowance.object, "change": allowance.change} for allowance in verdict.stale],
    }


def told(finding: Finding) -> dict[str, Any]:
    """One loss for a program."""
    return {
        "urn": finding.urn,
        "tenant": finding.tenant,
        "object": finding.object,
        "change": finding.change,
        "lost": finding.lost,
        "check_first": finding.check_first,
        "recoverable": finding.recoverable,
        "unknown": finding.unknown,
    }


def _judged(judged: Judged) -> dict[str, Any]:
    allowance = judged.allowance
    shown = {**told(judged.finding), "fingerprint": judged.fingerprint}
    if allowance is not None:
        shown |= {"reason": allowance.reason, "accepted_by": allowance.accepted_by}
    return shown | ({"refused": judged.refused} if judged.refused else {})


def show(verdict: Verdict, console: Console, stack: str, *, verb: str) -> None:
    """Tell what would be lost, what of it was accepted, and which allowances are to be taken out."""
    settings = f"Pulumi.{stack}.yaml"
    for judged in verdict.allowed:
        allowance = judged.allowance
        assert allowance is not None
        past = "spent" if verb == "up" else "will be spent"
        console.print(
            f"Accepted loss: {judged.finding.object}: {judged.finding.change} ({allowance.accepted_by}: "
            f"{allowance.reason}). Its allowance {past}: take it out of {settings}.",
            markup=False,
        )
    for allowance in verdict.stale:
        console.print(f"An allowance matches nothing: take it out of {settings}: {allowance}", markup=False)
    if not verdict.blocked:
        return
    console.print("[red]Data loss[/]")
    for judged in verdict.blocked:
        first, *more = str(judged.finding).splitlines()
        console.print(f"  [red]✗[/] {escape(first)}")
        for line in [*more, *([judged.refused] if judged.refused else [])]:
            console.print(f"    {escape(line)}")
    if verb != "destroy":
        offer(verdict, console, stack)


def offer(verdict: Verdict, console: Console, stack: str) -> None:
    """Tell what a person writes who accepts the losses that block a plan."""
    offered = [judged for judged in verdict.blocked if not judged.finding.unknown]
    if offered:
        console.print(f"Whoever accepts exactly that writes into Pulumi.{stack}.yaml, under config:", markup=False)
        console.print(proposal(offered), markup=False)


def proposal(blocked: Sequence[Judged]) -> str:
    """The settings that would pass these findings, for a person to complete."""
    entries = [
        {
            "object": judged.finding.object,
            "change": judged.finding.change,
            "fingerprint": judged.fingerprint,
            "reason": "",
            "acceptedBy": "",
            "expires": (clock.today() + timedelta(days=7)).isoformat(),
        }
        for judged in blocked
    ]
    text = yaml.safe_dump({KEY: entries}, sort_keys=False, allow_unicode=True, width=10_000)
    return "\n".join(f"  {line}" for line in text.splitlines())


# ── whether an embedded stack needs a plan before `up` ───────────────────────────────────────────────────────────────


_PROGRAM: Final = ("components", "infra", "emulator", "policies/data_loss", "__main__.py", "Pulumi.yaml")
_PACKAGES: Final = ("pulumi", "pulumi-snowflake", "pulumi-azure-native", "pulumi-random", "pulumi-tls")


def inputs_digest(settings: Settings) -> str:
    """Everything that decides a plan besides the state: program, settings, organisations, packages, interpreter."""
    from importlib.metadata import version

    # What was accepted changes nothing in a plan.
    digest = hashlib.sha256(repr(dataclasses.replace(settings, data_loss_allowances=())).encode())
    digest.update(repr([sys.version, *map(version, _PACKAGES)]).encode())
    for name in _PROGRAM:
        path = ROOT / name
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if "__pycache__" not in file.parts and file.is_file():
                digest.update(f"\0{file.relative_to(ROOT)}\0".encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()
