"""Definitions by SQL and what SHOW and DESCRIBE then tell, to whom."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from emulator.snowflake.account import Account, ObjectName
from emulator.snowflake.sql import Connection, execute
from tests.emulator.snowflake_provider import KeyPair
from tests.emulator.sql_server import connection, refusal, run


@pytest.fixture
def admin(account: Account) -> Iterator[Connection]:
    with connection(account, "ACCOUNTADMIN") as opened:
        yield opened


def rows(connection: Connection, sql: str, *columns: str) -> list[tuple[Any, ...]]:
    """These columns of an answer."""
    result = connection.execute(sql)
    positions = [[column.name for column in result.columns].index(name) for name in columns]
    return [tuple(row[position] for position in positions) for row in result.rows]


def properties(account: Account, kind: str, *name: str) -> dict[str, Any]:
    found = account.find(kind, ObjectName(name))
    assert found is not None
    return found.properties


def test_warehouse_and_monitor(admin: Connection) -> None:
    run(
        admin,
        """
        CREATE RESOURCE MONITOR rm WITH CREDIT_QUOTA = 10 TRIGGERS ON 75 PERCENT DO NOTIFY ON 100 PERCENT DO SUSPEND
        CREATE WAREHOUSE IF NOT EXISTS wh WAREHOUSE_SIZE = 'SMALL' AUTO_SUSPEND = 60 RESOURCE_MONITOR = rm COMMENT = 'c'
        """,
    )
    shown = rows(admin, "SHOW WAREHOUSES", "name", "size", "auto_suspend", "resource_monitor", "comment", "is_current")
    assert shown == [("WH", "Small", 60, "RM", "c", "Y")]
    monitors = rows(
        admin, "SHOW RESOURCE MONITORS LIKE 'r%'", "name", "credit_quota", "notify_at", "suspend_at", "level"
    )
    assert monitors == [("RM", "10.00", "75%", "100%", "WAREHOUSE")]
    admin.execute("ALTER WAREHOUSE wh SUSPEND")
    assert rows(admin, "SHOW WAREHOUSES", "state") == [("SUSPENDED",)]
    admin.execute("ALTER WAREHOUSE wh SET WAREHOUSE_SIZE = LARGE, AUTO_SUSPEND = 120")
    admin.execute("ALTER WAREHOUSE wh UNSET COMMENT")
    assert rows(admin, "SHOW WAREHOUSES", "size", "auto_suspend", "comment") == [("Large", 120, "")]
    assert refusal(admin, "CREATE WAREHOUSE other RESOURCE_MONITOR = nosuch").errno == 2003
    assert refusal(admin, "CREATE WAREHOUSE other WAREHOUSE_SIZE = HUGE").errno == 1422
    assert refusal(admin, "CREATE WAREHOUSE other NOSUCH = 1").errno == 1420
    assert refusal(admin, "CREATE WAREHOUSE wh").errno == 2002


def test_databases_schemas_and_tables(admin: Connection) -> None:
    run(
        admin,
        """
        CREATE DATABASE d DATA_RETENTION_TIME_IN_DAYS = 7
        CREATE SCHEMA d.s WITH MANAGED ACCESS COMMENT = 'tenant'
        CREATE TABLE t (a INT NOT NULL, b VARCHAR(9) DEFAULT 'x' COMMENT 'bee', PRIMARY KEY (a)) CLUSTER BY (a, b)
        CREATE SECURE VIEW v AS SELECT a FROM t
        """,
    )
    assert (admin.session.database, admin.session.schema) == ("D", "S")
    assert rows(admin, "SHOW DATABASES LIKE 'D'", "name", "retention_time", "owner", "is_current") == [
        ("D", "7", "ACCOUNTADMIN", "Y")
    ]
    assert rows(admin, "SHOW SCHEMAS IN DATABASE d STARTS WITH 'S'", "name", "options", "comment") == [
        ("S", "MANAGED ACCESS", "tenant")
    ]
    assert rows(admin, "SHOW TABLES", "name", "kind", "cluster_by", "rows") == [("T", "TABLE", "LINEAR(a, b)", 0)]
    assert rows(admin, "SHOW VIEWS IN SCHEMA d.s", "name", "is_secure", "text") == [("V", "true", "SELECT a FROM t")]
    assert rows(admin, "DESCRIBE TABLE t", "name", "type", "null?", "default", "primary key", "comment") == [
        ("A", "NUMBER(38,0)", "N", None, "Y", None),
        ("B", "VARCHAR(9)", "Y", "'x'", "N", "bee"),
    ]
    run(
        admin,
        """
        ALTER TABLE t ADD COLUMN c NUMBER(4,1), d DATE
        ALTER TABLE t RENAME COLUMN c TO e
        ALTER TABLE t ALTER COLUMN e SET DATA TYPE NUMBER(6,1), COLUMN b DROP DEFAULT
        ALTER TABLE t MODIFY COLUMN a DROP NOT NULL
        ALTER TABLE t DROP COLUMN d
        ALTER TABLE t RENAME TO t2
        COMMENT ON TABLE t2 IS 'renamed'
        """,
    )
    assert rows(admin, "DESC TABLE d.s.t2", "name", "type", "null?", "default") == [
        ("A", "NUMBER(38,0)", "Y", None),
        ("B", "VARCHAR(9)", "Y", None),
        ("E", "NUMBER(6,1)", "Y", None),
    ]
    assert rows(admin, "SHOW TABLES IN ACCOUNT", "name", "comment") == [("T2", "renamed")]
    assert admin.execute("DROP TABLE IF EXISTS nosuch").rows[0][0].startswith("Drop statement executed")
    assert refusal(admin, "DROP TABLE nosuch").errno == 2003
    admin.execute("DROP SCHEMA d.s")
    assert rows(admin, "SHOW TABLES IN DATABASE d", "name") == []


def test_names_keep_their_case_in_quotes(admin: Connection) -> None:
    run(admin, 'CREATE DATABASE "Mixed"\nCREATE SCHEMA "Mixed"."in"\nCREATE TABLE "Mixed"."in"."T b" ("C d" INT)')
    assert rows(admin, "SHOW TABLES IN ACCOUNT", "database_name", "schema_name", "name") == [("Mixed", "in", "T b")]
    admin.execute("CREATE WAREHOUSE w")
    admin.execute('INSERT INTO "Mixed"."in"."T b" ("C d") VALUES (1)')
    assert admin.execute('SELECT "C d" FROM "T b"').rows == [(1,)]
    assert refusal(admin, "USE DATABASE mixed").errno == 2003


def test_users_roles_and_grants(admin: Connection, key_pair: KeyPair) -> None:
    key = "".join(key_pair.public.strip().splitlines()[1:-1])
    run(
        admin,
        f"""
        CREATE DATABASE d
        CREATE SCHEMA d.s
        CREATE TABLE t (a INT)
        CREATE ROLE reader COMMENT = 'reads'
        CREATE DATABASE ROLE d.access
        CREATE USER app TYPE = SERVICE RSA_PUBLIC_KEY = '{key}' DEFAULT_ROLE = reader
        GRANT DATABASE ROLE d.access TO ROLE reader
        GRANT ROLE reader TO USER app
        GRANT ROLE reader TO ROLE sysadmin
        GRANT USAGE ON DATABASE d TO DATABASE ROLE d.access
        GRANT USAGE, CREATE TABLE ON SCHEMA d.s TO DATABASE ROLE d.access
        GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA d.s TO DATABASE ROLE d.access
        GRANT SELECT ON FUTURE TABLES IN DATABASE d TO ROLE reader WITH GRANT OPTION
        """,
    )
    columns = ("privilege", "granted_on", "name", "granted_to", "grantee_name", "grant_option")
    assert sorted(rows(admin, "SHOW GRANTS TO DATABASE ROLE d.access", *columns)) == [
        ("CREATE TABLE", "SCHEMA", "D.S", "DATABASE_ROLE", "ACCESS", "false"),
        ("INSERT", "TABLE", "D.S.T", "DATABASE_ROLE", "ACCESS", "false"),
        ("SELECT", "TABLE", "D.S.T", "DATABASE_ROLE", "ACCESS", "false"),
        ("USAGE", "DATABASE", "D", "DATABASE_ROLE", "ACCESS", "false"),
        ("USAGE", "SCHEMA", "D.S", "DATABASE_ROLE", "ACCESS", "false"),
    ]
    assert rows(admin, "SHOW GRANTS TO ROLE reader", *columns[:3]) == [("USAGE", "DATABASE_ROLE", "D.ACCESS")]
    assert rows(admin, "SHOW GRANTS OF ROLE reader", "granted_to", "grantee_name") == [
        ("ROLE", "SYSADMIN"),
        ("USER", "APP"),
    ]
    assert rows(admin, "SHOW GRANTS TO USER app", "role") == [("READER",)]
    assert rows(admin, "SHOW FUTURE GRANTS IN DATABASE d", "privilege", "grant_on", "name", "grant_option") == [
        ("SELECT", "TABLE", "D.<TABLE>", "true")
    ]
    assert ("SELECT", "ACCESS") in rows(admin, "SHOW GRANTS ON TABLE t", "privilege", "grantee_name")
    assert rows(admin, "SHOW ROLES LIKE 'READER'", "assigned_to_users", "granted_to_roles", "comment") == [
        (1, 1, "reads")
    ]
    assert rows(admin, "SHOW USERS LIKE 'APP'", "has_rsa_public_key", "type", "disabled") == [
        ("true", "SERVICE", "false")
    ]
    assert rows(admin, "SHOW DATABASE ROLES IN DATABASE d", "name", "granted_to_roles") == [("ACCESS", 1)]
    admin.execute("REVOKE INSERT ON TABLE t FROM DATABASE ROLE d.access")
    admin.execute("REVOKE DATABASE ROLE d.access FROM ROLE reader")
    assert ("INSERT", "ACCESS") not in rows(admin, "SHOW GRANTS ON TABLE t", "privilege", "grantee_name")
    assert rows(admin, "SHOW GRANTS TO ROLE reader", "name") == []
    admin.execute("GRANT OWNERSHIP ON TABLE t TO ROLE reader COPY CURRENT GRANTS")
    assert ("OWNERSHIP", "READER") in rows(admin, "SHOW GRANTS ON TABLE t", "privilege", "grantee_name")
    assert refusal(admin, "GRANT SELECT ON TABLE nosuch TO ROLE reader").errno == 2003
    assert refusal(admin, "GRANT SELECT ON TABLE t TO ROLE nosuch").errno == 2003
    assert refusal(admin, "GRANT NOSUCH ON TABLE t TO ROLE reader").errno != 0


def test_a_role_is_shown_only_what_it_may_know_of(admin: Connection) -> None:
    for tenant in ("A", "B"):
        run(
            admin,
            f"""
            CREATE DATABASE {tenant}_db
            CREATE SCHEMA {tenant}_db.s
            CREATE TABLE t (a INT)
            CREATE VIEW v AS SELECT a FROM t
            CREATE WAREHOUSE {tenant}_wh
            CREATE ROLE {tenant}_role
            GRANT USAGE ON DATABASE {tenant}_db TO ROLE {tenant}_role
            GRANT USAGE ON SCHEMA {tenant}_db.s TO ROLE {tenant}_role
            GRANT SELECT ON TABLE t TO ROLE {tenant}_role
            GRANT USAGE ON WAREHOUSE {tenant}_wh TO ROLE {tenant}_role
            """,
        )
    with connection(admin.account, "A_ROLE") as tenant_a:
        assert ("B_DB",) not in rows(tenant_a, "SHOW DATABASES", "name")
        assert rows(tenant_a, "SHOW TABLES IN ACCOUNT", "database_name", "name") == [("A_DB", "T")]
        assert rows(tenant_a, "SHOW VIEWS IN ACCOUNT", "name") == []
        assert rows(tenant_a, "SHOW WAREHOUSES", "name") == [("A_WH",)]
        assert rows(tenant_a, "SHOW RESOURCE MONITORS", "name") == []
        assert refusal(tenant_a, "SHOW SCHEMAS IN DATABASE b_db").errno == 2003
        assert refusal(tenant_a, "SHOW GRANTS ON DATABASE b_db").errno == 2003
        assert refusal(tenant_a, "USE WAREHOUSE b_wh").errno in (2003, 2043)
        assert refusal(tenant_a, "CREATE DATABASE mine").errno == 3001
        assert refusal(tenant_a, "CREATE TABLE a_db.s.x (a INT)").errno == 3001
        assert refusal(tenant_a, "DROP TABLE a_db.s.t").errno == 3001


def test_policies_and_tags(admin: Connection) -> None:
    run(
        admin,
        """
        CREATE DATABASE d
        CREATE SCHEMA d.s
        CREATE TABLE t (tenant VARCHAR, phi VARCHAR)
        CREATE TAG kind ALLOWED_VALUES 'name', 'text' COMMENT = 'what it is'
        CREATE MASKING POLICY mp AS (val VARCHAR) RETURNS VARCHAR -> CASE WHEN CURRENT_ROLE() = 'X' THEN val END
        CREATE ROW ACCESS POLICY rap AS (t VARCHAR) RETURNS BOOLEAN -> t = CURRENT_ROLE() COMMENT = 'own rows'
        ALTER TABLE t MODIFY COLUMN phi SET MASKING POLICY mp
        ALTER TABLE t ADD ROW ACCESS POLICY rap ON (tenant)
        ALTER TABLE t SET TAG kind = 'text'
        ALTER TABLE t MODIFY COLUMN phi SET TAG kind = 'name'
        """,
    )
    assert rows(admin, "DESCRIBE MASKING POLICY mp", "signature", "body") == [
        ("(VAL VARCHAR(16777216))", "CASE WHEN CURRENT_ROLE() = 'X' THEN val END")
    ]
    assert rows(admin, "DESCRIBE TABLE t", "name", "policy name") == [("TENANT", None), ("PHI", "D.S.MP")]
    assert properties(admin.account, "ROW ACCESS POLICY", "D", "S", "RAP")["BODY"] == "t = CURRENT_ROLE()"
    assert rows(admin, "SHOW TAGS", "name", "allowed_values", "comment") == [("KIND", '["name", "text"]', "what it is")]
    assert refusal(admin, "ALTER TABLE t SET TAG kind = 'other'").errno != 0
    assert refusal(admin, "DROP MASKING POLICY mp").errno != 0
    admin.execute("CREATE WAREHOUSE w")
    admin.execute("INSERT INTO t VALUES ('ACCOUNTADMIN', 'Ada'), ('OTHER', 'Bob')")
    assert admin.execute("SELECT * FROM t").rows == [("ACCOUNTADMIN", None)]
    run(
        admin,
        """
        ALTER TABLE t MODIFY COLUMN phi UNSET MASKING POLICY
        ALTER TABLE t DROP ROW ACCESS POLICY rap
        DROP MASKING POLICY mp
        DROP ROW ACCESS POLICY rap
        """,
    )
    assert admin.execute("SELECT phi FROM t ORDER BY 1").rows == [("Ada",), ("Bob",)]


def test_network_and_log_in_policies(admin: Connection) -> None:
    run(
        admin,
        """
        CREATE DATABASE d
        CREATE SCHEMA d.s
        CREATE NETWORK RULE nr TYPE = IPV4 MODE = INGRESS VALUE_LIST = ('10.0.0.0/8')
        CREATE NETWORK POLICY np ALLOWED_NETWORK_RULE_LIST = (nr)
        CREATE PASSWORD POLICY pp PASSWORD_MIN_LENGTH = 20
        CREATE SESSION POLICY sp SESSION_IDLE_TIMEOUT_MINS = 15
        CREATE AUTHENTICATION POLICY ap AUTHENTICATION_METHODS = ('KEYPAIR')
        ALTER USER nexus_deploy SET NETWORK_POLICY = np
        """,
    )
    assert rows(admin, "SHOW NETWORK POLICIES", "name", "entries_in_allowed_network_rules") == [("NP", 1)]
    described = dict(rows(admin, "DESCRIBE PASSWORD POLICY pp", "property", "value"))
    assert described["PASSWORD_MIN_LENGTH"] == "20"
    assert described["PASSWORD_MAX_LENGTH"] == "256"
    assert refusal(admin, "DROP NETWORK RULE nr").errno != 0


def test_tasks_and_parameters(admin: Connection) -> None:
    run(
        admin,
        """
        CREATE DATABASE d
        CREATE SCHEMA d.s
        CREATE WAREHOUSE w
        CREATE TASK root WAREHOUSE = w SCHEDULE = 'USING CRON 0 3 * * * UTC' AS DELETE FROM t WHERE a < 1
        CREATE TASK after_root WAREHOUSE = w AFTER root AS SELECT 1
        ALTER TASK after_root RESUME
        ALTER ACCOUNT SET PERIODIC_DATA_REKEYING = TRUE
        ALTER DATABASE d SET DATA_RETENTION_TIME_IN_DAYS = 30
        """,
    )
    assert rows(admin, "SHOW TASKS", "name", "state", "predecessors", "definition") == [
        ("AFTER_ROOT", "started", '["D.S.ROOT"]', "SELECT 1"),
        ("ROOT", "suspended", "[]", "DELETE FROM t WHERE a < 1"),
    ]
    shown = rows(admin, "SHOW PARAMETERS LIKE 'PERIODIC%' IN ACCOUNT", "key", "value", "level", "type")
    assert shown == [("PERIODIC_DATA_REKEYING", "true", "ACCOUNT", "BOOLEAN")]
    assert rows(admin, "SHOW PARAMETERS LIKE 'DATA_RETENTION%' IN SCHEMA d.s", "value", "level") == [("30", "DATABASE")]
    admin.execute("ALTER SESSION SET QUERY_TAG = 'nexus'")
    assert rows(admin, "SHOW PARAMETERS LIKE 'QUERY_TAG'", "value", "level") == [("nexus", "SESSION")]
    assert refusal(admin, "ALTER SESSION SET NOSUCH = 1").errno != 0


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TEMPORARY TABLE x (a INT)",
        "CREATE MATERIALIZED VIEW x AS SELECT 1",
        "CREATE COMPUTE POOL x",
        "CREATE OR ALTER TABLE x (a INT)",
        "ALTER SCHEMA d.s SWAP WITH d.s2",
        "UNDROP TAG x",
        "ALTER WAREHOUSE x ABORT ALL QUERIES",
        "SHOW LOCKS",
        "DESCRIBE RESULT 'x'",
        "GRANT SELECT (a) ON TABLE x TO ROLE y",
        "GRANT USAGE ON DATABASE x TO SHARE y",
        "REVOKE OWNERSHIP ON TABLE x FROM ROLE y",
    ],
)
def test_what_is_not_built_is_refused_by_name(admin: Connection, sql: str) -> None:
    run(admin, "CREATE DATABASE d\nCREATE SCHEMA d.s")
    error = refusal(admin, sql)
    assert (error.errno, error.sqlstate) == (2, "0A000")
    assert error.message.startswith("Unsupported")


@pytest.mark.parametrize("sql", ["CREATE TABLE x", "GRANT SELECT ON TABLE x", "ALTER WAREHOUSE", "DROP TABLE x y"])
def test_what_cannot_be_read_says_where(admin: Connection, sql: str) -> None:
    run(admin, "CREATE DATABASE d\nCREATE SCHEMA d.s")
    error = refusal(admin, sql)
    assert error.errno in (1003, 2)


def test_one_statement_in_a_session_of_its_own(account: Account) -> None:
    session = account.session("NEXUS_DEPLOY", "SYSADMIN")
    execute(session, "CREATE DATABASE d")
    assert session.database == "D"
    assert execute(session, "SELECT CURRENT_DATABASE(), CURRENT_USER()").rows == [("D", "NEXUS_DEPLOY")]
