"""Where every variable and every secret of every app comes from: an output, a setting, or a constant that is named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.recording import Graph, Registration
from tests.unit.stack_settings import stack_config
from tests.unit.test_azure import APP, SECRET, container, references, variables

JOB = "azure-native:app:Job"
RANDOM = "random:index/randomBytes:RandomBytes"
KEY = "tls:index/privateKey:PrivateKey"

#: Values that stand in the program, each for what its name says.
CONSTANTS = {
    "backend": {"SNOWFLAKE_AUTHENTICATOR", "SNOWFLAKE_QUERY_TAG", "UVICORN_ACCESS_LOG", "UVICORN_LOG_LEVEL"},
    "index": {"SNOWFLAKE_AUTHENTICATOR", "SNOWFLAKE_QUERY_TAG"},
    "site": set(),
    "search": {"MEILI_ENV", "MEILI_NO_ANALYTICS", "MEILI_LOG_LEVEL", "MEILI_HTTP_ADDR", "MEILI_DB_PATH"},
    "chat": {
        "HOST",
        "PORT",
        "TRUST_PROXY",
        "NO_INDEX",
        "CONSOLE_JSON",
        "DEBUG_LOGGING",
        "DEBUG_CONSOLE",
        "USE_SNOWFLAKE_STORAGE",
        "CONFIG_PATH",
        "ENDPOINTS",
        "SEARCH",
        "MEILI_NO_ANALYTICS",
        "ALLOW_REGISTRATION",
        "ALLOW_SOCIAL_LOGIN",
        "ALLOW_SOCIAL_REGISTRATION",
        "ALLOW_PASSWORD_RESET",
        "ALLOW_UNVERIFIED_EMAIL_LOGIN",
        "ALLOW_ACCOUNT_DELETION",
        "ALLOW_SHARED_LINKS",
        "ALLOW_SHARED_LINKS_PUBLIC",
        "SESSION_EXPIRY",
        "REFRESH_TOKEN_EXPIRY",
        "TENANT_ISOLATION_STRICT",
    },
}
_SNOWFLAKE = {
    "SNOWFLAKE_ACCOUNT": "setting snowflake.organization, setting snowflake.account",
    "SNOWFLAKE_USER": "snowflake ServiceUser AGENTNEXUS_SVC",
    "SNOWFLAKE_ROLE": "snowflake AccountRole VIDEXA_SHARED_APP",
    "SNOWFLAKE_WAREHOUSE": "snowflake Warehouse VIDEXA_SHARED_WH-warehouse",
    "SNOWFLAKE_DATABASE": "snowflake Database VIDEXA_SHARED",
    "SNOWFLAKE_SCHEMA": "snowflake Schema VIDEXA_SHARED-TENANT_MANAGEMENT",
    "SNOWFLAKE_CORTEX_MODEL": "setting model.name",
}
_DOMAIN = "azure-native ManagedEnvironment environment"
#: The plain variables that are no constants, and where each comes from.
SOURCES = {
    "backend": {
        **_SNOWFLAKE,
        "AZURE_KEY_VAULT_URL": "azure-native Vault vault",
        "AZURE_CLIENT_ID": "azure-native UserAssignedIdentity backend-identity",
    },
    "index": {
        **_SNOWFLAKE,
        "MEILI_HOST": _DOMAIN,
        "AZURE_CLIENT_ID": "azure-native UserAssignedIdentity index-identity",
    },
    "site": {"AGENTNEXUS_API_URL": _DOMAIN, "NEXUSCHAT_URL": "azure-native AFDEndpoint edge-chat"},
    "search": {},
    "chat": {
        "DOMAIN_CLIENT": "azure-native AFDEndpoint edge-chat",
        "DOMAIN_SERVER": "azure-native AFDEndpoint edge-chat",
        "AGENTNEXUS_API_URL": _DOMAIN,
        "MEILI_HOST": _DOMAIN,
        "SNOWFLAKE_CORTEX_MODEL": "setting model.name",
    },
}
#: The secrets, by the vault's name for each, and what made its value.
SECRETS = {
    "nexuschat-api-key": "random RandomBytes nexuschat-api-key",
    "meilisearch-master-key": "random RandomBytes meilisearch-master-key",
    "nexuschat-creds-key": "random RandomBytes nexuschat-creds-key",
    "nexuschat-creds-iv": "random RandomBytes nexuschat-creds-iv",
    "nexuschat-jwt-secret": "random RandomBytes nexuschat-jwt-secret",
    "nexuschat-jwt-refresh-secret": "random RandomBytes nexuschat-jwt-refresh-secret",
    "snowflake-private-key": "tls PrivateKey",
    "nexuschat-librechat-yaml": f"{_DOMAIN}, setting model.name",
}


def workloads(graph: Graph) -> dict[str, Registration]:
    return {one.name.rsplit("-", 1)[0]: one for one in (*graph.of(APP), *graph.of(JOB))}


def told(one: Registration) -> str:
    package, _, kind = one.type.split(":")
    return f"{package} {kind} {one.name}"


def leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner)
    elif isinstance(value, str):
        yield value


def settings(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from settings(inner, f"{path}.{key}" if path else key.removeprefix("nexuschat:"))
    elif isinstance(value, str):
        yield path, value


#: What comes out of a resource and can be told from every other text.
OUTPUTS = {
    "azure-native:keyvault:Vault": lambda state: state["properties"]["vaultUri"],
    "azure-native:managedidentity:UserAssignedIdentity": lambda state: state["clientId"],
    "azure-native:cdn:AFDEndpoint": lambda state: state["hostName"],
    "azure-native:app:ManagedEnvironment": lambda state: state["defaultDomain"],
    "snowflake:index/serviceUser:ServiceUser": lambda state: state["name"],
    "snowflake:index/accountRole:AccountRole": lambda state: state["name"],
    "snowflake:index/warehouse:Warehouse": lambda state: state["name"],
    "snowflake:index/database:Database": lambda state: state["name"],
    "snowflake:index/schema:Schema": lambda state: state["name"],
}


def source(graph: Graph, app: Registration, value: str) -> str | None:
    """The resource that the app waits for and whose output is in the value, or else the settings that are."""
    for one in graph.resources:
        if one.type in OUTPUTS and one.urn in app.dependencies:
            output = OUTPUTS[one.type](graph.states[one.urn])
            whole = one.type.startswith(("snowflake:", "azure-native:keyvault", "azure-native:managedidentity"))
            if output == value or (not whole and output in value):
                return told(one)
    config = {key: inner for key, inner in stack_config("local").items() if key.startswith("nexuschat:")}
    found = [path for path, text in settings(config) if path in ("model.name",) and text == value]
    account = [
        path for path in ("snowflake.organization", "snowflake.account") if dict(settings(config))[path] in value
    ]
    return ", ".join(f"setting {path}" for path in found or account) or None


@pytest.mark.parametrize("label", sorted(SOURCES))
def test_every_variable_has_a_source(graph: Graph, label: str) -> None:
    app = workloads(graph)[label]
    found = {name: source(graph, app, value) for name, value in variables(app).items() if name not in CONSTANTS[label]}
    assert found == SOURCES[label]
    assert CONSTANTS[label] <= set(variables(app))


def test_no_app_is_left_out(graph: Graph) -> None:
    assert set(workloads(graph)) == set(SOURCES) == set(CONSTANTS)


@pytest.mark.parametrize("label", sorted(SOURCES))
def test_every_secret_reference_leads_to_a_value_that_something_made(graph: Graph, label: str) -> None:
    app = workloads(graph)[label]
    configured = {one["name"]: one["keyVaultUrl"] for one in app.inputs["configuration"].get("secrets") or []}
    mounted = {
        item["secretRef"] for volume in app.inputs["template"].get("volumes", []) for item in volume.get("secrets", [])
    }
    used = set(references(app).values()) | mounted
    # Nothing is given that is not used, and nothing is used that is not given.
    assert used == set(configured)
    for name, uri in configured.items():
        (secret,) = [one for one in graph.of(SECRET) if graph.states[one.urn]["properties"]["secretUri"] == uri]
        assert secret.urn in app.dependencies
        assert maker(graph, secret) == SECRETS[name]


def maker(graph: Graph, secret: Registration) -> str:
    value = secret.inputs["properties"]["value"]
    for one in graph.resources:
        if one.urn not in secret.dependencies:
            continue
        if one.type == RANDOM and graph.states[one.urn]["hex"] == value:
            return told(one)
        if one.type == KEY and graph.states[one.urn]["privateKeyPemPkcs8"] == value:
            return "tls PrivateKey"
    file = json.loads(value)
    assert any("azurecontainerapps.io" in text for text in leaves(file))
    assert stack_config("local")["nexuschat:model"]["name"] in leaves(file)
    (domain,) = [one for one in graph.resources if one.type == "azure-native:app:ManagedEnvironment"]
    assert domain.urn in secret.dependencies
    return f"{told(domain)}, setting model.name"


def test_images_are_the_settings(graph: Graph) -> None:
    apps = stack_config("local")["nexuschat:apps"]
    found = {label: container(one)["image"] for label, one in workloads(graph).items()}
    assert found == {
        "backend": apps["backend"]["image"],
        "index": apps["backend"]["image"],
        "site": apps["site"]["image"],
        "chat": apps["chat"]["image"],
        "search": "getmeili/meilisearch:v1.12.3",
    }


def test_the_index_job_rebuilds_the_search_on_time(graph: Graph) -> None:
    job = workloads(graph)["index"]
    configuration = job.inputs["configuration"]
    assert configuration["triggerType"] == "Schedule"
    assert configuration["scheduleTriggerConfig"] == {
        "cronExpression": "*/15 * * * *",
        "parallelism": 1,
        "replicaCompletionCount": 1,
    }
    # One execution is over before the next begins.
    assert configuration["replicaTimeout"] < 15 * 60
    assert (
        variables(job)["MEILI_HOST"] == "https://nexuschat-meilisearch.internal.example.centralus.azurecontainerapps.io"
    )
