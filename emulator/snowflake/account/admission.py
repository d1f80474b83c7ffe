"""Who may log in from where, how, and for how long: what network, authentication and session policies say of a user."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Final, Literal

from emulator.snowflake.account.catalogue import ACCOUNT, Entry
from emulator.snowflake.account.core import AccountCore, locked
from emulator.snowflake.account.errors import SnowflakeError
from emulator.snowflake.account.kinds import spec_of
from emulator.snowflake.account.names import ObjectName

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_FAMILIES: Final = {4: "IPV4", 6: "IPV6"}


class AdmissionOperations(AccountCore):
    """What decides over a log-in besides the key. The user's own policy counts before the account's."""

    network_policies_enforced: bool = True
    """Off where clients cannot come from the networks that the policies name, as in a rehearsal on one machine."""

    @locked
    def require_network(self, user: str, address: str | None) -> None:
        """Refuse (390422) an address that the network policy of the user, or else of the account, does not let in.

        Blocked addresses count first. An allowed list restricts only the kinds of identifiers that it names: one of
        Azure link ids alone leaves public addresses open, as in Snowflake.
        """
        policy = self._network_policy_of(user) if self.network_policies_enforced else None
        if policy is None:
            return
        try:
            found = ipaddress.ip_address(address or "")
        except ValueError:
            found = None
        if found is not None and not _within(found, self._ranges(policy, "BLOCKED", found)):
            allowed = list(self._ranges(policy, "ALLOWED", found))
            if not allowed or _within(found, iter(allowed)):
                return
        raise SnowflakeError(
            390422,
            "08001",
            f"Incoming request with IP/Token {address or 'unknown'} is not allowed to access Snowflake.  Contact your "
            "account administrator. For more information about this error, go to "
            "https://community.snowflake.com/s/ip-xxxx-is-not-allowed-to-access.",
        )

    @locked
    def require_authentication(self, user: str, method: Literal["KEYPAIR"], client: Literal["DRIVERS"]) -> None:
        """Refuse (390202) a way of logging in, or a kind of client, that the authentication policy of the user, or else
        of the account, does not have."""
        policy = self._attached(user, "AUTHENTICATION POLICY")
        if policy is None:
            return
        for key, given in (("AUTHENTICATION_METHODS", method), ("CLIENT_TYPES", client)):
            allowed = {str(value).upper() for value in policy.properties.get(key) or ["ALL"]}
            if not allowed & {"ALL", given}:
                raise SnowflakeError(
                    390202, "08001", "Authentication attempt rejected by the current authentication policy."
                )

    @locked
    def idle_minutes(self, user: str) -> int:
        """After how many minutes without a request a session of the user's ends."""
        policy = self._attached(user, "SESSION POLICY")
        key = "SESSION_IDLE_TIMEOUT_MINS"
        default = spec_of("SESSION POLICY").properties[key].default
        return int(default if policy is None else policy.properties.get(key, default))

    def _attached(self, user: str, kind: str) -> Entry | None:
        entry = self._rights.user(user)
        for target in (entry.identifier if entry is not None else ACCOUNT, ACCOUNT):
            for use in self._catalogue.policies_on.get(target, {}).values():
                policy = self._catalogue.entries[use.policy]
                if policy.kind == kind:
                    return policy
        return None

    def _network_policy_of(self, user: str) -> Entry | None:
        for holder in (self._rights.user(user), self._account):
            named = None if holder is None else holder.properties.get("NETWORK_POLICY")
            if named:
                return self._entry("NETWORK POLICY", ObjectName.parse(named))
        return None

    def _ranges(self, policy: Entry, word: str, address: Address) -> Iterator[str]:
        family = _FAMILIES[address.version]
        if family == "IPV4":
            yield from policy.properties.get(f"{word}_IP_LIST", ())
        for named in policy.properties.get(f"{word}_NETWORK_RULE_LIST", ()):
            rule = self._entry("NETWORK RULE", ObjectName.parse(named))
            if rule is not None and (rule.properties["TYPE"], rule.properties.get("MODE", "INGRESS")) == (
                family,
                "INGRESS",
            ):
                yield from rule.properties["VALUE_LIST"]


def _within(address: Address, ranges: Iterator[str]) -> bool:
    return any(address in ipaddress.ip_network(range_, strict=False) for range_ in ranges)
