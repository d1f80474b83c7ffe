"""The tls package: keys that other libraries can read, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from emulator.package import CloudError, Question
from emulator.tls_provider import TlsPackage
from emulator.values import UNKNOWN

PACKAGE = TlsPackage()
KEY = "tls:index/privateKey:PrivateKey"


def question(token: str = KEY, **values: Any) -> Question:
    return Question(f"urn:pulumi:s::p::{token}::x", token, "x", **values)


def make(**inputs: Any) -> tuple[str, dict[str, Any]]:
    answer = PACKAGE.check(question(inputs=inputs))
    assert answer.failures == []
    return PACKAGE.create(question(inputs=answer.inputs))


def private(pem: str) -> Any:
    return serialization.load_pem_private_key(pem.encode(), password=None)


def test_an_rsa_key_in_all_its_forms_is_one_key() -> None:
    identity, outputs = make(algorithm="RSA")
    key = private(outputs["privateKeyPem"])
    assert isinstance(key, rsa.RSAPrivateKey)
    assert key.key_size == outputs["rsaBits"] == 2048
    assert outputs["privateKeyPem"].startswith("-----BEGIN RSA PRIVATE KEY-----\n")
    assert outputs["privateKeyPemPkcs8"].startswith("-----BEGIN PRIVATE KEY-----\n")
    others = [private(outputs["privateKeyPemPkcs8"])]
    others.append(serialization.load_ssh_private_key(outputs["privateKeyOpenssh"].encode(), password=None))
    assert all(other.private_numbers() == key.private_numbers() for other in others)
    public = serialization.load_pem_public_key(outputs["publicKeyPem"].encode())
    assert public == key.public_key()
    assert outputs["publicKeyOpenssh"].startswith("ssh-rsa ")
    assert outputs["publicKeyOpenssh"].endswith("\n")
    assert outputs["publicKeyFingerprintSha256"].startswith("SHA256:")
    assert outputs["publicKeyFingerprintMd5"].count(":") == 15
    assert len(identity) == 40


def test_larger_keys_and_curves_are_made_as_asked() -> None:
    assert private(make(algorithm="RSA", rsaBits=3072)[1]["privateKeyPem"]).key_size == 3072
    curve = private(make(algorithm="ECDSA", ecdsaCurve="P384")[1]["privateKeyPem"])
    assert isinstance(curve, ec.EllipticCurvePrivateKey)
    assert curve.curve.name == "secp384r1"
    assert isinstance(private(make(algorithm="ED25519")[1]["privateKeyPem"]), ed25519.Ed25519PrivateKey)


def test_openssh_knows_no_p224() -> None:
    outputs = make(algorithm="ECDSA")[1]
    assert outputs["ecdsaCurve"] == "P224"
    for name in ("privateKeyOpenssh", "publicKeyOpenssh", "publicKeyFingerprintMd5", "publicKeyFingerprintSha256"):
        assert outputs[name] == ""
    assert isinstance(private(outputs["privateKeyPem"]), ec.EllipticCurvePrivateKey)


@pytest.mark.parametrize(
    ("inputs", "property_"),
    [
        ({"algorithm": "DSA"}, "algorithm"),
        ({}, "algorithm"),
        ({"algorithm": "ECDSA", "ecdsaCurve": "P192"}, "ecdsaCurve"),
        ({"algorithm": "RSA", "rsaBits": 512}, "rsaBits"),
        ({"algorithm": "RSA", "rsabits": 4096}, "rsabits"),
    ],
)
def test_what_cannot_be_is_refused(inputs: dict[str, Any], property_: str) -> None:
    assert [failure.property for failure in PACKAGE.check(question(inputs=inputs)).failures] == [property_]


def test_a_changed_input_makes_another_key_and_a_refresh_does_not() -> None:
    old = {"algorithm": "RSA"}
    assert PACKAGE.diff(question(old_inputs=old, inputs=old | {"rsaBits": 4096})).replaces == ["rsaBits"]
    assert PACKAGE.diff(question(old_inputs=old, inputs=old | {"rsaBits": 2048})).changes == {}
    identity, outputs = make(algorithm="ED25519")
    answer = PACKAGE.read(question(id=identity, inputs={"algorithm": "ED25519"}, old_outputs=outputs))
    assert (answer.id, answer.outputs) == (identity, outputs)


def test_a_preview_makes_no_key() -> None:
    _, outputs = PACKAGE.create(question(inputs={"algorithm": "RSA"}, preview=True))
    assert outputs["privateKeyPem"] is UNKNOWN
    assert outputs["publicKeyOpenssh"] is UNKNOWN
    assert outputs["rsaBits"] == 2048


def test_the_public_half_of_a_given_key() -> None:
    _, outputs = make(algorithm="ECDSA", ecdsaCurve="P256")
    answer = PACKAGE.invoke("tls:index/getPublicKey:getPublicKey", {"privateKeyPem": outputs["privateKeyPem"]}, None)
    assert answer["publicKeyPem"] == outputs["publicKeyPem"]
    assert answer["algorithm"] == "ECDSA"
    with pytest.raises(CloudError) as refused:
        PACKAGE.invoke("tls:index/getPublicKey:getPublicKey", {"privateKeyPem": "not-to-be-seen"}, None)
    assert "not-to-be-seen" not in str(refused.value)


def test_what_is_not_built_is_refused_by_name() -> None:
    token = "tls:index/selfSignedCert:SelfSignedCert"
    inputs = {"allowedUses": ["server_auth"], "validityPeriodHours": 24}
    assert PACKAGE.check(question(token, inputs=inputs)).failures == []
    with pytest.raises(CloudError, match="does not build tls:index/selfSignedCert:SelfSignedCert"):
        PACKAGE.create(question(token, inputs=inputs))
    with pytest.raises(CloudError, match="getCertificate"):
        PACKAGE.invoke("tls:index/getCertificate:getCertificate", {}, None)
    with pytest.raises(CloudError, match="cannot be imported"):
        PACKAGE.read(question(id="x"))
