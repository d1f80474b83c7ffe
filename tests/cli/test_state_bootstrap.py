"""State and key of a real stack, made with a stand-in for az on PATH that remembers what it was told to make."""

from __future__ import annotations

import json
import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli import bootstrap, configuration, engine
from cli.__main__ import main
from cli.place import ROOT

Capture = pytest.CaptureFixture[str]
SUBSCRIPTION = "11111111-2222-4333-8444-555555555555"
WHO = "99999999-aaaa-4bbb-8ccc-dddddddddddd"

#: Answers look-ups from what was made before, as az does; `refuse` makes the next creation of that kind fail.
AZ = """#!{python}
import json, pathlib, sys

folder = pathlib.Path(__file__).parent
arguments = [argument for argument in sys.argv[1:] if argument not in ("--output", "json", "--only-show-errors")]
with open(folder / "calls", "a") as calls:
    calls.write(json.dumps(arguments) + "\\n")
made = json.loads((folder / "made").read_text()) if (folder / "made").exists() else []

def words():
    return " ".join(argument for argument in arguments[:4] if not argument.startswith("-"))

def option(name):
    return arguments[arguments.index(name) + 1] if name in arguments else ""

kinds = {{"group exists": "group", "group create": "group", "storage account show": "account",
    "storage account create": "account", "storage account blob-service-properties show": "versions",
    "storage account blob-service-properties update": "versions", "keyvault show": "vault", "keyvault create": "vault",
    "role assignment list": "role", "role assignment create": "role", "storage container exists": "container",
    "storage container create": "container", "keyvault key show": "key", "keyvault key create": "key"}}
if words() == "ad signed-in-user show":
    print(json.dumps({who!r}))
    sys.exit()
command = next(text for text in sorted(kinds, key=len, reverse=True) if " ".join(arguments).startswith(text))
kind = kinds[command] + option("--role") + (option("--assignee") or option("--assignee-object-id"))
if command.split()[-1] in ("create", "update"):
    if (folder / "refuse").exists() and (folder / "refuse").read_text() == kind:
        sys.exit("ERROR: (Forbidden) the caller is not authorized")
    (folder / "made").write_text(json.dumps(made + [kind]))
    print("{{}}")
elif command.split()[-1] in ("exists", "list") or kind == "versions":
    print("true" if kind in made else "false")
elif kind in made:
    print("{{}}")
else:
    sys.exit("ERROR: (ResourceNotFound)")
"""
PULUMI = """#!{python}
import json, os, pathlib, sys

folder = pathlib.Path(__file__).parent
with open(folder / "engine-calls", "a") as calls:
    calls.write(json.dumps([sys.argv[1:], os.environ["PULUMI_BACKEND_URL"]]) + "\\n")
provider = sys.argv[sys.argv.index("--secrets-provider") + 1]
with open({file!r}, "a") as settings:
    settings.write(f"secretsprovider: {{provider}}\\nencryptedkey: QUJD\\n")
"""


@dataclass
class Machine:
    """A folder on PATH with both commands, and a stack file of the test's own."""

    folder: Path
    file: Path

    def _lines(self, name: str) -> list[Any]:
        path = self.folder / name
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    @property
    def made(self) -> list[list[str]]:
        return [call for call in self._lines("calls") if {"create", "update"} & set(call[:4])]

    @property
    def engine_calls(self) -> list[Any]:
        return self._lines("engine-calls")

    def run(self, *arguments: str) -> int:
        return main(["bootstrap", "--stack", "prod", *arguments])


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    file = tmp_path / "Pulumi.prod.yaml"
    settings = yaml.safe_load((ROOT / "Pulumi.prod.yaml").read_text(encoding="utf-8"))
    settings["config"]["nexuschat:azure"]["subscription_id"] = SUBSCRIPTION
    file.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    monkeypatch.setattr(configuration, "stack_file", lambda _: file)
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, text in (("az", AZ), ("pulumi", PULUMI)):
        (folder / name).write_text(text.format(python=sys.executable, who=WHO, file=str(file)), encoding="utf-8")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(folder), os.environ["PATH"]]))
    monkeypatch.setattr(engine, "acquire", lambda _: engine.Engine(folder / "pulumi", "3.259.0", "test"))
    return Machine(folder, file)


def test_it_makes_everything_once_and_in_order(machine: Machine, capsys: Capture) -> None:
    assert machine.run("--yes") == 0
    words = [" ".join(word for word in call[:3] if not word.startswith("-")) for call in machine.made]
    assert words == [
        "group create",
        "storage account create",
        "storage account blob-service-properties",
        "keyvault create",
        "role assignment create",
        "role assignment create",
        "storage container create",
        "keyvault key create",
    ]
    assert all(call[call.index("--subscription") + 1] == SUBSCRIPTION for call in machine.made)
    said = capsys.readouterr().out
    for call in machine.made:
        assert shlex.join(["az", *call]) in said
    first = len(machine.made)
    assert machine.run("--yes") == 0
    assert len(machine.made) == first
    assert "Everything is there." in capsys.readouterr().out
    assert len(machine.engine_calls) == 1


def test_state_and_key_are_guarded(machine: Machine) -> None:
    assert machine.run("--yes") == 0
    account, vault, key = (
        next(call for call in machine.made if call[: len(words)] == list(words))
        for words in (("storage", "account", "create"), ("keyvault", "create"), ("keyvault", "key", "create"))
    )
    for option, value in (
        ("--allow-shared-key-access", "false"),
        ("--allow-blob-public-access", "false"),
        ("--min-tls-version", "TLS1_2"),
        ("--https-only", "true"),
    ):
        assert account[account.index(option) + 1] == value
    for option in ("--enable-purge-protection", "--enable-rbac-authorization"):
        assert vault[vault.index(option) + 1] == "true"
    assert key[key.index("--kty") + 1] == "RSA"
    roles = [call[call.index("--role") + 1] for call in machine.made if call[:2] == ["role", "assignment"]]
    assert roles == list(bootstrap.ROLES)
    assert all(WHO in call for call in machine.made if call[:2] == ["role", "assignment"])


def test_the_engine_makes_the_stack_there_with_the_vaults_key(machine: Machine) -> None:
    assert machine.run("--yes") == 0
    ((arguments, backend),) = machine.engine_calls
    names = bootstrap.names_of("prod")
    assert backend == names.backend == f"azblob://pulumi-state?storage_account={names.account}"
    assert arguments[:3] == ["stack", "init", "prod"]
    assert arguments[-1] == f"azurekeyvault://{names.vault}.vault.azure.net/keys/pulumi-state"


def test_what_failed_half_way_goes_on_from_there(machine: Machine, capsys: Capture) -> None:
    (machine.folder / "refuse").write_text("key")
    assert machine.run("--yes") == 1
    said = capsys.readouterr().err
    assert "the key could not be made" in said
    assert "(Forbidden)" in said
    assert "run it again" in said
    assert machine.engine_calls == []
    before = len(machine.made)
    (machine.folder / "refuse").unlink()
    assert machine.run("--yes") == 0
    assert [call[:3] for call in machine.made[before:]] == [["keyvault", "key", "create"]]
    assert len(machine.engine_calls) == 1


def test_nothing_is_made_where_nobody_can_be_asked(machine: Machine, capsys: Capture) -> None:
    assert machine.run() == 2
    assert "give --yes" in capsys.readouterr().err
    assert machine.made == []
    assert machine.engine_calls == []


@pytest.mark.parametrize("agreed", [False, True])
def test_it_shows_the_commands_and_asks(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: Capture, agreed: bool
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(bootstrap, "interactive", lambda: True)
    monkeypatch.setattr(bootstrap.typer, "confirm", lambda text, default: asked.append(text) or agreed)
    assert machine.run() == (0 if agreed else 2)
    assert asked == ["Run them?"]
    assert "az storage account create" in capsys.readouterr().out
    assert bool(machine.made) == agreed


def test_without_az_it_prints_the_commands(machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setenv("PATH", str(machine.folder / "nothing"))
    assert machine.run() == 0
    told = capsys.readouterr()
    assert "no az on PATH" in told.err
    for text in (
        "az storage account create",
        "az keyvault key create",
        "pulumi stack init prod",
        "export PULUMI_BACKEND_URL=",
    ):
        assert text in told.out
    # The shell fills in who is logged in.
    assert '--assignee-object-id "$(az ad signed-in-user show --query id --output tsv)"' in told.out
    assert machine._lines("calls") == []


def test_another_deployer_gets_the_rights(machine: Machine) -> None:
    assert machine.run("--yes", "--deployer", "someone-else") == 0
    assert all("someone-else" in call for call in machine.made if call[:2] == ["role", "assignment"])


def test_the_pipeline_writes_the_state_and_uses_the_key_once_it_is_known(machine: Machine) -> None:
    assert machine.run("--yes") == 0
    before = len(machine.made)
    assert machine.run("--yes", "--pipeline", "the-pipeline") == 0
    rights = machine.made[before:]
    assert [call[call.index("--role") + 1] for call in rights] == list(bootstrap.PIPELINE_ROLES)
    assert all(call[call.index("--assignee-object-id") + 1] == "the-pipeline" for call in rights)
    # It uses the key and cannot make another.
    assert "Key Vault Crypto Officer" not in bootstrap.PIPELINE_ROLES
    assert machine.run("--yes", "--pipeline", "the-pipeline") == 0
    assert len(machine.made) == before + 2


def test_names_fit_azures_rules_and_are_the_same_every_time() -> None:
    for stack in ("prod", "staging", "a-very-long-stack-name"):
        names = bootstrap.Names.of(stack, SUBSCRIPTION, "centralus")
        assert names == bootstrap.Names.of(stack, SUBSCRIPTION.upper().lower(), "centralus")
        assert 3 <= len(names.account) <= 24
        assert names.account.isalnum()
        assert 3 <= len(names.vault) <= 24
    other = bootstrap.Names.of("prod", "00000000-0000-4000-8000-000000000000", "centralus")
    assert other.account != bootstrap.Names.of("prod", SUBSCRIPTION, "centralus").account


@pytest.mark.parametrize(
    ("stack", "said"), [("local", "is an embedded one"), ("prod", "leaves azure.subscription_id empty")]
)
def test_a_stack_that_cannot_be_bootstrapped_is_bad_input(stack: str, said: str, capsys: Capture) -> None:
    assert main(["bootstrap", "--stack", stack]) == 2
    assert said in capsys.readouterr().err
