"""Front Door and its firewall: parents, SKUs, private links and their approval, domains, rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from emulator.azure import AzurePackage, AzureStore
from emulator.azure.errors import AzureError
from emulator.package import CloudError
from tests.emulator.azure_provider import Azure, Made

GROUP = {"resourceGroupName": "rg-test"}
PREMIUM, STANDARD = "Premium_AzureFrontDoor", "Standard_AzureFrontDoor"


@pytest.fixture
def azure(tmp_path: Path) -> Azure:
    azure = Azure(AzurePackage(AzureStore(tmp_path)))
    azure.group()
    return azure


def profile(azure: Azure, name: str = "afd", sku: str = PREMIUM, **more: Any) -> Made:
    return azure.make(
        "cdn:Profile", name, GROUP | {"profileName": name, "location": "Global", "sku": {"name": sku}} | more
    )


def endpoint(azure: Azure, name: str = "site", profile_name: str = "afd", **more: Any) -> Made:
    inputs = {"profileName": profile_name, "endpointName": name, "location": "Global"}
    return azure.make("cdn:AFDEndpoint", name, GROUP | inputs | more)


def origin_group(azure: Azure, name: str = "site", profile_name: str = "afd", **more: Any) -> Made:
    inputs = {
        "profileName": profile_name,
        "originGroupName": name,
        "loadBalancingSettings": {"sampleSize": 4, "successfulSamplesRequired": 3},
    }
    return azure.make("cdn:AFDOriginGroup", name, GROUP | inputs | more)


def origin_inputs(environment: Made | None, name: str = "site", **more: Any) -> dict[str, Any]:
    inputs: dict[str, Any] = {
        "profileName": "afd",
        "originGroupName": "site",
        "originName": name,
        "hostName": "a.example.com",
    }
    if environment is not None:
        inputs["sharedPrivateLinkResource"] = {
            "groupId": "managedEnvironments",
            "privateLink": {"id": environment.id},
            "privateLinkLocation": "centralus",
            "requestMessage": "please",
        }
    return GROUP | inputs | more


def private_environment(azure: Azure, **more: Any) -> Made:
    azure.make(
        "network:VirtualNetwork",
        "vnet",
        GROUP
        | {
            "virtualNetworkName": "vnet",
            "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
            "subnets": [
                {
                    "name": "apps",
                    "addressPrefix": "10.0.0.0/23",
                    "delegations": [{"name": "d", "serviceName": "Microsoft.App/environments"}],
                }
            ],
        },
    )
    subnet = f"{azure.group_id()}/providers/Microsoft.Network/virtualNetworks/vnet/subnets/apps"
    inputs = {"internal": True, "infrastructureSubnetId": subnet}
    return azure.environment(vnetConfiguration=inputs, **({"publicNetworkAccess": "Disabled"} | more))


def route_inputs(group: Made, **more: Any) -> dict[str, Any]:
    return (
        GROUP
        | {
            "profileName": "afd",
            "endpointName": "site",
            "routeName": "site",
            "originGroup": {"id": group.id},
            "supportedProtocols": ["Http", "Https"],
            "httpsRedirect": "Enabled",
            "linkToDefaultDomain": "Enabled",
            "patternsToMatch": ["/*"],
        }
        | more
    )


def test_an_endpoints_host_is_its_own_and_stays(azure: Azure) -> None:
    profile(azure)
    made = endpoint(azure)
    host = made.outputs["hostName"]
    assert host.startswith("site-")
    assert host.endswith(".azurefd.net")
    azure.delete(made)
    assert endpoint(azure).outputs["hostName"] == host
    profile(azure, "other")
    with pytest.raises(AzureError, match="is taken"):
        endpoint(azure, "site", "other")


def test_nothing_of_front_door_without_its_parent(azure: Azure) -> None:
    with pytest.raises(AzureError, match="ParentResourceNotFound"):
        endpoint(azure)
    profile(azure)
    with pytest.raises(AzureError, match="ParentResourceNotFound"):
        azure.make("cdn:AFDOrigin", "o", origin_inputs(None))


def test_a_profile_is_global_and_of_a_sku_that_exists(azure: Azure) -> None:
    inputs = GROUP | {"profileName": "afd", "location": "centralus", "sku": {"name": "Gold"}}
    assert set(azure.refusals("cdn:Profile", inputs)) == {"location", "sku.name"}
    slow = inputs | {"location": "Global", "sku": {"name": PREMIUM}, "originResponseTimeoutSeconds": 300}
    assert set(azure.refusals("cdn:Profile", slow)) == {"originResponseTimeoutSeconds"}


def test_a_sku_cannot_change_in_place(azure: Azure) -> None:
    made = profile(azure)
    with pytest.raises(AzureError, match=r"'sku.name' .* is not allowed"):
        azure.update(made, GROUP | {"profileName": "afd", "location": "Global", "sku": {"name": STANDARD}})


def test_private_link_needs_premium(azure: Azure) -> None:
    environment = private_environment(azure)
    profile(azure, sku=STANDARD)
    origin_group(azure)
    with pytest.raises(AzureError, match="private link needs Premium_AzureFrontDoor"):
        azure.make("cdn:AFDOrigin", "o", origin_inputs(environment))


def test_private_link_needs_a_closed_environment(azure: Azure) -> None:
    environment = azure.environment()
    profile(azure)
    origin_group(azure)
    with pytest.raises(AzureError, match="publicNetworkAccess Disabled"):
        azure.make("cdn:AFDOrigin", "o", origin_inputs(environment))


def test_a_private_link_is_whole_and_where_there_is_one(azure: Azure) -> None:
    environment = private_environment(azure)
    inputs = origin_inputs(environment, enforceCertificateNameCheck=False)
    link = inputs["sharedPrivateLinkResource"]
    refused = azure.refusals(
        "cdn:AFDOrigin",
        inputs | {"sharedPrivateLinkResource": link | {"groupId": "sites", "privateLinkLocation": "westcentralus"}},
    )
    assert set(refused) == {
        "enforceCertificateNameCheck",
        "sharedPrivateLinkResource.privateLinkLocation",
        "sharedPrivateLinkResource.groupId",
    }
    bare = {"privateLink": {"id": environment.id}, "groupId": "managedEnvironments"}
    assert {
        "sharedPrivateLinkResource.privateLinkLocation",
        "sharedPrivateLinkResource.requestMessage",
    } <= set(azure.refusals("cdn:AFDOrigin", origin_inputs(None, sharedPrivateLinkResource=bare)))


def connections(azure: Azure) -> list[Any]:
    return azure.package.store.of_type("Microsoft.App/managedEnvironments/privateEndpointConnections")


def test_a_link_is_pending_until_the_environments_owner_approves_it(azure: Azure) -> None:
    environment = private_environment(azure)
    profile(azure)
    origin_group(azure)
    made = azure.make("cdn:AFDOrigin", "o", origin_inputs(environment))
    assert made.outputs["sharedPrivateLinkResource"]["status"] == "Pending"
    (connection,) = connections(azure)
    approval = GROUP | {
        "environmentName": "cae-test",
        "privateEndpointConnectionName": connection.name,
        "privateLinkServiceConnectionState": {"status": "Approved", "description": "ours"},
    }
    found = azure.adopt("app:ManagedEnvironmentPrivateEndpointConnection", connection.id)
    assert found.inputs["privateLinkServiceConnectionState"]["status"] == "Pending"
    there = Made("app:ManagedEnvironmentPrivateEndpointConnection", "c", connection.id, found.inputs, found.outputs)
    assert azure.update(there, approval).outputs["groupIds"] == ["managedEnvironments"]
    assert azure.read(made).outputs["sharedPrivateLinkResource"]["status"] == "Approved"
    # Another origin of the same profile comes by the same connection.
    second = azure.make("cdn:AFDOrigin", "o2", origin_inputs(environment, "second", hostName="b.example.com"))
    assert second.outputs["sharedPrivateLinkResource"]["status"] == "Approved"
    assert len(connections(azure)) == 1
    azure.delete(made)
    assert len(connections(azure)) == 1
    azure.delete(second)
    assert connections(azure) == []


def test_the_owner_approves_by_hand_what_waits(azure: Azure) -> None:
    environment = private_environment(azure)
    profile(azure)
    origin_group(azure)
    made = azure.make("cdn:AFDOrigin", "o", origin_inputs(environment))
    (waiting,) = azure.package.by_hand("private-links", {"environment": environment.id.upper()})["waiting"]
    assert waiting["status"] == "Pending"
    done = azure.package.by_hand("approve-private-link", {"id": waiting["id"], "description": "ours"})
    assert done == {"id": waiting["id"], "status": "Approved", "description": "ours"}
    assert azure.package.by_hand("private-links", {"environment": environment.id})["waiting"] == []
    assert azure.read(made).outputs["sharedPrivateLinkResource"]["status"] == "Approved"
    with pytest.raises(AzureError, match="was not found"):
        azure.package.by_hand("approve-private-link", {"id": f"{waiting['id']}0", "description": "ours"})
    with pytest.raises(CloudError, match="nothing that is done by hand"):
        azure.package.by_hand("make-tea", {})


def test_nobody_approves_what_nobody_asked_for(azure: Azure) -> None:
    private_environment(azure)
    with pytest.raises(AzureError, match="There is no connection 'made-up' to approve"):
        azure.make(
            "app:ManagedEnvironmentPrivateEndpointConnection",
            "c",
            GROUP
            | {
                "environmentName": "cae-test",
                "privateEndpointConnectionName": "made-up",
                "privateLinkServiceConnectionState": {"status": "Approved"},
            },
        )


def test_an_origin_group_is_private_or_public(azure: Azure) -> None:
    environment = private_environment(azure)
    profile(azure)
    origin_group(azure)
    azure.make("cdn:AFDOrigin", "o", origin_inputs(environment))
    with pytest.raises(AzureError, match="with a private link and without"):
        azure.make("cdn:AFDOrigin", "o2", origin_inputs(None, "public"))


def test_a_route_needs_an_enabled_origin(azure: Azure) -> None:
    profile(azure)
    endpoint(azure)
    group = origin_group(azure)
    with pytest.raises(AzureError, match="has no enabled origin"):
        azure.make("cdn:Route", "r", route_inputs(group))
    azure.make("cdn:AFDOrigin", "o", origin_inputs(None))
    azure.make("cdn:Route", "r", route_inputs(group))
    with pytest.raises(AzureError, match="has the pattern"):
        azure.make("cdn:Route", "r2", route_inputs(group, routeName="second"))
    with pytest.raises(AzureError, match="ResourceInUse"):
        azure.delete(group)


def test_a_route_redirects_what_it_takes_and_has_a_domain(azure: Azure) -> None:
    profile(azure)
    group = origin_group(azure)
    refused = azure.refusals(
        "cdn:Route",
        route_inputs(
            group, supportedProtocols=["Https"], linkToDefaultDomain="Disabled", patternsToMatch=["*", "/a", "/a"]
        ),
    )
    assert set(refused) == {"httpsRedirect", "linkToDefaultDomain", "patternsToMatch[0]", "patternsToMatch[2]"}


def test_what_belongs_to_another_profile_is_refused(azure: Azure) -> None:
    profile(azure)
    profile(azure, "other")
    endpoint(azure)
    theirs = origin_group(azure, "site", "other")
    azure.make("cdn:AFDOrigin", "o", origin_inputs(None) | {"profileName": "other"})
    with pytest.raises(AzureError, match="belongs to another profile"):
        azure.make("cdn:Route", "r", route_inputs(theirs))


def test_custom_domains(azure: Azure) -> None:
    profile(azure)
    inputs = GROUP | {
        "profileName": "afd",
        "customDomainName": "www",
        "hostName": "www.example.com",
        "tlsSettings": {"certificateType": "ManagedCertificate", "minimumTlsVersion": "TLS12"},
    }
    made = azure.make("cdn:AFDCustomDomain", "d", inputs)
    assert made.outputs["domainValidationState"] == "Pending"
    assert len(made.outputs["validationProperties"]["validationToken"]) == 32
    # The token stays as long as the domain.
    again = azure.update(made, inputs)
    assert again.outputs["validationProperties"] == made.outputs["validationProperties"]
    with pytest.raises(AzureError, match="is in use"):
        azure.make("cdn:AFDCustomDomain", "d2", inputs | {"customDomainName": "again"})
    with pytest.raises(AzureError, match=r"'hostName' .* is not allowed"):
        azure.update(made, inputs | {"hostName": "other.example.com"})
    refused = azure.refusals(
        "cdn:AFDCustomDomain",
        inputs | {"hostName": "*.example.com", "tlsSettings": inputs["tlsSettings"] | {"minimumTlsVersion": "TLS10"}},
    )
    assert set(refused) == {"tlsSettings.certificateType", "tlsSettings.minimumTlsVersion"}


def test_rules_of_answers(azure: Azure) -> None:
    profile(azure)
    azure.make("cdn:RuleSet", "s", GROUP | {"profileName": "afd", "ruleSetName": "Headers"})

    def inputs(count: int, **more: Any) -> dict[str, Any]:
        action = {
            "name": "ModifyResponseHeader",
            "parameters": {
                "typeName": "DeliveryRuleHeaderActionParameters",
                "headerAction": "Overwrite",
                "headerName": "X-A",
                "value": "b",
            },
        }
        rule = {
            "profileName": "afd",
            "ruleSetName": "Headers",
            "ruleName": "One",
            "order": 1,
            "actions": [action] * count,
        }
        return GROUP | rule | more

    azure.make("cdn:Rule", "r", inputs(5))
    assert "from 1 to 5" in azure.refusals("cdn:Rule", inputs(6))["actions"]
    with pytest.raises(AzureError, match="has the order 1 already"):
        azure.make("cdn:Rule", "r2", inputs(1, ruleName="Two"))
    bad = inputs(1)["actions"][0]["parameters"] | {"headerName": "X A", "headerAction": "Delete"}
    refused = azure.refusals("cdn:Rule", inputs(1, actions=[{"name": "ModifyResponseHeader", "parameters": bad}]))
    assert set(refused) == {"actions[0].parameters.headerName", "actions[0].parameters.value"}
    assert "ruleSetName" in azure.refusals(
        "cdn:RuleSet", GROUP | {"profileName": "afd", "ruleSetName": "security-headers"}
    )


def firewall_inputs(**more: Any) -> dict[str, Any]:
    return (
        GROUP
        | {
            "policyName": "waf",
            "location": "Global",
            "sku": {"name": PREMIUM},
            "policySettings": {"mode": "Prevention", "enabledState": "Enabled"},
            "managedRules": {
                "managedRuleSets": [
                    {"ruleSetType": "Microsoft_DefaultRuleSet", "ruleSetVersion": "2.1", "ruleSetAction": "Block"}
                ]
            },
        }
        | more
    )


def test_the_firewalls_rules(azure: Azure) -> None:
    azure.make("frontdoor:Policy", "w", firewall_inputs())
    assert "need the SKU Premium" in str(azure.refusals("frontdoor:Policy", firewall_inputs(sku={"name": STANDARD})))
    assert "policyName" in azure.refusals("frontdoor:Policy", firewall_inputs(policyName="waf-policy"))
    old = {"managedRuleSets": [{"ruleSetType": "Microsoft_DefaultRuleSet", "ruleSetVersion": "9.9"}]}
    assert "managedRules.managedRuleSets[0].ruleSetVersion" in azure.refusals(
        "frontdoor:Policy", firewall_inputs(managedRules=old)
    )
    scoring = {"managedRuleSets": [{"ruleSetType": "Microsoft_DefaultRuleSet", "ruleSetVersion": "2.1"}]}
    assert "managedRules.managedRuleSets[0].ruleSetAction" in azure.refusals(
        "frontdoor:Policy", firewall_inputs(managedRules=scoring)
    )


def test_a_rate_limit_is_one_that_azure_has(azure: Azure) -> None:
    def limited(**more: Any) -> dict[str, str]:
        rule = {
            "name": "Limit",
            "priority": 1,
            "ruleType": "RateLimitRule",
            "action": "Block",
            "rateLimitThreshold": 100,
            "rateLimitDurationInMinutes": 1,
            "matchConditions": [{"matchVariable": "SocketAddr", "operator": "IPMatch", "matchValue": ["0.0.0.0/0"]}],
        } | more
        return azure.refusals("frontdoor:Policy", firewall_inputs(customRules={"rules": [rule]}))

    assert limited() == {}
    place = "customRules.rules[0]"
    assert set(limited(rateLimitThreshold=5, rateLimitDurationInMinutes=3)) == {
        f"{place}.rateLimitThreshold",
        f"{place}.rateLimitDurationInMinutes",
    }
    bad = [{"matchVariable": "RequestUri", "operator": "IPMatch", "matchValue": ["10.0.0.300"]}]
    assert set(limited(matchConditions=bad)) == {
        f"{place}.matchConditions[0].operator",
        f"{place}.matchConditions[0].matchValue",
    }


def policy_inputs(firewall: Made, *domains: str, **more: Any) -> dict[str, Any]:
    return (
        GROUP
        | {
            "profileName": "afd",
            "securityPolicyName": "guard",
            "parameters": {
                "type": "WebApplicationFirewall",
                "wafPolicy": {"id": firewall.id},
                "associations": [{"domains": [{"id": domain} for domain in domains], "patternsToMatch": ["/*"]}],
            },
        }
        | more
    )


def test_a_security_policy_joins_what_goes_together(azure: Azure) -> None:
    profile(azure)
    site = endpoint(azure)
    firewall = azure.make("frontdoor:Policy", "w", firewall_inputs())
    azure.make("cdn:SecurityPolicy", "s", policy_inputs(firewall, site.id))
    with pytest.raises(AzureError, match="in the security policy 'guard' already"):
        azure.make("cdn:SecurityPolicy", "s2", policy_inputs(firewall, site.id, securityPolicyName="second"))
    for used in (firewall, site):
        with pytest.raises(AzureError, match="ResourceInUse"):
            azure.delete(used)


def test_a_firewall_of_another_sku_guards_nothing(azure: Azure) -> None:
    profile(azure, sku=STANDARD)
    site = endpoint(azure)
    firewall = azure.make("frontdoor:Policy", "w", firewall_inputs())
    with pytest.raises(AzureError, match="they must be the same"):
        azure.make("cdn:SecurityPolicy", "s", policy_inputs(firewall, site.id))


def test_the_whole_group_goes_at_once(azure: Azure) -> None:
    environment = private_environment(azure)
    profile(azure)
    origin_group(azure)
    azure.make("cdn:AFDOrigin", "o", origin_inputs(environment))
    identity = azure.group_id()
    azure.delete(Made("resources:ResourceGroup", "rg-test", identity, {}, {}))
    assert azure.package.store.within(identity) == []
