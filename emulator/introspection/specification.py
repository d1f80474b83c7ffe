"""Resource types as data: names and types of inputs, names of outputs."""

from __future__ import annotations

import collections.abc
import enum
import inspect
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Union, get_args, get_origin

import pulumi
import pulumi._types as sdk_types

from emulator.introspection.kept import document, is_kept
from emulator.introspection.packages import package


class Kind(enum.Enum):
    """What a value is on the wire."""

    STRING = "text"
    BOOLEAN = "true or false"
    INTEGER = "a whole number"
    NUMBER = "a number"
    LIST = "a list"
    MAP = "a map"
    OBJECT = "an object"
    UNION = "one of several types"
    ANY = "any value"


@dataclass(frozen=True, slots=True)
class ValueType:
    """The type of one value. `element` is set for lists and maps, `fields` for objects, `members` for unions,
    `choices` for enumerations that admit nothing else."""

    kind: Kind
    element: ValueType | None = None
    fields: ObjectType | None = None
    members: tuple[ValueType, ...] = ()
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PropertySpec:
    """One input: its wire name (camelCase), the SDK's Python name, type, whether it must be given, and what
    the SDK says of it."""

    name: str
    python_name: str
    type: ValueType
    required: bool
    description: str = ""


class ObjectType:
    """A nested object type. Its properties are read at first use: some types of Azure contain themselves."""

    __slots__ = ("_properties", "_read", "name")

    def __init__(self, name: str, read: Callable[[], dict[str, PropertySpec]]) -> None:
        self.name = name
        self._read = read
        self._properties: Mapping[str, PropertySpec] | None = None

    @property
    def properties(self) -> Mapping[str, PropertySpec]:
        if self._properties is None:
            self._properties = types.MappingProxyType(self._read())
        return self._properties

    def __repr__(self) -> str:
        return f"ObjectType({self.name!r})"


@dataclass(frozen=True, slots=True)
class TypeSpec:
    """A resource type: `properties` are its inputs by wire name, `outputs` the wire names it returns."""

    package: str
    token: str
    properties: Mapping[str, PropertySpec]
    outputs: frozenset[str]
    description: str = ""

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(name for name, spec in self.properties.items() if spec.required)


@cache
def resource_types(package_name: str) -> frozenset[str]:
    """Every resource type token of a package (`snowflake`, `azure-native`, `random`, `tls`)."""
    return frozenset(document(package_name, "types", lambda: sorted(package(package_name).classes)))


@cache
def type_spec(package_name: str, token: str) -> TypeSpec | None:
    """What the SDK says of a type, or None where the package has no such type: refuse it by name."""
    if token not in resource_types(package_name):
        return None

    def read() -> TypeSpec:
        resource = package(package_name).resource_class(token)
        assert resource is not None
        return _spec_of(package_name, token, resource)

    return _kept_or_read(package_name, token, read)


@cache
def provider_spec(package_name: str) -> TypeSpec:
    """The provider resource's own inputs."""
    token = f"pulumi:providers:{package_name}"
    return _kept_or_read(
        package_name, token, lambda: _spec_of(package_name, token, package(package_name).provider_class())
    )


def _kept_or_read(package_name: str, token: str, read: Callable[[], TypeSpec]) -> TypeSpec:
    if not is_kept(package_name):
        return read()
    return from_document(package_name, token, document(package_name, token, lambda: to_document(read())))


def _spec_of(package_name: str, token: str, resource: type[Any]) -> TypeSpec:
    outputs = frozenset(
        wire
        for value in vars(resource).values()
        if isinstance(value, property) and isinstance(wire := getattr(value.fget, "_pulumi_name", None), str)
    )
    return TypeSpec(
        package=package_name,
        token=token,
        properties=types.MappingProxyType(_properties_of(_arguments_class(resource))),
        outputs=outputs,
        description=next(
            (documented for overload in typing.get_overloads(resource.__init__) if (documented := overload.__doc__)), ""
        ),
    )


def _arguments_class(resource: type[Any]) -> type[Any]:
    """The input type that the resource's constructor takes as `args`."""
    namespace = vars(inspect.getmodule(resource) or types.SimpleNamespace())
    for overload in typing.get_overloads(resource.__init__):
        annotation = overload.__annotations__.get("args")
        for candidate in get_args(annotation) or (annotation,):
            found = namespace.get(candidate, candidate) if isinstance(candidate, str) else candidate
            if isinstance(found, typing.ForwardRef):
                found = namespace.get(found.__forward_arg__)
            if inspect.isclass(found) and sdk_types.is_input_type(found):
                return found
    raise TypeError(f"{resource.__name__} takes no arguments class: an SDK of an unknown layout")


def _properties_of(cls: type[Any]) -> dict[str, PropertySpec]:
    parameters = inspect.signature(cls.__init__).parameters
    hints = sdk_types.input_type_types(cls)
    properties: dict[str, PropertySpec] = {}
    for python_name, wire in sdk_types.input_type_py_to_pulumi_names(cls).items():
        parameter = parameters.get(python_name) or parameters[python_name + "_"]
        properties[wire] = PropertySpec(
            name=wire,
            python_name=python_name,
            type=_value_type(hints[wire]),
            required=parameter.default is inspect.Parameter.empty,
            description=getattr(cls, python_name).fget.__doc__ or "",
        )
    return properties


_SCALARS: dict[Any, ValueType] = {
    str: ValueType(Kind.STRING),
    bool: ValueType(Kind.BOOLEAN),
    int: ValueType(Kind.INTEGER),
    float: ValueType(Kind.NUMBER),
    Any: ValueType(Kind.ANY),
    dict: ValueType(Kind.MAP, element=ValueType(Kind.ANY)),
}
_ANY = _SCALARS[Any]


def _value_type(annotation: Any) -> ValueType:
    annotation = sdk_types.unwrap_type(annotation)
    if annotation in _SCALARS:
        return _SCALARS[annotation]
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        members = [_value_type(member) for member in get_args(annotation) if not _is_wrapper(member)]
        distinct = list(dict.fromkeys(members))
        if not distinct:
            return _ANY
        if len(distinct) == 1:
            return distinct[0]
        if any(member.kind is Kind.STRING and not member.choices for member in distinct):
            # `Union[str, SomeEnum]` names the known values and takes any other.
            distinct = [member for member in distinct if not member.choices]
        return distinct[0] if len(distinct) == 1 else ValueType(Kind.UNION, members=tuple(distinct))
    if origin in (list, collections.abc.Sequence):
        return ValueType(Kind.LIST, element=_value_type(get_args(annotation)[0]))
    if origin in (dict, collections.abc.Mapping):
        return ValueType(Kind.MAP, element=_value_type(get_args(annotation)[1]))
    if inspect.isclass(annotation):
        if issubclass(annotation, enum.Enum):
            return ValueType(Kind.STRING, choices=tuple(str(member.value) for member in annotation))
        if sdk_types.is_input_type(annotation):
            return ValueType(Kind.OBJECT, fields=_object_type(typing.cast(Any, annotation)))
        if issubclass(annotation, pulumi.Asset | pulumi.Archive):
            return _ANY
    return _ANY


def _is_wrapper(annotation: Any) -> bool:
    """A member that says how a value may come to be (later, or as keyword arguments), not what it is."""
    origin = get_origin(annotation)
    if annotation is type(None) or origin is pulumi.Output or origin is collections.abc.Awaitable:
        return True
    return inspect.isclass(annotation) and typing.is_typeddict(annotation)


@cache
def _object_type(cls: type[Any]) -> ObjectType:
    return ObjectType(cls.__name__.removesuffix("Args"), lambda: _properties_of(cls))


# ── as a document ────────────────────────────────────────────────────────────────────────────────────────────────────


def to_document(spec: TypeSpec) -> dict[str, Any]:
    """A type as plain JSON values, with all that is nested in it: each object type once, told by its number."""
    objects: list[ObjectType] = []
    numbers: dict[ObjectType, int] = {}

    def number(of: ObjectType) -> int:
        if of not in numbers:
            numbers[of] = len(objects)
            objects.append(of)
        return numbers[of]

    def value(type_: ValueType) -> dict[str, Any] | str:
        told: dict[str, Any] = {"kind": type_.kind.name}
        if type_.element is not None:
            told["element"] = value(type_.element)
        if type_.fields is not None:
            told["object"] = number(type_.fields)
        if type_.members:
            told["members"] = [value(member) for member in type_.members]
        if type_.choices:
            told["choices"] = list(type_.choices)
        return told if len(told) > 1 else type_.kind.name

    def properties(of: Mapping[str, PropertySpec]) -> list[list[Any]]:
        return [[p.name, p.python_name, value(p.type), p.required, p.description] for p in of.values()]

    told: dict[str, Any] = {
        "properties": properties(spec.properties),
        "outputs": sorted(spec.outputs),
        "description": spec.description,
        "objects": [],
    }
    for inner in objects:  # which grows meanwhile
        told["objects"].append([inner.name, properties(inner.properties)])
    return told


def from_document(package_name: str, token: str, told: Mapping[str, Any]) -> TypeSpec:
    """The type that `to_document` told of."""

    def value(told: dict[str, Any] | str) -> ValueType:
        if isinstance(told, str):
            return _PLAIN[told]
        return ValueType(
            Kind[told["kind"]],
            element=value(told["element"]) if "element" in told else None,
            fields=objects[told["object"]] if "object" in told else None,
            members=tuple(value(member) for member in told.get("members", ())),
            choices=tuple(told.get("choices", ())),
        )

    def properties(told: list[list[Any]]) -> dict[str, PropertySpec]:
        return {
            name: PropertySpec(name, python_name, value(type_), required, description)
            for name, python_name, type_, required, description in told
        }

    objects = [ObjectType(name, partial(properties, inner)) for name, inner in told["objects"]]
    return TypeSpec(
        package=package_name,
        token=token,
        properties=types.MappingProxyType(properties(told["properties"])),
        outputs=frozenset(told["outputs"]),
        description=told["description"],
    )


_PLAIN = {kind.name: ValueType(kind) for kind in Kind}
