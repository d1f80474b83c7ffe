"""The shapes of inputs and outputs, from the installed SDK's own classes.

azure-native turns Azure's response into outputs by keeping what its schema declares, at every level; that is why a
secret's value never comes back. The SDK's classes carry the same schema.
"""

from __future__ import annotations

import importlib
import re
import sys
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pulumi import _types
from pulumi.output import Output

from emulator.values import UNKNOWN

_API_VERSION = re.compile(r"Azure REST API version (\d{4}-\d{2}-\d{2}[a-z-]*)")


@dataclass(frozen=True)
class ObjectShape:
    properties: Callable[[], Mapping[str, Shape]]


@dataclass(frozen=True)
class ListShape:
    item: Shape


@dataclass(frozen=True)
class MapShape:
    value: Shape


Shape = ObjectShape | ListShape | MapShape | None
"""None: any plain value, kept as it is."""


@dataclass(frozen=True)
class TypeShapes:
    """What the SDK declares of one resource type."""

    inputs: Mapping[str, Shape]
    outputs: Mapping[str, Shape]
    api_version: str


@cache
def type_shapes(module: str, name: str) -> TypeShapes | None:
    """The shapes of `pulumi_azure_native.<module>.<name>`, or None where the SDK has no such resource."""
    try:
        cls = getattr(importlib.import_module(f"pulumi_azure_native.{module}"), name, None)
    except ModuleNotFoundError:
        return None
    if cls is None or not hasattr(cls, "__init__"):
        return None
    arguments = _arguments_class(cls)
    if arguments is None:
        return None
    found = _API_VERSION.search(cls.__doc__ or "") or _API_VERSION.search(_overload_documentation(cls))
    return TypeShapes(
        inputs={name: _shape(hint) for name, hint in _types.input_type_types(arguments).items()},
        outputs={name: _shape(hint) for name, hint in _types.resource_types(cls).items()},
        api_version=found.group(1) if found else "",
    )


def _arguments_class(cls: type) -> type | None:
    for overload in typing.get_overloads(cls.__init__):  # type: ignore[misc]
        # Only this one annotation: the others name things that the generated modules do not import.
        hint = overload.__annotations__.get("args")
        if isinstance(hint, str):
            hint = eval(hint, vars(sys.modules[cls.__module__]))  # noqa: S307 - the SDK's own annotation
        for candidate in typing.get_args(hint) or (hint,):
            if isinstance(candidate, type) and _types.is_input_type(candidate):
                return candidate
    return None


def _overload_documentation(cls: type) -> str:
    return "\n".join(overload.__doc__ or "" for overload in typing.get_overloads(cls.__init__))  # type: ignore[misc]


def _shape(hint: Any) -> Shape:
    hint = _types.unwrap_type(hint)
    origin = typing.get_origin(hint)
    if origin is typing.Union:
        candidates = [
            argument
            for argument in typing.get_args(hint)
            if typing.get_origin(argument) is not Output and "Awaitable" not in repr(argument)
        ]
        shapes = [shape for shape in map(_shape, candidates) if shape is not None]
        # A union of differing types has no one shape: what was put in is what comes out.
        return shapes[0] if len({repr(candidate) for candidate in candidates if _is_object(candidate)}) == 1 else None
    if isinstance(hint, type) and _types.is_output_type(hint):
        return _object_shape(hint, _types.output_type_types)
    if isinstance(hint, type) and _types.is_input_type(hint):
        return _object_shape(hint, _types.input_type_types)
    if origin is not None and issubclass(origin, Mapping):
        return MapShape(_shape(typing.get_args(hint)[1]))
    if origin is not None and issubclass(origin, typing.Sequence):
        return ListShape(_shape(typing.get_args(hint)[0]))
    return None


def _is_object(candidate: Any) -> bool:
    return isinstance(candidate, type) and (_types.is_output_type(candidate) or _types.is_input_type(candidate))


@cache
def _object_shape(cls: type, types: Callable[[type], dict[str, Any]]) -> ObjectShape:
    # Types may contain themselves: the properties are looked up on first use.
    @cache
    def properties() -> Mapping[str, Shape]:
        return {name: _shape(hint) for name, hint in types(cls).items()}

    return ObjectShape(properties)


def project(properties: Mapping[str, Shape], value: Mapping[str, Any]) -> dict[str, Any]:
    """Keep what the shape declares, at every level."""
    return {
        name: _project(properties[name], inner)
        for name, inner in value.items()
        if name in properties and inner is not None
    }


def _project(shape: Shape, value: Any) -> Any:
    if shape is None:
        return value
    if isinstance(shape, ObjectShape) and isinstance(value, Mapping):
        return project(shape.properties(), value)
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_project(shape.item, inner) for inner in value]
    if isinstance(shape, MapShape) and isinstance(value, Mapping):
        return {name: _project(shape.value, inner) for name, inner in value.items()}
    return value


def preview(properties: Mapping[str, Shape], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Outputs before creation: what the inputs say, everything else unknown."""
    return {
        name: _preview(shape, inputs[name]) if inputs.get(name) is not None else UNKNOWN
        for name, shape in properties.items()
    }


def _preview(shape: Shape, value: Any) -> Any:
    if shape is None or value is UNKNOWN:
        return value
    if isinstance(shape, ObjectShape) and isinstance(value, Mapping):
        return preview(shape.properties(), value)
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_preview(shape.item, inner) for inner in value]
    if isinstance(shape, MapShape) and isinstance(value, Mapping):
        return {name: _preview(shape.value, inner) for name, inner in value.items()}
    # Put in as one kind of thing, coming out as another (user-assigned identities: a list in, a map out).
    return UNKNOWN
