"""What each of the four applications is told: its variables, its secrets, its files."""

from __future__ import annotations

import json

import pulumi

from components.azure import ConfigurationFile
from infra import naming
from infra.application_settings import OpenIdSettings

#: Milliseconds. An idle session ends after a quarter of an hour (45 CFR 164.312(a)(2)(iii)); a working day is the most.
SESSION_EXPIRY = 15 * 60 * 1000
REFRESH_TOKEN_EXPIRY = 8 * 60 * 60 * 1000

BACKEND_PORT, CHAT_PORT, SEARCH_PORT = 8000, 3080, 7700

#: Meilisearch's index: it corrupts on network file systems, so it lies on the replica's own disk and is rebuilt.
SEARCH_DIRECTORY = "/meili_data"
CHAT_CONFIGURATION_DIRECTORY = "/app/configuration"
CHAT_CONFIGURATION_FILE = "librechat.yaml"


def snowflake_environment(
    *,
    account: str,
    user: pulumi.Input[str],
    role: pulumi.Input[str],
    warehouse: pulumi.Input[str],
    database: pulumi.Input[str],
    schema: pulumi.Input[str],
    model: str,
    workload: str,
) -> dict[str, pulumi.Input[str]]:
    """One starts in the shared schema; there ORGANIZATIONS tells each organisation's database and role.

    SNOWFLAKE_QUERY_TAG is what a session's QUERY_TAG is to be while it works for an organisation, whose id is put in:
    the monitoring views go by what stands before the colon.
    """
    return {
        "SNOWFLAKE_ACCOUNT": account,
        "SNOWFLAKE_USER": user,
        "SNOWFLAKE_AUTHENTICATOR": "SNOWFLAKE_JWT",
        "SNOWFLAKE_ROLE": role,
        "SNOWFLAKE_WAREHOUSE": warehouse,
        "SNOWFLAKE_DATABASE": database,
        "SNOWFLAKE_SCHEMA": schema,
        "SNOWFLAKE_CORTEX_MODEL": model,
        "SNOWFLAKE_QUERY_TAG": f"{{organization_id}}:{workload}",
    }


def backend_logs() -> dict[str, pulumi.Input[str]]:
    """What uvicorn, FastAPI's server, writes: its log of requests would name each conversation that is asked for."""
    return {"UVICORN_ACCESS_LOG": "false", "UVICORN_LOG_LEVEL": "warning"}


def chat_environment(
    *, own_url: pulumi.Input[str], backend_url: pulumi.Input[str], search_url: pulumi.Input[str], model: str
) -> dict[str, pulumi.Input[str]]:
    """LibreChat's plain variables: no way to a foreign model, no registration, no message in a log.

    What is not here is meant: the retrieval service (RAG_API_URL, EMBEDDINGS_…), any provider's key.
    """
    return {
        "HOST": "0.0.0.0",  # noqa: S104 -- inside the container; what reaches it is the ingress's matter
        "PORT": str(CHAT_PORT),
        "DOMAIN_CLIENT": own_url,
        "DOMAIN_SERVER": own_url,
        "TRUST_PROXY": "1",
        "NO_INDEX": "true",
        "CONSOLE_JSON": "true",
        "DEBUG_LOGGING": "false",
        "DEBUG_CONSOLE": "false",
        "USE_SNOWFLAKE_STORAGE": "true",
        "AGENTNEXUS_API_URL": backend_url,
        "SNOWFLAKE_CORTEX_MODEL": model,
        "CONFIG_PATH": f"{CHAT_CONFIGURATION_DIRECTORY}/{CHAT_CONFIGURATION_FILE}",
        "ENDPOINTS": "custom",
        "SEARCH": "true",
        "MEILI_HOST": search_url,
        "MEILI_NO_ANALYTICS": "true",
        "ALLOW_REGISTRATION": "false",
        "ALLOW_SOCIAL_LOGIN": "false",
        "ALLOW_SOCIAL_REGISTRATION": "false",
        "ALLOW_PASSWORD_RESET": "false",
        "ALLOW_UNVERIFIED_EMAIL_LOGIN": "false",
        "ALLOW_ACCOUNT_DELETION": "false",
        "ALLOW_SHARED_LINKS": "false",
        "ALLOW_SHARED_LINKS_PUBLIC": "false",
        "SESSION_EXPIRY": str(SESSION_EXPIRY),
        "REFRESH_TOKEN_EXPIRY": str(REFRESH_TOKEN_EXPIRY),
        "TENANT_ISOLATION_STRICT": "true",
    }


def openid_environment(settings: OpenIdSettings) -> dict[str, pulumi.Input[str]]:
    """LibreChat's variables for single sign-on. Passwords of its own end with it; its secrets come from the vault."""
    return {
        "ALLOW_EMAIL_LOGIN": "false",
        # LibreChat counts OpenID among social log-ins; which of them there are, librechat.yaml says.
        "ALLOW_SOCIAL_LOGIN": "true",
        "OPENID_ISSUER": settings.issuer,
        "OPENID_CLIENT_ID": settings.client_id,
        "OPENID_SCOPE": settings.scope,
        "OPENID_CALLBACK_URL": "/oauth/openid/callback",
        "OPENID_BUTTON_LABEL": settings.button,
        "OPENID_USE_END_SESSION_ENDPOINT": "true",
    }


def chat_configuration(backend_url: pulumi.Input[str], model: str, *, openid: bool) -> ConfigurationFile:
    """`librechat.yaml`: one endpoint, the backend; LibreChat fills in the key from its own environment."""
    return ConfigurationFile(
        directory=CHAT_CONFIGURATION_DIRECTORY,
        name=CHAT_CONFIGURATION_FILE,
        secret_name=naming.CHAT_CONFIGURATION,
        content=pulumi.Output.from_input(backend_url).apply(lambda url: librechat_yaml(url, model, openid=openid)),
        content_type="application/yaml",
    )


def librechat_yaml(backend_url: str, model: str, *, openid: bool) -> str:
    """The text of `librechat.yaml`; every JSON document is a YAML one.

    Off is whatever leads to a service of somebody else's, or shows one person's chat to another.
    """
    return json.dumps(
        {
            "version": "1.2.1",
            "cache": True,
            "interface": {
                "endpointsMenu": False,
                "modelSelect": False,
                "parameters": False,
                "agents": False,
                "fileSearch": False,
                "multiConvo": False,
                "peoplePicker": {"users": False, "groups": False, "roles": False},
                "marketplace": {"use": False},
                "runCode": False,
                "webSearch": False,
            },
            "registration": {"socialLogins": ["openid"] if openid else []},
            "endpoints": {
                "custom": [
                    {
                        "name": "NexusChat",
                        "apiKey": "${AGENTNEXUS_API_KEY}",
                        "baseURL": f"{backend_url}/api",
                        "models": {"default": [model], "fetch": False},
                        "titleConvo": False,
                    }
                ]
            },
        },
        indent=2,
    )


def search_environment() -> dict[str, pulumi.Input[str]]:
    return {
        "MEILI_ENV": "production",
        "MEILI_NO_ANALYTICS": "true",
        # At INFO it names each request; a query may name a patient.
        "MEILI_LOG_LEVEL": "WARN",
        "MEILI_HTTP_ADDR": f"0.0.0.0:{SEARCH_PORT}",
        "MEILI_DB_PATH": f"{SEARCH_DIRECTORY}/data.ms",
    }


def site_environment(*, backend_url: pulumi.Input[str], chat_url: pulumi.Input[str]) -> dict[str, pulumi.Input[str]]:
    return {"AGENTNEXUS_API_URL": backend_url, "NEXUSCHAT_URL": chat_url}
