"""Writes the settings by which objects are taken over: into the stack's file, or beside an embedded stack's state."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from cli import configuration, deployment
from cli.place import Place
from cli.settings_file import KeptFile, edited, replace_text

_HEAD: Final = """\
# What this stack takes over (`./nexus adopt`). To take something back before `./nexus up`, take its line out.
"""


def file_of(stack: str) -> Path:
    """Where a stack's settings about what it takes over are written."""
    return Place.of(stack).adopted if deployment.is_embedded(stack) else configuration.stack_file(stack)


def write(stack: str, imports: Mapping[str, Mapping[str, Any]], settings: Mapping[tuple[str, ...], Any]) -> Path:
    """Add entries to `imports` and set other settings (by their path under `config`), whole or not at all.

    Everything else in the file stays as it is. Raises `BadInputError` where it cannot be changed so, or where the
    configuration would not be valid.
    """
    file = KeptFile.read(file_of(stack))
    project = configuration.project()
    named = {(f"{project}:{key}", *path): value for (key, *path), value in settings.items()}
    if file.before is None:
        text = _begun({f"{project}:imports": dict(imports)} if imports else {}, named)
    else:
        text = file.before
        if imports:
            text = edited(text, ("config", f"{project}:imports"), dict(imports), block=True)
        for (*above, last), value in named.items():
            text = edited(text, ("config", *above), {last: value})
    with file.kept():
        replace_text(file.path, text)
        deployment.check_settings(configuration.load(stack))
    return file.path


def without_organization(stack: str, organization: str) -> KeptFile:
    """Take out what was taken over of an organisation that is declared no more; gives the file as it was.

    Its objects' logical names begin with its id. Where nothing of it was taken over, nothing is written.
    """
    file = KeptFile.read(file_of(stack))
    key = f"{configuration.project()}:imports"
    known = ((yaml.safe_load(file.before or "") or {}).get("config") or {}).get(key) or {}
    own = [name for name in known if re.match(rf"{organization}(?![0-9A-Za-z])", name.split()[-1])]
    if own and len(own) == len(known):
        replace_text(file.path, edited(file.before or "", ("config",), {key: None}))
    elif own:
        replace_text(file.path, edited(file.before or "", ("config", key), dict.fromkeys(own)))
    return file


def _begun(config: dict[str, Any], settings: Mapping[tuple[str, ...], Any]) -> str:
    """A new file."""
    for (*above, last), value in settings.items():
        inner = config
        for part in above:
            inner = inner.setdefault(part, {})
        inner[last] = value
    return _HEAD + yaml.safe_dump({"config": config}, sort_keys=False, allow_unicode=True)
