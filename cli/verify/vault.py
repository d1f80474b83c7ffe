"""The vault as the applications meet it: a token for an identity, and what that opens."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any, Final

from cli.verify.applications import Application
from cli.verify.report import CheckImpossibleError, Report

_RESOURCE: Final = "https://vault.azure.net"
# The machine's proxy settings are not for loopback.
_DIRECT: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))

ALLOWED, FORBIDDEN = 200, 403


class EmbeddedVault:
    """The data plane of the embedded cloud's vaults, by the URIs that real ones have.

    `address` is where the embedded cloud answers for Azure.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._tokens: dict[str, str] = {}

    def get(self, client_id: str, uri: str) -> tuple[int, str | None]:
        """Ask for a secret as a managed identity: the status, and the value where it is allowed."""
        url = urllib.parse.urlsplit(uri)
        vault = (url.hostname or "").partition(".")[0]
        status, body = self._ask(f"/keyvault/{vault}{url.path}", {"Authorization": f"Bearer {self._token(client_id)}"})
        return status, str(body["value"]) if status == ALLOWED else None

    def _token(self, client_id: str) -> str:
        if client_id not in self._tokens:
            query = urllib.parse.urlencode({"resource": _RESOURCE, "client_id": client_id})
            status, body = self._ask(f"/identity/token?{query}", {})
            if status != ALLOWED:
                raise CheckImpossibleError(client_id, f"no token for the identity: {body.get('error_description')}")
            self._tokens[client_id] = str(body["access_token"])
        return self._tokens[client_id]

    def _ask(self, path: str, headers: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        request = urllib.request.Request(self._address + path, headers=dict(headers))  # noqa: S310 - loopback
        try:
            with _DIRECT.open(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refusal:
            return refusal.code, json.load(refusal)


def read_as(vault: EmbeddedVault, app: Application, uri: str) -> str | None:
    """A secret's value as an app reads it; None where no identity of the app may."""
    for identity in app.identities:
        status, value = vault.get(identity.client_id, uri)
        if status == ALLOWED:
            return value
    return None


def rights(report: Report, apps: Sequence[Application], uris: Sequence[str], vault: EmbeddedVault) -> None:
    """Add to `report`: each app's identity tries each secret and gets exactly the app's own."""
    with report.check("secrets", "each app's identity reads its own secrets", "a value, never an empty one") as own:
        with report.check("secrets", "each app's identity tries every other secret", "refused (403)") as others:
            for app in apps:
                declared = set(app.secrets.values())
                for identity in app.identities:
                    for uri in uris:
                        status, value = vault.get(identity.client_id, uri)
                        check, expected = (own, ALLOWED) if uri in declared else (others, FORBIDDEN)
                        check.tried += 1
                        if status != expected:
                            check.fail(f"{app.name} on {uri}", f"answered {status}, not {expected}")
                        elif expected == ALLOWED and not value:
                            check.fail(f"{app.name} on {uri}", "the value is empty")
            others.found = f"{others.tried} tries refused"
        own.found = f"{own.tried} values read"
