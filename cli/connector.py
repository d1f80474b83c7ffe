"""Snowflake's official connector, opened as one of this deployment's users with a key pair."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection
    from snowflake.connector.cursor import SnowflakeCursor

NOT_AUTHORIZED = 2003
"""Snowflake's number for "does not exist or not authorized"."""
INSUFFICIENT_PRIVILEGES = 3001
"""Snowflake's number for an object that the role may see but not use so."""


@dataclass(frozen=True, slots=True)
class SnowflakeAddress:
    """Where an account listens: by its names at Snowflake, or at `host` and `port` for an embedded one."""

    organization: str
    account: str
    host: str | None = None
    port: int | None = None

    @property
    def embedded(self) -> bool:
        return self.host is not None

    def arguments(self) -> dict[str, Any]:
        arguments: dict[str, Any] = {"account": f"{self.organization}-{self.account}"}
        if self.embedded:
            arguments |= {"host": self.host, "port": self.port, "protocol": "http"}
        return arguments


def private_key(pem: str) -> RSAPrivateKey:
    """A key pair's private half from PEM. Raises ValueError, without the key, when it is none.

    It is read once: each log-in that is given bytes instead spends 50 ms on checking them anew.
    """
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError):
        raise ValueError("not an unencrypted private key in PEM") from None
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("not an RSA key, which is what Snowflake's key pairs are")
    return key


def connect(
    address: SnowflakeAddress,
    user: str,
    key: RSAPrivateKey,
    *,
    role: str | None = None,
    warehouse: str | None = None,
    database: str | None = None,
    schema: str | None = None,
    paramstyle: str | None = None,
) -> SnowflakeConnection:
    """Log in by key pair, with no secondary role: what is answered is what `role` alone may do.

    `paramstyle` is how statements write their bind variables: `pyformat` (`%s`), or `qmark`, with which arrays of
    rows are bound.

    Raises the connector's own `snowflake.connector.Error`.
    """
    # The connector asks cloud metadata addresses what machine this is, unless told not to.
    os.environ.setdefault("SNOWFLAKE_DISABLE_PLATFORM_DETECTION", "true")
    import snowflake.connector

    connection = snowflake.connector.connect(
        **address.arguments(),
        user=user,
        authenticator="SNOWFLAKE_JWT",
        private_key=key,
        role=role,
        warehouse=warehouse,
        database=database,
        schema=schema,
        application="NexusChat",
        login_timeout=30,
        # Without a limit the connector asks for ever where nothing listens any more.
        network_timeout=120,
        session_parameters={"CLIENT_TELEMETRY_ENABLED": False},
        enable_connection_diag=False,
        paramstyle=paramstyle,
    )
    if role is not None:
        with connection.cursor() as cursor:
            cursor.execute("USE SECONDARY ROLES NONE")
    return connection


def rows(cursor: SnowflakeCursor, statement: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
    """Run one statement and give its rows by lower-case column name, as SHOW spells them."""
    cursor.execute(statement, parameters or None)
    names = [column.name.lower() for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def rows_if_there(cursor: SnowflakeCursor, statement: str) -> list[dict[str, Any]]:
    """The same; none where what it asks of is not there, or not for this role."""
    from snowflake.connector import Error

    try:
        return rows(cursor, statement)
    except Error as error:
        if error.errno == NOT_AUTHORIZED:
            return []
        raise


def one_line(error: Exception) -> str:
    """Snowflake's error in one line: number, SQL state and message, without the query's id."""
    number, state = getattr(error, "errno", None), getattr(error, "sqlstate", None)
    message = " ".join(str(getattr(error, "raw_msg", None) or getattr(error, "msg", None) or error).split())
    if number is None or number < 0:
        return message
    return message if message.startswith(f"{number:06d}") else f"{number:06d} ({state}): {message}"
