"""The official connector talks to the embedded Snowflake over HTTP on loopback."""

from __future__ import annotations

import json
import socket
import urllib.request
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from snowflake.connector import SnowflakeConnection
from snowflake.connector.errors import DatabaseError, IntegrityError, ProgrammingError

from emulator.snowflake.account import Account, SnowflakeError
from emulator.snowflake.account.keys import fingerprint, public_key_body
from emulator.snowflake.sql.wire import verify_key_pair
from tests.emulator.snowflake_provider import KeyPair
from tests.emulator.sql_server import Endpoint, connection, run, serving

TENANTS = ("HCS0001", "HCS0002")


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory, key_pair: KeyPair) -> Iterator[Endpoint]:
    """Two tenants and a service user that may act for the first."""
    account = Account(tmp_path_factory.mktemp("account"))
    account.initialise(deploy_public_key=key_pair.public)
    key = public_key_body(key_pair.public)
    with connection(account, "ACCOUNTADMIN") as admin:
        for tenant in TENANTS:
            run(
                admin,
                f"""
                CREATE DATABASE {tenant}_DB
                CREATE SCHEMA {tenant}_DB.NEXUSCHAT WITH MANAGED ACCESS
                CREATE TABLE MESSAGES (ID INT, TEXT VARCHAR, CONTENT VARIANT, FILES ARRAY, AT TIMESTAMP_NTZ)
                CREATE WAREHOUSE {tenant}_WH
                CREATE ROLE {tenant}_APP
                GRANT USAGE ON DATABASE {tenant}_DB TO ROLE {tenant}_APP
                GRANT USAGE ON SCHEMA {tenant}_DB.NEXUSCHAT TO ROLE {tenant}_APP
                GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE MESSAGES TO ROLE {tenant}_APP
                GRANT USAGE ON WAREHOUSE {tenant}_WH TO ROLE {tenant}_APP
                """,
            )
        run(
            admin,
            f"""
            CREATE USER APP_SVC TYPE = SERVICE RSA_PUBLIC_KEY = '{key}' DEFAULT_SECONDARY_ROLES = ()
            CREATE USER GONE_SVC TYPE = SERVICE RSA_PUBLIC_KEY = '{key}' DISABLED = TRUE
            GRANT ROLE HCS0001_APP TO USER APP_SVC
            GRANT ROLE HCS0002_APP TO USER NEXUS_DEPLOY
            """,
        )
    with serving(account, key_pair) as found:
        yield found
    account.close()


@pytest.fixture
def tenant(endpoint: Endpoint) -> Iterator[SnowflakeConnection]:
    """The first tenant's application."""
    with endpoint.connect(
        user="app_svc",
        role="hcs0001_app",
        warehouse="HCS0001_WH",
        database="hcs0001_db",
        schema="nexuschat",
    ) as opened:
        opened.cursor().execute("DELETE FROM messages")
        yield opened


def test_log_in_takes_up_the_connect_string(endpoint: Endpoint, tenant: SnowflakeConnection) -> None:
    assert (tenant.role, tenant.warehouse, tenant.database, tenant.schema) == (
        "HCS0001_APP",
        "HCS0001_WH",
        "HCS0001_DB",
        "NEXUSCHAT",
    )
    row = tenant.cursor().execute("SELECT CURRENT_USER(), CURRENT_ROLE(), CURRENT_ACCOUNT_NAME()").fetchone()
    assert row == ("APP_SVC", "HCS0001_APP", "EMBEDDED")
    with endpoint.connect(user="app_svc", role="hcs0001_app", warehouse="HCS0002_WH", database="HCS0002_DB") as other:
        assert (other.warehouse, other.database) == (None, None)


@pytest.mark.parametrize(
    ("options", "errno", "words"),
    [
        ({"role": "HCS0002_APP"}, 390186, "is not granted to this user"),
        ({"role": "NOSUCH"}, 390189, "specified in the connect string"),
        ({"user": "gone_svc"}, 390101, "disabled"),
        ({"user": "nobody"}, 390144, "JWT token is invalid"),
        ({"account": "another"}, 390144, "JWT token is invalid"),
        ({"authenticator": "snowflake", "private_key": None, "password": "x"}, 390100, "Incorrect username"),
    ],
)
def test_log_in_is_refused(endpoint: Endpoint, options: dict[str, Any], errno: int, words: str) -> None:
    with pytest.raises(DatabaseError, match=words) as refused:
        endpoint.connect(**{"user": "app_svc", "role": "HCS0001_APP", **options})
    assert refused.value.errno == errno


def test_another_key_is_refused(endpoint: Endpoint) -> None:
    with pytest.raises(DatabaseError) as refused:
        endpoint.connect(private_key=rsa.generate_private_key(public_exponent=65537, key_size=2048))
    assert refused.value.errno == 390144


def test_a_token_must_be_signed_in_time_and_short(endpoint: Endpoint, other_key_pair: KeyPair) -> None:
    account, keys = endpoint.account, endpoint.keys
    print_ = fingerprint(public_key_body(keys.public))
    now = datetime.now(UTC)

    def token(private: str = keys.private, **changed: Any) -> str:
        claims = {
            "iss": f"VIDEXA-EMBEDDED.APP_SVC.{print_}",
            "sub": "VIDEXA-EMBEDDED.APP_SVC",
            "iat": now,
            "exp": now + timedelta(minutes=1),
            **changed,
        }
        return jwt.encode(claims, load_pem_private_key(private.encode(), None), algorithm="RS256")  # type: ignore[arg-type]

    assert verify_key_pair(account, "app_svc", token()) == "APP_SVC"
    wrong = [
        token(other_key_pair.private),
        token(exp=now - timedelta(minutes=5), iat=now - timedelta(minutes=6)),
        token(exp=now + timedelta(hours=3)),
        token(sub="VIDEXA-EMBEDDED.NEXUS_DEPLOY"),
        token(iss=f"VIDEXA-EMBEDDED.NEXUS_DEPLOY.{print_}"),
        jwt.encode({"iss": f"VIDEXA-EMBEDDED.APP_SVC.{print_}", "sub": "VIDEXA-EMBEDDED.APP_SVC"}, "k" * 32, "HS256"),
        "no.token.at-all",
        "",
    ]
    for given in wrong:
        with pytest.raises(SnowflakeError) as refused:
            verify_key_pair(account, "APP_SVC", given)
        assert refused.value.errno == 390144


def test_rows_come_back_as_they_went(tenant: SnowflakeConnection) -> None:
    cursor = tenant.cursor()
    text = 'it\'s \\ \n "é" 😀'
    cursor.execute(
        "INSERT INTO messages SELECT %s, %s, PARSE_JSON(%s), ARRAY_CONSTRUCT(1, 'x'), %s",
        (1, text, '{"b":null,"a":[1.5,{"c":true}]}', datetime(2020, 1, 2, 3, 4, 5, 678901)),
    )
    assert cursor.rowcount == 1
    cursor.execute("SELECT * FROM messages WHERE id = %(id)s", {"id": 1})
    ((number, found, content, files, at),) = cursor.fetchall()
    assert (number, found, at) == (1, text, datetime(2020, 1, 2, 3, 4, 5, 678901))
    assert content.replace("\n", "").replace(" ", "") == '{"a":[1.5,{"c":true}],"b":null}'
    assert files.replace("\n", "").replace(" ", "") == '[1,"x"]'
    assert [(column.name, column.type_code) for column in cursor.description] == [
        ("ID", 0),
        ("TEXT", 2),
        ("CONTENT", 5),
        ("FILES", 5),
        ("AT", 8),
    ]


def test_an_answer_without_rows(tenant: SnowflakeConnection) -> None:
    with tenant.cursor() as cursor:
        cursor.execute("SELECT ID, TEXT FROM MESSAGES WHERE ID = 404")
        assert (cursor.rowcount, [column.name for column in cursor.description or ()]) == (0, ["ID", "TEXT"])
        assert list(cursor.fetch_arrow_batches()) == []
        assert cursor.fetchall() == []


def test_every_type_in_both_result_formats(endpoint: Endpoint) -> None:
    query = (
        "SELECT 1, 12345678901234567890123456789, 1.25::NUMBER(5,2), 1.5::FLOAT, 'é', TRUE, '2020-02-03'::DATE, "
        "'01:02:03.5'::TIME, '1960-01-02 03:04:05.25'::TIMESTAMP_NTZ, X'00ff', PARSE_JSON('[1]'), NULL"
    )
    expected = (
        1,
        12345678901234567890123456789,
        Decimal("1.25"),
        1.5,
        "é",
        True,
        date(2020, 2, 3),
        time(1, 2, 3, 500_000),
        datetime(1960, 1, 2, 3, 4, 5, 250_000),
        b"\x00\xff",
        "[\n  1\n]",
        None,
    )
    for format_ in ("ARROW", "JSON"):
        with endpoint.connect(session_parameters={"PYTHON_CONNECTOR_QUERY_RESULT_FORMAT": format_}) as opened:
            row = opened.cursor().execute(query).fetchone()
            assert tuple(row) == expected  # type: ignore[arg-type]
            opened.cursor().execute("ALTER SESSION SET TIMEZONE = 'Europe/Berlin'")
            (moment,) = opened.cursor().execute("SELECT '2020-01-01 00:00:00'::TIMESTAMP_LTZ").fetchone()  # type: ignore[misc]
            assert moment == datetime(2019, 12, 31, 23, tzinfo=UTC)


def test_bindings_of_the_server(endpoint: Endpoint) -> None:
    given = (
        1,
        Decimal("1.25"),
        1.5,
        "it's",
        True,
        None,
        date(2020, 1, 2),
        datetime(2020, 1, 2, 3, 4, 5, 6),
        time(4, 5, 6),
        b"\x01\xff",
    )
    with endpoint.connect(paramstyle="qmark", warehouse="HCS0001_WH") as opened:
        marks = ", ".join("?" * len(given))
        assert tuple(opened.cursor().execute(f"SELECT {marks}", given).fetchone()) == given  # type: ignore[arg-type]
        cast = "SELECT ?::INT + 1, ?::VARIANT, '?::'"
        assert opened.cursor().execute(cast, ("5", "x")).fetchone() == (6, '"x"', "?::")
        cursor = opened.cursor()
        cursor.execute("CREATE DATABASE bound")
        cursor.execute("CREATE TABLE bound.public.t (a INT, b VARCHAR, v VARIANT)")
        cursor.executemany("INSERT INTO bound.public.t (a, b) VALUES (?, ?)", [(i, f"n{i}") for i in range(2_000)])
        assert cursor.rowcount == 2_000
        cursor.executemany("INSERT INTO bound.public.t (a, v) SELECT ?, PARSE_JSON(?)", [(1, '{"k":2}'), (2, None)])
        assert cursor.rowcount == 2
        assert cursor.execute("SELECT COUNT(*), MAX(v:k::INT) FROM bound.public.t").fetchone() == (2_002, 2)
        assert cursor.execute("SELECT b FROM bound.public.t WHERE a = ? AND b IS NOT NULL", (7,)).fetchone() == ("n7",)
        cursor.execute("DROP DATABASE bound")


def test_many_rows_by_the_client(tenant: SnowflakeConnection) -> None:
    cursor = tenant.cursor()
    cursor.executemany("INSERT INTO messages (id, text) VALUES (%s, %s)", [(i, f"it's {i}") for i in range(1_000)])
    assert cursor.rowcount == 1_000
    assert cursor.execute("SELECT COUNT(DISTINCT text) FROM messages").fetchone() == (1_000,)
    rows = cursor.execute("SELECT id FROM messages ORDER BY id").fetchmany(10)
    assert rows == [(i,) for i in range(10)]


def test_errors_have_snowflakes_number_and_state(tenant: SnowflakeConnection) -> None:
    cursor = tenant.cursor()
    with pytest.raises(ProgrammingError) as refused:
        cursor.execute("SELECT * FROM HCS0002_DB.NEXUSCHAT.MESSAGES")
    assert (refused.value.errno, refused.value.sqlstate) == (2003, "42S02")
    assert "Object 'HCS0002_DB.NEXUSCHAT.MESSAGES' does not exist or not authorized." in str(refused.value)
    with pytest.raises(ProgrammingError) as two:
        cursor.execute("SELECT 1; SELECT 2")
    assert two.value.errno == 8
    with pytest.raises(ProgrammingError) as syntax:
        cursor.execute("SELECT FROM WHERE")
    assert (syntax.value.errno, syntax.value.sqlstate) == (1003, "42000")
    with pytest.raises(ProgrammingError) as large:
        cursor.execute("SELECT 123456789.999::NUMBER(10, 2)")
    assert (large.value.errno, large.value.sqlstate) == (100039, "22003")
    with pytest.raises(ProgrammingError) as division:
        cursor.execute("INSERT INTO messages (id) SELECT 1/0")
    assert (division.value.errno, division.value.sqlstate) == (100051, "22012")


def test_a_missing_value_is_an_integrity_error(endpoint: Endpoint) -> None:
    with endpoint.connect(warehouse="HCS0001_WH") as opened:
        cursor = opened.cursor()
        cursor.execute("CREATE DATABASE strict")
        cursor.execute("CREATE TABLE strict.public.t (a INT NOT NULL)")
        with pytest.raises(IntegrityError) as missing:
            cursor.execute("INSERT INTO strict.public.t SELECT NULL")
        assert missing.value.errno == 100072
        cursor.execute("DROP DATABASE strict")


def test_tenants_are_apart(endpoint: Endpoint) -> None:
    denied = 0
    for own, other in (TENANTS, TENANTS[::-1]):
        user = "app_svc" if own == "HCS0001" else "nexus_deploy"
        with endpoint.connect(user=user, role=f"{own}_APP", warehouse=f"{own}_WH", database=f"{own}_DB") as opened:
            cursor = opened.cursor()
            if user == "nexus_deploy":
                cursor.execute("USE SECONDARY ROLES NONE")
            assert cursor.execute("SELECT COUNT(*) FROM NEXUSCHAT.MESSAGES").fetchone() is not None
            for sql in (
                f"SELECT * FROM {other}_DB.NEXUSCHAT.MESSAGES",
                f"INSERT INTO {other}_DB.NEXUSCHAT.MESSAGES (ID) VALUES (1)",
                f"UPDATE {other}_DB.NEXUSCHAT.MESSAGES SET ID = 1",
                f"DELETE FROM {other}_DB.NEXUSCHAT.MESSAGES",
                f"DROP TABLE {other}_DB.NEXUSCHAT.MESSAGES",
                f"USE DATABASE {other}_DB",
            ):
                with pytest.raises(ProgrammingError) as refused:
                    cursor.execute(sql)
                assert refused.value.errno == 2003
                denied += 1
    assert denied == 12


def test_a_revoked_grant_and_a_disabled_user_count_at_once(endpoint: Endpoint) -> None:
    with endpoint.connect() as admin, endpoint.connect(user="app_svc", role="HCS0001_APP") as opened:
        manage, cursor = admin.cursor(), opened.cursor()
        cursor.execute("USE WAREHOUSE HCS0001_WH")
        cursor.execute("SELECT COUNT(*) FROM HCS0001_DB.NEXUSCHAT.MESSAGES")
        manage.execute("REVOKE SELECT ON TABLE HCS0001_DB.NEXUSCHAT.MESSAGES FROM ROLE HCS0001_APP")
        with pytest.raises(ProgrammingError) as refused:
            cursor.execute("SELECT COUNT(*) FROM HCS0001_DB.NEXUSCHAT.MESSAGES")
        assert refused.value.errno == 2003
        manage.execute("GRANT SELECT ON TABLE HCS0001_DB.NEXUSCHAT.MESSAGES TO ROLE HCS0001_APP")
        cursor.execute("SELECT COUNT(*) FROM HCS0001_DB.NEXUSCHAT.MESSAGES")
        manage.execute("ALTER USER app_svc SET DISABLED = TRUE")
        with pytest.raises(ProgrammingError) as disabled:
            cursor.execute("SELECT 1")
        assert disabled.value.errno == 390101
        manage.execute("ALTER USER app_svc SET DISABLED = FALSE")


def test_several_statements_where_they_are_asked_for(tenant: SnowflakeConnection) -> None:
    cursor = tenant.cursor()
    cursor.execute("SELECT 1; SELECT 'b;c'", num_statements=2)
    assert cursor.fetchall() == [(1,)]
    cursor.nextset()
    assert cursor.fetchall() == [("b;c",)]
    assert [found.fetchall() for found in tenant.execute_string("SELECT 1; SELECT 2;")] == [[(1,)], [(2,)]]


def test_asynchronous_statements_and_earlier_results(tenant: SnowflakeConnection) -> None:
    cursor = tenant.cursor()
    cursor.execute_async("SELECT 5 AS five")
    identifier = cursor.sfqid
    assert identifier is not None
    assert tenant.get_query_status(identifier).name == "SUCCESS"
    cursor.get_results_from_sfqid(identifier)
    assert cursor.fetchall() == [(5,)]
    assert cursor.execute(f"SELECT five FROM TABLE(RESULT_SCAN('{identifier}'))").fetchall() == [(5,)]
    with pytest.raises(ProgrammingError) as unknown:
        cursor.execute(f"SELECT * FROM TABLE(RESULT_SCAN('{uuid.uuid4()}'))")
    assert unknown.value.errno == 709


def test_describe_without_running(tenant: SnowflakeConnection) -> None:
    described = tenant.cursor().describe("SELECT id, text FROM messages")
    assert [(column.name, column.type_code) for column in described] == [("ID", 0), ("TEXT", 2)]


def test_transactions_over_the_wire(endpoint: Endpoint, tenant: SnowflakeConnection) -> None:
    tenant.autocommit(False)
    tenant.cursor().execute("INSERT INTO messages (id) VALUES (1)")
    with endpoint.connect(warehouse="HCS0001_WH") as other:
        count = "SELECT COUNT(*) FROM HCS0001_DB.NEXUSCHAT.MESSAGES"
        assert other.cursor().execute(count).fetchone() == (0,)
        tenant.commit()
        assert other.cursor().execute(count).fetchone() == (1,)
        tenant.cursor().execute("DELETE FROM messages")
        tenant.rollback()
        assert other.cursor().execute(count).fetchone() == (1,)
    tenant.autocommit(True)


def test_session_parameters_and_context(endpoint: Endpoint) -> None:
    with endpoint.connect(session_parameters={"QUERY_TAG": "HCS0001"}) as opened:
        cursor = opened.cursor()
        assert cursor.execute("SHOW PARAMETERS LIKE 'QUERY_TAG'").fetchall()[0][:2] == ("QUERY_TAG", "HCS0001")
        cursor.execute("USE ROLE sysadmin")
        assert opened.role == "SYSADMIN"
        cursor.execute("USE ROLE accountadmin")
        cursor.execute("USE SCHEMA HCS0001_DB.NEXUSCHAT")
        assert (opened.database, opened.schema) == ("HCS0001_DB", "NEXUSCHAT")


def test_a_closed_session_is_gone(endpoint: Endpoint) -> None:
    opened = endpoint.connect()
    token = opened.rest.token  # type: ignore[union-attr]
    opened.close()
    other = endpoint.connect()
    other.rest._token = token  # type: ignore[union-attr]
    with pytest.raises(DatabaseError) as refused:
        other.cursor().execute("SELECT 1")
    assert refused.value.errno == 390111


def test_nothing_looks_outside(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    reached: list[Any] = []
    connect = socket.socket.connect
    look_up = socket.getaddrinfo

    def watched_connect(self: socket.socket, address: Any) -> None:
        reached.append(address[0])
        connect(self, address)

    def watched_look_up(host: Any, *arguments: Any, **options: Any) -> Any:
        reached.append(host)
        return look_up(host, *arguments, **options)

    monkeypatch.setattr(socket.socket, "connect", watched_connect)
    monkeypatch.setattr(socket, "getaddrinfo", watched_look_up)
    with endpoint.connect() as opened:
        opened.cursor().execute("SELECT 1").fetchall()
    assert set(reached) == {"127.0.0.1"}


def test_what_cannot_be_read_is_refused_and_stops_nobody(endpoint: Endpoint) -> None:
    def ask(path: str, body: bytes, **headers: str) -> dict[str, Any]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{endpoint.port}{path}", body, {"Content-Type": "application/json", **headers}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            found: dict[str, Any] = json.loads(answer.read())
            return found

    log_in, query = "/session/v1/login-request", "/queries/v1/query-request"
    for nothing in (b"", b"[]", b"{", b"\xff"):
        assert ask(log_in, nothing)["code"] == "390100"
    assert ask(log_in, b"no gzip", **{"Content-Encoding": "gzip"})["code"] == "390100"
    assert ask(query, b'{"sqlText": "SELECT 1"}', Authorization='Snowflake Token="x"')["code"] == "390111"
    with endpoint.connect() as opened:
        token = f'Snowflake Token="{opened.rest.token}"'  # type: ignore[union-attr]
        for bindings in ({"1": {"type": "FIXED", "value": "x"}}, {"1": {"value": "x"}}, {"1": "x"}, "x"):
            body = json.dumps({"sqlText": "SELECT ?", "bindings": bindings}).encode()
            assert ask(query, body, Authorization=token)["code"] == "002049"
        assert not ask(query, b'{"sqlText": "SELECT \'\\ud800\'"}', Authorization=token)["success"]
    # Half a character is noted as well as it can be, and does not keep others from being noted.
    assert endpoint.account.history.events("STATEMENT")
    endpoint.connect().close()
