"""The container registry: made here, or one that exists already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_azure_native import containerregistry

from components.azure.adoption import Adoption, adopt
from components.base import Component


@dataclass(frozen=True)
class RegistryArgs:
    """`private` closes the registry's public side, which takes the SKU Premium. `adoption` says that it exists."""

    registry_name: str
    resource_group_name: pulumi.Input[str]
    location: str
    private: bool
    zone_redundant: bool
    deletion_protection: bool
    adoption: Adoption | None = None
    tags: Mapping[str, str] | None = None


class Registry(Component):
    """The container registry. Stateful: it holds the images. Identities pull by roles, nobody by password."""

    def __init__(self, name: str, args: RegistryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("videxa:azure:Registry", name, opts)
        options = self.child_options(protect=args.deletion_protection)
        adopt(options, args.adoption)
        registry = self.child(
            containerregistry.Registry(
                "registry",
                registry_name=args.registry_name,
                resource_group_name=args.resource_group_name,
                location=args.location,
                sku=containerregistry.SkuArgs(name="Premium" if args.private or args.zone_redundant else "Standard"),
                admin_user_enabled=False,
                anonymous_pull_enabled=False,
                public_network_access="Disabled" if args.private else "Enabled",
                # It is chosen when a registry is made: one that exists is not asked to have it.
                zone_redundancy="Enabled" if args.zone_redundant and args.adoption is None else None,
                tags=dict(args.tags or {}),
                opts=options,
            )
        )
        self.id: pulumi.Output[str] = registry.id
        self.server = f"{args.registry_name.lower()}.azurecr.io"
        self.register_outputs({"server": self.server})
