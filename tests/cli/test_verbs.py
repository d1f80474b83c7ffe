"""The verbs at their edge: exit codes, one clear message, nothing changed by bad input."""

from __future__ import annotations

import ast
import json
import shlex
import sys
from pathlib import Path

import pytest

from cli import deployment, env, serve
from cli.__main__ import PANELS, VERBS, main
from cli.cloud import Cloud, starting
from cli.place import ROOT, Place
from emulator.lock import hold
from tests.cli.toy import CONTENTS

Capture = pytest.CaptureFixture[str]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_an_example(verb: str, capsys: Capture) -> None:
    assert main([verb, "--help"]) == 0
    assert "Example: " in capsys.readouterr().out


def test_the_command_lists_all_verbs(capsys: Capture) -> None:
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    assert [verb for verb in VERBS if f" {verb} " not in said] == []
    # Under what a person wants to do, in this order.
    places = [said.index(panel) for panel in PANELS]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fly"], "No such command 'fly'"),
        (["up", "--stack", "nowhere"], "there is no stack 'nowhere'"),
        (["up", "--set", "snowflake.edition=GOLD"], "GOLD"),
        (["preview", "--set", "nonsense"], "--set nonsense: must be key=value"),
        (["preview", "--policy-pack", "tests"], "not a policy pack (no PulumiPolicy.yaml)"),
        (["up", "--stack", "prod"], "nexuschat:azure.subscription_id"),
        (["serve", "--stack", "prod"], "there is nothing to serve"),
        (["serve", "--port", "telnet=23"], "--port telnet=23: no server is called so"),
        (["doctor", "--stack", "nowhere"], "there is no stack 'nowhere'"),
        (["env", "--stack", "prod"], "plain `pulumi` needs nothing from here"),
    ],
)
def test_bad_input_is_refused_and_changes_nothing(
    arguments: list[str], said: str, place: Place, capsys: Capture
) -> None:
    assert main(arguments) == 2
    assert said in capsys.readouterr().err
    assert not place.directory.parent.exists()


@pytest.mark.parametrize("verb", ["up", "destroy"])
def test_a_real_stack_is_not_changed_where_nobody_can_be_asked(
    verb: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr(deployment, "check_settings", lambda _: None)
    monkeypatch.setattr(deployment, "real_stack", lambda *_: pytest.fail("it went on"))
    assert main([verb, "--stack", "prod"]) == 2
    assert "changes the real stack 'prod' and nobody can be asked here" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["outputs"], "stack 'local' is not up"),
        (["env"], "the embedded cloud of 'local' is not up: run `./nexus serve` in another shell first"),
    ],
)
def test_what_is_not_there_yet_fails_with_what_to_do(
    arguments: list[str], said: str, place: Place, capsys: Capture
) -> None:
    assert main(arguments) == 1
    assert said in capsys.readouterr().err


def test_a_second_run_fails_before_it_starts_anything(place: Place, capsys: Capture) -> None:
    with hold(place.lock, "nexus destroy --stack local"):
        assert main(["up"]) == 1
    assert "is in use by nexus destroy --stack local" in capsys.readouterr().err
    assert not place.directory.exists()


@pytest.mark.usefixtures("real_engine")
@pytest.mark.parametrize("shell", list(env.Shell))
def test_env_is_for_the_shell_that_is_asked_for(shell: env.Shell, place: Place, capsys: Capture) -> None:
    place.prepare()
    with starting(place, CONTENTS) as serving:
        providers = serving.wait().endpoints.debug_providers
        assert main(["env", "--json"]) == 0
        variables = json.loads(capsys.readouterr().out)
        assert main(["env", "--shell", shell.value]) == 0
    lines = capsys.readouterr().out.splitlines()
    if shell is env.Shell.SH:
        said = dict(shlex.split(line)[1].split("=", 1) for line in lines)
    else:
        said = {line.split(" = ")[0].removeprefix("$env:"): line.split(" = ")[1].strip("'") for line in lines}
    assert said == variables
    assert variables["PULUMI_DEBUG_PROVIDERS"] == providers
    # What makes a killed run lose its state is for runs that the journal watches.
    assert "PULUMI_SKIP_CHECKPOINTS" not in variables


class TestServe:
    @pytest.fixture
    def stopped_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Ctrl-C as soon as all is said; the cloud holds the toy."""
        monkeypatch.setattr(serve.signal, "signal", lambda *_: None)
        monkeypatch.setattr(serve.threading.Event, "wait", lambda *_: True)
        monkeypatch.setattr(serve, "starting", lambda place, *more: starting(place, CONTENTS, *more))

    @pytest.mark.usefixtures("stopped_at_once")
    def test_it_tells_where_it_listens_as_one_line_of_json(self, place: Place, capsys: Capture) -> None:
        assert main(["serve", "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["debug_providers"] == f"toy:{told['providers']['toy']}"
        assert told["snowflake"] == f"http://127.0.0.1:{told['port']}"
        assert not place.endpoints.exists()

    def test_a_second_one_is_told_the_first_ones_process(self, place: Place, capsys: Capture) -> None:
        place.prepare()
        with starting(place, CONTENTS) as first:
            pid = first.wait().endpoints.pid
            assert main(["serve"]) == 1
        assert f"is up already (process {pid})" in capsys.readouterr().err

    def test_a_port_can_be_fixed(self, place: Place) -> None:
        place.prepare()
        with starting(place, CONTENTS) as once:
            endpoints = once.wait().endpoints
            port, toy = endpoints.port, endpoints.providers["toy"]
        with starting(place, CONTENTS, f"--port=http={port}", f"--port=toy={toy}") as again:
            assert again.wait().endpoints.port == port
            assert again.wait().endpoints.providers == {"toy": toy}


def test_control_wants_its_token(place: Place, tmp_path: Path) -> None:
    from dataclasses import replace

    from cli.failure import FailureError

    place.prepare()
    wrong = tmp_path / "token"
    wrong.write_text("guess")
    with starting(place, CONTENTS) as serving:
        cloud = serving.wait()
        assert cloud.control("status")["packages"] == {"toy": "1.0.0"}
        stranger = Cloud(replace(cloud.endpoints, control_token_file=wrong), None, place.cloud_log)
        with pytest.raises(FailureError, match="not authorised"):
            stranger.control("status")


def test_the_cloud_ends_with_whoever_started_it(place: Place) -> None:
    import subprocess

    import psutil

    from cli.place import ROOT

    place.prepare()
    program = (
        "import os\nfrom cli.cloud import StartingCloud\nfrom cli.place import Place\n"
        f"cloud = StartingCloud(Place.of('local'), ({CONTENTS!r},)).wait()\n"
        "print(cloud.endpoints.pid, flush=True)\nos._exit(9)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 9, done.stderr
    pid = int(done.stdout)
    if psutil.pid_exists(pid):
        psutil.Process(pid).wait(timeout=30)
    assert not place.endpoints.exists()


def test_a_resource_type_is_not_an_emoji(capsys: Capture) -> None:
    from cli.console import console, errors

    for shown in (console(), errors()):
        shown.file = sys.stdout
        shown.print("videxa:snowflake:Organization")
        shown.file = None  # type: ignore[assignment]
    assert capsys.readouterr().out == "videxa:snowflake:Organization\n" * 2


def test_no_console_of_the_command_turns_a_resource_type_into_an_emoji() -> None:
    """Rich turns `:snowflake:` into a picture unless told not to, and each console is told by itself, in one place."""
    consoles = [
        (file.relative_to(ROOT), call)
        for file in (ROOT / "cli").rglob("*.py")
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Console"
    ]
    assert [str(file) for file, _ in consoles] == ["cli/console.py"] * 2
    telling = [
        f"{file}:{call.lineno}"
        for file, call in consoles
        if not any(keyword.arg == "emoji" and ast.unparse(keyword.value) == "False" for keyword in call.keywords)
    ]
    assert telling == []
