"""An account that a script has set up once, handed to each test as a copy of its own, and connections by role."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emulator.snowflake.account import Account, Session
from emulator.snowflake.sql import Connection

if TYPE_CHECKING:
    from tests.emulator.snowflake_provider import KeyPair


class Roles:
    """Connections to an account in one role each. ACCOUNTADMIN owns everything; the schema is D.S."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self._open: list[Connection] = []
        self._closed = False
        self.admin = self.as_role("ACCOUNTADMIN")

    def as_role(self, role: str, user: str = "NEXUS_DEPLOY") -> Connection:
        session = Session(self.account, user, role, warehouse="W", database="D", schema="S")
        self._open.append(Connection(session))
        return self._open[-1]

    def run(self, script: str) -> None:
        """Run statements as ACCOUNTADMIN, one a line."""
        for line in script.strip().splitlines():
            self.admin.execute(line)

    def rows(self, role: str, sql: str) -> list[tuple[Any, ...]]:
        return self.as_role(role).execute(sql).rows

    def close(self) -> None:
        """End the connections and close the account; once is enough."""
        if not self._closed:
            self._closed = True
            for connection in self._open:
                connection.close()
            self.account.close()


def set_up(directory: Path, keys: KeyPair, script: str) -> Path:
    """The directory of a new account in which the script has run."""
    account = Account(directory)
    account.initialise(deploy_public_key=keys.public)
    roles = Roles(account)
    roles.run(script)
    roles.close()
    return directory


@contextmanager
def copied(template: Path, directory: Path) -> Iterator[Roles]:
    """A copy of an account that was set up."""
    shutil.copytree(template, directory)
    roles = Roles(Account(directory))
    yield roles
    roles.close()
