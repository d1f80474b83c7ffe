"""Runs `up` as the command does, and prints everything that the engine tells of it: every field of every event.

python tests/engine/record_events.py TENANTS_FILE
"""

from __future__ import annotations

import sys
from enum import Enum
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cli import deployment
from cli.progress import Progress


class Recording(Progress):
    def on_event(self, event: Any) -> None:
        print(everything(event))
        super().on_event(event)


def everything(value: Any) -> str:
    """All that an event holds, down to its last field."""
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, dict):
        return "\n".join(f"{key} {everything(inner)}" for key, inner in value.items())
    if isinstance(value, list | tuple):
        return "\n".join(map(everything, value))
    if hasattr(value, "__dict__"):
        return everything(vars(value))
    return str(value)


def main(tenants_file: str) -> int:
    request = deployment.Request("up", "local", overrides=[f"tenants_file={tenants_file}"])
    with deployment.embedded_run(request) as run:
        outcome = deployment.run_embedded(request, run, Recording("up"))
    return 0 if outcome.succeeded else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
