"""Names and ids as the provider writes them.

The provider quotes every name it is given, so the case of an unquoted one is kept: `hcs0001_db` and
`HCS0001_DB` are two databases. Formats of ids: the Import section of each class in `pulumi_snowflake`,
and terraform-provider-snowflake's `EncodeResourceIdentifier`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.package import CloudError
from emulator.snowflake.account import ObjectName
from emulator.values import UNKNOWN

SEPARATOR = "|"


def bare(text: str) -> str:
    """One name without the double quotes that it may be written in."""
    if len(text) >= 2 and text.startswith('"') and text.endswith('"'):
        return text[1:-1].replace('""', '"')
    return text


def reference(text: str, parts: int, what: str) -> ObjectName:
    """A reference to another object (`DB.SCHEMA.NAME`, each part quoted or not), which must have `parts` parts."""
    # Older ids of tables and their like join the parts by bars.
    joined = ".".join(ObjectName.of(bare(part)).sql() for part in text.split(SEPARATOR)) if SEPARATOR in text else text
    name = ObjectName.parse(joined, unquoted="exact")
    if len(name.parts) != parts:
        raise CloudError(
            f"Unable to parse identifier {text!r} of {what}: it has {len(name.parts)} parts, where {parts} are expected"
        )
    return name


def known_name(properties: Mapping[str, Any], wires: tuple[str, ...]) -> ObjectName | None:
    """The name that the inputs `wires` (`database`, `schema`, `name`) make up, None while one of them is not known."""
    parts: list[str] = []
    for wire in wires:
        value = properties.get(wire)
        if value is UNKNOWN or not isinstance(value, str):
            return None
        parts.append(bare(value))
    return ObjectName.of(*parts)


def split(identity: str, least: int, form: str) -> list[str]:
    """The parts of an id that is joined by bars; fewer than `least` is refused with the expected `form`."""
    parts = identity.split(SEPARATOR)
    if len(parts) < least:
        raise CloudError(f"unexpected id {identity!r}, expected {form}")
    return parts


def join(*parts: str) -> str:
    """An id of parts joined by bars."""
    return SEPARATOR.join(parts)
