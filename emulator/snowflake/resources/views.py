"""Views: their query goes through the SQL front end, which checks what it reads on behalf of the provider's role."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.package import Question
from emulator.snowflake.account import ObjectName, SnowflakeObject
from emulator.snowflake.account.names import literal, quote
from emulator.snowflake.resources.handler import Connection
from emulator.snowflake.resources.identifiers import reference
from emulator.snowflake.resources.objects import IN_SCHEMA, ObjectHandler, ObjectType, undone_if_refused
from emulator.snowflake.resources.properties import as_list, boolean_text, only, plain
from emulator.snowflake.sql import execute


def _statement(value: Any) -> str:
    """A query in the form in which the provider compares: neither case nor space counts."""
    return " ".join(str(value).split()).rstrip("; ").lower()


VIEW = ObjectType(
    type="snowflake:index/view:View",
    kind="VIEW",
    identity=IN_SCHEMA,
    properties=(
        plain("statement", changeable=False, compare=_statement),
        boolean_text("isSecure", "SECURE"),
    ),
    unbuilt=frozenset(
        {
            "aggregationPolicy",
            "changeTracking",
            "dataMetricFunctions",
            "dataMetricSchedule",
            "isRecursive",
            "isTemporary",
        }
    ),
    silent=frozenset({"columns", "copyGrants", "rowAccessPolicy"}),
)


class ViewHandler(ObjectHandler):
    """A view. Another query, or other columns, are CREATE OR REPLACE, which loses grants unless `copyGrants`."""

    def __init__(self) -> None:
        super().__init__(VIEW)

    def create(self, connection: Connection, question: Question) -> tuple[str, dict[str, Any]]:
        inputs = question.inputs
        self.refuse_unbuilt(inputs)
        name = self.name_in(inputs)
        self._define(connection, name, inputs, replace=False)
        return self.type.id_text(name), self.outputs(self.found(connection, name), inputs)

    def change(self, connection: Connection, name: ObjectName, question: Question) -> None:
        old, new = question.old_inputs, question.inputs
        redefined = _statement(old.get("statement", "")) != _statement(new["statement"])
        if redefined or as_list(old.get("columns") or []) != as_list(new.get("columns") or []):
            self._define(connection, name, new, replace=True)
            return
        super().change(connection, name, question)
        if only(old.get("rowAccessPolicy")) != only(new.get("rowAccessPolicy")):
            if only(old.get("rowAccessPolicy")):
                connection.account.detach_policy(connection.session, "ROW ACCESS POLICY", "VIEW", name)
            self._attach(connection, name, new)

    def inputs_found(
        self, connection: Connection, there: SnowflakeObject, managed: Mapping[str, Any]
    ) -> dict[str, Any]:
        inputs = super().inputs_found(connection, there, managed)
        attached = next(
            (
                found
                for found in connection.account.policy_references(target=("VIEW", there.name))
                if found.policy_kind == "ROW ACCESS POLICY"
            ),
            None,
        )
        wanted = only(managed.get("rowAccessPolicy"))
        if attached is None:
            inputs.pop("rowAccessPolicy", None)
        elif (
            wanted is None
            or reference(wanted["policyName"], 3, "a row access policy") != attached.policy
            or as_list(wanted["ons"]) != list(attached.arguments)
        ):
            inputs["rowAccessPolicy"] = {"policyName": attached.policy.sql(), "ons": list(attached.arguments)}
        return inputs

    def _define(self, connection: Connection, name: ObjectName, inputs: Mapping[str, Any], *, replace: bool) -> None:
        words = ["CREATE"]
        if replace:
            words.append("OR REPLACE")
        if str(inputs.get("isSecure", "default")).lower() == "true":
            words.append("SECURE")
        words.append(f"VIEW {name.sql()}")
        columns = as_list(inputs.get("columns") or [])
        if columns:
            words.append("(" + ", ".join(self._column(column) for column in columns) + ")")
        if replace and inputs.get("copyGrants"):
            words.append("COPY GRANTS")
        if inputs.get("comment"):
            words.append(f"COMMENT = {literal(inputs['comment'])}")
        words.append(f"AS {inputs['statement']}")
        execute(connection.session, " ".join(words))
        if replace:
            self._protect(connection, name, inputs)
            return
        with undone_if_refused(connection, "VIEW", name):
            self._protect(connection, name, inputs)

    def _protect(self, connection: Connection, name: ObjectName, inputs: Mapping[str, Any]) -> None:
        """Put the policies on that CREATE VIEW would have."""
        for column in as_list(inputs.get("columns") or []):
            if mask := only(column.get("maskingPolicy")):
                connection.account.attach_policy(
                    connection.session,
                    "MASKING POLICY",
                    reference(mask["policyName"], 3, "a masking policy"),
                    "VIEW",
                    name,
                    column=column["columnName"],
                    arguments=as_list(mask.get("usings") or [column["columnName"]]),
                )
        self._attach(connection, name, inputs)

    @staticmethod
    def _column(column: Mapping[str, Any]) -> str:
        comment = f" COMMENT {literal(column['comment'])}" if column.get("comment") else ""
        return quote(column["columnName"]) + comment

    @staticmethod
    def _attach(connection: Connection, name: ObjectName, inputs: Mapping[str, Any]) -> None:
        if block := only(inputs.get("rowAccessPolicy")):
            connection.account.attach_policy(
                connection.session,
                "ROW ACCESS POLICY",
                reference(block["policyName"], 3, "a row access policy"),
                "VIEW",
                name,
                arguments=as_list(block["ons"]),
            )
