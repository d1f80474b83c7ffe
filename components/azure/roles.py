"""Azure's built-in roles that are assigned here, and role assignments whose names never change."""

from __future__ import annotations

import uuid

#: Built-in role definitions: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
KEY_VAULT_SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"
ACR_PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"


def role_definition_id(subscription_id: str, role: str) -> str:
    """The resource id of a built-in role in a subscription."""
    return f"/subscriptions/{subscription_id}/providers/Microsoft.Authorization/roleDefinitions/{role}"


def role_assignment_name(scope: str, principal: str, role: str) -> str:
    """The GUID of an assignment, made from what it says, so that it stays the same in every run.

    `scope` and `principal` are names that are known before anything is created.
    """
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{scope.lower()}|{principal.lower()}|{role}"))
