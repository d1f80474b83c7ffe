"""The list of policies in README.md, from the catalogue; `./nexus docs` writes it there."""

from __future__ import annotations

import json

from policies.catalogue import POLICIES


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
