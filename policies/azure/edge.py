"""The edge: what the world reaches, and what stands before it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policies.graph.resources import ResourceGraph
from policies.policy import Parameters, Policy, Properties, Severity, each, each_in_graph

_FRONT_DOOR: Final = "https://learn.microsoft.com/azure/frontdoor/"
_ENDPOINT: Final = "azure-native:cdn:AFDEndpoint"
_DOMAIN: Final = "azure-native:cdn:AFDCustomDomain"
_FIREWALL: Final = "azure-native:frontdoor:Policy"


@each(_FIREWALL)
def _prevention(firewall: Properties, _: Parameters) -> Iterator[str]:
    if (firewall.text("policySettings.mode") or "").lower() != "prevention":
        yield "policySettings.mode is not Prevention"
    if (firewall.text("policySettings.enabledState") or "Enabled").lower() != "enabled":
        yield "policySettings.enabledState is not Enabled"


@each(_FIREWALL)
def _managed_rules(firewall: Properties, _: Parameters) -> Iterator[str]:
    kinds = {kind.text("ruleSetType") or "" for kind in firewall.parts("managedRules.managedRuleSets")}
    if not any(kind.endswith("DefaultRuleSet") for kind in kinds):
        yield "managedRules.managedRuleSets lacks the default rule set"


@each_in_graph(_ENDPOINT, _DOMAIN)
def _firewall_before(endpoint: Properties, _: Parameters, graph: ResourceGraph) -> Iterator[str]:
    for policy in graph.of_types("azure-native:cdn:SecurityPolicy"):
        sources = policy.sources.get("parameters", ())
        firewalls = [urn for urn in sources if urn in graph.by_urn and graph.by_urn[urn].short_type == _FIREWALL]
        if endpoint.urn in sources and firewalls:
            return
    yield "no security policy puts a web application firewall before it"


@each("azure-native:cdn:Route")
def _https(route: Properties, _: Parameters) -> Iterator[str]:
    if (route.text("httpsRedirect") or "").lower() != "enabled" and "Http" in route.texts("supportedProtocols"):
        yield "httpsRedirect is not Enabled, and HTTP is answered"
    if (route.text("forwardingProtocol") or "").lower() != "httpsonly":
        yield "forwardingProtocol is not HttpsOnly"


@each(_DOMAIN)
def _tls(domain: Properties, _: Parameters) -> Iterator[str]:
    if domain.text("tlsSettings.minimumTlsVersion") not in ("TLS12", "TLS13"):
        yield "tlsSettings.minimumTlsVersion is not TLS12 at least"


@each("azure-native:cdn:AFDOrigin")
def _private_origin(origin: Properties, _: Parameters) -> Iterator[str]:
    if not origin.has("sharedPrivateLinkResource.privateLink.id"):
        yield "sharedPrivateLinkResource leads to no private link"
    if origin.flag("enforceCertificateNameCheck") is False:
        yield "enforceCertificateNameCheck is false"


@each("azure-native:cdn:Profile")
def _scrubbing(profile: Properties, _: Parameters) -> Iterator[str]:
    if (profile.text("logScrubbing.state") or "").lower() != "enabled":
        yield "logScrubbing.state is not Enabled: addresses' arguments get into the logs"


POLICIES: Final = (
    Policy(
        id="web-firewall-prevention",
        title="The web application firewall prevents, and does not only watch",
        severity=Severity.HIGH,
        safeguards=("45 CFR 164.312(e)(1)", "Azure benchmark NS-6"),
        remediation="Set policySettings.mode to Prevention.",
        link="https://learn.microsoft.com/azure/web-application-firewall/afds/waf-front-door-policy-settings",
        check=_prevention,
    ),
    Policy(
        id="web-firewall-managed-rules",
        title="The web application firewall has the managed rules",
        severity=Severity.MEDIUM,
        safeguards=("45 CFR 164.312(e)(1)", "Azure benchmark NS-6"),
        remediation="Add Microsoft_DefaultRuleSet to managedRules.managedRuleSets.",
        link="https://learn.microsoft.com/azure/web-application-firewall/afds/waf-front-door-drs",
        check=_managed_rules,
    ),
    Policy(
        id="web-firewall-before-every-endpoint",
        title="A web application firewall stands before every public endpoint",
        severity=Severity.HIGH,
        safeguards=("45 CFR 164.312(e)(1)", "Azure benchmark NS-6"),
        remediation="Name the endpoint in a SecurityPolicy's associations, with the firewall's policy.",
        link=_FRONT_DOOR + "web-application-firewall",
        check=_firewall_before,
    ),
    Policy(
        id="edge-https-only",
        title="The edge answers and forwards by HTTPS alone",
        severity=Severity.HIGH,
        safeguards=("45 CFR 164.312(e)(1)", "45 CFR 164.312(e)(2)(ii)", "Azure benchmark DP-3"),
        remediation="Set httpsRedirect to Enabled and forwardingProtocol to HttpsOnly.",
        link=_FRONT_DOOR + "front-door-how-to-redirect-https",
        check=_https,
    ),
    Policy(
        id="edge-minimum-tls",
        title="Host names of one's own take TLS 1.2 at least",
        severity=Severity.HIGH,
        safeguards=("45 CFR 164.312(e)(2)(ii)", "Azure benchmark DP-3"),
        remediation="Set tlsSettings.minimumTlsVersion to TLS12.",
        link=_FRONT_DOOR + "end-to-end-tls",
        check=_tls,
    ),
    Policy(
        id="edge-private-origin",
        title="The edge reaches its origins by private links",
        severity=Severity.HIGH,
        safeguards=("45 CFR 164.312(e)(1)", "Azure benchmark NS-2"),
        remediation="Give the origin a sharedPrivateLinkResource, and keep the check of the certificate's name.",
        link=_FRONT_DOOR + "private-link",
        check=_private_origin,
    ),
    Policy(
        id="edge-logs-scrubbed",
        title="The edge's logs hold no arguments of addresses",
        severity=Severity.MEDIUM,
        safeguards=("45 CFR 164.312(b)", "45 CFR 164.312(a)(1)"),
        remediation="Set logScrubbing.state to Enabled with a rule for QueryStringArgNames.",
        link=_FRONT_DOOR + "standard-premium/how-to-protect-sensitive-data",
        check=_scrubbing,
    ),
)
