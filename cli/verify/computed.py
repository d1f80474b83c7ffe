"""What follows from the stack's state alone: who reaches whose content, and whether all tenants are alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from cli.verify.report import Report
from cli.verify.state import StackState
from policies.graph.isolation import Node, Reach, Rules, Way
from policies.graph.resources import Resource, ResourceGraph
from policies.graph.uniformity import SETTINGS, differences


def graph_of(state: StackState) -> ResourceGraph:
    """The state as the graph that rules are computed over."""
    return ResourceGraph(
        Resource(each.urn, each.type, each.inputs, each.outputs, each.provider, each.parent) for each in state.resources
    )


def computed(
    report: Report,
    state: StackState,
    users: Collection[str],
    roles: Mapping[str, Collection[str]],
    settings: Mapping[str, Mapping[str, Any]],
) -> None:
    """Add to `report` what the graph of resources proves.

    `users` may hold roles of several tenants; `roles` are those of each tenant that read its content, and `settings`
    each tenant's, both by its id.
    """
    graph = graph_of(state)
    rules = Rules(platform_users=frozenset(users))
    reach = Reach(graph, rules)
    with report.check(
        "isolation, computed",
        "every path of roles, grants, owners and PUBLIC to the tenants' objects",
        "none from one tenant to another, none from PUBLIC",
    ) as check:
        paths = reach.paths()
        check.tried = len(paths)
        for finding in reach.findings(paths):
            check.fail(finding.resource, f"{finding.rule}: {finding.found}")
        check.found = f"{len(paths)} paths of {len(reach.holders)} users and roles, all as they may be"
    with report.check(
        "isolation, computed",
        "which of a tenant's roles may read each of its tables",
        "its application's and its analyst's",
    ) as check:
        readers: dict[Node, set[str]] = {node: set() for node in reach.content if node.kind == "TABLE"}
        others: set[str] = set()
        for path in paths:
            if path.target not in readers or path.way is Way.PROCEDURE:
                continue
            if not rules.of(path.holder):
                others.add(path.holder.name)
            elif path.holder.kind == "ROLE" and path.privilege == "SELECT":
                readers[path.target].add(path.holder.name)
        for node, found in readers.items():
            check.compare(str(node), "readers", sorted(roles.get(rules.of(node) or "", ())), sorted(found))
        check.found = f"{len(readers)} tables; of the platform: {', '.join(sorted(others))}"
    with report.check(
        "uniformity", "each tenant's resources, field by field", "those of every other, but for its own settings"
    ) as check:
        check.tried = len(settings)
        for difference in differences(graph, own_settings(settings)):
            check.fail(difference.resource, difference.found)
        own = sum(map(len, own_settings(settings).values()))
        check.found = f"{len(settings)} tenants alike, {own} settings of their own"


def own_settings(settings: Mapping[str, Mapping[str, Any]]) -> dict[str, Sequence[str]]:
    """For each tenant the settings in which it is declared to differ from what most tenants have."""
    found: dict[str, Sequence[str]] = {}
    common = {
        setting: Counter(own[setting] for own in settings.values()).most_common(1)[0][0]
        for setting in SETTINGS
        if settings and all(setting in own for own in settings.values())
    }
    for tenant, own in settings.items():
        different = [setting for setting, value in common.items() if own[setting] != value]
        if different:
            found[tenant] = different
    return found
