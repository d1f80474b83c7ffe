"""The Container Apps environment that all applications share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_azure_native import app

from components.base import Component

#: The workload profile that is billed by use and always there.
CONSUMPTION = "Consumption"


@dataclass(frozen=True)
class ContainerEnvironmentArgs:
    """`subnet_id` is a subnet of its own, handed to Container Apps. `zone_redundant` is chosen at creation only."""

    environment_name: str
    resource_group_name: pulumi.Input[str]
    location: str
    subnet_id: pulumi.Input[str]
    zone_redundant: bool
    tags: Mapping[str, str]
    deletion_protection: bool


class ContainerEnvironment(Component):
    """The environment of the container apps. Stateful: every app stands in it, under its domain.

    It has no public side, traffic between apps is encrypted, and logs leave without a shared key.
    """

    def __init__(self, name: str, args: ContainerEnvironmentArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("videxa:azure:ContainerEnvironment", name, opts)
        options = self.child_options(protect=args.deletion_protection)
        # Azure refuses to change these in place, and azure-native would try: so the preview says what it means.
        options.replace_on_changes = ["vnetConfiguration.infrastructureSubnetId", "vnetConfiguration.internal"]
        environment = self.child(
            app.ManagedEnvironment(
                "environment",
                environment_name=args.environment_name,
                resource_group_name=args.resource_group_name,
                location=args.location,
                # Logs leave by a diagnostic setting: the other way needs the workspace's shared key.
                app_logs_configuration=app.AppLogsConfigurationArgs(destination="azure-monitor"),
                peer_traffic_configuration=app.ManagedEnvironmentPeerTrafficConfigurationArgs(
                    encryption=app.ManagedEnvironmentEncryptionArgs(enabled=True)
                ),
                vnet_configuration=app.VnetConfigurationArgs(internal=True, infrastructure_subnet_id=args.subnet_id),
                # What comes from the edge comes by private link, which takes a closed public side.
                public_network_access="Disabled",
                workload_profiles=[app.WorkloadProfileArgs(name=CONSUMPTION, workload_profile_type=CONSUMPTION)],
                zone_redundant=args.zone_redundant,
                tags=dict(args.tags),
                opts=options,
            )
        )
        self.id: pulumi.Output[str] = environment.id
        self.default_domain: pulumi.Output[str] = environment.default_domain
        self.register_outputs({"id": self.id, "default_domain": self.default_domain})

    def external_host(self, app_name: str) -> pulumi.Output[str]:
        """The host name of an app that is published outside the environment, which its network and the edge are."""
        return pulumi.Output.concat(app_name, ".", self.default_domain)
