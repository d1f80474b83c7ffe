"""The edge as it stands: which host of it leads to which app, and whether the way is private and guarded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cli.verify.azure import EmbeddedResources
from cli.verify.report import Report
from cli.verify.state import StackState

_ENDPOINT = "azure-native:cdn:AFDEndpoint"
_DOMAIN = "azure-native:cdn:AFDCustomDomain"
_ORIGIN = "azure-native:cdn:AFDOrigin"
_ROUTE = "azure-native:cdn:Route"
_FIREWALL = "azure-native:frontdoor:Policy"


def entrances(state: StackState, azure: EmbeddedResources) -> Mapping[str, str]:
    """Each host name of the edge, and the host of the origin that its route leads to; empty without an edge."""
    hosts: dict[str, str] = {}
    for route in state.of_type(_ROUTE):
        there = azure.read(_ROUTE, route.id)
        if there is None:
            continue
        origin = _origin(state, azure, str((there.get("originGroup") or {}).get("id")))
        if origin is None:
            continue
        endpoint = azure.read(_ENDPOINT, route.id.split("/routes/", 1)[0])
        if endpoint is not None and there.get("linkToDefaultDomain") == "Enabled":
            hosts[str(endpoint["hostName"])] = str(origin["hostName"])
        for reference in there.get("customDomains") or ():
            domain = azure.read(_DOMAIN, reference["id"])
            if domain is not None:
                hosts[str(domain["hostName"])] = str(origin["hostName"])
    return hosts


def _origin(state: StackState, azure: EmbeddedResources, group: str) -> Mapping[str, Any] | None:
    for origin in state.of_type(_ORIGIN):
        if origin.id.lower().startswith(f"{group.lower()}/"):
            return azure.read(_ORIGIN, origin.id)
    return None


def edge(report: Report, outputs: Mapping[str, Any], state: StackState, azure: EmbeddedResources) -> None:
    """Add to `report`: the edge leads to the public apps and to no other, by private link, behind its firewall."""
    if "edge" not in outputs:
        return
    public = {str(app["fqdn"]) for app in outputs["apps"].values() if not app["internal"]}
    hosts = entrances(state, azure)
    with report.check("edge", "each host of the edge", "leads to a public app, and each public app has one") as check:
        for host, target in hosts.items():
            check.compare(host, "leads to a public app", True, target in public)
        for fqdn in sorted(public):
            check.compare(fqdn, "has a host at the edge", True, fqdn in hosts.values())
        check.found = f"{len(hosts)} hosts lead to {len(set(hosts.values()))} apps"
    with report.check("edge", "how a request gets to an app", "HTTPS, a private link, a firewall that blocks") as check:
        waits = False
        for route in state.of_type(_ROUTE):
            there = azure.read(_ROUTE, route.id) or {}
            check.compare(route.name, "HTTP", "Enabled", there.get("httpsRedirect"))
            check.compare(route.name, "to the app", "HttpsOnly", there.get("forwardingProtocol"))
            check.compare(route.name, "cached", None, there.get("cacheConfiguration"))
        for origin in state.of_type(_ORIGIN):
            there = azure.read(_ORIGIN, origin.id) or {}
            link = there.get("sharedPrivateLinkResource") or {}
            waits = waits or link.get("status") == "Pending"
            check.compare(origin.name, "private link", True, bool((link.get("privateLink") or {}).get("id")))
        for firewall in state.of_type(_FIREWALL):
            settings = (azure.read(_FIREWALL, firewall.id) or {}).get("policySettings") or {}
            check.compare(firewall.name, "mode", "Prevention", settings.get("mode"))
            check.compare(firewall.name, "state", "Enabled", settings.get("enabledState"))
        # To approve it is the environment's owner's decision: it is told, and no fault of the stack.
        check.found = f"{check.tried} statements hold" + ("; the link waits: nexus approve-link" if waits else "")
