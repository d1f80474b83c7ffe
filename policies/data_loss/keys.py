"""Keys and generated secrets: what is locked out or can no longer be read once one is gone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policies.data_loss.finding import Finding
from policies.data_loss.plan import Plan, unknown

_SLOTS: Final = ("rsaPublicKey", "rsaPublicKey2")
_RANDOM: Final = ("RandomBytes", "RandomPassword")


def keys_without_slot(plan: Plan) -> Iterator[Finding]:
    """Service users of whose key pairs none outlives the change: whoever holds one is locked out at once."""
    for step in plan.of("ServiceUser", "LegacyServiceUser", "User", "UserPublicKeys"):
        if step.op not in ("update", "replace", "delete") or step.retained:
            continue
        old = {slot: value for slot in _SLOTS if (value := step.before(slot))}
        if not old:
            continue
        user = str(step.before("name") or step.name)
        if step.op == "delete":
            if step.kind != "UserPublicKeys" or any(
                other.gone and other.before("name") == user
                for other in plan.of("ServiceUser", "LegacyServiceUser", "User")
            ):
                continue
            kept = []
        else:
            kept = [slot for slot, value in old.items() if step.new.get(slot) == value and not unknown(value)]
        if kept:
            continue
        hidden = any(unknown(value) for value in old.values())
        yield Finding(
            step.urn,
            plan.tenant(step),
            f"user {user}",
            "unknown keys" if hidden else "replace every public key",
            "the log-in of each program that holds a private key of before, from this moment until it has the new one",
            "put the old public key back; ./nexus rotate-key uses the second slot, so that both are good meanwhile",
            f"DESCRIBE USER {user};",
            unknown=hidden,
        )


def generated(plan: Plan) -> Iterator[Finding]:
    """Generated secrets and private keys that are made anew, or go."""
    for step in plan.steps:
        if not step.gone:
            continue
        if step.type.startswith("random:") and step.kind in _RANDOM:
            yield Finding(
                step.urn,
                plan.tenant(step),
                f"generated secret {step.name}",
                "delete" if step.op == "delete" else "generate anew",
                "its value: whatever it encrypted can no longer be read, whatever it signed is no longer valid",
                "from an earlier version of its Key Vault secret, where it was kept there",
                "what uses it, and whether that is still encrypted under it",
            )
        elif step.type.startswith("tls:") and step.kind == "PrivateKey" and step.op == "replace":
            yield Finding(
                step.urn,
                plan.tenant(step),
                f"private key {step.name}",
                "generate anew",
                "the key pair in use: it is exchanged in place, not beside it",
                "from an earlier version of its Key Vault secret; ./nexus rotate-key makes the next one beside it",
            )
