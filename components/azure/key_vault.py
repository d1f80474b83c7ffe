"""The vault that holds every secret; who reads what is a role assignment, never an access policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
from pulumi_azure_native import keyvault

from components.azure.adoption import Adoption, adopt
from components.base import Component

#: Days in which a deleted vault or secret can be brought back: the most that Azure offers.
SOFT_DELETE_DAYS = 90


@dataclass(frozen=True)
class SecretContent:
    """A secret's value and what kind of text it is."""

    value: pulumi.Input[str]
    content_type: str = "text/plain"


@dataclass(frozen=True)
class SecretReference:
    """Where a secret lies: what an application may know of it.

    `uri` has no version, so that a reference follows the secret's newest one. `id` is the scope for rights on it.
    """

    name: str
    uri: pulumi.Output[str]
    id: pulumi.Output[str]


@dataclass(frozen=True)
class KeyVaultArgs:
    """What the vault is and holds.

    `adoption` says that it exists already: it is then imported, protected, and left standing when the stack goes.
    `existing_secrets` are those of its secrets that are referred to as they are: never read, never written.
    `public_access` opens the vault's network side; rights are needed all the same.
    """

    vault_name: str
    resource_group_name: pulumi.Input[str]
    location: str
    directory_id: str
    public_access: bool
    secrets: Mapping[str, SecretContent]
    deletion_protection: bool
    adoption: Adoption | None = None
    existing_secrets: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)


class KeyVault(Component):
    """Stateful. A vault in RBAC mode with purge protection, and its secrets.

    Secrets are written through Azure's management side: whoever deploys needs no right to read them.
    """

    def __init__(self, name: str, args: KeyVaultArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("videxa:azure:KeyVault", name, opts)
        vault_options = self.child_options(protect=args.deletion_protection)
        adopt(vault_options, args.adoption)
        vault = self.child(
            keyvault.Vault(
                "vault",
                vault_name=args.vault_name,
                resource_group_name=args.resource_group_name,
                location=args.location,
                properties=keyvault.VaultPropertiesArgs(
                    tenant_id=args.directory_id,
                    sku=keyvault.SkuArgs(family="A", name="standard"),
                    enable_rbac_authorization=True,
                    enable_soft_delete=True,
                    soft_delete_retention_in_days=SOFT_DELETE_DAYS,
                    # Irreversible, and meant so: nobody can empty the vault for good before the days are over.
                    enable_purge_protection=True,
                    public_network_access="enabled" if args.public_access else "disabled",
                    network_acls=keyvault.NetworkRuleSetArgs(
                        bypass="AzureServices", default_action="Allow" if args.public_access else "Deny"
                    ),
                ),
                tags=dict(args.tags),
                opts=vault_options,
            )
        )
        secret_options = self.child_options(protect=args.deletion_protection)
        #: The vault's secrets by name.
        self.secrets: dict[str, SecretReference] = {}
        for secret_name, content in args.secrets.items():
            secret = self.child(
                keyvault.Secret(
                    secret_name,
                    secret_name=secret_name,
                    vault_name=vault.name,
                    resource_group_name=args.resource_group_name,
                    properties=keyvault.SecretPropertiesArgs(
                        value=content.value,
                        content_type=content.content_type,
                        attributes=keyvault.SecretAttributesArgs(enabled=True),
                    ),
                    opts=secret_options,
                )
            )
            self.secrets[secret_name] = secret_reference(secret_name, secret)
        for secret_name in args.existing_secrets:
            self.secrets[secret_name] = SecretReference(
                name=secret_name,
                uri=pulumi.Output.concat(vault.properties.vault_uri, "secrets/", secret_name),
                id=pulumi.Output.concat(vault.id, "/secrets/", secret_name),
            )
        self.id: pulumi.Output[str] = vault.id
        self.vault: pulumi.Output[str] = vault.name
        self.uri: pulumi.Output[str] = vault.properties.vault_uri
        self.register_outputs({"vault": self.vault, "uri": self.uri, "secrets": sorted(self.secrets)})


def secret_reference(name: str, secret: keyvault.Secret) -> SecretReference:
    """What an application may know of a declared secret."""
    return SecretReference(name=name, uri=secret.properties.secret_uri, id=secret.id)
