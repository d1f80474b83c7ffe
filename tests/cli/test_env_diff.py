"""Two configurations side by side: what differs, what a default decides, what is not filled yet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli import configuration, env_diff
from cli.__main__ import main
from cli.place import ROOT

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def stacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes stack files from production's, each with changes; they lie in a folder of the test's own."""
    monkeypatch.setattr(configuration, "stack_file", lambda stack: tmp_path / f"Pulumi.{stack}.yaml")

    def make(name: str, **changes: Any) -> None:
        settings = yaml.safe_load((ROOT / "Pulumi.prod.yaml").read_text(encoding="utf-8"))
        for path, value in changes.items():
            *parents, last = path.split("__")
            holder = settings["config"]
            for parent in parents:
                holder = holder[parent]
            if value is None:
                holder.pop(last, None)
            else:
                holder[last] = value
        (tmp_path / f"Pulumi.{name}.yaml").write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")

    return make


def compared(capsys: Capture, *arguments: str) -> dict[str, Any]:
    assert main(["env-diff", *arguments, "--json"]) == 0
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


def test_a_stack_differs_from_itself_in_nothing(capsys: Capture) -> None:
    answer = compared(capsys, "prod", "prod")
    assert (answer["different"], answer["settings"]) == (0, {})
    assert answer["same"] > 50


def test_each_difference_is_told_with_both_values(stacks: Any, capsys: Capture) -> None:
    stacks("one")
    stacks("two", **{"nexuschat:apps__backend__max_replicas": 4, "nexuschat:snowflake__shared_retention_days": 7})
    assert compared(capsys, "one", "two")["settings"] == {
        "snowflake.shared_retention_days": {"one": 90, "two": 7},
        "apps.backend.max_replicas": {"one": 10, "two": 4},
    }


def test_what_one_says_and_the_others_default_says_too_is_no_difference(stacks: Any, capsys: Capture) -> None:
    stacks("one", **{"nexuschat:apps__backend__cpu": 0.5})
    stacks("two", **{"nexuschat:apps__backend__cpu": None})
    assert compared(capsys, "one", "two")["settings"] == {}
    stacks("two", **{"nexuschat:apps__chat__cpu": None, "nexuschat:apps__chat__memory": None})
    assert compared(capsys, "one", "two")["settings"]["apps.chat.memory"] == {"one": "2Gi", "two": "1Gi"}


def test_what_is_not_filled_is_said_so_and_never_made_up(stacks: Any, capsys: Capture) -> None:
    stacks("one")
    stacks("two", **{"nexuschat:snowflake__organization": "VIDEXA"})
    told = compared(capsys, "one", "two")["settings"]
    assert told == {"snowflake.organization": {"one": env_diff.EMPTY, "two": "VIDEXA"}}


def test_keys_of_the_engine_count_and_secrets_are_not_shown(stacks: Any, capsys: Capture) -> None:
    stacks("one", **{"azure-native:clientSecret": {"secure": "v1:abc"}})
    stacks("two")
    assert main(["env-diff", "one", "two"]) == 0
    said = capsys.readouterr().out
    assert "azure-native:clientSecret" in said
    assert env_diff.SECRET in said
    assert "v1:abc" not in said
    assert "1 of " in said


def test_all_shows_what_is_the_same_too(capsys: Capture) -> None:
    assert main(["env-diff", "prod", "local"]) == 0
    few = capsys.readouterr().out
    assert main(["env-diff", "prod", "local", "--all"]) == 0
    every = capsys.readouterr().out
    assert "model.name" in every
    assert "model.name" not in few
    assert "deletion_protection" in few
    assert len(every.splitlines()) > len(few.splitlines()) > 10


def test_a_stack_that_is_not_configured_is_bad_input(capsys: Capture) -> None:
    assert main(["env-diff", "prod", "nowhere"]) == 2
    assert "there is no stack 'nowhere'" in capsys.readouterr().err
