"""The account: every operation on it, authorised, checked and carried out."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import duckdb
from fakesnow.instance import FakeSnow

from emulator.snowflake.account.model import (
    Column,
    Grant,
    Grantee,
    GrantTarget,
    ParameterValue,
    PolicyReference,
    RoleGrant,
    SnowflakeObject,
    TableChange,
    TagReference,
)
from emulator.snowflake.account.names import ObjectName
from emulator.snowflake.account.session import Session

Edition = Literal["STANDARD", "ENTERPRISE", "BUSINESS_CRITICAL"]


class Account:
    """One Snowflake account on a directory. Safe against a kill at any moment; one object per process.

    Everything is done under `lock` (re-entrant): the methods take it themselves, a caller that strings
    several together holds it around them. Every refusal is a `SnowflakeError`.
    """

    lock: threading.RLock

    def __init__(
        self,
        directory: Path,
        *,
        organization: str = "VIDEXA",
        name: str = "EMBEDDED",
        region: str = "AZURE_EASTUS2",
        edition: Edition = "BUSINESS_CRITICAL",
    ) -> None:
        """Open the account in `directory` (made if missing), finishing or undoing what a kill interrupted."""
        raise NotImplementedError

    def initialise(self, *, deploy_public_key: str, deploy_user: str = "NEXUS_DEPLOY") -> None:
        """Make the service user that deploys, with this RSA public key (PEM or its bare base64) and the
        administrative roles, or set its key if the user is there already."""
        raise NotImplementedError

    def close(self) -> None:
        """Close both stores."""
        raise NotImplementedError

    # --- who speaks

    def authenticate(self, user: str, public_key_fingerprint: str) -> SnowflakeObject:
        """The user whose RSA_PUBLIC_KEY or RSA_PUBLIC_KEY_2 has this fingerprint (`SHA256:…` as in the
        issuer of Snowflake's key-pair JWT). Refused as Snowflake does: 390144 bad key, 390101 disabled."""
        raise NotImplementedError

    def session(
        self,
        user: str,
        role: str | None = None,
        *,
        warehouse: str | None = None,
        database: str | None = None,
        schema: str | None = None,
        secondary_roles: Literal["ALL", "NONE"] | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> Session:
        """A session of a user whose identity is established. What is None comes from the user's defaults
        (DEFAULT_ROLE else PUBLIC, DEFAULT_WAREHOUSE, DEFAULT_NAMESPACE, DEFAULT_SECONDARY_ROLES).
        A role that is not granted to the user is refused (390189); a default warehouse, database or schema that the
        role cannot see is left unset, as Snowflake does at log-in."""
        raise NotImplementedError

    def use_role(self, session: Session, role: str) -> None:
        """USE ROLE."""
        raise NotImplementedError

    def use_secondary_roles(self, session: Session, roles: Literal["ALL", "NONE"]) -> None:
        """USE SECONDARY ROLES."""
        raise NotImplementedError

    def use_warehouse(self, session: Session, warehouse: str) -> None:
        """USE WAREHOUSE."""
        raise NotImplementedError

    def use_database(self, session: Session, database: str) -> None:
        """USE DATABASE: its schema PUBLIC becomes current where the role may see it."""
        raise NotImplementedError

    def use_schema(self, session: Session, schema: ObjectName) -> None:
        """USE SCHEMA, by its two-part name."""
        raise NotImplementedError

    # --- objects

    def create(
        self,
        session: Session,
        kind: str,
        name: ObjectName,
        properties: Mapping[str, Any] | None = None,
        *,
        or_replace: bool = False,
        if_not_exists: bool = False,
        copy_grants: bool = False,
    ) -> SnowflakeObject:
        """Make an object, owned by the session's role, with the future grants that apply to it.

        `properties` are Snowflake's, in upper case, None meaning "not set". Of note:
        TABLE: COLUMNS (list of `Column`), TRANSIENT, CLUSTER_BY (list of expressions), CONSTRAINTS (list of
        dicts TYPE, NAME, COLUMNS, …: metadata, not enforced), or QUERY for CREATE TABLE AS; VIEW: STATEMENT (the query), COLUMNS
        (optional names and comments), SECURE; FUNCTION and PROCEDURE: ARGUMENTS (list of (name, type[, default]) tuples), RETURNS, LANGUAGE
        (SQL, PYTHON), BODY, HANDLER, RUNTIME_VERSION, PACKAGES, …; `name.arguments` may be left out there, it is
        worked out from ARGUMENTS; DATABASE and SCHEMA: TRANSIENT; SCHEMA: MANAGED_ACCESS. Every kind: COMMENT.
        A new database has the schema PUBLIC unless WITHOUT_PUBLIC is true.
        """
        raise NotImplementedError

    def alter(
        self,
        session: Session,
        kind: str,
        name: ObjectName,
        *,
        set: Mapping[str, Any] | None = None,
        unset: Iterable[str] = (),
    ) -> SnowflakeObject:
        """Set and unset properties in place. The kind ACCOUNT takes account parameters (its name is ignored)."""
        raise NotImplementedError

    def alter_table(self, session: Session, name: ObjectName, changes: Sequence[TableChange]) -> SnowflakeObject:
        """Carry out all changes to a table's columns, or none of them."""
        raise NotImplementedError

    def rename(self, session: Session, kind: str, name: ObjectName, new_name: ObjectName) -> SnowflakeObject:
        """Rename, or move to another schema, keeping grants, data and what refers to it."""
        raise NotImplementedError

    def drop(
        self, session: Session, kind: str, name: ObjectName, *, if_exists: bool = False, restrict: bool = False
    ) -> None:
        """Drop it and what lies in it, with all grants. A function's name needs its arguments."""
        raise NotImplementedError

    def find(self, kind: str, name: ObjectName) -> SnowflakeObject | None:
        """The object if it is there: the truth, whoever asks."""
        raise NotImplementedError

    def visible(self, session: Session, kind: str, name: ObjectName) -> SnowflakeObject | None:
        """The object if it is there and the session's roles may know of it (any privilege on it, and a way
        through its database and schema)."""
        raise NotImplementedError

    def list(self, session: Session | None, kind: str, *, within: ObjectName | None = None) -> list[SnowflakeObject]:
        """All objects of a kind, sorted by name, in a database or schema where `within` says so; with a session only
        those that it may know of."""
        raise NotImplementedError

    def columns(self, name: ObjectName) -> list[Column]:
        """The columns of a table or view as they really are in the data, with the types as declared."""
        raise NotImplementedError

    def row_count(self, name: ObjectName) -> int:
        """How many rows a table has."""
        raise NotImplementedError

    def effective(self, kind: str, name: ObjectName) -> dict[str, Any]:
        """An object's properties with Snowflake's defaults filled in, parameters inherited from its containers."""
        raise NotImplementedError

    def parameters(self, kind: str, name: ObjectName | None = None) -> dict[str, ParameterValue]:
        """SHOW PARAMETERS IN an object (kind ACCOUNT: of the account), by key."""
        raise NotImplementedError

    # --- grants

    def grant_privileges(
        self,
        session: Session,
        privileges: Sequence[str] | Literal["ALL"],
        target: GrantTarget,
        grantee: Grantee,
        *,
        with_grant_option: bool = False,
    ) -> None:
        """GRANT privileges ON target TO a role or database role. Granting again changes nothing."""
        raise NotImplementedError

    def revoke_privileges(
        self,
        session: Session,
        privileges: Sequence[str] | Literal["ALL"],
        target: GrantTarget,
        grantee: Grantee,
        *,
        grant_option_only: bool = False,
        cascade: bool = False,
    ) -> None:
        """REVOKE privileges ON target FROM a role or database role. What is not granted is passed over, as Snowflake does."""
        raise NotImplementedError

    def grant_role(self, session: Session, role: Grantee, to: Grantee) -> None:
        """GRANT [DATABASE] ROLE to a role, database role or user; a cycle is refused."""
        raise NotImplementedError

    def revoke_role(self, session: Session, role: Grantee, from_: Grantee) -> None:
        """REVOKE [DATABASE] ROLE."""
        raise NotImplementedError

    def grant_ownership(
        self,
        session: Session,
        target: GrantTarget,
        grantee: Grantee,
        *,
        current_grants: Literal["COPY", "REVOKE"] | None = None,
    ) -> None:
        """GRANT OWNERSHIP. With other grants on the object and no word on them it is refused (003036)."""
        raise NotImplementedError

    def grants_on(self, kind: str, name: ObjectName | None = None) -> list[Grant]:
        """SHOW GRANTS ON an object (kind ACCOUNT: the account)."""
        raise NotImplementedError

    def grants_to(self, grantee: Grantee) -> list[Grant]:
        """The privileges in SHOW GRANTS TO a role or database role, ownership included, future grants not."""
        raise NotImplementedError

    def roles_granted_to(self, grantee: Grantee) -> list[RoleGrant]:
        """The roles in SHOW GRANTS TO a role, database role or user."""
        raise NotImplementedError

    def grants_of(self, role: Grantee) -> list[RoleGrant]:
        """SHOW GRANTS OF a role: to whom it is granted."""
        raise NotImplementedError

    def future_grants(self, container: ObjectName) -> list[Grant]:
        """SHOW FUTURE GRANTS IN a database or schema."""
        raise NotImplementedError

    def future_grants_to(self, grantee: Grantee) -> list[Grant]:
        """SHOW FUTURE GRANTS TO a role."""
        raise NotImplementedError

    # --- rights

    def holds(self, session: Session, privilege: str, kind: str, name: ObjectName | None = None) -> bool:
        """Whether the session's roles may use this privilege on the object (kind ACCOUNT: on the account), the
        way through its database and schema included. OWNERSHIP asks for ownership itself."""
        raise NotImplementedError

    def require(self, session: Session, privilege: str, kind: str, name: ObjectName | None = None) -> None:
        """Refuse what `holds` denies: 002003 where the object may not even be seen, else 003001."""
        raise NotImplementedError

    def effective_roles(self, session: Session) -> set[Grantee]:
        """Every role that the session acts with: current, secondary, PUBLIC, and all that these inherit."""
        raise NotImplementedError

    def role_paths(self, grantee: Grantee) -> dict[Grantee, tuple[Grantee, ...]]:
        """Every role that a role or user reaches, each with one shortest path to it (both ends included)."""
        raise NotImplementedError

    # --- tags and policies

    def attach_policy(
        self,
        session: Session,
        policy_kind: str,
        policy: ObjectName,
        kind: str,
        name: ObjectName,
        *,
        column: str | None = None,
        arguments: Sequence[str] = (),
        force: bool = False,
    ) -> None:
        """Attach a policy to a column, table, view, tag, user or the account. A second one in its place is refused
        unless `force`."""
        raise NotImplementedError

    def detach_policy(
        self,
        session: Session,
        policy_kind: str,
        kind: str,
        name: ObjectName,
        *,
        column: str | None = None,
        policy: ObjectName | None = None,
    ) -> None:
        """Take a policy off. `policy` is only needed where several of the kind can be attached (masking on a tag)."""
        raise NotImplementedError

    def policy_references(
        self,
        *,
        policy: tuple[str, ObjectName] | None = None,
        target: tuple[str, ObjectName] | None = None,
    ) -> list[PolicyReference]:
        """Where a policy (kind, name) is attached, or what is attached to an object (kind, name)."""
        raise NotImplementedError

    def set_tag(
        self, session: Session, tag: ObjectName, value: str, kind: str, name: ObjectName, *, column: str | None = None
    ) -> None:
        """Put a tag on an object or column. A value outside the tag's ALLOWED_VALUES is refused."""
        raise NotImplementedError

    def unset_tag(
        self, session: Session, tag: ObjectName, kind: str, name: ObjectName, *, column: str | None = None
    ) -> None:
        """Take a tag off."""
        raise NotImplementedError

    def tag_references(
        self, *, tag: ObjectName | None = None, target: tuple[str, ObjectName] | None = None
    ) -> list[TagReference]:
        """Where a tag is set, or which tags an object (kind, name) and its columns have (inherited ones not)."""
        raise NotImplementedError

    # --- data

    def duck(self) -> FakeSnow:
        """The fakesnow instance that holds the data. Connect with a database that exists; it makes none itself."""
        raise NotImplementedError

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A new DuckDB cursor, with its own transaction and current schema."""
        raise NotImplementedError
