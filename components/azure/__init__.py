"""Azure's side: the vault, the container apps, and their identities."""

from components.azure.container_application import (
    ConfigurationFile,
    ContainerApplication,
    ContainerApplicationArgs,
    ContainerRegistry,
    Scale,
)
from components.azure.container_environment import ContainerEnvironment, ContainerEnvironmentArgs
from components.azure.foundation import Foundation, FoundationArgs
from components.azure.key_vault import KeyVault, KeyVaultArgs, SecretContent, SecretReference
from components.azure.platform_secrets import PlatformSecrets, PlatformSecretsArgs

__all__ = [
    "ConfigurationFile",
    "ContainerApplication",
    "ContainerApplicationArgs",
    "ContainerEnvironment",
    "ContainerEnvironmentArgs",
    "ContainerRegistry",
    "Foundation",
    "FoundationArgs",
    "KeyVault",
    "KeyVaultArgs",
    "PlatformSecrets",
    "PlatformSecretsArgs",
    "Scale",
    "SecretContent",
    "SecretReference",
]
