"""The table of the stack's outputs."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from cli.documents.declared import Declared
from cli.documents.parts import DocumentError, table


def outputs(declared: Declared) -> str:
    """Every output with its meaning and who uses it. Raises `DocumentError` for one without, and a meaning of none."""
    from infra.outputs import MEANINGS

    told = list(_flat(declared.outputs, ""))
    wrong = [f"the output {path} has no meaning" for path in told if not any(_is(path, name) for name in MEANINGS)]
    wrong += [f"no output is {name}" for name in MEANINGS if not any(_is(path, name) for path in told)]
    if wrong:
        raise DocumentError("\n".join(f"{each} (MEANINGS in infra/outputs.py)" for each in wrong))
    return table(
        ("output", "what it is", "used by"),
        ((f"`{_shown(name)}`", meaning.what, meaning.used_by) for name, meaning in MEANINGS.items()),
    )


def _flat(value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield path
        return
    for key, inner in value.items():
        yield from _flat(inner, f"{path}.{key}" if path else key)


def _is(path: str, name: str) -> bool:
    return path.count(".") == name.count(".") and fnmatchcase(path, name)


def _shown(name: str) -> str:
    for kind, word in (("tenants.", "HCSnnnn"), ("vault.secrets.", "secret"), ("apps.", "app"), ("edge.hosts.", "app")):
        if name.startswith(kind):
            return name.replace("*", f"<{word}>")
    return name
