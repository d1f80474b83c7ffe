"""Azure's built-in roles that are assigned here, and role assignments whose names never change."""

from __future__ import annotations

import uuid

#: Built-in role definitions: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
KEY_VAULT_SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"
ACR_PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
#: Changes a vault, and in RBAC mode reads none of its contents.
KEY_VAULT_CONTRIBUTOR = "f25e0fa2-a7c8-4377-a976-54943a77a395"
#: Role Based Access Control Administrator.
ROLE_ADMINISTRATOR = "f58310d9-a9f6-439a-9e8d-f62e7b41a168"


def role_definition_id(subscription_id: str, role: str) -> str:
    """The resource id of a built-in role in a subscription."""
    return f"/subscriptions/{subscription_id}/providers/Microsoft.Authorization/roleDefinitions/{role}"


def role_assignment_name(scope: str, principal: str, role: str) -> str:
    """The GUID of an assignment, made from what it says, so that it stays the same in every run.

    `scope` and `principal` are names that are known before anything is created.
    """
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{scope.lower()}|{principal.lower()}|{role}"))
