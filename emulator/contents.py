"""What the embedded cloud holds: a Snowflake account, an Azure, and the two packages that need no cloud."""

from __future__ import annotations

import os
from pathlib import Path

from emulator.azure.data_plane import routes as azure_routes
from emulator.azure.package import AzurePackage
from emulator.azure.store import AzureStore
from emulator.cloud import Contents, public_half
from emulator.random_provider import RandomPackage
from emulator.snowflake.account import Account
from emulator.snowflake.package import SnowflakePackage
from emulator.snowflake.sql.wire import routes as snowflake_routes
from emulator.tls_provider import TlsPackage


def open_contents(directory: Path) -> Contents:
    """Open everything that is kept in `directory`, making it at first use.

    The account comes with one user, which deploys: its key is `SNOWFLAKE_PRIVATE_KEY`.
    """
    account = Account(directory / "snowflake")
    account.initialise(deploy_public_key=public_half(os.environ["SNOWFLAKE_PRIVATE_KEY"]))
    store = AzureStore(directory / "azure")

    def close() -> None:
        account.close()
        store.close()

    return Contents(
        packages=[SnowflakePackage(account), AzurePackage(store), RandomPackage(), TlsPackage()],
        routes=[*snowflake_routes(account), *azure_routes(store)],
        close=close,
    )
