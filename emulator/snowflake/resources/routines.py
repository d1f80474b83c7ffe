"""Functions and procedures in SQL and Python."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.package import Question
from emulator.snowflake.account import ObjectName, SnowflakeObject
from emulator.snowflake.account.types import normalise_type
from emulator.snowflake.resources.handler import Connection
from emulator.snowflake.resources.identifiers import known_name, reference
from emulator.snowflake.resources.objects import IN_SCHEMA, ObjectHandler, ObjectType
from emulator.snowflake.resources.properties import (
    Property,
    as_list,
    boolean,
    boolean_text,
    inputs_of,
    keyword,
    plain,
    texts,
)
from emulator.values import UNKNOWN, contains_unknown


def _arguments(blocks: Any) -> list[tuple[str, ...]]:
    """`[{argName, argDataType, argDefaultValue}]` as the account takes them."""
    found: list[tuple[str, ...]] = []
    for block in as_list(blocks):
        default = block.get("argDefaultValue")
        pair = (str(block["argName"]), str(block["argDataType"]))
        found.append((*pair, str(default)) if default else pair)
    return found


def _blocks(arguments: Any) -> list[dict[str, str]]:
    return [
        {"argName": a[0], "argDataType": a[1], **({"argDefaultValue": a[2]} if len(a) > 2 else {})} for a in arguments
    ]


def _signature(arguments: Any) -> list[tuple[str, str]]:
    return [(str(a[0]).upper(), normalise_type(a[1])) for a in arguments]


def _body(value: Any) -> str:
    # The provider compares bodies without regard to case and space.
    return " ".join(str(value).split()).lower()


def _returns(value: Any) -> str:
    return " ".join(str(value).upper().split())


_PROPERTIES = (
    # The provider's update for another argument type runs no SQL.
    Property("arguments", "ARGUMENTS", _arguments, _blocks, unset=("", []), changeable=False, compare=_signature),
    Property("returnType", "RETURNS", changeable=False, compare=_returns),
    plain("functionDefinition", "BODY", changeable=False, compare=_body),
    plain("procedureDefinition", "BODY", changeable=False, compare=_body),
    plain("handler", changeable=False),
    plain("runtimeVersion", changeable=False),
    texts("packages", changeable=False, ordered=True),
    plain("nullInputBehavior", changeable=False),
    plain("returnResultsBehavior", changeable=False),
    boolean("isAggregate", "AGGREGATE", changeable=False),
    boolean_text("isSecure", "SECURE"),
    keyword("executeAs"),
    keyword("logLevel"),
    keyword("metricLevel"),
    keyword("traceLevel"),
)
_SNOWPARK = "snowflake-snowpark-python=="
_UNBUILT = frozenset({"externalAccessIntegrations", "imports", "secrets", "logEventLevel"})


class RoutineHandler(ObjectHandler):
    """FunctionSql, FunctionPython, ProcedureSql or ProcedurePython."""

    def __init__(self, class_name: str) -> None:
        type_ = f"snowflake:index/{class_name[0].lower()}{class_name[1:]}:{class_name}"
        kind = "FUNCTION" if class_name.startswith("Function") else "PROCEDURE"
        self._language = "PYTHON" if class_name.endswith("Python") else "SQL"
        super().__init__(
            ObjectType(
                type=type_,
                kind=kind,
                identity=IN_SCHEMA,
                properties=tuple(p for p in _PROPERTIES if p.wire in inputs_of(type_)),
                fixed={"LANGUAGE": self._language},
                unbuilt=_UNBUILT & inputs_of(type_),
                # It is one of the object's packages: see `creation_properties` and `properties_found`.
                silent=frozenset({"snowparkPackage"}),
                shows=False,
                computed={f"{kind.lower()}Language": self._language},
            )
        )

    def outputs_in_preview(self, inputs: dict[str, Any]) -> dict[str, Any]:
        name = known_name(inputs, self.type.identity)
        if name is None or contains_unknown(inputs.get("arguments")):
            return {**inputs, "fullyQualifiedName": UNKNOWN}
        return {**inputs, "fullyQualifiedName": self.name_in(inputs).sql()}

    def name_in(self, properties: Mapping[str, Any]) -> ObjectName:
        name = super().name_in(properties)
        types = tuple(argument[1] for argument in _arguments(properties.get("arguments") or []))
        return ObjectName.of(*name.parts, arguments=types)

    def name_of(self, question: Question) -> ObjectName:
        # The id and the full name carry the signature that it was made with; inputs may have changed since.
        for text in (question.old_outputs.get("fullyQualifiedName"), question.id):
            if isinstance(text, str) and text:
                return reference(text, 3, self.type.kind.lower())
        return self.name_in(question.old_inputs)

    def creation_properties(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The provider puts the version of Snowpark before the other packages."""
        properties = super().creation_properties(inputs)
        if inputs.get("snowparkPackage"):
            snowpark = f"{_SNOWPARK}{inputs['snowparkPackage']}"
            properties["PACKAGES"] = [snowpark, *(properties.get("PACKAGES") or [])]
        return properties

    def properties_found(self, there: SnowflakeObject) -> dict[str, Any]:
        """And takes it out again where it reads them."""
        found = super().properties_found(there)
        packages = [package for package in found.get("PACKAGES") or [] if not package.startswith(_SNOWPARK)]
        if packages:
            found["PACKAGES"] = packages
        else:
            found.pop("PACKAGES", None)
        return found

    def update(self, connection: Connection, question: Question) -> dict[str, Any]:
        inputs = question.inputs
        self.refuse_unbuilt(inputs)
        name = self.name_of(question)
        renamed = ObjectName.of(*super().name_in(inputs).parts, arguments=name.arguments)
        if renamed != name:
            connection.account.rename(connection.session, self.type.kind, name, renamed)
        self.change(connection, renamed, question)
        return self.outputs(self.found(connection, renamed), inputs)

    def is_ours(self, there: SnowflakeObject) -> bool:
        return str(there.properties.get("LANGUAGE") or "SQL").upper() == self._language
