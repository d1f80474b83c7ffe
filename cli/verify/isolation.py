"""Every tenant's roles try every tenant's tables: their own as declared, all others in vain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from cli.connector import INSUFFICIENT_PRIVILEGES, NOT_AUTHORIZED, one_line, rows
from cli.verify.declared import DeclaredTenant
from cli.verify.report import Finding, Report
from cli.verify.state import StackState

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

Connect = Callable[[], "SnowflakeConnection"]

WORKERS = 2
"""Connections that try at the same time: the client's work and the account's then overlap."""


class Reach(Enum):
    """How far a role came with a statement."""

    ANSWERED = "was answered"
    SEEN = "was told that the object is there (003001) instead of nothing (002003)"
    DENIED = "was denied (002003)"


@dataclass(frozen=True, slots=True)
class Attempt:
    """A verb on a kind of another tenant's object: one cell of the negative matrix.

    `lasting` ones would leave something behind if they were answered. The others would change no row.
    """

    kind: str
    verb: str
    statement: Callable[[DeclaredTenant, str, str], str]
    """Of the other tenant, the name of one of its tables, and the role that tries, both quoted."""
    lasting: bool = False


def _on(kind: str, name: Callable[[DeclaredTenant], str], privilege: str) -> tuple[Attempt, Attempt]:
    """DROP and GRANT, which are alike for every kind."""
    return (
        Attempt(kind, "DROP", lambda other, _, __: f"DROP {kind} {name(other)}", lasting=True),
        Attempt(
            kind,
            "GRANT",
            lambda other, _, role: f"GRANT {privilege} ON {kind} {name(other)} TO ROLE {role}",
            lasting=True,
        ),
    )


def _database(other: DeclaredTenant) -> str:
    return f'"{other.content.database}"'


def _task(other: DeclaredTenant) -> str:
    return f'{_schema(other)}."DELETE_EXPIRED"'


def _schema(other: DeclaredTenant) -> str:
    return f'{_database(other)}."{other.content.schema}"'


def _warehouse(other: DeclaredTenant) -> str:
    return f'"{other.warehouse}"'


def _monitor(other: DeclaredTenant) -> str:
    return f'"{other.resource_monitor}"'


def _role(other: DeclaredTenant) -> str:
    return f'"{other.role_application}"'


def _database_role(other: DeclaredTenant) -> str:
    return f'{_database(other)}."{min(other.content.database_roles)}"'


# Taking another's role by USE ROLE is not among them: it asks the user, who may hold roles of many, not the role.
# The names in the statements are ours, not anybody's input.
MATRIX: tuple[Attempt, ...] = (
    Attempt("TABLE", "INSERT", lambda _, table, __: f"INSERT INTO {table} (TENANT_ID) SELECT 'verify' WHERE FALSE"),
    Attempt("TABLE", "UPDATE", lambda _, table, __: f"UPDATE {table} SET TENANT_ID = TENANT_ID WHERE FALSE"),  # noqa: S608
    Attempt("TABLE", "DELETE", lambda _, table, __: f"DELETE FROM {table} WHERE FALSE"),  # noqa: S608
    Attempt("TABLE", "DROP", lambda _, table, __: f"DROP TABLE {table}", lasting=True),
    Attempt("TABLE", "TRUNCATE", lambda _, table, __: f"TRUNCATE TABLE {table}", lasting=True),
    Attempt("TABLE", "GRANT", lambda _, table, role: f"GRANT SELECT ON TABLE {table} TO ROLE {role}", lasting=True),
    Attempt("DATABASE", "USE", lambda other, _, __: f"USE DATABASE {_database(other)}"),
    *_on("DATABASE", _database, "USAGE"),
    Attempt("SCHEMA", "USE", lambda other, _, __: f"USE SCHEMA {_schema(other)}"),
    Attempt("SCHEMA", "CREATE", lambda other, _, __: f"CREATE TABLE {_schema(other)}.VERIFY (A INT)", lasting=True),
    *_on("SCHEMA", _schema, "USAGE"),
    Attempt("WAREHOUSE", "USE", lambda other, _, __: f"USE WAREHOUSE {_warehouse(other)}"),
    Attempt("WAREHOUSE", "ALTER", lambda other, _, __: f"ALTER WAREHOUSE {_warehouse(other)} SUSPEND", lasting=True),
    *_on("WAREHOUSE", _warehouse, "USAGE"),
    *_on("RESOURCE MONITOR", _monitor, "MONITOR"),
    Attempt("TASK", "EXECUTE", lambda other, _, __: f"EXECUTE TASK {_task(other)}", lasting=True),
    Attempt("TASK", "ALTER", lambda other, _, __: f"ALTER TASK {_task(other)} SUSPEND", lasting=True),
    *_on("TASK", _task, "MONITOR"),
    Attempt("ROLE", "DROP", lambda other, _, __: f"DROP ROLE {_role(other)}", lasting=True),
    Attempt("ROLE", "GRANT", lambda other, _, role: f"GRANT ROLE {_role(other)} TO ROLE {role}", lasting=True),
    Attempt("DATABASE ROLE", "DROP", lambda other, _, __: f"DROP DATABASE ROLE {_database_role(other)}", lasting=True),
    Attempt(
        "DATABASE ROLE",
        "GRANT",
        lambda other, _, role: f"GRANT DATABASE ROLE {_database_role(other)} TO ROLE {role}",
        lasting=True,
    ),
)


@dataclass(slots=True)
class Attempts:
    """What one role did. `pairs` counts the other tenants that it tried, `tried` the statements, `cells` which of the
    matrix."""

    pairs: int = 0
    tried: int = 0
    cells: Counter[tuple[str, str]] = field(default_factory=Counter)
    answered: list[Finding] = field(default_factory=list)
    own: list[Finding] = field(default_factory=list)
    own_tried: int = 0
    others: list[Finding] = field(default_factory=list)
    visible: list[Finding] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RoleKind:
    """Which role of each tenant tries, what it may read of its own, and as which user it logs in.

    `every_table` says how it tries another tenant: with each of its tables and every verb, or with one table and so
    many verbs that the tenants together see all of them, the next ones for each next tenant. What it lists of the
    account covers all tables at once either way: to hold anything on a table is to see it. `lasting` says whether it
    tries what would leave something behind if it were answered, and `all_roles` whether its user asks for secondary
    roles: never the deploy principal, whose other roles may do everything.
    """

    name: str
    role: Callable[[DeclaredTenant], str]
    reads_own: bool
    connect: Connect
    every_table: bool = False
    lasting: bool = False
    all_roles: bool = False

    @property
    def matrix(self) -> tuple[Attempt, ...]:
        return tuple(attempt for attempt in MATRIX if self.lasting or not attempt.lasting)


def reach(connection: SnowflakeConnection, statement: str) -> Reach | str:
    """Try one statement: how far it came, or another error in Snowflake's words."""
    from snowflake.connector import Error

    try:
        with connection.cursor() as cursor:
            cursor.execute(statement).fetchall()  # type: ignore[union-attr]
    except Error as error:
        if error.errno == NOT_AUTHORIZED:
            return Reach.DENIED
        if error.errno == INSUFFICIENT_PRIVILEGES:
            return Reach.SEEN
        return f"met another error: {' '.join(str(error).split())}"
    return Reach.ANSWERED


def isolation(
    report: Report, tenants: Sequence[DeclaredTenant], tables: Sequence[str], kinds: Sequence[RoleKind]
) -> None:
    """Add to `report`, for each kind of role: its own tables, all others', and which objects it sees."""
    for kind in kinds:
        others = len(tenants) - 1
        with report.check(
            "isolation",
            f"each tenant's {kind.name} role tries every other tenant's tables",
            f"{len(tenants) * others} pairs denied (002003)",
        ) as check:
            attempts = list(_in_parallel(kind, tenants, tables))
            pairs, tried = sum(each.pairs for each in attempts), sum(each.tried for each in attempts)
            # A single tenant has no other: there is nothing to prove, and nothing to fail.
            check.tried = tried if others else 1
            check.findings = [finding for each in attempts for finding in each.others]
            check.found = f"{pairs} pairs, {tried} statements, all denied" if others else "no other tenant"
        cells = {(attempt.kind, attempt.verb) for attempt in kind.matrix}
        left_out = "" if kind.lasting else "; what would last, such as DROP and GRANT, only on the embedded cloud"
        with report.check(
            "isolation",
            f"each tenant's {kind.name} role tries {_listed(verb for _, verb in cells)} on others' "
            f"{_listed(what for what, _ in cells)}",
            f"denied{left_out}",
        ) as check:
            counts = sum((each.cells for each in attempts), Counter[tuple[str, str]]())
            check.tried = counts.total() if others else 1
            check.findings = [finding for each in attempts for finding in each.answered]
            if others:
                for what, verb in sorted(cells - counts.keys()):
                    check.fail(f"{verb} on {what}", "was not tried by any role")
            check.found = (
                f"{counts.total()} statements, {len(counts)} verbs by kind, all denied" if others else "no other tenant"
            )
        own = "reads its own tables" if kind.reads_own else "reads no table, not even of its own tenant"
        with report.check("isolation", f"each tenant's {kind.name} role {own}", f"{len(tenants)} roles") as check:
            check.tried = sum(each.own_tried for each in attempts)
            check.findings = [finding for each in attempts for finding in each.own]
            check.found = f"{check.tried} statements as declared"
        with report.check(
            "isolation",
            f"each tenant's {kind.name} role lists the account's databases, tables and warehouses",
            "no other tenant's",
        ) as check:
            check.tried = len(attempts)
            check.findings = [finding for each in attempts for finding in each.visible]
            check.found = f"{check.tried} roles, none of another tenant's objects"


def roles_without_content(state: StackState, tenants: Sequence[DeclaredTenant]) -> list[str]:
    """The platform's account roles that the stack declares, adopted ones among them, but for those that maintain the
    tenants and so delete their rows."""
    from policies.graph.isolation import Rules

    named = {role for tenant in tenants for role in tenant.roles} | Rules().platform_roles.keys()
    roles = {str(role.inputs["name"]) for role in state.of_type("snowflake:index/accountRole:AccountRole")}
    return sorted(roles - named)


def platform_roles(
    report: Report,
    connect: Connect,
    roles: Sequence[str],
    tenants: Sequence[DeclaredTenant],
    tables: Sequence[str],
    *,
    lasting: bool,
) -> None:
    """Add to `report` that no role of the platform, but for those whose task it is, comes to a tenant's table.

    Each tries each tenant with a SELECT and one verb more, in turn, on one of its tables, also in turn.
    """
    verbs = [attempt for attempt in MATRIX if attempt.kind == "TABLE" and (lasting or not attempt.lasting)]
    with (
        report.check(
            "isolation",
            f"{', '.join(roles)} each try every tenant's tables",
            "denied: SELECT, and in turn " + ", ".join(attempt.verb for attempt in verbs),
        ) as check,
        closing(connect()) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("USE SECONDARY ROLES NONE")
        for number, role in enumerate(roles):
            cursor.execute(f'USE ROLE "{role}"')
            for turn, tenant in enumerate(tenants, number):
                table = tenant.content.table(tables[turn % len(tables)])
                verb = verbs[turn % len(verbs)]
                for statement in (_first_row_of(table), verb.statement(tenant, table, f'"{role}"')):
                    check.tried += 1
                    found = reach(connection, statement)
                    if found is not Reach.DENIED:
                        check.fail(f"{role}: {statement}", _words(found))
        check.found = f"{check.tried} statements of {len(roles)} roles, all denied"


def _in_parallel(kind: RoleKind, tenants: Sequence[DeclaredTenant], tables: Sequence[str]) -> Iterator[Attempts]:
    def work(mine: Iterable[DeclaredTenant]) -> list[Attempts]:
        with closing(kind.connect()) as connection:
            return [_attempt(connection, kind, tenant, tenants, tables) for tenant in mine]

    with ThreadPoolExecutor(WORKERS, "isolation") as executor:
        for each in executor.map(work, (tenants[start::WORKERS] for start in range(WORKERS))):
            yield from each


def _attempt(
    connection: SnowflakeConnection,
    kind: RoleKind,
    tenant: DeclaredTenant,
    tenants: Sequence[DeclaredTenant],
    tables: Sequence[str],
) -> Attempts:
    from snowflake.connector import Error

    attempts = Attempts()
    role = kind.role(tenant)
    with connection.cursor() as cursor:
        try:
            cursor.execute(f'USE ROLE "{role}"')
            # The service user asks for all of its roles, as it could: the session policy lets nothing come of it.
            cursor.execute(f"USE SECONDARY ROLES {'ALL' if kind.all_roles else 'NONE'}")
            # Without a warehouse a statement that is allowed fails as well. A suspended tenant's roles may use none.
            if not tenant.settings.suspended:
                cursor.execute(f'USE WAREHOUSE "{tenant.warehouse}"')
        except Error as error:
            # A role that nobody can take reaches nobody's tables, but it should reach its own.
            attempts.own_tried += 1
            attempts.own.append(Finding(role, one_line(error)))
            return attempts
        expected = Reach.ANSWERED if kind.reads_own and not tenant.settings.suspended else Reach.DENIED
        for table in tables:
            name = tenant.content.table(table)
            found = reach(connection, _first_row_of(name))
            attempts.own_tried += 1
            if found is not expected:
                attempts.own.append(Finding(f"{role} on {name}", _words(found)))
        for number, other in enumerate(tenants):
            if other.organization == tenant.organization:
                continue
            attempts.pairs += 1
            for table in tables if kind.every_table else [tables[number % len(tables)]]:
                name = other.content.table(table)
                found = reach(connection, _first_row_of(name))
                attempts.tried += 1
                if found is not Reach.DENIED:
                    attempts.others.append(Finding(f"{role} on {name}", _words(found)))
        _matrix(attempts, connection, kind, tenant, tenants, tables)
        for show, column, own_name in (
            ("DATABASES", "name", tenant.content.database),
            ("WAREHOUSES", "name", tenant.warehouse),
            ("TABLES IN ACCOUNT", "database_name", tenant.content.database),
        ):
            foreign = {other.content.database for other in tenants} | {other.warehouse for other in tenants}
            for row in rows(cursor, f"SHOW {show}"):
                if str(row[column]) in foreign - {own_name}:
                    attempts.visible.append(Finding(role, f"sees {row['name']} of {row[column]} (SHOW {show})"))
    return attempts


def _matrix(
    attempts: Attempts,
    connection: SnowflakeConnection,
    kind: RoleKind,
    tenant: DeclaredTenant,
    tenants: Sequence[DeclaredTenant],
    tables: Sequence[str],
) -> None:
    """Try the verbs, in turn over the other tenants: all of them, or nearly, by each role, and each by some role."""
    role = kind.role(tenant)
    others = [other for other in tenants if other.organization != tenant.organization]
    if not others:
        return
    matrix = kind.matrix
    each = len(matrix) if kind.every_table else max(1, len(matrix) // len(others))
    # The next role begins elsewhere, so that each tenant is tried with other verbs by other roles.
    turn = list(tenants).index(tenant)
    for number, other in enumerate(others):
        for step in range(each):
            attempt = matrix[(turn + number * each + step) % len(matrix)]
            table = other.content.table(tables[(turn + number + step) % len(tables)])
            statement = attempt.statement(other, table, f'"{role}"')
            found = reach(connection, statement)
            attempts.cells[attempt.kind, attempt.verb] += 1
            if found is not Reach.DENIED:
                attempts.answered.append(Finding(f"{role}: {statement}", _words(found)))


def _listed(words: Iterable[str]) -> str:
    return ", ".join(sorted(set(words)))


def _first_row_of(name: str) -> str:
    return f"SELECT 1 FROM {name} LIMIT 1"  # noqa: S608 - a name of ours, not anybody's input


def _words(found: Reach | str) -> str:
    return found.value if isinstance(found, Reach) else found
