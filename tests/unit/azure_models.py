"""Judges what is declared on Azure by Microsoft's own published models: the azure-mgmt packages.

They come from the same descriptions of Azure's API as azure-native, by another way: a property that does not exist, is
of another type, is missing or is Azure's to set shows here, whatever azure-native and the embedded Azure think.
"""

from __future__ import annotations

import importlib
import re
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, Literal, Union

#: Each type's model, and the inputs that stand in the request's address instead of its body (all of them have
#: `resourceGroupName` there). Some packages keep one folder for each version of the API.
MODELS: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "app:ContainerApp": ("appcontainers", "ContainerApp", ("containerAppName",)),
    "app:Job": ("appcontainers", "Job", ("jobName",)),
    "app:ManagedEnvironment": ("appcontainers", "ManagedEnvironment", ("environmentName",)),
    "applicationinsights:Component": (
        "applicationinsights.v2020_02_02",
        "ApplicationInsightsComponent",
        ("resourceName",),
    ),
    "applicationinsights:WebTest": ("applicationinsights.v2022_06_15", "WebTest", ("webTestName",)),
    "applicationinsights:Workbook": ("applicationinsights.v2023_06_01", "Workbook", ("resourceName",)),
    "authorization:RoleAssignment": (
        "authorization.v2022_04_01",
        "RoleAssignmentCreateParameters",
        ("scope", "roleAssignmentName"),
    ),
    "cdn:AFDCustomDomain": ("cdn", "AFDDomain", ("profileName", "customDomainName")),
    "cdn:AFDEndpoint": ("cdn", "AFDEndpoint", ("profileName", "endpointName")),
    "cdn:AFDOrigin": ("cdn", "AFDOrigin", ("profileName", "originGroupName", "originName")),
    "cdn:AFDOriginGroup": ("cdn", "AFDOriginGroup", ("profileName", "originGroupName")),
    "cdn:Profile": ("cdn", "Profile", ("profileName",)),
    "cdn:Route": ("cdn", "Route", ("profileName", "endpointName", "routeName")),
    "cdn:Rule": ("cdn", "Rule", ("profileName", "ruleSetName", "ruleName")),
    "cdn:RuleSet": ("cdn", "RuleSet", ("profileName", "ruleSetName")),
    "cdn:SecurityPolicy": ("cdn", "SecurityPolicy", ("profileName", "securityPolicyName")),
    "consumption:Budget": ("consumption", "Budget", ("scope", "budgetName")),
    "containerregistry:Registry": ("containerregistry", "Registry", ("registryName",)),
    "frontdoor:Policy": ("frontdoor", "WebApplicationFirewallPolicy", ("policyName",)),
    "keyvault:Secret": ("keyvault", "SecretCreateOrUpdateParameters", ("vaultName", "secretName")),
    "keyvault:Vault": ("keyvault", "VaultCreateOrUpdateParameters", ("vaultName",)),
    "managedidentity:FederatedIdentityCredential": (
        "msi.v2024_11_30",
        "FederatedIdentityCredential",
        ("resourceName", "federatedIdentityCredentialResourceName"),
    ),
    "managedidentity:UserAssignedIdentity": ("msi.v2024_11_30", "Identity", ("resourceName",)),
    "monitor:ActionGroup": ("monitor.v2023_01_01", "ActionGroupResource", ("actionGroupName",)),
    "monitor:DiagnosticSetting": (
        "monitor.v2021_05_01_preview",
        "DiagnosticSettingsResource",
        ("resourceUri", "name"),
    ),
    "monitor:MetricAlert": ("monitor.v2018_03_01", "MetricAlertResource", ("ruleName",)),
    "monitor:ScheduledQueryRule": ("monitor.v2022_08_01_preview", "ScheduledQueryRuleResource", ("ruleName",)),
    "network:NatGateway": ("network", "NatGateway", ("natGatewayName",)),
    "network:NetworkSecurityGroup": ("network", "NetworkSecurityGroup", ("networkSecurityGroupName",)),
    "network:PrivateDnsZoneGroup": (
        "network",
        "PrivateDnsZoneGroup",
        ("privateEndpointName", "privateDnsZoneGroupName"),
    ),
    "network:PrivateEndpoint": ("network", "PrivateEndpoint", ("privateEndpointName",)),
    "network:PublicIPAddress": ("network", "PublicIPAddress", ("publicIpAddressName",)),
    "network:VirtualNetwork": ("network", "VirtualNetwork", ("virtualNetworkName",)),
    "operationalinsights:Workspace": ("loganalytics", "Workspace", ("workspaceName",)),
    "privatedns:PrivateZone": ("privatedns", "PrivateZone", ("privateZoneName",)),
    "privatedns:VirtualNetworkLink": (
        "privatedns",
        "VirtualNetworkLink",
        ("privateZoneName", "virtualNetworkLinkName"),
    ),
    "resources:ResourceGroup": ("resource.resources", "ResourceGroup", ()),
    "storage:ManagementPolicy": ("storage", "ManagementPolicy", ("accountName", "managementPolicyName")),
    "storage:StorageAccount": ("storage", "StorageAccountCreateParameters", ("accountName",)),
}
#: What azure-native calls otherwise than Azure does, by model: its name, Azure's.
RENAMED: Mapping[str, Mapping[str, str]] = {
    "ApplicationInsightsComponent": {
        "applicationType": "application_Type",
        "flowType": "flow_Type",
        "requestSource": "request_Source",
    },
    "WebTest": {"webTestKind": "properties.kind"},
    "WebTestGeolocation": {"location": "id"},
    "StorageAccountPropertiesCreateParameters": {
        "enableHttpsTrafficOnly": "supportsHttpsTrafficOnly",
        "networkRuleSet": "networkAcls",
    },
}
#: The property whose own properties azure-native has beside the rest: by model, `properties` where nothing is said.
LIFTED: Mapping[str, str] = {"PolicySettings": "logScrubbing"}
#: What azure-native's SDK adds by itself, and only a preview of the API knows.
ADDED: Mapping[str, frozenset[str]] = {"WorkloadProfile": frozenset({"enableFips"})}


@dataclass(frozen=True)
class Field:
    """One property of a model: its type, as Python's typing has it."""

    kind: Any
    required: bool
    readonly: bool
    pattern: str | None = None


@dataclass(frozen=True)
class Shape:
    """A model: its properties by the name that goes over the wire, with the first letter small."""

    name: str
    fields: Mapping[str, Field]
    #: By which property's value one of `kinds` is chosen.
    discriminator: str | None = None
    kinds: Mapping[str, type] = field(default_factory=dict)


def known(type_: str) -> bool:
    return type_.removeprefix("azure-native:") in MODELS


def judge(type_: str, inputs: Mapping[str, Any]) -> list[str]:
    """What of one resource's inputs the published model does not agree with, a line each."""
    package, name, in_address = MODELS[type_.removeprefix("azure-native:")]
    model = getattr(importlib.import_module(f"azure.mgmt.{package}.models"), name)
    body = {key: value for key, value in inputs.items() if key not in (*in_address, "resourceGroupName")}
    return list(_model(name, model, body))


def _small(name: str) -> str:
    return name[:1].lower() + name[1:]


def _model(where: str, model: type, body: Any) -> Iterator[str]:
    if not isinstance(body, Mapping):
        yield f"{where}: {type(body).__name__} is no {model.__name__}"
        return
    shape = shape_of(model)
    if shape.discriminator is not None and shape.discriminator in body:
        chosen = shape.kinds.get(str(body[shape.discriminator]))
        if chosen is not None and chosen is not model:
            yield from _model(where, chosen, body)
            return
        if chosen is None:
            yield f"{where}.{shape.discriminator}: {body[shape.discriminator]!r} is none of {sorted(shape.kinds)}"
            return
    renamed = RENAMED.get(shape.name, {})
    inner: dict[str, Any] = {}
    # What Azure keeps under `properties`, azure-native mostly has beside the rest.
    lifted = LIFTED.get(shape.name, "properties")
    properties = shape.fields.get(lifted)
    given = set()
    for key, value in body.items():
        if key in ADDED.get(shape.name, ()):
            continue
        wire = renamed.get(key, key)
        found = shape.fields.get(wire)
        if found is not None:
            given.add(wire)
            if found.readonly:
                yield f"{where}.{key}: Azure sets it"
            yield from _value(f"{where}.{key}", found, value)
        elif properties is not None and lifted not in body:
            inner[key] = value
        else:
            yield f"{where}.{key}: {shape.name} has no such property"
    if inner and properties is not None:
        given.add(lifted)
        yield from _value(where, properties, inner)
    yield from (
        f"{where}.{name}: {shape.name} demands it"
        for name, one in shape.fields.items()
        if one.required and not one.readonly and name not in given
    )


def _value(where: str, declared: Field, value: Any) -> Iterator[str]:
    if declared.pattern is not None and isinstance(value, str) and not re.search(declared.pattern, value):
        yield f"{where}: {value!r} does not match {declared.pattern}"
    yield from _of(where, declared.kind, value)


def _of(where: str, kind: Any, value: Any) -> Iterator[str]:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return
    if origin in (Union, types.UnionType):
        yield from _one_of(where, [one for one in arguments if one is not type(None)], value)
    elif origin is Literal:
        wanted = {one.value if isinstance(one, Enum) else one for one in arguments}
        if value not in wanted:
            yield f"{where}: {value!r} is none of {sorted(wanted)}"
    elif origin is list:
        if not isinstance(value, list):
            yield f"{where}: {type(value).__name__} is no list"
            return
        for index, one in enumerate(value):
            yield from _of(f"{where}[{index}]", arguments[0], one)
    elif origin is dict:
        # An identity's users go in as a list of ids: azure-native makes the map of it.
        if where.endswith(".userAssignedIdentities") and isinstance(value, list):
            value = {key: {} for key in value}
        if not isinstance(value, Mapping):
            yield f"{where}: {type(value).__name__} is no map"
            return
        for key, one in value.items():
            yield from _of(f"{where}[{key!r}]", arguments[1], one)
    elif isinstance(kind, type) and issubclass(kind, Enum):
        wanted = {str(one.value) for one in kind}
        if not isinstance(value, str) or value.lower() not in {one.lower() for one in wanted}:
            yield f"{where}: {value!r} is none of {sorted(wanted)}"
    elif _is_model(kind):
        yield from _model(where, kind, value)
    elif not _is_plain(kind, value):
        yield f"{where}: {type(value).__name__} {value!r} is no {kind.__name__}"


def _one_of(where: str, kinds: list[Any], value: Any) -> Iterator[str]:
    enums = [one for one in kinds if isinstance(one, type) and issubclass(one, Enum)]
    # `str | Enum` takes any text, so that older clients live on: here what Azure does not know is a mistake.
    tried = [list(_of(where, one, value)) for one in enums or kinds]
    if all(tried):
        yield from tried[0]


def _is_plain(kind: Any, value: Any) -> bool:
    if isinstance(value, bool) or kind is bool:
        return kind is bool and isinstance(value, bool)
    if kind in (float, Decimal):
        return isinstance(value, int | float)
    if kind is int:
        # The engine has one kind of number.
        return isinstance(value, int | float) and float(value).is_integer()
    if kind in (datetime, date):
        return isinstance(value, str) and datetime.fromisoformat(value.replace("Z", "+00:00")) is not None
    if kind is timedelta:
        return isinstance(value, str) and re.fullmatch(r"P(\d+D)?(T(\d+H)?(\d+M)?(\d+S)?)?", value) is not None
    if kind is bytes:
        return isinstance(value, str)
    if kind is object:
        return True
    return isinstance(value, kind)


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and (hasattr(kind, "_attribute_map") or hasattr(kind, "_is_model"))


@cache
def shape_of(model: type) -> Shape:
    """A model's properties; the packages have two ways to say them."""
    return _described(model) if hasattr(model, "_attribute_map") else _annotated(model)


def _annotated(model: type) -> Shape:
    """The newer way: annotated fields."""
    module = importlib.import_module(model.__module__)
    package = importlib.import_module(model.__module__.rsplit(".", 1)[0])
    hints = typing.get_type_hints(model, {**vars(module)}, {"_models": package})
    model.__new__(model)
    fields, discriminator = {}, None
    for name, one in model._attr_to_rest_field.items():  # type: ignore[attr-defined]
        kind = hints[name]
        wire = _small(one._rest_name)
        if one._is_discriminator:
            discriminator = wire
        fields[wire] = Field(
            kind,
            required=type(None) not in typing.get_args(kind),
            readonly=one._visibility is not None and set(one._visibility) <= {"read", "query"},
        )
    kinds = {key: kind for key, kind in getattr(model, "__mapping__", {}).items() if issubclass(kind, model)}
    return Shape(model.__name__, fields, discriminator if kinds else None, kinds)


_PLAIN = {
    "str": str,
    "int": int,
    "long": int,
    "float": float,
    "decimal": float,
    "bool": bool,
    "object": Any,
    "iso-8601": datetime,
    "rfc-1123": str,
    "date": date,
    "duration": timedelta,
    "bytearray": bytes,
}


def _described(model: Any) -> Shape:
    """The older way: a table of wire names and types, and one of rules."""
    package = importlib.import_module(model.__module__.rsplit(".", 1)[0])
    fields: dict[str, Field] = {}
    # What lies under `properties` comes last: of two with one name the other one keeps it.
    for name, one in sorted(model._attribute_map.items(), key=lambda item: "." in item[1]["key"]):
        *path, wire = [part.replace("\\.", ".") for part in re.split(r"(?<!\\)\.", one["key"])]
        if path not in ([], ["properties"]):
            raise AssertionError(f"{model.__name__}.{name} lies under {path}")
        rules = model._validation.get(name, {})
        wire = "odataType" if wire == "odata.type" else _small(wire)
        fields[wire if wire not in fields else f"properties.{wire}"] = Field(
            _kind(one["type"], package),
            required=bool(rules.get("required")),
            readonly=bool(rules.get("readonly")),
            pattern=rules.get("pattern"),
        )
    subtypes = getattr(model, "_subtype_map", {})
    discriminator, kinds = None, {}
    for attribute, named in subtypes.items():
        wire = model._attribute_map[attribute]["key"].replace("\\.", ".")
        discriminator = "odataType" if wire == "odata.type" else _small(wire)
        kinds = {key: getattr(package, class_name) for key, class_name in named.items()}
    return Shape(model.__name__, fields, discriminator, kinds)


def _kind(text: str, package: Any) -> Any:
    if text.startswith("["):
        return list[_kind(text[1:-1], package)]  # type: ignore[misc]
    if text.startswith("{"):
        return dict[str, _kind(text[1:-1], package)]  # type: ignore[misc]
    return _PLAIN[text] if text in _PLAIN else getattr(package, text)
