"""GitHub's workflows: pinned, with the least rights, no secret for a fork, and every command one that there is."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from cli import engine
from cli.__main__ import app

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yaml"))


@dataclass(frozen=True)
class Job:
    file: str
    name: str
    content: Any

    @property
    def steps(self) -> list[Any]:
        return list(self.content["steps"])

    @property
    def stacks(self) -> list[str]:
        return list(((self.content.get("strategy") or {}).get("matrix") or {}).get("stack") or [])


def read(file: Path) -> Any:
    # YAML takes the key `on` for a truth value.
    return {("on" if key is True else key): value for key, value in yaml.safe_load(file.read_text()).items()}


def jobs() -> Iterator[Job]:
    for file in FILES:
        for name, content in read(file)["jobs"].items():
            yield Job(file.name, name, content)


JOBS = list(jobs())
DEPLOYING = [job for job in JOBS if "environment" in job.content]
OPEN = [job for job in JOBS if "environment" not in job.content]


def commands(job: Job) -> Iterator[list[str]]:
    """Each `./nexus` of a job, its variables filled in."""
    stacks = job.stacks or [""]
    for step in job.steps:
        for line in str(step.get("run") or "").splitlines():
            for found in re.findall(r"\./nexus[^|&;]*", line):
                for stack in stacks:
                    yield shlex.split(found.replace('"$STACK"', stack))[1:]


def test_there_are_three_and_they_have_what_is_asked_of_them() -> None:
    assert [file.name for file in FILES] == ["deploy.yaml", "drift.yaml", "pull-request.yaml"]
    # A pull request's own code never runs with the repository's rights.
    assert [list(read(file)["on"]) for file in FILES] == [["push"], ["schedule", "workflow_dispatch"], ["pull_request"]]
    assert {job.name for job in OPEN} == {"test", "rehearse", "check"}
    assert {job.name for job in DEPLOYING} == {"preview", "staging", "prod", "drift"}


def test_the_linter_for_workflows_finds_nothing() -> None:
    zizmor = Path(sys.executable).with_name("zizmor")
    done = subprocess.run(
        [str(zizmor), "--offline", "--no-progress", "--persona", "pedantic", "--min-severity", "low", *map(str, FILES)],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_action_is_pinned_to_a_commit_and_says_its_version(file: Path) -> None:
    used = re.findall(r"uses:\s*(.*)", file.read_text(encoding="utf-8"))
    assert used
    assert [line for line in used if not re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_it_may_read_the_repository_and_nothing_else(file: Path) -> None:
    assert read(file)["permissions"] == {"contents": "read"}


@pytest.mark.parametrize("job", JOBS, ids=lambda job: f"{job.file}-{job.name}")
def test_only_what_deploys_gets_a_token_or_a_secret(job: Job) -> None:
    text = yaml.safe_dump(job.content)
    if job in OPEN:
        assert "permissions" not in job.content
        for word in ("secrets.", "vars.", "id-token", "ARM_", "azure/login"):
            assert word not in text
        return
    assert job.content["permissions"] == {"contents": "read", "id-token": "write"}
    assert set(re.findall(r"secrets\.(\w+)", text)) <= {"SNOWFLAKE_PRIVATE_KEY"}
    # A secret is one step's, not the job's: what others install never sees it.
    assert "secrets." not in yaml.safe_dump(job.content.get("env") or {})


def test_a_fork_is_never_let_into_an_environment() -> None:
    (preview,) = (job for job in DEPLOYING if job.file == "pull-request.yaml")
    assert "github.event.pull_request.head.repo.full_name == github.repository" in preview.content["if"]


def test_production_waits_for_staging() -> None:
    found = {job.name: job.content for job in JOBS if job.file == "deploy.yaml"}
    assert (found["prod"]["needs"], found["prod"]["environment"]) == ("staging", "prod")
    for name in ("staging", "prod"):
        runs = [step["run"] for step in found[name]["steps"] if "run" in step]
        assert runs == [f"./nexus up --stack {name} --yes", f"./nexus verify --stack {name} --snowflake-only"]


@pytest.mark.parametrize("stack", ["staging", "prod"])
def test_azure_takes_the_tokens_of_the_environment_that_deploys(stack: str) -> None:
    settings = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8"))["config"]
    assert settings["nexuschat:azure"]["deploy_identity"]["github_environment"] == stack


def test_credentials_are_what_the_engine_and_its_providers_read() -> None:
    for job in DEPLOYING:
        assert set(job.content["env"]) == {
            *("ARM_USE_OIDC", "ARM_CLIENT_ID", "ARM_TENANT_ID", "ARM_SUBSCRIPTION_ID"),
            *("PULUMI_BACKEND_URL", "AZURE_KEYVAULT_AUTH_VIA_CLI"),
        }


def test_every_job_has_the_engine_that_is_pinned() -> None:
    for job in JOBS:
        found = [step["with"] for step in job.steps if str(step.get("uses")).startswith("pulumi/actions@")]
        assert [each["pulumi-version"] for each in found] == [engine.pinned_version()], job
        for each in found:
            assert each.get("policyPacks", "policies") == "policies"


def all_commands() -> list[list[str]]:
    return [command for job in JOBS for command in commands(job)]


@pytest.mark.parametrize("arguments", all_commands(), ids=" ".join)
def test_every_command_is_one_that_there_is(arguments: list[str]) -> None:
    """The command line takes it: the verb, its options, and a stack that has a file."""
    if arguments == ["--help"]:
        return
    group: Any = typer.main.get_command(app)
    verb, *rest = arguments
    command = group.get_command(group.make_context("nexus", [verb], resilient_parsing=True), verb)
    assert command is not None, verb
    context = command.make_context(verb, list(rest))
    stack = context.params.get("stack")
    assert stack is None or (ROOT / f"Pulumi.{stack}.yaml").is_file()


def test_what_a_pull_request_runs_is_all_of_it() -> None:
    found = [command for job in OPEN for command in commands(job)]
    assert ["test"] in found
    for stack in ("staging", "prod"):
        assert ["rehearse", stack] in found
        assert ["check", "--stack", stack, "--base", "HEAD^1", "--report", "report"] in found


def test_the_summary_is_put_where_github_shows_it(tmp_path: Path) -> None:
    (check,) = (job for job in OPEN if job.name == "check")
    (step,) = (step for step in check.steps if step.get("name") == "the summary")
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "summary.md").write_text("## what was found\n", encoding="utf-8")
    shown = tmp_path / "shown.md"
    environment = {"PATH": os.environ["PATH"], "GITHUB_STEP_SUMMARY": str(shown)}
    # As GitHub runs a step.
    done = subprocess.run(["bash", "-e", "-c", step["run"]], cwd=tmp_path, env=environment, check=False)
    assert done.returncode == 0
    assert shown.read_text(encoding="utf-8") == "## what was found\n"


def test_every_night_both_are_looked_at_and_nothing_is_changed() -> None:
    (drift,) = (job for job in DEPLOYING if job.file == "drift.yaml")
    assert list(commands(drift)) == [["drift", "--stack", "staging"], ["drift", "--stack", "prod"]]


def test_help_runs_as_the_steps_have_it() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cli", "--help"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert "check" in done.stdout
