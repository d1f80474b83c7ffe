"""Undo a stack's update: the settings and the organisations' file as they were; planned, shown, applied, verified."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import typer
import yaml
from rich.markup import escape

from cli import deployment, guard, run
from cli.access import declared_state
from cli.console import answer, console, errors
from cli.failure import BadInputError
from cli.progress import Problem, show_problems
from cli.rollback import updates
from cli.rollback.lost import losses
from cli.rollback.updates import SettingsText, Undoing
from cli.settings_change import Runner, kept_up
from cli.settings_file import KeptFile, edited, replace_text
from policies.data_loss import Finding

_OF_THE_STATE: Final = ("encryptionsalt", "encryptedkey", "secretsprovider")
"""What a stack's file says of the key that the state's secrets are encrypted under."""


@dataclass
class Change:
    """A file and what it is to say; `text` is None where it is to go."""

    file: KeptFile
    what: str
    text: str | None

    def write(self) -> None:
        if self.text is None:
            self.file.path.unlink(missing_ok=True)
        else:
            replace_text(self.file.path, self.text)


def undo_update(
    stack: str, wanted: str, *, yes: bool, as_json: bool, packs: list[Path] | None, overrides: Sequence[str]
) -> None:
    """Undo the update, and all after it. Raises `BadInputError` where that cannot be, with the reason."""
    found = updates.undoing(stack, wanted)
    number = found.update.number
    # What was given to that update alone is a part of what it was made with.
    given = together(found.target.overrides, overrides)
    runner = Runner("rollback", f"update {number}", stack, given, run.policy_packs(packs), as_json)
    runner.require_somebody(yes)
    changes = changed_files(found)
    latest = (found.others or [found.update])[-1]
    if not changes and found.target.overrides == latest.overrides:
        raise BadInputError(nothing_to_put_back(found))
    lost = losses(found.update.state(), declared_state(stack))
    notes = notes_on(found)
    if not as_json:
        _tell(found, changes, lost, notes)
    with kept_up(stack), ExitStack() as put_back:
        runner.verify_before()
        for change in changes:
            put_back.enter_context(change.file.kept())
            change.write()

        def restore() -> None:
            for change in changes:
                change.file.restore()

        stands = runner.apply(yes=yes, restore=restore, undo=restore)
    story = runner.story
    if as_json:
        answer(
            {
                "stack": stack,
                "verb": "rollback",
                "update": number,
                "settings_of": found.target.number,
                "files": [change.what for change in changes],
                "lost": [guard.told(each) for each in lost],
                "notes": notes,
                **story.as_json(),
            }
        )
    else:
        show_problems("Errors", [Problem("", problem) for problem in story.problems], errors())
        console().print(_conclusion(found, stands, story.undone), markup=False)
        if stands and changes and not deployment.is_embedded(stack):
            names = ", ".join(change.file.path.name for change in changes)
            console().print(f"Commit {names}: it declares what is out now.", markup=False)
    if story.problems:
        raise typer.Exit(1)


def together(then: Sequence[str], now: Sequence[str]) -> list[str]:
    """What was given to that update and what is given to this run, which goes before it: each once."""
    return [*(each for each in then if each not in now), *now]


def changed_files(found: Undoing) -> list[Change]:
    """The files that say something else today than they are to say."""
    changes = []
    for kept in found.target.settings:
        if not kept.put_back:
            continue
        file = KeptFile.read(kept.path)
        text = _for_today(kept, file.before) if kept.what == "stack" else kept.text
        if text != file.before:
            changes.append(Change(file, kept.what, text))
    return changes


def _for_today(kept: SettingsText, today: str | None) -> str | None:
    """The stack's own file as it was, with what is accepted today: a loss that the undoing brings is accepted there.

    Raises `BadInputError` where the state has another key since.
    """
    then, now = yaml.safe_load(kept.text or "") or {}, yaml.safe_load(today or "") or {}
    if [then.get(key) for key in _OF_THE_STATE] != [now.get(key) for key in _OF_THE_STATE]:
        raise BadInputError(f"{kept.path.name} names another key for the state's secrets since: change it back by hand")
    allowed = (now.get("config") or {}).get(guard.KEY)
    if kept.text is None or (then.get("config") or {}).get(guard.KEY) == allowed:
        return kept.text
    return edited(kept.text, ("config",), {guard.KEY: allowed})


def nothing_to_put_back(found: Undoing) -> str:
    if found.other_program:
        return (
            f"update {found.update.number} changed no settings: it came of the program, {_program(found.update)} after "
            f"{_program(found.target)}. Go back by `git revert`, then `./nexus up`."
        )
    return (
        f"the settings are those of before update {found.update.number} already: "
        "`./nexus preview` shows what is left to do, `./nexus up` does it."
    )


def _program(update: updates.Update) -> str:
    return str(update.values.get("commit") or "of no known commit")[:12]


def notes_on(found: Undoing) -> list[str]:
    """What the settings alone do not undo."""
    notes = []
    if found.others:
        numbers = ", ".join(str(each.number) for each in found.others)
        notes.append(f"what came after it is undone with it: {numbers}")
    if found.other_program:
        notes.append(
            f"the program was another then ({_program(found.target)}): it stays as it is now; `git` goes back to it"
        )
    if found.target.overrides:
        given = " ".join(f"--set {each}" for each in found.target.overrides)
        notes.append(f"that update had {given}: so has this one, and the next `up` needs it again")
    keys = [each for update in (found.target, found.update) for each in update.settings if each.what == "keys"]
    if len({each.text for each in keys}) > 1:
        notes.append("a key pair was rotated: it stays so, `./nexus rotate-key` makes the next one")
    return notes


def _tell(found: Undoing, changes: Sequence[Change], lost: Sequence[Finding], notes: Sequence[str]) -> None:
    output, update = console(), found.update
    output.print(
        f"Update {update.number} of {update.begun:%Y-%m-%d %H:%M} UTC by {update.values['by']} ({update.changes()})",
        markup=False,
    )
    for change in changes:
        output.print(f"  {change.file.path.name}: as update {found.target.number} had it", markup=False)
    for note in notes:
        output.print(f"  {note}", markup=False)
    if lost:
        output.print("[yellow]What the update lost does not come back by declaring it again[/]")
        for finding in lost:
            first, *more = str(finding).splitlines()
            output.print(f"  [yellow]![/] {escape(first)}")
            for line in more:
                output.print(f"    {escape(line)}")


def _conclusion(found: Undoing, stands: bool, undone: bool) -> str:
    number = found.update.number
    if stands:
        return f"Update {number} is undone: the stack is as update {found.target.number} declared it."
    if undone:
        return f"Update {number} is not undone: the settings and the stack are as they were."
    return f"Update {number}: undoing it failed, and so did going back: `./nexus up` goes on."
