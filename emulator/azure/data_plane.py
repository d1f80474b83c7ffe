"""Key Vault's data plane, and the tokens that open it.

`GET /azure/identity/token?resource=https://vault.azure.net&client_id=…` stands in for the endpoint at which a container
asks for its managed identity's token: in Azure only the app itself can reach that, here whoever reaches the loopback
port. `GET /azure/keyvault/{vault}/secrets/{name}[/{version}]` answers as `https://{vault}.vault.azure.net` does: a
value only to an identity that was granted it, by role assignment or, in a vault without RBAC, by access policy.
Network rules of the vault are not judged: the loopback counts as inside.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from emulator.azure.resource_types.keyvault import VAULTS, is_enabled
from emulator.azure.roles import IDENTITIES, may_read_secret
from emulator.azure.store import AzureStore, StoredResource

RESOURCE = "https://vault.azure.net"
TOKEN_LIFETIME_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class _Token:
    client_id: str
    principal_id: str
    expires_at: float


def routes(store: AzureStore) -> list[Route]:
    """The routes of the data plane; tokens live in memory and end with the process."""
    plane = DataPlane(store)
    return [
        Route("/azure/identity/token", plane.token, methods=["GET"]),
        Route("/azure/keyvault/{vault}/secrets/{name}", plane.secret, methods=["GET"]),
        Route("/azure/keyvault/{vault}/secrets/{name}/{version}", plane.secret, methods=["GET"]),
    ]


class DataPlane:
    def __init__(self, store: AzureStore) -> None:
        self._store = store
        self._tokens: dict[str, _Token] = {}

    async def token(self, request: Request) -> Response:
        """A token of a managed identity, by `client_id`, `object_id` or `mi_res_id`."""
        wanted = {name: request.query_params.get(name, "").lower() for name in ("client_id", "object_id", "mi_res_id")}
        if request.query_params.get("resource", "").rstrip("/") != RESOURCE:
            return _identity_refusal(f"the resource must be {RESOURCE}: the embedded cloud has tokens for nothing else")
        with self._store.lock:
            identity = next(
                (
                    (str(stored.body["clientId"]), str(stored.body["principalId"]))
                    for stored in self._store.of_type(IDENTITIES)
                    if wanted["client_id"] == stored.body["clientId"]
                    or wanted["object_id"] == stored.body["principalId"]
                    or wanted["mi_res_id"] == stored.key
                ),
                None,
            )
        if identity is None:
            return _identity_refusal("Identity not found")
        now = time.time()
        self._tokens = {text: token for text, token in self._tokens.items() if token.expires_at > now}
        text = secrets.token_urlsafe(48)
        self._tokens[text] = _Token(*identity, expires_at=now + TOKEN_LIFETIME_SECONDS)
        return JSONResponse(
            {
                "access_token": text,
                "client_id": identity[0],
                "expires_in": str(TOKEN_LIFETIME_SECONDS),
                "expires_on": str(int(now + TOKEN_LIFETIME_SECONDS)),
                "resource": RESOURCE,
                "token_type": "Bearer",
            },
            headers={"Cache-Control": "no-store"},
        )

    async def secret(self, request: Request) -> Response:
        token = self._bearer(request)
        if token is None:
            return JSONResponse(
                _error("Unauthorized", "AKV10000: Request is missing a Bearer or PoP token."),
                401,
                headers={"WWW-Authenticate": f'Bearer authorization="/azure/identity/token", resource="{RESOURCE}"'},
            )
        vault_name, name = request.path_params["vault"], request.path_params["name"]
        version = request.path_params.get("version")
        with self._store.lock:
            vault = next((v for v in self._store.of_type(VAULTS) if v.name.lower() == vault_name.lower()), None)
            if vault is None:
                return JSONResponse(_error("VaultNotFound", f"There is no key vault {vault_name}."), 404)
            if not may_read_secret(self._store, token.principal_id, vault, name):
                return JSONResponse(_forbidden(token, vault, name), 403)
            stored = self._store.find(f"{vault.id}/secrets/{name}")
            versions = [] if stored is None else stored.private["versions"]
            found = next((entry for entry in reversed(versions) if version in (None, entry["version"])), None)
            if found is None:
                return JSONResponse(
                    _error(
                        "SecretNotFound",
                        f"A secret with (name/id) {name}{f'/{version}' if version else ''} was not found in this key "
                        "vault. If you recently deleted this secret you may be able to recover it using the correct "
                        "recovery command. For help resolving this issue, please see "
                        "https://go.microsoft.com/fwlink/?linkid=2125182",
                    ),
                    404,
                )
            if not is_enabled(found):
                body = _error("Forbidden", "Operation get is not allowed on a disabled secret.")
                body["error"]["innererror"] = {"code": "SecretDisabled"}
                return JSONResponse(body, 403)
            return JSONResponse(_bundle(vault, name, found), headers={"Cache-Control": "no-store"})

    def _bearer(self, request: Request) -> _Token | None:
        scheme, _, text = request.headers.get("authorization", "").partition(" ")
        token = self._tokens.get(text.strip()) if scheme.lower() == "bearer" else None
        return token if token is not None and token.expires_at > time.time() else None


def _identity_refusal(said: str) -> Response:
    return JSONResponse({"error": "invalid_request", "error_description": said}, 400)


def _error(code: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


def _forbidden(token: _Token, vault: StoredResource, name: str) -> dict[str, Any]:
    caller = f"appid={token.client_id};oid={token.principal_id}"
    location = f"Vault: {vault.name};location={vault.body['location']}"
    if not vault.body["properties"].get("enableRbacAuthorization"):
        body = _error(
            "Forbidden",
            f"The user, group or application '{caller}' does not have secrets get permission on key vault "
            f"'{vault.name};location={vault.body['location']}'.",
        )
        body["error"]["innererror"] = {"code": "AccessDenied"}
        return body
    body = _error(
        "Forbidden",
        "Caller is not authorized to perform action on resource.\r\n"
        f"Caller: {caller}\r\n"
        "Action: 'Microsoft.KeyVault/vaults/secrets/getSecret/action'\r\n"
        f"Resource: '{vault.id.lower()}/secrets/{name.lower()}'\r\n"
        f"Assignment: (not found)\r\nDecisionReason: 'DeniedWithNoValidRBAC'\r\n{location}\r\n",
    )
    body["error"]["innererror"] = {"code": "ForbiddenByRbac"}
    return body


def _bundle(vault: StoredResource, name: str, version: dict[str, Any]) -> dict[str, Any]:
    properties = vault.body["properties"]
    days = properties["softDeleteRetentionInDays"]
    level = ("Recoverable" if days == 90 else "CustomizedRecoverable") + (
        "" if properties.get("enablePurgeProtection") else "+Purgeable"
    )
    given = version.get("attributes") or {}
    attributes = {"enabled": given.get("enabled", True), "created": version["created"], "updated": version["updated"]}
    for wire, stored in (("exp", "expires"), ("nbf", "notBefore")):
        if given.get(stored) is not None:
            attributes[wire] = given[stored]
    bundle = {
        "value": version["value"],
        "id": f"{properties['vaultUri']}secrets/{name}/{version['version']}",
        "attributes": attributes | {"recoveryLevel": level, "recoverableDays": days},
        "tags": version.get("tags") or {},
    }
    if version.get("contentType") is not None:
        bundle["contentType"] = version["contentType"]
    return bundle
