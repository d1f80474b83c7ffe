"""Container Apps: environments and apps.

Error codes and texts in double quotes are Azure's where they are known (microsoft/azure-container-apps issues 733,
1159, 1174; container-apps-deploy-action issue 116); the rest says the rule of learn.microsoft.com/azure/container-apps.
"""

from __future__ import annotations

import ipaddress
import re
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from emulator.azure.identifiers import digest, key, new_guid
from emulator.azure.kinds import Name, Operation, ResourceKind
from emulator.azure.resource_types.edge import tell_origins
from emulator.azure.resource_types.foundation import RESOURCE_GROUP
from emulator.azure.resource_types.keyvault import VAULTS, is_enabled
from emulator.azure.roles import IDENTITIES, IMAGE_PULLERS, holds_role, may_read_secret
from emulator.azure.rules import (
    Inputs,
    allowed,
    at,
    between,
    distinct,
    exactly_one,
    items,
    known,
    matches,
    needed,
)
from emulator.azure.store import StoredResource
from emulator.package import CheckFailure
from emulator.values import UNKNOWN

APPS = "Microsoft.App/containerApps"
ENVIRONMENTS = "Microsoft.App/managedEnvironments"
WORKSPACES = "Microsoft.OperationalInsights/workspaces"
SUBNETS = "Microsoft.Network/virtualNetworks/subnets"
REGISTRIES = "Microsoft.ContainerRegistry/registries"
JOBS = "Microsoft.App/jobs"
PRIVATE_ENDPOINTS = "Microsoft.Network/privateEndpoints"
ZONE_LINKS = "Microsoft.Network/privateDnsZones/virtualNetworkLinks"

_SECRET_URL = re.compile(r"https://([a-zA-Z0-9-]+)\.vault\.azure\.net/secrets/([0-9a-zA-Z-]+)(?:/([0-9a-f]+))?/?", re.I)
_MEMORY = re.compile(r"(\d+(?:\.\d+)?)Gi")
_FIELD = r"(\*|\d+(-\d+)?)(/\d+)?(,(\*|\d+(-\d+)?)(/\d+)?)*"
_CRON = re.compile(rf"{_FIELD}( {_FIELD}){{4}}")
_SUFFIX_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
# What the API takes, more than its specification says: hashicorp/terraform-provider-azurerm pull request 31989.
_FAILURE_THRESHOLDS = {"Liveness": 30, "Readiness": 48, "Startup": 240}
_SYSTEM_IDENTITIES = ("system", "system-environment")


# Environments


def _environment_network(inputs: Inputs) -> Iterator[CheckFailure]:
    subnet = at(inputs, "vnetConfiguration.infrastructureSubnetId")
    if inputs.get("zoneRedundant") is True and subnet is None:
        yield CheckFailure(
            "zoneRedundant", "a zone-redundant environment needs a network: vnetConfiguration.infrastructureSubnetId"
        )
    if at(inputs, "vnetConfiguration.internal") is True and subnet is None:
        yield CheckFailure(
            "vnetConfiguration.internal", "an internal environment needs a network: infrastructureSubnetId is missing"
        )
    if at(inputs, "vnetConfiguration.internal") is True and inputs.get("publicNetworkAccess") == "Enabled":
        yield CheckFailure(
            "publicNetworkAccess", "an internal environment has no public side: Disabled, or leave it out"
        )
    if at(inputs, "appLogsConfiguration.destination") == "log-analytics":
        for name in ("customerId", "sharedKey"):
            if at(inputs, f"appLogsConfiguration.logAnalyticsConfiguration.{name}") is None:
                yield CheckFailure(
                    f"appLogsConfiguration.logAnalyticsConfiguration.{name}",
                    "the destination log-analytics needs the workspace's customerId and sharedKey",
                )
    for index, profile in enumerate(items(inputs, "workloadProfiles")):
        place, kind = f"workloadProfiles[{index}]", profile.get("workloadProfileType")
        low, high = profile.get("minimumCount"), profile.get("maximumCount")
        if kind == "Consumption" and (known(low) or known(high)):
            yield CheckFailure(place, "the Consumption profile scales by itself: no minimumCount, no maximumCount")
        elif isinstance(low, int) and isinstance(high, int) and low > high:
            yield CheckFailure(f"{place}.minimumCount", f"{low} is more than maximumCount {high}")


def _complete_environment(operation: Operation) -> None:
    body, store = operation.body, operation.store
    location = body["location"]
    word = operation.private.setdefault("domainLabel", f"{_domain_word(operation.id)}-{secrets.token_hex(4)}")
    body["defaultDomain"] = f"{word}.{location}.azurecontainerapps.io"
    address = 20 << 24 | int(digest(word)[:6], 16)
    subnet_id = at(body, "vnetConfiguration.infrastructureSubnetId")
    if subnet_id is not None:
        subnet = store.find(subnet_id)
        assert subnet is not None
        network = _check_environment_subnet(operation, subnet)
        if at(body, "vnetConfiguration.internal"):
            # The first addresses of a subnet are Azure's, the next ones the environment's machinery.
            address = int(network.broadcast_address) - 1
    customer = at(body, "appLogsConfiguration.logAnalyticsConfiguration.customerId")
    if customer is not None and all(w.body.get("customerId") != customer for w in store.of_type(WORKSPACES)):
        raise operation.refuse(
            "InvalidRequestParameterWithDetails",
            f"LogAnalyticsConfiguration.CustomerId is invalid: no workspace has the customer ID '{customer}'.",
        )
    body["staticIp"] = str(ipaddress.ip_address(address))
    body["eventStreamEndpoint"] = f"https://{location}.azurecontainerapps.dev{operation.id}/eventstream"
    body.setdefault("customDomainConfiguration", {})["customDomainVerificationId"] = _verification_id(operation)
    body["kedaConfiguration"] = {"version": "2.17.2"}
    body["daprConfiguration"] = {"version": "1.13.6-msft.6"}
    internal = at(body, "vnetConfiguration.internal") is True
    body.setdefault("publicNetworkAccess", "Disabled" if internal else "Enabled")
    body["provisioningState"] = "Succeeded"
    complete_identity(operation)


def _check_environment_subnet(operation: Operation, subnet: StoredResource) -> ipaddress.IPv4Network:
    body, profiles = operation.body, operation.body.get("workloadProfiles")
    prefix = subnet.body.get("addressPrefix") or (subnet.body.get("addressPrefixes") or [""])[0]
    network = ipaddress.IPv4Network(prefix)
    largest = 27 if profiles else 23
    if network.prefixlen > largest:
        raise operation.refuse(
            "ManagedEnvironmentSubnetIsTooSmall",
            f"The environment network configuration is invalid: the subnet '{subnet.name}' is a /{network.prefixlen}; "
            f"an environment {'with' if profiles else 'without'} workload profiles needs a /{largest} or larger.",
        )
    delegated = any(
        str(delegation.get("serviceName", "")).lower() == "microsoft.app/environments"
        for delegation in subnet.body.get("delegations") or ()
    )
    if bool(profiles) != delegated:
        raise operation.refuse(
            "ManagedEnvironmentSubnetDelegationError",
            "The subnet of the environment must be delegated to the service 'Microsoft.App/environments'."
            if profiles
            else "The subnet of an environment without workload profiles must not be delegated.",
        )
    for other in operation.store.of_type(ENVIRONMENTS):
        other_subnet = at(other.body, "vnetConfiguration.infrastructureSubnetId")
        if other.key != key(operation.id) and other_subnet is not None and key(other_subnet) == subnet.key:
            raise operation.refuse(
                "ManagedEnvironmentSubnetInUse",
                f"The subnet '{subnet.name}' is in use by the environment '{other.name}': "
                "an environment needs a subnet of its own.",
            )
    if body["location"] != (operation.store.find(subnet.id.rsplit("/subnets/", 1)[0]) or subnet).body.get("location"):
        raise operation.refuse(
            "InvalidSubnetLocation",
            f"The environment and its virtual network must be in one location, not '{body['location']}' and another.",
        )
    return network


def _domain_word(identity: str) -> str:
    words = (
        "agreeable",
        "bluewave",
        "calmsea",
        "gentlehill",
        "icysky",
        "kindfield",
        "mangodune",
        "redriver",
        "whitemoss",
    )
    return words[int(digest(identity)[:4], 16) % len(words)]


def _verification_id(operation: Operation) -> str:
    return digest("custom domain verification", operation.configuration.subscription_id).upper()


# Apps


def _containers(inputs: Inputs) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for group in ("containers", "initContainers"):
        for index, container in enumerate(items(inputs, f"template.{group}")):
            if isinstance(container, Mapping):
                yield f"template.{group}[{index}]", container


def _app_environment(inputs: Inputs) -> Iterator[CheckFailure]:
    new, old = inputs.get("environmentId"), inputs.get("managedEnvironmentId")
    if new is None and old is None:
        yield CheckFailure("environmentId", "Azure requires the environment that the app runs in")
    if isinstance(new, str) and isinstance(old, str) and key(new) != key(old):
        yield CheckFailure("managedEnvironmentId", "environmentId and the deprecated managedEnvironmentId differ")
    template = inputs.get("template")
    if template is None or (isinstance(template, Mapping) and not template.get("containers")):
        yield CheckFailure("template.containers", "Azure requires at least one container")


def _app_secrets(inputs: Inputs) -> Iterator[CheckFailure]:
    names = set()
    for index, secret in enumerate(items(inputs, "configuration.secrets")):
        names.add(secret.get("name"))
        value, url, identity = secret.get("value"), secret.get("keyVaultUrl"), secret.get("identity")
        place = f"configuration.secrets[{index}]"
        if (value is None) == (url is None) or (url is not None and identity is None):
            yield CheckFailure(
                place,
                f"Container app secret(s) with name(s) '{secret.get('name')}' are invalid: "
                "value or keyVaultUrl and identity should be provided (one of the two)",
            )
        if isinstance(url, str) and not _SECRET_URL.fullmatch(url):
            yield CheckFailure(
                f"{place}.keyVaultUrl",
                f"'{url}' is not a Key Vault secret's URL: https://{{vault}}.vault.azure.net/secrets/{{name}}",
            )
    if UNKNOWN in names or at(inputs, "configuration.secrets") is UNKNOWN:
        return
    for place, reference, holder in _secret_references(inputs):
        if reference not in names:
            yield CheckFailure(
                place,
                f"SecretRef '{reference}' defined for {holder} not found: no such secret in configuration.secrets",
            )


def _secret_references(inputs: Inputs) -> Iterator[tuple[str, str, str]]:
    """Every mention of an app's secret: where, which, in what."""
    for place, container in _containers(inputs):
        for index, variable in enumerate(items(container, "env")):
            if isinstance(variable.get("secretRef"), str):
                yield f"{place}.env[{index}].secretRef", variable["secretRef"], f"container '{container.get('name')}'"
    for index, registry in enumerate(items(inputs, "configuration.registries")):
        if isinstance(registry.get("passwordSecretRef"), str):
            place = f"configuration.registries[{index}].passwordSecretRef"
            yield place, registry["passwordSecretRef"], f"registry '{registry.get('server')}'"
    for index, rule in enumerate(items(inputs, "template.scale.rules")):
        for kind in ("http", "tcp", "custom", "azureQueue"):
            for number, auth in enumerate(items(rule, f"{kind}.auth")):
                if isinstance(auth.get("secretRef"), str):
                    place = f"template.scale.rules[{index}].{kind}.auth[{number}].secretRef"
                    yield place, auth["secretRef"], f"scale rule '{rule.get('name')}'"
    for index, volume in enumerate(items(inputs, "template.volumes")):
        for number, secret in enumerate(items(volume, "secrets")):
            if isinstance(secret.get("secretRef"), str):
                place = f"template.volumes[{index}].secrets[{number}].secretRef"
                yield place, secret["secretRef"], f"volume '{volume.get('name')}'"


def _app_containers(inputs: Inputs) -> Iterator[CheckFailure]:
    volumes = {volume.get("name") for volume in items(inputs, "template.volumes")}
    for place, container in _containers(inputs):
        for name in ("name", "image"):
            if container.get(name) is None and container.get("imageType") != "CloudBuild":
                yield CheckFailure(f"{place}.{name}", f"Azure requires every container's {name}")
        for index, variable in enumerate(items(container, "env")):
            if known(variable.get("value")) and known(variable.get("secretRef")):
                yield CheckFailure(f"{place}.env[{index}]", "value and secretRef exclude each other")
        for index, mount in enumerate(items(container, "volumeMounts")):
            name = mount.get("volumeName")
            if known(name) and UNKNOWN not in volumes and name not in volumes:
                yield CheckFailure(
                    f"{place}.volumeMounts[{index}].volumeName", f"no volume '{name}' in template.volumes"
                )
        for index, probe in enumerate(items(container, "probes")):
            kind, failures = probe.get("type"), probe.get("failureThreshold")
            most = _FAILURE_THRESHOLDS.get(kind) if isinstance(kind, str) else None
            if most is not None and isinstance(failures, int) and not 1 <= failures <= most:
                yield CheckFailure(
                    f"{place}.probes[{index}].failureThreshold",
                    f"Container '{container.get('name')}' '{kind}' probe's FailureThreshold must be in the range of "
                    f"['1', '{most}'].",
                )
            if probe.get("type") in ("Liveness", "Startup") and probe.get("successThreshold") not in (None, UNKNOWN, 1):
                yield CheckFailure(
                    f"{place}.probes[{index}].successThreshold", f"must be 1 for a {probe['type'].lower()} probe"
                )


def _app_resources(inputs: Inputs) -> Iterator[CheckFailure]:
    """Consumption's pairs: 0.25 core steps up to 4, with twice as many GiB, summed over the app's containers."""
    if inputs.get("workloadProfileName") not in (None, "Consumption"):
        return
    cpu, memory = 0.0, 0.0
    for index, container in enumerate(items(inputs, "template.containers")):
        cores, gibibytes = at(container, "resources.cpu"), at(container, "resources.memory")
        if cores is UNKNOWN or gibibytes is UNKNOWN:
            return
        if gibibytes is not None and not (isinstance(gibibytes, str) and _MEMORY.fullmatch(gibibytes)):
            yield CheckFailure(
                f"template.containers[{index}].resources.memory", f"'{gibibytes}' is no amount of memory such as 0.5Gi"
            )
            return
        cpu += 0.5 if cores is None else cores
        memory += 1.0 if gibibytes is None else float(gibibytes.removesuffix("Gi"))
    if cpu and not (0.25 <= cpu <= 4 and (cpu * 4).is_integer() and memory == 2 * cpu):
        yield CheckFailure(
            "template.containers",
            f"The total requested CPU and memory resources for this application (CPU: {cpu:g}, memory: {memory:g}) is "
            "invalid. Total CPU and memory for all containers defined in a Container App must add up to one of the "
            "following CPU - Memory combinations: [cpu: 0.25, memory: 0.5Gi]; [cpu: 0.5, memory: 1.0Gi]; … in steps "
            "of 0.25 … [cpu: 4.0, memory: 8.0Gi]",
        )


def _app_scale(inputs: Inputs) -> Iterator[CheckFailure]:
    low, high = at(inputs, "template.scale.minReplicas"), at(inputs, "template.scale.maxReplicas")
    # Azure's defaults: none at rest, ten at most.
    low, high = (0 if low is None else low), (10 if high is None else high)
    if isinstance(low, int) and isinstance(high, int) and low > high:
        yield CheckFailure("template.scale.minReplicas", f"{low} is more than maxReplicas {high}")
    for index, rule in enumerate(items(inputs, "template.scale.rules")):
        place = f"template.scale.rules[{index}]"
        concurrent = at(rule, "http.metadata.concurrentRequests")
        if isinstance(concurrent, str) and not (concurrent.isdigit() and int(concurrent) > 0):
            yield CheckFailure(f"{place}.http.metadata.concurrentRequests", f"'{concurrent}' is not a positive number")
        if at(rule, "custom.type") in ("cpu", "memory"):
            metadata = at(rule, "custom.metadata")
            if isinstance(metadata, Mapping):
                share = metadata.get("value")
                if isinstance(share, str) and not (share.isdigit() and int(share) > 0):
                    yield CheckFailure(f"{place}.custom.metadata.value", f"'{share}' is not a positive percentage")
                if share is None:
                    yield CheckFailure(f"{place}.custom.metadata.value", "a cpu or memory rule needs its percentage")


def _app_ingress(inputs: Inputs) -> Iterator[CheckFailure]:
    ingress = at(inputs, "configuration.ingress")
    if not isinstance(ingress, Mapping):
        return
    traffic = ingress.get("traffic")
    if isinstance(traffic, list) and traffic:
        weights: list[Any] = [entry.get("weight") if isinstance(entry, Mapping) else UNKNOWN for entry in traffic]
        if UNKNOWN not in weights and sum(weight or 0 for weight in weights) != 100:
            yield CheckFailure(
                "configuration.ingress.traffic",
                f"the traffic weights add up to {sum(weight or 0 for weight in weights)}: they must add up to 100",
            )
        for index, entry in enumerate(items(ingress, "traffic")):
            latest, revision = entry.get("latestRevision"), entry.get("revisionName")
            if latest is UNKNOWN or revision is UNKNOWN:
                continue
            if bool(latest) == (revision is not None):
                yield CheckFailure(
                    f"configuration.ingress.traffic[{index}]",
                    "one of revisionName and latestRevision: true must be given",
                )
    transport = ingress.get("transport")
    exposed = ingress.get("exposedPort")
    if isinstance(transport, str) and transport.lower() != "tcp" and known(exposed) and exposed != 0:
        yield CheckFailure("configuration.ingress.exposedPort", "only a TCP ingress may expose a port of its own")


def _identity_of(inputs: Inputs) -> Iterator[CheckFailure]:
    yield from identity_rule(inputs)
    assigned = at(inputs, "identity.userAssignedIdentities")
    if assigned is UNKNOWN or (isinstance(assigned, list) and UNKNOWN in assigned):
        return
    mine = {key(identity) for identity in assigned or ()}
    for place, identity in _identity_uses(inputs):
        if identity.lower() in _SYSTEM_IDENTITIES:
            kind = at(inputs, "identity.type")
            if identity.lower() == "system" and kind is not UNKNOWN and "SystemAssigned" not in str(kind):
                yield CheckFailure(place, "the app has no system-assigned identity: see identity.type")
        elif key(identity) not in mine:
            yield CheckFailure(
                place, f"the identity '{identity}' is not assigned to the app: see identity.userAssignedIdentities"
            )


def _identity_uses(inputs: Inputs) -> Iterator[tuple[str, str]]:
    for group in ("secrets", "registries", "identitySettings"):
        for index, user in enumerate(items(inputs, f"configuration.{group}")):
            if isinstance(user.get("identity"), str) and user["identity"]:
                yield f"configuration.{group}[{index}].identity", user["identity"]


def identity_rule(inputs: Inputs) -> Iterator[CheckFailure]:
    """`identity.type` and `identity.userAssignedIdentities` must agree."""
    kind, assigned = at(inputs, "identity.type"), at(inputs, "identity.userAssignedIdentities")
    if not isinstance(kind, str) or assigned is UNKNOWN:
        return
    if ("UserAssigned" in kind) != bool(assigned):
        yield CheckFailure(
            "identity.userAssignedIdentities",
            f"an identity of type {kind} {'needs' if 'UserAssigned' in kind else 'must not have'} user-assigned "
            "identities",
        )


def complete_identity(operation: Operation) -> None:
    """A system-assigned identity is a principal made with its resource; user-assigned ones come out as a map."""
    identity = operation.body.get("identity")
    if not isinstance(identity, dict):
        return
    assigned = identity.get("userAssignedIdentities")
    if assigned is not None:
        users: dict[str, Any] = {}
        for user in assigned:
            stored = operation.store.find(user)
            if stored is None or stored.type != IDENTITIES:
                raise operation.refuse(
                    "FailedIdentityOperation",
                    f"Identity operation for resource '{operation.id}' failed: the user-assigned identity "
                    f"'{user}' was not found.",
                )
            users[stored.id] = {"clientId": stored.body["clientId"], "principalId": stored.body["principalId"]}
        identity["userAssignedIdentities"] = users
    if "SystemAssigned" in str(identity.get("type")):
        before = ((operation.previous.body.get("identity") or {}) if operation.previous else {}).get("principalId")
        identity["principalId"] = before or new_guid()
        identity["tenantId"] = operation.configuration.tenant_id


def _complete_app(operation: Operation) -> None:
    body, store, inputs = operation.body, operation.store, operation.inputs
    environment = store.find(inputs.get("environmentId") or inputs["managedEnvironmentId"])
    assert environment is not None
    if environment.body["location"] != body["location"]:
        raise operation.refuse(
            "ContainerAppLocationMismatch",
            f"The container app '{operation.name}' and its environment must be in one location, not "
            f"'{body['location']}' and '{environment.body['location']}'.",
        )
    body["environmentId"] = body["managedEnvironmentId"] = environment.id
    for other in store.of_type(APPS):
        if (
            other.key != key(operation.id)
            and other.name == operation.name
            and key(other.body["environmentId"]) == environment.key
        ):
            raise operation.refuse(
                "ContainerAppNameInUse",
                f"The environment '{environment.name}' already has a container app '{operation.name}'.",
                409,
            )
    _check_profile(operation, environment)
    complete_identity(operation)
    for secret in items(body, "configuration.secrets"):
        if secret.get("keyVaultUrl") is not None:
            _check_secret_reference(operation, environment, secret)
    _check_registries(operation, environment)
    for volume in items(body, "template.volumes"):
        if volume.get("storageType") in ("AzureFile", "NfsAzureFile"):
            storage = f"{environment.id}/storages/{volume.get('storageName')}"
            if store.find(storage) is None:
                raise operation.refuse(
                    "ManagedEnvironmentStorageNotFound",
                    f"The environment '{environment.name}' has no storage '{volume.get('storageName')}'.",
                )
    domain = environment.body["defaultDomain"]
    revision = _revision(operation)
    ingress = at(body, "configuration.ingress")
    if isinstance(ingress, dict):
        suffix = domain if ingress.get("external") else f"internal.{domain}"
        ingress["fqdn"] = f"{operation.name}.{suffix}"
        ingress["traffic"] = ingress.get("traffic") or [{"latestRevision": True, "weight": 100}]
        body["latestRevisionFqdn"] = f"{revision}.{suffix}"
        _check_traffic(operation, ingress)
        ingress.setdefault("external", False)
        ingress.setdefault("allowInsecure", False)
        ingress.setdefault("transport", "Auto")
        ingress.setdefault("exposedPort", 0)
    else:
        body["latestRevisionFqdn"] = ""
    body.setdefault("configuration", {}).setdefault("activeRevisionsMode", "Single")
    for container in items(body, "template.containers"):
        container.setdefault("resources", {"cpu": 0.5, "memory": "1Gi"})
        container["resources"]["ephemeralStorage"] = _ephemeral_storage(container["resources"].get("cpu") or 0.5)
    scale = body["template"].setdefault("scale", {})
    for name, value in (("maxReplicas", 10), ("cooldownPeriod", 300), ("pollingInterval", 30)):
        scale.setdefault(name, value)
    body |= {
        "latestRevisionName": revision,
        "latestReadyRevisionName": revision,
        "customDomainVerificationId": _verification_id(operation),
        "eventStreamEndpoint": f"https://{body['location']}.azurecontainerapps.dev{operation.id}/eventstream",
        "outboundIpAddresses": _outbound(operation, environment),
        "runningStatus": "Running",
        "provisioningState": "Succeeded",
    }


def _outbound(operation: Operation, environment: StoredResource) -> list[str]:
    """The addresses that others see: the NAT gateway's, where the environment's subnet has one."""
    subnet = operation.store.find(str(at(environment.body, "vnetConfiguration.infrastructureSubnetId")))
    gateway = operation.store.find(str(at(subnet.body, "natGateway.id"))) if subnet is not None else None
    addresses = [
        str(address.body["ipAddress"])
        for reference in (items(gateway.body, "publicIpAddresses") if gateway is not None else ())
        if (address := operation.store.find(str(reference.get("id")))) is not None
    ]
    return addresses or [environment.body["staticIp"]]


def _ephemeral_storage(cpu: float) -> str:
    for cores, size in ((0.25, "1Gi"), (0.5, "2Gi"), (1.0, "4Gi")):
        if cpu <= cores:
            return size
    return "8Gi"


def _check_profile(operation: Operation, environment: StoredResource) -> None:
    profile = operation.body.get("workloadProfileName")
    profiles = [entry["name"] for entry in environment.body.get("workloadProfiles") or ()]
    if profile is None:
        if "Consumption" in profiles:
            operation.body["workloadProfileName"] = "Consumption"
        return
    if profile not in profiles:
        raise operation.refuse(
            "WorkloadProfileNotFound",
            f"The environment '{environment.name}' has no workload profile '{profile}'; it has: "
            f"{', '.join(profiles) or 'none'}.",
        )


def _principal(operation: Operation, identity: str) -> str | None:
    if identity.lower() == "system":
        principal = at(operation.body, "identity.principalId")
        return str(principal) if principal else None
    stored = operation.store.find(identity)
    return str(stored.body["principalId"]) if stored is not None and stored.type == IDENTITIES else None


def _has_way(operation: Operation, environment: StoredResource, target: StoredResource, zone: str) -> bool:
    """Whether the environment's network has an approved private endpoint to a target, and a zone that names it."""
    subnet = at(environment.body, "vnetConfiguration.infrastructureSubnetId")
    if subnet is None:
        return False
    network = key(subnet).split("/subnets/", 1)[0]
    store = operation.store
    linked = {
        link.key.split("/virtualnetworklinks/", 1)[0]
        for link in store.of_type(ZONE_LINKS)
        if key(at(link.body, "virtualNetwork.id")) == network
        and link.key.split("/privatednszones/", 1)[1].startswith(f"{zone}/")
    }
    for endpoint in store.of_type(PRIVATE_ENDPOINTS):
        if not key(endpoint.body["subnet"]["id"]).startswith(network + "/"):
            continue
        connected = any(
            key(connection["privateLinkServiceId"]) == target.key
            and connection["privateLinkServiceConnectionState"]["status"] == "Approved"
            for connection in items(endpoint.body, "privateLinkServiceConnections")
        )
        named = any(
            key(str(configuration.get("privateDnsZoneId"))) in linked
            for group in store.within(endpoint.id)
            for configuration in items(group.body, "privateDnsZoneConfigs")
        )
        if connected and named:
            return True
    return False


def _refuses_public(resource: StoredResource) -> bool:
    properties = resource.body.get("properties", resource.body)
    closed = str(properties.get("publicNetworkAccess", "")).lower() == "disabled"
    rules = properties.get("networkAcls") or properties.get("networkRuleSet") or {}
    return closed or str(rules.get("defaultAction", "")).lower() == "deny"


def _check_secret_reference(operation: Operation, environment: StoredResource, secret: Mapping[str, Any]) -> None:
    name, identity = secret["name"], secret["identity"]
    found = _SECRET_URL.fullmatch(secret["keyVaultUrl"])
    assert found is not None
    why = ""
    vault = next((v for v in operation.store.of_type(VAULTS) if v.name.lower() == found[1].lower()), None)
    principal = _principal(operation, identity)
    if vault is None:
        why = f"there is no key vault '{found[1]}'"
    elif principal is None or not may_read_secret(operation.store, principal, vault, found[2]):
        why = (
            "the identity has no role that lets it read the secret (Key Vault Secrets User on the secret or the vault)"
        )
    elif _refuses_public(vault) and not _has_way(operation, environment, vault, "privatelink.vaultcore.azure.net"):
        why = (
            "Public network access is disabled and request is not from a trusted service nor via an approved private "
            "link (the environment's network needs a private endpoint to the vault, and the zone that names it)"
        )
    else:
        stored = operation.store.find(f"{vault.id}/secrets/{found[2]}")
        versions = [] if stored is None else stored.private["versions"]
        if found[3] is not None:
            versions = [version for version in versions if version["version"] == found[3]]
        if not versions:
            why = f"the vault has no secret '{found[2]}'" + (f" of version {found[3]}" if found[3] else "")
        elif not is_enabled(versions[-1]):
            why = f"the secret '{found[2]}' is disabled"
    if why:
        raise operation.refuse(
            "InvalidParameterValueInContainerTemplate",
            "The following field(s) are either invalid or missing. Field 'configuration.secrets' is invalid with "
            "details: "
            f'\'Invalid value: "{name}": Unable to get value using Managed identity {identity} for secret {name}. '
            f"Error: unable to fetch secret '{name}' using Managed identity '{identity}': {why}';.",
        )


def _check_registries(operation: Operation, environment: StoredResource) -> None:
    """A registry of this cloud must let the app's identity pull; one elsewhere is not ours to judge."""
    registries = {registry.body["loginServer"]: registry for registry in operation.store.of_type(REGISTRIES)}
    for credentials in items(operation.body, "configuration.registries"):
        registry = registries.get(str(credentials.get("server", "")).lower())
        identity = credentials.get("identity")
        if registry is None or not identity or identity.lower() == "system-environment":
            continue
        principal = _principal(operation, identity)
        if principal is None or not holds_role(operation.store, principal, IMAGE_PULLERS, registry.id):
            raise operation.refuse(
                "InvalidParameterValueInContainerTemplate",
                "The following field(s) are either invalid or missing. Field 'configuration.registries' is "
                "invalid with "
                f'details: \'Invalid value: "{registry.body["loginServer"]}": unable to pull image using Managed '
                "identity "
                f"{identity} for registry {registry.body['loginServer']}: it has no role AcrPull there';.",
            )
        if _refuses_public(registry) and not _has_way(operation, environment, registry, "privatelink.azurecr.io"):
            raise operation.refuse(
                "InvalidParameterValueInContainerTemplate",
                f"The following field(s) are either invalid or missing. Field 'template.containers.image' is invalid "
                f"with details: 'unable to pull image: {registry.body['loginServer']} refuses public access, and the "
                "environment's network has no private endpoint to it with the zone that names it';.",
            )


def _revision(operation: Operation) -> str:
    """The newest revision's name: a new one where the template changed, and only there."""
    template = operation.inputs["template"]
    revisions: list[dict[str, Any]] = list(operation.private.get("revisions", ()))
    single = at(operation.inputs, "configuration.activeRevisionsMode") in (None, "Single")
    content = {name: value for name, value in template.items() if name != "revisionSuffix"}
    suffix = template.get("revisionSuffix") or None
    newest = revisions[-1] if revisions else None
    same = newest is not None and newest["template"] == content
    if newest is None or not same or (suffix is not None and newest["name"] != f"{operation.name}--{suffix}"):
        if suffix is None:
            suffix = "".join(secrets.choice(_SUFFIX_ALPHABET) for _ in range(7))
        name = f"{operation.name}--{suffix}"
        if any(revision["name"] == name for revision in revisions):
            raise operation.refuse(
                "InvalidParameterValueInContainerTemplate",
                "The following field(s) are either invalid or missing. Field 'template.revisionsuffix' is invalid with "
                f"details: 'Invalid value: \"{suffix}\": revision with suffix {suffix} already exists.';. "
                "It is not the newest: send traffic to it, or give the new one another suffix.",
                409,
            )
        newest = {"name": name, "template": content, "createdTime": operation.timestamp}
        revisions.append(newest)
    for revision in revisions:
        # Only the newest runs in Single mode; in Multiple, what ran goes on.
        revision["active"] = revision is newest or (not single and revision.get("active", True))
    # Azure keeps a hundred inactive ones by default.
    operation.private["revisions"] = revisions[-101:]
    return str(newest["name"])


def _check_traffic(operation: Operation, ingress: Mapping[str, Any]) -> None:
    revisions = {revision["name"]: revision for revision in operation.private["revisions"]}
    for entry in ingress["traffic"]:
        name = entry.get("revisionName")
        if name is None:
            continue
        if name not in revisions:
            raise operation.refuse(
                "RevisionNotFound",
                f"The traffic of container app '{operation.name}' names the revision '{name}', which does not exist.",
            )
        if entry.get("weight") and not revisions[name]["active"]:
            raise operation.refuse(
                "InvalidTrafficWeight",
                f"The traffic of container app '{operation.name}' goes to the revision '{name}', which is not active.",
            )


# Jobs


def _job_trigger(inputs: Inputs) -> Iterator[CheckFailure]:
    kind = at(inputs, "configuration.triggerType")
    if not isinstance(kind, str):
        if kind is None:
            yield CheckFailure("configuration.triggerType", "Azure requires what starts a job")
        return
    for trigger in ("Schedule", "Event", "Manual"):
        name = f"{trigger.lower()}TriggerConfig"
        given = at(inputs, f"configuration.{name}") is not None
        if given and trigger != kind:
            yield CheckFailure(f"configuration.{name}", f"goes with triggerType {trigger}, which is {kind}")
        if not given and trigger == kind and kind != "Manual":
            yield CheckFailure(f"configuration.{name}", f"a job with triggerType {kind} needs it")
    expression = at(inputs, "configuration.scheduleTriggerConfig.cronExpression")
    if isinstance(expression, str) and not _CRON.fullmatch(expression):
        yield CheckFailure(
            "configuration.scheduleTriggerConfig.cronExpression",
            f"'{expression}' is no cron expression of five fields: minute, hour, day, month, weekday",
        )
    for place in ("manualTriggerConfig", "scheduleTriggerConfig", "eventTriggerConfig"):
        parallel, completions = (
            at(inputs, f"configuration.{place}.{name}") for name in ("parallelism", "replicaCompletionCount")
        )
        if isinstance(parallel, int) and isinstance(completions, int) and completions > parallel:
            yield CheckFailure(
                f"configuration.{place}.replicaCompletionCount", f"{completions} is more than parallelism {parallel}"
            )


def _job_containers(inputs: Inputs) -> Iterator[CheckFailure]:
    if not items(inputs, "template.containers") and at(inputs, "template") is not UNKNOWN:
        yield CheckFailure("template.containers", "Azure requires at least one container")
    if inputs.get("environmentId") is None:
        yield CheckFailure("environmentId", "Azure requires the environment that the job runs in")
    for index, container in enumerate(items(inputs, "template.containers")):
        if container.get("probes"):
            yield CheckFailure(f"template.containers[{index}].probes", "a job's container has no probes")


def _complete_job(operation: Operation) -> None:
    body = operation.body
    environment = operation.store.find(operation.inputs["environmentId"])
    assert environment is not None
    if environment.body["location"] != body["location"]:
        raise operation.refuse(
            "ContainerAppLocationMismatch",
            f"The job '{operation.name}' and its environment must be in one location, not '{body['location']}' and "
            f"'{environment.body['location']}'.",
        )
    _check_profile(operation, environment)
    complete_identity(operation)
    for secret in items(body, "configuration.secrets"):
        if secret.get("keyVaultUrl") is not None:
            _check_secret_reference(operation, environment, secret)
    _check_registries(operation, environment)
    for container in items(body, "template.containers"):
        container.setdefault("resources", {"cpu": 0.5, "memory": "1Gi"})
        container["resources"]["ephemeralStorage"] = _ephemeral_storage(container["resources"].get("cpu") or 0.5)
    body["configuration"].setdefault("replicaRetryLimit", 0)
    body |= {
        "environmentId": environment.id,
        "outboundIpAddresses": _outbound(operation, environment),
        "eventStreamEndpoint": f"https://{body['location']}.azurecontainerapps.dev{operation.id}/eventstream",
        "runningState": "Ready",
        "provisioningState": "Succeeded",
    }


# Private endpoint connections: what others ask for, and the environment's owner approves


def _complete_connection(operation: Operation) -> None:
    if operation.previous is None:
        raise operation.refuse(
            "PrivateEndpointConnectionNotFound",
            f"There is no connection '{operation.name}' to approve: one comes with the private endpoint that asks.",
            404,
        )
    before = operation.previous.body
    operation.private["profile"] = operation.previous.private.get("profile")
    operation.body |= {name: before[name] for name in ("privateEndpoint", "groupIds") if name in before}
    operation.body["privateLinkServiceConnectionState"].setdefault("actionsRequired", "None")
    operation.body["provisioningState"] = "Succeeded"


def _tell_origins(operation: Operation) -> None:
    tell_origins(operation.store, operation.id, operation.body["privateLinkServiceConnectionState"]["status"])


_APP_NAME_RULE = (
    "A name must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and "
    "end with an alphanumeric character and cannot have '--'. The length must not be more than 32 characters"
)

KINDS = (
    ResourceKind(
        "app:ManagedEnvironment",
        path=f"{RESOURCE_GROUP}/providers/Microsoft.App/managedEnvironments/{{environmentName}}",
        name=Name(
            "environmentName",
            r"[a-zA-Z][a-zA-Z0-9-]{0,58}[a-zA-Z0-9]",
            "2 to 60 letters, digits and hyphens, starting with a letter and ending with a letter or digit",
        ),
        rules=(
            _environment_network,
            identity_rule,
            distinct("workloadProfiles", "name"),
            allowed("appLogsConfiguration.destination", ("log-analytics", "azure-monitor", "none", "")),
            allowed("publicNetworkAccess", ("Enabled", "Disabled")),
        ),
        # x-ms-mutability in Microsoft.App 2025-02-02-preview, ManagedEnvironments.json.
        replaces=frozenset({"zoneRedundant", "infrastructureResourceGroup"}),
        immutable=(
            "vnetConfiguration.infrastructureSubnetId",
            "vnetConfiguration.internal",
            "vnetConfiguration.dockerBridgeCidr",
            "vnetConfiguration.platformReservedCidr",
            "vnetConfiguration.platformReservedDnsIP",
        ),
        identifiers={"workloadProfiles": ("name",)},
        links={"vnetConfiguration.infrastructureSubnetId": SUBNETS},
        defaults={
            "zoneRedundant": False,
            "peerAuthentication": {"mtls": {"enabled": False}},
            "peerTrafficConfiguration": {"encryption": {"enabled": False}},
        },
        complete=_complete_environment,
        in_use_by=(APPS, JOBS),
    ),
    ResourceKind(
        "app:ContainerApp",
        path=f"{RESOURCE_GROUP}/providers/Microsoft.App/containerApps/{{containerAppName}}",
        name=Name("containerAppName", r"(?!.*--)[a-z][a-z0-9-]{0,30}[a-z0-9]", _APP_NAME_RULE),
        rules=(
            _app_environment,
            _app_secrets,
            _app_containers,
            _app_resources,
            _app_scale,
            _app_ingress,
            _identity_of,
            allowed("configuration.activeRevisionsMode", ("Single", "Multiple", "Labels")),
            between("configuration.maxInactiveRevisions", 0, 100),
            distinct("configuration.secrets", "name"),
            matches(
                "configuration.secrets[].name",
                r"[a-z0-9]([-a-z0-9]{0,251}[a-z0-9])?",
                "A value must consist of lower case alphanumeric characters, '-', and must start and end with an "
                "alphanumeric character. The length must not be more than 253 characters",
            ),
            distinct("configuration.registries", "server"),
            exactly_one("configuration.registries[]", "identity", "username"),
            between("configuration.ingress.targetPort", 1, 65535),
            between("configuration.ingress.exposedPort", 0, 65535),
            between("configuration.ingress.traffic[].weight", 0, 100),
            distinct("configuration.ingress.traffic", "revisionName"),
            distinct("configuration.ingress.traffic", "label"),
            allowed("configuration.ingress.transport", ("auto", "http", "http2", "tcp")),
            distinct("template.containers", "name"),
            distinct("template.containers[].env", "name"),
            distinct("template.initContainers[].env", "name"),
            needed("template.containers[].probes[].type", ": Liveness, Readiness or Startup"),
            allowed("template.containers[].probes[].type", ("Liveness", "Readiness", "Startup")),
            distinct("template.containers[].probes", "type"),
            exactly_one("template.containers[].probes[]", "httpGet", "tcpSocket"),
            between("template.containers[].probes[].httpGet.port", 1, 65535),
            between("template.containers[].probes[].tcpSocket.port", 1, 65535),
            matches("template.containers[].probes[].httpGet.path", r"/.*", "a path starts with /"),
            between("template.containers[].probes[].successThreshold", 1, 10),
            between("template.containers[].probes[].initialDelaySeconds", 0, 60, " seconds"),
            between("template.containers[].probes[].periodSeconds", 1, 240, " seconds"),
            between("template.containers[].probes[].timeoutSeconds", 1, 240, " seconds"),
            between("template.scale.minReplicas", 0, 1000),
            between("template.scale.maxReplicas", 1, 1000),
            distinct("template.scale.rules", "name"),
            needed("template.scale.rules[].name"),
            exactly_one("template.scale.rules[]", "http", "tcp", "custom", "azureQueue"),
            between("template.terminationGracePeriodSeconds", 0, 600, " seconds"),
            distinct("template.volumes", "name"),
            allowed("template.volumes[].storageType", ("AzureFile", "EmptyDir", "Secret", "NfsAzureFile", "Smb")),
            matches(
                "template.revisionSuffix",
                r"(?!.*--)[a-z0-9]([a-z0-9-]{0,52}[a-z0-9])?|",
                "lower case letters, digits and hyphens, at most 54 characters",
            ),
        ),
        # x-ms-mutability in Microsoft.App 2025-02-02-preview, ContainerApps.json.
        replaces=frozenset({"environmentId", "managedEnvironmentId"}),
        identifiers={
            "configuration.secrets": ("name",),
            "configuration.registries": ("server",),
            "configuration.ingress.traffic": ("revisionName",),
            "configuration.ingress.customDomains": ("name",),
            "configuration.ingress.ipSecurityRestrictions": ("name",),
            "configuration.ingress.additionalPortMappings": ("targetPort",),
            "template.containers": ("name",),
            "template.containers.env": ("name",),
            "template.containers.probes": ("type",),
            "template.containers.volumeMounts": ("volumeName",),
            "template.initContainers.env": ("name",),
            "template.initContainers.volumeMounts": ("volumeName",),
            "template.scale.rules": ("name",),
            "template.volumes": ("name",),
        },
        links={
            "environmentId": ENVIRONMENTS,
            "managedEnvironmentId": ENVIRONMENTS,
            "identity.userAssignedIdentities[]": IDENTITIES,
        },
        complete=_complete_app,
    ),
    ResourceKind(
        "app:Job",
        path=f"{RESOURCE_GROUP}/providers/Microsoft.App/jobs/{{jobName}}",
        name=Name("jobName", r"(?!.*--)[a-z][a-z0-9-]{0,30}[a-z0-9]", _APP_NAME_RULE),
        rules=(
            _job_trigger,
            _job_containers,
            _app_secrets,
            _app_containers,
            _app_resources,
            _identity_of,
            allowed("configuration.triggerType", ("Schedule", "Event", "Manual")),
            between("configuration.replicaTimeout", 1, 604_800, " seconds"),
            between("configuration.replicaRetryLimit", 0, 10),
            distinct("configuration.secrets", "name"),
            distinct("configuration.registries", "server"),
            exactly_one("configuration.registries[]", "identity", "username"),
            distinct("template.containers", "name"),
            distinct("template.containers[].env", "name"),
            distinct("template.volumes", "name"),
        ),
        replaces=frozenset({"environmentId"}),
        identifiers={
            "configuration.secrets": ("name",),
            "configuration.registries": ("server",),
            "template.containers": ("name",),
            "template.containers.env": ("name",),
            "template.volumes": ("name",),
        },
        links={"environmentId": ENVIRONMENTS, "identity.userAssignedIdentities[]": IDENTITIES},
        complete=_complete_job,
    ),
    ResourceKind(
        "app:ManagedEnvironmentPrivateEndpointConnection",
        path=f"{RESOURCE_GROUP}/providers/Microsoft.App/managedEnvironments/{{environmentName}}"
        "/privateEndpointConnections/{privateEndpointConnectionName}",
        name=Name("privateEndpointConnectionName", r"[a-zA-Z0-9._-]{1,80}", "1 to 80 letters, digits, . _ -"),
        rules=(
            needed("privateLinkServiceConnectionState.status"),
            allowed("privateLinkServiceConnectionState.status", ("Approved", "Rejected", "Pending", "Disconnected")),
        ),
        complete=_complete_connection,
        after=_tell_origins,
    ),
)
