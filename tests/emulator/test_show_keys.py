"""SHOW UNIQUE KEYS tells the constraints that a table notes, to who may see the table."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emulator.snowflake.account import Account
from emulator.snowflake.sql import Connection
from tests.emulator.sql_server import connection, refusal, run


@pytest.fixture
def admin(account: Account) -> Iterator[Connection]:
    with connection(account, "SYSADMIN") as opened:
        yield opened


def test_unique_keys_of_a_table(admin: Connection, account: Account) -> None:
    run(
        admin,
        """
        CREATE DATABASE D
        CREATE TABLE D.PUBLIC.T (A VARCHAR, B VARCHAR, C VARCHAR PRIMARY KEY)
        ALTER TABLE D.PUBLIC.T ADD CONSTRAINT TOGETHER UNIQUE (B, A)
        """,
    )
    result = admin.execute("SHOW UNIQUE KEYS IN TABLE D.PUBLIC.T")
    names = [column.name for column in result.columns]
    rows = [dict(zip(names, row, strict=True)) for row in result.rows]
    assert [(row["constraint_name"], row["column_name"], row["key_sequence"]) for row in rows] == [
        ("TOGETHER", "B", 1),
        ("TOGETHER", "A", 2),
    ]
    with connection(account, "USERADMIN") as stranger:
        assert refusal(stranger, "SHOW UNIQUE KEYS IN TABLE D.PUBLIC.T").errno == 2003
    assert "SHOW UNIQUE KEYS without IN TABLE" in str(refusal(admin, "SHOW UNIQUE KEYS IN ACCOUNT"))
