"""A stack with a backend of its own, as a real one has, its program a toy: `python -m tests.cli.toy_real FOLDER STEPS`.

The engine is the real one and its backend a folder. The program makes a thing of each organisation, and has one secret.
STEPS is JSON: a list of `["declare", {name: size}]`, `["by hand", name]`, `["import", number]`, and what the command
does (`["up"]`, `["undo", "last", "--yes"]`). What came of each is a line in JSON.
"""

from __future__ import annotations

import io
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import pulumi
import typer
import yaml

from cli import access, configuration, console, deployment, engine, run
from cli.cloud import starting
from cli.deployment import Request
from cli.failure import FailureError
from cli.place import ROOT, Place
from cli.rollback import update, updates
from cli.settings_change import Runner
from tests.cli.toy import CONTENTS, Thing, things

STACK = "prod"
SECRET = "correct horse"


def program() -> None:
    made: list[Thing] = []
    for name, size in declared().items():
        made.append(Thing(name, size, made[-1:]))
    pulumi.export("password", pulumi.Output.secret(SECRET))


def declared() -> dict[str, int]:
    found: dict[str, int] = yaml.safe_load((configuration.ROOT / "tenants.yaml").read_text(encoding="utf-8"))
    return found


@contextmanager
def prepared(folder: Path) -> Iterator[Place]:
    """The project, its stack, and the cloud that its engine finds the toy in."""
    settings = deployment.check_settings(configuration.load("local"))
    for module in (access, configuration, deployment, updates):
        module.ROOT = folder  # type: ignore[attr-defined]
    deployment.load_program = lambda: program
    # What is configured is the platform, which this is not; so is what is verified.
    deployment.check_settings = lambda _: settings
    Runner.verify = lambda *_: set()  # type: ignore[method-assign]
    run.policy_packs = lambda _: []
    place = Place.of("local")
    place.prepare()
    project = (ROOT / "Pulumi.yaml").read_text(encoding="utf-8").partition("\nconfig:")[0]
    (folder / "Pulumi.yaml").write_text(project + "\n", encoding="utf-8")
    (folder / f"Pulumi.{STACK}.yaml").write_text("config:\n  nexuschat:environment: prod\n", encoding="utf-8")
    (folder / "backend").mkdir()
    with starting(place, CONTENTS) as cloud:
        os.environ |= {
            "PULUMI_BACKEND_URL": (folder / "backend").as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "of this test",
            "PULUMI_HOME": str(place.pulumi_home),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_DEBUG_PROVIDERS": str(cloud.wait().endpoints.debug_providers),
        }
        plain("stack", "init", STACK, "--secrets-provider", "passphrase")
        yield place


def plain(*arguments: str) -> str:
    """Plain `pulumi` on the stack."""
    found = engine.acquire(lambda _: None)
    return subprocess.run(
        [found.path, *arguments, "--non-interactive"],
        cwd=configuration.ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def do(step: list[Any], place: Place) -> Any:
    match step:
        case ["declare", sizes]:
            (configuration.ROOT / "tenants.yaml").write_text(yaml.safe_dump(sizes), encoding="utf-8")
        case ["by hand", name]:
            with closing(sqlite3.connect(place.cloud / "things.sqlite3", isolation_level=None)) as database:
                database.execute("INSERT INTO thing VALUES (?, 1)", (name,))
        case ["import", number]:
            found = next(each for each in updates.kept(STACK) if each.number == number)
            file = configuration.ROOT / "state.json"
            file.write_text(json.dumps({"version": 3, "deployment": found.state()}), encoding="utf-8")
            plain("stack", "import", "--stack", STACK, "--file", str(file))
            return plain("stack", "output", "password", "--show-secrets", "--stack", STACK).strip()
        case ["undo", wanted, *given]:
            update.undo_update(STACK, wanted, yes="--yes" in given, as_json=True, packs=None, overrides=())
        case [verb]:
            run.execute(Request(verb, STACK), yes=True, as_json=True)
        case _:
            raise ValueError(step)
    return None


def told(step: list[Any], place: Place) -> dict[str, Any]:
    """What a step said, and how things are after it."""
    said, failure, answered = io.StringIO(), "", None
    try:
        with redirect_stdout(said):
            answered = do(step, place)
    except FailureError as error:
        failure = str(error)
    except typer.Exit:
        failure = "exit 1"
    text = said.getvalue()
    return {
        "step": step,
        "failure": failure,
        "answer": json.loads(text) if text else answered,
        "things": things(place.cloud),
        "declared": declared(),
        "kept": [[each.number, each.verb, each.values.get("result")] for each in updates.kept(STACK)],
    }


if __name__ == "__main__":
    console.errors().file = sys.stderr
    with prepared(Path(sys.argv[1])) as place:
        for step in json.loads(sys.argv[2]):
            print(json.dumps(told(step, place)))
