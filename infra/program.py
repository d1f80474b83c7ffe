"""The program that the engine runs, by plain `pulumi` through `__main__.py` or inline."""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

import pulumi
import pulumi.runtime.config
import pulumi.runtime.resource
from pulumi.runtime.proto import source_pb2

from infra.adoption import TakingOver, unused_error
from infra.composition import compose_organizations, compose_platform
from infra.outputs import stack_outputs
from infra.settings import NAMESPACE, Settings, SettingsError, load_settings

#: Set it to anything to have the SDK's debug messages and whole stack traces sent to the engine after all.
DEBUG_VARIABLE = "NEXUS_SDK_DEBUG"

REPOSITORY = Path(__file__).resolve().parent.parent


async def program() -> dict[str, pulumi.Input[Any]]:
    """Declare the whole platform and return the stack's outputs.

    Give it to `pulumi.run`, which exports what it returns; an inline program does so too.
    """
    spare_the_engine()
    settings = settings_from_engine()
    taking_over = TakingOver(settings.imports)
    taking_over.begin()
    platform = await compose_platform(settings)
    organizations = await compose_organizations(settings, platform)
    if taking_over.unused:
        raise unused_error(taking_over.unused, NAMESPACE)
    return stack_outputs(settings, platform, organizations)


def settings_from_engine() -> Settings:
    """The settings of the stack that runs. Bad ones end the run with their list, and no traceback."""
    prefix = f"{NAMESPACE}:"
    # Every key is wanted, not one by name: an unknown key is an error too.
    found = {**pulumi.runtime.config.get_config_env(), **pulumi.runtime.config.CONFIG.get()}
    config = {key: value for key, value in found.items() if key.startswith(prefix)}
    try:
        return load_settings(config, REPOSITORY)
    except SettingsError as error:
        raise pulumi.RunError(str(error)) from None


def spare_the_engine() -> None:
    """Stop the SDK from sending what nobody reads, unless it is asked for by NEXUS_SDK_DEBUG.

    It sends each debug message by a blocking call whether or not the engine shows it: two thirds of the program's own
    time. And with every resource it sends the whole stack of calls that led to it, a seventh of the rest, which the
    engine keeps in the state and shows nowhere: one line of it, where the resource is declared, stays.

    There is no setting for either. This is the one place where the SDK is changed.
    """
    if not os.environ.get(DEBUG_VARIABLE):
        pulumi.log.debug = _say_nothing
        pulumi.runtime.resource._get_stack_trace = declaring_line


def _say_nothing(*_: object, **__: object) -> None:
    pass


def declaring_line() -> source_pb2.StackTrace:
    """The first frame of what the SDK makes of the stack: whoever called the resource's own constructor.

    It finds it as the SDK does: beyond the third `__init__`, the first two being the SDK's base classes.
    """
    frame: FrameType | None = sys._getframe(1)
    constructors = 0
    while frame is not None and constructors < 3:
        constructors += frame.f_code.co_name == "__init__"
        frame = frame.f_back
    if frame is None:
        return source_pb2.StackTrace()
    uri = _uri(frame.f_code.co_filename)
    position = source_pb2.SourcePosition(uri=uri, line=frame.f_lineno) if uri else None
    return source_pb2.StackTrace(frames=[source_pb2.StackFrame(pc=position)])


@cache
def _uri(file: str) -> str | None:
    try:
        return Path(file).as_uri()
    except ValueError:  # code that was compiled from text
        return None
