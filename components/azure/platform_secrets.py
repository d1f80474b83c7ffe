"""The secrets that the platform makes for itself: generated once, kept in the encrypted state and the vault."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_random as random

from components.base import Component


@dataclass(frozen=True)
class PlatformSecretsArgs:
    """`random_bytes`: for each secret its length in bytes; its value is their hexadecimal form.

    `deletion_protection` guards them: what CREDS_KEY encrypted is lost with it.
    """

    random_bytes: Mapping[str, int]
    deletion_protection: bool


class PlatformSecrets(Component):
    """The secrets that the platform makes for itself. Stateful. Random bytes by name."""

    def __init__(self, name: str, args: PlatformSecretsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("videxa:azure:PlatformSecrets", name, opts)
        options = self.child_options(protect=args.deletion_protection)
        self.values: dict[str, pulumi.Output[str]] = {
            secret: self.child(random.RandomBytes(secret, length=length, opts=options)).hex
            for secret, length in args.random_bytes.items()
        }
        self.register_outputs({"names": sorted(self.values)})
