"""The real command on the embedded cloud, in a directory of its own: two tenants, so that a run takes seconds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Ran:
    """One run of the command: its exit code and what it printed."""

    code: int
    stdout: str
    stderr: str

    @property
    def answer(self) -> Any:
        return json.loads(self.stdout)

    def __str__(self) -> str:
        return f"exit code {self.code}\n--- stdout\n{self.stdout}\n--- stderr\n{self.stderr}"


@dataclass
class Nexus:
    """`./nexus` as a user has it, its state and its organisations' file under `directory`."""

    directory: Path

    @property
    def environment(self) -> dict[str, str]:
        environment = {
            key: value for key, value in os.environ.items() if not key.startswith(("PULUMI_", "SNOWFLAKE_", "ARM_"))
        }
        return environment | {"NEXUS_DIRECTORY": str(self.home)}

    @property
    def home(self) -> Path:
        return self.directory / "nexus"

    @property
    def stack(self) -> Path:
        return self.home / "local"

    @property
    def tenants_file(self) -> Path:
        return self.directory / "tenants.yaml"

    def tenants(self, **organizations: Mapping[str, Any]) -> None:
        """Declare the organisations: each with its own settings beside the committed defaults."""
        committed = yaml.safe_load((ROOT / "tenants.yaml").read_text(encoding="utf-8"))
        text = yaml.safe_dump({**committed, "organizations": {name: dict(own) for name, own in organizations.items()}})
        self.tenants_file.write_text(text, encoding="utf-8")

    def command(self, *arguments: str) -> list[str]:
        changes = (
            ["--set", f"tenants_file={self.tenants_file}"]
            if arguments[0] in {"up", "preview", "adopt", "rotate-key", "tenants"}
            else []
        )
        return [sys.executable, "-m", "cli", *arguments, *changes]

    def run(self, *arguments: str, expect: int | None = 0, environment: Mapping[str, str] | None = None) -> Ran:
        """Run it to its end; `expect` is the exit code that it must give, None for any."""
        done = subprocess.run(
            self.command(*arguments),
            cwd=ROOT,
            env=self.environment if environment is None else dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        ran = Ran(done.returncode, done.stdout, done.stderr)
        assert expect is None or ran.code == expect, f"nexus {' '.join(arguments)}: {ran}"
        return ran

    @staticmethod
    def allowing(blocked: Ran) -> list[str]:
        """The arguments that accept every loss for which a run was blocked, as a reviewed change of settings would."""
        accepted = [
            {key: found[key] for key in ("object", "change", "fingerprint")}
            | {"reason": "tried in a test", "acceptedBy": "officer@example.org", "expires": "2999-12-31"}
            for found in blocked.answer["data_loss"]["blocked"]
        ]
        return ["--set", f"dataLossAllowances={json.dumps(accepted)}"]

    def sql(self, statement: str, role: str = "SYSADMIN") -> list[dict[str, Any]]:
        """Rows of the last statement, as the deploy user in a role."""
        *_, answer = self.run("sql", "--role", role, "--json", statement).answer
        return [dict(zip(answer["columns"], row, strict=True)) for row in answer["rows"]]

    @contextmanager
    def serving(self) -> Iterator[dict[str, Any]]:
        """Keep the cloud up for what is done inside, as `nexus serve` does."""
        with subprocess.Popen(
            self.command("serve", "--json"),
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        ) as server:
            assert server.stdout is not None
            try:
                yield json.loads(server.stdout.readline())
            finally:
                server.terminate()
                server.communicate(timeout=60)

    def resources(self) -> list[dict[str, Any]]:
        """The resources of the engine's state."""
        (file,) = (self.stack / "state" / ".pulumi" / "stacks").rglob("local.json")
        resources: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))["checkpoint"]["latest"][
            "resources"
        ]
        return resources
