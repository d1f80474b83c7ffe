"""Virtual networks, subnets, security groups, private endpoints and private DNS."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any

from emulator.azure.errors import AzureError, resource_not_found
from emulator.azure.identifiers import arm_type, digest, key, last_segment, new_guid
from emulator.azure.kinds import Autoname, Name, Operation, ResourceKind
from emulator.azure.resource_types.foundation import RESOURCE_GROUP
from emulator.azure.rules import Inputs, allowed, at, between, distinct, items, known, needed
from emulator.azure.store import AzureStore, StoredResource
from emulator.package import CheckFailure

NETWORKS = "Microsoft.Network/virtualNetworks"
SUBNETS = "Microsoft.Network/virtualNetworks/subnets"
SECURITY_GROUPS = "Microsoft.Network/networkSecurityGroups"
ENDPOINTS = "Microsoft.Network/privateEndpoints"
ADDRESSES = "Microsoft.Network/publicIPAddresses"
GATEWAYS = "Microsoft.Network/natGateways"
ZONES = "Microsoft.Network/privateDnsZones"
LINKS = "Microsoft.Network/privateDnsZones/virtualNetworkLinks"

# Target type → group ids that a private endpoint can reach there, and the DNS label of what it reaches.
_GROUPS: Mapping[str, Mapping[str, str]] = {
    "microsoft.keyvault/vaults": {"vault": "vault.azure.net"},
    "microsoft.containerregistry/registries": {"registry": "azurecr.io"},
    "microsoft.app/managedenvironments": {"managedEnvironments": ""},
    "microsoft.storage/storageaccounts": {
        name: f"{name.removesuffix('_secondary')}.core.windows.net"
        for service in ("blob", "file", "queue", "table", "web", "dfs")
        for name in (service, f"{service}_secondary")
    },
}

# Where a zone is not simply the public name with `privatelink.` before it.
_PUBLIC_NAMES = {"privatelink.vaultcore.azure.net": "vault.azure.net"}


def link_groups(arm_type: str) -> tuple[str, ...]:
    """The parts of a type that a private link can lead to; none where the type is not known here."""
    return tuple(_GROUPS.get(arm_type.lower(), ()))


_NAME = r"[a-zA-Z0-9]([\w.-]{0,78}[\w])?"
_NAME_SAID = (
    "1 to 80 letters, digits, underscores, periods and hyphens, starting with a letter or digit and ending with a "
    "letter, digit or underscore"
)

_DEFAULT_RULES = (
    ("AllowVnetInBound", 65000, "Inbound", "Allow", "VirtualNetwork", "VirtualNetwork"),
    ("AllowAzureLoadBalancerInBound", 65001, "Inbound", "Allow", "AzureLoadBalancer", "*"),
    ("DenyAllInBound", 65500, "Inbound", "Deny", "*", "*"),
    ("AllowVnetOutBound", 65000, "Outbound", "Allow", "VirtualNetwork", "VirtualNetwork"),
    ("AllowInternetOutBound", 65001, "Outbound", "Allow", "*", "Internet"),
    ("DenyAllOutBound", 65500, "Outbound", "Deny", "*", "*"),
)


def _prefixes(subnet: Mapping[str, Any]) -> list[Any]:
    several = subnet.get("addressPrefixes")
    return (
        list(several) if isinstance(several, list) else [subnet["addressPrefix"]] if subnet.get("addressPrefix") else []
    )


def _network_of(text: Any) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        return None


def _prefix_failures(place: str, values: list[Any]) -> Iterator[CheckFailure]:
    for value in values:
        if isinstance(value, str) and _network_of(value) is None:
            yield CheckFailure(place, f"'{value}' is not an address range such as 10.0.0.0/16 (host bits must be zero)")


def _network_addresses(inputs: Inputs) -> Iterator[CheckFailure]:
    yield from _prefix_failures("addressSpace.addressPrefixes", items(inputs, "addressSpace.addressPrefixes"))
    if (
        at(inputs, "addressSpace.addressPrefixes") is None
        and at(inputs, "addressSpace.ipamPoolPrefixAllocations") is None
    ):
        yield CheckFailure("addressSpace.addressPrefixes", "Azure requires the address space of a virtual network")
    for index, subnet in enumerate(items(inputs, "subnets")):
        yield from _prefix_failures(f"subnets[{index}]", _prefixes(subnet))


def _subnet_addresses(inputs: Inputs) -> Iterator[CheckFailure]:
    prefixes = _prefixes(inputs)
    if not prefixes and inputs.get("ipamPoolPrefixAllocations") is None:
        yield CheckFailure("addressPrefix", "Azure requires the address range of a subnet")
    yield from _prefix_failures("addressPrefix", prefixes)


def _check_fits(
    network_name: str, spaces: list[str], name: str, prefixes: list[str], others: Mapping[str, list[str]]
) -> None:
    for prefix in prefixes:
        range_ = ipaddress.ip_network(prefix)
        if not any(
            range_.version == space.version and range_.subnet_of(space)  # type: ignore[arg-type]
            for space in map(ipaddress.ip_network, spaces)
        ):
            raise AzureError(
                400, "NetcfgInvalidSubnet", f"Subnet '{name}' is not valid in virtual network '{network_name}'."
            )
        if range_.version == 4 and range_.prefixlen > 29:
            raise AzureError(
                400,
                "NetcfgInvalidSubnet",
                f"Subnet '{name}' is not valid in virtual network '{network_name}': a subnet is a /29 at the smallest.",
            )
        for other, theirs in others.items():
            if any(range_.overlaps(ipaddress.ip_network(taken)) for taken in theirs):
                raise AzureError(
                    400,
                    "NetcfgSubnetRangesOverlap",
                    f"Subnet '{name}' is not valid because its IP address range overlaps with that of an "
                    f"existing subnet in virtual network '{network_name}' ('{other}').",
                )


def _complete_network(operation: Operation) -> None:
    body = operation.body
    operation.once("resourceGuid", new_guid)
    body["etag"] = f'W/"{new_guid()}"'
    body["provisioningState"] = "Succeeded"
    spaces, inline = items(body, "addressSpace.addressPrefixes"), items(body, "subnets")
    taken: dict[str, list[str]] = {}
    for subnet in inline:
        name = str(subnet.get("name"))
        _check_fits(operation.name, spaces, name, _prefixes(subnet), taken)
        taken[name] = _prefixes(subnet)
        subnet["id"] = f"{operation.id}/subnets/{name}"
        subnet["type"], subnet["provisioningState"] = SUBNETS, "Succeeded"
    for existing in operation.store.within(operation.id):
        if existing.type == SUBNETS and existing.name not in taken:
            _check_fits(operation.name, spaces, existing.name, _prefixes(existing.body), {})


def _store_inline_subnets(operation: Operation) -> None:
    """Subnets declared within their network are resources of their own too."""
    if operation.inputs.get("subnets") is None:
        return
    declared = {subnet["id"] for subnet in operation.body["subnets"]}
    for existing in operation.store.within(operation.id):
        if existing.type == SUBNETS and existing.id not in declared:
            check_subnet_unused(operation.store, existing)
            operation.store.remove(existing.id)
    for subnet in operation.body["subnets"]:
        existing_subnet = operation.store.find(subnet["id"])
        if existing_subnet is not None and _prefixes(existing_subnet.body) != _prefixes(subnet):
            _check_prefix_free(operation, existing_subnet)
        operation.store.put(StoredResource(subnet["id"], SUBNETS, {**subnet, "name": subnet["name"]}, {"inline": True}))


def _check_prefix_free(operation: Operation, subnet: StoredResource) -> None:
    users = [user for user in operation.store.referrers(subnet.id) if user.type not in (NETWORKS, SUBNETS)]
    if users:
        raise operation.refuse(
            "InUsePrefixCannotBeDeleted",
            f"IpPrefix {_prefixes(subnet.body)[0]} on Subnet {subnet.name} has active allocations and cannot be "
            f"deleted: it is in use by {', '.join(user.id for user in users)}.",
        )


def _complete_subnet(operation: Operation) -> None:
    network = operation.store.find(operation.id.rsplit("/subnets/", 1)[0])
    assert network is not None
    others = {
        other.name: _prefixes(other.body)
        for other in operation.store.within(network.id)
        if other.type == SUBNETS and other.key != key(operation.id)
    }
    if operation.previous is not None and _prefixes(operation.previous.body) != _prefixes(operation.body):
        _check_prefix_free(operation, operation.previous)
    spaces = items(network.body, "addressSpace.addressPrefixes")
    _check_fits(network.name, spaces, operation.name, _prefixes(operation.body), others)
    body = operation.body
    for delegation in items(body, "delegations"):
        delegation["id"] = f"{operation.id}/delegations/{delegation.get('name')}"
        delegation["provisioningState"] = "Succeeded"
    body["etag"] = f'W/"{new_guid()}"'
    body["provisioningState"] = "Succeeded"


def check_subnet_unused(store: AzureStore, subnet: StoredResource) -> None:
    users = [user for user in store.referrers(subnet.id) if user.type not in (NETWORKS, SUBNETS)]
    if users:
        raise AzureError(
            400,
            "InUseSubnetCannotBeDeleted",
            f"Subnet {subnet.name} is in use by {', '.join(user.id for user in users)} and cannot be deleted. "
            "In order to delete the subnet, delete all the resources within the subnet. See aka.ms/deletesubnet.",
        )


def _check_network_unused(store: AzureStore, network: StoredResource) -> None:
    for subnet in store.within(network.id):
        if subnet.type == SUBNETS:
            check_subnet_unused(store, subnet)


def _complete_security_group(operation: Operation) -> None:
    body = operation.body
    operation.once("resourceGuid", new_guid)
    body["etag"] = f'W/"{new_guid()}"'
    for rule in items(body, "securityRules"):
        rule["id"] = f"{operation.id}/securityRules/{rule.get('name')}"
        rule["type"] = "Microsoft.Network/networkSecurityGroups/securityRules"
        rule["provisioningState"] = "Succeeded"
    body["defaultSecurityRules"] = [
        {
            "name": name,
            "id": f"{operation.id}/defaultSecurityRules/{name}",
            "type": "Microsoft.Network/networkSecurityGroups/defaultSecurityRules",
            "priority": priority,
            "direction": direction,
            "access": access,
            "protocol": "*",
            "sourceAddressPrefix": source,
            "destinationAddressPrefix": destination,
            "sourcePortRange": "*",
            "destinationPortRange": "*",
            "provisioningState": "Succeeded",
        }
        for name, priority, direction, access, source, destination in _DEFAULT_RULES
    ]
    body["provisioningState"] = "Succeeded"


def _security_rules(inputs: Inputs) -> Iterator[CheckFailure]:
    for index, rule in enumerate(items(inputs, "securityRules")):
        place = f"securityRules[{index}]"
        for name in ("name", "priority"):
            if rule.get(name) is None:
                yield CheckFailure(f"{place}.{name}", f"Azure requires the {name} of a security rule")
        for one, many in (
            ("sourceAddressPrefix", "sourceAddressPrefixes"),
            ("destinationAddressPrefix", "destinationAddressPrefixes"),
            ("sourcePortRange", "sourcePortRanges"),
            ("destinationPortRange", "destinationPortRanges"),
        ):
            end = one.removesuffix("AddressPrefix") + "ApplicationSecurityGroups" if "Address" in one else None
            if rule.get(one) is None and not rule.get(many) and not (end and rule.get(end)):
                yield CheckFailure(f"{place}.{one}", f"Azure requires {one} or {many}")
            elif known(rule.get(one)) and rule.get(many):
                yield CheckFailure(f"{place}.{many}", f"{one} and {many} exclude each other")


def _address_rules(inputs: Inputs) -> Iterator[CheckFailure]:
    sku, method = at(inputs, "sku.name"), inputs.get("publicIPAllocationMethod")
    if sku == "Standard" and method == "Dynamic":
        yield CheckFailure("publicIPAllocationMethod", "an address of the SKU Standard is Static")
    if sku == "Basic":
        yield CheckFailure("sku.name", "the SKU Basic is retired: Standard")


def _complete_address(operation: Operation) -> None:
    body = operation.body
    body.setdefault("publicIPAllocationMethod", "Static")
    operation.once("resourceGuid", new_guid)
    operation.once("ipAddress", lambda: f"20.{'.'.join(str(byte) for byte in bytes.fromhex(digest(operation.id)[:6]))}")
    body["etag"] = f'W/"{new_guid()}"'
    body["provisioningState"] = "Succeeded"


def _complete_gateway(operation: Operation) -> None:
    body, store = operation.body, operation.store
    sku = at(body, "sku.name")
    for reference in items(body, "publicIpAddresses"):
        address = store.find(str(reference.get("id")))
        if address is None or address.type != ADDRESSES:
            raise resource_not_found(str(reference.get("id")))
        if at(address.body, "sku.name") != sku:
            raise operation.refuse(
                "NatGatewayPublicIpSkuMismatch",
                f"The address '{address.name}' has the SKU {at(address.body, 'sku.name')}, the NAT gateway {sku}: they "
                "must be the same.",
            )
        for other in store.of_type(GATEWAYS):
            if other.key != key(operation.id) and any(
                key(str(used.get("id"))) == address.key for used in items(other.body, "publicIpAddresses")
            ):
                raise operation.refuse(
                    "PublicIPAddressInUse", f"The address '{address.name}' is in use by '{other.name}' already."
                )
    operation.once("resourceGuid", new_guid)
    body["etag"] = f'W/"{new_guid()}"'
    body["provisioningState"] = "Succeeded"


def _connections(body: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for group in ("privateLinkServiceConnections", "manualPrivateLinkServiceConnections"):
        for index, connection in enumerate(items(body, group)):
            yield f"{group}[{index}]", connection


def _endpoint_connections(inputs: Inputs) -> Iterator[CheckFailure]:
    if at(inputs, "subnet.id") is None:
        yield CheckFailure("subnet.id", "Azure requires the subnet of a private endpoint, by ARM id")
    found = list(_connections(inputs))
    if not found and not any(
        inputs.get(group) is not None and not isinstance(inputs.get(group), list)
        for group in ("privateLinkServiceConnections", "manualPrivateLinkServiceConnections")
    ):
        yield CheckFailure("privateLinkServiceConnections", "Azure requires one connection to a private link service")
    for place, connection in found:
        target = connection.get("privateLinkServiceId")
        if target is None:
            yield CheckFailure(f"{place}.privateLinkServiceId", "Azure requires the resource that is connected to")
        if connection.get("name") is None:
            yield CheckFailure(f"{place}.name", "Azure requires the connection's name")
        if isinstance(target, str) and isinstance(connection.get("groupIds"), list):
            groups = _GROUPS.get(arm_type(target).lower())
            for group in connection["groupIds"] if groups is not None else ():
                if isinstance(group, str) and group not in (groups or {}):
                    yield CheckFailure(
                        f"{place}.groupIds", f"'{group}' is no group of {arm_type(target)}: {', '.join(groups or {})}"
                    )


def _complete_endpoint(operation: Operation) -> None:
    body, store = operation.body, operation.store
    subnet = store.find(body["subnet"]["id"])
    assert subnet is not None
    if subnet.body.get("delegations"):
        raise operation.refuse(
            "PrivateEndpointCreationNotAllowedAsSubnetIsDelegated",
            f"Private endpoint '{operation.name}' cannot be created in the subnet '{subnet.name}': it is delegated to "
            f"{subnet.body['delegations'][0].get('serviceName')}.",
        )
    address = operation.private.get("address") or _free_address(store, subnet)
    operation.private["address"] = address
    names: list[str] = []
    for _, connection in _connections(body):
        target = store.find(connection["privateLinkServiceId"])
        if target is None:
            raise resource_not_found(connection["privateLinkServiceId"])
        _check_target(target)
        manual = connection in items(body, "manualPrivateLinkServiceConnections")
        connection["id"] = f"{operation.id}/privateLinkServiceConnections/{connection['name']}"
        connection["type"] = f"{ENDPOINTS}/privateLinkServiceConnections"
        connection["provisioningState"] = "Succeeded"
        connection["privateLinkServiceConnectionState"] = {
            "status": "Pending" if manual else "Approved",
            "description": connection.get("requestMessage", "") if manual else "Auto-Approved",
            "actionsRequired": "None",
        }
        names += _target_names(target, connection.get("groupIds") or ())
    body["customDnsConfigs"] = [{"fqdn": name, "ipAddresses": [address]} for name in names]
    interface = body.get("customNetworkInterfaceName") or f"{operation.name}.nic.{new_guid()}"
    interface = operation.private.setdefault("interface", interface)
    body["networkInterfaces"] = [
        {"id": f"{operation.id.rsplit('/privateEndpoints/', 1)[0]}/networkInterfaces/{interface}"}
    ]
    body["etag"] = f'W/"{new_guid()}"'
    body["provisioningState"] = "Succeeded"


def _check_target(target: StoredResource) -> None:
    if target.type == "Microsoft.ContainerRegistry/registries" and target.body["sku"]["name"].lower() != "premium":
        raise AzureError(
            400,
            "PrivateEndpointFeatureNotSupported",
            f"The registry '{target.name}' has the SKU {target.body['sku']['name']}: a private endpoint needs Premium.",
        )
    if target.type == "Microsoft.App/managedEnvironments" and target.body.get("publicNetworkAccess") != "Disabled":
        raise AzureError(
            400,
            "ManagedEnvironmentPublicNetworkAccessEnabled",
            f"The environment '{target.name}' takes private endpoints only with publicNetworkAccess Disabled.",
        )


def _target_names(target: StoredResource, groups: Any) -> list[str]:
    if target.type == "Microsoft.App/managedEnvironments":
        return [f"*.{target.body['defaultDomain']}"]
    labels = _GROUPS.get(target.type.lower(), {})
    names = [f"{target.name.lower()}.{labels[group]}" for group in groups if labels.get(group)]
    if target.type == "Microsoft.ContainerRegistry/registries":
        # Layers come from an address of their own.
        names.append(f"{target.name.lower()}.{target.body['location']}.data.azurecr.io")
    return names


def _free_address(store: AzureStore, subnet: StoredResource) -> str:
    taken = {endpoint.private.get("address") for endpoint in store.of_type(ENDPOINTS)}
    network = ipaddress.ip_network(_prefixes(subnet.body)[0])
    # Azure keeps the first four addresses and the last one of each subnet.
    for offset in range(4, network.num_addresses - 1):
        if str(network[offset]) not in taken:
            return str(network[offset])
    raise AzureError(400, "SubnetIsFull", f"Subnet {subnet.name} with address prefix {network} is already full.")


def _complete_zone_group(operation: Operation) -> None:
    endpoint = operation.store.find(operation.id.rsplit("/privateDnsZoneGroups/", 1)[0])
    assert endpoint is not None
    for configuration in items(operation.body, "privateDnsZoneConfigs"):
        zone = operation.store.find(str(configuration.get("privateDnsZoneId")))
        if zone is None or zone.type != ZONES:
            raise resource_not_found(str(configuration.get("privateDnsZoneId")))
        public = _PUBLIC_NAMES.get(zone.name.lower(), zone.name.removeprefix("privatelink."))
        configuration["recordSets"] = [
            {
                "recordType": "A",
                "recordSetName": entry["fqdn"].removesuffix(f".{public}"),
                "fqdn": f"{entry['fqdn'].removesuffix(f'.{public}')}.{zone.name}",
                "ttl": 10,
                "ipAddresses": entry["ipAddresses"],
                "provisioningState": "Succeeded",
            }
            for entry in endpoint.body["customDnsConfigs"]
            if entry["fqdn"].endswith(f".{public}")
        ]
    operation.body["etag"] = f'W/"{new_guid()}"'
    operation.body["provisioningState"] = "Succeeded"


def _global_location(inputs: Inputs) -> Iterator[CheckFailure]:
    location = inputs.get("location")
    if isinstance(location, str) and location.lower() != "global":
        yield CheckFailure("location", f"'{location}' is not possible: the type exists in the location 'global' only")


def _needs_network(inputs: Inputs) -> Iterator[CheckFailure]:
    if at(inputs, "virtualNetwork.id") is None:
        yield CheckFailure("virtualNetwork.id", "Azure requires the virtual network that is linked, by ARM id")


def _complete_zone(operation: Operation) -> None:
    body = operation.body
    body["etag"] = new_guid()
    body |= {
        "maxNumberOfRecordSets": 25000,
        "maxNumberOfVirtualNetworkLinks": 1000,
        "maxNumberOfVirtualNetworkLinksWithRegistration": 100,
        "numberOfRecordSets": 1,
        "numberOfVirtualNetworkLinks": 0,
        "numberOfVirtualNetworkLinksWithRegistration": 0,
        "provisioningState": "Succeeded",
    }


def _complete_link(operation: Operation) -> None:
    zone = operation.id.rsplit("/virtualNetworkLinks/", 1)[0]
    network = str(at(operation.body, "virtualNetwork.id"))
    for other in operation.store.of_type(LINKS):
        if other.key == key(operation.id):
            continue
        if key(other.body["virtualNetwork"]["id"]) == key(network):
            if other.key.startswith(key(zone) + "/"):
                raise AzureError(
                    409,
                    "Conflict",
                    f"The virtual network '{last_segment(network)}' is linked to the zone '{last_segment(zone)}' "
                    "already.",
                )
            if other.body.get("registrationEnabled") and operation.body.get("registrationEnabled"):
                raise AzureError(
                    400,
                    "BadRequest",
                    f"The virtual network '{last_segment(network)}' registers in another zone already: it may in one.",
                )
    operation.body["etag"] = f'"{new_guid()}"'
    operation.body["virtualNetworkLinkState"] = "Completed"
    operation.body["provisioningState"] = "Succeeded"


_ENDPOINT_POLICIES = ("Enabled", "Disabled", "NetworkSecurityGroupEnabled", "RouteTableEnabled")

KINDS = (
    ResourceKind(
        "network:VirtualNetwork",
        path=f"{RESOURCE_GROUP}/providers/Microsoft.Network/virtualNetworks/{{virtualNetworkName}}",
        name=Name("virtualNetworkName", r"[a-zA-Z0-9]([\w.-]{0,62}[\w])", _NAME_SAID.replace("1 to 80", "2 to 64")),
        rules=(
            _network_addresses,
            distinct("subnets", "name"),
            needed("subnets[].name"),
            allowed("subnets[].privateEndpointNetworkPolicies", _ENDPOINT_POLICIES),
        ),
        maintained=("subnets",),
        defaults={"enableDdosProtection": False, "subnets": [], "virtualNetworkPeerings": []},
        complete=_complete_network,
        after=_store_inline_subnets,
        in_use_by=(LINKS,),
        before_delete=_check_network_unused,
    ),
    ResourceKind(
        "network:Subnet",
        path=f"{RESOURCE_GROUP}/providers/Microsoft.Network/virtualNetworks/{{virtualNetworkName}}/subnets/{{subnetName}}",
        name=Name("subnetName", _NAME, _NAME_SAID, autoname=Autoname.COPY),
        rules=(
            _subnet_addresses,
            distinct("delegations", "name"),
            allowed("privateEndpointNetworkPolicies", _ENDPOINT_POLICIES),
        ),
        links={"networkSecurityGroup.id": SECURITY_GROUPS},
        defaults={
            "delegations": [],
            "privateEndpointNetworkPolicies": "Disabled",
            "privateLinkServiceNetworkPolicies": "Enabled",
        },
        complete=_complete_subnet,
        before_delete=check_subnet_unused,
    ),
    ResourceKind(
        "network:NetworkSecurityGroup",
        path=f"{RESOURCE_GROUP}/providers/Microsoft.Network/networkSecurityGroups/{{networkSecurityGroupName}}",
        name=Name("networkSecurityGroupName", _NAME, _NAME_SAID),
        rules=(
            _security_rules,
            distinct("securityRules", "name"),
            distinct("securityRules", "direction", "priority"),
            between("securityRules[].priority", 100, 4096),
            allowed("securityRules[].access", ("Allow", "Deny")),
            allowed("securityRules[].direction", ("Inbound", "Outbound")),
            allowed("securityRules[].protocol", ("Tcp", "Udp", "Icmp", "Esp", "Ah", "*")),
        ),
        maintained=("securityRules",),
        defaults={"securityRules": []},
        complete=_complete_security_group,
        in_use_by=(SUBNETS,),
    ),
    ResourceKind(
        "network:PublicIPAddress",
        path=f"{RESOURCE_GROUP}/providers/Microsoft.Network/publicIPAddresses/{{publicIpAddressName}}",
        name=Name("publicIpAddressName", _NAME, _NAME_SAID),
        rules=(
            _address_rules,
            allowed("sku.name", ("Standard", "StandardV2", "Basic")),
            allowed("publicIPAllocationMethod", ("Static", "Dynamic")),
            allowed("publicIPAddressVersion", ("IPv4", "IPv6")),
            allowed("zones[]", ("1", "2", "3")),
        ),
        immutable=("sku.name",),
        defaults={"publicIPAddressVersion": "IPv4", "idleTimeoutInMinutes": 4},
        complete=_complete_address,
        in_use_by=(GATEWAYS,),
    ),
    ResourceKind(
        "network:NatGateway",
        path=f"{RESOURCE_GROUP}/providers/Microsoft.Network/natGateways/{{natGatewayName}}",
        name=Name("natGatewayName", _NAME, _NAME_SAID),
        rules=(
            between("idleTimeoutInMinutes", 4, 120, " minutes"),
            allowed("sku.name", ("Standard", "StandardV2")),
            needed("sku.name"),
        ),
        immutable=("sku.name",),
        links={"publicIpAddresses[].id": ADDRESSES},
        complete=_complete_gateway,
        in_use_by=(SUBNETS,),
    ),
    ResourceKind(
        "network:PrivateEndpoint",
        path=f"{RESOURCE_GROUP}/providers/Microsoft.Network/privateEndpoints/{{privateEndpointName}}",
        name=Name("privateEndpointName", _NAME, _NAME_SAID),
        rules=(_endpoint_connections,),
        # forceNewMap of pulumi-azure-native.
        replaces=frozenset({"subnet"}),
        links={
            "subnet.id": SUBNETS,
            "privateLinkServiceConnections[].privateLinkServiceId": "",
            "manualPrivateLinkServiceConnections[].privateLinkServiceId": "",
        },
        defaults={"manualPrivateLinkServiceConnections": [], "customNetworkInterfaceName": ""},
        complete=_complete_endpoint,
    ),
    ResourceKind(
        "network:PrivateDnsZoneGroup",
        path=f"{RESOURCE_GROUP}/providers/Microsoft.Network/privateEndpoints/{{privateEndpointName}}"
        "/privateDnsZoneGroups/{privateDnsZoneGroupName}",
        name=Name("privateDnsZoneGroupName", _NAME, _NAME_SAID, autoname=Autoname.COPY),
        rules=(
            needed("privateDnsZoneConfigs[].privateDnsZoneId"),
            needed("privateDnsZoneConfigs[].name"),
            distinct("privateDnsZoneConfigs", "name"),
        ),
        links={"privateDnsZoneConfigs[].privateDnsZoneId": ZONES},
        complete=_complete_zone_group,
    ),
    ResourceKind(
        "privatedns:PrivateZone",
        aliases=("network:PrivateZone",),
        path=f"{RESOURCE_GROUP}/providers/Microsoft.Network/privateDnsZones/{{privateZoneName}}",
        name=Name(
            "privateZoneName",
            r"([a-zA-Z0-9_]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?)(\.[a-zA-Z0-9_]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?)+",
            "a domain name of two labels or more, each of 1 to 63 letters, digits and hyphens",
        ),
        rules=(_global_location,),
        complete=_complete_zone,
        refuses_nested=(LINKS,),
    ),
    ResourceKind(
        "privatedns:VirtualNetworkLink",
        aliases=("network:VirtualNetworkLink",),
        path=f"{RESOURCE_GROUP}/providers/Microsoft.Network/privateDnsZones/{{privateZoneName}}"
        "/virtualNetworkLinks/{virtualNetworkLinkName}",
        name=Name("virtualNetworkLinkName", _NAME, _NAME_SAID, autoname=Autoname.COPY),
        rules=(_global_location, _needs_network),
        links={"virtualNetwork.id": NETWORKS},
        immutable=("virtualNetwork.id",),
        defaults={"registrationEnabled": False},
        complete=_complete_link,
    ),
)
