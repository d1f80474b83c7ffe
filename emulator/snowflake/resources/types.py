"""The resource types that are one object with properties, as a table.

What is not named here is the plain case: input `autoSuspend` is property AUTO_SUSPEND with the same value.
Source: the schemas of terraform-provider-snowflake and Snowflake's CREATE and ALTER statements.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.package import Question, ReadAnswer
from emulator.snowflake.account import ObjectName, SnowflakeObject
from emulator.snowflake.resources.handler import Connection
from emulator.snowflake.resources.objects import (
    IN_DATABASE,
    IN_SCHEMA,
    ObjectHandler,
    ObjectType,
)
from emulator.snowflake.resources.properties import (
    boolean,
    boolean_text,
    integer,
    keyword,
    numbers,
    reference_to,
    references_to,
    texts,
)

# There are no compute pools on the embedded account.
_COMPUTE_POOLS = frozenset({"defaultNotebookComputePoolCpu", "defaultNotebookComputePoolGpu"})

DATABASE = ObjectType(
    type="snowflake:index/database:Database",
    kind="DATABASE",
    properties=(
        boolean("isTransient", "TRANSIENT", changeable=False),
        # A database is made with its schema PUBLIC; the provider drops it right after.
        boolean("dropPublicSchemaOnCreation", "WITHOUT_PUBLIC", changeable=False, readable=False),
        keyword("logLevel"),
        keyword("traceLevel"),
    ),
    unbuilt=_COMPUTE_POOLS | {"replication"},
    shows=False,
)

SCHEMA = ObjectType(
    type="snowflake:index/schema:Schema",
    kind="SCHEMA",
    identity=IN_DATABASE,
    properties=(
        boolean_text("isTransient", "TRANSIENT", changeable=False),
        boolean_text("withManagedAccess", "MANAGED_ACCESS"),
        keyword("logLevel"),
        keyword("traceLevel"),
    ),
    unbuilt=_COMPUTE_POOLS,
)

WAREHOUSE = ObjectType(
    type="snowflake:index/warehouse:Warehouse",
    kind="WAREHOUSE",
    properties=(
        keyword("warehouseSize"),
        keyword("warehouseType"),
        keyword("scalingPolicy"),
        integer("autoSuspend"),
        boolean_text("autoResume"),
        boolean("initiallySuspended", changeable=False, readable=False),
        reference_to("resourceMonitor"),
        boolean_text("enableQueryAcceleration"),
        integer("queryAccelerationMaxScaleFactor"),
    ),
)

RESOURCE_MONITOR = ObjectType(
    type="snowflake:index/resourceMonitor:ResourceMonitor",
    kind="RESOURCE MONITOR",
    properties=(
        keyword("frequency"),
        references_to("notifyUsers"),
        numbers("notifyTriggers"),
    ),
)

ACCOUNT_ROLE = ObjectType(type="snowflake:index/accountRole:AccountRole", kind="ROLE")

DATABASE_ROLE = ObjectType(type="snowflake:index/databaseRole:DatabaseRole", kind="DATABASE ROLE", identity=IN_DATABASE)

NETWORK_POLICY = ObjectType(
    type="snowflake:index/networkPolicy:NetworkPolicy",
    kind="NETWORK POLICY",
    properties=(
        texts("allowedIpLists", "ALLOWED_IP_LIST"),
        texts("blockedIpLists", "BLOCKED_IP_LIST"),
        references_to("allowedNetworkRuleLists", "ALLOWED_NETWORK_RULE_LIST", 3),
        references_to("blockedNetworkRuleLists", "BLOCKED_NETWORK_RULE_LIST", 3),
    ),
)

NETWORK_RULE = ObjectType(
    type="snowflake:index/networkRule:NetworkRule",
    kind="NETWORK RULE",
    identity=IN_SCHEMA,
    properties=(
        keyword("type", changeable=False),
        keyword("mode", changeable=False),
        texts("valueLists", "VALUE_LIST"),
    ),
)


class DatabaseHandler(ObjectHandler):
    """A database. What days of Time Travel it has, its outputs tell even where they come from the account."""

    def __init__(self) -> None:
        super().__init__(DATABASE)

    def create(self, connection: Connection, question: Question) -> tuple[str, dict[str, Any]]:
        identity, outputs = super().create(connection, question)
        return identity, self._with_retention(connection, self.name_in(question.inputs), outputs)

    def read(self, connection: Connection, question: Question) -> ReadAnswer:
        answer = super().read(connection, question)
        if not answer.id:
            return answer
        outputs = self._with_retention(connection, self.name_in(answer.inputs), answer.outputs)
        return ReadAnswer(answer.id, answer.inputs, outputs)

    def update(self, connection: Connection, question: Question) -> dict[str, Any]:
        outputs = super().update(connection, question)
        return self._with_retention(connection, self.name_in(question.inputs), outputs)

    @staticmethod
    def _with_retention(connection: Connection, name: ObjectName, outputs: dict[str, Any]) -> dict[str, Any]:
        """The provider reads the parameter's value on any level (SHOW PARAMETERS IN DATABASE)."""
        if outputs.get("dataRetentionTimeInDays") is not None:
            return outputs
        days = connection.account.effective("DATABASE", name).get("DATA_RETENTION_TIME_IN_DAYS")
        return outputs if days is None else {**outputs, "dataRetentionTimeInDays": days}


class SchemaHandler(ObjectHandler):
    """A schema. The schema PUBLIC, which its database was made with, is taken over and altered."""

    def __init__(self) -> None:
        super().__init__(SCHEMA)

    def create(self, connection: Connection, question: Question) -> tuple[str, dict[str, Any]]:
        name = self.name_in(question.inputs)
        if name.name.upper() != "PUBLIC" or connection.account.visible(connection.session, "SCHEMA", name) is None:
            return super().create(connection, question)
        self.refuse_unbuilt(question.inputs)
        self.change(connection, name, question)
        return self.type.id_text(name), self.outputs(self.found(connection, name), question.inputs)

    def inputs_found(
        self, connection: Connection, there: SnowflakeObject, managed: Mapping[str, Any]
    ) -> dict[str, Any]:
        inputs = super().inputs_found(connection, there, managed)
        # SHOW says of every schema whether it is so, and what is not set is not so. The provider's import writes both
        # down (ImportSchema); another `isTransient` would be a replacement.
        for wire, sql in (("isTransient", "TRANSIENT"), ("withManagedAccess", "MANAGED_ACCESS")):
            if not managed or str(managed.get(wire)).lower() == "false":
                inputs[wire] = str(bool(there.properties.get(sql))).lower()
        return inputs
