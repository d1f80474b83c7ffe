"""The program that the engine runs, by plain `pulumi` through `__main__.py` or inline."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pulumi
import pulumi.runtime.config

from infra.composition import compose_organizations, compose_platform
from infra.outputs import stack_outputs
from infra.settings import NAMESPACE, Settings, SettingsError, load_settings

#: Set it to anything to have the SDK's debug messages sent to the engine after all.
DEBUG_VARIABLE = "NEXUS_SDK_DEBUG"

REPOSITORY = Path(__file__).resolve().parent.parent


async def program() -> dict[str, pulumi.Input[Any]]:
    """Declare the whole platform and return the stack's outputs.

    Give it to `pulumi.run`, which exports what it returns; an inline program does so too.
    """
    silence_debug_messages()
    settings = settings_from_engine()
    platform = compose_platform(settings)
    organizations = await compose_organizations(settings, platform)
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


def silence_debug_messages() -> None:
    """Stop the SDK from sending its debug messages, unless they are asked for by NEXUS_SDK_DEBUG.

    It sends each by a blocking call whether or not the engine shows it: two thirds of the program's own time.
    This is the one place where the SDK is changed; its other levels are left as they are.
    """
    if not os.environ.get(DEBUG_VARIABLE):
        pulumi.log.debug = _say_nothing


def _say_nothing(*_: object, **__: object) -> None:
    pass
