"""Where the audit trail lies for as long as the law asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_azure_native import storage

from components.base import Component


@dataclass(frozen=True)
class ArchiveArgs:
    """`replication` as Azure Storage calls it (LRS, ZRS, GRS, GZRS); what is older than `retention_days` goes."""

    account_name: str
    resource_group_name: pulumi.Input[str]
    location: str
    replication: str
    retention_days: int
    tags: Mapping[str, str]
    deletion_protection: bool


class Archive(Component):
    """Stateful. A storage account with no key and no public side; Azure's own monitor writes into it."""

    def __init__(self, name: str, args: ArchiveArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("videxa:azure:Archive", name, opts)
        account = self.child(
            storage.StorageAccount(
                "archive",
                account_name=args.account_name,
                resource_group_name=args.resource_group_name,
                location=args.location,
                kind="StorageV2",
                sku=storage.SkuArgs(name=f"Standard_{args.replication}"),
                access_tier="Cool",
                allow_blob_public_access=False,
                allow_cross_tenant_replication=False,
                allow_shared_key_access=False,
                enable_https_traffic_only=True,
                minimum_tls_version="TLS1_2",
                public_network_access="Disabled",
                # Azure Monitor is one of the services that may pass.
                network_rule_set=storage.NetworkRuleSetArgs(bypass="AzureServices", default_action="Deny"),
                encryption=storage.EncryptionArgs(
                    key_source="Microsoft.Storage", require_infrastructure_encryption=True
                ),
                tags=dict(args.tags),
                opts=self.child_options(protect=args.deletion_protection),
            )
        )
        self.child(
            storage.ManagementPolicy(
                "archive-retention",
                account_name=account.name,
                resource_group_name=args.resource_group_name,
                management_policy_name="default",
                policy=storage.ManagementPolicySchemaArgs(
                    rules=[
                        storage.ManagementPolicyRuleArgs(
                            name="delete-what-is-old",
                            type="Lifecycle",
                            enabled=True,
                            definition=storage.ManagementPolicyDefinitionArgs(
                                # Diagnostic logs are appended to.
                                filters=storage.ManagementPolicyFilterArgs(blob_types=["appendBlob", "blockBlob"]),
                                actions=storage.ManagementPolicyActionArgs(
                                    base_blob=storage.ManagementPolicyBaseBlobArgs(
                                        delete=storage.DateAfterModificationArgs(
                                            days_after_modification_greater_than=args.retention_days
                                        )
                                    )
                                ),
                            ),
                        )
                    ]
                ),
                opts=self.child_options(),
            )
        )
        self.id: pulumi.Output[str] = account.id
        #: What of the account writes logs.
        self.blob_service_id: pulumi.Output[str] = pulumi.Output.concat(account.id, "/blobServices/default")
        self.register_outputs({"id": self.id})
