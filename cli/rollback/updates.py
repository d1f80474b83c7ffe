"""What is kept of each update: the state as it was before, and the settings that it was made with.

They lie in the stack's folder on the machine that ran the update (`.nexus/<stack>/updates`), closed to other users, 30
of them, and beside a real stack's state too (cli/rollback/beside_state.py). The engine exports its state with all
secrets encrypted under the stack's own key; an export that holds one in the open is refused. An update that changed
nothing pushes none out: it leaves its settings to the one before it.
"""

from __future__ import annotations

import getpass
import gzip
import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cli import configuration, deployment
from cli.failure import BadInputError, FailureError
from cli.place import ROOT, Place
from emulator.private_file import write_private
from policies.graph.resources import SIGNATURE

if TYPE_CHECKING:
    from cli.deployment import Outcome, Request

KEPT: Final = 30
"""Updates that are kept."""
_STATE: Final = ".state.json.gz"
_NEVER_PUT_BACK: Final = frozenset({"keys", "allowances"})
"""A rotated key stays rotated, and what was allowed to be lost was allowed once."""


@dataclass(frozen=True, slots=True)
class SettingsText:
    """One file of settings as it was; `text` is None where there was none."""

    what: str
    path: Path
    text: str | None

    @property
    def put_back(self) -> bool:
        return self.what not in _NEVER_PUT_BACK

    def as_json(self) -> dict[str, Any]:
        path = self.path.relative_to(ROOT) if self.path.is_relative_to(ROOT) else self.path
        return {"what": self.what, "path": str(path), "text": self.text}

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> SettingsText:
        return cls(values["what"], ROOT / values["path"], values["text"])


@dataclass(slots=True)
class Update:
    """One run that wrote the state; `values` is what was written down of it."""

    file: Path
    values: dict[str, Any]

    @property
    def number(self) -> int:
        return int(self.values["number"])

    @property
    def verb(self) -> str:
        return str(self.values["verb"])

    @property
    def begun(self) -> datetime:
        return datetime.fromisoformat(self.values["begun"])

    @property
    def ended(self) -> datetime | None:
        """None where it was killed, or runs yet."""
        return datetime.fromisoformat(self.values["ended"]) if self.values.get("ended") else None

    @property
    def succeeded(self) -> bool:
        return self.values.get("result") == "succeeded"

    @property
    def overrides(self) -> list[str]:
        return list(self.values["overrides"])

    @property
    def settings(self) -> list[SettingsText]:
        return [SettingsText.of(each) for each in self.values["settings"]]

    @property
    def export(self) -> Path:
        """The state before it, as `pulumi stack export` writes it, packed by gzip."""
        return self.file.with_name(self.file.stem + _STATE)

    def state(self) -> dict[str, Any]:
        """The deployment before it, with its secrets encrypted."""
        try:
            exported = json.loads(gzip.decompress(self.export.read_bytes()))
            return dict(exported.get("deployment") or {})
        except (OSError, EOFError, ValueError) as error:
            raise FailureError(f"the export of the state before update {self.number} is damaged: {error}") from None

    def changes(self) -> str:
        """What it changed, in counts."""
        told = ", ".join(f"{count} {what}" for what, count in (self.values.get("changes") or {}).items())
        return told or "no changes"

    def end(self, outcome: Outcome) -> None:
        """Write down how it ended."""
        counts = outcome.progress.totals()
        self.write(
            ended=_now(),
            result="succeeded" if outcome.succeeded else "failed",
            changes={what: count for what, count in sorted(counts.items()) if what != "unchanged" and count},
        )

    def write(self, **more: Any) -> None:
        self.values |= more
        write_private(self.file, json.dumps(self.values, indent=1, ensure_ascii=False) + "\n")

    def forget(self) -> None:
        self.file.unlink(missing_ok=True)
        self.export.unlink(missing_ok=True)


def folder(stack: str) -> Path:
    return Place.of(stack).updates


def kept(stack: str) -> list[Update]:
    """The updates that are known here, the oldest first. Raises `FailureError` where one cannot be read."""
    found = []
    for file in sorted(folder(stack).glob("*.json")):
        try:
            update = Update(file, json.loads(file.read_text(encoding="utf-8")))
            assert update.number == int(file.stem)
            assert isinstance(update.values["settings"], list)
        except (ValueError, KeyError, TypeError, AssertionError):
            raise FailureError(f"{file.name} in {file.parent} is not what was written there: move it away.") from None
        found.append(update)
    return found


def require_own(stack: str) -> None:
    """Raises `BadInputError` where what is kept is of a real stack and this one is embedded, or the other way round.

    `NEXUS_EMBEDDED=prod` tries a real stack; its `destroy` would take along what is kept of the real one.
    """
    known, embedded = kept(stack), deployment.is_embedded(stack)
    if known and bool(known[-1].values.get("embedded", embedded)) != embedded:
        is_, was = ("an embedded", "the real") if embedded else ("the real", "an embedded")
        raise BadInputError(
            f"{Place.of(stack).directory} holds what is kept of {was} stack {stack!r}, and this is {is_} one: "
            "set NEXUS_DIRECTORY to another folder."
        )


# ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def noted(request: Request, settings: Mapping[str, Any], export: str) -> Iterator[Update]:
    """Keep the state and the settings for a run that is done inside; its end is written down by who runs it.

    `settings` is the stack's file as the run has it, and `export` what the engine exported. What breaks off inside
    stays, as an update without an end. Raises `FailureError` where the export holds a secret in the open.
    """
    if _in_the_open(export):
        raise FailureError(
            f"the export of the state of {request.stack!r} holds secrets in the open: it is not kept, and "
            f"`nexus {request.verb}` was not begun. Is its secrets provider the one that `./nexus bootstrap` gave it?"
        )
    update = _begin(request, settings_texts(request.stack, settings), export)
    if not deployment.is_embedded(request.stack):
        from cli.rollback import beside_state

        try:
            beside_state.copy(update, request.stack, KEPT)
        except FailureError:
            update.forget()
            raise
    try:
        yield update
    except BadInputError:
        # It was not begun.
        update.forget()
        raise
    _settle(update, request.stack)


def _begin(request: Request, settings: Sequence[SettingsText], export: str) -> Update:
    where = folder(request.stack)
    where.parent.parent.mkdir(parents=True, exist_ok=True)
    for directory in (where.parent, where):
        directory.mkdir(mode=0o700, exist_ok=True)
    known = [int(file.stem) for file in where.glob("*.json")]
    number = max(known, default=0) + 1
    update = Update(where / f"{number:06d}.json", {"number": number})
    # Packed as fast as it goes: a second of an `up` is not to be spent on it.
    write_private(update.export, gzip.compress(export.encode(), 1))
    update.write(
        verb=request.verb,
        stack=request.stack,
        embedded=deployment.is_embedded(request.stack),
        begun=_now(),
        by=_user(),
        commit=_commit(),
        overrides=list(request.overrides),
        settings=[each.as_json() for each in settings],
    )
    return update


def _settle(update: Update, stack: str) -> None:
    """Keep what an undoing needs, and no more than the newest."""
    *before, last = kept(stack)
    assert last.number == update.number
    idle = update.ended is not None and not update.values["changes"]
    if idle and update.succeeded:
        if before and before[-1].succeeded:
            # What is declared is the same: in the words and by the program of now.
            before[-1].write(**{key: update.values[key] for key in ("settings", "overrides", "commit")})
            update.forget()
    elif idle:
        update.forget()
    for old in kept(stack)[:-KEPT]:
        old.forget()
    for lost in folder(stack).glob(f"*{_STATE}"):
        # Of a run that was killed between its two files.
        if not lost.with_name(lost.name.removesuffix(_STATE) + ".json").exists():
            lost.unlink()


def settings_texts(stack: str, settings: Mapping[str, Any]) -> list[SettingsText]:
    """The files that a stack's settings are in, as they are now: its own, the organisations', and those beside it."""
    from infra.settings import keys_file

    config, project = settings.get("config") or {}, configuration.project()
    place, embedded = Place.of(stack), deployment.is_embedded(stack)
    environment = str(config.get(f"{project}:environment") or stack)
    files = {
        "stack": configuration.stack_file(stack),
        "organizations": ROOT / str(config.get(f"{project}:tenants_file") or "tenants.yaml"),
        "keys": place.keys if embedded else ROOT / keys_file(environment),
    }
    if embedded:
        files |= {"releases": place.releases, "allowances": place.allowances, "adopted": place.adopted}
    return [
        SettingsText(what, path, path.read_text(encoding="utf-8") if path.is_file() else None)
        for what, path in files.items()
    ]


def _in_the_open(export: str) -> bool:
    """Whether a deployment holds a secret that is not encrypted."""
    # Read closely only where the word is there at all: a state has megabytes.
    return '"plaintext"' in export and _holds_plaintext(json.loads(export))


def _holds_plaintext(value: Any) -> bool:
    if isinstance(value, dict):
        return (SIGNATURE in value and "plaintext" in value) or any(map(_holds_plaintext, value.values()))
    return isinstance(value, list) and any(map(_holds_plaintext, value))


def embedded_export(place: Place) -> str:
    """What `pulumi stack export` would print of an embedded stack: the engine's file is at hand."""
    file = deployment.state_file(place)
    if not file.exists():
        return json.dumps({"version": 3, "deployment": {}})
    text = file.read_text(encoding="utf-8")
    known = json.loads(text)
    return json.dumps({"version": known["version"], "deployment": known["checkpoint"].get("latest") or {}})


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # A container whose user has no name.
        return "unknown"


def _commit() -> str | None:
    """The program's commit, with `-dirty` behind it where files differ from it; None where there is no history."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        return None
    done = subprocess.run(
        [git, "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or None


# ── choosing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Undoing:
    """What undoing an update and all after it goes back to: the settings of `target`."""

    update: Update
    target: Update
    others: Sequence[Update]
    """What came after `update`, and is undone with it."""

    @property
    def other_program(self) -> bool:
        """Whether the program was another one then, as far as is known."""
        then, now = self.target.values.get("commit"), self.others[-1].values.get("commit") if self.others else None
        return then != (now or self.update.values.get("commit"))


def undoing(stack: str, wanted: str) -> Undoing:
    """What `--update` means: a number, or `last`. Raises `BadInputError` where it cannot be undone, with the reason."""
    known = kept(stack)
    ups = [each for each in known if each.verb == "up"]
    if not ups:
        raise BadInputError(f"no update of stack {stack!r} is known on this machine: what ran elsewhere is kept there.")
    if wanted != "last" and not wanted.isdigit():
        raise BadInputError(f"--update {wanted}: a number, or last. Known: {_numbers(ups)}.")
    update = ups[-1] if wanted == "last" else next((each for each in ups if each.number == int(wanted)), None)
    if update is None:
        raise BadInputError(f"--update {wanted}: there is no such update here. Known: {_numbers(ups)}.")
    reason = why_not(update, known)
    if reason:
        raise BadInputError(f"update {update.number} cannot be undone: {reason}")
    target = _target(update, known)
    assert target is not None
    return Undoing(update, target, [each for each in ups if each.number > update.number])


def why_not(update: Update, known: Sequence[Update]) -> str:
    """Why an update cannot be undone; empty where it can."""
    if any(each.verb == "destroy" and each.number > update.number for each in known):
        return "the stack was destroyed since. `./nexus up` makes it anew, without what it held."
    if _target(update, known) is not None:
        return ""
    before = update.state().get("resources") or ()
    if all(str(resource["type"]).startswith("pulumi:") for resource in before):
        return "nothing was there before it. `./nexus destroy` removes what it made."
    return f"with which settings the stack was up before it is not known here (kept are {KEPT} updates)."


def _target(update: Update, known: Sequence[Update]) -> Update | None:
    earlier = [each for each in known if each.verb == "up" and each.succeeded and each.number < update.number]
    return earlier[-1] if earlier else None


def _numbers(ups: Sequence[Update]) -> str:
    return ", ".join(str(each.number) for each in ups)
