"""The account: its opening and closing, who speaks to it, and all of its operations."""

from __future__ import annotations

import hashlib
import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import duckdb
from fakesnow.instance import FakeSnow

from emulator.snowflake.account import application
from emulator.snowflake.account.admission import AdmissionOperations
from emulator.snowflake.account.attachments import AttachmentOperations
from emulator.snowflake.account.catalogue import ACCOUNT, Change, Entry, GrantRow, RoleGrantRow, now
from emulator.snowflake.account.core import AccountCore, locked
from emulator.snowflake.account.errors import SnowflakeError
from emulator.snowflake.account.grants import GrantOperations
from emulator.snowflake.account.history import moment
from emulator.snowflake.account.keys import fingerprint, public_key_body
from emulator.snowflake.account.kinds import ACCOUNT_PRIVILEGES
from emulator.snowflake.account.model import SnowflakeObject
from emulator.snowflake.account.names import ObjectName
from emulator.snowflake.account.parameters import PARAMETERS
from emulator.snowflake.account.session import Session
from emulator.snowflake.account.time_travel import TimeTravelOperations
from emulator.snowflake.account.usage_views import VIEWS
from emulator.snowflake.account.warehouses import WarehouseOperations

Edition = Literal["STANDARD", "ENTERPRISE", "BUSINESS_CRITICAL"]

_log = logging.getLogger(__name__)

# Who inherits whom, and what the system gave each on the account (with the right to grant it on).
_SYSTEM_ROLES: Final[Mapping[str, tuple[str, ...]]] = {
    "ACCOUNTADMIN": ("SYSADMIN", "SECURITYADMIN"),
    "SECURITYADMIN": ("USERADMIN",),
    "USERADMIN": (),
    "SYSADMIN": (),
    "PUBLIC": (),
}
_OF_LATER: Final = ("USE AI FUNCTIONS",)
"""Account privileges that came when there were accounts already."""
_SYSTEM_PRIVILEGES: Final[Mapping[str, tuple[str, ...]]] = {
    "ACCOUNTADMIN": tuple(privilege for privilege in ACCOUNT_PRIVILEGES if privilege not in _OF_LATER),
    "SECURITYADMIN": ("MANAGE GRANTS", "CREATE NETWORK POLICY"),
    "USERADMIN": ("CREATE USER", "CREATE ROLE"),
    "SYSADMIN": ("CREATE DATABASE", "CREATE WAREHOUSE"),
}
_SYSTEM_SCHEMAS: Final = ("ACCOUNT_USAGE", "CORE", "CORTEX")
_SYSTEM_DATABASE_ROLES: Final = (
    "CORTEX_USER",
    "GOVERNANCE_VIEWER",
    "OBJECT_VIEWER",
    "SECURITY_VIEWER",
    "USAGE_VIEWER",
)
_ADMINISTRATIVE_ROLES: Final = ("ACCOUNTADMIN", "SECURITYADMIN", "USERADMIN", "SYSADMIN")


class Account(
    TimeTravelOperations, GrantOperations, AttachmentOperations, AdmissionOperations, WarehouseOperations, AccountCore
):
    """One Snowflake account on a directory. Safe against a kill at any moment; one object per process.

    Everything is done under `lock` (re-entrant): the methods take it themselves, a caller that strings
    several together holds it around them. Every refusal is a `SnowflakeError`.
    """

    def __init__(
        self,
        directory: Path,
        *,
        organization: str = "VIDEXA",
        name: str = "EMBEDDED",
        region: str = "AZURE_EASTUS2",
        edition: Edition = "BUSINESS_CRITICAL",
    ) -> None:
        """Open the account in `directory` (made if missing), finishing or undoing what a kill interrupted.

        `edition` sets the limits (Time Travel of 1 day in STANDARD, of 90 above).
        """
        super().__init__(directory)
        self.organization = organization
        self.name = name
        self.region = region
        self.edition = edition
        digest = hashlib.sha256(f"{organization}.{name}".encode()).digest()
        self.locator = "NX" + str(int.from_bytes(digest[:4], "big") % 90000 + 10000)
        self._recover()
        if ACCOUNT not in self._catalogue.entries:
            self._make_system()
        self._make_privileges_of_later()
        self._make_usage_views()
        self._make_application_roles()
        self._reconcile()
        self.discard_expired()
        self._catalogue.taken_back = self._note_revoked

    @locked
    def close(self) -> None:
        """Close both stores. All is on disk already."""
        self._catalogue.taken_back = None
        self.history.close()
        self._data.close()
        self._catalogue.close()

    # --- opening

    def _recover(self) -> None:
        """Settle what a kill left between the two stores, then read the catalogue and attach the data."""
        for intent, database, operations in self._catalogue.pending():
            done = self._data.mark_of(database) == intent
            self._catalogue.settle(intent, operations if done else ())
        self._catalogue.read()
        databases = self._catalogue.by_kind["DATABASE"]
        self._begin_retention()
        self._data.remove_strays({*databases, *self._catalogue.dropped})
        for entry in databases.values():
            self._attach(entry)
        for entry in self._catalogue.by_kind["FUNCTION"].values():
            self._register_again(entry)
        self._lengths_to_tell.update(self._catalogue.by_kind["TABLE"])

    def _reconcile(self) -> None:
        """Let the catalogue know of exactly the schemas, tables and views that are in the data."""
        found = self._data.contents()
        change = Change()
        gone: set[int] = set()
        for kind, seen in (("SCHEMA", "SCHEMA"), ("TABLE", "TABLE"), ("VIEW", "VIEW"), ("DYNAMIC TABLE", "VIEW")):
            for entry in self._catalogue.by_kind[kind].values():
                if entry.name.parts in found[seen] or entry.identifier in gone:
                    continue
                _log.warning("%s %s is gone from the data", kind.lower(), entry.name)
                gone.update((entry.identifier, *(child.identifier for child in entry.descendants())))
                self._remove(change, entry)
        self._catalogue.commit(change)
        for kind in ("VIEW", "TABLE", "SCHEMA"):
            for parts in found[kind]:
                name = ObjectName(parts)
                known = self._entry(kind, name) or (self._entry("DYNAMIC TABLE", name) if kind == "VIEW" else None)
                if known is None and not self._is_kept(kind, parts):
                    _log.warning("%s %s is not in the catalogue: removed from the data", kind.lower(), name)
                    self._data.remove_stray(kind, name)

    def _make_system(self) -> None:
        """What every account has before anyone made anything."""
        change = Change()
        identifiers: dict[str, int] = {}

        def add(kind: str, name: str, parent: int | None = None) -> int:
            identifier = self._catalogue.next_identifier()
            change.put("objects", _system_row(identifier, kind, parent, name))
            return identifier

        def give(privilege: str, target: int, grantee: int, *, grant_option: bool = False) -> None:
            change.put_grant(GrantRow(target, privilege, grantee, grant_option, None, now()))

        def inherit(role: int, grantee: int) -> None:
            change.put(
                "role_grants",
                {"role": role, "grantee": grantee, "granted_by": None, "created_on": now().isoformat()},
            )

        assert add("ACCOUNT", self.name) == ACCOUNT
        for role in _SYSTEM_ROLES:
            identifiers[role] = add("ROLE", role)
        for role, inherited in _SYSTEM_ROLES.items():
            for other in inherited:
                inherit(identifiers[other], identifiers[role])
            for privilege in _SYSTEM_PRIVILEGES.get(role, ()):
                give(privilege, ACCOUNT, identifiers[role], grant_option=True)
        database = add("DATABASE", "SNOWFLAKE")
        schemas = {schema: add("SCHEMA", schema, database) for schema in _SYSTEM_SCHEMAS}
        for role in _SYSTEM_DATABASE_ROLES:
            identifiers[role] = add("DATABASE ROLE", role, database)
            give("USAGE", database, identifiers[role])
        for role in _SYSTEM_DATABASE_ROLES:
            give("USAGE", schemas["CORTEX" if role == "CORTEX_USER" else "ACCOUNT_USAGE"], identifiers[role])
        inherit(identifiers["CORTEX_USER"], identifiers["PUBLIC"])
        give("IMPORTED PRIVILEGES", database, identifiers["ACCOUNTADMIN"], grant_option=True)
        self._data.create_database(database, "SNOWFLAKE", _SYSTEM_SCHEMAS)
        self._catalogue.commit(change)

    def _make_privileges_of_later(self) -> None:
        """Give what Snowflake brought to accounts that were there: ACCOUNTADMIN has it, and PUBLIC too.

        Source: docs.snowflake.com, "Privileges and model access for Cortex AI Functions".
        """
        administrator, public = (self._catalogue.lookup(None, "ROLE", role) for role in ("ACCOUNTADMIN", "PUBLIC"))
        assert administrator is not None
        assert public is not None
        held = self._catalogue.grants_on.get(ACCOUNT, {})
        change = Change()
        for privilege in _OF_LATER:
            if (privilege, administrator.identifier) not in held:
                change.put_grant(GrantRow(ACCOUNT, privilege, administrator.identifier, True, None, now()))
                change.put_grant(GrantRow(ACCOUNT, privilege, public.identifier, False, None, now()))
        if change.operations:
            self._catalogue.commit(change)

    def _make_usage_views(self) -> None:
        """Make those views of SNOWFLAKE that are not there yet. In the data they only have their columns: their rows
        come from what the account saw."""
        database = self._catalogue.lookup(None, "DATABASE", "SNOWFLAKE")
        assert database is not None
        change = Change()
        statements: list[str] = []
        made: dict[str, int] = {}
        for (schema, name), view in VIEWS.items():
            holder = self._catalogue.lookup(database, "SCHEMA", schema)
            if holder is None and schema not in made:
                made[schema] = self._catalogue.next_identifier()
                change.put("objects", _system_row(made[schema], "SCHEMA", database.identifier, schema))
                statements.append(self._data.create_schema_sql(ObjectName(("SNOWFLAKE", schema))))
            parent = made[schema] if holder is None else holder.identifier
            if holder is not None and self._catalogue.lookup(holder, "VIEW", name) is not None:
                continue
            identifier = self._catalogue.next_identifier()
            change.put("objects", _system_row(identifier, "VIEW", parent, name, '{"SECURE": true}'))
            if view.role:
                role = self._catalogue.lookup(database, "DATABASE ROLE", view.role)
                assert role is not None
                change.put_grant(GrantRow(identifier, "SELECT", role.identifier, False, None, now()))
            statements.append(self._data.create_empty_view_sql(ObjectName(("SNOWFLAKE", schema, name)), view.columns))
        if statements:
            self._carry_out(change, database, statements)

    def _make_application_roles(self) -> None:
        """Make those roles of the application SNOWFLAKE that are not there yet. A new account lets everybody use every
        model: its PUBLIC holds the application's PUBLIC, which holds the role of all models."""
        database = self._catalogue.lookup(None, "DATABASE", application.APPLICATION)
        assert database is not None
        change = Change()
        made: dict[str, int] = {}
        for name in application.ROLES:
            if self._catalogue.lookup(database, "APPLICATION ROLE", name) is None:
                made[name] = self._catalogue.next_identifier()
                change.put("objects", _system_row(made[name], "APPLICATION ROLE", database.identifier, name))
        for name, holder in (
            (application.PUBLIC, "PUBLIC"),
            (application.PUBLIC_GRANT_ADMINISTRATOR, "ACCOUNTADMIN"),
            (application.EVERY_MODEL, ""),
        ):
            if name in made:
                role = self._rights.role(holder)
                change.put(
                    "role_grants",
                    {
                        "role": made[name],
                        "grantee": made[application.PUBLIC] if role is None else role.identifier,
                        "granted_by": None,
                        "created_on": now().isoformat(),
                    },
                )
        if change.operations:
            self._catalogue.commit(change)

    def _note_revoked(self, row: GrantRow | RoleGrantRow) -> None:
        """Keep a grant that was taken back, by the names that it had."""
        entries = self._catalogue.entries
        target = entries[row.role if isinstance(row, RoleGrantRow) else row.target]
        self.history.note(
            "REVOKED",
            created_on=row.created_on,
            deleted_on=moment(),
            privilege="USAGE" if isinstance(row, RoleGrantRow) else row.privilege,
            granted_on=target.kind,
            name=list(target.name.parts),
            grantee_kind=entries[row.grantee].kind,
            grantee=list(entries[row.grantee].name.parts),
            grant_option=not isinstance(row, RoleGrantRow) and row.grant_option,
            granted_by=self._role_name(row.granted_by),
        )

    @locked
    def initialise(self, *, deploy_public_key: str, deploy_user: str = "NEXUS_DEPLOY") -> None:
        """Make the service user that deploys, with this RSA public key (PEM or its bare base64) and the
        administrative roles; where the user is there already, only set its key if it is another."""
        body = public_key_body(deploy_public_key)
        name = ObjectName((deploy_user,))
        system = Session(self, "SNOWFLAKE", "ACCOUNTADMIN")
        user = self._entry("USER", name)
        if user is None:
            self.create(
                system,
                "USER",
                name,
                {
                    "TYPE": "SERVICE",
                    "RSA_PUBLIC_KEY": body,
                    "DEFAULT_ROLE": "SYSADMIN",
                    "DEFAULT_SECONDARY_ROLES": [],
                    "COMMENT": "Deploys the platform",
                },
            )
        elif user.properties.get("RSA_PUBLIC_KEY") != body:
            self.alter(system, "USER", name, set={"RSA_PUBLIC_KEY": body})
        user = self._entry("USER", name)
        assert user is not None
        change = Change()
        for role in _ADMINISTRATIVE_ROLES:
            entry = self._rights.role(role)
            assert entry is not None
            if user.identifier not in self._catalogue.holders_of.get(entry.identifier, {}):
                change.put(
                    "role_grants",
                    {
                        "role": entry.identifier,
                        "grantee": user.identifier,
                        "granted_by": None,
                        "created_on": now().isoformat(),
                    },
                )
        self._catalogue.commit(change)

    # --- who speaks

    @locked
    def authenticate(self, user: str, public_key_fingerprint: str) -> SnowflakeObject:
        """The user whose RSA_PUBLIC_KEY or RSA_PUBLIC_KEY_2 has this fingerprint (`SHA256:…`, as in the issuer of
        Snowflake's key-pair JWT). `user` is the name or log-in name, in any case. Refused as Snowflake does: 390144
        for a key that is not the user's (or no such user), 390101 for a disabled user."""
        wanted = user.upper()
        for entry in self._catalogue.by_kind["USER"].values():
            if entry.own_name.upper() == wanted or entry.properties.get("LOGIN_NAME") == wanted:
                keys = [entry.properties.get(key) for key in ("RSA_PUBLIC_KEY", "RSA_PUBLIC_KEY_2")]
                if any(key is not None and fingerprint(key) == public_key_fingerprint for key in keys):
                    self._refuse_disabled(entry)
                    return self._shown(entry)
        raise SnowflakeError(390144, "08001", "JWT token is invalid.")

    @staticmethod
    def _refuse_disabled(user: Entry) -> None:
        if user.properties.get("DISABLED"):
            raise SnowflakeError(390101, "08001", "User access disabled. Contact your local system administrator.")

    @locked
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
        """A session of a user whose identity is established; all names are stored names.

        What is None comes from the user (DEFAULT_ROLE else PUBLIC, DEFAULT_WAREHOUSE, DEFAULT_NAMESPACE,
        DEFAULT_SECONDARY_ROLES, which Snowflake takes as ALL where it was never set). A role that is not
        granted to the user is refused (390186, 390189); a warehouse, database or schema that the role may
        not use is left unset, as Snowflake does at log-in.
        """
        entry = self._rights.user(user)
        if entry is None:
            raise SnowflakeError(390100, "08001", "Incorrect username or password was specified.")
        self._refuse_disabled(entry)
        properties = entry.properties
        chosen = role
        if chosen is None:
            named = properties.get("DEFAULT_ROLE")
            chosen = "PUBLIC" if named is None else ObjectName.parse(named).name
        granted = self._rights.role(chosen)
        if granted is None or not self._may_assume(entry, granted):
            raise self._log_in_refusal(chosen, asked=role is not None, exists=granted is not None)
        if secondary_roles is None:
            secondary_roles = "ALL" if properties.get("DEFAULT_SECONDARY_ROLES", ["ALL"]) else "NONE"
        session = Session(self, user, chosen, secondary_roles)
        for key, value in (parameters or {}).items():
            self.set_session_parameter(session, key, value)
        if warehouse is None and "DEFAULT_WAREHOUSE" in properties:
            warehouse = ObjectName.parse(properties["DEFAULT_WAREHOUSE"]).name
        if database is None and "DEFAULT_NAMESPACE" in properties:
            namespace = ObjectName.parse(properties["DEFAULT_NAMESPACE"])
            database = namespace.parts[0]
            schema = schema or (namespace.parts[1] if len(namespace.parts) > 1 else None)
        roles = self._rights.effective(session)
        if warehouse is not None and self._usable(roles, "WAREHOUSE", ObjectName((warehouse,))):
            session.warehouse = warehouse
        if database is not None and self._usable(roles, "DATABASE", ObjectName((database,))):
            self._enter_database(session, roles, database)
            if schema is not None:
                usable = self._usable(roles, "SCHEMA", ObjectName((database, schema)))
                session.schema = schema if usable else None
        return session

    @locked
    def note_log_in(
        self,
        user: str,
        address: str | None,
        client: str,
        version: str,
        *,
        session: Session | None = None,
        error: SnowflakeError | None = None,
    ) -> None:
        """Note a log-in by key pair for LOGIN_HISTORY: with its session, or with what it was refused with."""
        number, at, factor = uuid.uuid4().int >> 80, moment(), "RSA_KEYPAIR"
        self.history.note(
            "LOG_IN",
            id=number,
            at=at,
            user=user,
            address=address,
            client=client,
            version=version,
            factor=factor,
            error_code=None if error is None else error.errno,
            error_message=None if error is None else error.message,
        )
        if session is not None:
            self.history.note(
                "SESSION",
                id=session.session_id,
                at=at,
                user=user,
                factor=factor,
                log_in=number,
                client=client,
                version=version,
            )

    def _may_assume(self, user: Entry, role: Entry) -> bool:
        return role.own_name == "PUBLIC" or role.identifier in self._catalogue.closure(user.identifier)

    @staticmethod
    def _log_in_refusal(role: str, *, asked: bool, exists: bool) -> SnowflakeError:
        if not asked:
            return SnowflakeError(
                390190,
                "08001",
                f"User's configured default role '{role}' is not granted to this user. Contact your local system "
                "administrator, or attempt to login using a CLI client with a connect string selecting another role, "
                "e.g. PUBLIC.",
            )
        if exists:
            return SnowflakeError(
                390186,
                "08001",
                f"Role '{role}' specified in the connect string is not granted to this user. Contact your local "
                "system administrator, or attempt to login with another role, e.g. PUBLIC.",
            )
        return SnowflakeError(
            390189,
            "08001",
            f"Role '{role}' specified in the connect string does not exist or not authorized. Contact your local "
            "system administrator, or attempt to login with another role, e.g. PUBLIC.",
        )

    def _usable(self, roles: frozenset[int], kind: str, name: ObjectName) -> bool:
        entry = self._entry(kind, name)
        return entry is not None and self._rights.holds(roles, "USAGE", entry)

    def _enter_database(self, session: Session, roles: frozenset[int], database: str) -> None:
        session.database = database
        public = self._usable(roles, "SCHEMA", ObjectName((database, "PUBLIC")))
        session.schema = "PUBLIC" if public else None

    @locked
    def use_role(self, session: Session, role: str) -> None:
        """USE ROLE: refused (003013) unless the user holds the role, directly or by inheritance."""
        entry, user = self._rights.role(role), self._rights.user(session.user)
        if entry is None:
            raise SnowflakeError.does_not_exist("ROLE", role)
        if user is None or not self._may_assume(user, entry):
            raise SnowflakeError.role_not_granted(role)
        session.role = role

    @locked
    def use_secondary_roles(self, session: Session, roles: Literal["ALL", "NONE"]) -> None:
        """USE SECONDARY ROLES."""
        session.secondary_roles = roles

    @locked
    def use_warehouse(self, session: Session, warehouse: str) -> None:
        """USE WAREHOUSE: needs USAGE (or OPERATE, MODIFY) on it."""
        entry = self._entry("WAREHOUSE", ObjectName((warehouse,)))
        roles = self._rights.effective(session)
        if entry is None or not any(self._rights.has(roles, held, entry) for held in ("USAGE", "OPERATE", "MODIFY")):
            raise SnowflakeError.does_not_exist("WAREHOUSE", warehouse)
        session.warehouse = warehouse

    @locked
    def use_database(self, session: Session, database: str) -> None:
        """USE DATABASE: its schema PUBLIC becomes current where the role may use it, else none."""
        roles = self._rights.effective(session)
        if not self._usable(roles, "DATABASE", ObjectName((database,))):
            raise SnowflakeError.does_not_exist("DATABASE", database)
        self._enter_database(session, roles, database)

    @locked
    def use_schema(self, session: Session, schema: ObjectName) -> None:
        """USE SCHEMA, by its two-part name."""
        if not self._usable(self._rights.effective(session), "SCHEMA", schema):
            raise self._missing(session, "SCHEMA", schema)
        session.database, session.schema = schema.parts

    @locked
    def set_session_parameter(self, session: Session, key: str, value: Any) -> None:
        """ALTER SESSION SET: checked as Snowflake checks it; None unsets."""
        parameter = PARAMETERS.get(key.upper())
        if parameter is None or "SESSION" not in parameter.levels:
            raise SnowflakeError.invalid_property(key.upper(), "SESSION")
        if value is None:
            session.parameters.pop(parameter.key, None)
        else:
            session.parameters[parameter.key] = parameter.normalise(value)

    @locked
    def session_parameter(self, session: Session, key: str) -> Any:
        """The value of a session parameter that holds: the session's, the user's, the account's, the default."""
        parameter = PARAMETERS.get(key.upper())
        if parameter is None:
            raise SnowflakeError.invalid_property(key.upper(), "SESSION")
        if parameter.key in session.parameters:
            return session.parameters[parameter.key]
        for holder in (self._rights.user(session.user), self._account):
            if holder is not None and parameter.key in holder.properties:
                return holder.properties[parameter.key]
        return parameter.default

    # --- data

    def duck(self) -> FakeSnow:
        """The fakesnow instance that holds the data. It makes no database or schema itself: those, tables, views and
        functions are made and dropped by the account's operations alone."""
        return self._data.fakesnow

    @locked
    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A new DuckDB cursor, with its own transaction and current schema."""
        return self._data.cursor()

    @locked
    def register_function(
        self, name: str, function: Callable[..., Any], parameters: Sequence[str], returns: str
    ) -> None:
        """Make a Python function callable in DuckDB, its types DuckDB's; it sees NULLs and runs for each row."""
        self._data.register_function(name, function, parameters, returns)

    @locked
    def refresh_information_schema(self) -> None:
        """Tell fakesnow's INFORMATION_SCHEMA what it keeps beside the data (lengths of text columns). Before a query
        on it; cheap where nothing changed."""
        waiting, self._lengths_to_tell = self._lengths_to_tell, set()
        tables = [self._catalogue.entries[identifier] for identifier in waiting]
        self._data.remember_lengths([(entry.name, entry.properties["COLUMNS"]) for entry in tables])


def _system_row(identifier: int, kind: str, parent: int | None, name: str, properties: str = "{}") -> dict[str, Any]:
    """The row of an object that comes with the account."""
    return {
        "identifier": identifier,
        "kind": kind,
        "parent": parent,
        "name": name,
        "arguments": None,
        "owner": None,
        "properties": properties,
        "comment": "",
        "created_on": now().isoformat(),
    }
