"""What stands in the Snowflake account, against what the stack declares."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from snowflake.connector import Error
from snowflake.connector.cursor import SnowflakeCursor

from cli.connector import one_line, rows
from cli.verify.declared import Declared, DeclaredDatabase, DeclaredTenant
from cli.verify.report import Check, Report

Row = dict[str, Any]

_ADMINISTRATIVE_ROLES = frozenset({"ACCOUNTADMIN", "SECURITYADMIN", "USERADMIN", "SYSADMIN", "ORGADMIN"})


def account(report: Report, declared: Declared, cursor: SnowflakeCursor) -> None:
    """Add to `report` every check of names, settings and grants. `cursor` may see everything."""
    _databases(report, declared, cursor)
    _organizations(report, declared, cursor)
    every = (
        (declared.shared.database, [declared.shared]),
        ("each tenant", [tenant.content for tenant in declared.tenants]),
    )
    for check in (_schemas, _tables, _columns):
        for what, databases in every:
            check(report, what, databases, cursor)
    _warehouses(report, declared, cursor)
    _resource_monitors(report, declared, cursor)
    _roles(report, declared, cursor)
    _grants(report, declared, cursor)
    _service_user(report, declared, cursor)


def ask(check: Check, resource: str, cursor: SnowflakeCursor, statement: str) -> list[Row]:
    """A statement's rows; a refusal is a finding on `resource` and no rows."""
    try:
        return rows(cursor, statement)
    except Error as error:
        check.tried += 1
        check.fail(resource, one_line(error))
        return []


def _names(found: Iterable[Row]) -> set[str]:
    return {str(row["name"]) for row in found}


def _databases(report: Report, declared: Declared, cursor: SnowflakeCursor) -> None:
    shared = declared.shared
    with report.check("databases", f"SHOW DATABASES LIKE '{shared.database}'", "1 database") as check:
        check.compare_sets("database", {shared.database}, _names(ask(check, shared.database, cursor, check.asked)))
    with report.check("databases", "SHOW DATABASES LIKE 'HCS%'", f"{len(declared.tenants)} databases") as check:
        found = ask(check, "HCS%", cursor, check.asked)
        check.compare_sets("database", {tenant.content.database for tenant in declared.tenants}, _names(found))
    with report.check(
        "databases", "how long dropped and changed data is kept (Time Travel)", "as many days as set"
    ) as check:
        kept = {str(row["name"]): int(row["retention_time"]) for row in found}
        for tenant in declared.tenants:
            name = tenant.content.database
            check.compare(name, "retention in days", tenant.settings.retention_days, kept.get(name))


def _organizations(report: Report, declared: Declared, cursor: SnowflakeCursor) -> None:
    shared = declared.shared
    table = shared.table("ORGANIZATIONS")
    statement = f"SELECT * FROM {table} WHERE REMOVED_AT IS NULL"  # noqa: S608 - a name of ours
    with report.check("organisations", statement, f"{len(declared.tenants)} rows, one an organisation") as check:
        found = ask(check, table, cursor, statement)
        counts = Counter(str(row["organization_id"]) for row in found)
        check.compare_sets("row", {tenant.organization for tenant in declared.tenants}, set(counts))
        for organization, count in counts.items():
            if count > 1:
                check.fail(organization, f"{count} rows in {table}")
    with report.check("organisations", "what each organisation's row says of it", "as declared") as check:
        by_organization = {str(row["organization_id"]): row for row in found}
        for tenant in declared.tenants:
            row = by_organization.get(tenant.organization, {})
            for column, value in tenant.row.items():
                check.compare(tenant.organization, column, value, row.get(column.lower()))
            if tenant.settings.suspended:
                check.compare(tenant.organization, "STATUS", "SUSPENDED", row.get("status"))


def _schemas(report: Report, what: str, databases: Sequence[DeclaredDatabase], cursor: SnowflakeCursor) -> None:
    schemas = ", ".join(sorted(databases[0].schemas)) if databases else ""
    with report.check("schemas", f"SHOW SCHEMAS IN DATABASE, {what}", f"{schemas}, with managed access") as check:
        for database in databases:
            found = ask(check, database.database, cursor, f'SHOW SCHEMAS IN DATABASE "{database.database}"')
            options = {str(row["name"]): str(row["options"] or "") for row in found}
            check.compare_sets("schema", set(database.schemas), options.keys() - {"INFORMATION_SCHEMA", "PUBLIC"})
            for schema in sorted(database.schemas & options.keys()):
                if "MANAGED ACCESS" not in options[schema].upper():
                    check.fail(f"{database.database}.{schema}", "access to it is not managed")


def _tables(report: Report, what: str, databases: Sequence[DeclaredDatabase], cursor: SnowflakeCursor) -> None:
    count = len(databases[0].tables) if databases else 0
    with report.check("tables", f"SHOW TABLES IN SCHEMA, {what}", f"{count} tables") as check:
        for database in databases:
            name = f'"{database.database}"."{database.schema}"'
            found = _names(ask(check, name, cursor, f"SHOW TABLES IN SCHEMA {name}"))
            check.compare_sets("table", set(map(database.table, database.tables)), set(map(database.table, found)))


def _columns(report: Report, what: str, databases: Sequence[DeclaredDatabase], cursor: SnowflakeCursor) -> None:
    with report.check("tables", f"DESCRIBE TABLE, {what}", "the declared columns and types, in order") as check:
        for database in databases:
            for table, columns in database.tables.items():
                name = database.table(table)
                found = {
                    str(row["name"]): (_type(str(row["type"])), row["null?"] == "N")
                    for row in ask(check, name, cursor, f"DESCRIBE TABLE {name}")
                }
                if not found:
                    continue
                check.compare_sets(
                    "column", {f"{name}.{column}" for column in columns}, {f"{name}.{column}" for column in found}
                )
                for column, (kind, required) in columns.items():
                    if column in found:
                        check.compare(f"{name}.{column}", "type", (_type(kind), required), found[column])
                check.compare(name, "order of columns", list(columns), list(found))


def _type(text: str) -> str:
    return "".join(text.upper().split())


def _warehouses(report: Report, declared: Declared, cursor: SnowflakeCursor) -> None:
    expected = {tenant.warehouse: tenant for tenant in declared.tenants}
    with report.check("warehouses", "SHOW WAREHOUSES LIKE 'HCS%'", f"{len(expected)} warehouses") as check:
        found = {str(row["name"]): row for row in ask(check, "HCS%", cursor, check.asked)}
        check.compare_sets("warehouse", set(expected), set(found))
    for what, value, column in (
        ("size", lambda tenant: _size(tenant.settings.warehouse_size), "size"),
        (
            "seconds of idleness until it is suspended",
            lambda tenant: tenant.settings.auto_suspend_seconds,
            "auto_suspend",
        ),
        ("resource monitor", lambda tenant: tenant.resource_monitor, "resource_monitor"),
    ):
        with report.check("warehouses", f"each warehouse's {what}", "as declared") as check:
            for name, tenant in expected.items():
                if name not in found:
                    check.compare(name, what, value(tenant), None)
                    continue
                there = found[name][column]
                check.compare(name, what, value(tenant), _size(str(there)) if column == "size" else there)
    with report.check("warehouses", "each warehouse resumes by itself", "true") as check:
        for name, row in found.items():
            check.compare(name, "auto_resume", "true", str(row["auto_resume"]).lower())


def _size(text: str) -> str:
    """One spelling for Snowflake's two of each size: `X-Small` and XSMALL, `2X-Large` and XXLARGE."""
    compact = text.upper().replace("-", "").replace("_", "")
    return {"2XLARGE": "XXLARGE", "3XLARGE": "XXXLARGE", "X2LARGE": "XXLARGE", "X3LARGE": "XXXLARGE"}.get(
        compact, compact
    )


def _resource_monitors(report: Report, declared: Declared, cursor: SnowflakeCursor) -> None:
    expected = {tenant.resource_monitor: tenant for tenant in declared.tenants}
    with report.check("monitors", "SHOW RESOURCE MONITORS LIKE 'HCS%'", f"{len(expected)} monitors") as check:
        found = {str(row["name"]): row for row in ask(check, "HCS%", cursor, check.asked)}
        check.compare_sets("resource monitor", set(expected), set(found))
    with report.check(
        "monitors", "each monitor's monthly credits and what it does at which share", "as declared"
    ) as check:
        for name, tenant in expected.items():
            row = found.get(name)
            if row is None:
                check.compare(name, "resource monitor", "there", None)
                continue
            check.compare(name, "credit quota", float(tenant.settings.monthly_credits), float(row["credit_quota"] or 0))
            triggers = declared.triggers[name]
            check.compare(name, "notifies at", set(triggers.notify), _shares(row["notify_at"]))
            check.compare(name, "suspends at", set(triggers.suspend), _shares(row["suspend_at"]))
            check.compare(
                name, "suspends at once at", set(triggers.suspend_immediately), _shares(row["suspend_immediately_at"])
            )


def _shares(text: object) -> set[int]:
    return {int(share.strip().rstrip("%")) for share in str(text or "").split(",") if share.strip()}


def _roles(report: Report, declared: Declared, cursor: SnowflakeCursor) -> None:
    expected = {role for tenant in declared.tenants for role in tenant.roles}
    with report.check("roles", "SHOW ROLES LIKE 'HCS%'", f"{len(expected)} roles") as check:
        check.compare_sets("role", expected, _names(ask(check, "HCS%", cursor, check.asked)))
    with report.check("roles", "SHOW DATABASE ROLES, each tenant", "the declared access roles") as check:
        for tenant in declared.tenants:
            database = tenant.content.database
            found = _names(ask(check, database, cursor, f'SHOW DATABASE ROLES IN DATABASE "{database}"'))
            check.compare_sets(
                "database role",
                {f"{database}.{role}" for role in tenant.content.database_roles},
                {f"{database}.{role}" for role in found},
            )


def _grants(report: Report, declared: Declared, cursor: SnowflakeCursor) -> None:
    with report.check(
        "grants", "SHOW GRANTS OF ROLE, each tenant's roles", "to SYSADMIN; the application's to the service user too"
    ) as check:
        for tenant in declared.tenants:
            for role in tenant.roles:
                expected = {("ROLE", "SYSADMIN")}
                if role == tenant.role_application:
                    expected.add(("USER", declared.service_user))
                found = {
                    (str(row["granted_to"]), str(row["grantee_name"]))
                    for row in ask(check, role, cursor, f'SHOW GRANTS OF ROLE "{role}"')
                }
                check.tried += 1
                for kind, name in sorted(found - expected):
                    check.fail(role, f"is granted to {kind} {name}, which is not declared")
                for kind, name in sorted(expected - found):
                    check.fail(role, f"is not granted to {kind} {name}")
    with report.check(
        "grants",
        "SHOW GRANTS TO ROLE, each tenant's roles and access roles",
        "its own tenant's objects, and the declared roles",
    ) as check:
        for tenant in declared.tenants:
            holders = [(f'ROLE "{role}"', role) for role in tenant.roles]
            holders += [
                (f'DATABASE ROLE "{tenant.content.database}"."{role}"', f"{tenant.content.database}.{role}")
                for role in tenant.content.database_roles
            ]
            for holder, name in holders:
                check.tried += 1
                for row in ask(check, name, cursor, f"SHOW GRANTS TO {holder}"):
                    inherited = declared.inherited_roles.get(name, frozenset())
                    if not _own(tenant, str(row["granted_on"]), str(row["name"]), inherited):
                        check.fail(name, f"holds {row['privilege']} on {row['granted_on']} {row['name']}")


def _own(tenant: DeclaredTenant, kind: str, name: str, inherited: AbstractSet[str]) -> bool:
    bare = name.replace('"', "")
    if kind == "ROLE":
        return bare in inherited
    if kind == "APPLICATION_ROLE":
        return bare.removeprefix("SNOWFLAKE.") in {
            f"CORTEX-MODEL-ROLE-{model.upper()}" for model in tenant.settings.models
        }
    if kind.replace("_", " ") == "WAREHOUSE":
        return bare == tenant.warehouse
    return bare.split(".")[0] == tenant.content.database


def _service_user(report: Report, declared: Declared, cursor: SnowflakeCursor) -> None:
    user = declared.service_user
    with report.check("service user", f"SHOW USERS LIKE '{user}'", "type SERVICE, a key and no password") as check:
        found = [row for row in ask(check, user, cursor, check.asked) if row["name"] == user]
        check.compare(user, "number of users of that name", 1, len(found))
        for row in found:
            check.compare(user, "type", "SERVICE", row["type"])
            check.compare(user, "has a public key", "true", str(row["has_rsa_public_key"]).lower())
            check.compare(user, "has a password", "false", str(row["has_password"]).lower())
    with report.check(
        "service user", f"SHOW GRANTS TO USER {user}", "the application roles, no administrative one"
    ) as check:
        expected = {tenant.role_application for tenant in declared.tenants} | declared.service_user_roles
        held = {str(row["role"]) for row in ask(check, user, cursor, f'SHOW GRANTS TO USER "{user}"')}
        check.compare_sets("role", {f"{user} as {role}" for role in expected}, {f"{user} as {role}" for role in held})
        for role in sorted(held & _ADMINISTRATIVE_ROLES):
            check.fail(user, f"holds the administrative role {role}")
