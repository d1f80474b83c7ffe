"""Tasks, alerts, streams, stages, sequences, file formats and notification integrations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.package import CloudError, Question
from emulator.snowflake.account import ObjectName, SnowflakeObject
from emulator.snowflake.resources.handler import Connection
from emulator.snowflake.resources.objects import IN_SCHEMA, ObjectHandler, ObjectType, joined_id, undone_if_refused
from emulator.snowflake.resources.properties import (
    Property,
    boolean_text,
    integer,
    keyword,
    only,
    plain,
    reference_to,
    references_to,
    texts,
    upper_snake,
)


def _statement(value: Any) -> str:
    return " ".join(str(value).split()).lower()


def _schedule(block: Any) -> str | None:
    """`{minutes: 5}` → `5 MINUTE`, `{usingCron: …}` → `USING CRON …`."""
    inner = only(block) or {}
    for wire, unit in (("seconds", "SECOND"), ("minutes", "MINUTE"), ("hours", "HOUR")):
        if inner.get(wire):
            return f"{inner[wire]} {unit}"
    return f"USING CRON {inner['usingCron']}" if inner.get("usingCron") else None


def _schedule_block(text: Any) -> dict[str, Any]:
    words = str(text)
    if words.upper().startswith("USING CRON "):
        return {"usingCron": words[len("USING CRON ") :]}
    number, unit = words.split()
    return {f"{unit.lower().rstrip('s')}s": int(number)}


def _alert_schedule(block: Any) -> str | None:
    inner = only(block) or {}
    if inner.get("interval"):
        return f"{inner['interval']} MINUTE"
    cron = only(inner.get("cron"))
    return f"USING CRON {cron['expression']} {cron['timeZone']}" if cron else None


def _alert_schedule_block(text: Any) -> dict[str, Any]:
    words = str(text)
    if words.upper().startswith("USING CRON "):
        expression, _, zone = words[len("USING CRON ") :].rpartition(" ")
        return {"cron": {"expression": expression, "timeZone": zone}}
    return {"interval": int(words.split()[0])}


TASK = ObjectType(
    type="snowflake:index/task:Task",
    kind="TASK",
    identity=IN_SCHEMA,
    properties=(
        plain("sqlStatement", compare=_statement),
        plain("when", compare=_statement),
        Property("schedule", "SCHEDULE", _schedule, _schedule_block),
        reference_to("warehouse"),
        references_to("afters", "AFTER", 3),
        reference_to("finalize", parts=3),
        reference_to("errorIntegration"),
        boolean_text("allowOverlappingExecution"),
        Property("targetCompletionInterval", "TARGET_COMPLETION_INTERVAL", _schedule, _schedule_block),
        Property("timestampDayIsAlways24h", "TIMESTAMP_DAY_IS_ALWAYS_24H"),
        Property("s3StageVpceDnsName", "S3_STAGE_VPCE_DNS_NAME"),
        keyword("logLevel"),
        keyword("traceLevel"),
    ),
    unbuilt=frozenset({"executeAsUser"}),
    silent=frozenset({"started"}),
)


class TaskHandler(ObjectHandler):
    """A task. As the provider does, the root of its graph is suspended around a change and resumed after it."""

    def __init__(self) -> None:
        super().__init__(TASK)

    def create(self, connection: Connection, question: Question) -> tuple[str, dict[str, Any]]:
        paused = self._pause_roots(connection, self._predecessors(question.inputs))
        try:
            identity, _ = super().create(connection, question)
            name = self.name_in(question.inputs)
            if question.inputs.get("started"):
                with undone_if_refused(connection, "TASK", name):
                    self._set_state(connection, name, "STARTED")
            return identity, self.outputs(self.found(connection, name), question.inputs)
        finally:
            self._resume(connection, paused)

    def change(self, connection: Connection, name: ObjectName, question: Question) -> None:
        there = self.found(connection, name)
        before = self._predecessors(question.old_inputs)
        paused = self._pause_roots(connection, [name, *before, *self._predecessors(question.inputs)])
        try:
            if there.properties.get("STATE") == "STARTED":
                self._set_state(connection, name, "SUSPENDED")
            super().change(connection, name, question)
            if question.inputs.get("started"):
                self._set_state(connection, name, "STARTED")
        finally:
            self._resume(connection, [task for task in paused if task != name])

    def delete(self, connection: Connection, question: Question) -> None:
        name = self.name_of(question)
        paused = self._pause_roots(connection, [name])
        try:
            super().delete(connection, question)
        finally:
            self._resume(connection, [task for task in paused if task != name])

    def inputs_found(
        self, connection: Connection, there: SnowflakeObject, managed: Mapping[str, Any]
    ) -> dict[str, Any]:
        inputs = super().inputs_found(connection, there, managed)
        inputs["started"] = there.properties.get("STATE") == "STARTED"
        return inputs

    @staticmethod
    def _predecessors(inputs: Mapping[str, Any]) -> list[ObjectName]:
        found: list[ObjectName] = []
        for p in TASK.properties:
            if p.sql in {"AFTER", "FINALIZE"}:
                wanted = p.wanted(inputs)
                found.extend(wanted if isinstance(wanted, list) else [wanted] if wanted is not None else [])
        return found

    def _pause_roots(self, connection: Connection, tasks: list[ObjectName]) -> list[ObjectName]:
        """Suspend the started roots of the graphs that the tasks are in; return those that were."""
        paused: list[ObjectName] = []
        for root in {root for task in tasks for root in self._roots(connection, task)}:
            there = connection.account.find("TASK", root)
            if there is not None and there.properties.get("STATE") == "STARTED":
                self._set_state(connection, root, "SUSPENDED")
                paused.append(root)
        return paused

    def _roots(self, connection: Connection, task: ObjectName) -> set[ObjectName]:
        roots: set[ObjectName] = set()
        waiting, seen = [task], {task}
        while waiting:
            name = waiting.pop()
            there = connection.account.find("TASK", name)
            if there is None:
                continue
            above = [ObjectName.parse(text) for text in there.properties.get("AFTER") or []]
            if there.properties.get("FINALIZE"):
                above.append(ObjectName.parse(there.properties["FINALIZE"]))
            if not above:
                roots.add(name)
            waiting.extend(other for other in above if other not in seen)
            seen.update(above)
        return roots

    def _resume(self, connection: Connection, tasks: list[ObjectName]) -> None:
        for task in tasks:
            if connection.account.find("TASK", task) is not None:
                self._set_state(connection, task, "STARTED")

    @staticmethod
    def _set_state(connection: Connection, task: ObjectName, state: str) -> None:
        connection.account.alter(connection.session, "TASK", task, set={"STATE": state})


ALERT = ObjectType(
    type="snowflake:index/alert:Alert",
    kind="ALERT",
    identity=IN_SCHEMA,
    properties=(
        reference_to("warehouse"),
        Property("alertSchedule", "SCHEDULE", _alert_schedule, _alert_schedule_block),
        plain("condition", compare=_statement),
        plain("action", compare=_statement),
        # An alert is suspended until it is enabled.
        Property(
            "enabled",
            "STATE",
            lambda value: "STARTED" if value else "SUSPENDED",
            lambda value: value == "STARTED",
            unset=("", False),
        ),
    ),
    id_of=joined_id,
    shows=False,
)


class AlertHandler(ObjectHandler):
    """An alert; one that does not say `enabled` is suspended."""

    def __init__(self) -> None:
        super().__init__(ALERT)

    def properties_found(self, there: SnowflakeObject) -> dict[str, Any]:
        found = super().properties_found(there)
        if found.get("STATE") == "SUSPENDED":
            del found["STATE"]
        return found

    def creation_properties(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        properties = super().creation_properties(inputs)
        properties.pop("STATE", None)
        return properties

    def after_creation(self, connection: Connection, name: ObjectName, inputs: Mapping[str, Any]) -> None:
        if inputs.get("enabled"):
            connection.account.alter(connection.session, "ALERT", name, set={"STATE": "STARTED"})

    def changed_properties(self, question: Question) -> tuple[dict[str, Any], list[str]]:
        to_set, to_unset = super().changed_properties(question)
        if "STATE" in to_unset:
            return {**to_set, "STATE": "SUSPENDED"}, [key for key in to_unset if key != "STATE"]
        return to_set, to_unset


STREAM_ON_TABLE = ObjectType(
    type="snowflake:index/streamOnTable:StreamOnTable",
    kind="STREAM",
    identity=IN_SCHEMA,
    properties=(
        reference_to("table", "ON_TABLE", 3, changeable=False),
        boolean_text("appendOnly", changeable=False),
        boolean_text("showInitialRows", changeable=False),
    ),
    unbuilt=frozenset({"at", "before", "copyGrants"}),
    computed={"stale": False, "streamType": "STREAM_ON_TABLE"},
)


def _options(block: Any) -> dict[str, Any] | None:
    inner = only(block)
    if not inner:
        return None
    return {upper_snake(wire): value for wire, value in inner.items() if value not in (None, "", "default")}


STAGE_INTERNAL = ObjectType(
    type="snowflake:index/stageInternal:StageInternal",
    kind="STAGE",
    identity=IN_SCHEMA,
    properties=(
        Property("directory", "DIRECTORY", _options, changeable=False, readable=False),
        Property(
            "encryption",
            "ENCRYPTION",
            lambda block: {"TYPE": "SNOWFLAKE_SSE" if (only(block) or {}).get("snowflakeSse") else "SNOWFLAKE_FULL"},
            changeable=False,
            readable=False,
        ),
    ),
    unbuilt=frozenset({"fileFormat"}),
    computed={"stageType": "INTERNAL"},
)

SEQUENCE = ObjectType(
    type="snowflake:index/sequence:Sequence",
    kind="SEQUENCE",
    identity=IN_SCHEMA,
    properties=(
        integer("increment", unset=None),
        Property(
            "ordering",
            "ORDER",
            lambda value: str(value).upper() == "ORDER",
            lambda value: "ORDER" if value else "NOORDER",
        ),
    ),
    id_of=joined_id,
    shows=False,
)

EMAIL_NOTIFICATION_INTEGRATION = ObjectType(
    type="snowflake:index/emailNotificationIntegration:EmailNotificationIntegration",
    kind="INTEGRATION",
    properties=(
        Property("enabled", "ENABLED"),
        texts("allowedRecipients"),
    ),
    fixed={"TYPE": "EMAIL"},
    shows=False,
)

FILE_FORMAT = ObjectType(
    type="snowflake:index/fileFormat:FileFormat",
    kind="FILE FORMAT",
    identity=IN_SCHEMA,
    properties=(keyword("formatType", "TYPE", changeable=False),),
    id_of=joined_id,
    shows=False,
)


class FileFormatHandler(ObjectHandler):
    """A file format: its options are one property of the object."""

    def __init__(self) -> None:
        super().__init__(FILE_FORMAT)

    def creation_properties(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        properties: dict[str, Any] = {"TYPE": str(inputs["formatType"]).upper()}
        if inputs.get("comment"):
            properties["COMMENT"] = inputs["comment"]
        if options := self._options(inputs):
            properties["OPTIONS"] = options
        return properties

    def change(self, connection: Connection, name: ObjectName, question: Question) -> None:
        old, new = self._options(question.old_inputs), self._options(question.inputs)
        to_set: dict[str, Any] = {}
        to_unset: list[str] = []
        if old != new:
            to_set["OPTIONS"] = new
        if (question.old_inputs.get("comment") or "") != (question.inputs.get("comment") or ""):
            if question.inputs.get("comment"):
                to_set["COMMENT"] = question.inputs["comment"]
            else:
                to_unset.append("COMMENT")
        if to_set or to_unset:
            connection.account.alter(connection.session, "FILE FORMAT", name, set=to_set, unset=to_unset)

    def inputs_found(
        self,
        connection: Connection,  # noqa: ARG002 - as the others have it
        there: SnowflakeObject,
        managed: Mapping[str, Any],
    ) -> dict[str, Any]:
        inputs = {**managed, **self.identity_found(there, managed)}
        inputs["formatType"] = managed.get("formatType") or there.properties["TYPE"]
        if there.comment:
            inputs["comment"] = there.comment
        else:
            inputs.pop("comment", None)
        actual, wires = dict(there.properties.get("OPTIONS") or {}), self._wires()
        wanted = self._options(managed)
        for wire, sql in wires.items():
            if actual.get(sql) == wanted.get(sql):
                continue
            if sql in actual:
                inputs[wire] = actual[sql]
            else:
                inputs.pop(wire, None)
        return inputs

    def _options(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        return {sql: inputs[wire] for wire, sql in self._wires().items() if inputs.get(wire) not in (None, "", [])}

    def _wires(self) -> dict[str, str]:
        own = {*IN_SCHEMA, "formatType", "comment"}
        special = {"nullIfs": "NULL_IF", "ignoreUtf8Errors": "IGNORE_UTF8_ERRORS"}
        return {p.wire: special.get(p.wire, p.sql) for p in self.type.all_properties if p.wire not in own}


class EmailNotificationIntegrationHandler(ObjectHandler):
    """A notification integration that sends mail; integrations of other types share its names."""

    def __init__(self) -> None:
        super().__init__(EMAIL_NOTIFICATION_INTEGRATION)

    def is_ours(self, there: SnowflakeObject) -> bool:
        return there.properties.get("TYPE") == "EMAIL"


class StageInternalHandler(ObjectHandler):
    """An internal stage; what changes its encryption or directory table is refused until it is built."""

    def __init__(self) -> None:
        super().__init__(STAGE_INTERNAL)

    def change(self, connection: Connection, name: ObjectName, question: Question) -> None:
        if only(question.old_inputs.get("directory")) != only(question.inputs.get("directory")):
            raise CloudError("the embedded Snowflake does not build a change of `directory` of a stage yet")
        super().change(connection, name, question)
