"""A stack's configuration as one run uses it: the committed file, and the run's own `--set`."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from cli.failure import BadInputError
from cli.place import EMBEDDED_STACKS, ROOT, Place


def project() -> str:
    """The project's name, from `Pulumi.yaml`: also the namespace of its own configuration keys."""
    return str(_read(ROOT / "Pulumi.yaml")["name"])


def stack_file(stack: str) -> Path:
    return ROOT / f"Pulumi.{stack}.yaml"


def require(stack: str) -> Path:
    """The stack's file. Raises `BadInputError`, with the stacks that there are, where it has none."""
    path = stack_file(stack)
    if not path.is_file():
        known = sorted(file.name.split(".")[1] for file in ROOT.glob("Pulumi.*.yaml"))
        raise BadInputError(f"there is no stack {stack!r}: {path.name} does not exist. Stacks: {', '.join(known)}.")
    return path


def load(stack: str, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """The stack's file with `overrides` (`key=value`) set in it. Raises `BadInputError` with all that is wrong."""
    settings, place = _read(require(stack)), Place.of(stack)
    # An embedded stack's rotations, releases, allowances and adoptions are its own, and are not committed.
    if stack in EMBEDDED_STACKS and place.keys.exists():
        overrides = [f"keys_file={json.dumps(str(place.keys))}", *overrides]
    if stack in EMBEDDED_STACKS and place.releases.exists():
        settings = _released(settings, _read(place.releases))
    if stack in EMBEDDED_STACKS and place.allowances.exists():
        allowed = yaml.safe_load(place.allowances.read_text(encoding="utf-8"))
        settings.setdefault("config", {}).setdefault(f"{project()}:dataLossAllowances", []).extend(allowed)
    if stack in EMBEDDED_STACKS and place.adopted.exists():
        settings = _merged(settings, _read(place.adopted))
    return apply(settings, overrides, project())


def _released(settings: dict[str, Any], releases: dict[str, Any]) -> dict[str, Any]:
    """The settings with the images that `nexus release` wrote down, by app; None takes a setting away."""
    result = copy.deepcopy(settings)
    apps = result.setdefault("config", {}).setdefault(f"{project()}:apps", {})
    for app, images in releases.items():
        known = {**(apps.get(app) or {}), **images}
        apps[app] = {key: value for key, value in known.items() if value is not None}
    return result


def _merged(settings: dict[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with others put in at any depth."""
    result = dict(settings)
    for key, value in more.items():
        inner = result.get(key)
        result[key] = _merged(inner, value) if isinstance(inner, dict) and isinstance(value, Mapping) else value
    return result


def without_imports(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings for a new cloud of nobody: what is to be taken over is not there, and is made with its columns."""
    config, key = dict(settings.get("config") or {}), f"{project()}:imports"
    if config.get(key):
        config[key] = {name: {"columns": each["columns"]} for name, each in config[key].items() if each.get("columns")}
    return {**settings, "config": config}


def _read(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInputError(f"{path.name} cannot be read: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise BadInputError(f"{path.name} is not valid YAML: {' '.join(str(error).split())}") from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise BadInputError(f"{path.name} must be a mapping")
    return values


def apply(settings: dict[str, Any], overrides: Sequence[str], namespace: str) -> dict[str, Any]:
    """A copy of a stack file's `settings` with each `key=value` set under `config`.

    A key is `[namespace:]name[.part]…`: the namespace is the project's where none is given, and each part
    goes one level into a structured value (a number into a list). The value is read as YAML.
    Raises `BadInputError` naming every override that cannot be applied.
    """
    result = copy.deepcopy(settings)
    config = result.get("config") or {}
    result["config"] = config
    problems: list[str] = []
    for override in overrides:
        try:
            _set(config, override, namespace)
        except ValueError as problem:
            problems.append(f"--set {override}: {problem}")
    if problems:
        raise BadInputError("\n".join(problems))
    return result


def _set(config: dict[str, Any], override: str, namespace: str) -> None:
    key, equals, text = override.partition("=")
    if not equals:
        raise ValueError("must be key=value")
    space, colon, path = key.rpartition(":")
    parts = path.split(".")
    if not all(parts) or (colon and not space):
        raise ValueError(f"{key!r} is not a key: write [namespace:]name[.part]…")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise ValueError(f"{text!r} is not valid YAML") from None
    parts[0] = f"{space or namespace}:{parts[0]}"
    container: Any = config
    for depth, part in enumerate(parts[:-1], 1):
        where = ".".join(parts[:depth])
        if isinstance(container, dict):
            # An empty value (`tenants:`) is a mapping that nobody has filled yet.
            if container.get(part) is None:
                container[part] = {}
            container = container[part]
        else:
            container = container[_index(container, part)]
        if not isinstance(container, dict | list):
            raise ValueError(f"{where} is a plain value: nothing is under it")
    if isinstance(container, dict):
        container[parts[-1]] = value
    else:
        container[_index(container, parts[-1])] = value


def _index(items: list[Any], part: str) -> int:
    if not part.isdigit() or int(part) >= len(items):
        raise ValueError(f"{part!r} is not an index of a list of {len(items)}")
    return int(part)


def write(settings: dict[str, Any], path: Path) -> None:
    """Write a stack file for the engine to read."""
    path.write_text(yaml.safe_dump(settings, sort_keys=False, allow_unicode=True), encoding="utf-8")
