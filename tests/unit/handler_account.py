"""An embedded account with the platform's tables in it, and the part of Snowpark's session that handlers use."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from components.snowflake.tables import (
    CORTEX_FUNCTIONS_TABLES,
    MONITORING_TABLES,
    NEXUSCHAT_TABLES,
    TENANT_MANAGEMENT_TABLES,
    TableDefinition,
)
from components.snowflake.view_files import view_queries
from emulator.snowflake.account import Account
from emulator.snowflake.sql import Result, execute

SCHEMAS = {
    "TENANT_MANAGEMENT": "VIDEXA_SHARED.TENANT_MANAGEMENT",
    "CORTEX_FUNCTIONS": "VIDEXA_SHARED.CORTEX_FUNCTIONS",
    "MONITORING": "VIDEXA_SHARED.MONITORING",
}
TENANTS = ("HCS0001", "HCS0002")


class FoundRow:
    """A row by a column's name or position, as Snowpark's Row."""

    def __init__(self, names: list[str], values: tuple[Any, ...]) -> None:
        self._names, self._values = names, values

    def __getitem__(self, key: str | int) -> Any:
        return self._values[key if isinstance(key, int) else self._names.index(key)]

    def as_dict(self) -> dict[str, Any]:
        return dict(zip(self._names, self._values, strict=True))


class Prepared:
    def __init__(self, session: EmbeddedSession, query: str, params: Sequence[Any] | None) -> None:
        self._session, self._query, self._params = session, query, params

    def collect(self) -> list[FoundRow]:
        return self._session.run(self._query, list(self._params or []))


class EmbeddedSession:
    """Runs a handler's statements in an embedded account, as one role; `statements` are those that ran.

    Calls of a model are answered here, the same question always alike, and counted in `model_calls`.
    """

    def __init__(self, account: Account, role: str, warehouse: str = "VIDEXA_SHARED_WH") -> None:
        self._session = account.session("NEXUS_DEPLOY", role)
        self._session.warehouse = warehouse
        self._session.secondary_roles = "NONE"
        self.statements: list[str] = []
        self.model_calls: list[tuple[str, str]] = []

    def sql(self, query: str, params: Sequence[Any] | None = None) -> Prepared:
        return Prepared(self, query, params)

    def run(self, query: str, params: list[Any]) -> list[FoundRow]:
        self.statements.append(query)
        if query.startswith("SELECT AI_COMPLETE("):
            model, prompt = params
            self.model_calls.append((model, prompt))
            details = {
                "choices": [{"messages": f"answer {len(self.model_calls)}"}],
                "usage": {"prompt_tokens": len(prompt) // 4, "completion_tokens": 20, "total_tokens": 0},
            }
            return [FoundRow(["DETAILS"], (json.dumps(details),))]
        result: Result = execute(self._session, query, params or None)
        names = [column.name for column in result.columns]
        return [FoundRow(names, row) for row in result.rows]

    def value(self, query: str) -> Any:
        """The first value of a query's first row."""
        return self.run(query, [])[0][0]


def made_account(directory: Path) -> Account:
    """The shared database and two organisations: tables, roles, warehouses and grants as the program has them."""
    account = Account(directory)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    account.initialise(deploy_public_key=key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())
    administrator = EmbeddedSession(account, "ACCOUNTADMIN")

    def run(*statements: str) -> None:
        for statement in statements:
            administrator.run(statement, [])

    def table(schema: str, name: str, definition: TableDefinition) -> str:
        columns = ", ".join(f"{c.name} {c.type}{' NOT NULL' if c.required else ''}" for c in definition.columns)
        return f"CREATE TABLE {schema}.{name} ({columns})"

    run("CREATE WAREHOUSE VIDEXA_SHARED_WH", "CREATE DATABASE VIDEXA_SHARED")
    shared: Mapping[str, Mapping[str, TableDefinition]] = {
        "TENANT_MANAGEMENT": TENANT_MANAGEMENT_TABLES,
        "CORTEX_FUNCTIONS": CORTEX_FUNCTIONS_TABLES,
        "MONITORING": MONITORING_TABLES,
    }
    for schema, tables in shared.items():
        run(f"CREATE SCHEMA {SCHEMAS[schema]}")
        run(*(table(SCHEMAS[schema], name, definition) for name, definition in tables.items()))
    for view in view_queries("cortex_functions", SCHEMAS).values():
        run(f"CREATE SECURE VIEW {SCHEMAS['CORTEX_FUNCTIONS']}.{view.name} AS {view.statement}")
    run(
        "CREATE ROLE VIDEXA_SHARED_APP",
        "GRANT USAGE ON WAREHOUSE VIDEXA_SHARED_WH TO ROLE VIDEXA_SHARED_APP",
        "GRANT USAGE ON DATABASE VIDEXA_SHARED TO ROLE VIDEXA_SHARED_APP",
        f"GRANT USAGE ON SCHEMA {SCHEMAS['TENANT_MANAGEMENT']} TO ROLE VIDEXA_SHARED_APP",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA {SCHEMAS['TENANT_MANAGEMENT']} TO ROLE VIDEXA_SHARED_APP",
        f"GRANT INSERT, UPDATE ON TABLE {SCHEMAS['TENANT_MANAGEMENT']}.ORG_USERS TO ROLE VIDEXA_SHARED_APP",
        f"GRANT INSERT ON TABLE {SCHEMAS['TENANT_MANAGEMENT']}.ORG_RESOURCE_USAGE TO ROLE VIDEXA_SHARED_APP",
        "CREATE ROLE VIDEXA_TENANT_OPERATOR",
        "GRANT ROLE VIDEXA_TENANT_OPERATOR TO ROLE SYSADMIN",
        "GRANT ROLE VIDEXA_SHARED_APP TO ROLE SYSADMIN",
        "GRANT USAGE ON WAREHOUSE VIDEXA_SHARED_WH TO ROLE VIDEXA_TENANT_OPERATOR",
        "GRANT USAGE ON DATABASE VIDEXA_SHARED TO ROLE VIDEXA_TENANT_OPERATOR",
        f"GRANT USAGE ON SCHEMA {SCHEMAS['TENANT_MANAGEMENT']} TO ROLE VIDEXA_TENANT_OPERATOR",
        f"GRANT SELECT, UPDATE ON TABLE {SCHEMAS['TENANT_MANAGEMENT']}.ORGANIZATIONS TO ROLE VIDEXA_TENANT_OPERATOR",
    )
    for tenant in TENANTS:
        _make_tenant(run, table, tenant)
    return account


def _make_tenant(run: Any, table: Any, tenant: str) -> None:
    schema = f"{tenant}_DB.NEXUSCHAT"
    functional = {"APP": "USAGE", "ANALYST": "USAGE", "ADMIN": "USAGE, MONITOR, OPERATE"}
    access = {"APP": "NEXUSCHAT_WRITE", "ANALYST": "NEXUSCHAT_READ", "ADMIN": "DATABASE_USE"}
    run(
        f"CREATE DATABASE {tenant}_DB",
        f"CREATE SCHEMA {schema}",
        *(table(schema, name, definition) for name, definition in NEXUSCHAT_TABLES.items()),
        f"CREATE WAREHOUSE {tenant}_WH INITIALLY_SUSPENDED = TRUE",
        f"CREATE DATABASE ROLE {tenant}_DB.DATABASE_USE",
        f"CREATE DATABASE ROLE {schema}_READ",
        f"CREATE DATABASE ROLE {schema}_WRITE",
        f"GRANT USAGE ON DATABASE {tenant}_DB TO DATABASE ROLE {tenant}_DB.DATABASE_USE",
        f"GRANT USAGE ON SCHEMA {schema} TO DATABASE ROLE {schema}_READ",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO DATABASE ROLE {schema}_READ",
        f"GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO DATABASE ROLE {schema}_WRITE",
        f"GRANT DATABASE ROLE {tenant}_DB.DATABASE_USE TO DATABASE ROLE {schema}_READ",
        f"GRANT DATABASE ROLE {schema}_READ TO DATABASE ROLE {schema}_WRITE",
        *(f"CREATE ROLE {tenant}_{suffix}" for suffix in functional),
        *(f"GRANT ROLE {tenant}_{suffix} TO ROLE SYSADMIN" for suffix in functional),
        *(f"GRANT DATABASE ROLE {tenant}_DB.{role} TO ROLE {tenant}_{suffix}" for suffix, role in access.items()),
        # What the operator owns, and nothing else of the tenant's.
        f"GRANT OWNERSHIP ON WAREHOUSE {tenant}_WH TO ROLE VIDEXA_TENANT_OPERATOR",
        *(
            f"GRANT OWNERSHIP ON DATABASE ROLE {tenant}_DB.{role} TO ROLE VIDEXA_TENANT_OPERATOR"
            for role in access.values()
        ),
        *(
            f"GRANT {privileges} ON WAREHOUSE {tenant}_WH TO ROLE {tenant}_{suffix}"
            for suffix, privileges in functional.items()
        ),
        f"GRANT USAGE ON DATABASE VIDEXA_SHARED TO ROLE {tenant}_APP",
        f"GRANT USAGE ON SCHEMA {SCHEMAS['CORTEX_FUNCTIONS']} TO ROLE {tenant}_APP",
        f"GRANT SELECT ON VIEW {SCHEMAS['CORTEX_FUNCTIONS']}.OWN_ORGANIZATION TO ROLE {tenant}_APP",
        f"INSERT INTO {SCHEMAS['TENANT_MANAGEMENT']}.ORGANIZATIONS SELECT '{tenant}', '{tenant}_DB', 'NEXUSCHAT', "
        f"'{tenant}_WH', '{tenant}_RM', '{tenant}_APP', '{tenant}_ANALYST', '{tenant}_ADMIN', 'XSMALL', 50, 30, 60, "
        "'ACTIVE', SYSDATE(), SYSDATE(), NULL, 100000",
    )


def declare_routines(account: Account) -> None:
    """The procedures and functions as the program makes them, each by its owner, and whoever calls them granted to."""
    from components.snowflake import cortex_functions, tenant_procedures
    from components.snowflake.handler_source import constants_of, handler_source

    administrator = EmbeddedSession(account, "ACCOUNTADMIN")
    administrator.run(
        f"GRANT CREATE PROCEDURE ON SCHEMA {SCHEMAS['TENANT_MANAGEMENT']} TO ROLE VIDEXA_TENANT_OPERATOR", []
    )
    operator = EmbeddedSession(account, "VIDEXA_TENANT_OPERATOR")
    callers = {"TENANT_MANAGEMENT": ["VIDEXA_SHARED_APP"], "CORTEX_FUNCTIONS": [f"{name}_APP" for name in TENANTS]}
    for schema, kind, routines in (
        ("TENANT_MANAGEMENT", "PROCEDURE", tenant_procedures.PROCEDURES),
        ("CORTEX_FUNCTIONS", "PROCEDURE", cortex_functions.PROCEDURES),
        ("CORTEX_FUNCTIONS", "FUNCTION", cortex_functions.FUNCTIONS),
    ):
        for role in callers[schema]:
            administrator.run(f"GRANT USAGE ON FUTURE {kind}S IN SCHEMA {SCHEMAS[schema]} TO ROLE {role}", [])
        for routine in routines:
            source = handler_source(
                routine.handler,
                {name: place for name, place in SCHEMAS.items() if name in constants_of(routine.handler)},
            )
            arguments = ", ".join(f"{name} {type_}" for name, type_ in routine.arguments.items())
            packages = " PACKAGES = ('snowflake-snowpark-python')" if kind == "PROCEDURE" else ""
            rights = (
                "" if kind == "FUNCTION" else " EXECUTE AS OWNER" if routine.owners_rights else " EXECUTE AS CALLER"
            )
            (operator if routine.owners_rights else administrator).run(
                f"CREATE {kind} {SCHEMAS[schema]}.{routine.name}({arguments}) RETURNS {routine.returns} "
                f"LANGUAGE PYTHON RUNTIME_VERSION = '3.11'{packages} HANDLER = 'main'{rights} AS $${source}$$",
                [],
            )


def call(session: EmbeddedSession, procedure: str, *arguments: Any) -> Any:
    """What CALL answers, a VARIANT as Python has it; lists and mappings are given as VARIANT."""
    written = ", ".join("PARSE_JSON(?)" if isinstance(one, (list, dict)) else "?" for one in arguments)
    values = [json.dumps(one) if isinstance(one, (list, dict)) else one for one in arguments]
    answer = session.run(f"CALL VIDEXA_SHARED.{procedure}({written})", values)[0][0]
    return json.loads(answer)
