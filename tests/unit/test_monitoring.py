"""The monitoring: counts, views that resolve to declared columns and hold no content, alerts, and prices."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping

import pytest
import sqlglot
from sqlglot import exp
from sqlglot.errors import OptimizeError
from sqlglot.optimizer.qualify import qualify

from components.snowflake import account_usage
from components.snowflake.account_usage import ACCOUNT_USAGE
from components.snowflake.cortex_functions import ModelPrice, declare_prices
from components.snowflake.handlers import collect_tenant_days, raise_alert
from components.snowflake.handlers.collect_tenant_days import DAY_COUNTS, MODEL_COUNTS
from components.snowflake.handlers.raise_alert import ALERTS
from components.snowflake.monitoring import Price, alert_condition, declare_amounts, in_order, reads
from components.snowflake.phi import PHI_COLUMNS
from components.snowflake.tables import (
    CORTEX_FUNCTIONS_TABLES,
    MONITORING_TABLES,
    TENANT_MANAGEMENT_TABLES,
    TableDefinition,
)
from components.snowflake.view_files import DIRECTORY, ViewQuery, view_queries
from emulator.snowflake.account import Account, SnowflakeError
from tests.unit.handler_account import SCHEMAS, EmbeddedSession, made_account
from tests.unit.recording import Graph

VIEWS = {directory: view_queries(directory, SCHEMAS) for directory in ("cortex_functions", "monitoring")}
ALL_VIEWS = [(directory, name) for directory, views in VIEWS.items() for name in views]
DAYS, MODEL_DAYS = "VIDEXA_SHARED.MONITORING.TENANT_DAYS", "VIDEXA_SHARED.MONITORING.TENANT_MODEL_DAYS"


def declared() -> dict[str, dict[str, dict[str, dict[str, str]]]]:
    """Every column that a view may name, as sqlglot wants them: database, schema, table, column."""

    def columns(tables: Mapping[str, TableDefinition]) -> dict[str, dict[str, str]]:
        return {
            name: {column.name: column.type.split("(")[0] for column in table.columns} for name, table in tables.items()
        }

    shared = {
        "TENANT_MANAGEMENT": columns(TENANT_MANAGEMENT_TABLES),
        "CORTEX_FUNCTIONS": columns(CORTEX_FUNCTIONS_TABLES),
        "MONITORING": columns(MONITORING_TABLES),
    }
    for directory, views in VIEWS.items():
        for view in in_order(views):
            query = sqlglot.parse_one(view.query, dialect="snowflake")
            assert isinstance(query, exp.Query)
            shared[directory.upper()][view.name] = dict.fromkeys(query.named_selects, "VARCHAR")
    return {
        "VIDEXA_SHARED": shared,
        "SNOWFLAKE": {
            "ACCOUNT_USAGE": {name: dict.fromkeys(view.columns, "VARCHAR") for name, view in ACCOUNT_USAGE.items()}
        },
    }


def resolved(view: ViewQuery) -> exp.Expression:
    """The view's query with every name resolved. OptimizeError for one that nothing declares."""
    return qualify(
        sqlglot.parse_one(view.query, dialect="snowflake"),
        dialect="snowflake",
        schema=declared(),
        validate_qualify_columns=True,
    )


@pytest.mark.parametrize(("directory", "name"), ALL_VIEWS)
def test_every_name_in_a_view_is_declared(directory: str, name: str) -> None:
    query = resolved(VIEWS[directory][name])
    ctes = {cte.alias for cte in query.find_all(exp.CTE)}
    for table in query.find_all(exp.Table):
        if table.name not in ctes:
            assert table.name in declared()[table.catalog][table.db], table.sql()


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("FAILED_LOG_INS", "ERROR_CODE", "ERROR_NUMBER"),
        ("CORTEX_CREDITS", "BILLED.CREDITS", "BILLED.TOKEN_CREDITS"),
        ("USAGE_BY_DAY", "DAYS.MESSAGES", "DAYS.MESSAGE_COUNT"),
        ("STORAGE", "TABLE_CATALOG", "DATABASE_NAMES"),
    ],
)
def test_a_column_that_is_not_there_is_found(name: str, old: str, new: str) -> None:
    view = VIEWS["monitoring"][name]
    assert old in view.query
    with pytest.raises(OptimizeError):
        resolved(ViewQuery(name, view.query.replace(old, new), view.comment))


def test_all_that_is_asked_for_is_there() -> None:
    assert set(VIEWS["monitoring"]) >= {
        "USAGE_BY_DAY",
        "ACTIVE_USERS",
        "CONVERSATIONS_AND_MESSAGES",
        "LATENCY",
        "CREDITS_AGAINST_MONITOR",
        "CORTEX_TOKENS",
        "CORTEX_CREDITS",
        "STORAGE",
        "CACHE_SAVINGS",
        "FAILED_LOG_INS",
        "GRANTS_CHANGED",
        *ALERTS.values(),
    }


@pytest.mark.parametrize("name", sorted(VIEWS["monitoring"]))
def test_a_view_reads_no_content(name: str) -> None:
    query = resolved(VIEWS["monitoring"][name])
    ctes = {cte.alias for cte in query.find_all(exp.CTE)}
    tables = {table.name for table in query.find_all(exp.Table)} - ctes
    # No tenant's database, none of Snowflake's views that hold statements, no table of people.
    assert {table.catalog for table in query.find_all(exp.Table)} <= {"VIDEXA_SHARED", "SNOWFLAKE", ""}
    assert not tables & {"QUERY_HISTORY", "ACCESS_HISTORY", "ORG_USERS", "COPY_HISTORY"}
    assert not tables & set(PHI_COLUMNS)
    columns = {column.name for column in query.find_all(exp.Column)}
    assert not columns & {"QUERY_TEXT", "ERROR_MESSAGE", "BIND_VALUES", "TEXT", "CONTENT", "EMAIL", "DISPLAY_NAME"}
    # A tag may hold anything: it is matched, and never shown.
    assert "QUERY_TAG" not in query.named_selects


def test_what_was_replaced_is_not_read() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in DIRECTORY.rglob("*.sql"))
    for stale in (
        "CORTEX_FUNCTIONS_USAGE_HISTORY",
        "CORTEX_FUNCTIONS_QUERY_USAGE_HISTORY",
        "CORTEX_AISQL_USAGE_HISTORY",
    ):
        assert stale not in text


def test_nobody_may_read_statements() -> None:
    assert account_usage.DATABASE_ROLES == ("SECURITY_VIEWER", "USAGE_VIEWER")
    for name, view in ACCOUNT_USAGE.items():
        assert "QUERY_TEXT" not in view.columns
        assert account_usage.documentation(name).endswith(f"account-usage/{name.lower()}")


def test_every_source_is_read_by_a_view() -> None:
    text = "".join(view.query for view in VIEWS["monitoring"].values())
    assert {name for name in ACCOUNT_USAGE if f"SNOWFLAKE.ACCOUNT_USAGE.{name}" in text} == set(ACCOUNT_USAGE)


def test_views_come_after_those_that_they_read() -> None:
    ordered = [view.name for view in in_order(VIEWS["monitoring"])]
    assert sorted(ordered) == sorted(VIEWS["monitoring"])
    for view in VIEWS["monitoring"].values():
        for other in VIEWS["monitoring"]:
            if reads(view, other):
                assert ordered.index(other) < ordered.index(view.name)
    assert reads(VIEWS["monitoring"]["DAILY_COST"], "WAREHOUSE_CREDITS")
    one = ViewQuery("ONE", "SELECT A FROM S.TWO AS T", "")
    two = ViewQuery("TWO", "SELECT A FROM S.ONE AS T", "")
    with pytest.raises(ValueError, match="read each other in a circle: ONE, TWO"):
        in_order({"ONE": one, "TWO": two})


def test_a_statement_carries_its_digest() -> None:
    view = VIEWS["monitoring"]["FAILED_LOG_INS"]
    edited = ViewQuery(view.name, view.query.replace("'NO'", "'no'"), view.comment)
    assert edited.query.lower() == view.query.lower()
    assert edited.statement.lower() != view.statement.lower()
    assert re.match(r"SELECT /\* content: [0-9a-f]{16} \*/\n", view.statement)
    assert sqlglot.parse_one(view.statement, dialect="snowflake") is not None


# --- counting and alerting in an embedded account


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    account = made_account(tmp_path_factory.mktemp("monitoring"))
    yield account
    account.close()


@pytest.fixture
def session(account: Account) -> Iterator[EmbeddedSession]:
    session = EmbeddedSession(account, "ACCOUNTADMIN")
    yield session
    for table in ("TENANT_DAYS", "TENANT_MODEL_DAYS", "ALERTS_RAISED"):
        session.run(f"DELETE FROM VIDEXA_SHARED.MONITORING.{table}", [])
    for table in ("CHAT_MESSAGES", "CONVERSATIONS", "CORTEX_USAGE", "USER_SESSIONS", "FILE_UPLOADS"):
        session.run(f"DELETE FROM HCS0001_DB.NEXUSCHAT.{table}", [])


def collect(session: EmbeddedSession, days: int = 2) -> None:
    collect_tenant_days.main(session, "HCS0001", "HCS0001_DB", "NEXUSCHAT", days)


def message(session: EmbeddedSession, number: int, user: str, days_ago: int, role: str = "user") -> None:
    session.run(
        "INSERT INTO HCS0001_DB.NEXUSCHAT.CHAT_MESSAGES (TENANT_ID, MESSAGE_ID, CONVERSATION_ID, USER_ID, ROLE, TEXT, "
        f"CREATED_AT) SELECT 'HCS0001', ?, 'c', ?, ?, 'chest pain', DATEADD('DAY', {-days_ago}, SYSDATE())",
        [str(number), user, role],
    )


def model_call(session: EmbeddedSession, number: int, milliseconds: int, hit: bool = False) -> None:
    session.run(
        "INSERT INTO HCS0001_DB.NEXUSCHAT.CORTEX_USAGE SELECT 'HCS0001', ?, SYSDATE(), 'm', ?, ?, ?, ?, ?, 100, ?, ?",
        [str(number), hit, *((0, 0, 10, 5, 0) if hit else (10, 5, 0, 0, 80)), milliseconds],
    )


def test_a_day_is_counted_and_counted_anew(session: EmbeddedSession) -> None:
    message(session, 1, "anna", 0)
    message(session, 2, "anna", 0, "assistant")
    message(session, 3, "bert", 0)
    message(session, 4, "carl", 5)
    message(session, 5, "dora", 20)
    message(session, 6, "emil", 40)
    session.run(
        "INSERT INTO HCS0001_DB.NEXUSCHAT.FILE_UPLOADS (TENANT_ID, FILE_ID, USER_ID, BYTES, CREATED_AT) "
        "SELECT 'HCS0001', 'f', 'anna', 2048, SYSDATE()",
        [],
    )
    collect(session)
    collect(session)
    rows = [row.as_dict() for row in session.run(f"SELECT * FROM {DAYS} ORDER BY USAGE_DATE DESC", [])]
    today = datetime.datetime.now(datetime.UTC).date()
    assert [row["USAGE_DATE"] for row in rows] == [today, today - datetime.timedelta(days=1)]
    first = rows[0]
    assert (first["ACTIVE_USERS"], first["ACTIVE_USERS_7_DAYS"], first["ACTIVE_USERS_30_DAYS"]) == (2, 3, 4)
    assert (first["MESSAGES"], first["CONVERSATIONS"], first["FILES"], first["FILE_BYTES"]) == (3, 0, 1, 2048)
    assert rows[1]["MESSAGES"] == 0
    message(session, 7, "anna", 0)
    collect(session, 1)
    assert session.value(f"SELECT MESSAGES FROM {DAYS} WHERE USAGE_DATE = '{today}'") == 4


def test_models_are_counted_with_their_latency(session: EmbeddedSession) -> None:
    for number in range(9):
        model_call(session, number, 100 * (number + 1))
    model_call(session, 9, 5, hit=True)
    collect(session)
    (row,) = (found.as_dict() for found in session.run(f"SELECT * FROM {MODEL_DAYS}", []))
    assert (row["CALLS"], row["CACHE_HITS"], row["PROMPT_TOKENS"], row["AVOIDED_PROMPT_TOKENS"]) == (10, 1, 90, 10)
    assert (row["OFFERED_CHARACTERS"], row["SENT_CHARACTERS"]) == (1000, 720)
    assert (float(row["MEDIAN_MILLISECONDS"]), row["LONGEST_MILLISECONDS"]) == (450, 900)
    assert float(row["PERCENTILE_95_MILLISECONDS"]) == pytest.approx(855)


def test_what_is_counted_fills_the_tables() -> None:
    counted = {"ORGANIZATION_ID", "USAGE_DATE", "COLLECTED_AT"}
    assert {c.name for c in MONITORING_TABLES["TENANT_DAYS"].columns} == counted | set(DAY_COUNTS)
    assert {c.name for c in MONITORING_TABLES["TENANT_MODEL_DAYS"].columns} == counted | {"MODEL"} | set(MODEL_COUNTS)
    # Numbers alone leave a tenant.
    for table in ("TENANT_DAYS", "TENANT_MODEL_DAYS"):
        texts = {c.name for c in MONITORING_TABLES[table].columns if c.type.startswith(("VARCHAR", "VARIANT", "ARRAY"))}
        assert texts <= {"ORGANIZATION_ID", "MODEL"}


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ((None, "HCS0001_DB", "NEXUSCHAT", 1), "ORGANIZATION_ID is missing"),
        (("HCS0001", "", "NEXUSCHAT", 1), "DATABASE_NAME is missing"),
        (("HCS0001", "HCS0001_DB", "NEXUSCHAT", 0), "DAYS must be a whole number between 1 and 400"),
    ],
)
def test_a_wrong_argument_counts_nothing(session: EmbeddedSession, arguments: tuple[object, ...], rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        collect_tenant_days.main(session, *arguments)
    assert session.statements == []


def test_the_views_of_counts_answer(session: EmbeddedSession) -> None:
    message(session, 1, "anna", 0)
    model_call(session, 1, 100)
    model_call(session, 2, 1, hit=True)
    collect(session, 1)
    session.run(declare_prices("VIDEXA_SHARED.CORTEX_FUNCTIONS.MODEL_PRICES", {"m": ModelPrice(2.0, 10.0)}), [])
    savings = session.run(VIEWS["monitoring"]["CACHE_SAVINGS"].statement, [])[0]
    assert float(savings["HIT_RATE"]) == 0.5
    assert float(savings["CREDITS_SAVED"]) == pytest.approx(10 / 1e6 * 2 + 5 / 1e6 * 10)
    assert float(savings["SHARE_OF_CHARACTERS_NOT_SENT"]) == pytest.approx(1 - 80 / 200)
    tokens = session.run(VIEWS["monitoring"]["CORTEX_TOKENS"].statement, [])[0]
    assert float(tokens["CREDITS_AT_PRICE"]) == pytest.approx(10 / 1e6 * 2 + 5 / 1e6 * 10)
    assert session.run(VIEWS["monitoring"]["ACTIVE_USERS"].statement, [])[0]["ACTIVE_USERS"] == 1
    assert session.run(VIEWS["monitoring"]["LATENCY"].statement, [])[0]["LONGEST_MILLISECONDS"] == 100


def test_an_alert_is_written_down_and_is_not_raised_again_that_day(session: EmbeddedSession) -> None:
    session.run("CREATE OR REPLACE VIEW VIDEXA_SHARED.MONITORING.ADMIN_GRANTS AS SELECT 1 AS A UNION ALL SELECT 2", [])
    condition = alert_condition("VIDEXA_SHARED.MONITORING", "ADMIN_GRANT", "ADMIN_GRANTS")
    assert len(session.run(condition, [])) == 2
    assert raise_alert.main(session, "ADMIN_GRANT") == {"alert": "ADMIN_GRANT", "reasons": 2, "mailed": False}
    (raised,) = session.run("SELECT * FROM VIDEXA_SHARED.MONITORING.ALERTS_RAISED", [])
    assert raised["DETAIL"] == "ADMIN_GRANT: 2 rows in VIDEXA_SHARED.MONITORING.ADMIN_GRANTS"
    assert session.run(condition, []) == []
    session.run("UPDATE VIDEXA_SHARED.MONITORING.ALERTS_RAISED SET RAISED_AT = DATEADD('DAY', -2, RAISED_AT)", [])
    assert len(session.run(condition, [])) == 2
    with pytest.raises(ValueError, match="ALERT must be one of COST_THRESHOLD, ADMIN_GRANT, MONITOR_NEAR_QUOTA"):
        raise_alert.main(session, "FIRE")


def test_prices_are_written_once(session: EmbeddedSession) -> None:
    prices, table = {"CREDIT": Price(3.0, "USD")}, "VIDEXA_SHARED.MONITORING.PRICES"
    session.run(declare_amounts(table, prices), [])
    session.run(declare_amounts(table, {"CREDIT": Price(4.5, "USD"), "STORAGE_TERABYTE_MONTH": Price(23.0, "USD")}), [])
    rows = session.run(f"SELECT ITEM, AMOUNT, UNIT FROM {table} ORDER BY ITEM", [])
    assert [(row["ITEM"], float(row["AMOUNT"])) for row in rows] == [("CREDIT", 4.5), ("STORAGE_TERABYTE_MONTH", 23)]


# --- what the program declares of it


def test_the_embedded_account_has_the_same_columns() -> None:
    """What we hold our views against is what the embedded Snowflake answers with, view by view."""
    from emulator.snowflake.account.usage_views import ACCOUNT_USAGE as EMBEDDED

    for name, view in ACCOUNT_USAGE.items():
        assert tuple(column for column, _ in EMBEDDED[name].columns) == view.columns, name
        assert EMBEDDED[name].role == view.database_role, name


def test_views_and_alerts_are_declared_as_they_are_written(graph: Graph) -> None:
    views = {
        one.inputs["name"]: one.inputs
        for one in graph.of("snowflake:index/view:View")
        if one.inputs["schema"] == "MONITORING"
    }
    assert {name: inputs["statement"] for name, inputs in views.items()} == {
        name: view.statement for name, view in VIEWS["monitoring"].items()
    }
    assert all(inputs["copyGrants"] for inputs in views.values())
    alerts = {one.inputs["name"]: one.inputs for one in graph.of("snowflake:index/alert:Alert")}
    assert set(alerts) == set(ALERTS)
    for name, inputs in alerts.items():
        assert inputs["action"] == f"CALL VIDEXA_SHARED.MONITORING.RAISE_ALERT('{name}')"
        assert inputs["enabled"]
        assert inputs["alertSchedule"] == {"cron": {"expression": "7 * * * *", "timeZone": "UTC"}}


def test_the_views_find_the_organisation_in_the_tag_that_the_applications_set(
    graph: Graph, session: EmbeddedSession
) -> None:
    tags = {
        variable["value"]
        for type_, path in (("app:ContainerApp", "template"), ("app:Job", "template"))
        for one in graph.of(f"azure-native:{type_}")
        for container in one.inputs[path]["containers"]
        for variable in container.get("env", [])
        if variable["name"] == "SNOWFLAKE_QUERY_TAG"
    }
    assert tags == {"{organization_id}:chat", "{organization_id}:index"}
    for name, table in (("STATEMENT_CREDITS", "ATTRIBUTED"), ("CORTEX_CREDITS", "BILLED")):
        split = f"SPLIT_PART({table}.QUERY_TAG, ':', 1)"
        assert f"{split} = BY_TAG.ORGANIZATION_ID" in VIEWS["monitoring"][name].query
        for tag in tags:
            statement = f"SELECT {split} AS FOUND FROM (SELECT ? AS QUERY_TAG) AS {table}"
            assert session.run(statement, [tag.format(organization_id="HCS0007")])[0]["FOUND"] == "HCS0007"


def test_a_tenants_task_counts_its_own_on_the_platforms_warehouse(graph: Graph) -> None:
    for number in (1, 20):
        name = f"HCS{number:04d}"
        task = graph.one("snowflake:index/task:Task", f"{name}-COUNT_USAGE").inputs
        assert task["sqlStatement"] == (
            f"CALL \"VIDEXA_SHARED\".\"MONITORING\".\"COLLECT_TENANT_DAYS\"('{name}', '{name}_DB', 'NEXUSCHAT', 3)"
        )
        assert task["warehouse"] == "VIDEXA_SHARED_WH"
        assert task["started"] is True
        assert "afters" not in task


def test_monitoring_tables_of_tenants_are_guarded(graph: Graph) -> None:
    guarded = {
        str(one.inputs["execute"]).split('"')[5]
        for one in graph.of("snowflake:index/execute:Execute")
        if "ADD ROW ACCESS POLICY" in str(one.inputs["execute"])
    }
    assert {
        name for name, table in MONITORING_TABLES.items() if any(c.name == "ORGANIZATION_ID" for c in table.columns)
    } <= guarded


def test_alerts_are_mailed_where_there_is_somebody(graph: Graph) -> None:
    integration = graph.one(
        "snowflake:index/emailNotificationIntegration:EmailNotificationIntegration", "VIDEXA_ALERTS"
    )
    assert integration.inputs["allowedRecipients"] == ["alerts@videxa.example"]
    body = graph.one("snowflake:index/procedurePython:ProcedurePython", "MONITORING-RAISE_ALERT").inputs
    assert "EMAIL_INTEGRATION = 'VIDEXA_ALERTS'" in body["procedureDefinition"]
    assert "EMAIL_RECIPIENTS = 'alerts@videxa.example'" in body["procedureDefinition"]


def test_the_page_names_every_view() -> None:
    page = (DIRECTORY.parents[2] / "docs" / "monitoring.md").read_text(encoding="utf-8")
    named = {name for line in page.splitlines() if line.startswith("| `") for name in re.findall(r"`([A-Z_]+)`", line)}
    assert named == set(VIEWS["monitoring"])


def test_an_alert_that_cannot_be_mailed_is_raised_again(
    session: EmbeddedSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.run("CREATE OR REPLACE VIEW VIDEXA_SHARED.MONITORING.ADMIN_GRANTS AS SELECT 1 AS A", [])
    monkeypatch.setattr(raise_alert, "EMAIL_INTEGRATION", "NO_SUCH_INTEGRATION")
    monkeypatch.setattr(raise_alert, "EMAIL_RECIPIENTS", "alerts@videxa.example")
    with pytest.raises(SnowflakeError):
        raise_alert.main(session, "ADMIN_GRANT")
    assert session.value("SELECT COUNT(*) FROM VIDEXA_SHARED.MONITORING.ALERTS_RAISED") == 0
