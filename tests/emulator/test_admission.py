"""Log-in beyond the key: networks, ways of logging in, and how long a session lasts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest
from snowflake.connector.errors import DatabaseError, ProgrammingError

from emulator.snowflake.account import Account, SnowflakeError
from emulator.snowflake.account.keys import public_key_body
from tests.emulator.snowflake_provider import KeyPair
from tests.emulator.sql_server import Endpoint, connection, run, serving

LOOPBACK, ELSEWHERE = "127.0.0.0/8", "203.0.113.0/24"


@pytest.fixture(scope="module")
def seconds() -> list[float]:
    """The time that the server's clock tells."""
    return [0.0]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, key_pair: KeyPair, seconds: list[float]) -> Iterator[Endpoint]:
    account = Account(tmp_path_factory.mktemp("account"))
    account.initialise(deploy_public_key=key_pair.public)
    with connection(account, "ACCOUNTADMIN") as admin:
        run(
            admin,
            f"""
            CREATE DATABASE D
            CREATE WAREHOUSE WH
            CREATE USER SVC TYPE = SERVICE RSA_PUBLIC_KEY = '{public_key_body(key_pair.public)}'
            CREATE NETWORK RULE D.PUBLIC.HERE TYPE = IPV4 MODE = INGRESS VALUE_LIST = ('{LOOPBACK}')
            CREATE NETWORK RULE D.PUBLIC.ELSEWHERE TYPE = IPV4 MODE = INGRESS VALUE_LIST = ('{ELSEWHERE}')
            CREATE NETWORK RULE D.PUBLIC.LINK TYPE = AZURELINKID MODE = INGRESS VALUE_LIST = ('285212691')
            CREATE NETWORK POLICY HERE ALLOWED_NETWORK_RULE_LIST = ('D.PUBLIC.HERE')
            CREATE NETWORK POLICY ELSEWHERE ALLOWED_NETWORK_RULE_LIST = ('D.PUBLIC.ELSEWHERE')
            CREATE NETWORK POLICY NOT_HERE ALLOWED_IP_LIST = ('0.0.0.0/0') BLOCKED_IP_LIST = ('127.0.0.1')
            CREATE NETWORK POLICY LINK ALLOWED_NETWORK_RULE_LIST = ('D.PUBLIC.LINK')
            CREATE AUTHENTICATION POLICY D.PUBLIC.PEOPLE AUTHENTICATION_METHODS = ('PASSWORD')
            CREATE AUTHENTICATION POLICY D.PUBLIC.BROWSERS CLIENT_TYPES = ('SNOWFLAKE_UI')
            CREATE AUTHENTICATION POLICY D.PUBLIC.KEYS AUTHENTICATION_METHODS = ('KEYPAIR') CLIENT_TYPES = ('DRIVERS')
            CREATE SESSION POLICY D.PUBLIC.SHORT SESSION_IDLE_TIMEOUT_MINS = 15
            """,
        )
    with serving(account, key_pair, lambda: seconds[0]) as endpoint:
        yield endpoint
    account.close()


@pytest.fixture
def endpoint(served: Endpoint) -> Iterator[Endpoint]:
    """The server; what a test attaches to the user and to the account is taken off again."""
    yield served
    with connection(served.account, "ACCOUNTADMIN") as admin:
        for target in ("ACCOUNT", "USER SVC"):
            admin.execute(f"ALTER {target} UNSET NETWORK_POLICY")
            for kind in ("AUTHENTICATION", "SESSION"):
                with suppress(SnowflakeError):  # where none is attached
                    admin.execute(f"ALTER {target} UNSET {kind} POLICY")


def attach(endpoint: Endpoint, *statements: str) -> None:
    with connection(endpoint.account, "ACCOUNTADMIN") as admin:
        for statement in statements:
            admin.execute(statement)


@pytest.mark.parametrize(
    ("attached", "comes_in"),
    [
        (["USER SVC SET NETWORK_POLICY = HERE"], True),
        (["USER SVC SET NETWORK_POLICY = ELSEWHERE"], False),
        (["USER SVC SET NETWORK_POLICY = NOT_HERE"], False),
        # A rule about private links says nothing about addresses.
        (["USER SVC SET NETWORK_POLICY = LINK"], True),
        (["ACCOUNT SET NETWORK_POLICY = ELSEWHERE"], False),
        (["ACCOUNT SET NETWORK_POLICY = ELSEWHERE", "USER SVC SET NETWORK_POLICY = HERE"], True),
        (["ACCOUNT SET NETWORK_POLICY = HERE", "USER SVC SET NETWORK_POLICY = ELSEWHERE"], False),
    ],
)
def test_a_network_policy_decides_from_where(endpoint: Endpoint, attached: list[str], comes_in: bool) -> None:
    attach(endpoint, *(f"ALTER {one}" for one in attached))
    if comes_in:
        with endpoint.connect(user="SVC", role="PUBLIC") as opened:
            assert opened.cursor().execute("SELECT CURRENT_IP_ADDRESS()").fetchone() == ("127.0.0.1",)
        return
    with pytest.raises(DatabaseError, match=r"IP/Token 127\.0\.0\.1 is not allowed to access Snowflake") as refused:
        endpoint.connect(user="SVC", role="PUBLIC")
    assert refused.value.errno == 390422


def test_a_network_policy_also_ends_what_is_open(endpoint: Endpoint) -> None:
    with endpoint.connect(user="SVC", role="PUBLIC") as opened:
        attach(endpoint, "ALTER USER SVC SET NETWORK_POLICY = ELSEWHERE")
        with pytest.raises(ProgrammingError) as refused:
            opened.cursor().execute("SELECT 1")
        assert refused.value.errno == 390422


def test_they_are_not_enforced_where_clients_cannot_come_from_there(endpoint: Endpoint) -> None:
    attach(endpoint, "ALTER USER SVC SET NETWORK_POLICY = ELSEWHERE")
    endpoint.account.network_policies_enforced = False
    try:
        endpoint.connect(user="SVC", role="PUBLIC").close()
    finally:
        endpoint.account.network_policies_enforced = True


@pytest.mark.parametrize(
    ("attached", "comes_in"),
    [
        (["USER SVC SET AUTHENTICATION POLICY D.PUBLIC.PEOPLE"], False),
        (["USER SVC SET AUTHENTICATION POLICY D.PUBLIC.BROWSERS"], False),
        (["ACCOUNT SET AUTHENTICATION POLICY D.PUBLIC.PEOPLE"], False),
        (
            [
                "ACCOUNT SET AUTHENTICATION POLICY D.PUBLIC.PEOPLE",
                "USER SVC SET AUTHENTICATION POLICY D.PUBLIC.KEYS",
            ],
            True,
        ),
    ],
)
def test_an_authentication_policy_decides_how(endpoint: Endpoint, attached: list[str], comes_in: bool) -> None:
    attach(endpoint, *(f"ALTER {one}" for one in attached))
    if comes_in:
        endpoint.connect(user="SVC", role="PUBLIC").close()
        return
    with pytest.raises(DatabaseError, match="current authentication policy") as refused:
        endpoint.connect(user="SVC", role="PUBLIC")
    assert refused.value.errno == 390202


def test_an_idle_session_ends_and_its_transaction_with_it(endpoint: Endpoint, seconds: list[float]) -> None:
    attach(endpoint, "CREATE OR REPLACE TABLE D.PUBLIC.T (I INT)", "ALTER USER SVC SET SESSION POLICY D.PUBLIC.SHORT")
    attach(endpoint, "GRANT USAGE ON WAREHOUSE WH TO ROLE PUBLIC", "GRANT USAGE ON DATABASE D TO ROLE PUBLIC")
    attach(endpoint, "GRANT USAGE ON SCHEMA D.PUBLIC TO ROLE PUBLIC")
    attach(endpoint, "GRANT SELECT, INSERT ON TABLE D.PUBLIC.T TO ROLE PUBLIC")
    opened = endpoint.connect(user="SVC", role="PUBLIC", warehouse="WH")
    cursor = opened.cursor()
    cursor.execute("BEGIN")
    cursor.execute("INSERT INTO D.PUBLIC.T VALUES (1)")
    seconds[0] += 14 * 60
    assert cursor.execute("SELECT CURRENT_TRANSACTION() IS NOT NULL").fetchone() == (True,)
    seconds[0] += 16 * 60
    with pytest.raises(DatabaseError) as ended:
        cursor.execute("SELECT 1")
    assert ended.value.errno == 390111
    with endpoint.connect(user="SVC", role="PUBLIC", warehouse="WH") as again:
        assert again.cursor().execute("SELECT COUNT(*) FROM D.PUBLIC.T").fetchone() == (0,)
        assert again.cursor().execute("SELECT CURRENT_TRANSACTION()").fetchone() == (None,)


def test_a_client_renews_its_token_by_itself(endpoint: Endpoint, seconds: list[float]) -> None:
    with endpoint.connect(user="SVC", role="PUBLIC") as opened:
        token = opened.rest.token  # type: ignore[union-attr]
        seconds[0] += 61 * 60
        cursor = opened.cursor()
        assert cursor.execute("SELECT CURRENT_CLIENT() LIKE 'PythonConnector %'").fetchone() == (True,)
        assert opened.rest.token != token  # type: ignore[union-attr]
        seconds[0] += 241 * 60
        with pytest.raises(DatabaseError) as ended:
            cursor.execute("SELECT 1")
        assert ended.value.errno == 390111
