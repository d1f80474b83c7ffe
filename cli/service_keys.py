"""The private keys of the stack's service users, for verbs that log in as one of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cli.access import StackAccess
from cli.connector import private_key
from cli.failure import BadInputError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

SERVICE_KEY: Final = "SNOWFLAKE_SERVICE_PRIVATE_KEY"
"""The environment's variable with the service user's private key (PEM), for a stack whose vault is a real one."""


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
        from cli.verify.command import service_key

        return service_key(access)
    return _read_by_hand(access)


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
