"""Releases: which revisions there are, which of them serve, and that an app's other settings stay out of it."""

from __future__ import annotations

from typing import Any

import pytest

from components.azure.revisions import LONGEST_REVISION_NAME, Release, Revisions
from infra.program import program
from tests.unit.recording import Graph, Registration, declare
from tests.unit.stack_settings import as_engine_sends, organisations_file, stack_config
from tests.unit.test_azure import APP, container
from tests.unit.test_settings import problems, put

SUFFIX = "random:index/randomString:RandomString"
REPOSITORY = "videxa.azurecr.io/agentnexus-backend"
STABLE, NEWER = f"{REPOSITORY}:1.0.0", f"{REPOSITORY}:1.1.0"


def declared(directory: Any, **changes: Any) -> Graph:
    config = stack_config("local")
    for path, value in changes.items():
        put(config, f"apps.backend.{path}", value)
    return declare(program, as_engine_sends(put(config, "tenants_file", organisations_file(directory, 1))))


@pytest.fixture(scope="module")
def canary(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    """A newer image with a tenth of the requests."""
    return declared(tmp_path_factory.mktemp("canary"), release={"image": NEWER, "weight": 10})


def backend(graph: Graph) -> Registration:
    return graph.one(APP, "backend-app")


def suffixes(graph: Graph) -> dict[str, Registration]:
    return {one.name: one for one in graph.of(SUFFIX, "backend")}


def test_one_image_is_one_revision_that_takes_everything(graph: Graph) -> None:
    app = backend(graph)
    assert app.inputs["configuration"]["activeRevisionsMode"] == "Single"
    assert app.inputs["configuration"]["ingress"]["traffic"] == [{"latestRevision": True, "weight": 100}]
    ((drawn, suffix),) = suffixes(graph).items()
    assert app.inputs["template"]["revisionSuffix"] == f"v1-0-0-{graph.states[suffix.urn]['result']}"
    assert suffix.ignore_changes == frozenset()
    assert drawn.startswith("backend-revision-")


def test_a_canary_is_the_template_and_the_stable_one_keeps_its_name(graph: Graph, canary: Graph) -> None:
    app, before = backend(canary), suffixes(graph)
    assert container(app)["image"] == NEWER
    assert app.inputs["configuration"]["activeRevisionsMode"] == "Multiple"
    (stable,) = before
    kept = suffixes(canary)[stable]
    # What its template would be now is of no matter: it names the revision that runs.
    assert kept.ignore_changes == {"keepers"}
    assert app.inputs["configuration"]["ingress"]["traffic"] == [
        {
            "revisionName": f"agentnexus-backend--v1-0-0-{canary.states[kept.urn]['result']}",
            "latestRevision": False,
            "weight": 90,
        },
        {"latestRevision": True, "weight": 10},
    ]
    assert len(suffixes(canary)) == 2
    assert canary.result["apps"]["backend"]["revision"].startswith("agentnexus-backend--v1-0-0-")


def test_back_from_a_canary_makes_nothing(canary: Graph, tmp_path: Any) -> None:
    back = declared(tmp_path, release={"image": NEWER, "weight": 0})
    assert suffixes(back).keys() == suffixes(canary).keys()
    assert backend(back).inputs["template"] == backend(canary).inputs["template"]
    assert [one["weight"] for one in backend(back).inputs["configuration"]["ingress"]["traffic"]] == [100, 0]


def test_promotion_keeps_the_canarys_revision_and_the_earlier_one_ready(canary: Graph, tmp_path: Any) -> None:
    promoted = declared(tmp_path, image=NEWER, previous=STABLE)
    assert suffixes(promoted).keys() == suffixes(canary).keys()
    assert {name: one.inputs["keepers"] for name, one in suffixes(promoted).items() if not one.ignore_changes} == {
        name: one.inputs["keepers"] for name, one in suffixes(canary).items() if not one.ignore_changes
    }
    app = backend(promoted)
    assert app.inputs["template"] == backend(canary).inputs["template"]
    assert app.inputs["configuration"]["activeRevisionsMode"] == "Multiple"
    assert app.inputs["configuration"]["ingress"]["traffic"] == [{"latestRevision": True, "weight": 100}]


def test_another_template_is_another_revision(graph: Graph, tmp_path: Any) -> None:
    larger = declared(tmp_path, cpu=1, memory="2Gi")
    ((name, before),) = suffixes(graph).items()
    assert suffixes(larger)[name].inputs["keepers"] != before.inputs["keepers"]


def test_the_search_never_runs_two_revisions(graph: Graph) -> None:
    search = graph.one(APP, "search-app")
    assert search.inputs["configuration"]["activeRevisionsMode"] == "Single"
    assert "revisionSuffix" not in search.inputs["template"]
    assert not graph.of(SUFFIX, "search")


def test_replicas_end_gracefully(graph: Graph) -> None:
    grace = {one.name: one.inputs["template"]["terminationGracePeriodSeconds"] for one in graph.of(APP)}
    assert grace == {"backend-app": 30, "site-app": 30, "chat-app": 120, "search-app": 30}


@pytest.mark.parametrize(
    ("image", "label"),
    [
        ("videxa.azurecr.io/agentnexus-backend:1.0.0", "v1-0-0-"),
        ("videxa.azurecr.io/nexuschat:videxa-snowflake-only", "videxa-snowflake-"),
        (f"videxa.azurecr.io/agentnexus-backend@sha256:{'9f' * 32}", "v9f9f9f9f9f9f9f9f-"),
        ("videxa.azurecr.io/agentnexus-backend:Release_2.0", "release-2-0-"),
    ],
)
@pytest.mark.parametrize("app_name", ["nexuschat", "a" * 32])
def test_names_say_the_image_and_are_within_azures_limit(image: str, label: str, app_name: str) -> None:
    revisions = Revisions(app_name, image, None, None, {})
    said = revisions._label(image)
    assert said.startswith(label[: len(said) - 1])
    assert said.endswith("-")
    assert "--" not in said
    assert said[0].isalpha()
    assert len(f"{app_name}--{said}") + 8 <= LONGEST_REVISION_NAME


def test_mode_and_weights() -> None:
    alone = Revisions("app", STABLE, None, None, {})
    assert (alone.mode, alone.newest) == ("Single", STABLE)
    assert list(alone.traffic) == [(None, 100)]
    canary = Revisions("app", STABLE, Release(NEWER, 25), None, {})
    assert (canary.mode, canary.newest) == ("Multiple", NEWER)
    assert Revisions("app", NEWER, None, STABLE, {}).mode == "Multiple"


@pytest.mark.parametrize(
    ("change", "where", "said"),
    [
        ({"release": {"image": STABLE, "weight": 10}}, "release", "the stable image too"),
        ({"release": {"image": NEWER, "weight": 101}}, "release.weight", "out of bounds"),
        ({"release": {"image": f"{REPOSITORY}:latest", "weight": 10}}, "release.image", "no pinned image"),
        ({"previous": STABLE}, "previous", "the image itself"),
        ({"termination_grace_seconds": 601}, "termination_grace_seconds", "out of bounds"),
    ],
)
def test_refused(config: dict[str, Any], change: dict[str, Any], where: str, said: str) -> None:
    for path, value in change.items():
        put(config, f"apps.backend.{path}", value)
    found = problems(config)
    assert set(found) == {f"nexuschat:apps.backend.{where}"}
    assert said.split()[-1] in found[f"nexuschat:apps.backend.{where}"]
