"""What the stack tells whoever asks: names and addresses, nothing secret."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

import pulumi

from components.azure import ContainerApplication
from components.snowflake import Organization
from infra import naming
from infra.composition import Platform
from infra.settings import Settings

README = Path(__file__).resolve().parent.parent / "Pulumi.README.md"


def stack_outputs(
    settings: Settings, platform: Platform, organizations: Mapping[str, Organization]
) -> dict[str, pulumi.Input[Any]]:
    """The stack's outputs by name."""
    account = {"organization": settings.snowflake.organization, "name": settings.snowflake.account}
    if settings.environment != "local":
        account["host"] = naming.snowflake_host(settings.snowflake.organization, settings.snowflake.account)
    outputs: dict[str, pulumi.Input[Any]] = {
        "account": account,
        "shared": {
            "database": platform.shared.database,
            "schema": platform.shared.schema,
            "warehouse": platform.shared.warehouse,
            "role_application": platform.shared.application_role,
        },
        "service_user": platform.user.user,
        "tenants": {name: _tenant(organization) for name, organization in organizations.items()},
        "vault": {
            "name": platform.vault.vault,
            "uri": platform.vault.uri,
            "secrets": {name.replace("-", "_"): name for name in sorted(platform.vault.secrets)},
        },
        "apps": {name: _app(app) for name, app in platform.apps.items()},
        **platform.azure_outputs,
    }
    return {**outputs, "readme": _readme(settings, outputs)}


def _tenant(organization: Organization) -> dict[str, pulumi.Output[str]]:
    return {
        "database": organization.database,
        "schema": organization.schema,
        "warehouse": organization.warehouse,
        "resource_monitor": organization.resource_monitor,
        "role_application": organization.application_role,
        "role_analyst": organization.analyst_role,
        "role_administrator": organization.administrator_role,
    }


def _app(app: ContainerApplication) -> dict[str, pulumi.Input[Any]]:
    """An app's name and address; a URL only where the world may call it."""
    found: dict[str, pulumi.Input[Any]] = {
        "name": app.app_name,
        "fqdn": app.fqdn,
        "internal": app.internal,
        "revision": app.serving_revision,
    }
    return found if app.internal else {**found, "url": app.url}


def _readme(settings: Settings, outputs: Mapping[str, pulumi.Input[Any]]) -> pulumi.Output[str]:
    """The stack's page, filled from the outputs."""
    template = Template(README.read_text(encoding="utf-8"))
    return pulumi.Output.all(apps=outputs["apps"], vault=outputs["vault"], tenants=outputs["tenants"]).apply(
        lambda known: render_readme(template, settings, known)
    )


def render_readme(template: Template, settings: Settings, known: Mapping[str, Any]) -> str:
    """The page's text. A placeholder that nothing fills is an error."""
    rows = [
        f"| {name} | `{tenant['database']}` | `{tenant['warehouse']}` | `{tenant['role_application']}` | "
        f"{organization.warehouse_size} | {organization.monthly_credits} | {organization.retention_days} |"
        for organization in settings.organizations
        for name, tenant in [(organization.organization_id, known["tenants"][organization.organization_id])]
    ]
    return template.substitute(
        environment=settings.environment,
        site_url=known["apps"]["site"]["url"],
        chat_url=known["apps"]["chat"]["url"],
        backend_host=known["apps"]["backend"]["fqdn"],
        search_host=known["apps"]["search"]["fqdn"],
        vault_name=known["vault"]["name"],
        vault_uri=known["vault"]["uri"],
        account=naming.snowflake_account(settings.snowflake.organization, settings.snowflake.account),
        model=settings.model.name,
        organization_count=len(settings.organizations),
        organizations="\n".join(rows),
    )
