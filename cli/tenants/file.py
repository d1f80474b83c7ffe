"""The organisations' file of a stack: what it says, and changes to it that keep its comments and order."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

from cli import configuration, deployment
from cli.failure import BadInputError
from cli.place import ROOT
from cli.settings_file import KeptFile, edited, read_text, replace_text

ORGANIZATIONS: Final = "organizations"
_ID: Final = re.compile(r"HCS([0-9]{4})")
_LAST: Final = 9999


@dataclass
class OrganizationsFile(KeptFile):
    """A stack's organisations' file."""

    stack: str
    overrides: Sequence[str]

    @classmethod
    def of(cls, stack: str, overrides: Sequence[str] = ()) -> OrganizationsFile:
        """Raises `BadInputError` with everything that is wrong in the stack's settings, this file's included."""
        settings = configuration.load(stack, overrides)
        completed(settings)
        name = (settings.get("config") or {}).get(f"{configuration.project()}:tenants_file") or "tenants.yaml"
        path = ROOT / name
        return cls(path, read_text(path), stack, overrides)

    @property
    def text(self) -> str:
        """As it is now."""
        return read_text(self.path)

    def organizations(self) -> dict[str, dict[str, Any]]:
        """What each organisation's line says, by its id in order."""
        known = yaml.safe_load(self.text)[ORGANIZATIONS]
        return {name: dict(known[name] or {}) for name in sorted(known)}

    def require(self, organization: str) -> dict[str, Any]:
        """What its line says. Raises `BadInputError` where it has none."""
        known = self.organizations()
        if organization not in known:
            near = difflib.get_close_matches(organization, known, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise BadInputError(
                f"{organization} is not among the {len(known)} organisations of {self.path.name}.{hint}"
            )
        return known[organization]

    def next_free(self, used: Sequence[str]) -> str:
        """The id after the highest one; `used` are those that were given before, which are never given again.

        Raises `BadInputError` where none is left.
        """
        numbers = [int(match[1]) for name in (*self.organizations(), *used) if (match := _ID.fullmatch(name))]
        number = max(numbers, default=0) + 1
        if number > _LAST:
            raise BadInputError("no id is free after HCS9999: give one that is (ORGANIZATION).")
        return f"HCS{number:04d}"

    def add(self, organization: str, values: Mapping[str, Any]) -> None:
        """Write a line for it behind the last one."""
        replace_text(self.path, edited(self.text, (ORGANIZATIONS,), {organization: dict(values)}))

    def change(self, organization: str, changes: Mapping[str, Any]) -> None:
        """Set keys of its line, or take those away whose new value is None; no more than that changes."""
        text = self.text
        own = dict(yaml.safe_load(text)[ORGANIZATIONS][organization] or {})
        left = {key: value for key, value in {**own, **changes}.items() if value is not None}
        # A mapping without a key cannot be written as lines.
        whole = not own or not left
        path, values = ((ORGANIZATIONS,), {organization: left}) if whole else ((ORGANIZATIONS, organization), changes)
        replace_text(self.path, edited(text, path, values))

    def remove(self, organization: str) -> None:
        """Take its line out."""
        replace_text(self.path, edited(self.text, (ORGANIZATIONS,), {organization: None}))

    def difference(self) -> list[str]:
        """The lines that were taken out (-) and put in (+) since the file was read."""
        lines = difflib.unified_diff((self.before or "").splitlines(), self.text.splitlines(), lineterm="", n=0)
        return [line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---")]

    def check(self) -> dict[str, Any]:
        """The stack's settings with the file as it is now. Raises `BadInputError` with all that is wrong in them."""
        settings = configuration.load(self.stack, self.overrides)
        completed(settings)
        return settings


def completed(settings: dict[str, Any]) -> Any:
    """Checked settings; what a real stack's file leaves empty is made up, since this is about organisations alone."""
    from cli.rehearse import filled

    return deployment.check_settings(filled(settings)[0])
