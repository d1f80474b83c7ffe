"""Trouble on purpose: throttling, slow creation, failures and lost answers, at every n-th change of the cloud.

It is asked for by `NEXUS_CHAOS` or `nexus serve --chaos`, as `mode:every[:how]` with commas between:

- `fail-every:7` — each seventh change is refused with an internal error; nothing is done.
- `throttle-every:5:2` — each fifth is answered "too many requests" twice (2 unless said). A client asks again up to
  three times, as Azure's clients do; where that does not suffice, the change fails.
- `slow-every:3:600` — each third creation takes 600 seconds (unless said otherwise). One that takes longer than its
  caller waits (the resource's own timeout, else an hour) is reported as begun: it is there, and not finished.
- `lose-every:11` — each eleventh is carried out, and its answer never arrives.

Changes are creations, updates and deletions, counted in the order in which they arrive. Nobody sleeps: what would be
waited is added up and told. Packages that need no cloud (`random`, `tls`) are left alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeVar

from emulator.package import CloudError

VARIABLE: Final = "NEXUS_CHAOS"
RETRIES: Final = 3
"""How often a client asks again after "too many requests": the default of Azure's clients."""
RETRY_AFTER: Final = 10
"""Seconds that the cloud tells a throttled client to wait."""
PATIENCE: Final = 3600
"""Seconds that a caller without a timeout of its own waits for a creation."""

Mode = Literal["fail-every", "throttle-every", "slow-every", "lose-every"]
Change = Literal["create", "update", "delete"]
Answer = TypeVar("Answer")

_HOW: Final[dict[str, int | None]] = {"fail-every": None, "throttle-every": 2, "slow-every": 600, "lose-every": None}
"""The second number of each mode where it is not said; None for a mode that has none."""
_INTERNAL: Final = {
    "azure-native": 'Status=500 Code="InternalServerError" Message="The server encountered an error."',
    "snowflake": "000603 (XX000): SQL execution internal error: processing aborted",
}
_THROTTLED: Final = {
    "azure-native": 'Status=429 Code="TooManyRequests" Message="The request is being throttled."',
    "snowflake": "261001: HTTP status 429, too many requests",
}


class UnfinishedError(CloudError):
    """A creation that takes longer than its caller waits: `id` and `outputs` are of what is there by then."""

    def __init__(self, message: str, id_: str, outputs: dict[str, Any]) -> None:
        super().__init__(message)
        self.id = id_
        self.outputs = outputs


@dataclass(frozen=True, slots=True)
class Trouble:
    """One mode: `every` how many changes, and its own number (times, seconds)."""

    mode: Mode
    every: int
    how: int


@dataclass
class Chaos:
    """What is asked for, and what came of it. Used by the one thread that changes the cloud."""

    text: str
    troubles: dict[Mode, Trouble]
    changes: int = 0
    creations: int = 0
    happened: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_HOW, 0))
    waited: int = 0
    """Seconds that somebody would have waited."""

    @classmethod
    def of(cls, text: str) -> Chaos | None:
        """Read `mode:every[:how],…`; None where nothing is asked for. Raises `ValueError` with all that is wrong."""
        troubles: dict[Mode, Trouble] = {}
        problems: list[str] = []
        for part in filter(None, (part.strip() for part in text.split(","))):
            try:
                trouble = _trouble(part)
            except ValueError as problem:
                problems.append(f"{part!r} {problem}")
            else:
                if trouble.mode in troubles:
                    problems.append(f"{part!r} repeats {trouble.mode}")
                troubles[trouble.mode] = trouble
        if problems:
            raise ValueError("; ".join(problems))
        return cls(text, troubles) if troubles else None

    def status(self) -> dict[str, Any]:
        return {
            "asked": self.text,
            "changes": self.changes,
            "happened": {mode: self.happened[mode] for mode in self.troubles},
            "waited": self.waited,
        }

    def carry_out(self, package: str, change: Change, timeout: float, do: Callable[[], Answer]) -> Answer:
        """Do one change, or what is asked for instead. Raises `CloudError`, `UnfinishedError` for a slow creation."""
        self.changes += 1
        self.creations += change == "create"
        throttled = self._now("throttle-every")
        if throttled is not None:
            self.waited += min(throttled.how, RETRIES) * RETRY_AFTER
            if throttled.how > RETRIES:
                said = _THROTTLED.get(package, "429: too many requests")
                raise CloudError(f"{said} Still so after {RETRIES} more attempts. {self._blame(throttled)}")
        failing = self._now("fail-every")
        if failing is not None:
            raise CloudError(f"{_INTERNAL.get(package, '500: internal error')} {self._blame(failing)}")
        answer = do()
        lost = self._now("lose-every")
        if lost is not None:
            raise CloudError(
                "the connection broke before the answer came: whether the change took place is not known. "
                + self._blame(lost)
            )
        if change == "create":
            self._take_time(timeout, answer)
        return answer

    def _take_time(self, timeout: float, answer: Any) -> None:
        slow = self.troubles.get("slow-every")
        if slow is None or self.creations % slow.every:
            return
        self.happened["slow-every"] += 1
        patience = timeout or PATIENCE
        self.waited += int(min(slow.how, patience))
        if slow.how > patience:
            id_, outputs = answer
            message = f"not finished after {patience:g} s: context deadline exceeded. {self._blame(slow)}"
            raise UnfinishedError(message, id_, outputs)

    def _now(self, mode: Mode) -> Trouble | None:
        trouble = self.troubles.get(mode)
        if trouble is None or self.changes % trouble.every:
            return None
        self.happened[mode] += 1
        return trouble

    def _blame(self, trouble: Trouble) -> str:
        """So that nobody looks for the cause anywhere else."""
        return f"(Made on purpose: {VARIABLE} {trouble.mode}:{trouble.every}, change {self.changes}.)"


def _trouble(text: str) -> Trouble:
    mode, _, numbers = text.partition(":")
    if mode not in _HOW:
        raise ValueError(f"is none of {', '.join(_HOW)}")
    values = numbers.split(":")
    default = _HOW[mode]
    most = 1 if default is None else 2
    if len(values) > most or not all(value.isdecimal() and int(value) > 0 for value in values):
        form = f"{mode}:N" if default is None else f"{mode}:N or {mode}:N:{'TIMES' if mode[0] == 't' else 'SECONDS'}"
        raise ValueError(f"must be {form}, in whole numbers from 1")
    every, *how = map(int, values)
    return Trouble(mode, every, how[0] if how else default or 0)  # type: ignore[arg-type]
