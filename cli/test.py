"""`nexus test`: the project's own checks."""

from __future__ import annotations

import subprocess
import sys

import typer

from cli.console import say
from cli.place import ROOT


def command(context: typer.Context) -> None:
    """Run the linters, the type checker, then the tests; what follows is handed to pytest.

    Example: ./nexus test tests/unit -k naming
    """
    failed: list[str] = []
    for name, arguments in (
        ("ruff check", ["ruff", "check", "--quiet"]),
        ("ruff format --check", ["ruff", "format", "--check", "--quiet"]),
        ("mypy", ["mypy", "--no-error-summary"]),
    ):
        say(name)
        if subprocess.run([sys.executable, "-m", *arguments], cwd=ROOT, check=False).returncode:
            failed.append(name)
    if failed:
        # Said before the tests, so that pytest's own closing line is the last.
        say(f"Failed: {', '.join(failed)}")
    chosen = list(context.args)
    # A file's tests stay with one worker: what they share (a stack that is up) is then made once.
    # They come in an order of their own, the long ones first (tests/conftest.py).
    workers = ["-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"]
    if any(argument.startswith(("-n", "--numprocesses", "-p")) for argument in chosen):
        workers = []
    done = subprocess.run([sys.executable, "-m", "pytest", *workers, *chosen], cwd=ROOT, check=False)
    if done.returncode or failed:
        raise typer.Exit(done.returncode if done.returncode in {1, 2} else 1)
