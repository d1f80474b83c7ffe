"""Drives the embedded azure-native package as the engine does: check, create, diff, update, read, delete."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from emulator.azure import AzurePackage
from emulator.azure.kinds import AzureConfiguration
from emulator.package import CheckFailure, DiffAnswer, Question, ReadAnswer

SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"
ACR_PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"


@dataclass
class Made:
    """A resource that a stack would hold."""

    token: str
    name: str
    id: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]


@dataclass
class Azure:
    package: AzurePackage
    configuration: AzureConfiguration = field(default_factory=lambda: AzureConfiguration(location="centralus"))

    def question(self, token: str, name: str, **values: Any) -> Question:
        kind = f"azure-native:{token}"
        return Question(f"urn:pulumi:s::p::{kind}::{name}", kind, name, self.configuration, **values)

    def failures(self, token: str, inputs: dict[str, Any]) -> list[CheckFailure]:
        return self.package.check(self.question(token, "logical", inputs=inputs)).failures

    def refusals(self, token: str, inputs: dict[str, Any]) -> dict[str, str]:
        """What check refuses: by property, why."""
        return {failure.property: failure.reason for failure in self.failures(token, inputs)}

    def checked(
        self, token: str, name: str, inputs: dict[str, Any], old: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        answer = self.package.check(
            self.question(token, name, inputs=inputs, old_inputs=old or {}, random_seed=b"seed")
        )
        assert answer.failures == []
        return answer.inputs

    def make(self, token: str, name: str, inputs: dict[str, Any]) -> Made:
        checked = self.checked(token, name, inputs)
        identity, outputs = self.package.create(self.question(token, name, inputs=checked))
        return Made(token, name, identity, checked, outputs)

    def preview(self, token: str, name: str, inputs: dict[str, Any]) -> dict[str, Any]:
        checked = self.checked(token, name, inputs)
        identity, outputs = self.package.create(self.question(token, name, inputs=checked, preview=True))
        assert identity == ""
        return outputs

    def diff(self, made: Made, inputs: dict[str, Any]) -> DiffAnswer:
        checked = self.checked(made.token, made.name, inputs, made.inputs)
        return self.package.diff(
            self.question(
                made.token, made.name, id=made.id, inputs=checked, old_inputs=made.inputs, old_outputs=made.outputs
            )
        )

    def update(self, made: Made, inputs: dict[str, Any]) -> Made:
        checked = self.checked(made.token, made.name, inputs, made.inputs)
        outputs = self.package.update(
            self.question(
                made.token, made.name, id=made.id, inputs=checked, old_inputs=made.inputs, old_outputs=made.outputs
            )
        )
        return Made(made.token, made.name, made.id, checked, outputs)

    def read(self, made: Made) -> ReadAnswer:
        return self.package.read(
            self.question(
                made.token,
                made.name,
                id=made.id,
                inputs=made.inputs,
                old_inputs=made.inputs,
                old_outputs=made.outputs,
            )
        )

    def adopt(self, token: str, identity: str) -> ReadAnswer:
        """Read for an import: nothing is known but the id."""
        return self.package.read(self.question(token, "adopted", id=identity))

    def delete(self, made: Made) -> None:
        self.package.delete(
            self.question(made.token, made.name, id=made.id, old_inputs=made.inputs, old_outputs=made.outputs)
        )

    def group_id(self) -> str:
        return f"/subscriptions/{self.configuration.subscription_id}/resourceGroups/rg-test"

    # What most tests stand on

    def group(self, name: str = "rg-test") -> Made:
        return self.make("resources:ResourceGroup", name, {"resourceGroupName": name})

    def identity(self, name: str = "id-backend", group: str = "rg-test") -> Made:
        return self.make(
            "managedidentity:UserAssignedIdentity", name, {"resourceGroupName": group, "resourceName": name}
        )

    def vault_inputs(self, name: str = "kv-test", group: str = "rg-test", **properties: Any) -> dict[str, Any]:
        return {
            "resourceGroupName": group,
            "vaultName": name,
            "properties": {
                "tenantId": self.configuration.tenant_id,
                "sku": {"family": "A", "name": "standard"},
                "enableRbacAuthorization": True,
                **properties,
            },
        }

    def vault(self, name: str = "kv-test", group: str = "rg-test", **properties: Any) -> Made:
        return self.make("keyvault:Vault", name, self.vault_inputs(name, group, **properties))

    def secret(self, name: str = "api-key", value: str = "value-one", vault: str = "kv-test") -> Made:
        return self.make(
            "keyvault:Secret",
            name,
            {
                "resourceGroupName": "rg-test",
                "vaultName": vault,
                "secretName": name,
                "properties": {"value": value},
            },
        )

    def role(self, role: str) -> str:
        return (
            f"/subscriptions/{self.configuration.subscription_id}"
            f"/providers/Microsoft.Authorization/roleDefinitions/{role}"
        )

    def assign(self, principal_id: str, scope: str, role: str = SECRETS_USER, **more: Any) -> Made:
        return self.make(
            "authorization:RoleAssignment",
            f"{principal_id}-{role}-{scope}",
            {"principalId": principal_id, "scope": scope, "roleDefinitionId": self.role(role), **more},
        )

    def environment(self, **more: Any) -> Made:
        return self.make(
            "app:ManagedEnvironment",
            "environment",
            {
                "resourceGroupName": "rg-test",
                "environmentName": "cae-test",
                "workloadProfiles": [{"name": "Consumption", "workloadProfileType": "Consumption"}],
                **more,
            },
        )
