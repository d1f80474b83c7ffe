"""What all of the account's operations stand on: the two stores, and finding things in them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, cast

from emulator.snowflake.account.catalogue import ACCOUNT, Catalogue, Change, Entry, GrantRow, now
from emulator.snowflake.account.data import Data, declared
from emulator.snowflake.account.errors import SnowflakeError
from emulator.snowflake.account.history import History
from emulator.snowflake.account.kinds import spec_of
from emulator.snowflake.account.model import Column, Grant, Grantee, SnowflakeObject
from emulator.snowflake.account.names import ObjectName
from emulator.snowflake.account.rights import Rights
from emulator.snowflake.account.session import Session

Operation = TypeVar("Operation", bound=Callable[..., Any])


def locked(operation: Operation) -> Operation:
    """Hold the account's lock around an operation."""

    @wraps(operation)
    def wrapper(self: AccountCore, *args: Any, **kwargs: Any) -> Any:
        with self.lock:
            return operation(self, *args, **kwargs)

    return cast(Operation, wrapper)


class AccountCore:
    """The stores of one account and the ways into them."""

    lock: threading.RLock
    organization: str
    name: str
    region: str
    edition: str
    locator: str
    history: History

    def __init__(self, directory: Path) -> None:
        self.lock = threading.RLock()
        directory.mkdir(parents=True, exist_ok=True)
        self._catalogue = Catalogue(directory / "catalogue.sqlite")
        self._data = Data(directory / "data")
        self.history = History(directory / "history.sqlite")
        self._rights = Rights(self._catalogue)
        self._lengths_to_tell: set[int] = set()
        self._running_since: dict[int, datetime] = {}

    # --- finding

    def _entry(self, kind: str, name: ObjectName | None) -> Entry | None:
        """The object with this kind and name, whoever asks."""
        spec = spec_of(kind)
        if spec.kind == "ACCOUNT":
            return self._account
        if name is None or len(name.parts) != spec.depth:
            return None
        parent: Entry | None = None
        if spec.depth > 1:
            parent = self._catalogue.lookup(None, "DATABASE", name.parts[0])
            if parent is not None and spec.depth == 3:
                parent = self._catalogue.lookup(parent, "SCHEMA", name.parts[1])
            if parent is None:
                return None
        if spec.has_signature and name.arguments is None:
            candidates = [] if parent is None else self._catalogue.overloads(parent, spec.kind, name.name)
            return candidates[0] if len(candidates) == 1 else None
        entry = self._catalogue.lookup(parent, spec.kind, name.name, name.arguments if spec.has_signature else None)
        return entry if entry is not None and entry.kind == spec.kind else None

    @property
    def _account(self) -> Entry:
        return self._catalogue.entries[ACCOUNT]

    def _grantee(self, grantee: Grantee) -> Entry:
        """The role or user that a grantee names; a missing one is refused."""
        if grantee.kind == "SHARE":
            raise SnowflakeError.unsupported("SHARE")
        entry = self._entry(grantee.object_kind, grantee.name)
        if entry is None:
            raise SnowflakeError.does_not_exist(grantee.object_kind, grantee.name)
        return entry

    def _seen(self, session: Session, kind: str, name: ObjectName | None) -> Entry:
        """The object, or 002003 where it is not there or the session may not know of it."""
        entry = self._entry(kind, name)
        if entry is None or not self._rights.sees(session, entry):
            raise self._missing(session, kind, name)
        return entry

    def _missing(
        self, session: Session, kind: str, name: ObjectName | None, *, by_grants_alone: bool = False
    ) -> SnowflakeError:
        """002003 for the first part of the name that is not there for the session."""
        spec = spec_of(kind)
        if name is None:
            return SnowflakeError.does_not_exist(spec.kind, "")
        roles = self._rights.effective(session)
        for depth, container in ((1, "DATABASE"), (2, "SCHEMA")):
            if depth >= spec.depth or len(name.parts) <= depth:
                break
            part = ObjectName(name.parts[:depth])
            entry = self._entry(container, part)
            if entry is None or not (
                self._rights.has(roles, "USAGE", entry) if by_grants_alone else self._rights.sees(session, entry)
            ):
                return SnowflakeError.does_not_exist(container, part)
        return SnowflakeError.does_not_exist(spec.kind, name)

    def _owned(self, session: Session, entry: Entry) -> None:
        """Refuse unless the session owns the object."""
        self._require(session, "OWNERSHIP", entry)

    def _require(self, session: Session, privilege: str, entry: Entry) -> None:
        """Refuse what the session may not do: 002003 where it may not even see the object, else 003001."""
        roles = self._rights.effective(session)
        if self._rights.holds(roles, privilege, entry):
            return
        data = privilege in _DATA_PRIVILEGES
        if not self._rights.reaches(roles, entry) and (data or not self._rights.sees(session, entry)):
            raise self._missing(session, entry.kind, entry.name, by_grants_alone=data)
        raise SnowflakeError.insufficient_privileges(entry.kind, entry.own_name)

    def _primary_role(self, session: Session) -> Entry:
        """The role that owns what the session makes."""
        role = self._rights.role(session.role)
        if role is None:
            raise SnowflakeError.does_not_exist("ROLE", session.role or "")
        return role

    # --- showing

    def _grantee_of(self, identifier: int) -> Grantee:
        entry = self._catalogue.entries[identifier]
        kind: Any = entry.kind.replace(" ", "_")
        return Grantee(kind, entry.name)

    def _role_name(self, identifier: int | None) -> str:
        entry = None if identifier is None else self._catalogue.entries.get(identifier)
        return "" if entry is None else entry.own_name

    def _shown(self, entry: Entry) -> SnowflakeObject:
        owner = None if entry.owner is None else self._grantee_of(entry.owner)
        properties = {key: _copied(value) for key, value in entry.properties.items()}
        if "PASSWORD" in properties:
            properties["PASSWORD"] = "********"  # noqa: S105 hides it
        return SnowflakeObject(
            entry.kind, entry.name, owner, properties, entry.created_on, entry.comment, entry.identifier
        )

    def _shown_grant(self, row: GrantRow) -> Grant:
        target = self._catalogue.entries[row.target]
        return Grant(
            row.created_on,
            row.privilege,
            row.kind or target.kind,
            target.name,
            self._grantee_of(row.grantee),
            row.grant_option,
            self._role_name(row.granted_by),
            bool(row.kind),
        )

    def _real_columns(self, entry: Entry) -> list[Column]:
        found = self._data.describe(entry.name)
        if entry.kind == "TABLE":
            return declared(found, {column.name: column for column in entry.properties["COLUMNS"]})
        comments = {column["NAME"]: column.get("COMMENT", "") for column in entry.properties.get("COLUMNS", [])}
        return [replace(column, comment=comments.get(column.name, "")) for column in found]

    # --- changing

    def _carry_out(self, change: Change, database: Entry | None = None, statements: Sequence[str] = ()) -> None:
        """Commit a change, first running its DuckDB statements where it has any.

        The order makes it safe against a kill: the intent, then the data with the intent's mark, then the
        catalogue together with the end of the intent.
        """
        if database is None or not statements:
            self._catalogue.commit(change)
            return
        intent = self._catalogue.intend(database.identifier, change)
        try:
            self._data.execute(database.own_name, intent, statements)
        except BaseException:
            self._catalogue.forget(intent)
            raise
        self._catalogue.commit(change, intent)

    def _remove(self, change: Change, entry: Entry) -> None:
        """Add to a change that an object, all in it, and all that hangs on them goes."""
        for gone in (*entry.descendants(), entry):
            identifier = gone.identifier
            catalogue = self._catalogue
            for grants in (
                catalogue.grants_on.get(identifier, {}),
                catalogue.grants_to.get(identifier, {}),
                catalogue.future_in.get(identifier, {}),
                catalogue.future_to.get(identifier, {}),
            ):
                for grant in grants.values():
                    change.delete_grant(grant)
            for role, role_grant in catalogue.roles_of.get(identifier, {}).items():
                change.delete("role_grants", role=role, grantee=role_grant.grantee)
            for holder in catalogue.holders_of.get(identifier, {}):
                change.delete("role_grants", role=identifier, grantee=holder)
            for use in (
                *catalogue.policies_on.get(identifier, {}).values(),
                *catalogue.uses_of_policy.get(identifier, {}).values(),
            ):
                change.delete("policy_references", target=use.target, column_name=use.column, policy=use.policy)
            for tagged in (
                *catalogue.tags_on.get(identifier, {}).values(),
                *catalogue.uses_of_tag.get(identifier, {}).values(),
            ):
                change.delete("tag_references", target=tagged.target, column_name=tagged.column, tag=tagged.tag)
            change.delete("objects", identifier=identifier)

    def _new_grant(
        self,
        entry: Entry,
        privilege: str,
        grantee: int,
        granted_by: int | None,
        *,
        grant_option: bool = False,
        kind: str = "",
    ) -> GrantRow:
        return GrantRow(entry.identifier, privilege, grantee, grant_option, granted_by, now(), kind)


_DATA_PRIVILEGES = frozenset(
    {"SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "USAGE", "REFERENCES", "READ", "WRITE"}
)
"""What MANAGE GRANTS gives no part of, not even the knowledge that the object is there."""


def _copied(value: Any) -> Any:
    if isinstance(value, list):
        return [_copied(item) for item in value]
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return value
