"""What is written down of an organisation that leaves: who accepted it, what was exported, what was deleted when.

The record lies beside the organisations' file, to be committed with it. It holds counts and digests, and nobody's data.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cli.failure import BadInputError
from cli.settings_file import replace_text
from cli.tenants.file import OrganizationsFile

FOLDER: Final = "retirements"


def folder(file: OrganizationsFile) -> Path:
    return file.path.parent / FOLDER


def removed_organizations(file: OrganizationsFile) -> list[str]:
    """The ids of all that left or are leaving: none is given again."""
    return sorted(path.stem for path in folder(file).glob("*.json"))


@dataclass
class Record:
    """One organisation's record; `values` is what it holds."""

    path: Path
    values: dict[str, Any]

    @classmethod
    def of(cls, file: OrganizationsFile, organization: str) -> Record | None:
        """None where there is none. Raises `BadInputError` where it is no record."""
        path = folder(file) / f"{organization}.json"
        if not path.exists():
            return None
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            assert values["organization"] == organization
        except (OSError, ValueError, KeyError, TypeError, AssertionError):
            raise BadInputError(
                f"{path.name} is not the record of {organization}: take it from the last commit."
            ) from None
        return cls(path, values)

    @classmethod
    def new(cls, file: OrganizationsFile, organization: str, values: dict[str, Any]) -> Record:
        return cls(folder(file) / f"{organization}.json", {"organization": organization, **values})

    def write(self, **more: Any) -> None:
        """Add to it, and write it whole or not at all."""
        self.values |= more
        self.path.parent.mkdir(parents=True, exist_ok=True)
        replace_text(self.path, json.dumps(self.values, indent=2, ensure_ascii=False) + "\n")
