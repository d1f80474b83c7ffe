"""Who deploys from the pipeline: an identity that GitHub's own tokens act as."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_azure_native import authorization, managedidentity

from components.azure.roles import (
    ACR_PULL,
    CONTRIBUTOR,
    KEY_VAULT_SECRETS_USER,
    ROLE_ADMINISTRATOR,
    role_assignment_name,
    role_definition_id,
)
from components.base import Component

#: Who signs GitHub's tokens, and whom they are meant for when Azure is to take them.
GITHUB_ISSUER = "https://token.actions.githubusercontent.com"
AZURE_AUDIENCE = "api://AzureADTokenExchange"
#: The only roles that the deploy identity may hand on.
HANDED_ON = (KEY_VAULT_SECRETS_USER, ACR_PULL)


@dataclass(frozen=True)
class AdoptedScope:
    """A resource outside the platform's group that the stack changes: `label` is its name, `role` what that takes."""

    label: str
    id: pulumi.Input[str]
    role: str


@dataclass(frozen=True)
class DeployIdentityArgs:
    """`repository` as owner/name; only jobs of its `github_environment` may deploy."""

    identity_name: str
    subscription_id: str
    resource_group_name: pulumi.Input[str]
    resource_group_id: pulumi.Input[str]
    resource_group_label: str
    location: str
    repository: str
    github_environment: str
    adopted: tuple[AdoptedScope, ...]
    tags: Mapping[str, str]


class DeployIdentity(Component):
    """The pipeline's identity, without a password: it changes the resource group, and hands on two roles alone."""

    def __init__(self, name: str, args: DeployIdentityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("videxa:azure:DeployIdentity", name, opts)
        identity = self.child(
            managedidentity.UserAssignedIdentity(
                f"{name}-identity",
                resource_name_=args.identity_name,
                resource_group_name=args.resource_group_name,
                location=args.location,
                tags=dict(args.tags),
                opts=self.child_options(),
            )
        )
        self.child(
            managedidentity.FederatedIdentityCredential(
                f"{name}-github",
                federated_identity_credential_resource_name="github",
                resource_name_=identity.name,
                resource_group_name=args.resource_group_name,
                issuer=GITHUB_ISSUER,
                subject=f"repo:{args.repository}:environment:{args.github_environment}",
                audiences=[AZURE_AUDIENCE],
                opts=self.child_options(),
            )
        )
        scopes = (AdoptedScope(args.resource_group_label, args.resource_group_id, CONTRIBUTOR), *args.adopted)
        for scope in scopes:
            for role, what in ((scope.role, "changes"), (ROLE_ADMINISTRATOR, "assigns-in")):
                self.child(
                    authorization.RoleAssignment(
                        f"{name}-{what}-{scope.label}",
                        role_assignment_name=role_assignment_name(
                            f"{args.subscription_id}/{scope.label}", args.identity_name, role
                        ),
                        scope=scope.id,
                        role_definition_id=role_definition_id(args.subscription_id, role),
                        principal_id=identity.principal_id,
                        principal_type="ServicePrincipal",
                        condition=_hands_on_only(HANDED_ON) if role == ROLE_ADMINISTRATOR else None,
                        condition_version="2.0" if role == ROLE_ADMINISTRATOR else None,
                        opts=self.child_options(),
                    )
                )
        self.client_id: pulumi.Output[str] = identity.client_id
        self.principal_id: pulumi.Output[str] = identity.principal_id
        self.register_outputs({"client_id": self.client_id})


def _hands_on_only(roles: tuple[str, ...]) -> str:
    """Azure's condition language: learn.microsoft.com/azure/role-based-access-control/conditions-format."""
    listed = ", ".join(roles)
    clauses = []
    for action, source in (("write", "Request"), ("delete", "Resource")):
        clauses.append(
            f"((!(ActionMatches{{'Microsoft.Authorization/roleAssignments/{action}'}})) OR "
            f"(@{source}[Microsoft.Authorization/roleAssignments:RoleDefinitionId] "
            f"ForAnyOfAnyValues:GuidEquals {{{listed}}}))"
        )
    return " AND ".join(clauses)
