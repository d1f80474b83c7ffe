"""Key Vault's data plane: a secret's value for whom it was granted, and nobody else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from starlette.applications import Starlette

from emulator.azure import AzurePackage, AzureStore, data_plane
from emulator.azure.data_plane import RESOURCE, routes
from emulator.azure.errors import AzureError
from tests.emulator.azure_provider import Azure, Made

READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
VAULT_READER = "21090545-7ca7-4776-b22c-e363652d74d2"


class DataPlane:
    def __init__(self, store: AzureStore) -> None:
        self._application = Starlette(routes=routes(store))

    def get(self, path: str, token: str | None = None, **query: str) -> tuple[int, Any]:
        """One request, straight to the application."""
        answer: dict[str, Any] = {"body": b""}

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            answer["status"] = message.get("status", answer.get("status"))
            answer["body"] += message.get("body", b"")

        headers = [] if token is None else [(b"authorization", f"Bearer {token}".encode())]
        scope = {
            "type": "http",
            "method": "GET",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": urlencode(query).encode(),
            "headers": headers,
            "http_version": "1.1",
            "scheme": "http",
            "server": ("127.0.0.1", 80),
            "client": ("127.0.0.1", 1),
        }
        asyncio.run(self._application(scope, receive, send))
        return answer["status"], json.loads(answer["body"])

    def token(self, identity: Made) -> str:
        status, body = self.get("/azure/identity/token", resource=RESOURCE, client_id=identity.outputs["clientId"])
        assert status == 200
        assert body["token_type"] == "Bearer"
        return str(body["access_token"])


@pytest.fixture
def azure(tmp_path: Path) -> Iterator[Azure]:
    store = AzureStore(tmp_path)
    azure = Azure(AzurePackage(store))
    azure.group()
    azure.vault()
    azure.secret(value="the-value")
    yield azure
    store.close()


@pytest.fixture
def plane(azure: Azure) -> DataPlane:
    return DataPlane(azure.package.store)


PATH = "/azure/keyvault/kv-test/secrets/api-key"


def test_nobody_reads_without_a_token_or_with_a_made_up_one(plane: DataPlane) -> None:
    for token in (None, "made-up"):
        status, body = plane.get(PATH, token)
        assert status == 401
        assert "the-value" not in repr(body)


def test_an_identity_reads_what_it_was_assigned_on_any_level_above_the_secret(azure: Azure, plane: DataPlane) -> None:
    vault = f"{azure.group_id()}/providers/Microsoft.KeyVault/vaults/kv-test"
    scopes = [
        f"{vault}/secrets/api-key",
        vault,
        azure.group_id(),
        f"/subscriptions/{azure.configuration.subscription_id}",
    ]
    for number, scope in enumerate(scopes):
        identity = azure.identity(f"id-{number}")
        token = plane.token(identity)
        assert plane.get(PATH, token)[0] == 403
        assignment = azure.assign(identity.outputs["principalId"], scope)
        status, body = plane.get(PATH, token)
        assert (status, body["value"]) == (200, "the-value")
        assert body["id"].startswith("https://kv-test.vault.azure.net/secrets/api-key/")
        azure.delete(assignment)
        assert plane.get(PATH, token)[0] == 403, "taken back, it is closed at once"


def test_a_refusal_has_azure_s_body_and_no_value(azure: Azure, plane: DataPlane) -> None:
    status, body = plane.get(PATH, plane.token(azure.identity()))
    assert status == 403
    assert body["error"]["code"] == "Forbidden"
    assert body["error"]["innererror"]["code"] == "ForbiddenByRbac"
    assert "Microsoft.KeyVault/vaults/secrets/getSecret/action" in body["error"]["message"]
    assert "the-value" not in repr(body)


def test_roles_that_manage_or_list_do_not_read(azure: Azure, plane: DataPlane) -> None:
    identity = azure.identity()
    for role in (READER, VAULT_READER, "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"):
        azure.assign(identity.outputs["principalId"], azure.group_id(), role=role)
    assert plane.get(PATH, plane.token(identity))[0] == 403


def test_a_right_on_another_secret_does_not_help(azure: Azure, plane: DataPlane) -> None:
    identity, other = azure.identity(), azure.secret("api-key-2", "other")
    azure.assign(identity.outputs["principalId"], other.id)
    token = plane.token(identity)
    assert plane.get(PATH, token)[0] == 403
    assert plane.get("/azure/keyvault/kv-test/secrets/api-key-2", token)[1]["value"] == "other"


def test_what_does_not_exist_is_told_only_to_whom_it_may_be(azure: Azure, plane: DataPlane) -> None:
    allowed, denied = azure.identity("id-allowed"), azure.identity("id-denied")
    azure.assign(allowed.outputs["principalId"], azure.group_id())
    missing = "/azure/keyvault/kv-test/secrets/nothing"
    status, body = plane.get(missing, plane.token(allowed))
    assert (status, body["error"]["code"]) == (404, "SecretNotFound")
    assert plane.get(missing, plane.token(denied))[0] == 403
    assert plane.get("/azure/keyvault/nothing/secrets/api-key", plane.token(allowed))[0] == 404


def test_versions_are_read_by_their_name(azure: Azure, plane: DataPlane) -> None:
    identity = azure.identity()
    azure.assign(identity.outputs["principalId"], azure.group_id())
    token = plane.token(identity)
    secret = azure.secret("rotated", "first")
    first = secret.outputs["properties"]["secretUriWithVersion"].rsplit("/", 1)[1]
    inputs = {"resourceGroupName": "rg-test", "vaultName": "kv-test", "secretName": "rotated"}
    azure.update(secret, inputs | {"properties": {"value": "second"}})
    path = "/azure/keyvault/kv-test/secrets/rotated"
    assert plane.get(path, token)[1]["value"] == "second"
    assert plane.get(f"{path}/{first}", token)[1]["value"] == "first"
    assert plane.get(f"{path}/{'0' * 32}", token)[0] == 404


def test_a_disabled_secret_is_not_read(azure: Azure, plane: DataPlane) -> None:
    identity = azure.identity()
    azure.assign(identity.outputs["principalId"], azure.group_id())
    secret = azure.secret("off", "x")
    inputs = {"resourceGroupName": "rg-test", "vaultName": "kv-test", "secretName": "off"}
    azure.update(secret, inputs | {"properties": {"value": "x", "attributes": {"enabled": False}}})
    status, body = plane.get("/azure/keyvault/kv-test/secrets/off", plane.token(identity))
    assert (status, body["error"]["innererror"]["code"]) == (403, "SecretDisabled")


def test_a_vault_without_rbac_asks_its_access_policies_only(azure: Azure, plane: DataPlane) -> None:
    identity, other = azure.identity("id-one"), azure.identity("id-two")
    policy = {
        "tenantId": azure.configuration.tenant_id,
        "objectId": identity.outputs["principalId"],
        "permissions": {"secrets": ["get"]},
    }
    azure.vault("kv-policies", enableRbacAuthorization=False, accessPolicies=[policy])
    azure.secret("s", "policy-value", vault="kv-policies")
    azure.assign(other.outputs["principalId"], azure.group_id())
    path = "/azure/keyvault/kv-policies/secrets/s"
    assert plane.get(path, plane.token(identity))[1]["value"] == "policy-value"
    status, body = plane.get(path, plane.token(other))
    assert (status, body["error"]["innererror"]["code"]) == (403, "AccessDenied")


def test_a_token_is_for_the_vault_an_existing_identity_and_a_limited_time(
    azure: Azure, plane: DataPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = azure.identity()
    client = identity.outputs["clientId"]
    assert plane.get("/azure/identity/token", resource="https://graph.microsoft.com", client_id=client)[0] == 400
    status, body = plane.get("/azure/identity/token", resource=RESOURCE, client_id="nobody")
    assert (status, body["error_description"]) == (400, "Identity not found")
    assert plane.get("/azure/identity/token", resource=RESOURCE)[0] == 400
    azure.assign(identity.outputs["principalId"], azure.group_id())
    token = plane.token(identity)
    assert plane.get(PATH, token)[0] == 200
    now = data_plane.time.time()
    monkeypatch.setattr(data_plane.time, "time", lambda: now + data_plane.TOKEN_LIFETIME_SECONDS + 1)
    assert plane.get(PATH, token)[0] == 401


def test_a_person_reads_a_secret_by_hand(azure: Azure) -> None:
    def read(vault: str, name: str) -> dict[str, str]:
        return azure.package.by_hand("secret", {"vault": vault, "name": name})

    assert read("KV-TEST", "api-key") == {"value": "the-value"}
    for vault, name in (("kv-test", "nothing"), ("kv-other", "api-key")):
        with pytest.raises(AzureError, match="SecretNotFound"):
            read(vault, name)
