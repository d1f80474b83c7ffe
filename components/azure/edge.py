"""The edge: Front Door, its firewall, and the private link by which it reaches the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_azure_native import cdn, frontdoor

from components.base import Component

#: Private link takes it, and so do the firewall's managed rules.
SKU = "Premium_AzureFrontDoor"
#: Seconds that Front Door waits for an origin: its most, which is also a container app's.
ORIGIN_TIMEOUT = 240
#: Microsoft's own rules: against attacks, and against bots.
MANAGED_RULES = (("Microsoft_DefaultRuleSet", "2.1", "Block"), ("Microsoft_BotManagerRuleSet", "1.1", None))
#: What every answer carries. Front Door takes five actions in a rule.
SECURITY_HEADERS = {
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), payment=(), usb=()",
}
#: The part of an environment that a private link leads to.
ENVIRONMENT_GROUP = "managedEnvironments"


@dataclass(frozen=True)
class EdgeArgs:
    """`sites` are the endpoints by label, each with the host name of one's own that it has, if any.

    `content_security_policy` is what every answer has for one; without, each app's own stands. `rate_limit` is in
    requests a minute of one client address. `prose_fields` are fields of a JSON request that the
    managed rules leave alone.
    """

    profile_name: str
    firewall_name: str
    resource_group_name: pulumi.Input[str]
    sites: Mapping[str, str | None]
    content_security_policy: str | None
    rate_limit: int
    prose_fields: tuple[str, ...]
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Entrance:
    """One way in: Front Door's own host name, and the custom domain that stands for it, if there is one."""

    endpoint: cdn.AFDEndpoint
    domain: cdn.AFDCustomDomain | None
    own_host: str | None

    @property
    def host(self) -> pulumi.Output[str]:
        """The host name that people use."""
        return self.endpoint.host_name if self.own_host is None else pulumi.Output.from_input(self.own_host)

    @property
    def url(self) -> pulumi.Output[str]:
        return pulumi.Output.concat("https://", self.host)


class Edge(Component):
    """A Front Door profile with an endpoint for each site, one firewall over all, and the headers of every answer."""

    def __init__(self, name: str, args: EdgeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("videxa:azure:Edge", name, opts)
        self._args = args
        self.profile = self.child(
            cdn.Profile(
                "edge",
                profile_name=args.profile_name,
                resource_group_name=args.resource_group_name,
                location="Global",
                sku=cdn.SkuArgs(name=SKU),
                origin_response_timeout_seconds=ORIGIN_TIMEOUT,
                # A path or a query may name a conversation or a person.
                log_scrubbing=cdn.ProfileLogScrubbingArgs(
                    state="Enabled",
                    scrubbing_rules=[
                        cdn.ProfileScrubbingRulesArgs(
                            match_variable="QueryStringArgNames", selector_match_operator="EqualsAny", state="Enabled"
                        )
                    ],
                ),
                tags=dict(args.tags),
                opts=self.child_options(),
            )
        )
        self.entrances = {label: self._entrance(label, host) for label, host in args.sites.items()}
        self.headers = self._headers()
        firewall = self._firewall()
        protected = [
            resource.id
            for entrance in self.entrances.values()
            for resource in (entrance.endpoint, entrance.domain)
            if resource is not None
        ]
        self.child(
            cdn.SecurityPolicy(
                "edge-firewall",
                security_policy_name="firewall",
                profile_name=self.profile.name,
                resource_group_name=args.resource_group_name,
                parameters=cdn.SecurityPolicyWebApplicationFirewallParametersArgs(
                    type="WebApplicationFirewall",
                    waf_policy=cdn.ResourceReferenceArgs(id=firewall.id),
                    associations=[
                        cdn.SecurityPolicyWebApplicationFirewallAssociationArgs(
                            domains=[cdn.ActivatedResourceReferenceArgs(id=one) for one in protected],
                            patterns_to_match=["/*"],
                        )
                    ],
                ),
                opts=self.child_options(),
            )
        )
        self.id: pulumi.Output[str] = self.profile.id
        self.register_outputs({"profile": self.profile.name})

    def dns_records(self) -> pulumi.Output[list[dict[str, str]]]:
        """The records to make for the custom domains: one shows who owns the domain, one leads it here."""
        records = [
            _records(entrance.own_host, entrance.domain, entrance.endpoint)
            for entrance in self.entrances.values()
            if entrance.domain is not None and entrance.own_host is not None
        ]
        return pulumi.Output.all(*records).apply(lambda found: [record for one in found for record in one])

    def _entrance(self, label: str, own_host: str | None) -> Entrance:
        args = self._args
        endpoint = self.child(
            cdn.AFDEndpoint(
                f"edge-{label}",
                endpoint_name=f"{label}-{args.profile_name.removeprefix('afd-')}",
                profile_name=self.profile.name,
                resource_group_name=args.resource_group_name,
                location="Global",
                enabled_state="Enabled",
                # The same name in another directory is another host: nobody can take over what was deleted here.
                auto_generated_domain_name_label_scope="TenantReuse",
                tags=dict(args.tags),
                opts=self.child_options(),
            )
        )
        domain = None
        if own_host is not None:
            domain = self.child(
                cdn.AFDCustomDomain(
                    f"edge-{label}-domain",
                    custom_domain_name=own_host.replace(".", "-"),
                    profile_name=self.profile.name,
                    resource_group_name=args.resource_group_name,
                    host_name=own_host,
                    tls_settings=cdn.AFDDomainHttpsParametersArgs(
                        certificate_type="ManagedCertificate", minimum_tls_version=cdn.AfdMinimumTlsVersion.TLS12
                    ),
                    opts=self.child_options(),
                )
            )
        return Entrance(endpoint, domain, own_host)

    def _headers(self) -> cdn.RuleSet:
        args = self._args
        headers = self.child(
            cdn.RuleSet(
                "edge-headers",
                rule_set_name="SecurityHeaders",
                profile_name=self.profile.name,
                resource_group_name=args.resource_group_name,
                opts=self.child_options(),
            )
        )
        policy = args.content_security_policy
        #: What a route with these headers waits for.
        self.header_rules = [self._header_rule("edge-headers-rule", headers, 1, "Always", SECURITY_HEADERS)]
        if policy is not None:
            content = {"Content-Security-Policy": policy}
            self.header_rules.append(self._header_rule("edge-content-rule", headers, 2, "Content", content))
        return headers

    def _header_rule(
        self, name: str, headers: cdn.RuleSet, order: int, rule_name: str, values: Mapping[str, str]
    ) -> cdn.Rule:
        rule: cdn.Rule = self.child(
            cdn.Rule(
                name,
                rule_name=rule_name,
                rule_set_name=headers.name,
                profile_name=self.profile.name,
                resource_group_name=self._args.resource_group_name,
                order=order,
                match_processing_behavior="Continue",
                actions=[
                    cdn.DeliveryRuleResponseHeaderActionArgs(
                        name="ModifyResponseHeader",
                        parameters=cdn.HeaderActionParametersArgs(
                            type_name="DeliveryRuleHeaderActionParameters",
                            header_action="Overwrite",
                            header_name=header,
                            value=value,
                        ),
                    )
                    for header, value in values.items()
                ],
                opts=self.child_options(),
            )
        )
        return rule

    def _firewall(self) -> frontdoor.Policy:
        args = self._args
        exclusions = [
            frontdoor.ManagedRuleExclusionArgs(
                match_variable="RequestBodyJsonArgNames", selector_match_operator="Equals", selector=field
            )
            for field in args.prose_fields
        ]
        firewall: frontdoor.Policy = self.child(
            frontdoor.Policy(
                "edge-firewall-rules",
                policy_name=args.firewall_name,
                resource_group_name=args.resource_group_name,
                location="Global",
                sku=frontdoor.SkuArgs(name=SKU),
                policy_settings=frontdoor.PolicySettingsArgs(
                    enabled_state="Enabled",
                    mode="Prevention",
                    request_body_check="Enabled",
                    # What a rule matched goes to the log: it may be a patient's words.
                    state="Enabled",
                    scrubbing_rules=[
                        frontdoor.WebApplicationFirewallScrubbingRulesArgs(
                            match_variable=variable, selector_match_operator="EqualsAny", state="Enabled"
                        )
                        for variable in (
                            "RequestBodyJsonArgNames",
                            "RequestBodyPostArgNames",
                            "QueryStringArgNames",
                            "RequestCookieNames",
                        )
                    ],
                ),
                managed_rules=frontdoor.ManagedRuleSetListArgs(
                    managed_rule_sets=[
                        frontdoor.ManagedRuleSetArgs(
                            rule_set_type=kind,
                            rule_set_version=version,
                            rule_set_action=action,
                            exclusions=exclusions if kind == "Microsoft_DefaultRuleSet" else None,
                        )
                        for kind, version, action in MANAGED_RULES
                    ]
                ),
                custom_rules=frontdoor.CustomRuleListArgs(rules=[_rate_limit(args.rate_limit)]),
                tags=dict(args.tags),
                opts=self.child_options(),
            )
        )
        return firewall


def _rate_limit(per_minute: int) -> Any:
    return frontdoor.CustomRuleArgs(
        name="RateLimit",
        enabled_state="Enabled",
        priority=100,
        rule_type="RateLimitRule",
        rate_limit_duration_in_minutes=1,
        rate_limit_threshold=per_minute,
        group_by=[frontdoor.GroupByVariableArgs(variable_name="SocketAddr")],
        match_conditions=[
            frontdoor.MatchConditionArgs(
                match_variable="SocketAddr", operator="IPMatch", match_value=["0.0.0.0/0", "::/0"]
            )
        ],
        action="Block",
    )


def _records(host: str, domain: cdn.AFDCustomDomain, endpoint: cdn.AFDEndpoint) -> pulumi.Output[list[dict[str, str]]]:
    def told(known: list[Any]) -> list[dict[str, str]]:
        validation, target = known
        return [
            {"type": "TXT", "name": f"_dnsauth.{host}", "value": (validation or {}).get("validation_token") or ""},
            {"type": "CNAME", "name": host, "value": target},
        ]

    return pulumi.Output.all(domain.validation_properties, endpoint.host_name).apply(told)


@dataclass(frozen=True)
class EdgeRouteArgs:
    """`app_host` is the app's own name, under which the environment knows it; `health_path` tells that it is well."""

    entrance: Entrance
    app_host: pulumi.Input[str]
    health_path: str
    environment_id: pulumi.Input[str]
    environment_location: str
    resource_group_name: pulumi.Input[str]


class EdgeRoute(Component):
    """The way from one endpoint to one app, over a private link that the environment has to approve.

    Nothing is cached: an answer may hold a patient's data.
    """

    def __init__(
        self, name: str, edge: Edge, label: str, args: EdgeRouteArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("videxa:azure:EdgeRoute", name, opts)
        group = self.child(
            cdn.AFDOriginGroup(
                f"{name}-origins",
                origin_group_name=label,
                profile_name=edge.profile.name,
                resource_group_name=args.resource_group_name,
                session_affinity_state="Disabled",
                load_balancing_settings=cdn.LoadBalancingSettingsParametersArgs(
                    sample_size=4, successful_samples_required=3, additional_latency_in_milliseconds=50
                ),
                health_probe_settings=cdn.HealthProbeParametersArgs(
                    probe_path=args.health_path,
                    probe_protocol=cdn.ProbeProtocol.HTTPS,
                    probe_request_type=cdn.HealthProbeRequestType.GET,
                    probe_interval_in_seconds=100,
                ),
                opts=self.child_options(),
            )
        )
        options = self.child_options()
        # It is the environment's owner who changes it, by approving the link.
        options.ignore_changes = ["sharedPrivateLinkResource.status"]
        origin = self.child(
            cdn.AFDOrigin(
                f"{name}-origin",
                origin_name=label,
                origin_group_name=group.name,
                profile_name=edge.profile.name,
                resource_group_name=args.resource_group_name,
                host_name=args.app_host,
                origin_host_header=args.app_host,
                https_port=443,
                priority=1,
                weight=1000,
                enabled_state="Enabled",
                enforce_certificate_name_check=True,
                shared_private_link_resource=cdn.SharedPrivateLinkResourcePropertiesArgs(
                    group_id=ENVIRONMENT_GROUP,
                    private_link=cdn.ResourceReferenceArgs(id=args.environment_id),
                    private_link_location=args.environment_location,
                    request_message="Front Door of NexusChat",
                ),
                opts=options,
            )
        )
        domain = args.entrance.domain
        route = self.child(
            cdn.Route(
                f"{name}-route",
                route_name=label,
                endpoint_name=args.entrance.endpoint.name,
                profile_name=edge.profile.name,
                resource_group_name=args.resource_group_name,
                origin_group=cdn.ResourceReferenceArgs(id=group.id),
                supported_protocols=["Http", "Https"],
                https_redirect="Enabled",
                forwarding_protocol="HttpsOnly",
                patterns_to_match=["/*"],
                enabled_state="Enabled",
                # With a name of one's own, Front Door's leads nowhere.
                link_to_default_domain="Enabled" if domain is None else "Disabled",
                custom_domains=[cdn.ActivatedResourceReferenceArgs(id=domain.id)] if domain is not None else None,
                rule_sets=[cdn.ResourceReferenceArgs(id=edge.headers.id)],
                # Azure refuses a route to a group without an origin.
                opts=self.child_options(depends_on=[origin, *edge.header_rules]),
            )
        )
        self.route: pulumi.Output[str] = route.name
        self.register_outputs({"route": self.route})
