"""The users as which programs log in, and the key pairs by which they do.

A user has two slots for public keys, and a key pair has a generation: odd ones lie in the first slot, even ones in the
second. The current generation and the one before it are declared. One step further is a whole rotation: the new public
key takes the slot of the key before the last one, the vault gets the new private key once the user has the public one,
and the key that was current goes on to work until the next rotation takes its slot. At no time does the vault hold a
key that the user does not have, and a run that stops half-way is finished by the next one.
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_snowflake as snowflake
import pulumi_tls as tls

from components.base import Component
from components.snowflake.log_in_policies import LogInPolicies
from components.snowflake.providers import AdministrativeProviders
from components.snowflake.sql import quoted

#: What of an adopted user is set by other resources here, or is none of ours. An import fails on any input that says
#: something else than what is there, so the user itself declares its name alone.
_NOT_OURS = (
    "comment",
    "daysToExpiry",
    "defaultNamespace",
    "defaultRole",
    "defaultSecondaryRolesOption",
    "defaultWarehouse",
    "disabled",
    "displayName",
    "email",
    "loginName",
    "minsToUnlock",
)
#: Keys and network policy come by resources of their own: a rotation never touches the user, and the user's owner need
#: not own the policy.
_APART = ("rsaPublicKey", "rsaPublicKey2", "networkPolicy")


@dataclass(frozen=True)
class KeyGenerations:
    """`current` is the key pair in use; `first` the first one that was made here, 2 where the first slot was taken."""

    current: int = 1
    first: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.first <= self.current:
            raise ValueError(f"generation {self.current} comes before the first one, {self.first}")

    @property
    def declared(self) -> tuple[int, ...]:
        """The current generation and, where there is one, the one before it."""
        return tuple(range(max(self.first, self.current - 1), self.current + 1))


@dataclass(frozen=True)
class ServiceUserArgs:
    """What a service user is.

    `default_role` is granted here. `network` is the group of networks from which it may log in. `adopt` takes over a
    user that exists: it is imported, and left standing when the stack goes. `deletion_protection` guards the user, not
    its keys.
    """

    name: str
    comment: str
    keys: KeyGenerations
    default_role: pulumi.Input[str]
    default_warehouse: pulumi.Input[str]
    network: str
    policies: LogInPolicies
    providers: AdministrativeProviders
    deletion_protection: bool
    adopt: bool = False


class ServiceUser(Component):
    """A user of TYPE=SERVICE: by its key pair alone, from its own network, with no secondary roles by default."""

    def __init__(self, name: str, args: ServiceUserArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("videxa:snowflake:ServiceUser", name, opts)
        user = self._adopted(args) if args.adopt else self._made(args)
        pairs = {
            generation: self.child(
                # Snowflake takes RSA keys of at least 2048 bits.
                tls.PrivateKey(
                    f"{args.name}-key-{generation}", algorithm="RSA", rsa_bits=2048, opts=self.child_options()
                )
            )
            for generation in args.keys.declared
        }
        slots = {slot(generation): pair.public_key_pem.apply(public_key_line) for generation, pair in pairs.items()}
        keys_options = self.child_options(args.providers.user_administrator)
        if args.keys.first > 1 and 1 not in slots:
            # The key of before is not ours, until a rotation takes its slot.
            keys_options.ignore_changes = ["rsaPublicKey"]
        public_keys = self.child(
            snowflake.UserPublicKeys(
                f"{args.name}-keys",
                name=user.name,
                rsa_public_key=slots.get(1),
                rsa_public_key2=slots.get(2),
                opts=keys_options,
            )
        )
        args.policies.hold_to_key_pair(self, args.name, user.name)
        args.policies.hold_to_network(self, args.name, user.name, args.network)
        self.child(
            snowflake.GrantAccountRole(
                f"{args.name}-default-role",
                role_name=args.default_role,
                user_name=user.name,
                opts=self.child_options(args.providers.security_administrator, delete_before_replace=True),
            )
        )
        self.user: pulumi.Output[str] = user.name
        #: The current private key (PKCS#8), known only once the user has its public half: who stores it comes after.
        self.private_key: pulumi.Output[str] = pulumi.Output.all(
            pairs[args.keys.current].private_key_pem_pkcs8, public_keys.urn, public_keys.id
        ).apply(lambda known: str(known[0]))
        self.register_outputs({"user": self.user, "key_generation": args.keys.current})

    def _made(self, args: ServiceUserArgs) -> snowflake.ServiceUser:
        options = self.child_options(args.providers.user_administrator, protect=args.deletion_protection)
        options.ignore_changes = list(_APART)
        return self.child(
            snowflake.ServiceUser(
                args.name,
                name=args.name,
                comment=args.comment,
                default_role=args.default_role,
                default_warehouse=args.default_warehouse,
                default_secondary_roles_option="NONE",
                opts=options,
            )
        )

    def _adopted(self, args: ServiceUserArgs) -> snowflake.ServiceUser:
        options = self.child_options(args.providers.user_administrator, protect=args.deletion_protection)
        options.import_ = args.name
        # It was there before the stack, and others may hold on to it.
        options.retain_on_delete = True
        options.ignore_changes = [*_APART, *_NOT_OURS]
        user = self.child(snowflake.ServiceUser(args.name, name=args.name, opts=options))
        named = quoted(user.name)
        self.child(
            snowflake.Execute(
                f"{args.name}-settings",
                execute=pulumi.Output.concat(
                    "ALTER USER ",
                    named,
                    " SET DEFAULT_ROLE = ",
                    quoted(args.default_role),
                    " DEFAULT_WAREHOUSE = ",
                    quoted(args.default_warehouse),
                    " DEFAULT_SECONDARY_ROLES = ()",
                ),
                # What it was before is not known here. A default role that is gone would keep the user out.
                revert=pulumi.Output.concat("ALTER USER ", named, " UNSET DEFAULT_ROLE, DEFAULT_WAREHOUSE"),
                opts=self.child_options(args.providers.user_administrator, delete_before_replace=True),
            )
        )
        return user


def slot(generation: int) -> int:
    """The slot (1: RSA_PUBLIC_KEY, 2: RSA_PUBLIC_KEY_2) in which a generation's public key lies."""
    return 2 - generation % 2


def public_key_line(pem: str) -> str:
    """The base64 of a PEM public key in one line, with neither header nor footer."""
    return "".join(line for line in pem.splitlines() if line and not line.startswith("-----"))
