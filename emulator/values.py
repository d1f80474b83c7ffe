"""Property values between the provider protocol's wire form and plain Python.

Plain form: None, bool, int, float, str, list, dict, and `UNKNOWN` for a value that a preview does not
know yet. Secrets are unwrapped: the servers tell the engine that they do not accept secrets, so the
engine keeps the marks itself, and an output that repeats a secret input stays secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from google.protobuf import struct_pb2
from pulumi.runtime.rpc import (
    UNKNOWN as UNKNOWN_WIRE,
)
from pulumi.runtime.rpc import (
    _special_output_value_sig,
    _special_secret_sig,
    _special_sig_key,
)

_OTHER_UNKNOWN_WIRES: Final = frozenset(
    {
        # The engine has one sentinel a kind (bool, number, string, array, map, asset, archive).
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)


class Unknown:
    """The value of a property that is not known before it is created."""

    _instance: Unknown | None = None

    def __new__(cls) -> Unknown:
        if cls._instance is None:
            cls._instance = super().__new__(cls)
        return cls._instance

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __bool__(self) -> bool:
        raise TypeError("an unknown value has no truth value: test it with `is UNKNOWN` first")


UNKNOWN: Final = Unknown()


def from_wire(struct: struct_pb2.Struct | None) -> dict[str, Any]:
    """Plain Python of a protocol struct."""
    if struct is None:
        return {}
    return {key: _value_from_wire(value) for key, value in struct.fields.items()}


def _value_from_wire(value: struct_pb2.Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        text = value.string_value
        return UNKNOWN if text in _OTHER_UNKNOWN_WIRES else text
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    if kind == "bool_value":
        return value.bool_value
    if kind == "struct_value":
        fields = value.struct_value.fields
        if _special_sig_key in fields:
            signature = fields[_special_sig_key].string_value
            if signature == _special_secret_sig:
                return _value_from_wire(fields["value"])
            if signature == _special_output_value_sig:
                return _value_from_wire(fields["value"]) if "value" in fields else UNKNOWN
        return {key: _value_from_wire(inner) for key, inner in fields.items()}
    if kind == "list_value":
        return [_value_from_wire(inner) for inner in value.list_value.values]
    return None


def to_wire(values: Mapping[str, Any] | None) -> struct_pb2.Struct:
    """The protocol struct of plain Python."""
    struct = struct_pb2.Struct()
    for key, value in (values or {}).items():
        _value_to_wire(value, struct.fields[key])
    return struct


def _value_to_wire(value: Any, target: struct_pb2.Value) -> None:
    if value is None:
        target.null_value = struct_pb2.NULL_VALUE
    elif value is UNKNOWN:
        target.string_value = UNKNOWN_WIRE
    elif isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, int | float):
        target.number_value = value
    elif isinstance(value, str):
        target.string_value = value
    elif isinstance(value, Mapping):
        target.struct_value.SetInParent()
        for key, inner in value.items():
            _value_to_wire(inner, target.struct_value.fields[key])
    elif isinstance(value, list | tuple | set | frozenset):
        target.list_value.SetInParent()
        for inner in value:
            _value_to_wire(inner, target.list_value.values.add())
    else:
        raise TypeError(f"no wire form for a value of type {type(value).__name__}")


def contains_unknown(value: Any) -> bool:
    """Whether a plain value is, or holds anywhere inside, an unknown one."""
    if value is UNKNOWN:
        return True
    if isinstance(value, Mapping):
        return any(contains_unknown(inner) for inner in value.values())
    if isinstance(value, list):
        return any(contains_unknown(inner) for inner in value)
    return False
