"""Every resource type that the embedded Azure builds; a new one is one more `ResourceKind`."""

from __future__ import annotations

import re

from emulator.azure.kinds import ResourceKind
from emulator.azure.resource_types import containerapps, edge, foundation, keyvault, monitoring, network, platform

KINDS: tuple[ResourceKind, ...] = (
    *foundation.KINDS,
    *keyvault.KINDS,
    *platform.KINDS,
    *containerapps.KINDS,
    *network.KINDS,
    *edge.KINDS,
    *monitoring.KINDS,
)

_BY_TOKEN = {token: kind for kind in KINDS for token in (kind.token, *kind.aliases)}
_BY_TYPE = {kind.type.lower(): kind for kind in KINDS}
_TOKEN = re.compile(r"azure-native:([a-z0-9]+)(?:/v(\d{4})(\d{2})(\d{2})([a-z]*))?:(\w+)")


def split_token(token: str) -> tuple[str, str, str] | None:
    """(module, class name, API version or "") of a type token, with or without an API version in it."""
    match = _TOKEN.fullmatch(token)
    if match is None:
        return None
    module, year, month, day, suffix, name = match.groups()
    version = f"{year}-{month}-{day}{f'-{suffix}' if suffix else ''}" if year else ""
    return module, name, version


def kind_of_token(token: str) -> ResourceKind | None:
    parts = split_token(token)
    return None if parts is None else _BY_TOKEN.get(f"{parts[0]}:{parts[1]}")


def kind_of_type(arm_type: str) -> ResourceKind | None:
    return _BY_TYPE.get(arm_type.lower())
