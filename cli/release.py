"""`nexus release`, `promote`, `rollback --app`: another image for an app, as a declared change of the stack's settings.

An app's settings hold its stable `image`, beside it perhaps a canary (`release`, with its weight in per cent) and the
image of before (`previous`). Each verb changes just those in the stack's file, shows what the engine would do, has the
engine do it, and verifies. Where that fails, the settings go back and the engine undoes what it did.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer
import yaml

from cli import configuration, deployment, options, run
from cli.access import stack_access
from cli.console import answer, console, errors
from cli.failure import BadInputError
from cli.place import Place
from cli.progress import Problem, show_problems
from cli.settings_change import Runner, Story, kept_up
from cli.settings_file import KeptFile, edited, replace_text
from cli.verify.state import DeclaredResource

APPS: Final = "apps"
KEYS: Final = ("image", "release", "previous")
"""The settings of an app that these verbs change."""
_CONTAINER_APP: Final = "azure-native:app:ContainerApp"


class App(StrEnum):
    """The applications that run several revisions, by their key in the settings. (The search index has one replica.)"""

    BACKEND = "backend"
    SITE = "site"
    CHAT = "chat"


AppOption = Annotated[App, typer.Option("--app", help="The application, as in the settings.")]


def command(
    app: AppOption,
    image: Annotated[str, typer.Option(help="The new image: registry/repository:tag, or @sha256:… instead of a tag.")],
    canary: Annotated[
        int | None, typer.Option(min=1, max=99, help="Give it this percentage of the traffic, beside the stable image.")
    ] = None,
    stack: options.Stack = "local",
    yes: options.Yes = False,
    as_json: options.Json = False,
    policy_pack: options.PolicyPacks = None,
    set_: options.Overrides = None,
) -> None:
    """Release an app's new image, at once or as a canary beside the stable one.

    Example: ./nexus release --app backend --image videxa.azurecr.io/agentnexus-backend:1.1.0 --canary 10
    """
    change = Change("release", stack, app.value, lambda current: released(current, image, canary))
    carry_out(change, yes=yes, as_json=as_json, packs=policy_pack, overrides=set_ or ())


def promote(
    app: AppOption,
    stack: options.Stack = "local",
    yes: options.Yes = False,
    as_json: options.Json = False,
    policy_pack: options.PolicyPacks = None,
    set_: options.Overrides = None,
) -> None:
    """Give an app's canary all of the traffic; the image of before stays known for a rollback.

    Example: ./nexus promote --app backend
    """
    carry_out(
        Change("promote", stack, app.value, promoted), yes=yes, as_json=as_json, packs=policy_pack, overrides=set_ or ()
    )


# ── the settings ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Images:
    """What an app's settings say of its images. `canary` has `weight` per cent of the requests; with none of them it is
    one that was taken back, whose revision is kept."""

    image: str
    canary: str | None = None
    weight: int = 0
    previous: str | None = None

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Images:
        release = settings.get("release") or {}
        return cls(
            str(settings.get("image") or ""),
            release.get("image"),
            int(release.get("weight") or 0),
            settings.get("previous"),
        )

    @property
    def newest(self) -> str:
        """The image that the app's template has."""
        return self.canary or self.image

    def changes(self, before: Images) -> dict[str, Any]:
        """The settings' keys that differ from `before`; None removes one."""
        return {key: value for key, value in self.settings().items() if value != before.settings()[key]}

    def settings(self) -> dict[str, Any]:
        return {
            "image": self.image,
            "release": {"image": self.canary, "weight": self.weight} if self.canary else None,
            "previous": self.previous,
        }

    def told(self) -> str:
        """All of it in one line."""
        parts = [f"{self.image} {100 - self.weight} %"]
        if self.canary:
            parts.append(f"{self.canary} {self.weight} %")
        if self.previous:
            parts.append(f"{self.previous} kept ready")
        return ", ".join(parts)


def released(current: Images, image: str, canary: int | None) -> Images:
    """Raises `BadInputError` where it is out already, or another canary is."""
    if current.weight and current.canary != image:
        raise BadInputError(
            f"{current.canary} is a canary already ({current.weight} %): `./nexus promote` or `./nexus rollback` first."
        )
    if image == current.image:
        raise BadInputError(f"{image} is out already: it is the stable image.")
    if canary is None:
        return Images(image, previous=current.image)
    if (current.canary, current.weight) == (image, canary):
        raise BadInputError(f"{image} is out already, as a canary of {canary} %.")
    return Images(current.image, image, canary, None if current.previous == image else current.previous)


def promoted(current: Images) -> Images:
    """Raises `BadInputError` where there is no canary."""
    if not current.weight or current.canary is None:
        taken_back = f" ({current.canary} was taken back)" if current.canary else ""
        raise BadInputError(
            f"there is no canary to promote{taken_back}: `./nexus release --canary 10 --image …` makes one."
        )
    return Images(current.canary, previous=current.image)


def rolled_back(current: Images) -> Images:
    """The earlier image has everything again; the later one's revision is kept, without requests.

    Its revision names the app's template: to leave it out would ask Azure for a second revision under the first one's
    name, which it refuses. Raises `BadInputError` where nothing earlier is known.
    """
    if current.canary is not None and current.weight:
        return Images(current.image, current.canary, 0, current.previous)
    if current.canary is not None:
        raise BadInputError(f"{current.canary} was taken back already: {current.image} has all requests.")
    if current.previous is None:
        raise BadInputError(
            f"nothing came before {current.image}: the settings know no earlier image (`previous`) and no canary."
        )
    return Images(current.previous, current.image, 0)


# ── carrying it out ──────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Change:
    """One verb on one app. Raises `BadInputError` from `decide` where it does not fit what is out."""

    verb: str
    stack: str
    app: str
    decide: Callable[[Images], Images]


@dataclass
class AppStory(Story):
    """What was done to one app. `out` is what its settings say in the end."""

    out: Images = field(default_factory=lambda: Images(""))
    traffic: list[str] = field(default_factory=list)


def carry_out(change: Change, *, yes: bool, as_json: bool, packs: list[Path] | None, overrides: Sequence[str]) -> None:
    """Plan, apply and verify one change of settings; undo it where it fails."""
    story = AppStory()
    runner = Runner(change.verb, change.app, change.stack, overrides, run.policy_packs(packs), as_json, story)
    runner.require_somebody(yes)
    settings = configuration.load(change.stack, overrides)
    deployment.check_settings(settings)
    before = images_of(settings, change.app)
    after = story.out = change.decide(before)
    if not as_json:
        console().print(f"{change.app}: {before.told()}\n{' ' * len(change.app)}→ {after.told()}", markup=False)
    file = SettingsFile.of(change.stack, change.app)

    def restore() -> None:
        story.out = before
        file.restore()

    def undo() -> None:
        if before.newest != after.newest and _image(_declared_app(change)) == after.newest:
            # The newer revision stands: its requests go back, it stays.
            story.out = rolled_back(after)
            file.write(before, story.out)
        else:
            restore()

    with kept_up(change.stack):
        runner.verify_before()
        with file.kept():
            file.write(before, after)
            # A rollback is itself the undoing: what is wrong after it is told, and left to who called for it.
            if runner.apply(yes=yes, restore=restore, undo=None if change.verb == "rollback" else undo):
                story.traffic = _traffic(_declared_app(change))
    if as_json:
        told = {"stack": change.stack, "verb": change.verb, "app": change.app, **story.as_json()}
        answer(told | {"before": before.settings(), "after": story.out.settings(), "traffic": story.traffic})
    else:
        _conclude(change, story, file, after)
    if story.problems:
        raise typer.Exit(1)


def _conclude(change: Change, story: AppStory, file: SettingsFile, after: Images) -> None:
    show_problems("Errors", [Problem("", problem) for problem in story.problems], errors())
    if story.undone:
        console().print(f"{change.app}: undone; what is out: {story.out.told()}", markup=False)
        return
    if story.problems:
        console().print(f"{change.app}: failed, and not undone", markup=False)
        return
    for line in story.traffic:
        console().print(f"  {line}", markup=False)
    if change.verb == "rollback":
        console().print(f"{change.app}: back from {after.canary} to {after.image}", markup=False)
    if not deployment.is_embedded(change.stack):
        console().print(f"Commit {file.path.name}: it declares what is out now.", markup=False)


def _declared_app(change: Change) -> DeclaredResource | None:
    """The app as the stack's state has it."""
    with stack_access(change.stack) as access:
        state, outputs = access.state()
    name = outputs["apps"][change.app]["name"]
    return next((found for found in state.of_type(_CONTAINER_APP) if found.outputs.get("name") == name), None)


def _image(app: DeclaredResource | None) -> str | None:
    containers = ((app.inputs.get("template") or {}).get("containers") or []) if app else []
    return containers[0].get("image") if containers else None


def _traffic(app: DeclaredResource | None) -> list[str]:
    """Where an app's requests go: each revision with its share."""
    if app is None:
        return []
    ingress = (app.inputs.get("configuration") or {}).get("ingress") or {}
    newest = app.outputs.get("latestRevisionName") or "the newest revision"
    return [f"{share.get('revisionName') or newest} {share['weight']:g} %" for share in ingress.get("traffic") or ()]


def images_of(settings: Mapping[str, Any], app: str) -> Images:
    """What a stack's settings say of an app's images."""
    apps = (settings.get("config") or {}).get(f"{configuration.project()}:{APPS}") or {}
    return Images.of(apps.get(app) or {})


@dataclass
class SettingsFile(KeptFile):
    """Where an app's images are declared: the stack's own file, or beside an embedded stack, which is not committed."""

    app: str
    embedded: bool

    @classmethod
    def of(cls, stack: str, app: str) -> SettingsFile:
        embedded = deployment.is_embedded(stack)
        file = KeptFile.read(Place.of(stack).releases if embedded else configuration.stack_file(stack))
        return cls(file.path, file.before, app, embedded)

    def write(self, before: Images, after: Images) -> None:
        """Declare `after`; `before` is what the file said when it was read."""
        text = self.before or ""
        if self.embedded:
            known = yaml.safe_load(text) or {}
            text = yaml.safe_dump({**known, self.app: after.settings()}, sort_keys=False)
        else:
            path = ("config", f"{configuration.project()}:{APPS}", self.app)
            text = edited(text, path, after.changes(before))
        replace_text(self.path, text)
