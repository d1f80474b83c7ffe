"""How a verb ends badly: one clear message and an exit code."""

from __future__ import annotations


class FailureError(Exception):
    """The run or a verdict failed (exit code 1). The message is all that the user is shown."""

    exit_code = 1


class BadInputError(FailureError):
    """What the user gave is not valid (exit code 2): nothing was changed."""

    exit_code = 2
