"""Writes the list of policies into README.md, from the catalogue: `python -m policies.readme`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from policies.catalogue import POLICIES

README: Final = Path(__file__).parent / "README.md"
BEGIN: Final = "<!-- policies: written by python -m policies.readme -->"
END: Final = "<!-- end of policies -->"


def listed() -> str:
    """The table of policies, and that of their parameters."""
    lines = ["| policy | severity | serves | parameters |", "| --- | --- | --- | --- |"]
    for policy in POLICIES:
        cited = ", ".join(cited.removeprefix("45 CFR ") for cited in policy.safeguards)
        parameters = ", ".join(f"`{name}`" for name in policy.parameters)
        lines.append(f"| [{policy.id}]({policy.link}): {policy.title} | {policy.severity} | {cited} | {parameters} |")
    lines += ["", "| parameter | default | meaning |", "| --- | --- | --- |"]
    for policy in POLICIES:
        for name, parameter in policy.parameters.items():
            default = json.dumps(parameter.default, ensure_ascii=False)
            shown = default if len(default) <= 60 else f"{len(parameter.default)} entries"
            lines.append(f"| {policy.id}: `{name}` | `{shown}` | {parameter.description} |")
    return "\n".join(lines)


def updated(text: str) -> str:
    """A README with its list as it is to be. Raises ValueError where it has no place for one."""
    before, mark, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not mark or not end:
        raise ValueError(f"{README.name} has no {BEGIN} … {END}")
    return f"{before}{BEGIN}\n{listed()}\n{END}{after}"


if __name__ == "__main__":
    README.write_text(updated(README.read_text(encoding="utf-8")), encoding="utf-8")
