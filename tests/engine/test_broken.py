"""What `verify` says of a stack that somebody broke by hand: each break fails, by its name, and nothing else does."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import json_format, struct_pb2
from nexus_command import Nexus
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

ROLE_ASSIGNMENT = "azure-native:authorization:RoleAssignment"
SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"


@dataclass(frozen=True)
class Served:
    """A stack that is up, with its cloud; `events` is all that the engine told of bringing it up."""

    nexus: Nexus
    endpoints: dict[str, Any]
    events: str

    def failed(self) -> dict[str, list[str]]:
        """The areas in which `verify` fails, each with the resources that it names."""
        answer = self.nexus.run("verify", "--json", expect=None).answer
        areas: dict[str, list[str]] = {}
        for check in answer["checks"]:
            if not check["passed"]:
                areas.setdefault(check["area"], []).extend(finding["resource"] for finding in check["findings"])
        assert answer["passed"] == (not areas)
        return areas


@pytest.fixture(scope="module")
def served(nexus: Nexus) -> Iterator[Served]:
    nexus.tenants(HCS0001={}, HCS0002={})
    recorded = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("record_events.py")), str(nexus.tenants_file)],
        env=nexus.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert recorded.returncode == 0, recorded.stderr
    with nexus.serving() as endpoints:
        yield Served(nexus, endpoints, recorded.stdout + recorded.stderr)


def test_it_passes_before(served: Served) -> None:
    assert served.failed() == {}


@pytest.mark.parametrize(
    ("role", "broken", "mended", "areas"),
    [
        pytest.param(
            "ACCOUNTADMIN",
            "ALTER WAREHOUSE HCS0001_WH SET RESOURCE_MONITOR = HCS0002_RM",
            "ALTER WAREHOUSE HCS0001_WH SET RESOURCE_MONITOR = HCS0001_RM",
            {"warehouses": "HCS0001_WH"},
            id="wrong monitor",
        ),
        pytest.param(
            "ACCOUNTADMIN",
            "ALTER WAREHOUSE HCS0002_WH SET AUTO_SUSPEND = 3600",
            "ALTER WAREHOUSE HCS0002_WH SET AUTO_SUSPEND = 60",
            {"warehouses": "HCS0002_WH"},
            id="a warehouse that stays awake",
        ),
        pytest.param(
            "SECURITYADMIN",
            "GRANT DATABASE ROLE HCS0002_DB.NEXUSCHAT_READ TO ROLE HCS0001_ANALYST",
            "REVOKE DATABASE ROLE HCS0002_DB.NEXUSCHAT_READ FROM ROLE HCS0001_ANALYST",
            {"grants": "HCS0001_ANALYST", "isolation": 'HCS0001_ANALYST on "HCS0002_DB"."NEXUSCHAT"."CONVERSATIONS"'},
            id="another tenant's access role",
        ),
        pytest.param(
            "SECURITYADMIN",
            "GRANT ROLE HCS0002_APP TO ROLE HCS0001_APP",
            "REVOKE ROLE HCS0002_APP FROM ROLE HCS0001_APP",
            {"grants": "HCS0002_APP", "isolation": 'HCS0001_APP on "HCS0002_DB"."NEXUSCHAT"."CONVERSATIONS"'},
            id="another tenant's role",
        ),
        pytest.param(
            "SECURITYADMIN",
            "GRANT USAGE ON WAREHOUSE HCS0002_WH TO ROLE HCS0001_APP",
            "REVOKE USAGE ON WAREHOUSE HCS0002_WH FROM ROLE HCS0001_APP",
            {"grants": "HCS0001_APP", "isolation": "HCS0001_APP"},
            id="another tenant's warehouse",
        ),
        pytest.param(
            "SYSADMIN",
            "CREATE DATABASE HCS0099_DB",
            "DROP DATABASE HCS0099_DB",
            {"databases": "HCS0099_DB"},
            id="a database too many",
        ),
        pytest.param(
            "SYSADMIN",
            "USE WAREHOUSE VIDEXA_SHARED_WH; USE SCHEMA VIDEXA_SHARED.TENANT_MANAGEMENT; "
            "UPDATE ORGANIZATIONS SET MONTHLY_CREDITS = 1 WHERE ORGANIZATION_ID = 'HCS0002'",
            "USE WAREHOUSE VIDEXA_SHARED_WH; USE SCHEMA VIDEXA_SHARED.TENANT_MANAGEMENT; "
            "UPDATE ORGANIZATIONS SET MONTHLY_CREDITS = 50 WHERE ORGANIZATION_ID = 'HCS0002'",
            {"organisations": "HCS0002"},
            id="a row that says something else",
        ),
    ],
)
def test_a_statement_that_breaks_something_is_found(
    served: Served, role: str, broken: str, mended: str, areas: dict[str, str]
) -> None:
    served.nexus.sql(broken, role)
    try:
        failed = served.failed()
    finally:
        served.nexus.sql(mended, role)
    assert failed.keys() == areas.keys()
    for area, resource in areas.items():
        assert resource in failed[area]


PROTECTION = "VIDEXA_SHARED.GOVERNANCE"
UNPROTECTED = {
    f"ALTER TABLE HCS0002_DB.NEXUSCHAT.CONVERSATIONS MODIFY COLUMN TITLE UNSET TAG {PROTECTION}.PHI": (
        f"ALTER TABLE HCS0002_DB.NEXUSCHAT.CONVERSATIONS MODIFY COLUMN TITLE SET TAG {PROTECTION}.PHI = 'CONTENT'"
    ),
    f"ALTER TABLE VIDEXA_SHARED.TENANT_MANAGEMENT.ORG_USERS DROP ROW ACCESS POLICY {PROTECTION}.TENANT_ROWS": (
        "ALTER TABLE VIDEXA_SHARED.TENANT_MANAGEMENT.ORG_USERS "
        f"ADD ROW ACCESS POLICY {PROTECTION}.TENANT_ROWS ON (ORGANIZATION_ID)"
    ),
    "ALTER ACCOUNT UNSET PASSWORD POLICY": f"ALTER ACCOUNT SET PASSWORD POLICY {PROTECTION}.PASSWORD",
    'GRANT APPLICATION ROLE SNOWFLAKE."CORTEX-MODEL-ROLE-CLAUDE-OPUS-4-6" TO ROLE HCS0001_APP': (
        'REVOKE APPLICATION ROLE SNOWFLAKE."CORTEX-MODEL-ROLE-CLAUDE-OPUS-4-6" FROM ROLE HCS0001_APP'
    ),
}


def test_what_is_no_longer_protected_is_found(served: Served) -> None:
    """Several at once: each has an area of its own."""
    served.nexus.sql("; ".join(UNPROTECTED), "ACCOUNTADMIN")
    try:
        failed = served.failed()
    finally:
        served.nexus.sql("; ".join(UNPROTECTED.values()), "ACCOUNTADMIN")
    title = "HCS0002_DB.NEXUSCHAT.CONVERSATIONS.TITLE"
    assert failed.keys() == {"patients' data", "rows", "guards", "models", "grants"}
    assert {f"{title}: PHI = CONTENT", title} <= set(failed["patients' data"])
    assert failed["rows"] == ["VIDEXA_SHARED.TENANT_MANAGEMENT.ORG_USERS"]
    assert failed["guards"] == [f"{PROTECTION}.PASSWORD to the account"]
    assert failed["models"] == ["HCS0001_APP"]
    assert failed["grants"] == ["HCS0001_APP"]


def test_what_was_dropped_is_found_and_mended_by_up(served: Served) -> None:
    served.nexus.sql("DROP TABLE HCS0001_DB.NEXUSCHAT.USER_SESSIONS")
    served.nexus.sql("DROP ROLE HCS0001_ANALYST", "USERADMIN")
    failed = served.failed()
    assert '"HCS0001_DB"."NEXUSCHAT"."USER_SESSIONS"' in failed["tables"]
    assert "HCS0001_ANALYST" in failed["roles"]
    assert "HCS0001_ANALYST" in failed["isolation"]
    assert not [name for names in failed.values() for name in names if name.startswith("HCS0002")]
    served.nexus.run("refresh")
    served.nexus.run("up", "--yes")
    assert served.failed() == {}


def test_a_role_assignment_too_many_is_found(served: Served) -> None:
    """The public site may suddenly read the key that backend and chat share."""
    resources = {resource["urn"].rsplit("::", 1)[-1]: resource for resource in served.nexus.resources()}
    secret, site = resources["nexuschat-api-key"], resources["site-identity"]
    channel = grpc.insecure_channel(f"127.0.0.1:{served.endpoints['providers']['azure-native']}")
    stub = provider_pb2_grpc.ResourceProviderStub(channel)
    urn = f"urn:pulumi:by-hand::by-hand::{ROLE_ASSIGNMENT}::too-many"
    subscription = "/".join(secret["id"].split("/")[:3])
    inputs = {
        "scope": secret["id"],
        "principalId": site["outputs"]["principalId"],
        "principalType": "ServicePrincipal",
        "roleDefinitionId": f"{subscription}/providers/Microsoft.Authorization/roleDefinitions/{SECRETS_USER}",
        "roleAssignmentName": "6f2b1f0e-53c8-4f9c-9e53-0d9a86a0f4a1",
    }
    with channel:
        made = stub.Create(provider_pb2.CreateRequest(urn=urn, properties=_struct(inputs)))
        try:
            failed = served.failed()
        finally:
            stub.Delete(provider_pb2.DeleteRequest(id=made.id, urn=urn, properties=made.properties))
    assert failed.keys() == {"secrets"}
    (named,) = failed["secrets"]
    assert named.startswith("agentnexus-site on ")
    assert named.endswith("/secrets/nexuschat-api-key")
    assert served.failed() == {}


def _struct(values: dict[str, str]) -> struct_pb2.Struct:
    struct = struct_pb2.Struct()
    json_format.ParseDict(values, struct)
    return struct


def test_no_secret_value_is_anywhere_but_in_the_cloud(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """State, logs, outputs and the engine's events hold none of the vault's values, nor the deploy user's key."""
    nexus = served.nexus
    for name in [name for name in os.environ if name.startswith(("PULUMI_", "SNOWFLAKE_", "ARM_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NEXUS_DIRECTORY", str(nexus.home))
    values = _secret_values()
    assert len(values) >= 9

    texts = {f"nexus {verb}": str(nexus.run(*arguments)) for verb, arguments in _VERBS.items()}
    assert "meilisearch-master-key" in served.events
    texts["engine events"] = served.events
    keep = {nexus.stack / "deploy-key.pem", nexus.stack / "passphrase"}
    for file in nexus.home.rglob("*"):
        # The cloud itself keeps the vault: that is what a vault is for.
        if file.is_file() and file not in keep and nexus.stack / "cloud" not in file.parents:
            texts[str(file.relative_to(nexus.home))] = file.read_text(encoding="utf-8", errors="replace")
    assert any(name.endswith("local.json") for name in texts), sorted(texts)
    # What is looked for is what is kept: the vault's own store has each of them.
    kept = b"".join(file.read_bytes() for file in (nexus.stack / "cloud" / "azure").iterdir())
    assert [secret for secret, value in values.items() if secret != "deploy key" and value.encode() not in kept] == []
    found = [(name, secret) for name, text in texts.items() for secret, value in values.items() if value in text]
    assert found == []


_VERBS: dict[str, tuple[str, ...]] = {
    "outputs": ("outputs", "--json"),
    "preview": ("preview",),
    "verify": ("verify",),
    "up": ("up", "--yes"),
    "env": ("env",),
}


def _secret_values() -> dict[str, str]:
    """Every secret of the vault, read as the identities do, and a line of each private key."""
    from cli.access import stack_access
    from cli.verify.applications import applications
    from cli.verify.azure import embedded_resources
    from cli.verify.vault import EmbeddedVault, read_as

    with stack_access("local") as access:
        assert access.endpoints is not None
        state, outputs = access.state()
        with embedded_resources(access.endpoints) as azure:
            apps, problems = applications(outputs, state, azure)
        assert problems == []
        vault = EmbeddedVault(access.endpoints.azure)
        values = {
            f"{app.name} {name}": read_as(vault, app, uri) or "" for app in apps for name, uri in app.secrets.items()
        }
        deploy_key = access._deploy_key()
    # The chat's configuration file lies in the vault because files must; it holds no secret.
    values = {name: value for name, value in values.items() if not name.endswith("librechat-yaml")}
    values["deploy key"] = deploy_key
    return {name: _middle_line(value) for name, value in values.items()}


def _middle_line(value: str) -> str:
    """A secret that is safe to look for: a key's lines may be folded otherwise, one of them is enough."""
    lines = value.strip().splitlines()
    text = lines[len(lines) // 2]
    assert len(text) >= 32
    return text
