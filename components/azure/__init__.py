"""Azure's side: network, vault, registry, container apps and their identities, the edge, and who watches over it."""

from components.azure.adoption import Adoption
from components.azure.archive import Archive, ArchiveArgs
from components.azure.container_application import ContainerApplication, ContainerApplicationArgs, Scale
from components.azure.container_environment import ContainerEnvironment, ContainerEnvironmentArgs
from components.azure.deploy_identity import AdoptedScope, DeployIdentity, DeployIdentityArgs
from components.azure.diagnostics import Diagnostics, DiagnosticsArgs, Source
from components.azure.edge import Edge, EdgeArgs, EdgeRoute, EdgeRouteArgs
from components.azure.foundation import Foundation, FoundationArgs
from components.azure.index_job import IndexJob, IndexJobArgs
from components.azure.key_vault import KeyVault, KeyVaultArgs, SecretContent, SecretReference
from components.azure.network import Network, NetworkArgs, PrivateService, PrivateServiceArgs
from components.azure.platform_secrets import PlatformSecrets, PlatformSecretsArgs
from components.azure.registry import Registry, RegistryArgs
from components.azure.revisions import Release
from components.azure.watch import Marks, Watch, WatchArgs
from components.azure.workload import ConfigurationFile, ContainerRegistry

__all__ = [
    "AdoptedScope",
    "Adoption",
    "Archive",
    "ArchiveArgs",
    "ConfigurationFile",
    "ContainerApplication",
    "ContainerApplicationArgs",
    "ContainerEnvironment",
    "ContainerEnvironmentArgs",
    "ContainerRegistry",
    "DeployIdentity",
    "DeployIdentityArgs",
    "Diagnostics",
    "DiagnosticsArgs",
    "Edge",
    "EdgeArgs",
    "EdgeRoute",
    "EdgeRouteArgs",
    "Foundation",
    "FoundationArgs",
    "IndexJob",
    "IndexJobArgs",
    "KeyVault",
    "KeyVaultArgs",
    "Marks",
    "Network",
    "NetworkArgs",
    "PlatformSecrets",
    "PlatformSecretsArgs",
    "PrivateService",
    "PrivateServiceArgs",
    "Registry",
    "RegistryArgs",
    "Release",
    "Scale",
    "SecretContent",
    "SecretReference",
    "Source",
    "Watch",
    "WatchArgs",
]
