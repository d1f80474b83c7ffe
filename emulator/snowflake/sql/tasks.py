"""EXECUTE TASK and EXECUTE ALERT, and the system functions about tasks and mails.

The embedded Snowflake has no clock that starts tasks and alerts: they run when they are executed, and then at once,
while in Snowflake the statement only asks for the run. What came of it stands in TASK_HISTORY and ALERT_HISTORY all
the same, and a task that fails does not make the statement fail.

Mails go nowhere: they are kept in SNOWFLAKE.EMBEDDED.EMAIL_OUTBOX.

Source: Snowflake's documentation, "EXECUTE TASK", "Create a sequence of tasks with a task graph", "EXECUTE ALERT",
"SYSTEM$SEND_EMAIL", "SYSTEM$TASK_DEPENDENTS_ENABLE".
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from typing import Any

from emulator.snowflake.account import Account, ObjectName, Session, SnowflakeError, SnowflakeObject
from emulator.snowflake.account.history import moment
from emulator.snowflake.account.parameters import parameters_of
from emulator.snowflake.sql.calls import run_script
from emulator.snowflake.sql.connection import Connection, handles
from emulator.snowflake.sql.naming import named
from emulator.snowflake.sql.results import Result
from emulator.snowflake.sql.scopes import owner_session
from emulator.snowflake.sql.scripting import execute_immediate
from emulator.snowflake.sql.syntax import Tokens, unsupported
from emulator.snowflake.sql.system_functions import system_function


@handles("EXECUTE")
def execute(connection: Connection, tokens: Tokens) -> Result:
    """EXECUTE TASK, EXECUTE ALERT and EXECUTE IMMEDIATE."""
    tokens.expect("EXECUTE")
    if tokens.accept("IMMEDIATE"):
        return execute_immediate(connection, tokens)
    kind = tokens.accept_any(("TASK", "ALERT"))
    if not kind:
        raise unsupported(f"EXECUTE {tokens.word()}".strip())
    name = named(connection.session, kind, tokens)
    if tokens.at("RETRY", "LAST"):
        raise unsupported("EXECUTE TASK … RETRY LAST")
    tokens.end()
    account = connection.account
    account.require(connection.session, "OPERATE", kind, name)
    item = account.find(kind, name)
    assert item is not None
    account.require_owner_may_run(name, kind)
    if kind == "TASK":
        if item.properties.get("AFTER") or item.properties.get("FINALIZE"):
            raise SnowflakeError(
                91421, "22000", f"Cannot execute task {name}: only a root task is executed, those after it run with it."
            )
        run_graph(account, item)
    else:
        run_alert(account, item)
    return Result.message(f"{kind.capitalize()} {name.name} is scheduled to run immediately.")


class OwnersRun(Connection):
    """A connection of the account itself in the name of an object's owner. Without a warehouse it works serverless."""

    def __init__(self, account: Account, item: SnowflakeObject) -> None:
        session = owner_session(Session(account, "SYSTEM", None), item)
        warehouse = item.properties.get("WAREHOUSE")
        session.warehouse = None if warehouse is None else ObjectName.parse(warehouse).name
        known = parameters_of("SESSION")
        session.parameters = {key: value for key, value in item.properties.items() if key in known}
        super().__init__(session)

    def require_warehouse(self) -> None:
        """The object's own warehouse, if it has one."""
        if self.session.warehouse is not None:
            super().require_warehouse()

    def first_id(self) -> str | None:
        """The id of the first statement that ran."""
        return self.begun[0] if self.begun else None


# --- tasks


def run_graph(account: Account, root: SnowflakeObject) -> None:
    """Run a root task, and after it those of its graph that are resumed.

    A task runs when all of its predecessors that are resumed have succeeded, and one at least is; where its WHEN is
    false it is skipped, and with it those that come after it. The finalizer comes last, whatever became of the others.
    """
    run, scheduled = uuid.uuid4().int >> 80, moment()
    states: dict[str, str] = {}
    for task in account.task_graph(root.name):
        name = str(task.name)
        started = task.properties.get("STATE") == "STARTED" or task.name == root.name
        if not started:
            states[name] = "SUSPENDED"
            continue
        before = [states.get(other, "") for other in task.properties.get("AFTER") or ()]
        running = [state for state in before if state != "SUSPENDED"]
        if before and (not running or any(state != "SUCCEEDED" for state in running)):
            states[name] = "NOT RUN"
            continue
        states[name] = _run_task(account, task, root, run, scheduled)


def _run_task(account: Account, task: SnowflakeObject, root: SnowflakeObject, run: int, scheduled: Any) -> str:
    properties = task.properties
    began = moment()
    state, error, query = "SUCCEEDED", None, None
    try:
        if task.name != root.name:
            account.require_owner_may_run(task.name, "TASK")
        if not properties.get("WAREHOUSE"):
            account.require_owner_may_run(task.name, "TASK", managed=True)
        with OwnersRun(account, task) as connection:
            try:
                if properties.get("WHEN") and not connection.execute(f"SELECT ({properties['WHEN']})").rows[0][0]:
                    state = "SKIPPED"
                else:
                    connection.begun.clear()
                    run_script(connection, str(properties["SQL_STATEMENT"]))
            finally:
                query = connection.first_id()
    except SnowflakeError as refused:
        state, error = "FAILED", refused
    account.history.note(
        "TASK_RUN",
        task=list(task.name.parts),
        root=str(root.identifier),
        run=run,
        text=properties["SQL_STATEMENT"],
        condition=properties.get("WHEN"),
        scheduled=scheduled,
        started=began,
        completed=moment(),
        state=state,
        returned=None,
        query=query,
        error_code=None if error is None else f"{error.errno:06d}",
        error_message=None if error is None else error.message,
        config=root.properties.get("CONFIG"),
    )
    return state


@system_function("SYSTEM$TASK_DEPENDENTS_ENABLE", "VARCHAR")
def enable_dependents(connection: Connection, values: Sequence[Any]) -> str:
    """Resume a root task and all that comes after it, those first."""
    (name,) = _texts(values, 1, 1)
    account, session = connection.account, connection.session
    root = ObjectName.parse(name)
    account.require(session, "OPERATE", "TASK", root)
    tasks = account.task_graph(root)
    if tasks[0].properties.get("STATE") != "STARTED":
        for task in reversed(tasks):
            account.alter(session, "TASK", task.name, set={"STATE": "STARTED"})
    return "Statement executed successfully."


# --- alerts


def run_alert(account: Account, alert: SnowflakeObject) -> None:
    """Look at an alert's condition, and run its action where the condition finds rows."""
    properties = alert.properties
    scheduled = moment()
    state, error = "CONDITION_FALSE", None
    condition_query = action_query = None
    with OwnersRun(account, alert) as connection:
        try:
            found = connection.execute(str(properties["CONDITION"]))
            if found.rows:
                state = "TRIGGERED"
        except SnowflakeError as refused:
            state, error = "CONDITION_FAILED", refused
        condition_query = connection.first_id()
        if state == "TRIGGERED":
            connection.begun.clear()
            try:
                run_script(connection, str(properties["ACTION"]))
            except SnowflakeError as refused:
                state, error = "ACTION_FAILED", refused
            action_query = connection.first_id()
    account.history.note(
        "ALERT_RUN",
        alert=list(alert.name.parts),
        condition=properties["CONDITION"],
        condition_query=condition_query,
        action=properties["ACTION"],
        action_query=action_query,
        state=state,
        scheduled=scheduled,
        completed=moment(),
        error_code=None if error is None else f"{error.errno:06d}",
        error_message=None if error is None else error.message,
    )


# --- mails

_ADDRESS = re.compile(r"[^@\s,]+@[^@\s,]+\.[^@\s,]+")


@system_function("SYSTEM$SEND_EMAIL", "BOOLEAN")
def send_email(connection: Connection, values: Sequence[Any]) -> bool:
    """Keep a mail as sent, where the integration lets the session send to its recipients. Whether the recipients are
    users with verified addresses, as Snowflake wants them, is not looked at."""
    integration, recipients, subject, body, *mime = _texts(values, 4, 5)
    account, session = connection.account, connection.session
    name = ObjectName.parse(integration)
    found = account.find("INTEGRATION", name)
    if found is None or not account.holds(session, "USAGE", "INTEGRATION", name):
        raise SnowflakeError.does_not_exist("INTEGRATION", name)
    if found.properties.get("TYPE") != "EMAIL":
        raise SnowflakeError.invalid_value(integration, "integration", "a notification integration of TYPE EMAIL")
    if not found.properties.get("ENABLED"):
        raise SnowflakeError(394209, "22023", f"Integration {name} is not enabled.")
    addresses = [address.strip() for address in recipients.split(",") if address.strip()]
    if not addresses or not all(_ADDRESS.fullmatch(address) for address in addresses):
        raise SnowflakeError.invalid_value(recipients, "recipients", "addresses between commas")
    allowed = found.properties.get("ALLOWED_RECIPIENTS")
    for address in addresses:
        if allowed and address not in allowed:
            raise SnowflakeError(
                394209, "22023", f"Email recipients in the given list are not allowed by integration {name}: {address}"
            )
    kind = mime[0] if mime else "text/plain"
    if kind not in ("text/plain", "text/html"):
        raise SnowflakeError.invalid_value(kind, "mime_type", "text/plain or text/html")
    account.history.note(
        "MAIL",
        at=moment(),
        integration=str(name),
        recipients=", ".join(addresses),
        subject=subject,
        body=body,
        mime_type=kind,
        query=None if connection.statement is None else connection.statement.id,
    )
    return True


def _texts(values: Sequence[Any], least: int, most: int) -> list[str]:
    if not least <= len(values) <= most or not all(isinstance(value, str) for value in values):
        raise SnowflakeError.compilation(1044, "42P13", "error line 1 at position 5\nInvalid argument types")
    return list(values)
