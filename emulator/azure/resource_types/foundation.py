"""Resource groups, managed identities, role assignments."""

from __future__ import annotations

from collections.abc import Iterator

from emulator.azure.errors import AzureError, resource_not_found
from emulator.azure.identifiers import is_guid, key, last_segment, new_guid, subscription_of
from emulator.azure.kinds import Autoname, Name, Operation, ResourceKind
from emulator.azure.roles import BUILT_IN_ROLES, ROLE_ASSIGNMENTS, principal_type
from emulator.azure.rules import Inputs, allowed, known, matches
from emulator.package import CheckFailure

RESOURCE_GROUP = "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}"


def _complete_group(operation: Operation) -> None:
    operation.body["properties"] = {"provisioningState": "Succeeded"}


def _complete_identity(operation: Operation) -> None:
    operation.once("principalId", new_guid)
    operation.once("clientId", new_guid)
    operation.body["tenantId"] = operation.configuration.tenant_id


_ISSUER_SAID = "an issuer is an https address without a query"
_MOST_CREDENTIALS = 20


def _credential_rules(inputs: Inputs) -> Iterator[CheckFailure]:
    audiences = inputs.get("audiences")
    if isinstance(audiences, list) and len(audiences) != 1:
        yield CheckFailure("audiences", f"{len(audiences)} audiences: a federated credential has one")


def _complete_credential(operation: Operation) -> None:
    identity = operation.id.rsplit("/federatedIdentityCredentials/", 1)[0]
    others = [other for other in operation.store.within(identity) if other.key != key(operation.id)]
    for other in others:
        if all(other.body.get(name) == operation.body.get(name) for name in ("issuer", "subject")):
            raise AzureError(
                409,
                "Conflict",
                f"Issuer and subject combination already exists for this Managed Identity, in '{other.name}'.",
            )
    if len(others) >= _MOST_CREDENTIALS:
        raise AzureError(
            400,
            "TooManyCredentials",
            f"The identity has {len(others)} federated credentials: {_MOST_CREDENTIALS} at most.",
        )


def _condition(inputs: Inputs) -> Iterator[CheckFailure]:
    condition, version = inputs.get("condition"), inputs.get("conditionVersion")
    if condition is not None and version is None:
        yield CheckFailure("conditionVersion", "a condition needs its version: 2.0")
    if version is not None and condition is None:
        yield CheckFailure("condition", "a version without a condition")
    if isinstance(condition, str) and len(condition) > 8192:
        yield CheckFailure("condition", f"{len(condition)} characters are too many: a condition may have 8192")


def _assignment_is_a_guid(inputs: Inputs) -> Iterator[CheckFailure]:
    principal = inputs.get("principalId")
    if known(principal) and not is_guid(principal):
        yield CheckFailure("principalId", f"'{principal}' is not the object id of a principal: it must be a GUID")


def _complete_assignment(operation: Operation) -> None:
    store, inputs = operation.store, operation.inputs
    scope = "/" + str(inputs["scope"]).strip("/")
    subscription = subscription_of(scope)
    if subscription.lower() != operation.configuration.subscription_id.lower():
        raise AzureError(404, "SubscriptionNotFound", f"The subscription '{subscription}' could not be found.")
    if scope.count("/") > 2 and store.find(scope) is None:
        raise resource_not_found(scope)
    role = str(inputs["roleDefinitionId"])
    if last_segment(role).lower() not in BUILT_IN_ROLES:
        raise AzureError(
            400,
            "RoleDefinitionDoesNotExist",
            f"The specified role definition with ID '{last_segment(role).replace('-', '')}' does not exist.",
        )
    principal = str(inputs["principalId"])
    kind = principal_type(store, principal)
    if kind is None and principal.lower() == operation.configuration.object_id.lower():
        kind = "ServicePrincipal"
    if kind is None:
        # Azure skips this check for a while where principalType is given, to bridge replication in the directory;
        # the embedded directory does not replicate, so a principal that is not there never will be.
        raise AzureError(
            400,
            "PrincipalNotFound",
            f"Principal {principal.replace('-', '')} does not exist in the directory "
            f"{operation.configuration.tenant_id}.",
        )
    declared = inputs.get("principalType") or kind
    if declared.lower() != kind.lower():
        raise AzureError(
            400,
            "UnmatchedPrincipalType",
            f"The PrincipalId '{principal.replace('-', '')}' has type '{kind}', "
            f"which is different from specified PrincipalType '{declared}'.",
        )
    for other in store.of_type(ROLE_ASSIGNMENTS):
        if (
            other.key != key(operation.id)
            and key(other.body["scope"]) == key(scope)
            and other.body["principalId"].lower() == principal.lower()
            and last_segment(other.body["roleDefinitionId"]).lower() == last_segment(role).lower()
        ):
            raise AzureError(
                409,
                "RoleAssignmentExists",
                f"The role assignment already exists. The ID of the existing role assignment is "
                f"{other.name.replace('-', '')}.",
            )
    operation.body |= {
        "scope": scope,
        "principalType": kind,
        "roleDefinitionId": f"/subscriptions/{operation.configuration.subscription_id}"
        f"/providers/Microsoft.Authorization/roleDefinitions/{last_segment(role)}",
        "updatedOn": operation.timestamp,
        "updatedBy": operation.configuration.object_id,
    }
    operation.once("createdOn", lambda: operation.timestamp)
    operation.once("createdBy", lambda: operation.configuration.object_id)


KINDS = (
    ResourceKind(
        "resources:ResourceGroup",
        path=RESOURCE_GROUP,
        name=Name(
            "resourceGroupName",
            r"[-\w.()]{0,89}[-\w()]",
            "1 to 90 letters, digits, underscores, hyphens, periods and parentheses, not ending with a period",
        ),
        complete=_complete_group,
    ),
    ResourceKind(
        "managedidentity:UserAssignedIdentity",
        path=f"{RESOURCE_GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{{resourceName}}",
        name=Name(
            "resourceName",
            r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,127}",
            "3 to 128 letters, digits, hyphens and underscores, starting with a letter or digit",
        ),
        complete=_complete_identity,
    ),
    ResourceKind(
        "managedidentity:FederatedIdentityCredential",
        path=f"{RESOURCE_GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{{resourceName}}"
        "/federatedIdentityCredentials/{federatedIdentityCredentialResourceName}",
        name=Name(
            "federatedIdentityCredentialResourceName",
            r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,119}",
            "3 to 120 letters, digits, hyphens and underscores, starting with a letter or digit",
        ),
        rules=(
            _credential_rules,
            matches("issuer", r"https://[^\s?#]{1,600}", _ISSUER_SAID),
            matches("subject", r".{1,600}", "1 to 600 characters"),
        ),
        complete=_complete_credential,
    ),
    ResourceKind(
        "authorization:RoleAssignment",
        path="/{scope}/providers/Microsoft.Authorization/roleAssignments/{roleAssignmentName}",
        name=Name(
            "roleAssignmentName",
            r"[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}",
            "The role assignment ID must be a GUID",
            autoname=Autoname.GUID,
        ),
        rules=(
            _assignment_is_a_guid,
            _condition,
            allowed("conditionVersion", ("2.0",)),
            matches(
                "roleDefinitionId",
                r"(?i)(/subscriptions/[^/]+)?/providers/Microsoft\.Authorization/roleDefinitions/[0-9a-f-]{36}",
                "a role definition's full ID is "
                "/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/{GUID}",
            ),
            matches(
                "scope", r"/?subscriptions/.+", "a scope is a subscription, a resource group or a resource, by ARM id"
            ),
            allowed("principalType", ("User", "Group", "ServicePrincipal", "ForeignGroup", "Device")),
        ),
        # forceNewMap of pulumi-azure-native; a changed role is sent as an update, which Azure refuses.
        replaces=frozenset({"principalId"}),
        immutable=("roleDefinitionId",),
        complete=_complete_assignment,
    ),
)
