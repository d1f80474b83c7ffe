"""The virtual network, what may pass into and out of its subnets, and private ways to services."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_azure_native import network, privatedns

from components.base import Component

#: Names of the two subnets.
APPLICATIONS, ENDPOINTS = "applications", "endpoints"
#: The service that the applications' subnet is handed to.
DELEGATE = "Microsoft.App/environments"
#: The last of a security group's own rules: whatever no rule before it allows.
LAST = 4096
ZONES = ("1", "2", "3")


@dataclass(frozen=True)
class NetworkArgs:
    """Address ranges in CIDR notation: the network's, and within it the applications' and the private endpoints'."""

    network_name: str
    resource_group_name: pulumi.Input[str]
    location: str
    address_space: str
    applications: str
    endpoints: str
    zone_redundant: bool
    tags: Mapping[str, str]
    deletion_protection: bool


class Network(Component):
    """The virtual network and its one way out. Stateful: the environment stands in it, and cannot be moved to another.

    What the applications call, Snowflake above all, sees one address that stays: log-in policies name it.
    The subnets are declared within the network, so that one change of it is one request to Azure.
    """

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("videxa:azure:Network", name, opts)
        groups = {
            subnet: self.child(
                network.NetworkSecurityGroup(
                    f"{subnet}-rules",
                    network_security_group_name=f"nsg-{args.network_name}-{subnet}",
                    resource_group_name=args.resource_group_name,
                    location=args.location,
                    security_rules=rules,
                    tags=dict(args.tags),
                    opts=self.child_options(),
                )
            )
            for subnet, rules in (
                (APPLICATIONS, _application_rules(args.applications)),
                (ENDPOINTS, _endpoint_rules(args.applications)),
            )
        }
        address = self.child(
            network.PublicIPAddress(
                "egress-address",
                public_ip_address_name=f"pip-{args.network_name}-egress",
                resource_group_name=args.resource_group_name,
                location=args.location,
                sku=network.PublicIPAddressSkuArgs(name="Standard", tier="Regional"),
                public_ip_address_version="IPv4",
                public_ip_allocation_method="Static",
                zones=list(ZONES) if args.zone_redundant else None,
                tags=dict(args.tags),
                opts=self.child_options(protect=args.deletion_protection),
            )
        )
        egress = self.child(
            network.NatGateway(
                "egress",
                nat_gateway_name=f"ng-{args.network_name}",
                resource_group_name=args.resource_group_name,
                location=args.location,
                sku=network.NatGatewaySkuArgs(name="Standard"),
                public_ip_addresses=[network.SubResourceArgs(id=address.id)],
                idle_timeout_in_minutes=10,
                tags=dict(args.tags),
                opts=self.child_options(),
            )
        )
        virtual = self.child(
            network.VirtualNetwork(
                "network",
                virtual_network_name=args.network_name,
                resource_group_name=args.resource_group_name,
                location=args.location,
                address_space=network.AddressSpaceArgs(address_prefixes=[args.address_space]),
                subnets=[
                    network.SubnetArgs(
                        name=APPLICATIONS,
                        address_prefix=args.applications,
                        delegations=[network.DelegationArgs(name="container-apps", service_name=DELEGATE)],
                        nat_gateway=network.SubResourceArgs(id=egress.id),
                        network_security_group=network.NetworkSecurityGroupArgs(id=groups[APPLICATIONS].id),
                    ),
                    network.SubnetArgs(
                        name=ENDPOINTS,
                        address_prefix=args.endpoints,
                        network_security_group=network.NetworkSecurityGroupArgs(id=groups[ENDPOINTS].id),
                        # By default Azure leaves private endpoints out of the subnet's rules.
                        private_endpoint_network_policies="Enabled",
                    ),
                ],
                tags=dict(args.tags),
                opts=self.child_options(protect=args.deletion_protection),
            )
        )
        self.id: pulumi.Output[str] = virtual.id
        #: The one address that the applications call others from.
        self.egress_address: pulumi.Output[str] = address.ip_address.apply(lambda known: known or "")
        self.applications_id: pulumi.Output[str] = pulumi.Output.concat(virtual.id, "/subnets/", APPLICATIONS)
        self.endpoints_id: pulumi.Output[str] = pulumi.Output.concat(virtual.id, "/subnets/", ENDPOINTS)
        #: Whatever writes logs, by a name of its own.
        self.logging: dict[str, pulumi.Output[str]] = {
            "network": virtual.id,
            "egress": address.id,
            **{f"{subnet}-rules": group.id for subnet, group in groups.items()},
        }
        self.register_outputs({"id": self.id})


@dataclass(frozen=True)
class PrivateServiceArgs:
    """`service_id` is reached by its `group` (Azure's word for one of its services) under names in `zone`."""

    endpoint_name: str
    service_id: pulumi.Input[str]
    group: str
    zone: str
    network_id: pulumi.Input[str]
    subnet_id: pulumi.Input[str]
    resource_group_name: pulumi.Input[str]
    location: str
    tags: Mapping[str, str]


class PrivateService(Component):
    """A service's address within the network, and the DNS zone by which its usual name leads there."""

    def __init__(self, name: str, args: PrivateServiceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("videxa:azure:PrivateService", name, opts)
        zone = self.child(
            privatedns.PrivateZone(
                f"{name}-zone",
                private_zone_name=args.zone,
                resource_group_name=args.resource_group_name,
                location="global",
                tags=dict(args.tags),
                opts=self.child_options(),
            )
        )
        self.child(
            privatedns.VirtualNetworkLink(
                f"{name}-zone-link",
                virtual_network_link_name="network",
                private_zone_name=zone.name,
                resource_group_name=args.resource_group_name,
                location="global",
                registration_enabled=False,
                virtual_network=privatedns.SubResourceArgs(id=args.network_id),
                tags=dict(args.tags),
                opts=self.child_options(),
            )
        )
        endpoint = self.child(
            network.PrivateEndpoint(
                f"{name}-endpoint",
                private_endpoint_name=args.endpoint_name,
                resource_group_name=args.resource_group_name,
                location=args.location,
                subnet=network.SubnetArgs(id=args.subnet_id),
                custom_network_interface_name=f"nic-{args.endpoint_name}",
                private_link_service_connections=[
                    network.PrivateLinkServiceConnectionArgs(
                        name=args.group, private_link_service_id=args.service_id, group_ids=[args.group]
                    )
                ],
                tags=dict(args.tags),
                opts=self.child_options(),
            )
        )
        self.child(
            network.PrivateDnsZoneGroup(
                f"{name}-names",
                private_dns_zone_group_name="default",
                private_endpoint_name=endpoint.name,
                resource_group_name=args.resource_group_name,
                private_dns_zone_configs=[
                    network.PrivateDnsZoneConfigArgs(name=args.group, private_dns_zone_id=zone.id)
                ],
                opts=self.child_options(),
            )
        )
        self.endpoint_id: pulumi.Output[str] = endpoint.id
        self.register_outputs({"endpoint_id": self.endpoint_id})


def _rule(name: str, priority: int, direction: str, **ends: Any) -> Any:
    """A security rule: it allows what its `ends` say (anything, where they do not), or as the last one denies it."""
    anything = {
        "protocol": "*",
        "source_address_prefix": "*",
        "source_port_range": "*",
        "destination_address_prefix": "*",
        "destination_port_range": "*",
    }
    return network.SecurityRuleArgs(
        name=name,
        priority=priority,
        direction=direction,
        access="Deny" if priority == LAST else "Allow",
        **(anything | ends),
    )


def _application_rules(applications: str) -> list[Any]:
    """What Container Apps needs (learn.microsoft.com/azure/container-apps/firewall-integration), and nothing else."""
    return [
        _rule(
            "AllowHttpsFromNetwork",
            100,
            "Inbound",
            protocol="Tcp",
            source_address_prefix="VirtualNetwork",
            destination_address_prefix=applications,
            destination_port_range="443",
        ),
        _rule(
            "AllowLoadBalancerProbes",
            110,
            "Inbound",
            protocol="Tcp",
            source_address_prefix="AzureLoadBalancer",
            destination_address_prefix=applications,
            destination_port_range="30000-32767",
        ),
        _rule(
            "AllowWithinEnvironment",
            120,
            "Inbound",
            source_address_prefix=applications,
            destination_address_prefix=applications,
        ),
        _rule("DenyOther", LAST, "Inbound"),
        # Snowflake, the registries, the directory and the monitor are all reached by HTTPS.
        _rule("AllowHttps", 100, "Outbound", protocol="Tcp", destination_port_range="443"),
        _rule("AllowNetwork", 110, "Outbound", destination_address_prefix="VirtualNetwork"),
        _rule(
            "AllowNames",
            120,
            "Outbound",
            destination_address_prefix="168.63.129.16",
            destination_port_range="53",
        ),
        _rule("AllowTime", 130, "Outbound", protocol="Udp", destination_port_range="123"),
        _rule("DenyOtherOut", LAST, "Outbound"),
    ]


def _endpoint_rules(applications: str) -> list[Any]:
    return [
        _rule(
            "AllowApplications",
            100,
            "Inbound",
            protocol="Tcp",
            source_address_prefix=applications,
            destination_port_range="443",
        ),
        _rule("DenyOther", LAST, "Inbound"),
    ]
