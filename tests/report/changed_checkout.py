"""A copy of this checkout with a history of its own, and what the command writes there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
#: What the base declares, and what the change makes of it.
BEFORE = {"HCS0001": {}}
AFTER = {"HCS0001": {"retention_days": 10}, "HCS0002": {"monthly_credits": 80}}
#: Whatever else a process hands on, none of these may lead anywhere or show up anywhere.
CREDENTIALS = {"ARM_CLIENT_SECRET": "leaked-secret", "SNOWFLAKE_PRIVATE_KEY": "leaked-secret"}


@dataclass(frozen=True)
class Checkout:
    """A copy of this checkout with a history of its own: `HEAD` is the base, the files are the change."""

    directory: Path

    def run(self, *arguments: str, hash_seed: str = "0") -> subprocess.CompletedProcess[str]:
        own = {key: value for key, value in os.environ.items() if not key.startswith(("PULUMI_", "SNOWFLAKE_", "ARM_"))}
        own |= {"PYTHONPATH": str(self.directory), "NEXUS_DIRECTORY": str(self.home), "PYTHONHASHSEED": hash_seed}
        return subprocess.run(
            [sys.executable, "-P", "-m", "cli", *arguments],
            cwd=self.directory,
            env=own | CREDENTIALS,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    @property
    def home(self) -> Path:
        return self.directory.parent / "nexus"


@dataclass(frozen=True)
class Report:
    """What one command wrote."""

    ran: subprocess.CompletedProcess[str]
    directory: Path

    def text(self, name: str) -> str:
        return (self.directory / name).read_text(encoding="utf-8")

    @property
    def data(self) -> Any:
        return json.loads(self.text("report.json"))

    @property
    def graph(self) -> Any:
        return json.loads(self.text("graph.json"))

    @property
    def page(self) -> Path:
        return self.directory / "report.html"


def git(directory: Path, *arguments: str) -> bytes:
    who = ("-c", "user.name=Tester", "-c", "user.email=tester@example.org", "-c", "commit.gpgsign=false")
    return subprocess.run(["git", *who, *arguments], cwd=directory, capture_output=True, check=True).stdout


def organizations(directory: Path, declared: dict[str, Any]) -> None:
    file = directory / "tenants.yaml"
    committed = yaml.safe_load(file.read_text(encoding="utf-8"))
    file.write_text(yaml.safe_dump({**committed, "organizations": declared}), encoding="utf-8")
