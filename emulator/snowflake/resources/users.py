"""Users: of persons, of services, and of services that log in as persons do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.package import Question, ReadAnswer
from emulator.snowflake.account import ObjectName, SnowflakeObject
from emulator.snowflake.resources.handler import Connection, Handler
from emulator.snowflake.resources.identifiers import bare
from emulator.snowflake.resources.objects import ObjectHandler, ObjectType
from emulator.snowflake.resources.properties import (
    Property,
    boolean_text,
    inputs_of,
    integer,
    keyword,
    plain,
    reference_to,
)


def _key(text: Any) -> str:
    """An RSA public key without its frame and line ends, as Snowflake keeps it."""
    return "".join(line.strip() for line in str(text).splitlines() if not line.startswith("-----"))


def _secondary_roles(option: Any) -> list[str]:
    return ["ALL"] if str(option).upper() == "ALL" else []


def _secondary_roles_option(roles: Any) -> str:
    return "ALL" if roles else "NONE"


def _namespace(value: Any) -> ObjectName:
    return value if isinstance(value, ObjectName) else ObjectName.parse(str(value))


KEYS = (
    Property("rsaPublicKey", "RSA_PUBLIC_KEY", compare=_key),
    Property("rsaPublicKey2", "RSA_PUBLIC_KEY_2", compare=_key),
)

_PROPERTIES = (
    *KEYS,
    reference_to("defaultRole"),
    reference_to("defaultWarehouse"),
    Property(
        "defaultNamespace",
        "DEFAULT_NAMESPACE",
        lambda value: ObjectName.parse(value, unquoted="exact"),
        lambda value: value.sql(),
        compare=_namespace,
        found=_namespace,
    ),
    Property(
        "defaultSecondaryRolesOption",
        "DEFAULT_SECONDARY_ROLES",
        _secondary_roles,
        _secondary_roles_option,
        unset=("", "DEFAULT", "default"),
        compare=_secondary_roles_option,
    ),
    boolean_text("disabled"),
    boolean_text("mustChangePassword"),
    boolean_text("disableMfa", readable=False),
    # These count down, or are never shown.
    integer("minsToUnlock", readable=False),
    integer("minsToBypassMfa", readable=False),
    integer("daysToExpiry", unset=None, readable=False),
    plain("password", readable=False),
    Property("loginName", "LOGIN_NAME", compare=lambda value: str(value).upper()),
    reference_to("networkPolicy"),
    keyword("logLevel"),
    keyword("traceLevel"),
    plain("timestampDayIsAlways24h", "TIMESTAMP_DAY_IS_ALWAYS_24H"),
    plain("s3StageVpceDnsName", "S3_STAGE_VPCE_DNS_NAME"),
)


class UserHandler(ObjectHandler):
    """User, ServiceUser or LegacyServiceUser: `user_type` is Snowflake's TYPE."""

    def __init__(self, class_name: str, user_type: str) -> None:
        type_ = f"snowflake:index/{class_name[0].lower()}{class_name[1:]}:{class_name}"
        super().__init__(
            ObjectType(
                type=type_,
                kind="USER",
                properties=_properties_of(type_),
                fixed={"TYPE": user_type},
                unbuilt=frozenset({"defaultWorkloadIdentity", "logEventLevel"}),
                computed={"userType": user_type},
            )
        )
        self._user_type = user_type

    def is_ours(self, there: SnowflakeObject) -> bool:
        return str(there.properties.get("TYPE") or "PERSON").upper() == self._user_type


def _properties_of(type_: str) -> tuple[Property, ...]:
    return tuple(p for p in _PROPERTIES if p.wire in inputs_of(type_))


class UserPublicKeysHandler(Handler):
    """Key-pair log-in of a user that is made elsewhere."""

    def identify(self, inputs: dict[str, Any]) -> str:
        return str(inputs["name"])

    def create(self, connection: Connection, question: Question) -> tuple[str, dict[str, Any]]:
        wanted = self._wanted(question.inputs)
        connection.account.alter(connection.session, "USER", self._user(question.inputs), set=wanted)
        return self.identify(question.inputs), dict(question.inputs)

    def read(self, connection: Connection, question: Question) -> ReadAnswer:
        inputs: dict[str, Any] = dict(question.inputs) or {"name": question.id}
        there = connection.account.visible(connection.session, "USER", self._user(inputs))
        if there is None:
            return ReadAnswer()
        for key in KEYS:
            wanted, actual = key.wanted(inputs), there.properties.get(key.sql)
            if actual is None:
                inputs.pop(key.wire, None)
            elif wanted is None or key.compare(wanted) != key.compare(actual):
                inputs[key.wire] = actual
        return ReadAnswer(question.id, inputs, dict(inputs))

    def update(self, connection: Connection, question: Question) -> dict[str, Any]:
        old, new = self._wanted(question.old_inputs), self._wanted(question.inputs)
        gone = [key for key in old if key not in new]
        connection.account.alter(connection.session, "USER", self._user(question.inputs), set=new, unset=gone)
        return dict(question.inputs)

    def delete(self, connection: Connection, question: Question) -> None:
        user = self._user(question.old_inputs or {"name": question.id})
        if connection.account.find("USER", user) is not None:
            connection.account.alter(connection.session, "USER", user, unset=[key.sql for key in KEYS])

    @staticmethod
    def _user(inputs: Mapping[str, Any]) -> ObjectName:
        return ObjectName.of(bare(str(inputs["name"])))

    @staticmethod
    def _wanted(inputs: Mapping[str, Any]) -> dict[str, Any]:
        wanted = {key.sql: key.wanted(inputs) for key in KEYS}
        return {sql: value for sql, value in wanted.items() if value is not None}
