"""One run of the engine on one stack: the embedded one with its cloud, or a real one with the user's own log-in."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar

import yaml

from cli import configuration, engine, world
from cli.cloud import Cloud, StartingCloud, starting, without_credentials
from cli.console import say
from cli.failure import BadInputError, FailureError
from cli.place import EMBEDDED_STACKS, ROOT, Place
from cli.progress import Problem, Progress
from emulator.collection import collection_deferred
from emulator.lock import HeldError, hold

if TYPE_CHECKING:
    from cli.automation import RunningStack
    from infra.settings import Settings
    from policies.data_loss import Verdict

Verb = Literal["up", "preview", "refresh", "destroy"]
Value = TypeVar("Value")
Program = Callable[[], Any]

CHAOS: Final = "NEXUS_CHAOS"
"""Trouble that the embedded cloud makes on purpose: emulator/chaos.py."""
POLICY_SHIM: Final = "pulumi-analyzer-policy-python"
"""What the engine looks for on PATH to start a Python policy pack where it has no language host."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for."""

    verb: Verb
    stack: str
    expect_no_changes: bool = False
    policy_packs: Sequence[Path] = ()
    overrides: Sequence[str] = ()
    refresh: bool = False
    plan_file: Path | None = None
    """Where a preview writes down what it would do, with what each resource needs."""
    keep_steps: bool = False
    """Whether the steps of a plan are kept in its progress, for whoever tells more of them."""


@dataclass(slots=True)
class Outcome:
    """How a run of the engine ended; `detail` is what it said itself where no event explains a failure."""

    progress: Progress
    succeeded: bool
    interrupted: bool = False
    detail: str = ""
    notes: list[str] = field(default_factory=list)
    verdict: Verdict | None = None
    """What the plan would lose, where there was a plan."""

    @property
    def blocked(self) -> bool:
        """Whether it ended because the plan loses what nobody accepted."""
        return self.verdict is not None and bool(self.verdict.blocked) and self.progress.verb != "destroy"

    def instead_of(self, run: Progress) -> Outcome:
        """This plan's failure as that of the run which it has kept from beginning: none of its changes was made."""
        run.problems += self.progress.problems
        run.violations += self.progress.violations
        run.judged += self.progress.judged
        run.warnings += self.progress.warnings
        run.finish()
        self.progress = run
        return self


def is_embedded(stack: str) -> bool:
    return stack in EMBEDDED_STACKS


# ── the embedded stacks ──────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def only_run(place: Place, verb: str) -> Iterator[None]:
    """Hold the stack for one run. Raises `FailureError`, naming the process, where another has it."""
    try:
        with hold(place.lock, f"nexus {verb} --stack {place.stack}"):
            yield
    except HeldError as held:
        who = held.holder + (f" (process {held.pid})" if held.pid else "")
        raise FailureError(f"stack {place.stack!r} is in use by {who}: wait for it to end.") from None


class EmbeddedRun:
    """An embedded stack made ready for the engine: its configuration, its cloud on the way up, its engine.

    Made inside `embedded_run`; what can be done at the same time is.
    """

    def __init__(
        self, place: Place, settings: dict[str, Any], cloud: StartingCloud, program: Callable[[], Program] | None = None
    ) -> None:
        self.place = place
        self.settings = settings
        self._starting = cloud
        self._program = _InBackground(program or (lambda: no_program))
        self._engine = _InBackground(lambda: engine.acquire(say))
        self._ready = _InBackground(self._prepare_stack)

    def _prepare_stack(self) -> None:
        """Make the stack in its state once, and its configuration for this run."""
        salt = initialise_stack(self.place, self._engine.result)
        settings = dict(self.settings)
        if salt:
            settings["encryptionsalt"] = salt
        configuration.write(settings, self.place.configuration)

    def cloud(self) -> Cloud:
        return self._starting.wait()

    def state(self) -> Mapping[str, Any]:
        """The stack's deployment, with its secrets still encrypted; empty where there is none."""
        return embedded_state(self.place)

    def program(self) -> Any:
        """The program, once the engine calls for it: it is still being imported while the engine starts."""
        return self._program.result()()

    def stack(self, cloud: Cloud, program: Program, on_stop: Callable[[int], None], *, policies: bool) -> RunningStack:
        self._ready.result()
        from cli.automation import EngineCommand, open_stack

        environment = embedded_environment(self.place, cloud.endpoints.debug_providers)
        # The state is written once, at the run's end: the cloud's journal makes that safe.
        environment |= {"PULUMI_EXPERIMENTAL": "true", "PULUMI_SKIP_CHECKPOINTS": "true"}
        if policies:
            environment["PATH"] = os.pathsep.join([str(policy_shim(self.place.directory)), environment["PATH"]])
        command = EngineCommand(self._engine.result(), environment, on_stop)
        return open_stack(self.place.stack, program, ROOT, command)


@contextmanager
def embedded_run(request: Request) -> Iterator[EmbeddedRun]:
    """Check the configuration, then hold the stack and start everything that a run needs."""
    settings = configuration.load(request.stack, request.overrides)
    checked = check_settings(settings)
    place = Place.of(request.stack)
    if request.verb in {"refresh", "destroy"} and place.configuration.exists():
        # No program runs: what stands is as the last run had it, and the next verb is to know that.
        settings = yaml.safe_load(place.configuration.read_text(encoding="utf-8"))
    with only_run(place, request.verb):
        place.prepare()
        world.prepare(place, checked)
        with starting(place) as cloud:
            yield EmbeddedRun(place, settings, cloud, load_program if request.verb in {"up", "preview"} else None)


def checked_settings(request: Request) -> dict[str, Any]:
    """The stack's file with the run's own settings. Raises `BadInputError` with everything that is wrong in it."""
    settings = configuration.load(request.stack, request.overrides)
    check_settings(settings)
    return settings


def check_settings(settings: Mapping[str, Any]) -> Settings:
    """A stack's configuration, checked. Raises `BadInputError` with everything that is wrong in it."""
    from infra.settings import SettingsError, load_settings

    try:
        return load_settings(settings.get("config") or {}, ROOT)
    except SettingsError as error:
        raise BadInputError(str(error)) from None


def embedded_environment(place: Place, debug_providers: str | None) -> dict[str, str]:
    """What the engine runs in: the user's environment without credentials or settings of Pulumi's own but ours."""
    environment = without_credentials(os.environ)
    environment.setdefault("PATH", os.defpath)
    return environment | embedded_variables(place, debug_providers)


def embedded_variables(place: Place, debug_providers: str | None) -> dict[str, str]:
    """Pulumi's settings for an embedded stack, the same for our runs and for a plain `pulumi`."""
    variables = {
        "PULUMI_BACKEND_URL": place.state.as_uri(),
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(place.passphrase),
        "PULUMI_HOME": str(place.pulumi_home),
        # The engine keeps the state's encryption salt in the stack's file: this copy, not the committed one.
        "PULUMI_OPTION_CONFIG_FILE": str(place.configuration),
        "PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER": "true",
        "PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": "true",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        # Every provider is attached: one that is not is a mistake, and must not be fetched from the network.
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    }
    if debug_providers:
        variables["PULUMI_DEBUG_PROVIDERS"] = debug_providers
    return variables


def state_file(place: Place) -> Path:
    return place.state / ".pulumi" / "stacks" / configuration.project() / f"{place.stack}.json"


def embedded_state(place: Place) -> dict[str, Any]:
    """An embedded stack's deployment, with its secrets still encrypted; empty where there is none."""
    file = state_file(place)
    if not file.exists():
        return {}
    # The engine's own file: asking the engine for it would take longer than all the rest.
    checkpoint: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))["checkpoint"]
    return checkpoint.get("latest") or {}


def initialise_stack(place: Place, engine_: Callable[[], engine.Engine]) -> str | None:
    """Make the stack in its own state if it is not there, and return the state's encryption salt.

    Making a stack writes the salt into the stack's file. So it is made in a folder of copies, and the
    committed file stays as it is.
    """
    if state_file(place).exists():
        if not place.configuration.exists():
            return None
        salt = (yaml.safe_load(place.configuration.read_text(encoding="utf-8")) or {}).get("encryptionsalt")
        return str(salt) if salt else None
    with tempfile.TemporaryDirectory(dir=place.directory, prefix="init-") as folder:
        shutil.copy(ROOT / "Pulumi.yaml", folder)
        environment = embedded_environment(place, None)
        del environment["PULUMI_OPTION_CONFIG_FILE"]
        done = subprocess.run(
            [
                *(str(engine_().path), "stack", "init", place.stack, "--non-interactive", "--no-select"),
                *("--secrets-provider", "passphrase"),
            ],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise FailureError(f"the engine cannot make stack {place.stack!r}:\n{done.stderr.strip()}")
        made = yaml.safe_load((Path(folder) / f"Pulumi.{place.stack}.yaml").read_text(encoding="utf-8"))
        return str(made["encryptionsalt"])


def policy_shim(directory: Path) -> Path:
    """A folder for PATH with the executable that starts Python policy packs in this environment."""
    folder = directory / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    if os.name == "nt":
        file = folder / f"{POLICY_SHIM}.cmd"
        text = f'@"{sys.executable}" -u -m pulumi.policy %1 %2\n'
    else:
        file = folder / POLICY_SHIM
        text = f'#!/bin/sh\nexec \'{sys.executable}\' -u -m pulumi.policy "$1" "$2"\n'
    if not file.exists() or file.read_text(encoding="utf-8") != text:
        file.write_text(text, encoding="utf-8")
        file.chmod(0o755)
    return folder


class _InBackground(Generic[Value]):
    """Does something on a thread while others are done; `result` waits for it, and raises what it raised."""

    def __init__(self, do: Callable[[], Value]) -> None:
        self._do = do
        self._value: list[Value] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._value.append(self._do())
        except BaseException as error:
            self._error = error

    def result(self) -> Value:
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._value[0]


# ── locks and journals that a killed run leaves ──────────────────────────────────────────────────────────────────────


def engine_locks(place: Place) -> list[tuple[Path, int]]:
    """The engine's own locks on the state, each with the process that made it (0 where that cannot be read)."""
    locks: list[tuple[Path, int]] = []
    for file in sorted((place.state / ".pulumi" / "locks").rglob("*.json")):
        try:
            locks.append((file, int(json.loads(file.read_text(encoding="utf-8"))["pid"])))
        except (ValueError, KeyError, TypeError):
            locks.append((file, 0))
    return locks


def clear_stale_engine_locks(place: Place) -> list[str]:
    """Remove the engine's locks whose process is gone. Raises `FailureError` for one that stays alive."""
    import psutil

    removed = []
    for file, pid in engine_locks(place):
        if pid and psutil.pid_exists(pid):
            process = psutil.Process(pid)
            try:
                # A run that was killed may leave its engine behind, which ends by itself and writes its state.
                process.wait(timeout=30)
            except psutil.TimeoutExpired:
                raise FailureError(
                    f"stack {place.stack!r} is in use by {process.name()} (process {pid}): wait for it to end."
                ) from None
            except psutil.NoSuchProcess:
                pass
        if file.exists():
            file.unlink()
            file.with_name(file.name + ".attrs").unlink(missing_ok=True)
            removed.append(f"removed the lock of a killed engine (process {pid})")
    return removed


def known_resources(stack: RunningStack) -> list[tuple[str, str]]:
    """URN and id of all that the stack's state has."""
    deployment = stack.export_stack().deployment or {}
    return [(resource["urn"], resource.get("id", "")) for resource in deployment.get("resources") or []]


_LINES: Final = 5
"""How many of the changes that are taken back are told one by one."""


def recover(cloud: Cloud, stack: RunningStack) -> bool:
    """Take back what an unfinished run did and the state does not know. Says whether there was one.

    Raises `FailureError` where something could not be taken back.
    """
    run = cloud.control("run")["run"]
    if run is None:
        return False
    say(f"The run {run['command']!r} (process {run['pid']}) was killed: taking back what the state does not know")
    answer = cloud.control("run/recover", {"run": run["id"], "known": known_resources(stack)})
    for line in answer["done"][:_LINES]:
        say(f"  {line}")
    if len(answer["done"]) > _LINES:
        say(f"  … and {len(answer['done']) - _LINES} more")
    if answer["failed"]:
        raise FailureError(
            "what a killed run did could not all be taken back:\n"
            + "\n".join(f"  {line}" for line in answer["failed"])
            + "\n`./nexus destroy` throws the embedded cloud away."
        )
    return True


# ── runs ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def load_program() -> Program:
    """The program that declares the platform. Importing it takes most of a run's start: do it while others start."""
    from cli import lean_sdk

    lean_sdk.install()
    with collection_deferred():
        import pulumi

        from infra.program import program

        # Now, while others start, and not in the middle of the program, while the engine waits.
        lean_sdk.load_named([module for name, module in list(sys.modules.items()) if name.startswith("components.")])

    # What an awaited inline program returns is dropped; only `pulumi.run` exports it, as in `__main__.py`.
    return lambda: pulumi.run(program)


def no_program() -> None:
    """For runs that read or remove what the state has: the engine does not ask for the program."""


def run_embedded(request: Request, run: EmbeddedRun, progress: Progress, *, program: Program | None = None) -> Outcome:
    """Run the engine on an embedded stack, with what a killed run left taken care of before."""
    notes = clear_stale_engine_locks(run.place)
    stop = _Stop()
    cloud = run.cloud()
    chaos = cloud.control("status")["chaos"]
    if cloud.attached and os.environ.get(CHAOS) and (chaos is None or chaos["asked"] != os.environ[CHAOS]):
        raise BadInputError(
            f"{CHAOS} is for a cloud that a run starts: give it to `./nexus serve`, which keeps one up."
        )
    stack = run.stack(cloud, program or run.program, stop.ask, policies=bool(request.policy_packs))
    if request.verb == "preview":
        if cloud.control("status")["run"] is not None:
            notes.append("the last run was killed: the next `./nexus up` takes back what it left, then finishes it")
        settings = check_settings(run.settings)
        outcome = plan(request, stack, progress, run.place.configuration, settings, run.state)
        if outcome.succeeded and program is None:
            _note_judged(request, run, settings)
    else:
        recover(cloud, stack)
        if request.verb == "destroy":
            _let_go_of_retained(run)
        begun = cloud.control("run", {"command": f"nexus {request.verb}", "pid": os.getpid()})
        refresh = request.refresh or bool(begun["refresh_due"])
        if request.verb == "up":
            # What is remembered as judged is this repository's program.
            outcome = _embedded_up(request, run, stack, progress, refresh=refresh, known=program is None)
        else:
            outcome = run_engine(request, stack, progress, run.place.configuration, refresh=refresh)
        _close_run(cloud, stack, begun["run"]["id"], outcome, refreshed=refresh or request.verb == "refresh")
    outcome.interrupted = stop.asked > 0
    outcome.notes[:0] = notes
    if chaos is not None:
        outcome.notes.append(_chaos_note(chaos, cloud))
    obituary = None if outcome.succeeded else cloud.obituary()
    if obituary:
        outcome.progress.problems.append(Problem("", obituary))
    return outcome


def _let_go_of_retained(run: EmbeddedRun) -> None:
    """Lift the protection of what the stack took over and leaves standing: with the stack, only its state goes.

    On a real stack a person does that. An embedded cloud is thrown away afterwards.
    """
    for resource in run.state().get("resources") or ():
        if not (resource.get("protect") and resource.get("retainOnDelete")):
            continue
        done = subprocess.run(
            [
                *(str(engine.acquire(say).path), "state", "unprotect", resource["urn"], "--yes"),
                *("--stack", run.place.stack, "--non-interactive"),
            ],
            cwd=ROOT,
            env=embedded_environment(run.place, None),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise FailureError(f"the engine cannot lift the protection: {done.stderr.strip()}")


def _embedded_up(
    request: Request, run: EmbeddedRun, stack: RunningStack, progress: Progress, *, refresh: bool, known: bool
) -> Outcome:
    """`up` behind its plan: judged by the policies, and by what it would lose.

    No plan is made where neither could find anything: this was judged before, and there is nothing to lose (an empty
    state, or all as the last `up` left it).
    """
    from cli import guard, judgement

    settings, place = check_settings(run.settings), run.place
    program = guard.inputs_digest(settings)
    verdict: Verdict | None = guard.nothing_lost(settings)
    judged = not request.policy_packs or (known and judgement.is_judged(place, program, request.policy_packs))
    if not (judged and _nothing_to_lose(run, program, refresh)):
        progress.planning = Progress("preview")
        planned = plan(request, stack, progress.planning, place.configuration, settings, run.state, refresh=refresh)
        progress.planning = None
        if not planned.succeeded:
            return planned.instead_of(progress)
        verdict = planned.verdict
        if known:
            judgement.note_passed(place, program, request.policy_packs)
    place.guarded.unlink(missing_ok=True)
    # Judged by now: nothing is found by judging the same again while it is written.
    unjudged = replace(request, policy_packs=())
    outcome = run_engine(unjudged, stack, progress, place.configuration, refresh=refresh)
    outcome.verdict = verdict
    if outcome.succeeded:
        brought_to = {"program": program, "state": _digest(state_file(place))}
        place.guarded.write_text(json.dumps(brought_to), encoding="utf-8")
    return outcome


def _note_judged(request: Request, run: EmbeddedRun, settings: Settings) -> None:
    from cli import guard, judgement

    if request.policy_packs:
        judgement.note_passed(run.place, guard.inputs_digest(settings), request.policy_packs)


def _nothing_to_lose(run: EmbeddedRun, program: str, refresh: bool) -> bool:
    place = run.place
    # The stack itself and providers hold nothing.
    if all(resource["type"].startswith("pulumi:") for resource in run.state().get("resources") or ()):
        return True
    if refresh or not place.guarded.exists():
        return False
    return bool(
        json.loads(place.guarded.read_text(encoding="utf-8"))
        == {"program": program, "state": _digest(state_file(place))}
    )


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _chaos_note(before: Mapping[str, Any], cloud: Cloud) -> str:
    """What the cloud did on purpose during a run."""
    try:
        now = cloud.control("status")["chaos"]
    except FailureError:
        return f"the embedded cloud made trouble on purpose ({CHAOS}: {before['asked']})"
    happened = ", ".join(
        f"{mode.removesuffix('-every')} {count - before['happened'][mode]}" for mode, count in now["happened"].items()
    )
    return (
        f"the embedded cloud made trouble on purpose ({CHAOS}: {now['asked']}): of "
        f"{now['changes'] - before['changes']} changes: {happened}; "
        f"{now['waited'] - before['waited']} s of waiting, which nobody waited"
    )


def _close_run(cloud: Cloud, stack: RunningStack, run: int, outcome: Outcome, *, refreshed: bool) -> None:
    """End the journal's run, unless the state lacks something that was created: then the next start recovers."""
    try:
        if not outcome.succeeded:
            unknown = cloud.control("run/unknown", {"run": run, "known": known_resources(stack)})["operations"]
            if unknown:
                outcome.notes.append(
                    f"the engine ended without writing down {len(unknown)} resources it had created: "
                    "the next run takes them back first"
                )
                return
        cloud.control("run/end", {"run": run, "refreshed": refreshed and outcome.succeeded})
    except (FailureError, OSError) as error:
        if outcome.succeeded:
            raise
        outcome.notes.append(f"the run stays open, and the next one looks into it: {str(error).splitlines()[0]}")


class _Stop:
    """Counts how often the user asked the run to stop, and says what that does."""

    def __init__(self) -> None:
        self.asked = 0

    def ask(self, times: int) -> None:
        self.asked = times
        if times == 1:
            say("Stopping after the steps that are under way (Ctrl-C again: at once)")


def run_engine(
    request: Request,
    stack: RunningStack,
    progress: Progress,
    config_file: Path | None,
    *,
    refresh: bool = False,
    preview: bool = False,
) -> Outcome:
    """One run of the engine. `preview` asks for the plan of `up`, `refresh` or `destroy` instead."""
    from pulumi.automation.errors import CommandError

    from cli import judgement

    common: dict[str, Any] = {"on_event": progress.on_event, "color": "never", "suppress_progress": True}
    if config_file is not None:
        common["config_file"] = str(config_file)
    planned: dict[str, Any] = {
        "policy_packs": [str(pack) for pack in request.policy_packs] or None,
        "policy_pack_configs": judgement.configurations(request.stack, request.policy_packs),
        "expect_no_changes": request.expect_no_changes or None,
    }
    problem = ""
    try:
        if request.verb == "preview" or (preview and request.verb == "up"):
            plan_file = str(request.plan_file) if request.plan_file is not None else None
            stack.preview(**common, **planned, refresh=refresh or None, plan=plan_file)
        elif request.verb == "up":
            stack.up(**common, **planned, refresh=refresh or None, suppress_outputs=True)
        elif request.verb == "refresh":
            # A preview of it writes nothing.
            stack.refresh(
                **common,
                expect_no_changes=request.expect_no_changes or None,
                run_program=False,
                preview_only=preview,
            )
        elif preview:
            stack.preview_destroy(**common, run_program=False)
        else:
            stack.destroy(**common, refresh=refresh or None, run_program=False, suppress_outputs=True)
    except CommandError as error:
        problem = str(error)
    finally:
        progress.finish()
    return Outcome(progress, not problem, detail=problem)


def plan(
    request: Request,
    stack: RunningStack,
    progress: Progress,
    config_file: Path | None,
    settings: Settings,
    state: Callable[[], Mapping[str, Any]],
    *,
    refresh: bool = False,
) -> Outcome:
    """A plan with what it would lose: one that loses what nobody accepted has failed; that of `destroy` says it."""
    from cli import guard

    progress.steps = []
    outcome = run_engine(request, stack, progress, config_file, refresh=refresh, preview=True)
    outcome.verdict = guard.judge(progress, settings, state)
    if not request.keep_steps:
        progress.steps = None
    outcome.succeeded = outcome.succeeded and not outcome.blocked
    return outcome


# ── real stacks ──────────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def real_stack(request: Request, settings: dict[str, Any]) -> Iterator[tuple[RunningStack, Path | None, _Stop]]:
    """A stack of the user's own backend, log-in and cloud credentials, all of them as they are."""
    found = engine.acquire(say)
    from cli.automation import EngineCommand, open_stack

    stop = _Stop()
    environment = dict(os.environ) | {"PULUMI_SKIP_UPDATE_CHECK": "true"}
    with ExitStack() as stack:
        config_file: Path | None = None
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nexus-")))
        if request.overrides:
            config_file = work / f"Pulumi.{request.stack}.yaml"
            configuration.write(settings, config_file)
        if request.policy_packs and shutil.which("pulumi-language-python", path=_path_with(found)) is None:
            environment["PATH"] = os.pathsep.join([str(policy_shim(work)), environment.get("PATH", "")])
        program = load_program() if request.verb in {"up", "preview"} else no_program
        command = EngineCommand(found, environment, stop.ask)
        yield open_stack(request.stack, program, ROOT, command), config_file, stop


def _path_with(found: engine.Engine) -> str:
    return os.pathsep.join([str(found.path.parent), os.environ.get("PATH", "")])


# ── what to tell of a failure ────────────────────────────────────────────────────────────────────────────────────────

# The engine tells a program's failure twice: as it was logged, and as the end of the run.
_AGAIN: Final = "an unhandled error occurred: "
_NOT_SEEN: Final = re.compile(r"resource '.*' does not exist$")
_NOT_SEEN_HINT: Final = (
    "; it is to be imported, and either it is gone, or the role that declares it does not own it and cannot see it: "
    "./nexus adopt tells which"
)
_DEFECT: Final = re.compile(r"^python inline source runtime error: (.*?)\nTraceback", re.DOTALL)


_NO_BACKEND: Final = "PULUMI_ACCESS_TOKEN must be set"
_NO_BACKEND_HINT: Final = (
    "; nobody has said where the stack's state lies: set PULUMI_BACKEND_URL (./nexus bootstrap makes the place, and "
    "prints the line)"
)


def with_hint(said: str) -> str:
    """The engine's words, and what to do where they do not tell it."""
    said = said.strip()
    return said + _NO_BACKEND_HINT if _NO_BACKEND in said else said


def explain(outcome: Outcome, log: Path) -> list[Problem]:
    """The problems of a failed run, each once, without a traceback; the engine's own words go to `log`."""
    problems: list[Problem] = []
    if outcome.blocked and outcome.verdict is not None:
        from cli import guard

        problems += guard.as_problems(outcome.verdict)
    told: set[str] = set()
    for problem in outcome.progress.problems:
        message = problem.message.removeprefix(_AGAIN)
        repeated = message in told
        told.add(message)
        if repeated and message != problem.message:
            continue
        defect = _DEFECT.match(message)
        if _NOT_SEEN.search(message):
            message += _NOT_SEEN_HINT
        if defect:
            message = f"the program failed: {defect[1]} (its trace: {log})"
        problems.append(Problem(problem.urn, message))
    if outcome.detail:
        log.parent.mkdir(parents=True, exist_ok=True)
        words = "\n".join(str(problem) for problem in outcome.progress.problems)
        log.write_text(f"{words}\n\n{outcome.detail}\n", encoding="utf-8")
    if not problems and not outcome.progress.violations:
        errors = re.findall(r"^\s*(?:stderr: )?error: (.+)$", outcome.detail, re.MULTILINE)
        problems += [Problem("", with_hint(text)) for text in dict.fromkeys(errors)] or [
            Problem("", f"the engine failed; what it said is in {log}")
        ]
    return problems
