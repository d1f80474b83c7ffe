"""What the account's operations take and give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from emulator.snowflake.account.names import ObjectName

GranteeKind = Literal["ROLE", "DATABASE_ROLE", "APPLICATION_ROLE", "USER", "SHARE"]


@dataclass(frozen=True, slots=True, order=True)
class Grantee:
    """Who holds a privilege or a role."""

    kind: GranteeKind
    name: ObjectName

    @classmethod
    def role(cls, name: str) -> Grantee:
        """An account role, by its stored name."""
        return cls("ROLE", ObjectName((name,)))

    @classmethod
    def database_role(cls, database: str, name: str) -> Grantee:
        """A database role, by its stored names."""
        return cls("DATABASE_ROLE", ObjectName((database, name)))

    @classmethod
    def application_role(cls, application: str, name: str) -> Grantee:
        """An application's role, by its stored names."""
        return cls("APPLICATION_ROLE", ObjectName((application, name)))

    @classmethod
    def user(cls, name: str) -> Grantee:
        """A user, by its stored name."""
        return cls("USER", ObjectName((name,)))

    @property
    def object_kind(self) -> str:
        """The kind under which it is found in the catalogue."""
        return self.kind.replace("_", " ")


@dataclass(frozen=True, slots=True)
class GrantTarget:
    """What a grant is on: the account, one object, or all or future objects of a kind in a database or schema.

    `kind` is singular (`TABLE`) in every scope. Use the constructors.
    """

    scope: Literal["ACCOUNT", "OBJECT", "ALL", "FUTURE"]
    kind: str = "ACCOUNT"
    name: ObjectName | None = None
    container_kind: Literal["DATABASE", "SCHEMA"] | None = None
    container: ObjectName | None = None

    @classmethod
    def account(cls) -> GrantTarget:
        """ON ACCOUNT."""
        return cls("ACCOUNT")

    @classmethod
    def on(cls, kind: str, name: ObjectName) -> GrantTarget:
        """ON one object."""
        return cls("OBJECT", singular(kind), name)

    @classmethod
    def all(cls, kind: str, container: ObjectName) -> GrantTarget:
        """ON ALL `kind` (`TABLES` or `TABLE`) IN the database or schema."""
        return cls("ALL", singular(kind), None, _container_kind(container), container)

    @classmethod
    def future(cls, kind: str, container: ObjectName) -> GrantTarget:
        """ON FUTURE `kind` (`TABLES` or `TABLE`) IN the database or schema."""
        return cls("FUTURE", singular(kind), None, _container_kind(container), container)


def _container_kind(container: ObjectName) -> Literal["DATABASE", "SCHEMA"]:
    return "DATABASE" if len(container.parts) == 1 else "SCHEMA"


def singular(kind: str) -> str:
    """`TABLES` → `TABLE`, `POLICIES` → `POLICY`, `ALERT` → `ALERT`; underscores become spaces."""
    word = " ".join(kind.upper().replace("_", " ").split())
    if word.endswith("IES"):
        return word[:-3] + "Y"
    if word.endswith("S") and not word.endswith("SS"):
        return word[:-1]
    return word


@dataclass(frozen=True, slots=True)
class Grant:
    """One privilege on one object (or, in a future grant, on objects yet to come) held by one grantee.

    A future grant has `future=True` and `name` is the database or schema. `granted_by` is the role that
    granted it, empty for what the system granted. OWNERSHIP shows among the grants with it.
    """

    created_on: datetime
    privilege: str
    kind: str
    name: ObjectName
    grantee: Grantee
    grant_option: bool
    granted_by: str
    future: bool = False


@dataclass(frozen=True, slots=True)
class RoleGrant:
    """A role (account or database role) that is granted to another role or to a user."""

    created_on: datetime
    role: Grantee
    grantee: Grantee
    granted_by: str


@dataclass(slots=True)
class SnowflakeObject:
    """One object as the catalogue has it. A copy: changing it changes nothing.

    `properties` has the explicitly set ones, under Snowflake's SQL names in upper case; what was never
    set is absent, and `Account.effective` or `Account.parameters` give what then holds. `comment` is
    empty where there is none.
    """

    kind: str
    name: ObjectName
    owner: Grantee | None
    properties: dict[str, Any]
    created_on: datetime
    comment: str = ""
    identifier: int = 0


@dataclass(frozen=True, slots=True)
class Column:
    """A column, in Snowflake's words.

    `type` is the declared type (`VARCHAR(16)`, `NUMBER(38,0)`, `VARIANT`), `default` an SQL expression
    or None, `position` counts from 1 (0 where it is not known yet).
    """

    name: str
    type: str
    nullable: bool = True
    default: str | None = None
    comment: str = ""
    position: int = 0
    identity: tuple[int, int] | None = None
    collation: str | None = None


@dataclass(frozen=True, slots=True)
class TableChange:
    """One change to a table's columns. Use the constructors."""

    action: Literal["ADD", "DROP", "RENAME", "TYPE", "NULLABLE", "DEFAULT", "COMMENT"]
    column: str
    definition: Column | None = None
    value: Any = None

    @classmethod
    def add(cls, column: Column) -> TableChange:
        """ADD COLUMN. On a table with rows a NOT NULL column needs a default, which must be a constant."""
        return cls("ADD", column.name, column)

    @classmethod
    def drop(cls, column: str) -> TableChange:
        """DROP COLUMN: its data is lost."""
        return cls("DROP", column)

    @classmethod
    def rename(cls, column: str, to: str) -> TableChange:
        """RENAME COLUMN."""
        return cls("RENAME", column, value=to)

    @classmethod
    def set_type(cls, column: str, type_: str) -> TableChange:
        """ALTER COLUMN SET DATA TYPE: only the changes that Snowflake allows (wider, never another family)."""
        return cls("TYPE", column, value=type_)

    @classmethod
    def set_nullable(cls, column: str, nullable: bool) -> TableChange:
        """ALTER COLUMN DROP NOT NULL (True) or SET NOT NULL (False)."""
        return cls("NULLABLE", column, value=nullable)

    @classmethod
    def drop_default(cls, column: str) -> TableChange:
        """ALTER COLUMN DROP DEFAULT. Snowflake cannot set another default on an existing column."""
        return cls("DEFAULT", column, value=None)

    @classmethod
    def set_comment(cls, column: str, comment: str) -> TableChange:
        """COMMENT on the column; empty removes it."""
        return cls("COMMENT", column, value=comment)


@dataclass(frozen=True, slots=True)
class PolicyReference:
    """A policy attached to something: a masking policy to a column or tag, a row access policy to a table or
    view, a network, password, session or authentication policy to a user or the account.

    `arguments` are the columns handed to the policy, in its order.
    """

    policy_kind: str
    policy: ObjectName
    kind: str
    name: ObjectName
    column: str | None = None
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mask:
    """The masking policy that stands before one column.

    `arguments` are the columns handed to it, the masked one first; `tags` are the values of the tags on the column,
    its own and those that it has from its table, schema and database.
    """

    policy: SnowflakeObject
    arguments: tuple[str, ...]
    tags: Mapping[ObjectName, str]


@dataclass(frozen=True, slots=True)
class Protection:
    """What stands between a table or view and whoever reads it: its columns, the masks by column, and the row access
    policy with the columns handed to it."""

    columns: tuple[Column, ...]
    masks: Mapping[str, Mask]
    rows: tuple[SnowflakeObject, tuple[str, ...]] | None = None


@dataclass(frozen=True, slots=True)
class TagReference:
    """A tag's value on an object, or on one column of it."""

    tag: ObjectName
    value: str
    kind: str
    name: ObjectName
    column: str | None = None


@dataclass(frozen=True, slots=True)
class ParameterValue:
    """What SHOW PARAMETERS says: the value that holds, Snowflake's default, and where it was set.

    `level` is empty where the default holds, else the kind of the object that sets it (ACCOUNT, DATABASE, …).
    """

    key: str
    value: Any
    default: Any
    level: str = ""
    description: str = field(default="", compare=False)
