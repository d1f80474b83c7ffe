"""One loss that a plan would cause."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One loss: whose, of what, by which change, and what can be done about it.

    `object` is the object in its own cloud's terms (`table HCS0001_DB.NEXUSCHAT.CONVERSATIONS`) and `change` what
    happens to it (`drop column TITLE`): an allowance names exactly these two. `tenant` is the organisation's id; empty
    for what organisations share. `check_first` is what shows how much would be lost, since a plan cannot; empty where
    nothing does. `unknown` marks what the plan leaves open: no allowance passes it.
    """

    urn: str
    tenant: str
    object: str
    change: str
    lost: str
    recoverable: str
    check_first: str = ""
    unknown: bool = False

    def __str__(self) -> str:
        whose = f"{self.tenant}: " if self.tenant and self.tenant not in self.object else ""
        lines = [f"{whose}{self.object}: {self.change}", f"lost: {self.lost}"]
        if self.check_first:
            lines.append(f"check first: {self.check_first}")
        lines.append(f"recoverable: {self.recoverable}")
        return "\n".join(lines)
