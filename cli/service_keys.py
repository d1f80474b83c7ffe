"""The private keys of the stack's service users, for verbs that log in as one of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cli.access import StackAccess
from cli.connector import private_key
from cli.failure import BadInputError, FailureError
from cli.verify.report import CheckImpossibleError, Report

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from cli.verify.applications import Application
    from cli.verify.vault import EmbeddedVault

SERVICE_KEY: Final = "SNOWFLAKE_SERVICE_PRIVATE_KEY"
"""The environment's variable with the service user's private key (PEM), for a stack whose vault is a real one."""


_VARIABLE: Final = "SNOWFLAKE_PRIVATE_KEY"
"""What the backend finds its key under."""


def key_of(access: StackAccess, user: str) -> RSAPrivateKey:
    """A service user's current private key: from the embedded vault, or for a real stack from SERVICE_KEY.

    Raises `BadInputError` where the user has none of this stack, or where the variable is not set or holds no key;
    `FailureError` where the embedded vault does not give it.
    """
    snowflake = access.settings.snowflake
    if user not in (snowflake.service_user.name, snowflake.power_bi_user.name):
        known = f"{access.deploy_user}, {snowflake.service_user.name} and {snowflake.power_bi_user.name}"
        raise BadInputError(f"no key is known for user {user}: {known} have one")
    if access.endpoints is None:
        pem = os.environ.get(SERVICE_KEY)
        if not pem:
            raise BadInputError(f"set {SERVICE_KEY} to the private key (PEM) of {user}, which is in the stack's vault")
        try:
            return private_key(pem)
        except ValueError as error:
            raise BadInputError(f"{SERVICE_KEY}: {error}") from None
    if user == snowflake.service_user.name:
        return service_key(access)
    return _read_by_hand(access)


def service_key(access: StackAccess) -> RSAPrivateKey:
    """The service user's private key, read from the vault as the backend's identity. Raises `FailureError`."""
    from cli.verify.applications import applications
    from cli.verify.azure import embedded_resources
    from cli.verify.vault import EmbeddedVault

    if access.endpoints is None:
        raise FailureError(
            "the service user's key is in a real vault, which only the applications' identities may read"
        )
    state, outputs = access.state()
    report = Report()
    with embedded_resources(access.endpoints) as azure:
        apps, _ = applications(outputs, state, azure)
        backend = next((app for app in apps if app.label == "backend"), None)
        key = read_service_key(report, backend, EmbeddedVault(access.endpoints.azure))
    if key is None:
        (failed,) = report.failed
        raise FailureError(f"{failed.findings[0].resource}: {failed.findings[0].found}")
    return key


def read_service_key(report: Report, backend: Application | None, vault: EmbeddedVault) -> RSAPrivateKey | None:
    """As part of a report: None where the backend's identity cannot read it, which the report's check tells then."""
    from cli.verify.vault import read_as

    with report.check("secrets", "the backend's identity reads Snowflake's key", "a private key") as check:
        if backend is None:
            raise CheckImpossibleError("backend", "the app is not there, so nobody can read the key")
        uri = backend.secret_uri(_VARIABLE)
        if uri is None:
            raise CheckImpossibleError(f"{backend.name} {_VARIABLE}", "leads to no secret")
        check.tried += 1
        try:
            key = private_key(read_as(vault, backend, uri) or "")
        except ValueError as error:
            raise CheckImpossibleError(uri, str(error)) from None
        return key
    return None


def _read_by_hand(access: StackAccess) -> RSAPrivateKey:
    """Power BI's key, as the person reads it who sets Power BI up: no app's identity may."""
    from cli.cloud import Cloud

    assert access.endpoints is not None
    _, outputs = access.state()
    vault = outputs["vault"]
    arguments = {"vault": vault["name"], "name": vault["secrets"]["power_bi_private_key"]}
    answer = Cloud(access.endpoints, None, Path()).control(
        "by-hand", {"package": "azure-native", "action": "secret", "arguments": arguments}
    )
    return private_key(str(answer["value"]))
