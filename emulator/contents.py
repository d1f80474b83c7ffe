"""What the embedded cloud holds: a Snowflake account, an Azure, and the two packages that need no cloud."""

from __future__ import annotations

import os
from pathlib import Path
from typing import cast

from emulator.azure.data_plane import routes as azure_routes
from emulator.azure.package import AzurePackage
from emulator.azure.store import AzureStore
from emulator.cloud import Contents, public_half
from emulator.package import CloudError
from emulator.random_provider import RandomPackage
from emulator.snowflake.account import Account, SnowflakeError
from emulator.snowflake.account.account import Edition
from emulator.snowflake.package import SnowflakePackage
from emulator.snowflake.sql import execute
from emulator.snowflake.sql.syntax import split
from emulator.snowflake.sql.wire import routes as snowflake_routes
from emulator.tls_provider import TlsPackage
from emulator.world import VARIABLE as WORLD
from emulator.world import make_existing, settle


def open_contents(directory: Path) -> Contents:
    """Open everything that is kept in `directory`, making it at first use.

    The account comes with one user, which deploys: its key is `SNOWFLAKE_PRIVATE_KEY`. What the files of
    `NEXUS_FIRST_SQL` make, somebody made before anybody deployed, and so for the resources of `NEXUS_WORLD`.
    """
    given = os.environ.get(WORLD)
    world = settle(directory, Path(given) if given else None)
    account = Account(
        directory / "snowflake",
        organization=world.organization,
        name=world.account,
        edition=cast(Edition, world.edition),
    )
    account.network_policies_enforced = world.network_policies_enforced
    deploy_public_key = public_half(os.environ["SNOWFLAKE_PRIVATE_KEY"])
    account.initialise(deploy_public_key=deploy_public_key, deploy_user=world.deploy_user)
    _run_first_sql(account, world.deploy_user, directory / "first-sql-done", deploy_public_key)
    store = AzureStore(directory / "azure")
    azure = AzurePackage(store)
    make_existing(azure, world.azure, directory / "existing-azure-done")

    def close() -> None:
        account.close()
        store.close()

    return Contents(
        packages=[SnowflakePackage(account), azure, RandomPackage(), TlsPackage()],
        routes=[*snowflake_routes(account), *azure_routes(store)],
        close=close,
    )


def _run_first_sql(account: Account, user: str, done: Path, deploy_public_key: str) -> None:
    """Run the files' statements as the account's owner would by hand; `done` is written once all of them ran.

    After a kill half-way they are run again from the first: they must bear it.
    """
    files = [Path(file) for file in os.environ.get("NEXUS_FIRST_SQL", "").split(os.pathsep) if file]
    if not files or done.exists():
        return
    session = account.session(user, "ACCOUNTADMIN")
    for file in files:
        text = file.read_text(encoding="utf-8").replace("<RSA_PUBLIC_KEY>", deploy_public_key)
        for statement in split(text):
            try:
                execute(session, statement)
            except SnowflakeError as refusal:
                raise CloudError(f"{file.name}: {refusal}") from None
    done.touch()
