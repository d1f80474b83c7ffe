"""A Snowflake wire endpoint on loopback for tests, and connections to it with the official connector."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import snowflake.connector
import uvicorn
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from starlette.applications import Starlette

from emulator.snowflake.account import Account, Session, SnowflakeError
from emulator.snowflake.sql import Connection, Result
from emulator.snowflake.sql.wire import Wire

if TYPE_CHECKING:
    from tests.emulator.snowflake_provider import KeyPair


def connection(account: Account, role: str, *, warehouse: str | None = None, schema: str | None = None) -> Connection:
    """A connection inside the process, in one role and no other."""
    session = Session(account, "NEXUS_DEPLOY", role)
    session.warehouse = warehouse
    if schema is not None:
        session.database, session.schema = schema.split(".")
    return Connection(session)


def run(connection: Connection, script: str) -> list[Result]:
    """Run statements, one a line."""
    return [connection.execute(line) for line in script.strip().splitlines() if line.strip()]


def value(connection: Connection, expression: str, from_: str = "") -> Any:
    """The one value that an expression has."""
    ((found,),) = connection.execute(f"SELECT {expression} {from_}").rows
    return found


def refusal(connection: Connection, sql: str, parameters: Any = None) -> SnowflakeError:
    """The error that a statement is refused with."""
    try:
        result = connection.execute(sql, parameters)
    except SnowflakeError as error:
        return error
    raise AssertionError(f"not refused: {sql} answered {result.rows[:3]}")


class _Server(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


@dataclass
class Endpoint:
    """Where the server listens, and how to log in to it."""

    port: int
    account: Account
    keys: KeyPair

    def connect(self, **options: Any) -> snowflake.connector.SnowflakeConnection:
        """A connection of the deploying user; `options` add to or replace the connector's."""
        key = load_pem_private_key(self.keys.private.encode(), None)
        chosen = {
            "user": "NEXUS_DEPLOY",
            "account": "VIDEXA-EMBEDDED",
            "authenticator": "SNOWFLAKE_JWT",
            "private_key": key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
            "host": "127.0.0.1",
            "port": self.port,
            "protocol": "http",
            "role": "ACCOUNTADMIN",
            # No look at the metadata services of the clouds.
            "platform_detection_timeout_seconds": 0,
            **options,
        }
        return snowflake.connector.connect(**chosen)


@contextmanager
def serving(account: Account, keys: KeyPair, now: Callable[[], float] = time.monotonic) -> Iterator[Endpoint]:
    """The account's wire endpoint on a free port, until the block ends."""
    wire = Wire(account, now)
    # Without the protocol's number the event loop would leave small answers waiting for the client's receipt.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    server = _Server(uvicorn.Config(Starlette(routes=wire.routes()), log_level="warning", lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        assert server.listening.wait(30)
        yield Endpoint(listener.getsockname()[1], account, keys)
    finally:
        server.should_exit = True
        thread.join(30)
        wire.close()
        listener.close()
