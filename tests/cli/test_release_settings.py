"""What release, promote and rollback make of an app's settings, and where they write it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from cli import configuration
from cli.__main__ import main
from cli.failure import BadInputError
from cli.place import Place
from cli.release import Images, SettingsFile, promoted, released, rolled_back

STABLE = Images("app:1")
CANARY = Images("app:1", "app:2", 10)
PROMOTED = Images("app:2", previous="app:1")


@pytest.mark.parametrize(
    ("before", "step", "after"),
    [
        (STABLE, lambda now: released(now, "app:2", None), PROMOTED),
        (STABLE, lambda now: released(now, "app:2", 10), CANARY),
        (CANARY, lambda now: released(now, "app:2", 50), Images("app:1", "app:2", 50)),
        (CANARY, lambda now: released(now, "app:2", None), PROMOTED),
        (CANARY, promoted, PROMOTED),
        (CANARY, rolled_back, Images("app:1", "app:2", 0)),
        (PROMOTED, rolled_back, Images("app:1", "app:2", 0)),
        (PROMOTED, lambda now: released(now, "app:3", 5), Images("app:2", "app:3", 5, "app:1")),
        # What was taken back gives way to the next, or comes again.
        (Images("app:1", "app:2", 0), lambda now: released(now, "app:3", 5), Images("app:1", "app:3", 5)),
        (Images("app:1", "app:2", 0), lambda now: released(now, "app:2", 5), Images("app:1", "app:2", 5)),
        # The image of before may be released again: it is not before itself.
        (PROMOTED, lambda now: released(now, "app:1", 5), Images("app:2", "app:1", 5)),
    ],
)
def test_each_step_from_each_state(before: Images, step: Callable[[Images], Images], after: Images) -> None:
    assert step(before) == after


@pytest.mark.parametrize(
    ("before", "step", "said"),
    [
        (STABLE, lambda now: released(now, "app:1", None), "is out already: it is the stable image"),
        (CANARY, lambda now: released(now, "app:2", 10), "is out already, as a canary of 10 %"),
        (CANARY, lambda now: released(now, "app:3", 10), r"app:2 is a canary already \(10 %\)"),
        (CANARY, lambda now: released(now, "app:3", None), "promote` or `./nexus rollback` first"),
        (STABLE, promoted, "there is no canary to promote"),
        (Images("app:1", "app:2", 0), promoted, r"no canary to promote \(app:2 was taken back\)"),
        (STABLE, rolled_back, "nothing came before app:1"),
        (Images("app:1", "app:2", 0), rolled_back, "app:2 was taken back already: app:1 has all requests"),
    ],
)
def test_a_step_that_does_not_fit_is_refused(before: Images, step: Callable[[Images], Images], said: str) -> None:
    with pytest.raises(BadInputError, match=said):
        step(before)


def test_settings_are_read_as_they_are_written() -> None:
    for images in (STABLE, CANARY, PROMOTED, Images("app:1", "app:2", 0, "app:0")):
        assert Images.of({key: value for key, value in images.settings().items() if value is not None}) == images


@pytest.fixture
def real_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    text = configuration.stack_file("prod").read_text(encoding="utf-8")
    (tmp_path / "Pulumi.prod.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "Pulumi.prod.yaml").chmod(0o640)
    monkeypatch.setattr(configuration, "stack_file", lambda stack: tmp_path / f"Pulumi.{stack}.yaml")
    return tmp_path / "Pulumi.prod.yaml"


def test_a_real_stacks_own_file_is_changed_and_can_be_put_back(real_file: Path) -> None:
    committed = real_file.read_text(encoding="utf-8")
    before = Images.of(yaml.safe_load(committed)["config"]["nexuschat:apps"]["backend"])
    file = SettingsFile.of("prod", "backend")
    with file.kept():
        file.write(before, released(before, "new:2", 10))
        changed = real_file.read_text(encoding="utf-8")
        settings = yaml.safe_load(changed)["config"]["nexuschat:apps"]["backend"]
        assert settings["release"] == {"image": "new:2", "weight": 10}
        assert len(changed.splitlines()) == len(committed.splitlines()) + 1
        file.restore()
    assert real_file.read_text(encoding="utf-8") == committed
    assert real_file.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in real_file.parent.iterdir()] == ["Pulumi.prod.yaml"]


def test_what_breaks_off_leaves_the_file_as_it_was(real_file: Path) -> None:
    committed = real_file.read_text(encoding="utf-8")
    file = SettingsFile.of("prod", "backend")

    def break_off() -> None:
        with file.kept():
            file.write(Images(""), Images("new:2"))
            assert real_file.read_text(encoding="utf-8") != committed
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        break_off()
    assert real_file.read_text(encoding="utf-8") == committed


def test_an_embedded_stacks_releases_lie_beside_it_and_count_in_every_run(place: Place) -> None:
    place.directory.mkdir(parents=True)
    committed = configuration.load("local")["config"]["nexuschat:apps"]
    before = Images.of(committed["site"])
    file = SettingsFile.of("local", "site")
    with file.kept():
        file.write(before, released(before, "new:2", None))
    apps = configuration.load("local")["config"]["nexuschat:apps"]
    assert apps["site"] == {**committed["site"], "image": "new:2", "previous": before.image}
    assert apps["backend"] == committed["backend"]
    assert Images.of(apps["site"]) == released(before, "new:2", None)


def test_a_stack_that_is_not_up_has_nothing_to_release(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["release", "--app", "backend", "--image", "videxa.azurecr.io/agentnexus-backend:2.0.0"]) == 1
    assert "is not up: `./nexus up` brings it up" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["release", "--app", "database", "--image", "x:1"], "database"),
        (["release", "--app", "backend", "--image", "x:1", "--canary", "100"], "equal to 99"),
        (["promote"], "--app"),
        (["rollback", "--app", "backend", "--stack", "prod"], "nobody can be asked here: give --yes"),
    ],
)
def test_bad_input_is_refused(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert said in capsys.readouterr().err
