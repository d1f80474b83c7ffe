"""Refusals in the form in which azure-native reports Azure's own."""

from __future__ import annotations

from emulator.package import CloudError


class AzureError(CloudError):
    """Azure Resource Manager refuses: `status` is the HTTP status, `code` Azure's error code."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f'Status={status} Code="{code}" Message="{message}"')
        self.status = status
        self.code = code
        self.message = message


def resource_not_found(identity: str) -> AzureError:
    """The resource of this ARM id does not exist."""
    parts = identity.strip("/").split("/")
    lower = [part.lower() for part in parts]
    group = parts[lower.index("resourcegroups") + 1] if "resourcegroups" in lower else ""
    if "providers" not in lower:
        return AzureError(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.")
    provider = len(lower) - 1 - lower[::-1].index("providers")
    relative = "/".join(parts[provider + 1 :])
    return AzureError(
        404,
        "ResourceNotFound",
        f"The Resource '{relative}' under resource group '{group}' was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix",
    )
