"""What a person reads: rich on a terminal, plain lines elsewhere. A program gets JSON on standard output."""

from __future__ import annotations

import functools
import json
import sys
from typing import Any, Final

from rich.console import Console
from rich.markup import escape

# No emoji: a resource type such as `videxa:snowflake:Organization` has one's name between its colons.


# Columns: more than any line has.
WIDEST: Final = 100_000


@functools.cache
def console() -> Console:
    """Where a verb reports to: standard output. Where that is no terminal, without colours, and a line stays a line, a
    table's too."""
    terminal = sys.stdout.isatty()
    return Console(highlight=False, emoji=False, soft_wrap=not terminal, width=None if terminal else WIDEST)


@functools.cache
def errors() -> Console:
    width = None if sys.stderr.isatty() else WIDEST
    return Console(stderr=True, highlight=False, emoji=False, soft_wrap=True, width=width)


def say(text: str) -> None:
    """One line of what is going on, literally; it must not mix with an answer in JSON, so it goes to standard error."""
    errors().print(escape(text), style="dim")


def answer(value: Any) -> None:
    """The verb's answer for a program."""
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def interactive() -> bool:
    """Whether someone can be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()
