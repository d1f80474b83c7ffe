"""The runbooks, done as they are written: every command, in order, on the embedded cloud with prod's settings."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from nexus_command import ROOT
from runbooks import Done, RunbookError, follow, read
from snowflake.connector.errors import DatabaseError

from cli import deployment, world
from cli.cloud import Cloud, Endpoints
from cli.connector import SnowflakeAddress, connect, private_key
from cli.failure import FailureError
from cli.place import Place
from tests.migrate.dumps import Generator, archive
from tests.project_files import project_files

RUNBOOKS: Final = ROOT / "docs" / "runbooks"

# What is otherwise here than where the runbook is followed for real, and nothing else:
# - `./nexus` starts this environment's Python, instead of making one of its own;
# - NEXUS_EMBEDDED=prod makes the stack prod's clouds embedded ones; the line that says so is taken out, and so is
#   what a slow run says of its progress;
# - tenants.yaml has two organisations;
# - the cloud is kept up between commands;
# - what happens in the world, and is nobody's command, is in EVENTS.
ORGANIZATIONS: Final = ("HCS0001", "HCS0002")
UNSAID: Final = re.compile(r"(?m)^(prod is embedded here .*|(planning: )?\d+ resources, \d+ s.*)\n")

REFUSED: Final = (250001, 390144)
"""The connector's and Snowflake's own number for a key that the user does not have (any more)."""
NOTES: Final = "SELECT CONVERSATION_ID, OLD_NOTE FROM HCS0001_DB.NEXUSCHAT.CONVERSATIONS ORDER BY 1"

UNTRIED: Final = {
    "adoption": {"./nexus adopt": "the next step shows the same"},
    "first-deployment": {
        "snow": "the embedded account runs the file at its first start",
        "az": "the real subscription",
        "./nexus rehearse": "test_rehearse.py",
        "./nexus preview": "`up` makes the same plan",
        "./nexus bootstrap": "makes things in the real subscription; tests/cli/test_bootstrap.py",
        "gh": "GitHub",
    },
    "power-bi": {
        "VAULT=$(az": "the real vault",
        "az": "the real vault",
        "export": "the real vault's key",
    },
    "onboarding": {"./nexus check": "tests/report, tests/cli/test_verbs.py", "git push": "GitHub"},
    "migration-day": {"mongodump": "there is no MongoDB"},
    "key-rotation": {
        "gh": "GitHub",
        "export": "an embedded stack's deploy key is its own",
        "./nexus sql": "an embedded stack's deploy key is its own",
    },
    "incident": {"./nexus sql": "no ACCESS_HISTORY in the embedded account", "az": "no log workspace to ask"},
    "upgrade": {
        "sed": "a package index",
        "pip-compile": "a package index",
        "(cd": "Go's proxy",
        "./nexus test": "the suite that runs this",
        "./nexus check": "tests/report, tests/cli/test_verbs.py",
        "./nexus preview": "the real stacks",
    },
}
"""What no runbook's run tries, by how the command begins, and why. A command more, or one less, fails."""


@dataclass
class Trial:
    """A checkout of its own, with a home of its own, in which the runbooks are followed one after the other."""

    directory: Path
    done: dict[str, Done] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    seen: dict[str, Any] = field(default_factory=dict)

    @property
    def checkout(self) -> Path:
        return self.directory / "checkout"

    @property
    def home(self) -> Path:
        return self.directory / "home"

    @property
    def environment(self) -> dict[str, str]:
        from cli.place import cache_directory

        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        author = {
            f"GIT_{who}_{what}": "trial@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
        }
        return (
            kept
            | author
            | {
                "HOME": str(self.home),
                "PYTHONPATH": str(self.checkout),
                "NEXUS_EMBEDDED": "prod",
                "NEXUS_DIRECTORY": str(self.directory / "nexus"),
                "NEXUS_CACHE": str(cache_directory()),
                "GIT_CONFIG_NOSYSTEM": "1",
            }
        )

    def prepare(self) -> None:
        for name in project_files():
            if not name.startswith(("tests/", "bench/", ".git")):
                file = self.checkout / name
                file.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, file)
        # Compiled as here: compiling all of it anew would take longer than a runbook.
        for folder in ("cli", "components", "emulator", "infra", "policies"):
            for compiled in (ROOT / folder).rglob("__pycache__"):
                shutil.copytree(compiled, self.checkout / compiled.relative_to(ROOT), dirs_exist_ok=True)
        (self.checkout / "nexus").write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m cli "$@"\n', encoding="utf-8")
        (self.checkout / "nexus").chmod(0o755)
        tenants = yaml.safe_load((ROOT / "tenants.yaml").read_text(encoding="utf-8"))
        tenants["organizations"] = {name: {} for name in ORGANIZATIONS}
        (self.checkout / "tenants.yaml").write_text(yaml.safe_dump(tenants, sort_keys=False), encoding="utf-8")
        (self.checkout / ".gitignore").write_text("__pycache__/\n", encoding="utf-8")
        self.home.mkdir()
        for command in (
            ["init", "--quiet", "--initial-branch", "main"],
            ["add", "--all"],
            ["commit", "--quiet", "--message", "As it is"],
        ):
            subprocess.run(["git", *command], cwd=self.checkout, env=self.environment, check=True)

    def follow(self, name: str, **events: Callable[[], None]) -> None:
        """Follow a runbook; what goes wrong is its own test's to tell."""
        headings = {block.heading for block in read(RUNBOOKS / f"{name}.md")}
        by_heading = {
            next(heading for heading in headings if heading.startswith(f"{step.removeprefix('step_')}.")): event
            for step, event in events.items()
        }
        try:
            self.done[name] = follow(RUNBOOKS / f"{name}.md", self.checkout, self.environment, by_heading, UNSAID)
        except RunbookError as problem:
            self.problems[name] = str(problem)

    def nexus(self, *arguments: str) -> str:
        done = subprocess.run(
            ["./nexus", *arguments],
            cwd=self.checkout,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @property
    def place(self) -> Place:
        return Place("prod", self.directory / "nexus" / "prod")

    def endpoints(self) -> Endpoints:
        """Where the cloud listens that is kept up."""
        return Endpoints.of(json.loads(self.place.endpoints.read_text(encoding="utf-8")))

    def service_key(self) -> str:
        """The applications' private key, as the vault has it now."""
        arguments = {"vault": "kv-agentnexus-prd-cus", "name": "snowflake-private-key"}
        answer = Cloud(self.endpoints(), None, Path()).control(
            "by-hand", {"package": "azure-native", "action": "secret", "arguments": arguments}
        )
        return str(answer["value"])

    def opens(self, key: str) -> bool:
        """Whether a key logs the applications' user in."""
        where = self.endpoints()
        address = SnowflakeAddress("VIDEXA", "NEXUSPRD", where.host, where.port)
        try:
            connect(address, "AGENTNEXUS_SVC", private_key(key)).close()
        except DatabaseError as refusal:
            if refusal.errno not in REFUSED:
                raise
            return False
        return True

    def note(self, what: str, look: Callable[[], Any]) -> None:
        """Keep what is seen now; what cannot be seen, since a runbook failed, is missing in its test."""
        with suppress(AssertionError, FailureError, OSError):
            self.seen[what] = look()

    def sql(self, role: str, statements: str) -> list[list[Any]]:
        """The last statement's rows, as the deploy user in a role."""
        answers = json.loads(self.nexus("sql", "--stack", "prod", "--role", role, "--json", statements))
        rows: list[list[Any]] = answers[-1]["rows"]
        return rows

    @contextmanager
    def serving(self) -> Iterator[None]:
        with subprocess.Popen(
            ["./nexus", "serve", "--stack", "prod", "--json"],
            cwd=self.checkout,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        ) as server:
            assert server.stdout is not None
            try:
                assert server.stdout.readline()
                yield
            finally:
                server.terminate()
                server.communicate(timeout=60)


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    trial = Trial(tmp_path_factory.mktemp("runbooks"))
    trial.prepare()
    trial.follow("first-deployment")
    with trial.serving():
        trial.follow("power-bi")
        trial.follow("onboarding")
        trial.follow("migration-day", step_2=lambda: dump(trial))
        trial.note("first key", trial.service_key)
        trial.follow("key-rotation")
        trial.note("second key", trial.service_key)
        trial.note("after a rotation", lambda: working(trial))
        trial.follow("incident", step_3=lambda: intrude(trial))
        trial.note("third key", trial.service_key)
        trial.note("after an incident", lambda: working(trial))
        trial.follow("restore", step_2=lambda: damage(trial))
        trial.note("restored", lambda: conversations(trial))
        trial.follow("upgrade")
        trial.follow("offboarding", step_1=lambda: work(trial), step_3=lambda: days_pass(trial))
        trial.note("databases", lambda: [row[1] for row in trial.sql("ACCOUNTADMIN", "SHOW DATABASES LIKE 'HCS%'")])
    adopted = Trial(tmp_path_factory.mktemp("adoption"))
    adopted.prepare()
    shutil.copy(trial.checkout / "Pulumi.prod.yaml", adopted.checkout)
    by_hand(adopted)
    with adopted.serving():
        adopted.follow("adoption")
        trial.note("adopted", lambda: adopted.sql("HCS0001_APP", f"USE WAREHOUSE HCS0001_WH; {NOTES}"))
    trial.done |= adopted.done
    trial.problems |= adopted.problems
    yield trial
    for directory in (trial.directory, adopted.directory):
        shutil.rmtree(directory, ignore_errors=True)


# ── what happens in the world ────────────────────────────────────────────────────────────────────────────────────────


def dump(trial: Trial) -> None:
    """The old chat's people dumped their MongoDB."""
    folder = trial.home / "evidence" / "migration"
    content = archive(Generator(7).database(users=2, conversations=2, messages=6).collections)
    (folder / "chat.archive").write_bytes(gzip.compress(content))


def intrude(trial: Trial) -> None:
    """Whoever had the deploy principal's key gave one organisation's analysts another's data."""
    trial.sql("SECURITYADMIN", "GRANT DATABASE ROLE HCS0002_DB.NEXUSCHAT_READ TO ROLE HCS0001_ANALYST")


def damage(trial: Trial) -> None:
    """A statement too many as one organisation's application, and a table of another's dropped."""
    trial.seen["conversations"] = conversations(trial)
    trial.sql("HCS0001_APP", "USE WAREHOUSE HCS0001_WH; DELETE FROM HCS0001_DB.NEXUSCHAT.CONVERSATIONS")
    trial.sql("SYSADMIN", "DROP TABLE HCS0002_DB.NEXUSCHAT.FILE_UPLOADS")


def conversations(trial: Trial) -> list[list[Any]]:
    return trial.sql(
        "HCS0001_APP",
        "USE WAREHOUSE HCS0001_WH; "
        "SELECT CONVERSATION_ID, TITLE, RAW FROM HCS0001_DB.NEXUSCHAT.CONVERSATIONS ORDER BY 1",
    )


def work(trial: Trial) -> None:
    """The organisation that leaves has a conversation."""
    trial.sql(
        "HCS0003_APP",
        "USE WAREHOUSE HCS0003_WH; INSERT INTO HCS0003_DB.NEXUSCHAT.CONVERSATIONS "
        "(TENANT_ID, CONVERSATION_ID, USER_ID, TITLE) VALUES ('HCS0003', 'c', 'u', 'Grüße')",
    )


def by_hand(trial: Trial) -> None:
    """Before the stack was ever up: the account with what the old scripts made of two organisations."""
    place = trial.place
    place.prepare()
    settings = yaml.safe_load((trial.checkout / "Pulumi.prod.yaml").read_text(encoding="utf-8"))
    world.prepare(place, deployment.check_settings(settings))
    script = trial.directory / "old_scripts.sql"
    text = (Path(__file__).with_name("old_scripts.sql")).read_text(encoding="utf-8")
    script.write_text(text.partition("-- The third:")[0], encoding="utf-8")
    with trial.serving():
        trial.nexus("sql", "--stack", "prod", "--role", "ACCOUNTADMIN", "--file", str(script))


def working(trial: Trial) -> dict[str, bool]:
    """Which of the applications' keys, as they were seen, log in now."""
    return {name: trial.opens(key) for name, key in trial.seen.items() if name.endswith(" key")}


def days_pass(trial: Trial) -> None:
    """The days are over for which an organisation is kept."""
    file = trial.checkout / "tenants.yaml"
    known = yaml.safe_load(file.read_text(encoding="utf-8"))
    over = {"since": "2020-01-01", "delete_from": "2020-04-01"}
    known["organizations"]["HCS0003"]["retired"] |= over
    file.write_text(yaml.safe_dump(known, sort_keys=False), encoding="utf-8")
    kept = trial.checkout / "retirements" / "HCS0003.json"
    record = json.loads(kept.read_text(encoding="utf-8"))
    record["retired"] |= over
    kept.write_text(json.dumps(record), encoding="utf-8")


# ── the runbooks ─────────────────────────────────────────────────────────────────────────────────────────────────────

NAMES: Final = sorted(path.stem for path in RUNBOOKS.glob("*.md") if path.stem != "README")


@pytest.mark.parametrize("name", NAMES)
def test_it_does_what_it_says(trial: Trial, name: str) -> None:
    assert not trial.problems.get(name), trial.problems[name]
    assert trial.done[name].printed


def test_every_runbook_is_in_the_index_and_the_index_has_no_commands() -> None:
    index = RUNBOOKS / "README.md"
    assert sorted(re.findall(r"^\| \[.*\]\((.*)\.md\)", index.read_text(encoding="utf-8"), re.MULTILINE)) == NAMES
    assert read(index) == []


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_tried_is_on_the_list(name: str) -> None:
    untried = [command.text for block in read(RUNBOOKS / f"{name}.md") if block.untried for command in block.commands]
    listed = UNTRIED.get(name, {})
    for command in untried:
        assert any(command.startswith(f"{begin} ") or command == begin for begin in listed), command
    for begin in listed:
        assert any(command.startswith(begin) for command in untried), f"{begin!r} is tried, or not there"


def test_a_key_works_until_the_rotation_after_the_next(trial: Trial) -> None:
    assert trial.seen["after a rotation"] == {"first key": True, "second key": True}
    assert trial.seen["after an incident"] == {"first key": False, "second key": False, "third key": True}


def test_restored_rows_are_what_they_were(trial: Trial) -> None:
    assert len(trial.seen["conversations"]) == 2
    assert trial.seen["restored"] == trial.seen["conversations"]


def test_an_organisation_that_left_is_gone_and_certified(trial: Trial) -> None:
    assert trial.seen["databases"] == [f"{name}_DB" for name in ORGANIZATIONS]
    record = json.loads((trial.checkout / "retirements" / "HCS0003.json").read_text(encoding="utf-8"))
    assert record["certificate"]["rows"]["CONVERSATIONS"] == 1
    assert record["certificate"]["deletion_accepted_by"] == "officer@videxa.example"


def test_an_adopted_table_has_its_rows_and_what_nobody_declares(trial: Trial) -> None:
    assert trial.seen["adopted"] == [["c1", "keep me"], ["c2", None]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("```sh\nls\n```\n", "nobody would run it"),
        ("```\nls\n```\n", "nobody would run it"),
        ("```console untried\n$ ls\n```\n", "stands before it"),
        ("**Not tried here**: why.\n\n```console\n$ ls\n```\n", "is `console untried`"),
        ("```console\nls\n```\n", "begins with no command"),
        ("```yaml\na: 1\n```\n", "does not name the file"),
        ("```console\n$ ls\n", "has no end"),
        ("    ./nexus up\n", "code that nobody would run"),
    ],
)
def test_a_block_that_would_go_unrun_is_an_error(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "one.md").write_text(text, encoding="utf-8")
    with pytest.raises(RunbookError, match=re.escape(words)):
        read(tmp_path / "one.md")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("```console\n$ false\n```\n", "ended with 1, not 0"),
        ("```console\n$ true\nexit code 2\n```\n", "ended with 0, not 2"),
        ("```console\n$ echo a; echo b\na\n```\n", "did not print: (the end, before 'b')"),
        ("```console\n$ echo b; echo a\n…\na\nb\n```\n", "did not print: b"),
        ("```console\n$ exit 3\n```\n", "the shell ended"),
    ],
)
def test_a_runbook_that_says_otherwise_than_it_does_is_told(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "one.md").write_text(text, encoding="utf-8")
    with pytest.raises(RunbookError, match=re.escape(words)):
        follow(tmp_path / "one.md", tmp_path, dict(os.environ), {})


def test_a_runbook_is_followed_in_one_shell(tmp_path: Path) -> None:
    text = "## 1. It\n\n```console\n$ export A=1\n$ cat <<END\n> a $A\n> END\n\na 1\n"
    text += "$ echo x; echo y 1 z; (exit 4)\n…\ny … z\nexit code 4\n```\n"
    (tmp_path / "one.md").write_text(text, encoding="utf-8")
    happened: list[str] = []
    done = follow(tmp_path / "one.md", tmp_path, dict(os.environ), {"1. It": lambda: happened.append("first")})
    assert [printed for _, printed in done.printed] == ["", "a 1\n", "x\ny 1 z\n"]
    assert happened == ["first"]
    with pytest.raises(RunbookError, match="no block under"):
        follow(tmp_path / "one.md", tmp_path, dict(os.environ), {"2. Other": happened.clear})


def test_a_mistyped_stack_is_not_taken_for_an_embedded_one(trial: Trial) -> None:
    done = subprocess.run(
        ["./nexus", "outputs", "--stack", "prod"],
        cwd=trial.checkout,
        env=trial.environment | {"NEXUS_EMBEDDED": "prd"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "there is no stack 'prd'" in done.stderr
