"""The pack as the engine talks to it: started, asked what it is, configured, told resources, asked to judge them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc

from policies.catalogue import POLICIES
from policies.pack import today

PACK = Path(__file__).resolve().parents[2] / "policies"
VAULT = "urn:pulumi:prod::other::azure-native:keyvault:Vault::vault"
GRANT = "urn:pulumi:prod::other::snowflake:index/grantAccountRole:GrantAccountRole::grant"
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "value": "hunter2"}
SAFE = {
    "enableRbacAuthorization": True,
    "enablePurgeProtection": True,
    "enableSoftDelete": True,
    "softDeleteRetentionInDays": 90,
    "publicNetworkAccess": "disabled",
    "networkAcls": {"defaultAction": "Deny"},
}


@pytest.fixture(scope="module")
def analyzer() -> Iterator[analyzer_pb2_grpc.AnalyzerStub]:
    """The pack's own process, started as the engine starts it where there is no language host."""
    command = [sys.executable, "-u", "-m", "pulumi.policy", "127.0.0.1:1", "."]
    with subprocess.Popen(command, cwd=PACK, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            port = int(process.stdout.readline())
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                yield analyzer_pb2_grpc.AnalyzerStub(channel)
        finally:
            process.terminate()
            process.communicate(timeout=30)


def struct(values: Mapping[str, Any]) -> struct_pb2.Struct:
    found = struct_pb2.Struct()
    found.update(values)
    return found


def judged(
    analyzer: Any,
    inputs: Mapping[str, Any],
    *,
    config: Mapping[str, str] | None = None,
    policies: Mapping[str, Mapping[str, Any]] | None = None,
    levels: Mapping[str, int] | None = None,
) -> Any:
    """What the pack says of one vault and one grant, by (policy, enforcement level, message)."""
    analyzer.ConfigureStack(
        analyzer_pb2.AnalyzerStackConfigureRequest(stack="prod", project="other", config=config or {})
    )
    given = {
        name: analyzer_pb2.PolicyConfig(
            enforcementLevel=(levels or {}).get(name, analyzer_pb2.MANDATORY),
            properties=struct((policies or {}).get(name, {})),
        )
        for name in {**(policies or {}), **(levels or {})}
    }
    analyzer.Configure(analyzer_pb2.ConfigureAnalyzerRequest(policyConfig=given))
    options = analyzer_pb2.AnalyzerResourceOptions(deleteBeforeReplace=True, deleteBeforeReplaceDefined=True)
    vault = {"urn": VAULT, "type": "azure-native:keyvault:Vault", "name": "vault"}
    grant = {"urn": GRANT, "type": "snowflake:index/grantAccountRole:GrantAccountRole", "name": "grant"}
    role = struct({"roleName": "R", "parentRoleName": "SYSADMIN"})
    for one, properties in ((vault, struct({"properties": inputs})), (grant, role)):
        answer = analyzer.Analyze(analyzer_pb2.AnalyzeRequest(**one, properties=properties, options=options))
        assert not answer.diagnostics
    # As in the engine, the stack's question has other properties (what the provider answers) than the resources' own.
    answer = analyzer.AnalyzeStack(
        analyzer_pb2.AnalyzeStackRequest(
            resources=[
                analyzer_pb2.AnalyzerResource(**vault, properties=struct({"name": "vault"})),
                analyzer_pb2.AnalyzerResource(**grant, properties=struct({})),
            ]
        )
    )
    return [(found.policyName, found.enforcementLevel, found.message) for found in answer.diagnostics]


ENDPOINT = ("key-vault-private-endpoint", "diagnostic-settings-present")
"""What a vault by itself violates too."""


def of_inputs(found: Any) -> Any:
    return [one for one in found if one[0] not in ENDPOINT]


def test_the_pack_says_what_it_has(analyzer: Any) -> None:
    info = analyzer.GetAnalyzerInfo(empty_pb2.Empty())
    assert (info.name, info.supportsConfig) == ("hipaa", True)
    assert [policy.name for policy in info.policies] == [policy.id for policy in POLICIES]
    for told, policy in zip(info.policies, POLICIES, strict=True):
        assert told.enforcementLevel == analyzer_pb2.MANDATORY
        assert told.remediation_steps == policy.remediation
        assert told.url == policy.link
        assert told.framework.specification == "; ".join(policy.safeguards)
        assert set(told.configSchema.properties) == set(policy.parameters)


def test_inputs_are_judged_and_not_what_the_provider_answers(analyzer: Any) -> None:
    assert of_inputs(judged(analyzer, SAFE)) == []
    ((policy, level, message),) = of_inputs(judged(analyzer, {**SAFE, "enablePurgeProtection": False}))
    assert (policy, level) == ("key-vault-purge-protection", analyzer_pb2.MANDATORY)
    title, told = message.split("\n")
    assert title == "A deleted key vault or secret cannot be purged"
    assert told.startswith(
        "properties.enablePurgeProtection is not true. Set properties.enablePurgeProtection to true."
    )
    assert "45 CFR 164.312(c)(1)" in told


def test_an_unknown_is_a_mandatory_violation_that_says_so(analyzer: Any) -> None:
    unknown = "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7"
    ((policy, level, message),) = of_inputs(judged(analyzer, {**SAFE, "enableRbacAuthorization": unknown}))
    assert (policy, level) == ("key-vault-rbac", analyzer_pb2.MANDATORY)
    assert "not judged: properties.enableRbacAuthorization is not known before the run" in message


def test_a_secret_is_never_told(analyzer: Any) -> None:
    found = judged(analyzer, {**SAFE, "publicNetworkAccess": SECRET, "password": "hunter2"})
    assert {policy for policy, _, _ in of_inputs(found)} == {"key-vault-private", "no-plain-secrets"}
    assert "hunter2" not in str(found)


def test_levels_and_parameters_are_configured(analyzer: Any) -> None:
    short = {**SAFE, "softDeleteRetentionInDays": 30}
    name = "key-vault-soft-delete"
    assert [policy for policy, _, _ in of_inputs(judged(analyzer, short))] == [name]
    assert of_inputs(judged(analyzer, short, policies={name: {"minimum_days": 30}})) == []
    ((_, level, _),) = of_inputs(judged(analyzer, short, levels={name: analyzer_pb2.ADVISORY}))
    assert level == analyzer_pb2.ADVISORY
    assert of_inputs(judged(analyzer, short, levels={name: analyzer_pb2.DISABLED})) == []


def exception(days: int, **other: str) -> str:
    values = {
        "resource": "vault",
        "policy": "key-vault-rbac",
        "reason": "it is emptied",
        "acceptedBy": "security@videxa.example",
        "expires": (today() + timedelta(days=days)).isoformat(),
    }
    return json.dumps([values | other])


def test_an_exception_is_told_and_does_not_fail(analyzer: Any) -> None:
    wrong = {**SAFE, "enableRbacAuthorization": False}
    ((policy, level, message),) = of_inputs(
        judged(analyzer, wrong, config={"nexuschat:policyExceptions": exception(0)})
    )
    assert (policy, level) == ("key-vault-rbac", analyzer_pb2.ADVISORY)
    assert message.split("\n")[1].startswith("Excepted: properties.enableRbacAuthorization is not true (accepted by ")
    in_the_pack = {"exceptions-current": {"exceptions": json.loads(exception(9, resource=VAULT))}}
    ((_, level, _),) = of_inputs(judged(analyzer, wrong, policies=in_the_pack))
    assert level == analyzer_pb2.ADVISORY


def test_an_exception_runs_out(analyzer: Any) -> None:
    wrong = {**SAFE, "enableRbacAuthorization": False}
    found = of_inputs(judged(analyzer, wrong, config={"other:policyExceptions": exception(-1)}))
    assert [(policy, level) for policy, level, _ in found] == [
        ("key-vault-rbac", analyzer_pb2.MANDATORY),
        ("exceptions-current", analyzer_pb2.MANDATORY),
    ]
    assert "its exception ran out on" in found[0][2]
    assert "ran out on" in found[1][2]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (exception(9), "excepts nothing"),
        (exception(9, policy="no-such-policy"), "there is no such policy"),
        (exception(9, reason=" "), "policyExceptions[0]: an exception needs reason"),
        (exception(9, expires="soon"), "is a day"),
        ("{}", "is no list"),
        ("no list", "is no list"),
    ],
)
def test_a_wrong_exception_is_a_violation(analyzer: Any, text: str, told: str) -> None:
    ((policy, _, message),) = of_inputs(judged(analyzer, SAFE, config={"nexuschat:policyExceptions": text}))
    assert policy == "exceptions-current"
    assert told in message
