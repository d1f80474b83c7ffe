"""What is written down of an organisation that leaves: who accepted it, what was exported, what was deleted when.

The record lies beside the organisations' file, to be committed with it. It holds counts and digests, and nobody's data.
"""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from cli import deployment
from cli.access import stack_access
from cli.connector import one_line, rows
from cli.deployment import embedded_state
from cli.failure import BadInputError, FailureError
from cli.place import Place
from cli.settings_file import KeptFile, replace_text
from cli.tenants.file import OrganizationsFile

FOLDER: Final = "retirements"


def folder(file: OrganizationsFile) -> Path:
    return file.path.parent / FOLDER


def removed_organizations(file: OrganizationsFile) -> list[str]:
    """The ids of all that left or are leaving: none is given again."""
    return sorted(path.stem for path in folder(file).glob("*.json"))


def registered_as_removed(stack: str) -> list[str]:
    """The ids of all that the account's own register has as removed; none where the stack is not up.

    Raises `FailureError` in Snowflake's words where the register cannot be read.
    """
    from snowflake.connector import Error

    if deployment.is_embedded(stack) and not embedded_state(Place.of(stack)).get("resources"):
        return []
    with stack_access(stack) as access:
        _, outputs = access.state()
        shared = outputs["shared"]
        table = f'"{shared["database"]}"."{shared["schema"]}"."ORGANIZATIONS"'
        question = f"SELECT ORGANIZATION_ID FROM {table} WHERE REMOVED_AT IS NOT NULL"  # noqa: S608 - names of ours
        try:
            with access.as_deploy_user("ACCOUNTADMIN", shared["warehouse"]) as cursor:
                return sorted(str(row["organization_id"]) for row in rows(cursor, question))
        except Error as error:
            raise FailureError(one_line(error)) from None


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
            whole = values["organization"] == organization and _is_whole(values)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            whole = False
        if not whole:
            raise BadInputError(f"{path.name} is not the record of {organization}: take it from the last commit.")
        return cls(path, values)

    @property
    def kept_until(self) -> date:
        """The day before which nothing may be deleted, as it was accepted."""
        return date.fromisoformat(self.values["retired"]["delete_from"])

    @classmethod
    def new(cls, file: OrganizationsFile, organization: str, values: dict[str, Any]) -> Record:
        return cls(folder(file) / f"{organization}.json", {"organization": organization, **values})

    def kept(self) -> AbstractContextManager[None]:
        """Put it back as it is now where what is done inside breaks off."""
        return KeptFile.read(self.path).kept()

    def write(self, **more: Any) -> None:
        """Add to it, and write it whole or not at all."""
        self.values = {**self.values, **more}
        replace_text(self.path, json.dumps(self.values, indent=2, ensure_ascii=False) + "\n")


def _is_whole(values: dict[str, Any]) -> bool:
    """Whether it says what the later steps go by. Raises what reading something else brings."""
    retired, export = values["retired"], values["export"]
    date.fromisoformat(retired["delete_from"])
    datetime.fromisoformat(export.get("began_at") or export["exported_at"])
    told = [retired["since"], retired["accepted_by"], export["schema"]]
    for table in export["tables"]:
        told += [table["table"], table["sha256"]]
        if type(table["rows"]) is not int:
            return False
    deletion = values.get("deletion", {"accepted_by": ""})
    return all(isinstance(each, str) for each in (*told, deletion["accepted_by"]))
