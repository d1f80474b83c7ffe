"""The edge: the only way in, private behind, guarded before; custom domains; single sign-on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.program import program
from tests.unit.recording import Graph, declare
from tests.unit.stack_settings import as_engine_sends, organisations_file, stack_config
from tests.unit.test_azure import APP, ASSIGNMENT, SECRET, references, variables
from tests.unit.test_settings import problems, put

PROFILE = "azure-native:cdn:Profile"
ORIGIN = "azure-native:cdn:AFDOrigin"
RULE = "azure-native:cdn:Rule"
ROUTE = "azure-native:cdn:Route"
FIREWALL = "azure-native:frontdoor:Policy"
DOMAIN = "azure-native:cdn:AFDCustomDomain"


def test_premium_that_private_link_and_managed_rules_take(graph: Graph) -> None:
    assert graph.one(PROFILE, "edge").inputs["sku"] == {"name": "Premium_AzureFrontDoor"}
    assert graph.one(FIREWALL, "edge-firewall-rules").inputs["sku"] == {"name": "Premium_AzureFrontDoor"}


def test_only_the_site_and_the_chat_are_reachable(graph: Graph) -> None:
    hosts = {one.inputs["hostName"] for one in graph.of(ORIGIN)}
    external = {
        graph.states[one.urn]["configuration"]["ingress"]["fqdn"]
        for one in graph.of(APP)
        if one.inputs["configuration"]["ingress"]["external"]
    }
    assert hosts == external
    assert {one.name for one in graph.of(APP) if one.inputs["configuration"]["ingress"]["external"]} == {
        "site-app",
        "chat-app",
    }


def test_origins_are_reached_by_private_link_under_their_own_name(graph: Graph) -> None:
    assert len(graph.of(ORIGIN)) == 2
    for origin in graph.of(ORIGIN):
        assert origin.inputs["sharedPrivateLinkResource"] == {
            "groupId": "managedEnvironments",
            "privateLink": {"id": "environment-id"},
            "privateLinkLocation": "centralus",
            "requestMessage": "Front Door of NexusChat",
        }
        assert origin.inputs["originHostHeader"] == origin.inputs["hostName"]
        assert origin.inputs["enforceCertificateNameCheck"] is True
        # The environment's owner approves it, and that is no change of the program's.
        assert origin.ignore_changes == {"sharedPrivateLinkResource.status"}
    told = graph.result["edge"]["private_link"]
    assert "environment-id" in told["list"]
    assert "approve" in told["approve"]


def test_routes_take_https_alone_and_keep_nothing(graph: Graph) -> None:
    for route in graph.of(ROUTE):
        assert route.inputs["httpsRedirect"] == "Enabled"
        assert route.inputs["forwardingProtocol"] == "HttpsOnly"
        assert route.inputs["linkToDefaultDomain"] == "Enabled"
        assert route.inputs["ruleSets"] == [{"id": "edge-headers-id"}]
        assert "cacheConfiguration" not in route.inputs
        label = route.inputs["routeName"]
        assert graph.one(ORIGIN, f"edge-to-{label}-origin").urn in route.dependencies


def test_security_headers_of_every_answer(graph: Graph) -> None:
    actions = graph.one(RULE, "edge-headers-rule").inputs["actions"]
    headers = {one["parameters"]["headerName"]: one["parameters"] for one in actions}
    assert set(headers) == {
        "Strict-Transport-Security",
        "X-Content-Type-Options",
        "X-Frame-Options",
        "Referrer-Policy",
        "Permissions-Policy",
    }
    assert {one["headerAction"] for one in headers.values()} == {"Overwrite"}
    assert headers["Strict-Transport-Security"]["value"].startswith("max-age=31536000")


def test_the_content_security_policy_is_a_setting_and_may_be_the_apps_own(graph: Graph, domains: Graph) -> None:
    rule = graph.one(RULE, "edge-content-rule")
    (action,) = rule.inputs["actions"]
    assert action["parameters"]["headerName"] == "Content-Security-Policy"
    assert "frame-ancestors 'none'" in action["parameters"]["value"]
    assert rule.inputs["order"] > graph.one(RULE, "edge-headers-rule").inputs["order"]
    for route in graph.of(ROUTE):
        assert rule.urn in route.dependencies
    # That one leaves the apps' own.
    assert [one.name for one in domains.of(RULE)] == ["edge-headers-rule"]


def test_the_firewall_blocks(graph: Graph) -> None:
    firewall = graph.one(FIREWALL, "edge-firewall-rules").inputs
    settings = firewall["policySettings"]
    assert (settings["mode"], settings["enabledState"], settings["requestBodyCheck"]) == (
        "Prevention",
        "Enabled",
        "Enabled",
    )
    managed = {one["ruleSetType"]: one for one in firewall["managedRules"]["managedRuleSets"]}
    assert set(managed) == {"Microsoft_DefaultRuleSet", "Microsoft_BotManagerRuleSet"}
    assert managed["Microsoft_DefaultRuleSet"]["ruleSetAction"] == "Block"
    (limit,) = firewall["customRules"]["rules"]
    assert (limit["ruleType"], limit["action"], limit["rateLimitThreshold"]) == ("RateLimitRule", "Block", 600)
    policy = graph.one("azure-native:cdn:SecurityPolicy", "edge-firewall").inputs["parameters"]
    (association,) = policy["associations"]
    assert {one["id"] for one in association["domains"]} == {"edge-site-id", "edge-chat-id"}


def test_no_log_of_the_edge_keeps_what_a_patient_wrote(graph: Graph) -> None:
    firewall = graph.one(FIREWALL, "edge-firewall-rules").inputs
    assert firewall["policySettings"]["state"] == "Enabled"
    scrubbed = {
        one["matchVariable"] for one in firewall["policySettings"]["scrubbingRules"] if one["state"] == "Enabled"
    }
    assert {"RequestBodyJsonArgNames", "RequestBodyPostArgNames", "QueryStringArgNames"} <= scrubbed
    default = next(
        one for one in firewall["managedRules"]["managedRuleSets"] if one["ruleSetType"] == "Microsoft_DefaultRuleSet"
    )
    assert [(one["matchVariable"], one["selector"]) for one in default["exclusions"]] == [
        ("RequestBodyJsonArgNames", "text")
    ]
    scrubbing = graph.one(PROFILE, "edge").inputs["logScrubbing"]
    assert scrubbing["state"] == "Enabled"
    assert [one["matchVariable"] for one in scrubbing["scrubbingRules"]] == ["QueryStringArgNames"]


def changed(directory: Any, changes: dict[str, Any]) -> Graph:
    config = stack_config("local")
    for path, value in changes.items():
        put(config, path, value)
    return declare(program, as_engine_sends(put(config, "tenants_file", organisations_file(directory, 1))))


@pytest.fixture(scope="module")
def domains(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    return changed(
        tmp_path_factory.mktemp("domains"),
        {
            "azure.edge.content_security_policy": "",
            "azure.edge.custom_domains": {"site": "www.videxa.example", "chat": "chat.videxa.example"},
            "apps.chat.openid": {"issuer": "https://login.videxa.example/v2.0", "client_id": "nexuschat"},
        },
    )


def test_custom_domains_have_managed_certificates_and_tell_their_records(domains: Graph) -> None:
    for label, host in (("site", "www.videxa.example"), ("chat", "chat.videxa.example")):
        domain = domains.one(DOMAIN, f"edge-{label}-domain").inputs
        assert domain["hostName"] == host
        assert domain["tlsSettings"] == {"certificateType": "ManagedCertificate", "minimumTlsVersion": "TLS12"}
        route = domains.one(ROUTE, f"edge-to-{label}-route").inputs
        assert route["customDomains"] == [{"id": f"edge-{label}-domain-id"}]
        # Front Door's own name leads nowhere then.
        assert route["linkToDefaultDomain"] == "Disabled"
        assert domains.result["apps"][label]["url"] == f"https://{host}"
    assert domains.result["edge"]["dns_records"] == [
        {"type": "TXT", "name": "_dnsauth.www.videxa.example", "value": "token-of-www.videxa.example"},
        {
            "type": "CNAME",
            "name": "www.videxa.example",
            "value": "site-nexuschat-local-abcdefgh.z01.azurefd.net",
        },
        {"type": "TXT", "name": "_dnsauth.chat.videxa.example", "value": "token-of-chat.videxa.example"},
        {
            "type": "CNAME",
            "name": "chat.videxa.example",
            "value": "chat-nexuschat-local-abcdefgh.z01.azurefd.net",
        },
    ]
    policy = domains.one("azure-native:cdn:SecurityPolicy", "edge-firewall").inputs["parameters"]
    assert {one["id"] for one in policy["associations"][0]["domains"]} == {
        "edge-site-id",
        "edge-site-domain-id",
        "edge-chat-id",
        "edge-chat-domain-id",
    }


def test_the_chat_knows_the_name_that_people_use(domains: Graph) -> None:
    chat = domains.one(APP, "chat-app")
    assert variables(chat)["DOMAIN_CLIENT"] == "https://chat.videxa.example"
    assert variables(domains.one(APP, "site-app"))["NEXUSCHAT_URL"] == "https://chat.videxa.example"


def test_single_sign_on_by_setting(domains: Graph, graph: Graph) -> None:
    chat = domains.one(APP, "chat-app")
    found = variables(chat)
    assert found["OPENID_ISSUER"] == "https://login.videxa.example/v2.0"
    assert found["OPENID_CLIENT_ID"] == "nexuschat"
    assert (found["ALLOW_EMAIL_LOGIN"], found["ALLOW_REGISTRATION"]) == ("false", "false")
    assert references(chat)["OPENID_CLIENT_SECRET"] == "nexuschat-openid-client-secret"
    assert references(chat)["OPENID_SESSION_SECRET"] == "nexuschat-openid-session-secret"
    # It is the identity provider's: only referred to.
    assert not [one for one in domains.of(SECRET) if one.inputs["secretName"] == "nexuschat-openid-client-secret"]
    assert domains.one(ASSIGNMENT, "chat-reads-nexuschat-openid-client-secret")
    file = json.loads(domains.one(SECRET, "nexuschat-librechat-yaml").inputs["properties"]["value"])
    assert file["registration"] == {"socialLogins": ["openid"]}
    assert not [name for name in variables(graph.one(APP, "chat-app")) if name.startswith("OPENID_")]


def test_without_an_edge_nothing_is_public_and_nothing_of_it_is_declared(tmp_path: Any) -> None:
    graph = changed(tmp_path, {"azure.edge": None})
    assert not [one for one in graph.resources if one.type.startswith(("azure-native:cdn:", "azure-native:frontdoor:"))]
    assert "edge" not in graph.result
    assert graph.result["apps"]["chat"]["url"] == "https://nexuschat.example.centralus.azurecontainerapps.io"
    environment = next(one for one in graph.resources if one.name == "environment" and one.custom)
    assert environment.inputs["publicNetworkAccess"] == "Disabled"


@pytest.mark.parametrize("issuer", ["http://login.example.com", "login.example.com", ""])
def test_an_issuer_is_an_https_address(config: dict[str, Any], issuer: str) -> None:
    put(config, "apps.chat.openid", {"issuer": issuer, "client_id": "nexuschat"})
    assert "no issuer" in problems(config)["nexuschat:apps.chat.openid.issuer"]


@pytest.mark.parametrize("policy", ["a\nb", "x" * 641, "default-src é"])
def test_a_content_security_policy_fits_into_a_header(config: dict[str, Any], policy: str) -> None:
    put(config, "azure.edge.content_security_policy", policy)
    assert "no value that Front Door takes" in problems(config)["nexuschat:azure.edge.content_security_policy"]
