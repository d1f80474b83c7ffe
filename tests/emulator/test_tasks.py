"""Tasks and alerts: who may start them, what may change meanwhile, and what a run does in whose name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.emulator.account_roles import Roles, copied, set_up
from tests.emulator.account_sessions import refused
from tests.emulator.snowflake_provider import KeyPair

SETTING = """
CREATE DATABASE d
CREATE SCHEMA d.s
CREATE WAREHOUSE w
CREATE ROLE keeper
CREATE ROLE watcher
GRANT ROLE keeper TO ROLE accountadmin
CREATE TABLE d.s.log (who VARCHAR, what VARCHAR, tag VARCHAR)
GRANT ALL ON DATABASE d TO ROLE keeper
GRANT ALL ON SCHEMA d.s TO ROLE keeper
GRANT SELECT, INSERT ON TABLE d.s.log TO ROLE keeper
GRANT USAGE ON WAREHOUSE w TO ROLE keeper
GRANT EXECUTE TASK, EXECUTE ALERT ON ACCOUNT TO ROLE keeper
GRANT USAGE ON DATABASE d TO ROLE watcher
GRANT USAGE ON SCHEMA d.s TO ROLE watcher
GRANT USAGE ON WAREHOUSE w TO ROLE watcher
"""
NOTE = "INSERT INTO log SELECT CURRENT_ROLE() || '/' || CURRENT_USER(), '{}', ''"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, key_pair: KeyPair) -> Path:
    return set_up(tmp_path_factory.mktemp("tasks") / "account", key_pair, SETTING)


@pytest.fixture
def roles(template: Path, tmp_path: Path) -> Iterator[Roles]:
    with copied(template, tmp_path / "account") as roles:
        yield roles


def as_keeper(roles: Roles, *statements: str) -> None:
    keeper = roles.as_role("KEEPER")
    for statement in statements:
        keeper.execute(statement)


def graph(roles: Roles) -> None:
    """ROOT → LEFT, RIGHT → LAST, all suspended."""
    as_keeper(
        roles,
        f"CREATE TASK root WAREHOUSE = w SCHEDULE = '60 MINUTE' AS {NOTE.format('root')}",
        f"CREATE TASK left_ WAREHOUSE = w AFTER root AS {NOTE.format('left')}",
        f"CREATE TASK right_ WAREHOUSE = w AFTER root AS {NOTE.format('right')}",
        f"CREATE TASK last WAREHOUSE = w AFTER left_, right_ AS {NOTE.format('last')}",
    )


def history(roles: Roles, role: str = "KEEPER") -> list[tuple[Any, ...]]:
    sql = "SELECT NAME, STATE, ERROR_CODE FROM TABLE(INFORMATION_SCHEMA.TASK_HISTORY()) ORDER BY QUERY_START_TIME"
    return roles.rows(role, sql)


def logged(roles: Roles) -> list[str]:
    return [what for (what,) in roles.rows("ACCOUNTADMIN", "SELECT what FROM log")]


class TestStarting:
    def test_a_root_needs_a_schedule(self, roles: Roles) -> None:
        as_keeper(roles, "CREATE TASK alone WAREHOUSE = w AS SELECT 1")
        with refused(91088, "needs a SCHEDULE"):
            as_keeper(roles, "ALTER TASK alone RESUME")

    @pytest.mark.parametrize("kind", ["TASK", "ALERT"])
    def test_the_owner_needs_the_privilege(self, roles: Roles, kind: str) -> None:
        roles.run(f"REVOKE EXECUTE {kind} ON ACCOUNT FROM ROLE keeper")
        body = "AS SELECT 1" if kind == "TASK" else "IF (EXISTS (SELECT 1)) THEN SELECT 1"
        as_keeper(roles, f"CREATE {kind} one WAREHOUSE = w SCHEDULE = '60 MINUTE' {body}")
        for statement in (f"ALTER {kind} one RESUME", f"EXECUTE {kind} one"):
            # Whoever asks: it is the owner who runs it.
            with refused(91089, f"EXECUTE {kind} privilege must be granted to owner role", "23001"):
                roles.admin.execute(statement)

    def test_who_may_operate(self, roles: Roles) -> None:
        graph(roles)
        with refused(2003):
            roles.as_role("WATCHER").execute("EXECUTE TASK root")
        roles.run("GRANT MONITOR ON TASK root TO ROLE watcher")
        with refused(3001):
            roles.as_role("WATCHER").execute("EXECUTE TASK root")
        roles.run("GRANT OPERATE ON TASK root TO ROLE watcher")
        roles.as_role("WATCHER").execute("EXECUTE TASK root")
        assert logged(roles) == ["root"]


class TestChangingAStartedGraph:
    @pytest.fixture
    def started(self, roles: Roles) -> Roles:
        graph(roles)
        as_keeper(roles, "SELECT SYSTEM$TASK_DEPENDENTS_ENABLE('d.s.root')")
        return roles

    def test_all_of_it_was_resumed(self, started: Roles) -> None:
        states = [row[-1] for row in _shown(started, "SHOW TASKS", "name", "state")]
        assert states == ["started"] * 4

    @pytest.mark.parametrize(
        "statement",
        [
            "ALTER TASK root SET SCHEDULE = '5 MINUTE'",
            "ALTER TASK root MODIFY AS SELECT 2",
            "ALTER TASK left_ SUSPEND",
            "ALTER TASK last RESUME",
            "ALTER TASK last SET COMMENT = 'x'",
            "ALTER TASK last REMOVE AFTER left_",
            "CREATE TASK more WAREHOUSE = w AFTER last AS SELECT 1",
            "CREATE OR REPLACE TASK root WAREHOUSE = w SCHEDULE = '1 MINUTE' AS SELECT 1",
            "DROP TASK last",
        ],
    )
    def test_is_refused(self, started: Roles, statement: str) -> None:
        with refused(91421, "graph with root task D.S.ROOT since that root task is not suspended", "22000"):
            as_keeper(started, statement)
        as_keeper(started, "ALTER TASK root SUSPEND", statement)

    def test_a_task_does_not_come_after_itself(self, roles: Roles) -> None:
        graph(roles)
        with refused(1422, "cannot come after itself"):
            as_keeper(roles, "ALTER TASK left_ ADD AFTER last")

    def test_handing_it_on_suspends_it(self, started: Roles) -> None:
        started.run("GRANT OWNERSHIP ON TASK root TO ROLE accountadmin COPY CURRENT GRANTS")
        assert ("ROOT", "suspended") in _shown(started, "SHOW TASKS", "name", "state")


def _shown(roles: Roles, sql: str, *columns: str) -> list[tuple[Any, ...]]:
    result = roles.admin.execute(sql)
    names = [column.name for column in result.columns]
    return [tuple(row[names.index(column)] for column in columns) for row in result.rows]


class TestRunning:
    def test_in_order_in_the_owners_name(self, roles: Roles) -> None:
        graph(roles)
        as_keeper(roles, "SELECT SYSTEM$TASK_DEPENDENTS_ENABLE('d.s.root')")
        result = roles.as_role("ACCOUNTADMIN").execute("EXECUTE TASK root")
        assert result.rows == [("Task ROOT is scheduled to run immediately.",)]
        order = logged(roles)
        assert (order[0], set(order[1:3]), order[3]) == ("root", {"left", "right"}, "last")
        assert roles.rows("ACCOUNTADMIN", "SELECT DISTINCT who FROM log") == [("KEEPER/SYSTEM",)]
        assert {(name, state) for name, state, _ in history(roles)} == {
            (name, "SUCCEEDED") for name in ("ROOT", "LEFT_", "RIGHT_", "LAST")
        }

    def test_suspended_children_are_left_out(self, roles: Roles) -> None:
        graph(roles)
        as_keeper(roles, "ALTER TASK left_ RESUME", "ALTER TASK last RESUME", "EXECUTE TASK root")
        assert logged(roles) == ["root", "left", "last"]

    def test_what_comes_after_nothing_resumed_does_not_run(self, roles: Roles) -> None:
        graph(roles)
        as_keeper(roles, "ALTER TASK last RESUME", "EXECUTE TASK root")
        assert logged(roles) == ["root"]

    def test_a_failure_stops_what_comes_after_it_but_not_the_finalizer(self, roles: Roles) -> None:
        graph(roles)
        as_keeper(
            roles,
            "ALTER TASK left_ MODIFY AS SELECT 1 / 0",
            f"CREATE TASK final WAREHOUSE = w FINALIZE = root AS {NOTE.format('final')}",
            "SELECT SYSTEM$TASK_DEPENDENTS_ENABLE('d.s.root')",
            "EXECUTE TASK root",
        )
        assert logged(roles) == ["root", "right", "final"]
        assert ("LEFT_", "FAILED", "100051") in history(roles)
        failed = "SELECT ERROR_MESSAGE FROM SNOWFLAKE.ACCOUNT_USAGE.TASK_HISTORY WHERE STATE = 'FAILED'"
        assert roles.rows("ACCOUNTADMIN", failed) == [("Division by zero",)]

    def test_a_condition(self, roles: Roles) -> None:
        as_keeper(
            roles,
            f"CREATE TASK asks WAREHOUSE = w SCHEDULE = '1 MINUTE' WHEN CURRENT_ROLE() = 'X' AS {NOTE.format('asked')}",
            "EXECUTE TASK asks",
        )
        assert logged(roles) == []
        assert history(roles) == [("ASKS", "SKIPPED", None)]

    def test_only_a_root_is_executed(self, roles: Roles) -> None:
        graph(roles)
        with refused(91421, "only a root task"):
            as_keeper(roles, "EXECUTE TASK last")
        with refused(2, "RETRY LAST"):
            as_keeper(roles, "EXECUTE TASK root RETRY LAST")

    def test_the_owners_rights_and_warehouse_are_needed(self, roles: Roles) -> None:
        graph(roles)
        roles.run("REVOKE USAGE ON WAREHOUSE w FROM ROLE keeper")
        roles.admin.execute("EXECUTE TASK root")
        assert history(roles, "ACCOUNTADMIN") == [("ROOT", "FAILED", "000606")]

    def test_serverless_needs_a_privilege_of_its_own(self, roles: Roles) -> None:
        as_keeper(roles, f"CREATE TASK free SCHEDULE = '1 MINUTE' AS {NOTE.format('x')}", "EXECUTE TASK free")
        assert history(roles) == [("FREE", "FAILED", "091089")]
        roles.run("GRANT EXECUTE MANAGED TASK ON ACCOUNT TO ROLE keeper")
        as_keeper(roles, "EXECUTE TASK free")
        assert logged(roles) == ["x"]

    def test_a_call_and_a_query_tag_of_the_task(self, roles: Roles) -> None:
        as_keeper(
            roles,
            "CREATE PROCEDURE note(what VARCHAR) RETURNS VARCHAR LANGUAGE SQL EXECUTE AS CALLER AS "
            "'INSERT INTO log SELECT CURRENT_ROLE(), :what, NULL'",
            "CREATE TASK tagged WAREHOUSE = w SCHEDULE = '1 MINUTE' QUERY_TAG = 'HCS0001:task' AS CALL note('called')",
            "EXECUTE TASK tagged",
        )
        assert logged(roles) == ["called"]
        tagged = "SELECT COUNT(*) FROM SNOWFLAKE.ACCOUNT_USAGE.QUERY_HISTORY WHERE QUERY_TAG = 'HCS0001:task'"
        assert roles.rows("ACCOUNTADMIN", tagged) == [(2,)]
        joined = (
            "SELECT t.NAME, q.QUERY_TEXT FROM SNOWFLAKE.ACCOUNT_USAGE.TASK_HISTORY t "
            "JOIN SNOWFLAKE.ACCOUNT_USAGE.QUERY_HISTORY q ON q.QUERY_ID = t.QUERY_ID"
        )
        assert roles.rows("ACCOUNTADMIN", joined) == [("TAGGED", "CALL note('called')")]

    def test_nobody_sees_the_runs_of_others(self, roles: Roles) -> None:
        graph(roles)
        as_keeper(roles, "EXECUTE TASK root")
        assert history(roles, "WATCHER") == []
        roles.run("GRANT MONITOR EXECUTION ON ACCOUNT TO ROLE watcher")
        assert history(roles, "WATCHER") == [("ROOT", "SUCCEEDED", None)]


ALERT = (
    "CREATE ALERT watch WAREHOUSE = w SCHEDULE = '60 MINUTE' IF (EXISTS (SELECT 1 FROM log WHERE what = 'bad')) THEN "
)


class TestAlerts:
    def states(self, roles: Roles) -> list[str]:
        sql = "SELECT STATE FROM TABLE(INFORMATION_SCHEMA.ALERT_HISTORY()) ORDER BY SCHEDULED_TIME"
        return [state for (state,) in roles.rows("KEEPER", sql)]

    def test_the_action_follows_the_condition(self, roles: Roles) -> None:
        as_keeper(roles, ALERT + NOTE.format("alert"), "EXECUTE ALERT watch")
        assert logged(roles) == []
        as_keeper(roles, "INSERT INTO log VALUES ('', 'bad', '')", "EXECUTE ALERT watch")
        assert logged(roles) == ["bad", "alert"]
        as_keeper(roles, "ALTER ALERT watch MODIFY ACTION SELECT 1 / 0", "EXECUTE ALERT watch")
        roles.run("REVOKE SELECT ON TABLE log FROM ROLE keeper")
        as_keeper(roles, "EXECUTE ALERT watch")
        assert self.states(roles) == ["CONDITION_FALSE", "TRIGGERED", "ACTION_FAILED", "CONDITION_FAILED"]
        assert _shown(roles, "SHOW ALERTS", "name", "state", "schedule") == [("WATCH", "suspended", "60 MINUTE")]

    def test_mails_go_to_the_outbox(self, roles: Roles) -> None:
        roles.run("""
            CREATE NOTIFICATION INTEGRATION mail TYPE = EMAIL ENABLED = TRUE ALLOWED_RECIPIENTS = ('ops@videxa.example')
            INSERT INTO log VALUES ('', 'bad', '')
        """)
        send = "CALL SYSTEM$SEND_EMAIL('mail', '{}', 'Look', 'There is something bad.')"
        as_keeper(roles, ALERT + send.format("ops@videxa.example"), "EXECUTE ALERT watch")
        assert self.states(roles) == ["ACTION_FAILED"]
        roles.run("GRANT USAGE ON INTEGRATION mail TO ROLE keeper")
        as_keeper(roles, "EXECUTE ALERT watch")
        outbox = "SELECT INTEGRATION_NAME, RECIPIENTS, SUBJECT, BODY FROM SNOWFLAKE.EMBEDDED.EMAIL_OUTBOX"
        mail = ("MAIL", "ops@videxa.example", "Look", "There is something bad.")
        assert roles.rows("ACCOUNTADMIN", outbox) == [mail]
        assert roles.admin.execute(send.format("ops@videxa.example")).rows == [(True,)]
        for address, words in (("eve@elsewhere.example", "not allowed by integration MAIL"), ("nobody", "addresses")):
            with pytest.raises(Exception, match=words):
                roles.admin.execute(send.format(address))


def test_what_else_is_executed_is_refused_by_name(roles: Roles) -> None:
    with refused(2, "EXECUTE NOTEBOOK"):
        roles.admin.execute("EXECUTE NOTEBOOK d.s.notes()")
    with refused(2, "EXECUTE IMMEDIATE FROM"):
        roles.admin.execute("EXECUTE IMMEDIATE FROM @files/script.sql")
    with refused(2, "SYSTEM$CANCEL_QUERY"):
        roles.admin.execute("SELECT SYSTEM$CANCEL_QUERY('x')")
    with refused(2, "within a query"):
        roles.admin.execute("SELECT SYSTEM$SEND_EMAIL('a', 'b', 'c', what) FROM log")


def test_they_are_described(roles: Roles) -> None:
    graph(roles)
    as_keeper(
        roles,
        ALERT + "SELECT 1",
        "CREATE PROCEDURE p(a INT, b VARCHAR DEFAULT 'x') RETURNS VARCHAR LANGUAGE PYTHON RUNTIME_VERSION = '3.11' "
        "PACKAGES = ('snowflake-snowpark-python') HANDLER = 'main' AS 'def main(session, a, b): return b'",
    )
    assert _shown(roles, "DESCRIBE TASK last", "name", "predecessors") == [("LAST", '["D.S.LEFT_", "D.S.RIGHT_"]')]
    assert _shown(roles, "DESCRIBE ALERT watch", "condition") == [("SELECT 1 FROM log WHERE what = 'bad'",)]
    described = dict(_shown(roles, "DESCRIBE PROCEDURE p(INT, VARCHAR)", "property", "value"))
    assert described["signature"] == "(A NUMBER(38,0), B VARCHAR(16777216))"
    assert (described["execute as"], described["handler"]) == ("OWNER", "main")
    shown = _shown(roles, "SHOW PROCEDURES", "name", "min_num_arguments", "max_num_arguments", "language")
    assert shown == [("P", 1, 2, "PYTHON")]
