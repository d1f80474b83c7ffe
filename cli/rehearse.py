"""`nexus rehearse`: a real stack's configuration, as it is, on an embedded cloud of its own that is thrown away."""

from __future__ import annotations

import copy
import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final

import typer

from cli import configuration, deployment, engine, options, world
from cli.access import StackAccess, embedded_access
from cli.cloud import Cloud, starting, without_credentials
from cli.console import answer, console, errors, say
from cli.deployment import EmbeddedRun, Outcome, Request, Verb, embedded_state
from cli.failure import BadInputError, FailureError
from cli.place import ROOT, Place, local_directory
from cli.progress import COLUMNS, Display, Problem, Progress, show_plan, show_problems
from cli.run import policy_packs
from cli.verify.report import CheckImpossibleError, Report

if TYPE_CHECKING:
    from infra.settings import Settings

_REGISTRY: Final = "rehearsalregistry"
_DOMAIN: Final = "rehearsal.example"
"""RFC 2606 keeps .example for nobody."""
_NETWORK: Final = "203.0.113.0/24"
"""RFC 5737 keeps it for documentation: nobody's network."""

MADE_UP: Final[Sequence[tuple[str, Callable[[str], Any]]]] = (
    ("azure.registry.name", lambda _: _REGISTRY),
    ("*resource_group", lambda _: "rg-rehearsal"),
    ("snowflake.organization", lambda _: "REHEARSAL"),
    ("snowflake.account", lambda _: "REHEARSED"),
    ("*networks.*", lambda _: [_NETWORK]),
    ("apps.*.image", lambda key: f"{_REGISTRY}.azurecr.io/{key.split('.')[1]}:0.0.0"),
    ("*emails", lambda _: [f"rehearsal@{_DOMAIN}"]),
    ("*email", lambda _: f"rehearsal@{_DOMAIN}"),
    ("*domains", lambda _: [_DOMAIN]),
    ("*domain", lambda key: f"{key.split('.')[-2].replace('_', '-')}.{_DOMAIN}"),
    ("*repository", lambda _: "rehearsal/rehearsal"),
    ("*url", lambda _: f"https://{_DOMAIN}"),
    ("*issuer", lambda _: f"https://{_DOMAIN}"),
    ("*_id", lambda key: str(uuid.uuid5(uuid.NAMESPACE_URL, f"nexus:rehearse:{key}"))),
)
"""By key, what stands in for a value that nobody may guess. The first that fits is taken."""


def command(
    stack: Annotated[str, typer.Argument(help="The stack: its settings are in Pulumi.<stack>.yaml.")],
    as_json: options.Json = False,
    policy_pack: options.PolicyPacks = None,
    set_: options.Overrides = None,
) -> None:
    """Preview, apply, verify and destroy a stack's configuration on an embedded cloud: no credential, no network.

    What the configuration leaves empty is made up and named; nothing real is reached, and nothing is left.

    Example: ./nexus rehearse prod
    """
    kept_out = embedded_only()
    settings, made_up = filled(configuration.load(stack, set_ or ()))
    rehearsal = Rehearsal(stack, settings, deployment.check_settings(settings), policy_packs(policy_pack), as_json)
    if not as_json:
        _tell(stack, made_up, kept_out)
    rehearsal.run()
    if as_json:
        answer(
            {
                "stack": stack,
                "result": "failed" if rehearsal.failed else "succeeded",
                "made_up": made_up,
                "kept_out": kept_out,
                "steps": [step.as_json() for step in rehearsal.steps],
            }
        )
    else:
        seconds = sum(step.seconds for step in rehearsal.steps)
        verdict = f"[red]failed at {rehearsal.failed[0].name}[/]" if rehearsal.failed else "[green]rehearsed[/]"
        console().print(f"{stack}: {verdict} in {seconds:.1f} s; nothing of it is left")
    if rehearsal.failed:
        raise typer.Exit(1)


def _tell(stack: str, made_up: Mapping[str, Any], kept_out: Sequence[str]) -> None:
    if made_up:
        console().print(f"Made up for this rehearsal, since Pulumi.{stack}.yaml leaves it empty:", markup=False)
        for key, value in made_up.items():
            console().print(f"  {configuration.project()}:{key} = {value}", markup=False)
    if kept_out:
        console().print(f"Kept out of it: {', '.join(kept_out)}", markup=False)


def embedded_only() -> list[str]:
    """Take everything by which a real cloud or backend could be reached from this process; say the variables' names.

    What follows in it can use the embedded cloud only: providers' SDKs read such variables too, and the program runs in
    this very process.
    """
    kept = without_credentials(os.environ)
    out = sorted(os.environ.keys() - kept.keys())
    for name in out:
        del os.environ[name]
    return out


# ── the configuration ────────────────────────────────────────────────────────────────────────────────────────────────


def filled(settings: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A copy of a stack's file whose empty values are made up, and what was made up by key.

    Only what the settings' own rules refuse for being empty is made up. Raises `BadInputError` with everything else
    that is wrong, and with what cannot be made up.
    """
    from infra.settings import NAMESPACE, SettingsError, load_settings

    result = copy.deepcopy(dict(settings))
    config = result.get("config") or {}
    made_up: dict[str, Any] = {}
    while True:
        try:
            load_settings(config, ROOT)
        except SettingsError as error:
            empty = [
                problem.where.removeprefix(f"{NAMESPACE}:")
                for problem in error.problems
                if _holder(config, NAMESPACE, problem.where) is not None
            ]
            if not empty:
                raise BadInputError(str(error)) from None
            for key in empty:
                make = next((make for pattern, make in MADE_UP if fnmatchcase(key, pattern)), None)
                if make is None or key in made_up:
                    raise BadInputError(f"{NAMESPACE}:{key} is empty, and no rehearsal can make it up.") from None
                container, last = _holder(config, NAMESPACE, f"{NAMESPACE}:{key}") or ({}, "")
                container[last] = made_up[key] = make(key)
        else:
            return result, made_up


def _holder(config: dict[str, Any], namespace: str, where: str) -> tuple[dict[str, Any], str] | None:
    """The mapping and key of an empty value; None where there is a value, or no such place."""
    if not where.startswith(f"{namespace}:"):
        return None
    first, *parts = where.split(".")
    container: Any = config
    for key in [first, *parts][:-1]:
        container = container.get(key) if isinstance(container, dict) else None
    last = parts[-1] if parts else first
    if not isinstance(container, dict) or last not in container:
        return None
    return (container, last) if container[last] in ("", [], None) else None


# ── the rehearsal ────────────────────────────────────────────────────────────────────────────────────────────────────


def place_of(stack: str) -> Place:
    """Where a stack's rehearsal is while it lasts."""
    return Place(stack, local_directory() / "rehearsal" / stack)


@contextmanager
def throw_away(stack: str, settings: dict[str, Any], checked: Settings, verb: str) -> Iterator[EmbeddedRun]:
    """A stack's configuration on an embedded cloud of its own, which is gone afterwards with all that it held."""
    place = place_of(stack)
    place.directory.parent.mkdir(parents=True, exist_ok=True)
    with deployment.only_run(place, verb):
        # One that was killed leaves its folder.
        shutil.rmtree(place.directory, ignore_errors=True)
        try:
            place.prepare()
            world.prepare(place, checked)
            with starting(place) as cloud:
                run = EmbeddedRun(place, configuration.without_imports(settings), cloud, deployment.load_program)
                if run.cloud().attached:
                    raise FailureError(f"somebody keeps a cloud up in {place.directory}: a rehearsal needs its own.")
                yield run
        finally:
            shutil.rmtree(place.directory, ignore_errors=True)
    place.lock.unlink(missing_ok=True)
    for folder in (place.directory.parent, local_directory()):
        with suppress(OSError):
            folder.rmdir()


@dataclass
class Step:
    """One step and how it ended."""

    name: str
    seconds: float = 0
    said: str = ""
    problems: list[str] = field(default_factory=list)
    progress: Progress | None = None
    report: Report | None = None

    def as_json(self) -> dict[str, Any]:
        shown: dict[str, Any] = {"step": self.name, "passed": not self.problems, "seconds": round(self.seconds, 2)}
        if self.progress is not None:
            shown |= {
                name: value for name, value in self.progress.as_json().items() if name not in ("seconds", "errors")
            }
        if self.report is not None:
            shown |= self.report.as_json()
        return {**shown, "problems": self.problems}


class Rehearsal:
    """One rehearsal, in a folder of its own that is gone afterwards. `steps` tells how it went."""

    plans_again: ClassVar = True
    """Whether it ends with a second plan, in which nothing may change any more."""

    def __init__(
        self, stack: str, settings: dict[str, Any], checked: Settings, packs: Sequence[Path], quiet: bool
    ) -> None:
        self.place = place_of(stack)
        self.steps: list[Step] = []
        self._settings = settings
        self._checked = checked
        self._packs = packs
        self._quiet = quiet

    @property
    def failed(self) -> list[Step]:
        return [step for step in self.steps if step.problems]

    def run(self) -> None:
        with throw_away(self.place.stack, self._settings, self._checked, "rehearse") as run:
            self._rehearse(run.cloud(), run)

    def _rehearse(self, cloud: Cloud, run: EmbeddedRun) -> None:
        good = all(
            self._step(name, do)
            for name, do in (
                ("preview", lambda step: self._engine(run, step, "preview")),
                ("up", lambda step: self._engine(run, step, "up")),
                ("verify", lambda step: self._verify(cloud, step)),
                ("second preview", lambda step: self._engine(run, step, "preview", expect_no_changes=True)),
            )
            if self.plans_again or name != "second preview"
        )
        if embedded_state(self.place).get("resources"):
            # What is protected in the stack is not kept from its rehearsal's end.
            self._step("destroy", lambda step: self._destroy(cloud, run, step))
        elif good:
            raise FailureError("the rehearsal made nothing")

    def _step(self, name: str, do: Callable[[Step], None]) -> bool:
        step = Step(name)
        started = time.monotonic()
        try:
            do(step)
        finally:
            step.seconds = time.monotonic() - started
            self.steps.append(step)
        if not self._quiet:
            self._show(step)
        return not step.problems

    def _show(self, step: Step) -> None:
        mark = "[red]✗[/]" if step.problems else "[green]✓[/]"
        console().print(f"{mark} {step.name}: {step.said} ({step.seconds:.1f} s)")
        if step.report is not None and step.report.failed:
            step.report.show(console())
        elif step.problems:
            show_problems("Errors", [Problem("", text) for text in step.problems], errors())
        if step.progress is not None:
            show_problems("Policy violations", step.progress.violations, console())
            show_problems("Warnings", step.progress.warnings, console())
            if step.name == "preview" or (step.name == "second preview" and step.problems):
                # In a new stack nothing is there to be changed but what is adopted.
                show_plan(step.progress, console(), only={"updated", "replaced", "deleted"})

    def _engine(self, run: EmbeddedRun, step: Step, verb: Verb, *, expect_no_changes: bool = False) -> None:
        request = Request(verb, self.place.stack, expect_no_changes, self._packs if verb != "destroy" else ())
        step.progress = self._progress(verb)
        with Display(step.progress, console(), quiet=self._quiet):
            outcome = deployment.run_embedded(request, run, step.progress)
        totals = step.progress.totals()
        step.said = ", ".join(f"{totals[column]} {column}" for column in COLUMNS if totals[column]) or "nothing"
        step.problems = self._problems(outcome)

    def _progress(self, verb: Verb) -> Progress:
        """Who listens to a run of the engine."""
        return Progress(verb)

    def _problems(self, outcome: Outcome) -> list[str]:
        if outcome.succeeded:
            return []
        log = local_directory() / f"rehearsal-{self.place.stack}.log"
        found = [str(problem) for problem in deployment.explain(outcome, log)]
        return found or [str(violation) for violation in outcome.progress.violations] or ["the engine failed"]

    def _verify(self, cloud: Cloud, step: Step) -> None:
        from snowflake.connector import Error

        from cli.connector import one_line
        from cli.verify.command import verify

        access = embedded_access(self.place, self._checked, cloud)
        step.report = report = Report()
        try:
            state, outputs = access.state()
            verify(report, access, state, outputs)
        except CheckImpossibleError as reason:
            step.problems.append(f"{reason.resource}: {reason}")
        except Error as error:
            step.problems.append(f"the account refuses {access.deploy_user}: {one_line(error)}")
        step.problems += [f"{check.asked}: {check.told()}" for check in report.failed]
        step.said = f"{len(report.checks) - len(report.failed)} of {len(report.checks)} checks passed"

    def _destroy(self, cloud: Cloud, run: EmbeddedRun, step: Step) -> None:
        done = subprocess.run(
            [
                *(str(engine.acquire(say).path), "state", "unprotect", "--all", "--yes"),
                *("--stack", self.place.stack, "--non-interactive"),
            ],
            cwd=ROOT,
            env=deployment.embedded_environment(self.place, None),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            step.problems.append(f"the engine cannot lift the protection: {done.stderr.strip()}")
            return
        adopted = _adopted(embedded_state(self.place))
        self._engine(run, step, "destroy")
        left = embedded_state(self.place).get("resources") or []
        step.problems += [f"left in the state: {resource['urn']}" for resource in left]
        if not step.problems:
            access = embedded_access(self.place, self._checked, cloud)
            gone = _gone(access, adopted)
            step.problems += [f"{name} was there before the stack, and is gone with it" for name in gone]
            step.said += f"; {len(adopted) - len(gone)} of {len(adopted)} adopted resources left standing"


def _adopted(state: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the stack took over and does not delete: type and id. Grants of roles go with what they join."""
    return [
        (resource["type"], resource["id"])
        for resource in state.get("resources") or []
        if resource.get("retainOnDelete") and resource.get("id")
    ]


def _gone(access: StackAccess, resources: Sequence[tuple[str, str]]) -> list[str]:
    """The ids of resources that their provider finds no more, asked as who deploys."""
    import grpc
    from google.protobuf import struct_pb2
    from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

    assert access.endpoints is not None
    snowflake, azure = access.settings.snowflake, access.settings.azure
    logged_in = {
        "snowflake": {
            "organizationName": snowflake.organization,
            "accountName": snowflake.account,
            "user": snowflake.user,
            "authenticator": "SNOWFLAKE_JWT",
            "role": "ACCOUNTADMIN",
        },
        "azure-native": {"subscriptionId": azure.subscription_id, "tenantId": azure.tenant_id},
    }
    gone: list[str] = []
    for package, settings in logged_in.items():
        own = [resource for resource in resources if resource[0].startswith(f"{package}:")]
        if not own:
            continue
        address = f"{access.endpoints.host}:{access.endpoints.providers[package]}"
        with grpc.insecure_channel(address) as channel:
            stub = provider_pb2_grpc.ResourceProviderStub(channel)
            arguments = struct_pb2.Struct()
            arguments.update(settings)
            stub.Configure(provider_pb2.ConfigureRequest(args=arguments), timeout=30)
            for type_, id_ in own:
                urn = f"urn:pulumi:rehearse::rehearse::{type_}::rehearse"
                request = provider_pb2.ReadRequest(
                    id=id_, urn=urn, inputs=struct_pb2.Struct(), properties=struct_pb2.Struct()
                )
                if not stub.Read(request, timeout=30).id:
                    gone.append(id_)
    return gone
