"""The secrets that the platform makes for itself: generated once, kept in the encrypted state and the vault."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_random as random
import pulumi_tls as tls

from components.base import Component


@dataclass(frozen=True)
class PlatformSecretsArgs:
    """`random_bytes`: for each secret its length in bytes; its value is their hexadecimal form.

    `deletion_protection` guards them: what CREDS_KEY encrypted is lost with it.
    """

    random_bytes: Mapping[str, int]
    deletion_protection: bool


class PlatformSecrets(Component):
    """Stateful. Random bytes by name, and the RSA key pair of the Snowflake service user."""

    def __init__(self, name: str, args: PlatformSecretsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("videxa:azure:PlatformSecrets", name, opts)
        options = self.child_options(protect=args.deletion_protection)
        self.values: dict[str, pulumi.Output[str]] = {
            secret: self.child(random.RandomBytes(secret, length=length, opts=options)).hex
            for secret, length in args.random_bytes.items()
        }
        # Snowflake takes RSA keys of at least 2048 bits.
        key = self.child(tls.PrivateKey("snowflake-key-pair", algorithm="RSA", rsa_bits=2048, opts=options))
        #: PKCS#8, as Snowflake's connectors read it.
        self.snowflake_private_key: pulumi.Output[str] = key.private_key_pem_pkcs8
        #: One line of base64, as Snowflake's RSA_PUBLIC_KEY takes it.
        self.snowflake_public_key: pulumi.Output[str] = key.public_key_pem.apply(public_key_line)
        self.register_outputs({"snowflake_public_key": self.snowflake_public_key})


def public_key_line(pem: str) -> str:
    """The base64 of a PEM public key in one line, with neither header nor footer."""
    return "".join(line for line in pem.splitlines() if line and not line.startswith("-----"))
