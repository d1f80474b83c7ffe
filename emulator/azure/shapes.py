"""The shapes of inputs and outputs, from the installed SDK's own classes.

azure-native turns Azure's response into outputs by keeping what its schema declares, at every level; that is why a
secret's value never comes back. The SDK's classes carry the same schema.
"""

from __future__ import annotations

import importlib.util
import re
import sys
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

from pulumi import _types

from emulator.introspection import Kind, ObjectType, ValueType, type_spec
from emulator.introspection.kept import document, is_kept
from emulator.introspection.packages import package
from emulator.values import UNKNOWN

_PACKAGE: Final = "azure-native"
_API_VERSION: Final = re.compile(r"Azure REST API version (\d{4}-\d{2}-\d{2}[a-z-]*)")


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


@cache
def type_shapes(token: str) -> TypeShapes | None:
    """The shapes of a type token without an API version, or None where the SDK has no such resource."""
    spec = type_spec(_PACKAGE, token)
    if spec is None:
        return None
    inputs = {name: _input_shape(declared.type) for name, declared in spec.properties.items()}
    if not is_kept(_PACKAGE):
        return TypeShapes(inputs, _outputs(token))
    told = document(_PACKAGE, f"outputs of {token}", lambda: to_document(_outputs(token)))
    return TypeShapes(inputs, from_document(told))


def _outputs(token: str) -> dict[str, Shape]:
    cls = package(_PACKAGE).resource_class(token)
    assert cls is not None
    _load_outputs(cls.__module__.rpartition(".")[0])
    return {name: _shape(hint) for name, hint in _types.resource_types(cls).items()}


@cache
def api_version(token: str) -> str:
    """The API version that the SDK's resource speaks, from its documentation: it is nowhere else."""
    spec = type_spec(_PACKAGE, token)
    if spec is None:
        return ""
    version: str = document(_PACKAGE, f"API version of {token}", lambda: _documented_version(token, spec.description))
    return version


def _documented_version(token: str, description: str) -> str:
    cls = package(_PACKAGE).resource_class(token)
    found = _API_VERSION.search(f"{cls.__doc__ if cls is not None else ''}\n{description}")
    return found.group(1) if found else ""


@cache
def _load_outputs(package_name: str) -> None:
    """Fill the stand-in for a package's `outputs`: introspection leaves it empty, since inputs do not need it."""
    stand_in, parent = sys.modules[f"{package_name}.outputs"], sys.modules[package_name]
    file = Path(parent.__path__[0]) / "outputs.py"
    if not file.exists():
        return
    spec = importlib.util.spec_from_file_location(f"{package_name}._outputs", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # The SDK finds the module by its name when it reads a type's annotations.
    sys.modules[module.__name__] = module
    spec.loader.exec_module(module)
    for name, value in vars(module).items():
        if not name.startswith("__"):
            setattr(stand_in, name, value)


def _input_shape(declared: ValueType) -> Shape:
    if declared.kind is Kind.OBJECT and declared.fields is not None:
        return _input_object(declared.fields)
    if declared.kind is Kind.LIST and declared.element is not None:
        return ListShape(_input_shape(declared.element))
    if declared.kind is Kind.MAP and declared.element is not None:
        return MapShape(_input_shape(declared.element))
    return None


@cache
def _input_object(fields: ObjectType) -> ObjectShape:
    @cache
    def properties() -> Mapping[str, Shape]:
        return {name: _input_shape(declared.type) for name, declared in fields.properties.items()}

    return ObjectShape(properties)


def _shape(hint: Any) -> Shape:
    hint = _types.unwrap_type(hint)
    origin = typing.get_origin(hint)
    if origin is typing.Union:
        # A union of differing types has no one shape: what was put in is what comes out.
        objects = {member for member in typing.get_args(hint) if _is_object(member)}
        return _object_shape(objects.pop()) if len(objects) == 1 else None
    if _is_object(hint):
        return _object_shape(hint)
    if origin is not None and issubclass(origin, Mapping):
        return MapShape(_shape(typing.get_args(hint)[1]))
    if origin is not None and issubclass(origin, typing.Sequence):
        return ListShape(_shape(typing.get_args(hint)[0]))
    return None


def _is_object(candidate: Any) -> bool:
    return isinstance(candidate, type) and _types.is_output_type(candidate)


@cache
def _object_shape(cls: type) -> ObjectShape:
    # Types may contain themselves: the properties are looked up on first use.
    @cache
    def properties() -> Mapping[str, Shape]:
        return {name: _shape(hint) for name, hint in _types.output_type_types(cls).items()}

    return ObjectShape(properties)


def to_document(outputs: Mapping[str, Shape]) -> dict[str, Any]:
    """Shapes as plain JSON values: each object's once, told by its number."""
    objects: list[ObjectShape] = []
    numbers: dict[int, int] = {}

    def value(shape: Shape) -> Any:
        match shape:
            case ObjectShape():
                if id(shape) not in numbers:
                    numbers[id(shape)] = len(objects)
                    objects.append(shape)
                return numbers[id(shape)]
            case ListShape(item):
                return ["list", value(item)]
            case MapShape(of):
                return ["map", value(of)]
            case None:
                return None

    told: dict[str, Any] = {"outputs": {name: value(shape) for name, shape in outputs.items()}, "objects": []}
    for shape in objects:  # which grows meanwhile
        told["objects"].append({name: value(inner) for name, inner in shape.properties().items()})
    return told


def from_document(told: Mapping[str, Any]) -> dict[str, Shape]:
    """The shapes that `to_document` told of."""

    def shape(told: Any) -> Shape:
        if told is None:
            return None
        if isinstance(told, int):
            return objects[told]
        kind, inner = told
        return ListShape(shape(inner)) if kind == "list" else MapShape(shape(inner))

    def shapes(told: Mapping[str, Any]) -> dict[str, Shape]:
        return {name: shape(inner) for name, inner in told.items()}

    objects = [ObjectShape(cache(partial(shapes, inner))) for inner in told["objects"]]
    return shapes(told["outputs"])


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
