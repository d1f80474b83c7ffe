"""ARM ids, locations and GUIDs: how Azure reads and compares them."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

_RESOURCE_GROUP_ID = re.compile(r"^/subscriptions/[^/]+/resourceGroups/[^/]+(/providers/[^/]+(/[^/]+/[^/]+)+)*$", re.I)
_GUID = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$", re.I)

# Public regions of Azure, by the name that the API returns.
_REGIONS = """
australiacentral australiacentral2 australiaeast australiasoutheast austriaeast belgiumcentral brazilsouth
brazilsoutheast canadacentral canadaeast centralindia centralus chilecentral eastasia eastus eastus2
francecentral francesouth germanynorth germanywestcentral indonesiacentral israelcentral italynorth japaneast
japanwest jioindiacentral jioindiawest koreacentral koreasouth malaysiawest mexicocentral newzealandnorth
northcentralus northeurope norwayeast norwaywest polandcentral qatarcentral southafricanorth southafricawest
southcentralus southeastasia southindia spaincentral swedencentral swedensouth switzerlandnorth switzerlandwest
uaecentral uaenorth uksouth ukwest westcentralus westeurope westindia westus westus2 westus3 global
"""
LOCATIONS = frozenset(_REGIONS.split())


def key(identity: str) -> str:
    """The form in which ARM ids are compared: their case does not count."""
    return identity.rstrip("/").lower()


def is_resource_id(text: str) -> bool:
    """Whether a text is the full ARM id of a resource group or of something in one."""
    return text[:15].lower() == "/subscriptions/" and _RESOURCE_GROUP_ID.match(text) is not None


def is_guid(text: object) -> bool:
    return isinstance(text, str) and _GUID.match(text) is not None


def location_name(location: str) -> str:
    """A location as the API returns it: "Central US" is "centralus"."""
    return location.replace(" ", "").lower()


def last_segment(identity: str) -> str:
    return identity.rstrip("/").rsplit("/", 1)[-1]


def arm_type(identity: str) -> str:
    """The resource type in an ARM id: `Microsoft.App/containerApps`, `Microsoft.Resources/resourceGroups`."""
    parts = identity.strip("/").split("/")
    lower = [part.lower() for part in parts]
    if "providers" not in lower:
        return "Microsoft.Resources/resourceGroups"
    at = len(lower) - 1 - lower[::-1].index("providers")
    return "/".join([parts[at + 1], *parts[at + 2 :: 2]])


def subscription_of(identity: str) -> str:
    parts = identity.strip("/").split("/")
    return parts[1] if len(parts) > 1 and parts[0].lower() == "subscriptions" else ""


def references(value: Any) -> Iterator[str]:
    """Every ARM id of a resource that occurs anywhere in a body, as a value or as a key."""
    if isinstance(value, str):
        if is_resource_id(value):
            yield value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            if name[:1] == "/" and is_resource_id(name):
                yield name
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def new_guid() -> str:
    return str(uuid.uuid4())


def derived_guid(*parts: str) -> str:
    """The same GUID for the same parts, ever: for what Azure assigns once for good."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "embedded-azure:" + "\n".join(parts)))


def digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
