"""Cortex models by role: what each application's role is granted, and that it may use no other."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Final

from cli.connector import one_line
from cli.verify.account import ask
from cli.verify.declared import DeclaredTenant
from cli.verify.isolation import Connect
from cli.verify.report import Check, Finding, Report

if TYPE_CHECKING:
    from snowflake.connector.cursor import SnowflakeCursor

_ROLE: Final = re.compile(r"CORTEX-MODEL-ROLE-([A-Z0-9.-]+)")
_OTHERS: Final = ("llama3.1-8b", "mistral-large2", "claude-4-sonnet")
"""Models that Cortex has, one of which an organisation lacks."""


def models(
    report: Report,
    tenants: Sequence[DeclaredTenant],
    every: Sequence[str],
    cursor: SnowflakeCursor,
    as_application: Connect,
) -> None:
    """Add to `report`: each application's role has its models and no other, by grants and by trying.

    `every` are the models that any organisation has; `cursor` may see every grant; `as_application` logs in as the user
    that holds every application's role.
    """
    with report.check("models", "SHOW GRANTS TO each application's role and to PUBLIC", "its own models") as check:
        for tenant in tenants:
            role = tenant.role_application
            own = () if tenant.settings.suspended else tenant.settings.models
            check.compare(role, "models", sorted(own), _granted(check, cursor, f'ROLE "{role}"'))
        for public in ("ROLE PUBLIC", "APPLICATION ROLE SNOWFLAKE.PUBLIC"):
            check.compare(public, "models", [], _granted(check, cursor, public))
        active = [tenant for tenant in tenants if not tenant.settings.suspended]
        check.found = f"{sum(len(tenant.settings.models) for tenant in active)} grants, none to PUBLIC"
    with (
        report.check(
            "models", "AI_COMPLETE by each application's role, a model that it has and one that it lacks", "one answers"
        ) as check,
        closing(as_application()) as connection,
        connection.cursor() as application,
    ):
        for tenant in active:
            check.tried += 2
            check.findings += _try(application, tenant, every)
        check.found = f"{len(active)} answered, {len(active)} refused"


def _granted(check: Check, cursor: SnowflakeCursor, holder: str) -> list[str]:
    found = ask(check, holder, cursor, f"SHOW GRANTS TO {holder}")
    names = (_ROLE.search(str(row["name"])) for row in found)
    return sorted(name.group(1).lower() for name in names if name)


def _try(cursor: SnowflakeCursor, tenant: DeclaredTenant, every: Sequence[str]) -> list[Finding]:
    from snowflake.connector import Error

    role, own = tenant.role_application, tenant.settings.models
    try:
        cursor.execute(f'USE ROLE "{role}"')
        cursor.execute(f'USE WAREHOUSE "{tenant.warehouse}"')
        cursor.execute(_asking(own[0]))
    except Error as error:
        return [Finding(f"{role} with {own[0]}", one_line(error))]
    lacking = next(model for model in (*every, *_OTHERS) if model not in own)
    try:
        # What was just answered with another model is refused for the model's sake alone.
        cursor.execute(_asking(lacking))
    except Error:
        return []
    return [Finding(f"{role} with {lacking}", "is answered, though the model is not one of its own")]


def _asking(model: str) -> str:
    return f"SELECT AI_COMPLETE('{model}', 'Say yes.', {{'max_tokens': 1}})"
