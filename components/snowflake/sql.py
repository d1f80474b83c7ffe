"""Names and literals inside SQL text."""

from __future__ import annotations

import pulumi


def quoted(*parts: pulumi.Input[str]) -> pulumi.Output[str]:
    """A qualified identifier, each part quoted: `"DB"."SCHEMA"`. Known in a preview where its parts are."""
    pieces: list[pulumi.Input[str]] = []
    for part in parts:
        pieces += ['"' if not pieces else '"."', part]
    return pulumi.Output.concat(*pieces, '"')


def literal(value: str | int) -> str:
    """`value` as a SQL literal."""
    return str(value) if isinstance(value, int) else "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
