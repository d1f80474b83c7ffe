"""The program as a whole: what it tells, how it refuses, that it grows evenly."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from string import Template
from typing import Any

import pulumi
import pulumi.runtime.resource
import pytest

from components.base import Component
from components.snowflake.tables import NEXUSCHAT_TABLES
from infra import naming
from infra.outputs import README, render_readme
from infra.program import DEBUG_VARIABLE, declaring_line, program, settings_from_engine, spare_the_engine
from infra.settings import load_settings
from tests.unit.recording import Graph, declare, run_main
from tests.unit.stack_settings import ROOT, as_engine_sends, organisations_file, stack_config

#: Resources of one organisation, its component included.
PER_ORGANISATION = 46 + len(NEXUSCHAT_TABLES)


@pytest.fixture
def debug() -> Iterator[Any]:
    original = pulumi.log.debug
    yield original
    pulumi.log.debug = original


#: The SDK's own, before any program has run.
sdk_stack_trace = pulumi.runtime.resource._get_stack_trace


def test_outputs(graph: Graph) -> None:
    result = graph.result
    assert set(result) == {
        "account",
        "tenants",
        "vault",
        "apps",
        "service_user",
        "shared",
        "readme",
        "edge",
        "network",
        "index_job",
        "deploy_identity",
    }
    assert result["account"] == {"organization": "VIDEXA", "name": "EMBEDDED"}
    assert len(result["tenants"]) == 20
    assert result["tenants"]["HCS0020"] == {
        "database": "HCS0020_DB",
        "schema": "NEXUSCHAT",
        "warehouse": "HCS0020_WH",
        "resource_monitor": "HCS0020_RM",
        "role_application": "HCS0020_APP",
        "role_analyst": "HCS0020_ANALYST",
        "role_administrator": "HCS0020_ADMIN",
    }
    assert result["vault"]["name"] == "kv-agentnexus-lcl-cus"
    assert result["vault"]["secrets"]["snowflake_private_key"] == "snowflake-private-key"
    assert len(result["vault"]["secrets"]) == 8
    assert set(result["apps"]) == {"backend", "site", "chat", "search"}
    assert {name for name, app in result["apps"].items() if "url" in app} == {"site", "chat"}
    assert {name for name, app in result["apps"].items() if app["internal"]} == {"backend", "search"}
    assert result["service_user"] == "AGENTNEXUS_SVC"
    assert result["shared"]["warehouse"] == "VIDEXA_SHARED_WH"


def test_the_stacks_page_is_filled(graph: Graph) -> None:
    page = graph.result["readme"]
    assert "$" not in page
    assert "https://chat-nexuschat-local-abcdefgh.z01.azurefd.net" in page
    assert page.count("| HCS00") == 20


def test_a_placeholder_that_nothing_fills_is_an_error(graph: Graph) -> None:
    settings = load_settings(stack_config("local"), ROOT)
    assert "# NexusChat, local" in render_readme(Template(README.read_text(encoding="utf-8")), settings, graph.result)
    with pytest.raises(KeyError, match="owner"):
        render_readme(Template("$owner"), settings, graph.result)


def test_every_component_tells_its_outputs(graph: Graph) -> None:
    components = [one for one in graph.resources if not one.custom]
    assert len(components) == 20 + 35
    for one in components:
        assert one.type.startswith(("videxa:snowflake:", "videxa:azure:"))
        assert graph.outputs[one.urn], one.urn
    organization = next(one for one in components if one.name == "HCS0009")
    assert graph.outputs[organization.urn] == {
        "organization_id": "HCS0009",
        "database": "HCS0009_DB",
        "schema": "NEXUSCHAT",
        "warehouse": "HCS0009_WH",
        "resource_monitor": "HCS0009_RM",
        "application_role": "HCS0009_APP",
        "analyst_role": "HCS0009_ANALYST",
        "administrator_role": "HCS0009_ADMIN",
    }


def test_nothing_stands_outside_a_component_but_providers(graph: Graph) -> None:
    outside = [one for one in graph.resources if one.custom and "videxa:" not in one.parent]
    assert {one.type for one in outside} == {"pulumi:providers:snowflake", "pulumi:providers:azure-native"}


def test_logical_names_are_unique(graph: Graph) -> None:
    assert len({one.urn for one in graph.resources}) == len(graph.resources)


def declare_some(directory: Path, count: int, more: str = "") -> Graph:
    file = organisations_file(directory, count, more)
    return declare(program, as_engine_sends(stack_config("local") | {"nexuschat:tenants_file": file}))


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    """The local stack with one organisation alone."""
    debug = pulumi.log.debug
    graph = declare_some(tmp_path_factory.mktemp("few"), 1)
    pulumi.log.debug = debug
    return graph


def test_resources_grow_by_the_same_number_for_each_organisation(
    graph: Graph, few: Graph, tmp_path: Path, debug: Any
) -> None:
    one, three = len(few.resources), len(declare_some(tmp_path, 3).resources)
    assert three - one == 2 * PER_ORGANISATION
    assert len(graph.resources) - one == 19 * PER_ORGANISATION


def test_another_organisation_changes_nothing_but_itself(few: Graph, tmp_path: Path, debug: Any) -> None:
    more = declare_some(tmp_path, 1, "  HCS0021: {warehouse_size: LARGE}\n")
    assert list(more.result["tenants"]) == ["HCS0001", "HCS0021"]
    before = {one.urn: one.inputs for one in few.resources}
    after = {one.urn: one.inputs for one in more.resources}
    assert {urn: after[urn] for urn in before} == before
    added = [one for one in more.resources if one.urn not in before]
    assert len(added) == PER_ORGANISATION
    assert all("HCS0021" in one.name for one in added)


def test_plain_pulumi_runs_the_same_program(few: Graph, tmp_path: Path, debug: Any) -> None:
    config = stack_config("local") | {"nexuschat:tenants_file": organisations_file(tmp_path, 1)}
    plain = run_main(ROOT / "__main__.py", as_engine_sends(config))
    assert {one.urn: one.inputs for one in plain.resources} == {one.urn: one.inputs for one in few.resources}
    assert plain.result == few.result


def test_bad_settings_end_the_run_before_any_resource(debug: Any) -> None:
    config = stack_config("local")
    config["nexuschat:azure"]["vault"]["name"] = "kv-agentnexus-production-central-us"
    config["nexuschat:colour"] = "blue"
    made: list[Graph] = []
    with pytest.raises(pulumi.RunError) as caught:
        made.append(declare(program, as_engine_sends(config)))
    assert made == []
    assert "nexuschat:azure.vault.name" in str(caught.value)
    assert "nexuschat:colour" in str(caught.value)
    assert caught.value.__suppress_context__


def test_settings_come_from_the_stacks_configuration_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    pulumi.runtime.set_all_config(as_engine_sends(stack_config("local")) | {"other:colour": "blue"})
    assert settings_from_engine() == load_settings(stack_config("local"), ROOT)
    pulumi.runtime.set_all_config({})
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps(as_engine_sends(stack_config("local"))))
    assert settings_from_engine() == load_settings(stack_config("local"), ROOT)


def test_debug_messages_are_sent_only_when_asked_for(monkeypatch: pytest.MonkeyPatch, debug: Any) -> None:
    def heard(*_: object) -> str:
        return "heard"

    pulumi.log.debug = heard
    monkeypatch.setenv(DEBUG_VARIABLE, "1")
    spare_the_engine()
    assert pulumi.log.debug is heard
    monkeypatch.delenv(DEBUG_VARIABLE)
    warn = pulumi.log.warn
    spare_the_engine()
    assert pulumi.log.debug is not heard
    assert pulumi.log.debug("anything", None, 3, True) is None
    assert pulumi.log.warn is warn


def test_where_a_resource_is_declared_is_told_as_the_sdk_tells_it() -> None:
    told = []

    class Base:
        def __init__(self) -> None:
            # Of the same line, so that only the ways to find it can differ.
            told.append((sdk_stack_trace(), declaring_line()))

    class Custom(Base):
        def __init__(self) -> None:
            super().__init__()

    class Concrete(Custom):
        def __init__(self) -> None:
            self._internal_init()

        def _internal_init(self) -> None:
            super().__init__()

    class Inherited(Concrete):
        def __init__(self) -> None:
            super().__init__()

    Concrete()
    Inherited()
    for whole, line in told:
        assert len(line.frames) == 1
        assert line.frames[0] == whole.frames[0]
        assert line.frames[0].pc.uri == Path(__file__).as_uri()
    exec(compile("Concrete()", "<text>", "exec"), {"Concrete": Concrete})
    whole, line = told[-1]
    assert line.frames[0] == whole.frames[0]
    assert not line.frames[0].HasField("pc")


def test_whole_stack_traces_are_sent_only_when_asked_for(monkeypatch: pytest.MonkeyPatch, debug: Any) -> None:
    monkeypatch.setattr(pulumi.runtime.resource, "_get_stack_trace", sdk_stack_trace)
    monkeypatch.setenv(DEBUG_VARIABLE, "1")
    spare_the_engine()
    assert pulumi.runtime.resource._get_stack_trace is sdk_stack_trace
    monkeypatch.delenv(DEBUG_VARIABLE)
    spare_the_engine()
    assert pulumi.runtime.resource._get_stack_trace is declaring_line


def test_waiting_for_a_component_waits_for_each_child() -> None:
    waited: list[str] = []

    class Thing(pulumi.CustomResource):
        def __init__(self, name: str, opts: pulumi.ResourceOptions) -> None:
            super().__init__("test:index:Thing", name, {}, opts)

    class Group(Component):
        def __init__(self, name: str) -> None:
            super().__init__("test:index:Group", name)
            self.things = [self.child(Thing(f"thing-{number}", self.child_options())) for number in range(3)]
            self.register_outputs({})

    async def build() -> None:
        group = Group("group")
        assert len(group.declared) == 4
        await group.registered()
        waited.extend([str(await thing.urn.future()) for thing in group.things])

    graph = declare(build)
    assert [urn.rsplit("::", 1)[-1] for urn in waited] == ["thing-0", "thing-1", "thing-2"]
    assert [one.parent.rsplit("::", 1)[-1] for one in graph.of("test:index:Thing")] == ["group"] * 3


def test_names() -> None:
    names = naming.organization_names("HCS0042")
    assert (names.database, names.warehouse, names.resource_monitor) == ("HCS0042_DB", "HCS0042_WH", "HCS0042_RM")
    assert names.schema == "NEXUSCHAT"
    assert (names.application_role, names.analyst_role, names.administrator_role) == (
        "HCS0042_APP",
        "HCS0042_ANALYST",
        "HCS0042_ADMIN",
    )
    assert naming.snowflake_account("VIDEXA", "CLINICAL_PRD") == "VIDEXA-CLINICAL_PRD"
    assert naming.snowflake_host("VIDEXA", "CLINICAL_PRD") == "videxa-clinical-prd.snowflakecomputing.com"


@pytest.mark.parametrize("environment", ["local", "staging", "prod"])
def test_derived_azure_names_are_within_their_limits(environment: str) -> None:
    assert 2 <= len(naming.container_environment_name(environment)) <= 60
    assert 4 <= len(naming.workspace_name(environment)) <= 63
    assert 3 <= len(naming.identity_name("a" * 32, environment)) <= 128
    assert 2 <= len(naming.network_name(environment)) <= 64
    assert len(naming.endpoint_name("registry", environment)) <= 80
    assert naming.firewall_name(environment).isalnum()
    # The endpoints' names begin with the site's label.
    assert len(f"site-{naming.edge_name(environment)}") <= 46
