"""Configuring the provider: who it is, proved by a key pair, and in which role it acts."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from emulator.introspection import decode_provider_inputs, provider_spec
from emulator.package import CloudError
from emulator.snowflake.account import Account, ObjectName, SnowflakeError
from emulator.snowflake.resources.handler import Connection

# What the provider also takes from its environment, by its documentation.
_ENVIRONMENT = {
    "organizationName": "SNOWFLAKE_ORGANIZATION_NAME",
    "accountName": "SNOWFLAKE_ACCOUNT_NAME",
    "user": "SNOWFLAKE_USER",
    "authenticator": "SNOWFLAKE_AUTHENTICATOR",
    "privateKey": "SNOWFLAKE_PRIVATE_KEY",
    "privateKeyPassphrase": "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE",
    "role": "SNOWFLAKE_ROLE",
    "warehouse": "SNOWFLAKE_WAREHOUSE",
}

# Ways to log in, or to find out how, that the embedded account does not have.
_OTHER_CREDENTIALS = (
    "account",
    "password",
    "passcode",
    "passcodeInPassword",
    "token",
    "tokenAccessor",
    "oktaUrl",
    "oauthAuthorizationUrl",
    "oauthClientId",
    "oauthClientSecret",
    "oauthRedirectUri",
    "oauthScope",
    "oauthTokenRequestUrl",
    "profile",
    "tfcWorkloadIdentityTokenTag",
    "workloadIdentityEntraResource",
    "workloadIdentityProvider",
)


_CLIENT = "Go"
"""The provider's driver, as log-ins report it."""


def connect(account: Account, inputs: Mapping[str, Any]) -> Connection:
    """Log in to `account` as the provider's inputs say; raises `CloudError` where Snowflake would refuse."""
    settings = decode_provider_inputs(provider_spec("snowflake"), inputs)
    for wire, variable in _ENVIRONMENT.items():
        if settings.get(wire) in (None, "") and os.environ.get(variable):
            settings[wire] = os.environ[variable]
    _refuse_other_ways_in(settings)
    _require_the_account(account, settings)
    user = str(settings.get("user") or "")
    if not user:
        raise CloudError("260001: user is empty")
    fingerprint = public_key_fingerprint(_private_key(settings))
    warehouse = _identifier(settings.get("warehouse"))
    with account.lock:
        try:
            stored = account.authenticate(user.upper(), fingerprint)
            session = account.session(
                stored.name.name,
                _identifier(settings.get("role")),
                warehouse=warehouse,
                parameters={key.upper(): value for key, value in (settings.get("params") or {}).items()},
            )
        except SnowflakeError as error:
            account.note_log_in(user.upper(), None, _CLIENT, "", error=error)
            raise
        account.note_log_in(session.user, None, _CLIENT, "", session=session)
    return Connection(
        session,
        warehouse,
        frozenset(str(flag).lower() for flag in settings.get("previewFeaturesEnabled") or ()),
        frozenset(str(flag).upper() for flag in settings.get("experimentalFeaturesEnableds") or ()),
    )


def _identifier(text: Any) -> str | None:
    """A role or warehouse named at log-in, which Snowflake resolves as SQL does: upper case unless quoted."""
    return ObjectName.parse(str(text)).name if text else None


def public_key_fingerprint(key: RSAPrivateKey) -> str:
    """`SHA256:…` of the key's public half, as in the issuer of Snowflake's key-pair JWT."""
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return "SHA256:" + base64.b64encode(hashlib.sha256(der).digest()).decode()


def _refuse_other_ways_in(settings: Mapping[str, Any]) -> None:
    for wire in _OTHER_CREDENTIALS:
        if settings.get(wire) not in (None, "", False, "false", [], {}):
            raise CloudError(
                f"the embedded Snowflake does not build log-in with `{wire}` yet: "
                'use organizationName, accountName, user, authenticator "SNOWFLAKE_JWT" and privateKey'
            )
    authenticator = str(settings.get("authenticator") or "SNOWFLAKE").upper()
    if authenticator != "SNOWFLAKE_JWT":
        raise CloudError(
            f'the embedded Snowflake does not build the authenticator "{authenticator}" yet: use "SNOWFLAKE_JWT"'
        )


def _require_the_account(account: Account, settings: Mapping[str, Any]) -> None:
    asked = "-".join(str(settings.get(wire) or "?") for wire in ("organizationName", "accountName"))
    there = f"{account.organization}-{account.name}"
    if asked.upper() != there.upper():
        raise CloudError(
            f"the embedded Snowflake account is {there}, the provider asks for {asked}: "
            "set organizationName and accountName"
        )


def _private_key(settings: Mapping[str, Any]) -> RSAPrivateKey:
    text = settings.get("privateKey")
    if not text:
        raise CloudError("privateKey is missing: give it to the provider or set SNOWFLAKE_PRIVATE_KEY")
    return _read_private_key(str(text), str(settings.get("privateKeyPassphrase") or ""))


# Reading a key proves its primes, 80 ms each time; the providers of a program mostly share one.
@lru_cache(maxsize=4)
def _read_private_key(text: str, passphrase: str) -> RSAPrivateKey:
    try:
        key = load_pem_private_key(text.encode(), passphrase.encode() if passphrase else None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # The cause is left out: it may quote what was given.
        raise CloudError(
            "could not read privateKey: it must be an RSA key in PEM with real newlines, "
            "with privateKeyPassphrase where it is encrypted"
        ) from None
    if not isinstance(key, RSAPrivateKey):
        raise CloudError("privateKey is no RSA key")
    return key
