"""`--set`: one run's settings, over the stack's committed file."""

from __future__ import annotations

from typing import Any

import pytest

from cli import access, configuration
from cli.deployment import check_settings
from cli.failure import BadInputError
from cli.place import Place

SETTINGS: dict[str, Any] = {
    "config": {
        "nexuschat:environment": "local",
        "nexuschat:apps": {"backend": {"image": "a:1"}, "list": [{"x": 1}, 2]},
        "azure-native:location": "centralus",
    }
}


def applied(*overrides: str) -> Any:
    return configuration.apply(SETTINGS, overrides, "nexuschat")["config"]


@pytest.mark.parametrize(
    ("override", "key", "value"),
    [
        ("environment=prod", "nexuschat:environment", "prod"),
        ("nexuschat:environment=prod", "nexuschat:environment", "prod"),
        ("azure-native:location=westus", "azure-native:location", "westus"),
        ("fresh=1.5", "nexuschat:fresh", 1.5),
        ("fresh=", "nexuschat:fresh", None),
        ("fresh=[a, {b: true}]", "nexuschat:fresh", ["a", {"b": True}]),
        ("fresh='3'", "nexuschat:fresh", "3"),
        ("fresh=a=b", "nexuschat:fresh", "a=b"),
    ],
)
def test_a_plain_key_takes_a_value_in_yaml(override: str, key: str, value: object) -> None:
    assert applied(override) == {**SETTINGS["config"], key: value}


def test_dots_go_into_structured_values_and_leave_their_neighbours() -> None:
    apps = applied("apps.backend.image=b:2", "apps.list.0.x=5", "apps.list.1=6", "apps.site.cpu=0.5")["nexuschat:apps"]
    assert apps == {"backend": {"image": "b:2"}, "list": [{"x": 5}, 6], "site": {"cpu": 0.5}}


def test_the_committed_settings_are_not_touched() -> None:
    before = repr(SETTINGS)
    applied("apps.backend.image=b:2")
    assert repr(SETTINGS) == before


def test_all_bad_overrides_are_told_at_once() -> None:
    with pytest.raises(BadInputError) as refusal:
        applied("noequals", ":x=1", "a..b=1", "environment.deeper=1", "apps.list.7=1", "bad=[1", "fine=1")
    lines = str(refusal.value).splitlines()
    assert lines == [
        "--set noequals: must be key=value",
        "--set :x=1: ':x' is not a key: write [namespace:]name[.part]…",
        "--set a..b=1: 'a..b' is not a key: write [namespace:]name[.part]…",
        "--set environment.deeper=1: nexuschat:environment is a plain value: nothing is under it",
        "--set apps.list.7=1: '7' is not an index of a list of 2",
        "--set bad=[1: '[1' is not valid YAML",
    ]


def test_an_unknown_stack_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(BadInputError, match=r"there is no stack 'nowhere'.*Stacks: .*local"):
        configuration.load("nowhere")


def test_the_committed_stacks_settings_are_valid() -> None:
    check_settings(configuration.load("local"))


def test_wrong_settings_are_all_told_before_anything_else() -> None:
    with pytest.raises(BadInputError) as refusal:
        check_settings(configuration.load("local", ["snowflake.edition=GOLD", "nonsense=1"]))
    assert "GOLD" in str(refusal.value)
    assert "nonsense" in str(refusal.value)
    assert refusal.value.exit_code == 2


def test_settings_from_before_a_setting_came_are_not_used(place: Place) -> None:
    place.directory.mkdir(parents=True)
    last = configuration.load("local", ["snowflake.shared_retention_days=3"])
    configuration.write(last, place.configuration)
    found = access._settings_of_last_run(place)
    assert found is not None
    assert found.snowflake.shared_retention_days == 3
    del last["config"]["nexuschat:model"]
    configuration.write(last, place.configuration)
    assert access._settings_of_last_run(place) is None
