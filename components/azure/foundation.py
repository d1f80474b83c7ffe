"""The resource group and the log workspace under everything else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_azure_native import operationalinsights, resources

from components.base import Component


@dataclass(frozen=True)
class FoundationArgs:
    """`log_retention_days`: how long logs are kept, 30 to 730. `deletion_protection` guards both."""

    resource_group_name: str
    workspace_name: str
    location: str
    log_retention_days: int
    tags: Mapping[str, str]
    deletion_protection: bool


class Foundation(Component):
    """Resource group and Log Analytics workspace. Stateful: the workspace holds the audit trail."""

    def __init__(self, name: str, args: FoundationArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("videxa:azure:Foundation", name, opts)
        options = self.child_options(protect=args.deletion_protection)
        group = self.child(
            resources.ResourceGroup(
                "resource-group",
                resource_group_name=args.resource_group_name,
                location=args.location,
                tags=dict(args.tags),
                opts=options,
            )
        )
        workspace = self.child(
            operationalinsights.Workspace(
                "logs",
                resource_group_name=group.name,
                workspace_name=args.workspace_name,
                location=args.location,
                sku=operationalinsights.WorkspaceSkuArgs(name="PerGB2018"),
                retention_in_days=args.log_retention_days,
                # Reading by resource permission, so that a reader of one app's logs need not read all.
                features=operationalinsights.WorkspaceFeaturesArgs(
                    enable_log_access_using_only_resource_permissions=True, disable_local_auth=True
                ),
                tags=dict(args.tags),
                opts=options,
            )
        )
        self.resource_group: pulumi.Output[str] = group.name
        self.resource_group_id: pulumi.Output[str] = group.id
        self.workspace_id: pulumi.Output[str] = workspace.id
        self.register_outputs({"resource_group": self.resource_group, "workspace_id": self.workspace_id})
