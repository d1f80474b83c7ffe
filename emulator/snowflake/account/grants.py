"""Granting and revoking, and looking at what is granted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from emulator.snowflake.account.application import APPLICATION, EVERY_MODEL, PUBLIC, PUBLIC_GRANT_ADMINISTRATOR
from emulator.snowflake.account.catalogue import Change, Entry, GrantRow, now
from emulator.snowflake.account.core import AccountCore, locked
from emulator.snowflake.account.errors import SnowflakeError
from emulator.snowflake.account.kinds import KINDS, spec_of
from emulator.snowflake.account.model import Grant, Grantee, GrantTarget, RoleGrant
from emulator.snowflake.account.names import ObjectName
from emulator.snowflake.account.session import Session

Privileges = Sequence[str] | Literal["ALL"]


class GrantOperations(AccountCore):
    """Operations on grants."""

    # --- privileges

    @locked
    def grant_privileges(
        self,
        session: Session,
        privileges: Privileges,
        target: GrantTarget,
        grantee: Grantee,
        *,
        with_grant_option: bool = False,
    ) -> None:
        """GRANT privileges ON target TO a role or database role. Granting again changes nothing; ALL grants those
        that the session may."""
        holder = self._privilege_holder(grantee)
        change = Change()
        if target.scope == "FUTURE":
            container = self._future_container(session, target, holder)
            granted_by = self._primary_role(session).identifier
            for privilege in self._named(privileges, target.kind, future=True):
                change.put_grant(
                    self._new_grant(
                        container,
                        privilege,
                        holder.identifier,
                        granted_by,
                        grant_option=with_grant_option,
                        kind=target.kind,
                    )
                )
        else:
            for entry in self._targets(session, target):
                self._check_database_role(holder, entry)
                for privilege in self._grantable(session, privileges, entry):
                    known = self._catalogue.grants_on.get(entry.identifier, {}).get((privilege, holder.identifier))
                    if known is not None and (known.grant_option or not with_grant_option):
                        continue
                    change.put_grant(
                        self._new_grant(
                            entry,
                            privilege,
                            holder.identifier,
                            self._grantor(session, privilege, entry),
                            grant_option=with_grant_option,
                        )
                    )
        self._catalogue.commit(change)

    @locked
    def revoke_privileges(
        self,
        session: Session,
        privileges: Privileges,
        target: GrantTarget,
        grantee: Grantee,
        *,
        grant_option_only: bool = False,
        cascade: bool = False,
    ) -> None:
        """REVOKE privileges ON target FROM a role or database role. What is not granted is passed over, as
        Snowflake does; what the grantee granted on is refused (003036) unless `cascade` takes it along."""
        holder = self._privilege_holder(grantee)
        change = Change()
        if target.scope == "FUTURE":
            container = self._future_container(session, target, None)
            future = self._catalogue.future_in.get(container.identifier, {})
            named = self._named(privileges, target.kind, future=True) if privileges != "ALL" else None
            for (kind, privilege, to), row in future.items():
                if kind == target.kind and to == holder.identifier and (named is None or privilege in named):
                    change.delete_grant(row)
            self._catalogue.commit(change)
            return
        for entry in self._targets(session, target):
            for privilege in self._grantable(session, privileges, entry):
                row_or_none = self._catalogue.grants_on.get(entry.identifier, {}).get((privilege, holder.identifier))
                if row_or_none is None:
                    continue
                self._revoke_dependent(change, entry, privilege, holder, cascade)
                if grant_option_only:
                    change.put_grant(self._new_grant(entry, privilege, holder.identifier, row_or_none.granted_by))
                else:
                    change.delete_grant(row_or_none)
        self._catalogue.commit(change)

    def _revoke_dependent(self, change: Change, entry: Entry, privilege: str, holder: Entry, cascade: bool) -> None:
        if entry.owner == holder.identifier:
            return
        for (held, to), row in self._catalogue.grants_on.get(entry.identifier, {}).items():
            if held == privilege and row.granted_by == holder.identifier and to != holder.identifier:
                if not cascade:
                    raise SnowflakeError.dependent_grant(privilege, entry.name, self._catalogue.entries[to].name)
                change.delete_grant(row)
                self._revoke_dependent(change, entry, privilege, self._catalogue.entries[to], cascade)

    def _privilege_holder(self, grantee: Grantee) -> Entry:
        if grantee.kind == "USER":
            raise SnowflakeError.unsupported("granting privileges to users")
        if grantee.kind == "APPLICATION_ROLE":
            raise SnowflakeError.grant_not_executed("only the application itself grants to its roles.")
        return self._grantee(grantee)

    def _targets(self, session: Session, target: GrantTarget) -> list[Entry]:
        if target.scope in ("ACCOUNT", "OBJECT"):
            return [self._seen(session, target.kind, target.name)]
        spec = spec_of(target.kind)
        container = self._seen(session, target.container_kind or "SCHEMA", target.container)
        return [entry for entry in container.descendants() if entry.kind == spec.kind and entry.owner is not None]

    def _future_container(self, session: Session, target: GrantTarget, holder: Entry | None) -> Entry:
        spec = spec_of(target.kind)
        container = self._seen(session, target.container_kind or "SCHEMA", target.container)
        if spec.scope == "ACCOUNT" or (spec.scope == "DATABASE" and container.kind != "DATABASE"):
            raise SnowflakeError.syntax(f"no future {spec.kind.lower()}s in a {container.kind.lower()}")
        if not self._rights.may_grant_future(session, container):
            raise SnowflakeError.grant_not_executed()
        if holder is not None:
            self._check_database_role(holder, container)
        return container

    def _check_database_role(self, holder: Entry, entry: Entry) -> None:
        """A database role takes privileges on its own database and what lies in it."""
        if holder.kind == "DATABASE ROLE" and entry.container("DATABASE") is not holder.parent:
            raise SnowflakeError(
                3083,
                "42501",
                f"Grant not executed: {entry.kind.lower()} '{entry.name}' is not in the database of database role "
                f"'{holder.name}'.",
            )

    def _named(self, privileges: Privileges, kind: str, *, future: bool = False) -> list[str]:
        known = KINDS[spec_of(kind).kind].privileges
        if privileges == "ALL":
            return list(known)
        found: list[str] = []
        for privilege in privileges:
            word = " ".join(privilege.upper().split())
            if word not in known and not (future and word == "OWNERSHIP"):
                raise SnowflakeError.syntax(f"unexpected '{word}': no privilege on a {kind.lower()}")
            if word not in found:
                found.append(word)
        if not found:
            raise SnowflakeError.syntax("no privilege is named")
        return found

    def _grantable(self, session: Session, privileges: Privileges, entry: Entry) -> list[str]:
        named = self._named(privileges, entry.kind)
        if privileges == "ALL":
            if entry.kind == "DATABASE" and entry.owner is not None:
                named = [privilege for privilege in named if privilege != "IMPORTED PRIVILEGES"]
            allowed = [privilege for privilege in named if self._rights.may_grant(session, privilege, entry)]
        else:
            allowed = [privilege for privilege in named if self._rights.may_grant(session, privilege, entry)]
            if len(allowed) < len(named):
                raise SnowflakeError.grant_not_executed()
        if not allowed:
            raise SnowflakeError.grant_not_executed()
        return allowed

    def _grantor(self, session: Session, privilege: str, entry: Entry) -> int | None:
        """The role shown as the one that granted: the holder of a grant option, else the owner."""
        roles = self._rights.effective(session)
        if entry.owner is None or entry.owner in roles or self._rights.on_account(roles, "MANAGE GRANTS"):
            return entry.owner if entry.owner is not None else self._primary_role(session).identifier
        for (held, grantee), grant in self._catalogue.grants_on.get(entry.identifier, {}).items():
            if held == privilege and grant.grant_option and grantee in roles:
                return grantee
        return entry.owner

    # --- roles

    @locked
    def grant_role(self, session: Session, role: Grantee, to: Grantee) -> None:
        """GRANT [DATABASE] ROLE to a role, database role or user; a cycle is refused. Granting again changes
        nothing."""
        granted, holder = self._role_and_holder(session, role, to)
        if granted.identifier == holder.identifier or holder.identifier in self._catalogue.closure(granted.identifier):
            raise SnowflakeError(
                3035,
                "23001",
                f"SQL execution error: Granting role '{granted.name}' to role '{holder.name}' would create a cycle in "
                "the role hierarchy.",
            )
        if holder.identifier in self._catalogue.holders_of.get(granted.identifier, {}):
            return
        change = Change()
        change.put(
            "role_grants",
            {
                "role": granted.identifier,
                "grantee": holder.identifier,
                "granted_by": granted.owner or self._primary_role(session).identifier,
                "created_on": now().isoformat(),
            },
        )
        self._catalogue.commit(change)

    @locked
    def revoke_role(self, session: Session, role: Grantee, from_: Grantee) -> None:
        """REVOKE [DATABASE] ROLE. What is not granted is passed over."""
        granted, holder = self._role_and_holder(session, role, from_)
        row = self._catalogue.holders_of.get(granted.identifier, {}).get(holder.identifier)
        if row is None:
            return
        if row.granted_by is None and granted.owner is None and granted.own_name in _SYSTEM_ROLES:
            raise SnowflakeError.grant_not_executed("the system's own role hierarchy cannot be changed.")
        change = Change()
        change.delete("role_grants", role=granted.identifier, grantee=holder.identifier)
        self._catalogue.commit(change)

    @locked
    def change_public_application_role(self, session: Session, role: str, *, granted: bool) -> None:
        """Give a role of the application SNOWFLAKE to its PUBLIC, or take it from there. What is so already stays so.
        Refused but to holders of SNOWFLAKE_PUBLIC_GRANT_ADMIN, and for any role but that of all models."""
        if Grantee.application_role(APPLICATION, PUBLIC_GRANT_ADMINISTRATOR) not in self.effective_roles(session):
            raise SnowflakeError.grant_not_executed()
        if role != EVERY_MODEL:
            raise SnowflakeError.grant_not_executed(f"'{role}' is no capability that administrators revoke.")
        every = self._grantee(Grantee.application_role(APPLICATION, role))
        public = self._grantee(Grantee.application_role(APPLICATION, PUBLIC))
        row = {"role": every.identifier, "grantee": public.identifier}
        held = public.identifier in self._catalogue.holders_of.get(every.identifier, {})
        change = Change()
        if granted and not held:
            change.put("role_grants", {**row, "granted_by": None, "created_on": now().isoformat()})
        elif held and not granted:
            change.delete("role_grants", **row)
        self._catalogue.commit(change)

    def _role_and_holder(self, session: Session, role: Grantee, to: Grantee) -> tuple[Entry, Entry]:
        if role.kind not in ("ROLE", "DATABASE_ROLE", "APPLICATION_ROLE"):
            raise SnowflakeError.syntax(f"a {role.kind.lower()} is no role")
        granted, holder = self._grantee(role), self._grantee(to)
        if role.kind == "APPLICATION_ROLE":
            if to.kind not in ("ROLE", "USER"):
                # Among themselves application roles are granted by their application alone.
                raise SnowflakeError.grant_not_executed()
        elif to.kind == "APPLICATION_ROLE":
            raise SnowflakeError.syntax("an application role takes application roles alone")
        elif role.kind == "DATABASE_ROLE":
            if to.kind == "USER":
                raise SnowflakeError.syntax("a database role is granted to roles, not to users")
            if to.kind == "DATABASE_ROLE" and granted.parent is not holder.parent:
                raise SnowflakeError(
                    3083, "42501", "Grant not executed: both database roles must be in the same database."
                )
        elif to.kind == "DATABASE_ROLE":
            raise SnowflakeError.syntax("an account role is not granted to database roles")
        if not self._rights.may_grant_role(session, granted):
            if not self._rights.sees(session, granted):
                raise SnowflakeError.does_not_exist(granted.kind, granted.name)
            raise SnowflakeError.grant_not_executed()
        return granted, holder

    # --- ownership

    @locked
    def grant_ownership(
        self,
        session: Session,
        target: GrantTarget,
        grantee: Grantee,
        *,
        current_grants: Literal["COPY", "REVOKE"] | None = None,
    ) -> None:
        """GRANT OWNERSHIP. With other grants on the object and no word on them it is refused (003036); a task is
        suspended by it."""
        holder = self._privilege_holder(grantee)
        if target.scope == "ACCOUNT":
            raise SnowflakeError.syntax("nobody owns the account")
        change = Change()
        if target.scope == "FUTURE":
            container = self._future_container(session, target, holder)
            for (kind, privilege, _), row in self._catalogue.future_in.get(container.identifier, {}).items():
                if kind == target.kind and privilege == "OWNERSHIP":
                    change.delete_grant(row)
            change.put_grant(
                self._new_grant(
                    container,
                    "OWNERSHIP",
                    holder.identifier,
                    self._primary_role(session).identifier,
                    kind=target.kind,
                )
            )
        else:
            for entry in self._targets(session, target):
                self._transfer(session, change, entry, holder, current_grants)
        self._catalogue.commit(change)

    def _transfer(
        self, session: Session, change: Change, entry: Entry, holder: Entry, current_grants: str | None
    ) -> None:
        if entry.owner is None:
            raise SnowflakeError.grant_not_executed()
        if not self._rights.may_grant(session, "OWNERSHIP", entry):
            raise SnowflakeError.grant_not_executed()
        self._check_database_role(holder, entry)
        if entry.owner == holder.identifier:
            return
        outbound = list(self._catalogue.grants_on.get(entry.identifier, {}).values())
        if outbound and current_grants is None:
            first = outbound[0]
            raise SnowflakeError.dependent_grant(
                first.privilege, entry.name, self._catalogue.entries[first.grantee].name
            )
        for row in outbound:
            if current_grants == "REVOKE":
                change.delete_grant(row)
            elif row.granted_by == entry.owner:
                change.put_grant(
                    GrantRow(
                        row.target, row.privilege, row.grantee, row.grant_option, holder.identifier, row.created_on
                    )
                )
        properties = dict(entry.properties)
        if entry.kind == "TASK" and properties.get("STATE") == "STARTED":
            properties["STATE"] = "SUSPENDED"
        change.put("objects", entry.row(owner=holder.identifier, properties=properties))

    # --- looking

    @locked
    def grants_on(self, kind: str, name: ObjectName | None = None) -> list[Grant]:
        """SHOW GRANTS ON an object (kind ACCOUNT: the account), OWNERSHIP first."""
        entry = self._entry(kind, name)
        if entry is None:
            raise SnowflakeError.does_not_exist(spec_of(kind).kind, name or "")
        found = [self._shown_grant(row) for row in self._catalogue.grants_on.get(entry.identifier, {}).values()]
        found.sort(key=lambda grant: (grant.privilege, grant.grantee))
        return [*self._ownership(entry), *found]

    @locked
    def grants_to(self, grantee: Grantee) -> list[Grant]:
        """The privileges in SHOW GRANTS TO a role or database role: OWNERSHIP included, future grants and the
        roles granted to it not."""
        holder = self._grantee(grantee)
        found = [self._shown_grant(row) for row in self._catalogue.grants_to.get(holder.identifier, {}).values()]
        for identifier in self._catalogue.owned.get(holder.identifier, ()):
            found += self._ownership(self._catalogue.entries[identifier])
        found.sort(key=lambda grant: (grant.privilege, grant.kind, grant.name))
        return found

    def _ownership(self, entry: Entry) -> list[Grant]:
        if entry.owner is None:
            return []
        return [
            Grant(
                entry.created_on,
                "OWNERSHIP",
                entry.kind,
                entry.name,
                self._grantee_of(entry.owner),
                True,
                self._role_name(entry.owner),
            )
        ]

    @locked
    def roles_granted_to(self, grantee: Grantee) -> list[RoleGrant]:
        """The roles in SHOW GRANTS TO a role, database role or user: those granted to it itself."""
        holder = self._grantee(grantee)
        return self._role_grants(self._catalogue.roles_of.get(holder.identifier, {}).values())

    @locked
    def grants_of(self, role: Grantee) -> list[RoleGrant]:
        """SHOW GRANTS OF a role: to whom it is granted itself."""
        granted = self._grantee(role)
        return self._role_grants(self._catalogue.holders_of.get(granted.identifier, {}).values())

    def _role_grants(self, rows: object) -> list[RoleGrant]:
        found = [
            RoleGrant(
                row.created_on,
                self._grantee_of(row.role),
                self._grantee_of(row.grantee),
                self._role_name(row.granted_by),
            )
            for row in rows  # type: ignore[attr-defined]
        ]
        found.sort(key=lambda grant: (grant.role, grant.grantee))
        return found

    @locked
    def future_grants(self, container: ObjectName) -> list[Grant]:
        """SHOW FUTURE GRANTS IN a database or schema: those set on it itself."""
        kind = "DATABASE" if len(container.parts) == 1 else "SCHEMA"
        entry = self._entry(kind, container)
        if entry is None:
            raise SnowflakeError.does_not_exist(kind, container)
        found = [self._shown_grant(row) for row in self._catalogue.future_in.get(entry.identifier, {}).values()]
        found.sort(key=lambda grant: (grant.kind, grant.privilege, grant.grantee))
        return found

    @locked
    def future_grants_to(self, grantee: Grantee) -> list[Grant]:
        """SHOW FUTURE GRANTS TO a role or database role."""
        holder = self._grantee(grantee)
        found = [self._shown_grant(row) for row in self._catalogue.future_to.get(holder.identifier, {}).values()]
        found.sort(key=lambda grant: (grant.name, grant.kind, grant.privilege))
        return found

    # --- rights

    @locked
    def holds(self, session: Session, privilege: str, kind: str, name: ObjectName | None = None) -> bool:
        """Whether the session's roles may use this privilege on the object (kind ACCOUNT: on the account), the way
        through its database and schema included. OWNERSHIP asks for ownership itself, which implies the others.
        False for what is not there."""
        entry = self._entry(kind, name)
        return entry is not None and self._rights.holds(self._rights.effective(session), privilege, entry)

    @locked
    def require(self, session: Session, privilege: str, kind: str, name: ObjectName | None = None) -> None:
        """Refuse what `holds` denies: 002003 where the object may not even be seen, else 003001."""
        entry = self._entry(kind, name)
        if entry is None:
            raise self._missing(session, kind, name)
        self._require(session, privilege, entry)

    @locked
    def effective_roles(self, session: Session) -> set[Grantee]:
        """Every role that the session acts with: current, secondary, PUBLIC, and all that these inherit."""
        return {self._grantee_of(identifier) for identifier in self._rights.effective(session)}

    @locked
    def role_paths(self, grantee: Grantee) -> dict[Grantee, tuple[Grantee, ...]]:
        """Every role that a role or user reaches, each with one shortest path to it (both ends included)."""
        start = self._grantee(grantee)
        paths: dict[int, tuple[int, ...]] = {start.identifier: (start.identifier,)}
        frontier = [start.identifier]
        while frontier:
            following: list[int] = []
            for holder in frontier:
                for role in self._catalogue.roles_of.get(holder, {}):
                    if role not in paths:
                        paths[role] = (*paths[holder], role)
                        following.append(role)
            frontier = following
        del paths[start.identifier]
        return {self._grantee_of(role): tuple(self._grantee_of(step) for step in path) for role, path in paths.items()}


_SYSTEM_ROLES = frozenset({"ACCOUNTADMIN", "SECURITYADMIN", "USERADMIN", "SYSADMIN", "PUBLIC"})
