"""How far a migration is: its step, its rate and the time that is left."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TextIO

_EVERY: Final = 0.5
_EVERY_LINE: Final = 10.0
_WARM_UP: Final = 1.0
_UNITS: Final = {"reading": ("MB", 1_000_000)}


@dataclass
class Progress:
    """One line on a terminal, which the next replaces; elsewhere a line every ten seconds."""

    output: TextIO = field(default_factory=lambda: sys.stderr)
    clock: Callable[[], float] = time.monotonic
    _step: str = ""
    _begun: float = 0.0
    _shown: float = 0.0

    def __call__(self, step: str, done: int, total: int) -> None:
        now = self.clock()
        if step != self._step:
            self._step, self._begun, self._shown = step, now, now
        terminal = self.output.isatty()
        if now - self._shown < (_EVERY if terminal else _EVERY_LINE):
            return
        self._shown = now
        line = line_of(step, done, total, now - self._begun)
        self.output.write(f"\r\033[K{line}" if terminal else line + "\n")
        self.output.flush()

    def end(self) -> None:
        if self.output.isatty():
            self.output.write("\r\033[K")


def line_of(step: str, done: int, total: int, seconds: float) -> str:
    """What is said after so many seconds."""
    unit, size = _UNITS.get(step, ("documents", 1))
    rate = done / seconds if seconds > 0 else 0.0
    whole = f" of {total / size:,.0f}" if total else ""
    line = f"{step}: {done / size:,.0f}{whole} {unit}, {rate / size:,.0f}/s"
    if total and rate and seconds >= _WARM_UP:
        left = max(total - done, 0) / rate
        line += f", {int(left) // 60}:{int(left) % 60:02d} left"
    return line
