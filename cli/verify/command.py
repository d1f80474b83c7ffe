"""`nexus verify`: what a stack should have made, against what is there."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import options
from cli.access import StackAccess, stack_access
from cli.connector import connect, rows
from cli.console import answer, console
from cli.failure import FailureError
from cli.service_keys import key_of, read_service_key
from cli.verify.declared import Declared, DeclaredTenant, TenantSettings
from cli.verify.report import CheckImpossibleError, Report
from cli.verify.state import StackState

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from snowflake.connector import SnowflakeConnection

    from cli.verify.isolation import Connect

_READER = "ACCOUNTADMIN"
"""The role that reads everything: it holds what the other administrative roles own."""


def command(
    stack: options.Stack = "local",
    every_table: Annotated[
        bool,
        typer.Option(
            "--every-table",
            help="Try each table and each verb on every other tenant as each role, not some in turn: ten times longer.",
        ),
    ] = False,
    snowflake_only: Annotated[
        bool,
        typer.Option(
            "--snowflake-only",
            help="Leave vault and apps out: a real subscription's cannot be looked into yet, and fail otherwise.",
        ),
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Check everything that the stack should have made: databases to isolation, a line each.

    Example: nexus verify --json
    """
    from snowflake.connector import Error

    from cli.connector import one_line

    started = time.monotonic()
    report = Report()
    with stack_access(stack) as access:
        state, outputs = access.state()
        try:
            verify(report, access, state, outputs, every_table=every_table, with_azure=not snowflake_only)
        except CheckImpossibleError as reason:
            with report.check("stack", "settings, outputs and state of the stack", "the same organisations") as check:
                check.fail(reason.resource, str(reason))
        except Error as error:
            raise FailureError(
                f"the account of stack {stack!r} refuses {access.deploy_user}: {one_line(error)}"
            ) from None
    seconds = time.monotonic() - started
    if as_json:
        left_out_areas = ["vault", "apps"] if snowflake_only else []
        answer({"stack": stack, **report.as_json(), "left_out": left_out_areas, "seconds": round(seconds, 2)})
    else:
        report.show(console())
        count = len(report.checks)
        verdict = (
            f"[red]{len(report.failed)} of {count} checks failed[/]" if report.failed else f"all {count} checks passed"
        )
        left_out = "; vault, apps and what needs their keys were left out" if snowflake_only else ""
        console().print(f"{stack}: {verdict} in {seconds:.1f} s{left_out}")
    if report.failed:
        raise typer.Exit(1)


def verify(
    report: Report,
    access: StackAccess,
    state: StackState,
    outputs: Mapping[str, Any],
    *,
    every_table: bool = False,
    with_azure: bool = True,
) -> None:
    """Carry out every check, of vault and apps too unless without Azure.

    Raises `CheckImpossibleError` where settings and outputs do not fit together.
    """
    from cli.verify.account import account
    from cli.verify.computed import computed
    from cli.verify.guards import guards
    from cli.verify.isolation import RoleKind, isolation, platform_roles, roles_without_content
    from cli.verify.models import models
    from cli.verify.phi import masks, tagged_columns
    from cli.verify.protections import protections

    settings = access.settings
    declared = Declared.of(
        [
            TenantSettings(
                organization=tenant.organization_id,
                warehouse_size=tenant.warehouse_size,
                monthly_credits=tenant.monthly_credits,
                auto_suspend_seconds=tenant.auto_suspend_seconds,
                retention_days=tenant.retention_days,
                models=tenant.models,
                suspended=tenant.suspended,
            )
            for tenant in settings.organizations
        ],
        outputs,
        state,
    )
    computed(
        report,
        state,
        {declared.service_user, settings.snowflake.break_glass.name, access.deploy_user},
        {
            tenant.organization: () if tenant.settings.suspended else (tenant.role_application, tenant.role_analyst)
            for tenant in declared.tenants
        },
        {tenant.organization_id: asdict(tenant) for tenant in settings.organizations},
    )
    deploy_key = access.deploy_key()

    def as_deploy_user() -> SnowflakeConnection:
        return connect(
            access.address, access.deploy_user, deploy_key, role=_READER, warehouse=declared.shared_warehouse
        )

    with closing(as_deploy_user()) as connection, connection.cursor() as cursor:
        account(report, declared, cursor)
        guards(report, state, cursor)
        databases = [tenant.content.database for tenant in declared.tenants]
        protections(report, state, declared.shared.database, databases, cursor)
    key = _azure(report, access, state, outputs) if with_azure else None
    tables = sorted(declared.tenants[0].content.tables)
    as_application = as_deploy_user
    if key is not None:
        as_application = _as_service_user(report, access, declared, key)
        with closing(as_deploy_user()) as connection, connection.cursor() as cursor:
            models(report, declared.tenants, settings.model.allowed, cursor, as_application)
        masks(
            report,
            declared.active,
            tagged_columns(state),
            _as_tenant(access, declared, key),
            as_deploy_user,
            ("SYSADMIN", _READER),
        )
        _power_bi(report, access, declared)
    # What would last is tried where nothing can be lost.
    lasting = access.endpoints is not None
    kinds = [
        RoleKind(
            "application",
            lambda tenant: tenant.role_application,
            True,
            as_application,
            every_table,
            lasting,
            # Only of the service user: the deploy principal's other roles may do everything.
            all_roles=key is not None,
        ),
        RoleKind("analyst", lambda tenant: tenant.role_analyst, True, as_deploy_user, every_table, lasting),
        RoleKind(
            "administrator", lambda tenant: tenant.role_administrator, False, as_deploy_user, every_table, lasting
        ),
    ]
    isolation(report, declared.tenants, tables, kinds)
    others = roles_without_content(state, declared.tenants)
    platform_roles(report, as_deploy_user, others, declared.tenants, tables, lasting=lasting)


def _power_bi(report: Report, access: StackAccess, declared: Declared) -> None:
    """Check Power BI's log-in, with its own key and as it logs in: no role or warehouse is named."""
    from cli.verify.power_bi import power_bi
    from infra.naming import MONITORING_ROLE, MONITORING_SCHEMA

    user = access.settings.snowflake.power_bi_user.name
    key = key_of(access, user)
    schema = f'"{declared.shared.database}"."{MONITORING_SCHEMA}"'
    power_bi(report, user, MONITORING_ROLE, schema, declared.tenants, lambda: connect(access.address, user, key))


def _as_service_user(report: Report, access: StackAccess, declared: Declared, key: RSAPrivateKey) -> Connect:
    """Check the conversations, and say how the application logs in to try the other tenants."""
    from cli.verify.conversation import conversations

    user = declared.service_user
    conversations(report, declared.active, user, _as_tenant(access, declared, key))
    first = declared.tenants[0]
    return lambda: connect(access.address, user, key, role=first.role_application)


def _as_tenant(
    access: StackAccess, declared: Declared, key: RSAPrivateKey
) -> Callable[[DeclaredTenant], SnowflakeConnection]:
    """Log in as the service user with a tenant's application role, in the tenant's schema."""

    def as_tenant(tenant: DeclaredTenant) -> SnowflakeConnection:
        return connect(
            access.address,
            declared.service_user,
            key,
            role=tenant.role_application,
            warehouse=tenant.warehouse,
            database=tenant.content.database,
            schema=tenant.content.schema,
        )

    return as_tenant


def _azure(report: Report, access: StackAccess, state: StackState, outputs: Mapping[str, Any]) -> RSAPrivateKey | None:
    """Check vault and apps; give the service user's key as the backend's identity reads it."""
    from cli.verify.applications import applications
    from cli.verify.azure import SECRET, VAULT, embedded_resources
    from cli.verify.edge import edge, entrances
    from cli.verify.vault import EmbeddedVault, read_as, rights
    from cli.verify.wiring import Surroundings, shared_key, standing, wiring

    if access.endpoints is None:
        with report.check("secrets", "the vault and the apps of a real subscription", "checked") as check:
            check.fail(
                outputs["vault"]["name"],
                "not built: verify reads vault and apps of the embedded cloud only, so neither "
                "secrets, wiring nor conversations were checked",
            )
        return None
    vault = EmbeddedVault(access.endpoints.azure)
    with ExitStack() as stack:
        azure = stack.enter_context(embedded_resources(access.endpoints))
        apps, problems = applications(outputs, state, azure)
        with report.check("apps", "each declared app and its identity", f"{len(outputs['apps'])} apps") as check:
            check.tried = len(apps)
            check.found = f"{len(apps)} apps"
            for problem in problems:
                check.fail(problem.resource, str(problem))
        standing(report, outputs, apps)
        edge(report, outputs, state, azure)
        uris: list[str] = []
        with report.check("secrets", "each declared secret", "in the vault") as check:
            for secret in state.of_type(SECRET):
                check.tried += 1
                there = azure.read(SECRET, secret.id)
                if there is None:
                    check.fail(secret.name, "is not in the vault")
                else:
                    uris.append(str(there["properties"]["secretUri"]))
            missing = set(outputs["vault"]["secrets"].values()) - {uri.rsplit("/", 1)[-1] for uri in uris}
            for name in sorted(missing):
                check.fail(name, "is told in the outputs, but is not in the vault")
            check.found = f"{len(uris)} secrets in {outputs['vault']['name']}"
        vault_uri = ""
        with report.check("secrets", "the vault of the outputs", outputs["vault"]["uri"]) as check:
            for declared in state.of_type(VAULT):
                vault_uri = str(((azure.read(VAULT, declared.id) or {}).get("properties") or {}).get("vaultUri"))
                check.compare(outputs["vault"]["name"], "URI", outputs["vault"]["uri"], vault_uri)
        rights(report, apps, uris, vault)
        by_label = {app.label: app for app in apps}
        key = read_service_key(report, by_label.get("backend"), vault)
        if {"backend", "chat"} <= by_label.keys():
            shared_key(report, by_label["backend"], by_label["chat"], lambda app, uri: read_as(vault, app, uri))
        wiring(
            report,
            apps,
            Surroundings(
                vault_uri=vault_uri,
                secrets=frozenset(uris),
                models=access.settings.model.allowed,
                log_in=lambda told: _session(access, told, key),
                entrances=entrances(state, azure),
            ),
        )
    return key


def _session(access: StackAccess, told: Mapping[str, str], key: RSAPrivateKey | None) -> dict[str, str]:
    """Log in as an app's variables say and ask the session who and where it is."""
    from snowflake.connector import Error

    from cli.connector import SnowflakeAddress, one_line

    if key is None:
        raise CheckImpossibleError(told.get("SNOWFLAKE_USER", ""), "no key from the vault to log in with")
    organization, _, name = told.get("SNOWFLAKE_ACCOUNT", "").partition("-")
    address = SnowflakeAddress(organization, name, access.address.host, access.address.port)
    try:
        with (
            closing(
                connect(
                    address,
                    told.get("SNOWFLAKE_USER", ""),
                    key,
                    role=told.get("SNOWFLAKE_ROLE"),
                    warehouse=told.get("SNOWFLAKE_WAREHOUSE"),
                    database=told.get("SNOWFLAKE_DATABASE"),
                    schema=told.get("SNOWFLAKE_SCHEMA"),
                )
            ) as connection,
            connection.cursor() as cursor,
        ):
            (found,) = rows(
                cursor,
                "SELECT CURRENT_ORGANIZATION_NAME() || '-' || CURRENT_ACCOUNT_NAME() AS ACCOUNT, "
                "CURRENT_USER() AS USER, CURRENT_ROLE() AS ROLE, CURRENT_WAREHOUSE() AS WAREHOUSE, "
                "CURRENT_DATABASE() AS DATABASE, CURRENT_SCHEMA() AS SCHEMA",
            )
    except Error as error:
        raise CheckImpossibleError(told.get("SNOWFLAKE_USER", ""), one_line(error)) from None
    return {f"SNOWFLAKE_{name.upper()}": str(value) for name, value in found.items()}
