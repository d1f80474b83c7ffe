"""Reads runbooks and does what they say: their blocks, in order, in a real shell, held to what they show.

A fenced block is one of three. `console`: lines that begin with `$ ` are commands (`> ` goes on with one), what follows
is what they print, to the letter but for the spaces; `…` in a line is any text, alone on a line any lines. A last line
`exit code 1` is the exit code, 0 otherwise. `yaml`: settings, for the file that its first line names in a comment.
`console untried`: not run here, most often since it needs the real clouds; the paragraph before says so to the reader,
and why. Anything else between fences is an error, so that nothing is left out unseen.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

ANYTHING: Final = "…"
UNTRIED: Final = "**Not tried here**"
"""How the paragraph before a `console untried` block begins."""
_CODE: Final = re.compile(r"exit code (\d+)")
_FENCE: Final = re.compile(r"( *)```(.*)")


class RunbookError(Exception):
    """A runbook that cannot be read, or that does not do what it says; the message tells where."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command, what it is to print and to end with."""

    line: int
    text: str
    expected: tuple[str, ...]
    code: int


@dataclass(frozen=True, slots=True)
class Block:
    """What stands between two fences under a heading: commands, or settings and their file.

    `untried` says that the commands are not run here.
    """

    heading: str
    commands: tuple[Command, ...] = ()
    untried: bool = False
    file: str = ""
    settings: Mapping[str, Any] | None = None


def read(path: Path) -> list[Block]:
    """A runbook's blocks, in order. Raises `RunbookError` for one that nobody would run."""
    blocks: list[Block] = []
    heading = ""
    paragraph: list[str] = []
    ended = False
    lines = enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
    for number, line in lines:
        fence = _FENCE.fullmatch(line)
        if fence:
            body: list[str] = []
            for _, inside in lines:
                if inside.strip() == "```":
                    break
                body.append(inside.removeprefix(fence[1]))
            else:
                raise RunbookError(f"{path.name}:{number}: the block has no end")
            where = f"{path.name}:{number}"
            blocks.append(_block(where, number, heading, fence[2].strip(), " ".join(paragraph), body))
            paragraph = []
        elif line.startswith(("    ", "\t", "~~~")):
            raise RunbookError(f"{path.name}:{number}: code that nobody would run: write it between ``` fences")
        elif line.startswith("#"):
            heading, paragraph = line.lstrip("# "), []
        elif line.strip():
            paragraph = [line.strip()] if ended else [*paragraph, line.strip()]
        ended = not line.strip()
    return blocks


def _block(where: str, line: int, heading: str, info: str, before: str, body: Sequence[str]) -> Block:
    if info == "yaml":
        file = re.fullmatch(r"# (\S+\.yaml)", body[0] if body else "")
        if file is None:
            raise RunbookError(f"{where}: the first line does not name the file: # Pulumi.prod.yaml")
        return Block(heading, file=file[1], settings=yaml.safe_load("\n".join(body)))
    if info not in {"console", "console untried"}:
        raise RunbookError(f"{where}: ```{info}: nobody would run it; console, console untried and yaml are known")
    untried = info == "console untried"
    if untried != before.startswith(UNTRIED):
        raise RunbookError(f"{where}: what is not run is `console untried`, and `{UNTRIED} …` stands before it")
    return Block(heading, tuple(_commands(where, line, body)), untried)


def _commands(where: str, line: int, body: Sequence[str]) -> list[Command]:
    found: list[Command] = []
    for number, text in enumerate(body, line + 1):
        if text.startswith("$ "):
            found.append(Command(number, text[2:], (), 0))
            continue
        if not found:
            raise RunbookError(f"{where}: begins with no command ($ …)")
        last = found[-1]
        code = _CODE.fullmatch(text)
        if text.startswith(">") and not last.expected:
            found[-1] = Command(last.line, f"{last.text}\n{text[1:].removeprefix(' ')}", (), 0)
        elif code:
            found[-1] = Command(last.line, last.text, last.expected, int(code[1]))
        elif text.strip():
            found[-1] = Command(last.line, last.text, (*last.expected, text), last.code)
    if not found:
        raise RunbookError(f"{where}: has no command")
    return found


# ── what it shows, and what there was ────────────────────────────────────────────────────────────────────────────────


def differs(expected: Sequence[str], printed: str) -> str:
    """The first expected line that is not printed in its place; empty where all are.

    Where nothing is expected, anything may be printed: the runbook shows what matters.
    """
    if not expected:
        return ""
    lines = [" ".join(line.split()) for line in printed.splitlines() if line.strip()]
    place, anywhere = 0, False
    for wanted in (" ".join(line.split()) for line in expected):
        if wanted == ANYTHING:
            anywhere = True
            continue
        pattern = re.compile(".*".join(re.escape(part) for part in re.split(rf" ?{ANYTHING} ?", wanted)))
        last = len(lines) if anywhere else min(place + 1, len(lines))
        at = next((index for index in range(place, last) if pattern.fullmatch(lines[index])), None)
        if at is None:
            return wanted
        place, anywhere = at + 1, False
    return "" if anywhere or place == len(lines) else f"(the end, before {lines[place]!r})"


# ── the shell ────────────────────────────────────────────────────────────────────────────────────────────────────────


class Shell:
    """One bash for a whole runbook: what a step exports is there in the next one."""

    def __init__(self, folder: Path, environment: Mapping[str, str], patience: float) -> None:
        self._patience = patience
        self._process = subprocess.Popen(
            ["bash", "--noprofile", "--norc", "-o", "pipefail"],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, text: str) -> tuple[str, int]:
        """What a command prints, and its exit code."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        end = f"end of {uuid.uuid4()}"
        # In braces, so that it does not read the commands that follow it.
        self._process.stdin.write(f"{{ {text}\n}} < /dev/null\nprintf '\\n%s %d\\n' '{end}' $?\n")
        self._process.stdin.flush()
        watch = threading.Timer(self._patience, self._end)
        watch.start()
        printed: list[str] = []
        try:
            for line in self._process.stdout:
                if line.startswith(end):
                    return "".join(printed).removesuffix("\n"), int(line.split()[-1])
                printed.append(line)
        finally:
            watch.cancel()
        raise RunbookError(f"the shell ended in: {text}\n{''.join(printed)}")

    def _end(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        if self._process.poll() is None:
            self._end()
        self._process.communicate()


# ── a runbook ────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Done:
    """How a runbook went: its commands with what they printed, and for how many seconds they ran."""

    printed: tuple[tuple[str, str], ...]
    seconds: float


def follow(
    path: Path,
    folder: Path,
    environment: Mapping[str, str],
    events: Mapping[str, Callable[[], None]],
    unsaid: re.Pattern[str] | None = None,
    patience: float = 240,
) -> Done:
    """Do what a runbook says, in `folder`. `events` are what happens in the world before a heading's first block, and
    `unsaid` is what is printed here alone.

    Raises `RunbookError` where a command ends or prints otherwise than it is told to, and for an event of no heading.
    """
    blocks = read(path)
    waiting = dict(events)
    printed: list[tuple[str, str]] = []
    started = time.monotonic()
    aside = 0.0
    shell = Shell(folder, environment, patience)
    try:
        for block in blocks:
            event = waiting.pop(block.heading, None)
            if event is not None:
                begun = time.monotonic()
                event()
                aside += time.monotonic() - begun
            if block.settings is not None:
                _write(folder / block.file, block.settings)
            if not block.untried:
                printed += [(command.text, _run(path, shell, command, unsaid)) for command in block.commands]
    finally:
        shell.close()
    if waiting:
        raise RunbookError(f"{path.name}: no block under: {', '.join(waiting)}")
    return Done(tuple(printed), time.monotonic() - started - aside)


def _run(path: Path, shell: Shell, command: Command, unsaid: re.Pattern[str] | None) -> str:
    printed, code = shell.run(command.text)
    printed = unsaid.sub("", printed) if unsaid else printed
    missing = differs(command.expected, printed)
    if code != command.code or missing:
        wrong = f"ended with {code}, not {command.code}" if code != command.code else f"did not print: {missing}"
        raise RunbookError(f"{path.name}:{command.line}: {command.text}\n{wrong}. It printed:\n{printed}")
    return printed


def _write(file: Path, settings: Mapping[str, Any]) -> None:
    """Set in a file what a person would write into it, and leave the rest."""
    known = yaml.safe_load(file.read_text(encoding="utf-8"))
    _merge(known, settings)
    file.write_text(yaml.safe_dump(known, sort_keys=False, allow_unicode=True), encoding="utf-8")


def _merge(known: dict[str, Any], settings: Mapping[str, Any]) -> None:
    for key, value in settings.items():
        if isinstance(value, dict) and isinstance(known.get(key), dict):
            _merge(known[key], value)
        else:
            known[key] = value
