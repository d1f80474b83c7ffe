"""Every declared body, by Microsoft's own models; and the judge itself, by bodies that are wrong."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from infra.program import program
from tests.unit.azure_models import MODELS, judge
from tests.unit.recording import Graph, Registration, declare
from tests.unit.stack_settings import as_engine_sends, organisations_file
from tests.unit.test_azure_access import put
from tests.unit.test_settings import filled_prod


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    """Production with all that a setting may ask for beside it."""
    config = filled_prod()
    put(config, "tenants_file", organisations_file(tmp_path_factory.mktemp("everything"), 1))
    put(config, "azure.edge.custom_domains", {"site": "www.videxa.example", "chat": "chat.videxa.example"})
    put(config, "apps.chat.openid", {"issuer": "https://log-in.videxa.example", "client_id": "nexuschat"})
    image = config["nexuschat:apps"]["backend"]["image"]
    put(config, "apps.backend.release", {"image": f"{image.rpartition(':')[0]}:9.9.9", "weight": 10})
    return declare(program, as_engine_sends(config))


def azure(graph: Graph) -> list[Registration]:
    return [one for one in graph.resources if one.type.startswith("azure-native:")]


@pytest.mark.parametrize("type_", sorted(MODELS))
def test_microsofts_own_models_agree_with_what_is_declared(graph: Graph, everything: Graph, type_: str) -> None:
    found = [one for one in (*azure(graph), *azure(everything)) if one.type == f"azure-native:{type_}"]
    assert found, f"nothing of {type_} is declared: it needs no judge"
    assert [f"{one.name}: {line}" for one in found for line in judge(one.type, one.inputs)] == []


def test_no_declared_type_is_without_a_judge(graph: Graph, everything: Graph) -> None:
    declared = {one.type.removeprefix("azure-native:") for one in (*azure(graph), *azure(everything))}
    assert declared == set(MODELS)


def _at(body: dict[str, Any], *path: str | int) -> Any:
    found: Any = body
    for part in path:
        found = found[part]
    return found


#: By type: what is spoilt in the first declared body, and what the judge must say.
WRONG: list[tuple[str, Callable[[dict[str, Any]], Any], str]] = [
    ("keyvault:Vault", lambda body: body["properties"].update(enablePurgeProtektion=True), "has no such property"),
    ("keyvault:Vault", lambda body: body["properties"].update(softDeleteRetentionInDays="90"), "'90' is no int"),
    ("keyvault:Vault", lambda body: body["properties"].pop("tenantId"), "tenantId: VaultProperties demands it"),
    ("keyvault:Vault", lambda body: body["properties"]["sku"].update(name="gold"), "'gold' is none of"),
    (
        "app:ContainerApp",
        lambda body: _at(body, "template", "containers", 0)["resources"].update(cpus=1),
        "has no such property",
    ),
    (
        "app:ContainerApp",
        lambda body: _at(body, "template", "scale").update(minReplicas="one"),
        "'one' is no int",
    ),
    (
        "app:ContainerApp",
        lambda body: _at(body, "configuration", "ingress").update(fqdn="a.example"),
        "Azure sets it",
    ),
    ("network:VirtualNetwork", lambda body: body["subnets"][0].update(addresPrefix="10.0.0.0/8"), "no such property"),
    ("network:NetworkSecurityGroup", lambda body: body["securityRules"][0].update(access="Maybe"), "is none of"),
    ("network:NetworkSecurityGroup", lambda body: body["securityRules"][0].pop("priority"), "demands it"),
    ("storage:StorageAccount", lambda body: body.pop("sku"), "demands it"),
    ("cdn:AFDOrigin", lambda body: body.update(httpsPort=True), "is no int"),
    ("cdn:Rule", lambda body: body["actions"][0].update(name="MakeTea"), "is none of"),
    ("monitor:MetricAlert", lambda body: body.update(severity="high"), "'high' is no int"),
    ("monitor:MetricAlert", lambda body: body["criteria"].update(odataType="Microsoft.Nothing"), "is none of"),
    ("monitor:DiagnosticSetting", lambda body: body.update(logs={"categoryGroup": "allLogs"}), "is no list"),
    (
        "managedidentity:FederatedIdentityCredential",
        lambda body: body.update(audiences="api://AzureADTokenExchange"),
        "is no list",
    ),
    ("consumption:Budget", lambda body: body["notifications"]["actual-50"].update(operator="Above"), "is none of"),
]


@pytest.mark.parametrize(("type_", "spoil", "said"), WRONG)
def test_the_judge_finds_what_is_wrong(
    graph: Graph, type_: str, spoil: Callable[[dict[str, Any]], Any], said: str
) -> None:
    body = copy.deepcopy(graph.of(f"azure-native:{type_}")[0].inputs)
    spoil(body)
    found = judge(type_, body)
    assert len(found) == 1, found
    assert said in found[0]
