"""What the command's tests share: folders of their own, and the real engine where one is asked for."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cli import engine
from cli.place import Place


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """The local stack, in a folder of the test's own."""
    monkeypatch.setenv("NEXUS_DIRECTORY", str(tmp_path / "nexus"))
    return Place.of("local")


@pytest.fixture(scope="session")
def real_engine() -> engine.Engine:
    """The engine that the command itself would use; fetched or built where there is none yet."""
    return engine.acquire(lambda line: print(line, file=sys.stderr))
