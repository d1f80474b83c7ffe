"""An embedded Snowflake with two organisations as the platform declares them, served over the wire."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.serialization import load_pem_private_key

from cli.connector import SnowflakeAddress
from cli.migrate.target import Address, connecting
from components.snowflake.tables import NEXUSCHAT_TABLES
from emulator.snowflake.account import Account
from tests.emulator.account_roles import Roles
from tests.emulator.snowflake_provider import KeyPair
from tests.emulator.sql_server import Endpoint, serving

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

TENANTS = ("HCS0001", "HCS0002")
SERVICE_USER = "AGENTNEXUS_SVC"


def _script(keys: KeyPair) -> Iterator[str]:
    body = "".join(line for line in keys.public.splitlines() if "KEY" not in line)
    yield f"CREATE USER {SERVICE_USER} TYPE = SERVICE RSA_PUBLIC_KEY = '{body}'"
    for tenant in TENANTS:
        schema = f"{tenant}_DB.NEXUSCHAT"
        yield f"CREATE WAREHOUSE {tenant}_WH"
        yield f"CREATE DATABASE {tenant}_DB"
        yield f"CREATE SCHEMA {schema} WITH MANAGED ACCESS"
        yield f"CREATE ROLE {tenant}_APP"
        yield f"GRANT ROLE {tenant}_APP TO USER {SERVICE_USER}"
        yield f"GRANT USAGE ON WAREHOUSE {tenant}_WH TO ROLE {tenant}_APP"
        yield f"GRANT USAGE ON DATABASE {tenant}_DB TO ROLE {tenant}_APP"
        yield f"GRANT USAGE ON SCHEMA {schema} TO ROLE {tenant}_APP"
        for table in ("CONVERSATIONS", "CHAT_MESSAGES", "USER_SESSIONS", "USER_PREFERENCES", "FILE_UPLOADS"):
            columns = ", ".join(
                f"{column.name} {column.type}{' NOT NULL' if column.required else ''}"
                for column in NEXUSCHAT_TABLES[table].columns
            )
            yield f"CREATE TABLE {schema}.{table} ({columns})"
            yield f"GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE {schema}.{table} TO ROLE {tenant}_APP"


def make_account(directory: Path, keys: KeyPair) -> None:
    """Set the account up in a directory."""
    account = Account(directory)
    account.initialise(deploy_public_key=keys.public)
    roles = Roles(account)
    for statement in _script(keys):
        roles.admin.execute(statement)
    roles.close()


def addresses(tenants: Sequence[str] = TENANTS) -> list[Address]:
    return [Address(tenant, f"{tenant}_DB", "NEXUSCHAT", f"{tenant}_WH", f"{tenant}_APP") for tenant in tenants]


@dataclass
class Chat:
    """The account while it is served."""

    endpoint: Endpoint
    keys: KeyPair
    connections: dict[str, SnowflakeConnection] = field(default_factory=dict)

    def connect(self, address: Address) -> SnowflakeConnection:
        """Log in as the command does."""
        key = load_pem_private_key(self.keys.private.encode(), None)
        account = SnowflakeAddress("VIDEXA", "EMBEDDED", "127.0.0.1", self.endpoint.port)
        return connecting(account, SERVICE_USER, key)(address)

    def rows(self, tenant: str, statement: str) -> list[tuple[Any, ...]]:
        """What an organisation's application role is answered."""
        if tenant not in self.connections:
            self.connections[tenant] = self.connect(addresses((tenant,))[0])
        with self.connections[tenant].cursor() as cursor:
            return cursor.execute(statement).fetchall()

    def close(self) -> None:
        """Log out."""
        for connection in self.connections.values():
            connection.close()


@contextmanager
def served(directory: Path, keys: KeyPair) -> Iterator[Chat]:
    account = Account(directory)
    try:
        with serving(account, keys) as endpoint:
            chat = Chat(endpoint, keys)
            try:
                yield chat
            finally:
                chat.close()
    finally:
        account.close()
