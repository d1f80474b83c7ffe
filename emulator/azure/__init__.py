"""The embedded Azure: the azure-native package, Azure Resource Manager's rules, and Key Vault's data plane."""

from emulator.azure.package import AzurePackage
from emulator.azure.store import AzureStore

__all__ = ["AzurePackage", "AzureStore"]
