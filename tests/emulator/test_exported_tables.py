"""An organisation's tables as files: whatever is in them and however they are called, it is there when read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pyarrow.parquet
import pytest
from snowflake.connector.cursor import SnowflakeCursor

from cli.tenants.export import _write
from emulator.snowflake.account import Account
from tests.emulator.snowflake_provider import KeyPair
from tests.emulator.sql_server import serving

SCHEMA = '"HCS0001_DB"."NEXUSCHAT"'


@pytest.fixture(scope="module")
def cursor(tmp_path_factory: pytest.TempPathFactory, key_pair: KeyPair) -> Iterator[SnowflakeCursor]:
    account = Account(tmp_path_factory.mktemp("account"))
    account.initialise(deploy_public_key=key_pair.public)
    with serving(account, key_pair) as endpoint, endpoint.connect(role="SYSADMIN") as opened:
        found = opened.cursor()
        for statement in (
            "CREATE WAREHOUSE HCS0001_WH",
            "CREATE DATABASE HCS0001_DB",
            "CREATE SCHEMA HCS0001_DB.NEXUSCHAT",
        ):
            found.execute(statement)
        yield found
    account.close()


def test_a_time_that_never_comes(cursor: SnowflakeCursor, tmp_path: Path) -> None:
    """What means "never" lies beyond the nanoseconds that Parquet counts; what came long before does too."""
    cursor.execute(f"CREATE OR REPLACE TABLE {SCHEMA}.T (ID NUMBER, EXPIRES_AT TIMESTAMP_NTZ)")
    cursor.execute(
        f"INSERT INTO {SCHEMA}.T VALUES (1, '9999-12-31 23:59:59'), (2, '2026-01-02 03:04:05.678901'), "
        "(3, '0001-01-01 00:00:00'), (4, NULL)"
    )
    found = _write(cursor, SCHEMA, "T", tmp_path)
    assert found["rows"] == 4
    assert pyarrow.parquet.read_table(tmp_path / "T.parquet")["EXPIRES_AT"].to_pylist() == [
        datetime(9999, 12, 31, 23, 59, 59),
        datetime(2026, 1, 2, 3, 4, 5, 678_901),
        datetime(1, 1, 1),
        None,
    ]


@pytest.mark.parametrize(
    ("table", "file"),
    [
        ("ONE_COLUMN", "ONE_COLUMN.parquet"),
        ("../../evil é", "%2E%2E%2F%2E%2E%2F%65%76%69%6C%20%C3%A9.parquet"),
        ("one_column_too", "%6F%6E%65_%63%6F%6C%75%6D%6E_%74%6F%6F.parquet"),
    ],
)
def test_a_table_that_somebody_made_beside(cursor: SnowflakeCursor, tmp_path: Path, table: str, file: str) -> None:
    cursor.execute(f'CREATE TABLE {SCHEMA}."{table}" (A NUMBER)')
    cursor.execute(f'INSERT INTO {SCHEMA}."{table}" VALUES (7)')
    assert _write(cursor, SCHEMA, table, tmp_path)["file"] == file
    assert [path.name for path in tmp_path.iterdir()] == [file]
    assert pyarrow.parquet.read_table(tmp_path / file)["A"].to_pylist() == [7]
