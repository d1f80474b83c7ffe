"""What the stack tells whoever asks: names and addresses, nothing secret."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any, Final, NamedTuple

import pulumi

from components.azure import ContainerApplication
from components.snowflake import Organization
from infra import naming
from infra.composition import Platform
from infra.settings import Settings

README = Path(__file__).resolve().parent.parent / "Pulumi.README.md"


class Meaning(NamedTuple):
    """What an output is, and who uses it."""

    what: str
    used_by: str


#: Output → its meaning, for docs/outputs.md; `*` stands for any one name. What stands below one is meant by it too.
MEANINGS: Final[Mapping[str, Meaning]] = {
    "account.organization": Meaning("Snowflake's organisation", "whoever connects"),
    "account.name": Meaning("the account's name in it", "whoever connects"),
    "account.host": Meaning("the account's host; a real environment only", "SnowSQL, connectors, Power BI"),
    "shared.database": Meaning("the database that all organisations share", "`verify`, `tenants remove`"),
    "shared.schema": Meaning("the schema of organisations, users and usage", "`verify`, `tenants remove`"),
    "shared.warehouse": Meaning("the warehouse of the platform's own statements", "`verify`, `tenants remove`"),
    "shared.role_application": Meaning("the role in which the backend's sessions begin", "`verify`"),
    "service_user": Meaning("the Snowflake user that the applications log in as", "`verify`, `rotate-key`"),
    "tenants.*.database": Meaning("the organisation's database", "`verify`, `migrate`, `tenants export`"),
    "tenants.*.schema": Meaning("the schema of its chats", "`verify`, `migrate`, `tenants export`"),
    "tenants.*.warehouse": Meaning("the warehouse that its statements run on", "`verify`, `migrate`, `tenants export`"),
    "tenants.*.resource_monitor": Meaning("what bounds that warehouse's credits", "`verify`"),
    "tenants.*.role_application": Meaning("the role that reads and writes its chats", "`verify`, `migrate`"),
    "tenants.*.role_analyst": Meaning("the role that reads them masked", "`verify`, its analysts"),
    "tenants.*.role_administrator": Meaning(
        "the role that runs its warehouse and sees no content", "its administrators"
    ),
    "vault.name": Meaning("the key vault", "`verify`, `rotate-key`, who puts a secret in by hand"),
    "vault.uri": Meaning("where it answers", "the backend, `verify`"),
    "vault.secrets.*": Meaning("what the vault calls the secret; never its value", "`verify`"),
    "apps.*.name": Meaning("the app's name in Azure", "`verify`, `release`"),
    "apps.*.fqdn": Meaning("its host in the container environment", "`verify`; the other apps"),
    "apps.*.internal": Meaning("whether nothing outside the environment reaches it", "`verify`"),
    "apps.*.revision": Meaning("the revision that serves", "`release`, who looks into its logs"),
    "apps.*.url": Meaning("where people find it; only what the edge publishes has one", "people"),
    "edge.hosts.*": Meaning("Front Door's own host for it", "DNS of a domain of one's own"),
    "edge.dns_records": Meaning("the records to make for domains of one's own", "who runs DNS"),
    "edge.private_link.list": Meaning("the command that lists links that wait for approval", "`approve-link`, by hand"),
    "edge.private_link.approve": Meaning("the command that approves one", "`approve-link`, by hand"),
    "network.egress_address": Meaning(
        "the one address that the apps call out from", "`snowflake.log_in.networks.applications`"
    ),
    "index_job.name": Meaning("the job that fills the search", "who starts it by hand"),
    "deploy_identity.client_id": Meaning("the identity that the pipeline acts as", "GitHub's `AZURE_CLIENT_ID`"),
    "deploy_identity.principal_id": Meaning("the same, to rights given by hand", "`bootstrap --pipeline`"),
    "deploy_identity.tenant_id": Meaning("its directory", "GitHub's `AZURE_TENANT_ID`"),
    "deploy_identity.subscription_id": Meaning("its subscription", "GitHub's `AZURE_SUBSCRIPTION_ID`"),
    "readme": Meaning("the stack's page, Pulumi.README.md filled in", "Pulumi's console"),
}


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
