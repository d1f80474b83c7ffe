"""Who may do what: roles with all that they inherit, ownership, grants, and the way through containers.

Source: Snowflake's documentation, "Overview of access control" and "Access control privileges".
"""

from __future__ import annotations

from typing import Final

from emulator.snowflake.account.catalogue import ACCOUNT, Catalogue, Entry
from emulator.snowflake.account.kinds import POLICY_KINDS
from emulator.snowflake.account.session import Session

_WAREHOUSE_MANAGEMENT: Final = frozenset({"MODIFY", "MONITOR", "OPERATE"})
_IMPORTED: Final = frozenset({"USAGE", "SELECT", "MONITOR", "REFERENCES"})


class Rights:
    """Answers about one catalogue. Roles are identifiers of its objects."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def role(self, name: str | None) -> Entry | None:
        """An account role by its stored name."""
        return None if name is None else self._catalogue.lookup(None, "ROLE", name)

    def user(self, name: str) -> Entry | None:
        """A user by its stored name."""
        return self._catalogue.lookup(None, "USER", name)

    def primary(self, session: Session) -> frozenset[int]:
        """The current role, PUBLIC, and what they inherit: what creating and owning goes by."""
        found: frozenset[int] = frozenset()
        for role in (self.role(session.role), self.role("PUBLIC")):
            if role is not None:
                found |= self._catalogue.closure(role.identifier)
        return found

    def effective(self, session: Session) -> frozenset[int]:
        """The primary roles and, with secondary roles on, all of the user's that its session policy lets be such."""
        found = self.primary(session)
        if session.secondary_roles == "ALL" and (user := self.user(session.user)) is not None:
            found = found.union(*(self._catalogue.closure(role) for role in self.secondary(user)))
        return found

    def secondary(self, user: Entry) -> list[int]:
        """The roles of a user that may be secondary ones: all, but for what its session policy, or else the account's,
        does not allow or blocks."""
        granted = list(self._catalogue.roles_of.get(user.identifier, ()))
        policy = self._session_policy(user.identifier) or self._session_policy(ACCOUNT)
        if policy is None:
            return granted
        allowed, blocked = (
            {str(name).upper() for name in policy.properties.get(f"{word}_SECONDARY_ROLES", default)}
            for word, default in (("ALLOWED", ["ALL"]), ("BLOCKED", []))
        )

        def may(role: int) -> bool:
            name = self._catalogue.entries[role].own_name
            return bool(allowed & {"ALL", name}) and not blocked & {"ALL", name}

        return [role for role in granted if may(role)]

    def _session_policy(self, target: int) -> Entry | None:
        policies = (self._catalogue.entries[use.policy] for use in self._catalogue.policies_on.get(target, {}).values())
        return next((policy for policy in policies if policy.kind == "SESSION POLICY"), None)

    def has(self, roles: frozenset[int], privilege: str, entry: Entry) -> bool:
        """Whether one of the roles owns the object or has this privilege on it; the way to it is not looked at."""
        if entry.owner in roles:
            return True
        if privilege == "OWNERSHIP":
            return False
        grants = self._catalogue.grants_on.get(entry.identifier)
        if grants and any(held == privilege and grantee in roles for held, grantee in grants):
            return True
        if entry.identifier == ACCOUNT:
            return False
        if entry.kind == "WAREHOUSE" and privilege in _WAREHOUSE_MANAGEMENT:
            return self.on_account(roles, "MANAGE WAREHOUSES")
        if privilege == "APPLY" and (entry.kind in POLICY_KINDS or entry.kind == "TAG"):
            return self.on_account(roles, f"APPLY {entry.kind}")
        if privilege in _IMPORTED:
            database = entry.container("DATABASE")
            if database is not None and database.owner is None:
                imported = self._catalogue.grants_on.get(database.identifier, {})
                return any(held == "IMPORTED PRIVILEGES" and grantee in roles for held, grantee in imported)
        return False

    def on_account(self, roles: frozenset[int], privilege: str) -> bool:
        """Whether one of the roles has a privilege on the account."""
        grants = self._catalogue.grants_on.get(ACCOUNT, {})
        return any(held == privilege and grantee in roles for held, grantee in grants)

    def any_privilege(self, roles: frozenset[int], entry: Entry) -> bool:
        """Whether one of the roles owns the object or has any privilege on it."""
        if entry.owner in roles:
            return True
        grants = self._catalogue.grants_on.get(entry.identifier, {})
        return any(grantee in roles for _, grantee in grants) or self.has(roles, "USAGE", entry)

    def has_way(self, roles: frozenset[int], entry: Entry) -> bool:
        """Whether the roles may use the schema and the database that the object lies in."""
        above = entry.parent
        while above is not None:
            if not self.has(roles, "USAGE", above):
                return False
            above = above.parent
        return True

    def reaches(self, roles: frozenset[int], entry: Entry) -> bool:
        """Whether the roles may know that the object is there, by grants on it alone."""
        if entry.identifier == ACCOUNT or entry.identifier in roles:
            return True
        if not self.has_way(roles, entry):
            return False
        if self.any_privilege(roles, entry):
            return True
        if entry.kind == "ROLE":
            return any(holder in roles for holder in self._catalogue.holders_of.get(entry.identifier, ()))
        # The owner of a schema knows what lies in it (and grants on it, where access is managed).
        return entry.parent is not None and entry.parent.kind == "SCHEMA" and entry.parent.owner in roles

    def sees(self, session: Session, entry: Entry) -> bool:
        """Whether the session may know that the object is there. MANAGE GRANTS sees everything."""
        roles = self.effective(session)
        if self.reaches(roles, entry) or self.on_account(roles, "MANAGE GRANTS"):
            return True
        return entry.kind == "USER" and entry.own_name == session.user

    def holds(self, roles: frozenset[int], privilege: str, entry: Entry) -> bool:
        """Whether the roles may use this privilege on the object, the way to it included."""
        return self.has(roles, privilege, entry) and self.has_way(roles, entry)

    def managed_schema(self, entry: Entry) -> Entry | None:
        """The managed-access schema that the object lies in, if there is one."""
        schema = entry.parent
        if schema is not None and schema.kind == "SCHEMA" and schema.properties.get("MANAGED_ACCESS"):
            return schema
        return None

    def may_grant(self, session: Session, privilege: str, entry: Entry) -> bool:
        """Whether the session may grant or revoke this privilege on the object."""
        roles = self.effective(session)
        if entry.identifier != ACCOUNT and self.on_account(roles, "MANAGE GRANTS"):
            return True
        managed = self.managed_schema(entry)
        if managed is not None:
            return managed.owner in roles and self.has_way(roles, managed)
        if not self.has_way(roles, entry):
            return False
        if entry.owner in roles:
            return True
        grants = self._catalogue.grants_on.get(entry.identifier, {})
        return any(
            grant.grant_option and held == privilege and grantee in roles for (held, grantee), grant in grants.items()
        )

    def may_grant_future(self, session: Session, container: Entry) -> bool:
        """Whether the session may grant on objects yet to come: MANAGE GRANTS, or the owner of a managed schema."""
        roles = self.effective(session)
        if self.on_account(roles, "MANAGE GRANTS"):
            return True
        return (
            container.kind == "SCHEMA"
            and bool(container.properties.get("MANAGED_ACCESS"))
            and container.owner in roles
            and self.has_way(roles, container)
        )

    def may_grant_role(self, session: Session, role: Entry) -> bool:
        """Whether the session may grant or revoke this role. ACCOUNTADMIN is in nobody else's gift."""
        roles = self.effective(session)
        if role.kind == "ROLE" and role.own_name == "ACCOUNTADMIN":
            return role.identifier in roles
        return self.on_account(roles, "MANAGE GRANTS") or role.owner in roles
