"""Power BI's log-in: with its own key it reads what it is for, and nothing of an organisation."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from cli.connector import INSUFFICIENT_PRIVILEGES, NOT_AUTHORIZED, one_line
from cli.verify.account import ask
from cli.verify.declared import DeclaredTenant
from cli.verify.report import Report

if TYPE_CHECKING:
    from cli.verify.isolation import Connect


def power_bi(
    report: Report, user: str, role: str, schema: str, tenants: Sequence[DeclaredTenant], as_power_bi: Connect
) -> None:
    """Add to `report`: `user` logs in without naming a role, is in `role`, reads views of `schema` and no tenant.

    `schema` is quoted, as in a statement.
    """
    from snowflake.connector import Error

    with report.check("monitoring", f"{user} logs in with its key from the vault, reads its views", role) as check:
        try:
            connection = as_power_bi()
        except Error as error:
            check.tried += 1
            check.fail(user, one_line(error))
            return
        with closing(connection), connection.cursor() as cursor:
            check.compare(user, "role", role, connection.role)
            views = [str(row["name"]) for row in ask(check, schema, cursor, f"SHOW VIEWS IN SCHEMA {schema}")]
            if not views:
                check.fail(schema, "shows no view")
            # SHOW lists none that may not be read: every fourth is tried, since planning one takes a while.
            for view in views[::4]:
                check.tried += 1
                ask(check, view, cursor, f'SELECT * FROM {schema}."{view}" LIMIT 0')  # noqa: S608 - SHOW's name
            for tenant in tenants:
                check.tried += 1
                table = f'"{tenant.content.database}"."{tenant.content.schema}"."CONVERSATIONS"'
                try:
                    cursor.execute(f"SELECT COUNT(*) FROM {table}")  # noqa: S608 - names of ours
                except Error as error:
                    if error.errno not in (NOT_AUTHORIZED, INSUFFICIENT_PRIVILEGES):
                        check.fail(table, one_line(error))
                else:
                    check.fail(table, f"{user} can read it")
            check.found = f"{role}, {len(views)} views, no table of {len(tenants)} tenants"
