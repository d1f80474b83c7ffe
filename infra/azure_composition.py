"""The Azure side: which components it is made of, and which output goes into which input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_azure_native as azure_native

from components.azure import (
    ConfigurationFile,
    ContainerApplication,
    ContainerApplicationArgs,
    ContainerEnvironment,
    ContainerEnvironmentArgs,
    ContainerRegistry,
    Foundation,
    FoundationArgs,
    KeyVault,
    KeyVaultArgs,
    PlatformSecrets,
    PlatformSecretsArgs,
    Scale,
    SecretContent,
)
from infra import applications, naming
from infra.settings import ContainerSettings, ScaledContainerSettings, Settings

if TYPE_CHECKING:
    from components.azure import SecretReference

#: Bytes of each generated secret. LibreChat prescribes the lengths of its key and initialisation vector.
SECRET_BYTES = {
    naming.SHARED_API_KEY: 32,
    naming.SEARCH_MASTER_KEY: 32,
    naming.CREDENTIALS_KEY: 32,
    naming.CREDENTIALS_IV: 16,
    naming.JWT_SECRET: 32,
    naming.JWT_REFRESH_SECRET: 32,
}


@dataclass(frozen=True)
class SnowflakeConnection:
    """What the applications are told of Snowflake: where they start, and as whom.

    `private_keys` are the service users' current private keys, by the names that the vault gives them.
    """

    private_keys: Mapping[str, pulumi.Input[str]]
    user: pulumi.Input[str]
    role: pulumi.Input[str]
    warehouse: pulumi.Input[str]
    database: pulumi.Input[str]
    schema: pulumi.Input[str]


@dataclass(frozen=True)
class AzurePlatform:
    """What stands on Azure: all of it is shared by the organisations."""

    vault: KeyVault
    apps: Mapping[str, ContainerApplication]


def compose_secrets(settings: Settings) -> PlatformSecrets:
    """Declare the secrets that the platform makes for itself."""
    return PlatformSecrets(
        "secrets",
        PlatformSecretsArgs(random_bytes=SECRET_BYTES, deletion_protection=settings.deletion_protection),
    )


def compose_azure(settings: Settings, secrets: PlatformSecrets, snowflake: SnowflakeConnection) -> AzurePlatform:
    """Declare everything on Azure."""
    on_azure = pulumi.ResourceOptions(
        providers=[
            azure_native.Provider(
                "azure",
                subscription_id=settings.azure.subscription_id,
                tenant_id=settings.azure.tenant_id,
                location=settings.azure.location,
            )
        ]
    )
    tags = {"environment": settings.environment, "platform": naming.PLATFORM}
    azure = settings.azure
    foundation = Foundation(
        "foundation",
        FoundationArgs(
            resource_group_name=azure.resource_group,
            workspace_name=naming.workspace_name(settings.environment),
            location=azure.location,
            log_retention_days=azure.log_retention_days,
            tags=tags,
            deletion_protection=settings.deletion_protection,
        ),
        on_azure,
    )
    vault_group = azure.vault.resource_group or foundation.resource_group
    vault = KeyVault(
        "vault",
        KeyVaultArgs(
            vault_name=azure.vault.name,
            resource_group_name=vault_group,
            location=azure.location,
            directory_id=azure.tenant_id,
            public_access=azure.vault.public_network_access == "enabled",
            secrets={
                **{name: SecretContent(value) for name, value in secrets.values.items()},
                **{name: SecretContent(key, "application/x-pem-file") for name, key in snowflake.private_keys.items()},
            },
            workspace_id=foundation.workspace_id,
            deletion_protection=settings.deletion_protection,
            adopt_id=naming.vault_id(
                azure.subscription_id, azure.vault.resource_group or azure.resource_group, azure.vault.name
            )
            if azure.vault.adopt
            else None,
            tags=tags,
        ),
        on_azure,
    )
    environment = ContainerEnvironment(
        "environment",
        ContainerEnvironmentArgs(
            environment_name=naming.container_environment_name(settings.environment),
            resource_group_name=foundation.resource_group,
            location=azure.location,
            workspace_id=foundation.workspace_id,
            tags=tags,
        ),
        on_azure,
    )
    apps = _Applications(settings, foundation, environment, vault, vault_group, tags, on_azure)
    return AzurePlatform(vault=vault, apps=apps.declare(snowflake))


@dataclass(frozen=True)
class _Applications:
    """The four applications in the order in which they need each other."""

    settings: Settings
    foundation: Foundation
    environment: ContainerEnvironment
    vault: KeyVault
    vault_group: pulumi.Input[str]
    tags: Mapping[str, str]
    options: pulumi.ResourceOptions

    def declare(self, snowflake: SnowflakeConnection) -> dict[str, ContainerApplication]:
        apps, model, secret = self.settings.apps, self.settings.model.name, self.vault.secrets
        search = self._application(
            "search",
            apps.search,
            port=applications.SEARCH_PORT,
            external=False,
            health_path="/health",
            environment=applications.search_environment(),
            secrets={"MEILI_MASTER_KEY": secret[naming.SEARCH_MASTER_KEY]},
            ephemeral_directory=applications.SEARCH_DIRECTORY,
        )
        backend = self._application(
            "backend",
            apps.backend,
            port=applications.BACKEND_PORT,
            external=False,
            health_path="/health",
            environment=applications.backend_environment(
                vault_uri=self.vault.uri,
                account=naming.snowflake_account(self.settings.snowflake.organization, self.settings.snowflake.account),
                user=snowflake.user,
                role=snowflake.role,
                warehouse=snowflake.warehouse,
                database=snowflake.database,
                schema=snowflake.schema,
                model=model,
            ),
            secrets={
                "NEXUSCHAT_API_KEY": secret[naming.SHARED_API_KEY],
                "SNOWFLAKE_PRIVATE_KEY": secret[naming.SNOWFLAKE_PRIVATE_KEY],
            },
            identity_variable="AZURE_CLIENT_ID",
        )
        chat = self._application(
            "chat",
            apps.chat,
            port=applications.CHAT_PORT,
            external=True,
            health_path="/health",
            environment=applications.chat_environment(
                # An app cannot be told its own output: the environment knows the name it will have.
                own_url=pulumi.Output.concat("https://", self.environment.external_host(apps.chat.name)),
                backend_url=backend.url,
                search_url=search.url,
                model=model,
            ),
            secrets={
                "AGENTNEXUS_API_KEY": secret[naming.SHARED_API_KEY],
                "MEILI_MASTER_KEY": secret[naming.SEARCH_MASTER_KEY],
                "CREDS_KEY": secret[naming.CREDENTIALS_KEY],
                "CREDS_IV": secret[naming.CREDENTIALS_IV],
                "JWT_SECRET": secret[naming.JWT_SECRET],
                "JWT_REFRESH_SECRET": secret[naming.JWT_REFRESH_SECRET],
            },
            files=(applications.chat_configuration(backend.url, model),),
        )
        site = self._application(
            "site",
            apps.site,
            port=apps.site.port,
            external=True,
            health_path=apps.site.health_path,
            environment=applications.site_environment(backend_url=backend.url, chat_url=chat.url),
        )
        return {"backend": backend, "site": site, "chat": chat, "search": search}

    def _application(
        self,
        name: str,
        container: ContainerSettings,
        *,
        port: int,
        external: bool,
        health_path: str,
        environment: Mapping[str, pulumi.Input[str]],
        secrets: Mapping[str, SecretReference] | None = None,
        files: tuple[ConfigurationFile, ...] = (),
        ephemeral_directory: str | None = None,
        identity_variable: str | None = None,
    ) -> ContainerApplication:
        azure = self.settings.azure
        return ContainerApplication(
            name,
            ContainerApplicationArgs(
                app_name=container.name,
                identity_name=naming.identity_name(container.name, self.settings.environment),
                subscription_id=azure.subscription_id,
                resource_group_name=self.foundation.resource_group,
                resource_group_label=azure.resource_group,
                location=azure.location,
                environment_id=self.environment.id,
                vault_name=self.vault.vault,
                vault_resource_group_name=self.vault_group,
                image=container.image,
                port=port,
                external=external,
                health_path=health_path,
                cpu=container.cpu,
                memory=container.memory,
                scale=Scale(container.min_replicas, container.max_replicas, container.concurrent_requests)
                if isinstance(container, ScaledContainerSettings)
                else Scale(1, 1),
                environment=environment,
                secrets=secrets or {},
                files=files,
                registry=self._registry(container.image),
                ephemeral_directory=ephemeral_directory,
                identity_variable=identity_variable,
                tags=self.tags,
            ),
            self.options,
        )

    def _registry(self, image: str) -> ContainerRegistry | None:
        """The company's registry, for an image that comes from it; a public image needs no right to be pulled."""
        registry = self.settings.azure.registry
        if registry is None or not image.startswith(f"{registry.name.lower()}.azurecr.io/"):
            return None
        return ContainerRegistry(
            server=f"{registry.name.lower()}.azurecr.io",
            id=naming.registry_id(self.settings.azure.subscription_id, registry.resource_group, registry.name),
        )
