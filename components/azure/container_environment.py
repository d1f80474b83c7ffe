"""The Container Apps environment that all applications share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_azure_native import app, monitor

from components.base import Component

#: The workload profile that is billed by use and always there.
CONSUMPTION = "Consumption"


@dataclass(frozen=True)
class ContainerEnvironmentArgs:
    environment_name: str
    resource_group_name: pulumi.Input[str]
    location: str
    workspace_id: pulumi.Input[str]
    tags: Mapping[str, str]


class ContainerEnvironment(Component):
    """An environment with encrypted traffic between apps, whose logs go to Log Analytics without a shared key."""

    def __init__(self, name: str, args: ContainerEnvironmentArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("videxa:azure:ContainerEnvironment", name, opts)
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
                workload_profiles=[app.WorkloadProfileArgs(name=CONSUMPTION, workload_profile_type=CONSUMPTION)],
                zone_redundant=False,
                tags=dict(args.tags),
                opts=self.child_options(),
            )
        )
        self.child(
            monitor.DiagnosticSetting(
                "environment-logs",
                name="logs-to-log-analytics",
                resource_uri=environment.id,
                workspace_id=args.workspace_id,
                logs=[monitor.DiagnosticsLogSettingsArgs(category_group="allLogs", enabled=True)],
                opts=self.child_options(),
            )
        )
        self.id: pulumi.Output[str] = environment.id
        self.default_domain: pulumi.Output[str] = environment.default_domain
        self.register_outputs({"id": self.id, "default_domain": self.default_domain})

    def external_host(self, app_name: str) -> pulumi.Output[str]:
        """The host name under which the environment publishes an app to the world."""
        return pulumi.Output.concat(app_name, ".", self.default_domain)
