"""Stacks' own settings, and organisations' files of other sizes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]


def stack_config(stack: str) -> dict[str, Any]:
    """A stack's configuration as its file has it."""
    return dict(yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8"))["config"])


def as_engine_sends(config: dict[str, Any]) -> dict[str, str]:
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}


def organisations_file(directory: Path, count: int, more: str = "") -> str:
    """A file of `count` organisations, for a test that need not declare all twenty."""
    path = directory / f"organisations-{count}.yaml"
    defaults = (ROOT / "tenants.yaml").read_text(encoding="utf-8").split("organizations:")[0]
    lines = "".join(f"  HCS{number:04d}: {{}}\n" for number in range(1, count + 1))
    path.write_text(f"{defaults}organizations:\n{lines}{more}", encoding="utf-8")
    return str(path)
