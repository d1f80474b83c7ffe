"""The files of this checkout, without what the command makes in it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
_MADE: Final = {".git", ".venv", ".nexus", "__pycache__", ".pytest_cache", ".ruff_cache", ".mypy_cache"}


def project_files() -> list[str]:
    """Their paths below the root, as git knows them; where there is no history, all that nothing made."""
    done = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0 and done.stdout:
        return [name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]
    found = []
    for folder, folders, files in os.walk(ROOT):
        folders[:] = sorted(set(folders) - _MADE)
        found += [(Path(folder) / name).relative_to(ROOT).as_posix() for name in files]
    return sorted(found)
