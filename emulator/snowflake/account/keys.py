"""RSA public keys as Snowflake takes them: PEM without its frame, on one line or several."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)

from emulator.snowflake.account.errors import SnowflakeError

_MINIMUM_BITS = 2048


def public_key_body(text: Any, property_: str = "RSA_PUBLIC_KEY") -> str:
    """The key as bare base64 on one line; what is no RSA public key of at least 2048 bits is refused.

    The refusal does not repeat the value.
    """
    refusal = SnowflakeError(394303, "22023", "SQL execution error: New public key rejected by current policy. ")
    if not isinstance(text, str):
        raise SnowflakeError.invalid_property_value("…", property_, "a string")
    lines = [line.strip() for line in text.strip().splitlines()]
    body = "".join(line for line in lines if not line.startswith("-----"))
    try:
        key = load_der_public_key(base64.b64decode(body, validate=True))
    except (ValueError, binascii.Error, UnsupportedAlgorithm):
        raise SnowflakeError(
            refusal.errno,
            refusal.sqlstate,
            f"{refusal.message}Reason: 'Invalid public key' in {property_}: "
            "give the base64 of an RSA public key (PEM, SubjectPublicKeyInfo)",
        ) from None
    if not isinstance(key, RSAPublicKey) or key.key_size < _MINIMUM_BITS:
        raise SnowflakeError(
            refusal.errno,
            refusal.sqlstate,
            f"{refusal.message}Reason: 'Invalid public key' in {property_}: RSA with at least {_MINIMUM_BITS} bits",
        )
    return base64.b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def fingerprint(body: str) -> str:
    """`SHA256:…`, as DESCRIBE USER shows it (RSA_PUBLIC_KEY_FP) and as the issuer of a key-pair JWT ends."""
    digest = hashlib.sha256(base64.b64decode(body)).digest()
    return "SHA256:" + base64.b64encode(digest).decode()
