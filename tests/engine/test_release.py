"""An image goes out as a canary, is promoted and taken back, each by the engine; one that fails is undone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
import yaml
from nexus_command import ROOT, Nexus, Ran

NEW = "videxa.azurecr.io/agentnexus-backend:2.0.0"
NEXT = "videxa.azurecr.io/agentnexus-backend:3.0.0"


@dataclass
class Story:
    first: str
    runs: dict[str, Ran] = field(default_factory=dict)
    apps: dict[str, dict[str, Any]] = field(default_factory=dict)
    committed: str = ""
    links: list[Ran] = field(default_factory=list)


def backend(nexus: Nexus) -> dict[str, Any]:
    """What the state says of the backend: its image and the share of each revision."""
    (app,) = (
        resource["inputs"]
        for resource in nexus.resources()
        if resource["type"] == "azure-native:app:ContainerApp" and "backend" in resource["inputs"]["containerAppName"]
    )
    traffic = app["configuration"]["ingress"]["traffic"]
    return {
        "image": app["template"]["containers"][0]["image"],
        "mode": app["configuration"]["activeRevisionsMode"],
        "shares": [share["weight"] for share in traffic],
    }


@pytest.fixture(scope="module")
def story(nexus_up: Nexus) -> Story:
    nexus = nexus_up
    committed = (ROOT / "Pulumi.local.yaml").read_text(encoding="utf-8")
    story = Story(yaml.safe_load(committed)["config"]["nexuschat:apps"]["backend"]["image"], committed=committed)
    setting = ("--set", f"tenants_file={nexus.tenants_file}", "--json")

    def run(name: str, *arguments: str, **variables: str) -> None:
        environment = {**nexus.environment, **variables}
        story.runs[name] = nexus.run(*arguments, *setting, expect=None, environment=environment)
        story.apps[name] = backend(nexus)

    # With the cloud kept up, none of their steps starts one.
    with nexus.serving():
        run("canary", "release", "--app", "backend", "--image", NEW, "--canary", "10")
        run("promote", "promote", "--app", "backend")
        run("rollback", "rollback", "--app", "backend")
        story.links = [nexus.run("approve-link", "--json", expect=None) for _ in range(2)]
        run("again", "up")
    # Every change is refused: the release cannot be made, and the settings go back to what is out.
    run("failing", "release", "--app", "backend", "--image", NEXT, NEXUS_CHAOS="fail-every:1")
    run("after", "up")
    nexus.run("destroy", "--yes")
    return story


def test_a_canary_takes_its_share_beside_the_stable_image(story: Story) -> None:
    run = story.runs["canary"]
    assert run.code == 0, run
    assert [step["step"] for step in run.answer["steps"]] == ["verify before", "plan", "up", "verify after"]
    assert story.apps["canary"] == {"image": NEW, "mode": "Multiple", "shares": [90, 10]}
    assert [share.rsplit(" ", 2)[1] for share in run.answer["traffic"]] == ["90", "10"]
    assert run.answer["before"]["image"] == run.answer["after"]["image"] == story.first


def test_a_promoted_canary_takes_everything(story: Story) -> None:
    run = story.runs["promote"]
    assert run.code == 0, run
    assert story.apps["promote"]["shares"] == [100]
    assert run.answer["after"] == {"image": NEW, "release": None, "previous": story.first}


def test_a_rollback_restores_the_earlier_revision_in_one_step_and_says_which(story: Story) -> None:
    run = story.runs["rollback"]
    assert run.code == 0, run
    # The revision that the canary's run named as the stable one has everything again.
    (stable, share), *_ = (line.split(" ")[:2] for line in run.answer["traffic"])
    assert share == "100"
    assert stable == story.runs["canary"].answer["traffic"][0].split(" ")[0]
    assert run.answer["after"]["image"] == story.first
    # Only where requests go is changed: the app, and nothing of it anew.
    (up,) = (step for step in run.answer["steps"] if step["step"] == "up")
    assert "created" not in up["said"]
    assert "replaced" not in up["said"]


def test_the_edges_link_is_approved_once_and_stays_so(story: Story) -> None:
    first, second = story.links
    assert (first.code, second.code) == (0, 0), first
    (link,) = first.answer["approved"]
    assert "/managedEnvironments/" in link
    assert second.answer == {"stack": "local", "approved": [], "left": 0}


def test_what_was_released_is_declared(story: Story) -> None:
    changes = story.runs["again"].answer["changes"]
    assert (changes["created"], changes["updated"], changes["replaced"], changes["deleted"]) == (0, 0, 0, 0)
    assert story.apps["again"] == story.apps["rollback"]


def test_a_release_that_fails_is_told_and_the_settings_go_back(story: Story) -> None:
    run = story.runs["failing"]
    assert run.code == 1, run
    assert any("Made on purpose" in error for error in run.answer["errors"])
    assert story.apps["failing"]["image"] != NEXT
    # What is declared is what was out: the next run has nothing left to do with the image.
    assert story.runs["after"].code == 0, story.runs["after"]
    assert story.apps["after"] == story.apps["rollback"]


def test_the_committed_file_of_an_embedded_stack_is_left_alone(story: Story) -> None:
    assert (ROOT / "Pulumi.local.yaml").read_text(encoding="utf-8") == story.committed
