"""The tls package: private keys by the `cryptography` library, kept in the state.

Source: terraform-provider-tls 4.x, resource_private_key.go (defaults, encodings, what P-224 lacks). Certificates and
requests are refused by name.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any, ClassVar

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from emulator.generated import GeneratedPackage, GeneratedType, Inputs
from emulator.package import CheckFailure, CloudError

_CURVES: dict[str, type[ec.EllipticCurve]] = {
    "P224": ec.SECP224R1,
    "P256": ec.SECP256R1,
    "P384": ec.SECP384R1,
    "P521": ec.SECP521R1,
}
_ALGORITHMS = ("RSA", "ECDSA", "ED25519")
_MINIMUM_RSA_BITS, _MAXIMUM_RSA_BITS = 1024, 16384

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
_PEM = serialization.Encoding.PEM
_NONE = serialization.NoEncryption()


def _check_key(inputs: Inputs) -> list[CheckFailure]:
    failures = []
    algorithm, curve, bits = inputs.get("algorithm"), inputs.get("ecdsaCurve"), inputs.get("rsaBits")
    if isinstance(algorithm, str) and algorithm not in _ALGORITHMS:
        failures.append(CheckFailure("algorithm", f"'{algorithm}' is not possible: one of {', '.join(_ALGORITHMS)}"))
    if isinstance(curve, str) and curve not in _CURVES:
        failures.append(CheckFailure("ecdsaCurve", f"'{curve}' is not possible: one of {', '.join(_CURVES)}"))
    if algorithm == "RSA" and isinstance(bits, int) and not _MINIMUM_RSA_BITS <= bits <= _MAXIMUM_RSA_BITS:
        failures.append(
            CheckFailure("rsaBits", f"{bits} is out of range: from {_MINIMUM_RSA_BITS} to {_MAXIMUM_RSA_BITS}")
        )
    return failures


def _generate_key(inputs: Inputs) -> tuple[str, dict[str, Any]]:
    key: PrivateKey
    if inputs["algorithm"] == "RSA":
        key = rsa.generate_private_key(public_exponent=65537, key_size=inputs["rsaBits"])
    elif inputs["algorithm"] == "ECDSA":
        key = ec.generate_private_key(_CURVES[inputs["ecdsaCurve"]]())
    else:
        key = ed25519.Ed25519PrivateKey.generate()
    pkcs8 = key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, _NONE).decode()
    traditional = (
        pkcs8
        if isinstance(key, ed25519.Ed25519PrivateKey)
        else key.private_bytes(_PEM, serialization.PrivateFormat.TraditionalOpenSSL, _NONE).decode()
    )
    public = _public_outputs(key)
    openssh = ""
    if public["publicKeyOpenssh"]:
        openssh = key.private_bytes(_PEM, serialization.PrivateFormat.OpenSSH, _NONE).decode()
    identity = public.pop("id")
    return identity, {
        "privateKeyPem": traditional,
        "privateKeyPemPkcs8": pkcs8,
        "privateKeyOpenssh": openssh,
        **public,
    }


def _public_outputs(key: PrivateKey) -> dict[str, str]:
    """What is public of a key; OpenSSH knows no P-224, so its forms are empty there."""
    public = key.public_key()
    form = serialization.PublicFormat
    pem = public.public_bytes(_PEM, form.SubjectPublicKeyInfo).decode()
    der = public.public_bytes(serialization.Encoding.DER, form.SubjectPublicKeyInfo)
    outputs = {
        # An identity, no protection: the real provider's ids are SHA-1.
        "id": hashlib.sha1(der, usedforsecurity=False).hexdigest(),
        "publicKeyPem": pem,
        "publicKeyOpenssh": "",
        "publicKeyFingerprintMd5": "",
        "publicKeyFingerprintSha256": "",
    }
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP224R1):
        return outputs
    line = public.public_bytes(serialization.Encoding.OpenSSH, form.OpenSSH).decode()
    blob = base64.b64decode(line.split(" ")[1])
    # OpenSSH's older form of a fingerprint, shown beside the newer.
    md5 = hashlib.md5(blob, usedforsecurity=False).hexdigest()
    return outputs | {
        "publicKeyOpenssh": f"{line}\n",
        "publicKeyFingerprintMd5": ":".join(md5[at : at + 2] for at in range(0, len(md5), 2)),
        "publicKeyFingerprintSha256": "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("="),
    }


class TlsPackage(GeneratedPackage):
    """tls: private keys."""

    name = "tls"
    types: ClassVar[Mapping[str, GeneratedType]] = {
        "tls:index/privateKey:PrivateKey": GeneratedType(
            _generate_key, _check_key, {"rsaBits": 2048, "ecdsaCurve": "P224"}
        )
    }

    def invoke(self, token: str, arguments: dict[str, Any], configuration: Any) -> dict[str, Any]:  # noqa: ARG002
        if token != "tls:index/getPublicKey:getPublicKey":  # noqa: S105 - a function's name
            raise CloudError(f"the embedded tls does not build the function {token}")
        text = arguments.get("privateKeyPem") or arguments.get("privateKeyOpenssh")
        if not isinstance(text, str):
            raise CloudError("tls:getPublicKey needs privateKeyPem or privateKeyOpenssh")
        key: object
        try:
            if "OPENSSH" in text:
                key = serialization.load_ssh_private_key(text.encode(), password=None)
            else:
                key = serialization.load_pem_private_key(text.encode(), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as mistake:
            # Not quoted: it is a secret.
            raise CloudError("tls:getPublicKey: the text is no unencrypted private key in PEM") from mistake
        if isinstance(key, rsa.RSAPrivateKey):
            algorithm = "RSA"
        elif isinstance(key, ec.EllipticCurvePrivateKey):
            algorithm = "ECDSA"
        elif isinstance(key, ed25519.Ed25519PrivateKey):
            algorithm = "ED25519"
        else:
            raise CloudError("tls:getPublicKey: the key is neither RSA, ECDSA nor ED25519")
        return {**_public_outputs(key), "algorithm": algorithm, **arguments}
