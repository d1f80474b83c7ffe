"""Whether a warehouse runs: nothing computes here, but who asks is told what Snowflake would tell."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from emulator.snowflake.account.catalogue import Entry, now
from emulator.snowflake.account.core import AccountCore, locked
from emulator.snowflake.account.errors import SnowflakeError
from emulator.snowflake.account.kinds import spec_of
from emulator.snowflake.account.names import ObjectName

State = Literal["STARTED", "SUSPENDED"]


class WarehouseOperations(AccountCore):
    """The state of warehouses: resumed by use or by hand, suspended by hand or after AUTO_SUSPEND idle seconds.

    When one was last used is not kept over a restart: a warehouse of which nothing is known is idle since it was made.
    """

    @locked
    def warehouse_state(self, name: ObjectName) -> State:
        """STARTED or SUSPENDED, as SHOW WAREHOUSES tells it."""
        return self._state(self._warehouse(name))

    @locked
    def run_on(self, name: ObjectName) -> bool:
        """Let a statement run on a warehouse, which resumes it; False where it is suspended and AUTO_RESUME is off."""
        entry = self._warehouse(name)
        if self._state(entry) == "SUSPENDED" and not entry.properties.get("AUTO_RESUME", True):
            return False
        self._running_since[entry.identifier] = now()
        return True

    def _warehouse(self, name: ObjectName) -> Entry:
        entry = self._entry("WAREHOUSE", name)
        if entry is None:
            raise SnowflakeError.does_not_exist("WAREHOUSE", name)
        return entry

    def _state(self, entry: Entry) -> State:
        since = self._running_since.get(entry.identifier, self._running_at_first(entry))
        if since is None:
            return "SUSPENDED"
        idle = entry.properties.get("AUTO_SUSPEND", spec_of("WAREHOUSE").properties["AUTO_SUSPEND"].default)
        return "SUSPENDED" if idle and now() - since > timedelta(seconds=idle) else "STARTED"

    @staticmethod
    def _running_at_first(entry: Entry) -> datetime | None:
        at_first = "SUSPENDED" if entry.properties.get("INITIALLY_SUSPENDED") else "STARTED"
        return entry.created_on if entry.properties.get("STATE", at_first) == "STARTED" else None
