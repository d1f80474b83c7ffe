"""Keeps what introspection found of an SDK on disk, so that the next process need not load the SDK.

Loading the modules of the types of one deployment and reading their annotations takes most of a second at every
start of the embedded cloud. What is found depends on nothing but files: the SDK's, Pulumi's and ours, and the Python
that runs them. So it is kept in a folder that is named by a digest of these, one JSON document a file.

The folder is only a cache. A document that is missing, damaged or cannot be written costs time, nothing else.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import json
import os
import platform
import re
import shutil
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

_OURS: Final = (*sorted(Path(__file__).parent.glob("*.py")), Path(__file__).parent.parent / "azure" / "shapes.py")
"""The sources that decide what a document says."""
_UNUSED_DAYS: Final = 30
"""After this long without a new document a folder of other versions goes away."""

_directory: Path | None = None


def keep_in(directory: Path | None) -> None:
    """Keep documents below `directory` from now on, which is made when needed; None: keep none, the default."""
    global _directory
    _directory = directory
    _folder.cache_clear()


def document(package_name: str, key: str, make: Callable[[], Any]) -> Any:
    """The document `key` of an SDK package as it is kept, or as `make` makes it: plain JSON values."""
    folder = _folder(package_name)
    if folder is None:
        return make()
    file = folder / (re.sub(r"[^A-Za-z0-9-]+", "_", key) + ".json")
    try:
        kept = json.loads(file.read_bytes())
        if kept["key"] == key:
            return kept["value"]
    except (OSError, ValueError, KeyError, TypeError):
        pass
    value = make()
    with contextlib.suppress(OSError):
        _write(file, json.dumps({"key": key, "value": value}, separators=(",", ":")))
    return value


def is_kept(package_name: str) -> bool:
    """Whether documents of this package are kept at all: else nobody need make one."""
    return _folder(package_name) is not None


@cache
def _folder(package_name: str) -> Path | None:
    """Where documents of this package are: None where none are kept, or where its files cannot be told apart."""
    if _directory is None:
        return None
    digest = hashlib.sha256(f"{platform.python_implementation()} {platform.python_version()}".encode())
    for distribution in ("pulumi", "pulumi_" + package_name.replace("-", "_")):
        # The installer's list of the distribution's files, each with its digest.
        files = importlib.metadata.distribution(distribution).read_text("RECORD")
        if not files:
            return None
        digest.update(files.encode())
    for source in _OURS:
        digest.update(source.read_bytes())
    folder = _directory / f"{package_name}-{digest.hexdigest()[:20]}"
    try:
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            _remove_unused(package_name, folder)
    except OSError:
        return None
    return folder


def _remove_unused(package_name: str, but: Path) -> None:
    oldest = time.time() - _UNUSED_DAYS * 86_400
    for folder in but.parent.glob(f"{package_name}-*"):
        if folder != but and folder.stat().st_mtime < oldest:
            shutil.rmtree(folder, ignore_errors=True)


def _write(file: Path, text: str) -> None:
    """Whole or not at all, also where several processes write the same file."""
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=".", suffix=".new")
    try:
        with open(handle, "w", encoding="utf-8") as new:
            new.write(text)
        os.replace(name, file)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
