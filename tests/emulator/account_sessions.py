"""What tests of the Snowflake account share: names, sessions of the administrative roles, and expected refusals."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from emulator.snowflake.account import Account, Column, Grantee, ObjectName, Session, SnowflakeError

COLUMNS = [
    Column("TENANT_ID", "VARCHAR(16)", nullable=False),
    Column("TITLE", "VARCHAR"),
    Column("RAW", "VARIANT"),
    Column("CREATED_AT", "TIMESTAMP_NTZ", default="CURRENT_TIMESTAMP()"),
]


def name(text: str) -> ObjectName:
    return ObjectName.parse(text)


@dataclass
class Administrators:
    """Sessions of the deploy user in each administrative role."""

    account: Account
    sysadmin: Session = field(init=False)
    useradmin: Session = field(init=False)
    securityadmin: Session = field(init=False)
    accountadmin: Session = field(init=False)

    def __post_init__(self) -> None:
        for role in ("SYSADMIN", "USERADMIN", "SECURITYADMIN", "ACCOUNTADMIN"):
            setattr(self, role.lower(), self.account.session("NEXUS_DEPLOY", role))

    def make_role(self, role: str, *, under: str | None = None) -> Session:
        """A new account role, and a session of a new user that holds it alone."""
        user = f"{role}_USER"
        self.account.create(self.useradmin, "ROLE", name(role))
        self.account.create(
            self.useradmin, "USER", name(user), {"TYPE": "SERVICE", "DEFAULT_ROLE": role, "DEFAULT_SECONDARY_ROLES": []}
        )
        self.account.grant_role(self.securityadmin, Grantee.role(role), Grantee.user(user))
        if under is not None:
            self.account.grant_role(self.securityadmin, Grantee.role(role), Grantee.role(under))
        return self.account.session(user, role)

    def make_table(self, text: str = "DB.S.T", *, managed: bool = False) -> ObjectName:
        """A table of SYSADMIN's, with the database and schema that it needs."""
        table = name(text)
        database, schema = name(table.database), ObjectName(table.parts[:2])
        if self.account.find("DATABASE", database) is None:
            self.account.create(self.sysadmin, "DATABASE", database)
        if self.account.find("SCHEMA", schema) is None:
            self.account.create(self.sysadmin, "SCHEMA", schema, {"MANAGED_ACCESS": managed})
        self.account.create(self.sysadmin, "TABLE", table, {"COLUMNS": COLUMNS})
        return table


@contextmanager
def refused(errno: int, words: str = "", sqlstate: str = "") -> Iterator[pytest.ExceptionInfo[SnowflakeError]]:
    """Expect Snowflake's refusal with this number, and these words in its message."""
    with pytest.raises(SnowflakeError) as caught:
        yield caught
    assert caught.value.errno == errno, str(caught.value)
    assert words in str(caught.value)
    assert not sqlstate or caught.value.sqlstate == sqlstate
    assert str(caught.value).startswith(f"{errno:06d} (")


def rows(account: Account, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    """Run a statement straight on the data."""
    with account.cursor() as cursor:
        return cursor.execute(statement, list(values)).fetchall()
