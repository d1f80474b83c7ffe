"""Our own stack with any number of tenants, in a directory of its own that nothing else uses."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

from cli.place import ROOT


@dataclass(frozen=True, slots=True)
class BenchStack:
    """The stack `local`, with its state in `directory` and its organisations in a file there."""

    directory: Path
    tenants: int

    @classmethod
    def make(cls, directory: Path, *, tenants: int) -> BenchStack:
        """Write the organisations' file: the first of the committed ones, and made-up ones beyond them."""
        directory.mkdir(parents=True)
        committed = yaml.safe_load((ROOT / "tenants.yaml").read_text(encoding="utf-8"))
        known = committed["organizations"]
        names = [*sorted(known), *(f"HCS{number:04d}" for number in range(len(known) + 1, tenants + 1))][:tenants]
        organizations = {name: known.get(name) for name in names}
        text = yaml.safe_dump({**committed, "organizations": organizations}, sort_keys=False)
        (directory / "tenants.yaml").write_text(text, encoding="utf-8")
        return cls(directory, tenants)

    @property
    def environment(self) -> dict[str, str]:
        return {"NEXUS_DIRECTORY": str(self.directory / "nexus")}

    def command(self, verb: str, *arguments: str) -> tuple[str, ...]:
        """The command that a user's `./nexus` runs once its environment is made."""
        return (sys.executable, "-m", "cli", verb, "--stack", "local", *arguments)

    @property
    def setting(self) -> tuple[str, str]:
        """The option that makes a run take this stack's organisations."""
        return ("--set", f"tenants_file={self.directory / 'tenants.yaml'}")

    def resources(self) -> int:
        """How many resources the state holds, all kinds, the stack itself not counted."""
        (state,) = (self.directory / "nexus" / "local" / "state").rglob("local.json")
        checkpoint = json.loads(state.read_text(encoding="utf-8"))["checkpoint"]["latest"]
        return len(checkpoint["resources"]) - 1
