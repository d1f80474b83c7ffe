"""What apps and jobs share: an identity of their own, rights on just their own secrets, variables, files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
from pulumi_azure_native import app, authorization, keyvault, managedidentity

from components.azure.key_vault import SecretReference, secret_reference
from components.azure.roles import ACR_PULL, KEY_VAULT_SECRETS_USER, role_assignment_name, role_definition_id
from components.base import Component


@dataclass(frozen=True)
class ContainerRegistry:
    """A registry that images come from: its host name and its resource id."""

    server: str
    id: pulumi.Input[str]


@dataclass(frozen=True)
class ConfigurationFile:
    """A file that the container finds at `directory`/`name`; `secret_name` is what the vault calls it.

    Container Apps mount files from secrets, or from a storage account by its key. The vault is the one without a key.
    """

    directory: str
    name: str
    secret_name: str
    content: pulumi.Input[str]
    content_type: str


@dataclass(frozen=True)
class WorkloadArgs:
    """What an app and a job have in common.

    `environment` maps plain variables to values, `secrets` maps variables to where their value lies in the vault.
    `cpu` in cores, `memory` as `0.5Gi`. `identity_variable` tells the container its identity's client id.
    Nothing starts before what it is `after` is there: the private ways to vault and registry, the apps that it calls.
    """

    app_name: str
    identity_name: str
    subscription_id: str
    resource_group_name: pulumi.Input[str]
    resource_group_label: str
    location: str
    environment_id: pulumi.Input[str]
    vault_name: pulumi.Input[str]
    vault_resource_group_name: pulumi.Input[str]
    image: str
    cpu: float
    memory: str
    environment: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    secrets: Mapping[str, SecretReference] = field(default_factory=dict)
    files: tuple[ConfigurationFile, ...] = ()
    registry: ContainerRegistry | None = None
    identity_variable: str | None = None
    after: tuple[pulumi.Resource, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)


class Workload(Component):
    """A container that takes its secrets from the vault by its own identity. It is made after its rights."""

    def __init__(
        self, type_token: str, name: str, args: WorkloadArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(type_token, name, opts)
        self.logical_name = name
        self.identity = self.child(
            managedidentity.UserAssignedIdentity(
                f"{name}-identity",
                resource_name_=args.identity_name,
                resource_group_name=args.resource_group_name,
                location=args.location,
                tags=dict(args.tags),
                opts=self.child_options(),
            )
        )
        files = [self._file(file, args) for file in args.files]
        used = {reference.name: reference for reference in (*args.secrets.values(), *files)}
        self._rights = [
            self._right(f"{name}-reads-{secret}", reference.id, secret, KEY_VAULT_SECRETS_USER, args)
            for secret, reference in used.items()
        ]
        if args.registry is not None:
            self._rights.append(self._right(f"{name}-pulls", args.registry.id, args.registry.server, ACR_PULL, args))
        self._secrets = [
            app.SecretArgs(name=reference.name, key_vault_url=reference.uri, identity=self.identity.id)
            for reference in used.values()
        ]
        self._registries = (
            [app.RegistryCredentialsArgs(server=args.registry.server, identity=self.identity.id)]
            if args.registry is not None
            else None
        )
        self._assigned = app.ManagedServiceIdentityArgs(
            type="UserAssigned", user_assigned_identities=[self.identity.id]
        )

    def _after_rights(self, args: WorkloadArgs) -> pulumi.ResourceOptions:
        """Options of what reads its secrets when its first replica starts."""
        return self.child_options(depends_on=[*self._rights, *args.after])

    def _variables(self, args: WorkloadArgs) -> list[Any]:
        variables = [app.EnvironmentVarArgs(name=variable, value=value) for variable, value in args.environment.items()]
        if args.identity_variable is not None:
            variables.append(app.EnvironmentVarArgs(name=args.identity_variable, value=self.identity.client_id))
        variables += [
            app.EnvironmentVarArgs(name=variable, secret_ref=reference.name)
            for variable, reference in args.secrets.items()
        ]
        return variables

    def _file(self, file: ConfigurationFile, args: WorkloadArgs) -> SecretReference:
        secret = self.child(
            keyvault.Secret(
                file.secret_name,
                secret_name=file.secret_name,
                vault_name=args.vault_name,
                resource_group_name=args.vault_resource_group_name,
                properties=keyvault.SecretPropertiesArgs(
                    value=file.content,
                    content_type=file.content_type,
                    attributes=keyvault.SecretAttributesArgs(enabled=True),
                ),
                opts=self.child_options(),
            )
        )
        return secret_reference(file.secret_name, secret)

    def _right(self, name: str, scope: pulumi.Input[str], label: str, role: str, args: WorkloadArgs) -> pulumi.Resource:
        assignment: pulumi.Resource = self.child(
            authorization.RoleAssignment(
                name,
                role_assignment_name=role_assignment_name(
                    f"{args.subscription_id}/{args.resource_group_label}/{label}", args.identity_name, role
                ),
                scope=scope,
                role_definition_id=role_definition_id(args.subscription_id, role),
                principal_id=self.identity.principal_id,
                # Said outright, the assignment does not wait for the directory to know the new identity.
                principal_type="ServicePrincipal",
                opts=self.child_options(),
            )
        )
        return assignment
