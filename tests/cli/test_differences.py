"""A plan says what it changes in what is there: values now and then, never a secret's."""

from __future__ import annotations

from typing import Any

from pulumi.automation.events import EngineEvent
from rich.console import Console

from cli.differences import SHOWN, differences
from cli.progress import Progress, show_plan

SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:abc:def"}
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
URN = "urn:pulumi:prod::nexuschat::azure-native:keyvault:Vault::vault"


def event(old: dict[str, Any], new: dict[str, Any], paths: dict[str, str], op: str = "update") -> EngineEvent:
    """As the engine tells of a planned step."""

    def state(inputs: dict[str, Any]) -> dict[str, Any]:
        return {"type": "azure-native:keyvault:Vault", "urn": URN, "id": "id", "inputs": inputs, "outputs": {}}

    return EngineEvent.from_json(
        {
            "sequence": 1,
            "timestamp": 1,
            "resourcePreEvent": {
                "planning": True,
                "metadata": {
                    "op": op,
                    "urn": URN,
                    "type": "azure-native:keyvault:Vault",
                    "provider": "provider",
                    "old": state(old),
                    "new": state(new),
                    "detailedDiff": {path: {"diffKind": kind, "inputDiff": True} for path, kind in paths.items()},
                },
            },
        }
    )


def told(old: dict[str, Any], new: dict[str, Any], paths: dict[str, str]) -> list[str]:
    found = event(old, new, paths).resource_pre_event
    assert found is not None
    return differences(found.metadata)


def test_each_property_with_its_values_now_and_then() -> None:
    old = {"properties": {"publicNetworkAccess": "enabled", "rules": [{"name": "a"}, {"name": "b"}]}, "location": "eu"}
    new = {"properties": {"publicNetworkAccess": "disabled", "rules": [{"name": "a"}]}, "location": "us", "size": 2}
    paths = {
        "properties.publicNetworkAccess": "update",
        "properties.rules[1].name": "delete",
        "location": "update-replace",
        "size": "add",
    }
    assert told(old, new, paths) == [
        "location: eu → us, which replaces it",
        "properties.publicNetworkAccess: enabled → disabled",
        "properties.rules[1].name: b → (nothing)",
        "size: (nothing) → 2",
    ]


def test_names_with_full_stops_in_them() -> None:
    old, new = {"tags": {"a.b": "1"}}, {"tags": {"a.b": "2"}}
    assert told(old, new, {'tags["a.b"]': "update"}) == ['tags["a.b"]: 1 → 2']


def test_no_secret_and_nothing_endless() -> None:
    old = {"properties": SECRET, "body": "select 1\nselect 2", "on": {"value": SECRET}}
    new = {"properties": UNKNOWN, "body": "x" * 500, "on": {"value": UNKNOWN}}
    lines = told(old, new, {"properties": "update", "body": "update", "on": "update"})
    assert lines[0] == f"body: select 1… → {'x' * 60}…"
    assert lines[1] == 'on: {"value": "[secret]"} → {"value": "(known once it is made)"}'
    assert lines[2] == 'properties: "[secret]" → (known once it is made)'


def test_the_plan_shows_them_and_counts_the_rest() -> None:
    progress = Progress("preview")
    paths = {f"p{number:02}": "update" for number in range(SHOWN + 2)}
    found = event(dict.fromkeys(paths, "now"), dict.fromkeys(paths, "then"), paths)
    progress.on_event(found)
    progress.outcomes[URN] = "updated"
    console = Console(width=120, record=True)
    with console.capture() as captured:
        show_plan(progress, console)
    lines = captured.get().splitlines()
    assert lines[:2] == ["  ~ update azure-native keyvault Vault vault", "      p00: now → then"]
    assert lines[-1] == "      and 2 more"
    assert progress.as_json()["differences"][URN][0] == "p00: now → then"
