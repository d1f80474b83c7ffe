"""Graphs of tasks: what may change while one of them is started, and who may start one.

Source: Snowflake's documentation, "Create a sequence of tasks with a task graph", "ALTER TASK", "EXECUTE ALERT";
numbers and words as its users report them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from emulator.snowflake.account.catalogue import Entry
from emulator.snowflake.account.core import AccountCore, locked
from emulator.snowflake.account.errors import SnowflakeError
from emulator.snowflake.account.model import SnowflakeObject
from emulator.snowflake.account.names import ObjectName


class TaskGraphOperations(AccountCore):
    """Looking at graphs of tasks, and the rules that other operations ask for."""

    @locked
    def task_graph(self, root: ObjectName) -> list[SnowflakeObject]:
        """A root task and all that comes after it, each after its predecessors; the finalizer last."""
        entry = self._entry("TASK", root)
        if entry is None:
            raise SnowflakeError.does_not_exist("TASK", root)
        tasks = list(self._catalogue.by_kind["TASK"].values())
        reached = {entry.identifier: entry}
        for known in (reached.copy() for _ in tasks):
            names = {str(task.name) for task in known.values()}
            for task in tasks:
                if any(name in names for name in task.properties.get("AFTER") or ()):
                    reached[task.identifier] = task
        ordered: list[Entry] = []
        waiting = list(reached.values())
        while waiting:
            left = {str(task.name) for task in waiting}
            ready = [task for task in waiting if not any(name in left for name in task.properties.get("AFTER") or ())]
            ordered += ready or waiting
            waiting = [task for task in waiting if task not in ordered]
        ordered += [task for task in tasks if task.properties.get("FINALIZE") == str(entry.name)]
        return [self._shown(task) for task in ordered]

    def _predecessors(self, properties: Mapping[str, Any]) -> list[Entry]:
        """The tasks that a task with these properties comes after."""
        names = [*(properties.get("AFTER") or ()), *([properties["FINALIZE"]] if properties.get("FINALIZE") else ())]
        found = (self._entry("TASK", ObjectName.parse(name)) for name in names)
        return [entry for entry in found if entry is not None]

    def _roots(self, tasks: Iterable[Entry]) -> list[Entry]:
        """The roots of the graphs that the tasks are in; a task that comes after nothing is its own."""
        roots: list[Entry] = []
        seen: set[int] = set()
        waiting = list(tasks)
        while waiting:
            task = waiting.pop()
            if task.identifier in seen:
                continue
            seen.add(task.identifier)
            above = self._predecessors(task.properties)
            if not above:
                roots.append(task)
            waiting += above
        return roots

    def _require_suspended_roots(self, tasks: Iterable[Entry]) -> None:
        """Refuse (091421) a change to a graph whose root is started."""
        for root in self._roots(tasks):
            if root.properties.get("STATE") == "STARTED":
                raise SnowflakeError(
                    91421,
                    "22000",
                    f"Unable to update graph with root task {root.name} since that root task is not suspended.",
                )

    def _check_new_task(self, existing: Entry | None, properties: Mapping[str, Any]) -> None:
        """Whether a task may be made (in another's place) with these properties."""
        self._require_suspended_roots([*([existing] if existing is not None else ()), *self._predecessors(properties)])

    def _check_changed_task(self, task: Entry, changed: Sequence[str], properties: Mapping[str, Any]) -> None:
        """Whether a task may get these properties, of which some are changed.

        A root is resumed and suspended as it is; everything else waits until the root is suspended.
        """
        above = self._predecessors(properties)
        if above or self._predecessors(task.properties) or any(key != "STATE" for key in changed):
            self._require_suspended_roots([task, *above])
        after = list(above)
        seen: set[int] = set()
        while after:
            one = after.pop()
            if one is task:
                raise SnowflakeError.invalid_property_value(
                    str(task.name), "AFTER", "a task cannot come after itself, directly or by way of others"
                )
            if one.identifier not in seen:
                seen.add(one.identifier)
                after += self._predecessors(one.properties)
        if "STATE" in changed and properties.get("STATE") == "STARTED":
            self.require_owner_may_run(task.name, "TASK")

    @locked
    def require_owner_may_run(self, name: ObjectName, kind: str, *, managed: bool = False) -> None:
        """Refuse (091089) a task or alert whose owner lacks EXECUTE [MANAGED] TASK or ALERT on the account."""
        entry = self._entry(kind, name)
        assert entry is not None
        privilege = f"EXECUTE {'MANAGED ' if managed else ''}{kind}"
        roles = frozenset() if entry.owner is None else self._catalogue.closure(entry.owner)
        if not self._rights.on_account(roles, privilege):
            raise SnowflakeError(
                91089, "23001", f"Cannot execute {kind.lower()}, {privilege} privilege must be granted to owner role"
            )
