"""What a check says: asked, expected, found."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

_COLUMN: Final = 80
"""Characters at most, so that the columns stay side by side where no terminal limits them."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference between what is declared and what is there; `resource` is the name to look for."""

    resource: str
    found: str


@dataclass(slots=True)
class Check:
    """One line of the report: it passes when nothing was found that should not be.

    `tried` counts what the check really did, so that a check that did nothing shows as failed.
    """

    area: str
    asked: str
    expected: str
    found: str = ""
    tried: int = 0
    findings: list[Finding] = field(default_factory=list)
    seconds: float = 0.0
    _names: int = 0

    @property
    def passed(self) -> bool:
        return self.tried > 0 and not self.findings

    def as_json(self) -> dict[str, Any]:
        return {
            "area": self.area,
            "asked": self.asked,
            "expected": self.expected,
            "found": self.told(),
            "passed": self.passed,
            "tried": self.tried,
            "findings": [asdict(finding) for finding in self.findings],
            "seconds": round(self.seconds, 3),
        }

    def told(self) -> str:
        """What was found, in a few words."""
        if self.findings:
            names = [finding.resource for finding in self.findings]
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            return f"{len(names)} wrong: {', '.join(names[:3])}{more}"
        if not self.tried:
            return "nothing to try"
        return self.found or f"{self.expected} ({self.tried} compared)"

    def fail(self, resource: str, found: str) -> None:
        self.findings.append(Finding(resource, found))

    def compare(self, resource: str, what: str, expected: object, found: object) -> None:
        """Note one comparison: a difference is a finding on `resource`."""
        self.tried += 1
        if expected != found:
            self.fail(resource, f"{what} is {found!r}, declared {expected!r}")

    def compare_sets(self, kind: str, expected: set[str], found: set[str]) -> None:
        """Note a comparison of names: each missing and each surplus one is a finding of its own."""
        self.tried += max(len(expected), 1)
        self._names += len(found)
        self.found = f"{self._names} {kind}{'' if self._names == 1 else 's'}"
        for name in sorted(expected - found):
            self.fail(name, f"{kind} is missing")
        for name in sorted(found - expected):
            self.fail(name, f"{kind} is there but not declared")


@dataclass(slots=True)
class Report:
    """All checks of one run, in order."""

    checks: list[Check] = field(default_factory=list)

    @contextmanager
    def check(self, area: str, asked: str, expected: str) -> Iterator[Check]:
        """A check to fill in; that it cannot be carried out is its failure, not the run's end."""
        check = Check(area, asked, expected)
        self.checks.append(check)
        start = time.perf_counter()
        try:
            yield check
        except CheckImpossibleError as reason:
            check.fail(reason.resource, str(reason))
        finally:
            check.seconds = time.perf_counter() - start

    @property
    def failed(self) -> list[Check]:
        return [check for check in self.checks if not check.passed]

    def as_json(self) -> dict[str, Any]:
        return {
            "passed": not self.failed,
            "checks": [check.as_json() for check in self.checks],
        }

    def show(self, console: Console) -> None:
        """Every check, a line each under its area, then what is wrong, a line a resource."""
        table = Table(box=None, pad_edge=False, header_style="bold")
        for heading in ("asked", "expected", "found"):
            table.add_column(heading, overflow="fold", max_width=_COLUMN)
        area = None
        for check in self.checks:
            if check.area != area:
                area = check.area
                table.add_row(f"[bold]{escape(area)}[/]")
            mark = "[green]✓[/]" if check.passed else "[red]✗[/]"
            table.add_row(f"  {mark} {escape(check.asked)}", escape(check.expected), escape(check.told()))
        console.print(table)
        for check in self.failed:
            for finding in check.findings:
                console.print(
                    f"[red]✗[/] [bold]{escape(finding.resource)}[/]: {escape(finding.found)}"
                    f" [dim]({escape(check.asked)})[/]"
                )
            if not check.findings:
                console.print(f"[red]✗[/] {escape(check.asked)}: nothing was there to try")


class CheckImpossibleError(Exception):
    """A check cannot be carried out; `resource` names what stands in its way."""

    def __init__(self, resource: str, message: str) -> None:
        super().__init__(message)
        self.resource = resource
