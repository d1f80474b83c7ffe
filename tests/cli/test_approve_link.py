"""What waits at the environment is shown and approved, by a stand-in for az that remembers."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from cli import approve_link
from cli.__main__ import main

Capture = pytest.CaptureFixture[str]
ENVIRONMENT = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.App/managedEnvironments/cae"
OURS, THEIRS, DONE = (f"{ENVIRONMENT}/privateEndpointConnections/{name}" for name in ("ours", "theirs", "done"))
ASKED = "Front Door of NexusChat"

AZ = """#!{python}
import json, pathlib, sys

folder = pathlib.Path(__file__).parent
arguments = sys.argv[1:]
id_ = arguments[arguments.index("--id") + 1]
if arguments[2] == "approve":
    if (folder / "refuse").exists():
        sys.exit("ERROR: (AuthorizationFailed) no right to approve")
    with open(folder / "approved", "a") as file:
        file.write(id_ + "\\n")
elif (folder / "connections").exists():
    print((folder / "connections").read_text())
else:
    sys.exit("ERROR: Please run 'az login' to setup account.")
"""


def connection(id_: str, status: str, description: str) -> dict[str, Any]:
    """As Azure lists it."""
    state = {"status": status, "description": description}
    return {"id": id_, "properties": {"privateLinkServiceConnectionState": state}}


@pytest.fixture
def az(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on PATH with the stand-in, and a state that declares an environment and the edge's origins."""
    (tmp_path / "az").write_text(AZ.format(python=sys.executable), encoding="utf-8")
    (tmp_path / "az").chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path), os.environ["PATH"]]))
    listed = [
        connection(OURS, "Pending", ASKED),
        connection(THEIRS, "Pending", "?"),
        connection(DONE, "Approved", ASKED),
    ]
    (tmp_path / "connections").write_text(json.dumps(listed), encoding="utf-8")
    resources = [
        {"type": "azure-native:app:ManagedEnvironment", "id": ENVIRONMENT, "inputs": {}},
        {"type": "azure-native:cdn:AFDOrigin", "inputs": {"sharedPrivateLinkResource": {"requestMessage": ASKED}}},
    ]
    monkeypatch.setattr(approve_link, "declared_state", lambda _: {"resources": resources})
    return tmp_path


def approved(folder: Path) -> list[str]:
    file = folder / "approved"
    return file.read_text().splitlines() if file.exists() else []


def test_only_what_the_stack_asked_for_is_approved(az: Path, capsys: Capture) -> None:
    assert main(["approve-link", "--stack", "prod", "--yes"]) == 0
    assert approved(az) == [OURS]
    said = capsys.readouterr().out
    assert f"{ASKED} waits:\n  {OURS}" in said
    assert "1 more wait, asked for by somebody else" in said


def test_the_others_too_where_it_is_said(az: Path, capsys: Capture) -> None:
    assert main(["approve-link", "--stack", "prod", "--yes", "--all", "--json"]) == 0
    assert approved(az) == [OURS, THEIRS]
    assert json.loads(capsys.readouterr().out) == {"stack": "prod", "approved": [OURS, THEIRS], "left": 0}


def test_a_second_time_nothing_waits(az: Path, capsys: Capture) -> None:
    (az / "connections").write_text(json.dumps([connection(OURS, "Approved", ASKED)]), encoding="utf-8")
    assert main(["approve-link", "--stack", "prod"]) == 0
    assert approved(az) == []
    assert "Nothing of this stack waits" in capsys.readouterr().out


def test_nothing_is_approved_where_nobody_can_be_asked(az: Path, capsys: Capture) -> None:
    assert main(["approve-link", "--stack", "prod"]) == 2
    assert "give --yes" in capsys.readouterr().err
    assert approved(az) == []


def test_what_az_refuses_is_told(az: Path, capsys: Capture) -> None:
    (az / "refuse").touch()
    assert main(["approve-link", "--stack", "prod", "--yes"]) == 1
    said = capsys.readouterr().err
    assert "is not approved" in said
    assert "AuthorizationFailed" in said
    (az / "connections").unlink()
    assert main(["approve-link", "--stack", "prod", "--yes"]) == 1
    assert "`az login` first" in capsys.readouterr().err


def test_without_az_it_says_where_the_commands_are(az: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setenv("PATH", str(az / "nothing"))
    assert main(["approve-link", "--stack", "prod"]) == 1
    assert "edge.private_link" in capsys.readouterr().err


def test_a_stack_that_is_not_up(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setattr(approve_link, "declared_state", lambda _: {})
    assert main(["approve-link", "--stack", "prod"]) == 1
    assert "is not up" in capsys.readouterr().err
