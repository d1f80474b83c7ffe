"""What the engine is doing, from its event stream: counts, failures, one line of progress, the table at the end."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from cli.differences import SHOWN, differences
from infra.words import kind_of as kind_of

if TYPE_CHECKING:
    from pulumi.automation.events import EngineEvent

COLUMNS: Final = ("created", "updated", "replaced", "deleted", "unchanged")
# A replacement shows itself as a `replace` step beside those that carry it out: those are not counted again.
_OUTCOMES: Final = {
    "create": "created",
    "import": "created",
    "update": "updated",
    "replace": "replaced",
    "delete": "deleted",
    "same": "unchanged",
    "refresh": "unchanged",
    "read": "unchanged",
    "discard": "deleted",
}
_STARTS_POLICIES: Final = "using pulumi-analyzer-policy-python from $PATH"
"""Said of the way in which policies are started where there is no language host: as meant, and no warning."""
_PRESENT: Final = {"created": "create", "updated": "update", "replaced": "replace", "deleted": "delete"}
_DOING: Final = {
    "create": "creating",
    "create-replacement": "creating anew",
    "update": "updating",
    "delete": "deleting",
    "delete-replaced": "deleting the old",
    "refresh": "reading back",
}


def type_of(urn: str) -> str:
    return urn.split("::")[2].rsplit("$", 1)[-1]


def name_of(urn: str) -> str:
    return urn.rsplit("::", 1)[-1]


@dataclass(slots=True)
class Problem:
    """One error: the resource it is about (its URN; empty for the run as a whole), and the message."""

    urn: str
    message: str

    def __str__(self) -> str:
        if not self.urn:
            return self.message
        return f"{kind_of(type_of(self.urn))} {name_of(self.urn)}: {self.message}"


@dataclass
class Progress:
    """Listens to one run of the engine. Its numbers may be read at any time."""

    verb: str
    total: int | None = None
    outcomes: dict[str, str] = field(default_factory=dict)
    """URN to what became of the resource (`created`)."""
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    violations: list[Problem] = field(default_factory=list)
    judged: list[tuple[str, str, str]] = field(default_factory=list)
    """What policies said, violated or excepted: the policy's name, the URN, the message."""
    outputs: dict[str, Any] = field(default_factory=dict)
    """The stack's own outputs, as the engine told them: secret values are masked."""
    differences: dict[str, list[str]] = field(default_factory=dict)
    """What changes in a resource that is there already, by URN."""
    current: dict[str, str] = field(default_factory=dict)
    """What is under way: URN to words (`creating`)."""
    started: float = field(default_factory=time.monotonic)
    ended: float | None = None
    steps: list[Any] | None = None
    """Where it is a list: every planned step, as the engine told it (the guard against data loss reads them)."""
    planning: Progress | None = None
    """The plan that is made before anything is done, while it is being made."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def on_event(self, event: EngineEvent) -> None:
        with self._lock:
            if event.resource_pre_event is not None:
                if self.steps is not None:
                    self.steps.append(event.resource_pre_event.metadata)
                self._begins(event.resource_pre_event.metadata)
            elif event.res_outputs_event is not None:
                self._ends(event.res_outputs_event.metadata)
            elif event.res_op_failed_event is not None:
                self.current.pop(event.res_op_failed_event.metadata.urn, None)
            elif event.diagnostic_event is not None:
                self._diagnostic(event.diagnostic_event)
            elif event.policy_event is not None:
                policy = event.policy_event
                found = Problem(policy.resource_urn or "", f"[{policy.policy_name}] {policy.message.strip()}")
                # The message begins with the policy's title, on a line of its own.
                told = policy.message.strip().partition("\n")[2] or policy.message.strip()
                self.judged.append((policy.policy_name, policy.resource_urn or "", told))
                (self.violations if policy.enforcement_level == "mandatory" else self.warnings).append(found)

    def _begins(self, step: Any) -> None:
        doing = _DOING.get(step.op)
        if doing:
            self.current[step.urn] = doing
        elif step.op == "same" or self.verb == "preview":
            self.current.pop(step.urn, None)
        if step.op == "replace":
            self.outcomes[step.urn] = "replaced"
        if step.op in ("update", "replace"):
            self.differences[step.urn] = differences(step)

    def _ends(self, step: Any) -> None:
        self.current.pop(step.urn, None)
        if step.type == "pulumi:pulumi:Stack" and step.new is not None:
            self.outputs = dict(step.new.outputs or {})
        outcome = _OUTCOMES.get(step.op)
        if step.op == "refresh":
            outcome = _refreshed(step)
        if outcome is not None and step.op != "replace":
            self._count(step, outcome)

    def _count(self, step: Any, outcome: str) -> None:
        # The engine may tell of one resource several times (the stack, once more with its outputs).
        if outcome != "unchanged" or step.urn not in self.outcomes:
            self.outcomes[step.urn] = outcome

    def _diagnostic(self, diagnostic: Any) -> None:
        if diagnostic.severity not in {"error", "warning"}:
            return
        message = diagnostic.message.strip()
        found = Problem(diagnostic.urn or "", message)
        if message.startswith(_STARTS_POLICIES):
            return
        # The engine repeats a resource's failure as the failure of the whole.
        if not message or message == "update failed" or message == "preview failed":
            return
        where = self.problems if diagnostic.severity == "error" else self.warnings
        if all((known.urn, known.message) != (found.urn, found.message) for known in where):
            where.append(found)

    def finish(self) -> None:
        self.ended = time.monotonic()

    @property
    def seconds(self) -> float:
        return (self.ended or time.monotonic()) - self.started

    @property
    def changes(self) -> list[tuple[str, str]]:
        """What changes: the outcome and the URN."""
        with self._lock:
            return [(outcome, urn) for urn, outcome in self.outcomes.items() if outcome != "unchanged"]

    def by_kind(self) -> dict[str, Counter[str]]:
        """How many resources of each kind became what, by kind in order."""
        counts: dict[str, Counter[str]] = {}
        with self._lock:
            for urn, outcome in self.outcomes.items():
                counts.setdefault(kind_of(type_of(urn)), Counter())[outcome] += 1
        return dict(sorted(counts.items()))

    def totals(self) -> Counter[str]:
        with self._lock:
            return Counter(self.outcomes.values())

    def line(self) -> str:
        """Where it is now, in one line."""
        if self.planning is not None:
            return f"planning: {self.planning.line()}"
        with self._lock:
            done = len(self.outcomes)
            of = f" of {self.total}" if self.total and self.total >= done else ""
            text = f"{done}{of} resources, {self.seconds:.0f} s"
            if self.problems:
                text += f", {len(self.problems)} failed"
            if self.current:
                urn, doing = next(reversed(self.current.items()))
                text += f" · {doing} {kind_of(type_of(urn))} {name_of(urn)}"
            return text

    def as_json(self) -> dict[str, Any]:
        return {
            "changes": {column: self.totals()[column] for column in COLUMNS},
            "resources": {
                kind: {column: counts[column] for column in COLUMNS if counts[column]}
                for kind, counts in self.by_kind().items()
            },
            "differences": dict(self.differences),
            "errors": [{"urn": problem.urn, "message": problem.message} for problem in self.problems],
            "violations": [{"urn": problem.urn, "message": problem.message} for problem in self.violations],
            "warnings": [{"urn": problem.urn, "message": problem.message} for problem in self.warnings],
            "seconds": round(self.seconds, 2),
        }


def _refreshed(step: Any) -> str:
    """What reading a resource back has found."""
    if step.new is None:
        return "deleted"
    old = step.old.outputs if step.old else {}
    return "unchanged" if old == step.new.outputs else "updated"


class Display:
    """Shows a run while it goes on: one line in place on a terminal, a line now and then elsewhere."""

    def __init__(self, progress: Progress, console: Console, *, quiet: bool = False) -> None:
        self._progress = progress
        self._console = console
        self._quiet = quiet
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._live: Live | None = None

    def __enter__(self) -> Display:
        if self._quiet:
            return self
        if self._console.is_terminal:
            self._live = Live(
                get_renderable=lambda: Text(self._progress.line(), style="cyan", no_wrap=True, overflow="ellipsis"),
                console=self._console,
                # Each redraw takes time from the program, which runs in this very process.
                refresh_per_second=5,
                transient=True,
            )
            self._live.__enter__()
        else:
            self._thread = threading.Thread(target=self._lines, daemon=True)
            self._thread.start()
        return self

    def _lines(self) -> None:
        while not self._over.wait(10):
            self._console.print(self._progress.line(), markup=False)

    def __exit__(self, *exception: Any) -> None:
        self._over.set()
        if self._live is not None:
            self._live.__exit__(*exception)
        if self._thread is not None:
            self._thread.join()


def show_plan(
    progress: Progress, console: Console, only: Collection[str] = COLUMNS, urns: Collection[str] | None = None
) -> None:
    """Every planned change whose outcome is among `only`, and what it changes in what is there; of `urns` alone, where
    they are given."""
    marks = {
        "created": ("+", "green"),
        "updated": ("~", "yellow"),
        "replaced": ("±", "magenta"),
        "deleted": ("-", "red"),
    }
    lines = []
    for outcome, urn in progress.changes:
        if outcome in only and (urns is None or urn in urns):
            mark, colour = marks[outcome]
            lines.append(Text(f"  {mark} {_PRESENT[outcome]} {kind_of(type_of(urn))} {name_of(urn)}", style=colour))
            found = progress.differences.get(urn, [])
            lines += [Text(f"      {line}", style="dim") for line in found[:SHOWN]]
            if len(found) > SHOWN:
                lines.append(Text(f"      and {len(found) - SHOWN} more", style="dim"))
    if lines:
        # Printed at once: a thousand lines one by one, each parsed for colours, take a third of a second.
        console.print(Text("\n").join(lines))


def show_problems(title: str, problems: Iterable[Problem], console: Console) -> None:
    problems = list(problems)
    if not problems:
        return
    console.print(f"[red]{escape(title)}[/]")
    for problem in problems:
        first, *more = str(problem).splitlines()
        console.print(f"  [red]✗[/] {escape(first)}")
        for line in more:
            console.print(f"    {escape(line.strip())}")


def show_summary(progress: Progress, headline: str, console: Console) -> None:
    """The table by kind. Kinds that nothing happened to are one line."""
    changed = {kind: counts for kind, counts in progress.by_kind().items() if any(counts[c] for c in COLUMNS[:-1])}
    totals = progress.totals()
    columns = [column for column in COLUMNS if totals[column]]
    if changed:
        table = Table(title=None, box=None, pad_edge=False, header_style="bold", show_footer=len(changed) > 1)
        table.add_column("resource", "all")
        for column in columns:
            table.add_column(column, str(totals[column]), justify="right")
        for kind, counts in changed.items():
            table.add_row(escape(kind), *(str(counts[column] or "") for column in columns))
        rest = totals["unchanged"] - sum(counts["unchanged"] for counts in changed.values())
        if rest:
            table.add_row("other kinds", *(str(rest) if column == "unchanged" else "" for column in columns))
        console.print(table)
    words = ", ".join(f"{totals[column]} {column}" for column in columns) or "no resources"
    console.print(f"{escape(headline)}: {words} in {progress.seconds:.1f} s")
