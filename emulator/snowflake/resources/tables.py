"""Tables, and the constraints on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from emulator.package import CloudError, Question, ReadAnswer
from emulator.snowflake.account import Column, ObjectName, SnowflakeError, SnowflakeObject, TableChange
from emulator.snowflake.account.names import base_type
from emulator.snowflake.account.types import normalise_type
from emulator.snowflake.resources.handler import Connection, Handler
from emulator.snowflake.resources.identifiers import reference
from emulator.snowflake.resources.objects import IN_SCHEMA, ObjectHandler, ObjectType, joined_id
from emulator.snowflake.resources.properties import as_list, boolean, integer, only, texts

TABLE = ObjectType(
    type="snowflake:index/table:Table",
    kind="TABLE",
    identity=IN_SCHEMA,
    properties=(
        texts("clusterBies", "CLUSTER_BY", ordered=True),
        boolean("changeTracking"),
        integer("dataRetentionTimeInDays"),
    ),
    # Both are deprecated in the provider: a TableConstraint and a TagAssociation do it.
    unbuilt=frozenset({"primaryKey", "tags"}),
    silent=frozenset({"columns"}),
    id_of=joined_id,
    shows=False,
)


class TableHandler(ObjectHandler):
    """A table. Columns change in place: a column renamed in the program is dropped, with its data, and added."""

    def __init__(self) -> None:
        super().__init__(TABLE)

    def creation_properties(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        columns = [column_of(block) for block in as_list(inputs.get("columns") or [])]
        return {**super().creation_properties(inputs), "COLUMNS": columns}

    def after_creation(self, connection: Connection, name: ObjectName, inputs: Mapping[str, Any]) -> None:
        for block in as_list(inputs.get("columns") or []):
            if block.get("maskingPolicy"):
                _mask(connection, name, block)

    def change(self, connection: Connection, name: ObjectName, question: Question) -> None:
        super().change(connection, name, question)
        old = {block["name"]: block for block in as_list(question.old_inputs.get("columns") or [])}
        new = {block["name"]: block for block in as_list(question.inputs.get("columns") or [])}
        # Statement by statement, in the provider's order: what went before a refusal has happened.
        dropped = [column for column in old if column not in new]
        if dropped:
            self._alter(connection, name, *(TableChange.drop(column) for column in dropped))
        for column, block in new.items():
            if column not in old:
                self._add(connection, name, block)
        for column, block in new.items():
            if column in old:
                self._change_column(connection, name, old[column], block)

    def properties_found(self, there: SnowflakeObject) -> dict[str, Any]:
        found = super().properties_found(there)
        if found.get("CHANGE_TRACKING") is False:
            del found["CHANGE_TRACKING"]
        return found

    def inputs_found(
        self, connection: Connection, there: SnowflakeObject, managed: Mapping[str, Any]
    ) -> dict[str, Any]:
        inputs = super().inputs_found(connection, there, managed)
        known = {block["name"]: block for block in as_list(managed.get("columns") or [])}
        masked = {
            found.column: found.policy.sql()
            for found in connection.account.policy_references(target=("TABLE", there.name))
            if found.policy_kind == "MASKING POLICY" and found.column is not None
        }
        inputs["columns"] = [
            _column_found(column, masked.get(column.name), known.get(column.name))
            for column in connection.account.columns(there.name)
        ]
        return inputs

    def outputs(self, there: SnowflakeObject, inputs: Mapping[str, Any]) -> dict[str, Any]:
        owner = there.owner.name.name if there.owner is not None else ""
        return {**super().outputs(there, inputs), "owner": owner}

    @staticmethod
    def _alter(connection: Connection, name: ObjectName, *changes: TableChange) -> None:
        connection.account.alter_table(connection.session, name, changes)

    def _add(self, connection: Connection, name: ObjectName, block: Mapping[str, Any]) -> None:
        default = only(block.get("default")) or {}
        if default.get("expression") or default.get("sequence"):
            raise CloudError(
                f"failed to add column {block['name']} => Only adding a column as a constant is supported by Snowflake"
            )
        self._alter(connection, name, TableChange.add(column_of(block)))
        if block.get("maskingPolicy"):
            _mask(connection, name, block)

    def _change_column(
        self, connection: Connection, name: ObjectName, old: Mapping[str, Any], new: Mapping[str, Any]
    ) -> None:
        column = new["name"]
        before, after = column_of(old), column_of(new)
        if normalise_type(before.type) != normalise_type(after.type):
            self._alter(connection, name, TableChange.set_type(column, after.type))
        if before.collation != after.collation:
            raise CloudError("the embedded Snowflake does not build a change of `collate` of a column yet")
        if before.nullable != after.nullable:
            self._alter(connection, name, TableChange.set_nullable(column, after.nullable))
        if before.default is not None and after.default is None:
            self._alter(connection, name, TableChange.drop_default(column))
        if before.comment != after.comment:
            self._alter(connection, name, TableChange.set_comment(column, after.comment))
        if (old.get("maskingPolicy") or "") != (new.get("maskingPolicy") or ""):
            if new.get("maskingPolicy"):
                _mask(connection, name, new)
            else:
                connection.account.detach_policy(connection.session, "MASKING POLICY", "TABLE", name, column=column)


def column_of(block: Mapping[str, Any]) -> Column:
    """A column as the account takes it, from the program's block. The provider quotes its name."""
    default = only(block.get("default")) or {}
    identity = only(block.get("identity"))
    type_ = str(block["type"])
    expression: str | None = None
    if default.get("constant"):
        constant = str(default["constant"])
        expression = _literal(constant) if _is_text(type_) else constant
    elif default.get("expression"):
        expression = str(default["expression"])
    elif default.get("sequence"):
        expression = f"{default['sequence']}.NEXTVAL"
    return Column(
        name=str(block["name"]),
        type=type_,
        nullable=block.get("nullable") is not False,
        default=expression,
        comment=str(block.get("comment") or ""),
        identity=None if identity is None else (int(identity.get("startNum", 1)), int(identity.get("stepNum", 1))),
        collation=block.get("collate") or None,
    )


def _is_text(type_: str) -> bool:
    return base_type(type_) == "VARCHAR"


def _literal(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _mask(connection: Connection, table: ObjectName, block: Mapping[str, Any]) -> None:
    policy = reference(block["maskingPolicy"], 3, "a masking policy")
    connection.account.attach_policy(
        connection.session,
        "MASKING POLICY",
        policy,
        "TABLE",
        table,
        column=block["name"],
        arguments=[block["name"]],
        force=True,
    )


def _column_found(column: Column, mask: str | None, known: Mapping[str, Any] | None) -> dict[str, Any]:
    """The block that describes a column; the program's own one as long as it is true."""
    if known is None:
        block: dict[str, Any] = {"name": column.name, "type": column.type, "nullable": column.nullable}
        if column.comment:
            block["comment"] = column.comment
        if column.identity is not None:
            block["identity"] = {"startNum": column.identity[0], "stepNum": column.identity[1]}
        elif column.default is not None:
            block["default"] = _default_found(column)
        if column.collation:
            block["collate"] = column.collation
        if mask:
            block["maskingPolicy"] = mask
        return block
    block, wanted = dict(known), column_of(known)
    if normalise_type(wanted.type) != normalise_type(column.type):
        block["type"] = column.type
    if wanted.nullable != column.nullable:
        block["nullable"] = column.nullable
    if wanted.comment != column.comment:
        block["comment"] = column.comment
    # Snowflake can drop a default but never set another on a column that exists: only its presence can drift.
    if (wanted.default is None) != (column.default is None) and wanted.identity is None and column.identity is None:
        block.pop("default", None)
        if column.default is not None:
            block["default"] = _default_found(column)
    wanted_mask = reference(known["maskingPolicy"], 3, "a masking policy").sql() if known.get("maskingPolicy") else None
    if wanted_mask != mask:
        block["maskingPolicy"] = mask or ""
    return block


def _default_found(column: Column) -> dict[str, str]:
    expression = column.default or ""
    if expression.upper().endswith(".NEXTVAL"):
        return {"sequence": expression[: -len(".NEXTVAL")]}
    if "(" in expression and ")" in expression:
        return {"expression": expression}
    if _is_text(column.type) and expression.startswith("'") and expression.endswith("'"):
        return {"constant": expression[1:-1].replace("\\'", "'").replace("''", "'").replace("\\\\", "\\")}
    return {"constant": expression}


# The provider's ids of constraints are joined so.
_SNOWFLAKE = "❄️"


class TableConstraintHandler(Handler):
    """A primary, unique or foreign key: Snowflake keeps it as a description and enforces only NOT NULL."""

    def identify(self, inputs: dict[str, Any]) -> str:
        return _SNOWFLAKE.join((inputs["name"], inputs["type"], inputs["tableId"]))

    def create(self, connection: Connection, question: Question) -> tuple[str, dict[str, Any]]:
        inputs = question.inputs
        table = self._table(inputs)
        constraint = self._constraint(inputs)
        there = self._existing(connection, table)
        if any(other["NAME"] == constraint["NAME"] for other in there):
            raise SnowflakeError.compilation(2002, "42710", f"Constraint '{constraint['NAME']}' already exists.")
        if constraint["TYPE"] == "PRIMARY KEY" and any(other["TYPE"] == "PRIMARY KEY" for other in there):
            raise SnowflakeError.compilation(2200, "42830", f"primary key already exists for table '{table.name}'")
        self._require_columns(connection, table, constraint["COLUMNS"])
        if "REFERENCES" in constraint:
            referenced = reference(constraint["REFERENCES"], 3, "a table")
            if connection.account.visible(connection.session, "TABLE", referenced) is None:
                raise SnowflakeError.does_not_exist("TABLE", referenced)
            self._require_columns(connection, referenced, constraint["REFERENCED_COLUMNS"])
        self._set(connection, table, [*there, constraint])
        return self.identify(inputs), dict(inputs)

    def read(self, connection: Connection, question: Question) -> ReadAnswer:
        inputs = dict(question.inputs) or self._inputs_from_id(question.id)
        table = self._table(inputs)
        there = connection.account.visible(connection.session, "TABLE", table)
        if there is None:
            return ReadAnswer()
        for constraint in there.properties.get("CONSTRAINTS") or []:
            if constraint.get("NAME") == inputs["name"]:
                if not question.inputs or list(constraint["COLUMNS"]) != as_list(inputs["columns"]):
                    inputs["columns"] = list(constraint["COLUMNS"])
                return ReadAnswer(question.id, inputs, dict(inputs))
        return ReadAnswer()

    def update(self, connection: Connection, question: Question) -> dict[str, Any]:  # noqa: ARG002
        # The provider's update of a constraint runs no SQL at all.
        return dict(question.inputs)

    def delete(self, connection: Connection, question: Question) -> None:
        inputs = question.old_inputs or self._inputs_from_id(question.id)
        table = self._table(inputs)
        if connection.account.find("TABLE", table) is None:
            return
        there = self._existing(connection, table)
        rest = [constraint for constraint in there if constraint["NAME"] != inputs["name"]]
        if len(rest) != len(there):
            self._set(connection, table, rest)

    @staticmethod
    def _table(inputs: Mapping[str, Any]) -> ObjectName:
        return reference(inputs["tableId"], 3, "a table")

    @staticmethod
    def _constraint(inputs: Mapping[str, Any]) -> dict[str, Any]:
        constraint: dict[str, Any] = {
            "TYPE": str(inputs["type"]).upper(),
            "NAME": inputs["name"],
            "COLUMNS": as_list(inputs["columns"]),
            "ENFORCED": inputs.get("enforced") is True,
            "DEFERRABLE": inputs.get("deferrable") is not False,
            "INITIALLY": str(inputs.get("initially") or "DEFERRED").upper(),
            "ENABLE": inputs.get("enable") is not False,
            "VALIDATE": inputs.get("validate") is True,
            "RELY": inputs.get("rely") is not False,
        }
        foreign = only(inputs.get("foreignKeyProperties"))
        if constraint["TYPE"] == "FOREIGN KEY":
            references = only((foreign or {}).get("references"))
            if references is None:
                raise CloudError("a FOREIGN KEY needs foreignKeyProperties.references")
            constraint["REFERENCES"] = reference(references["tableId"], 3, "a table").sql()
            constraint["REFERENCED_COLUMNS"] = as_list(references["columns"])
            for wire, key, default in (
                ("match", "MATCH", "FULL"),
                ("onUpdate", "ON_UPDATE", "NO ACTION"),
                ("onDelete", "ON_DELETE", "NO ACTION"),
            ):
                constraint[key] = str((foreign or {}).get(wire) or default).upper()
        return constraint

    @staticmethod
    def _existing(connection: Connection, table: ObjectName) -> list[dict[str, Any]]:
        there = connection.account.visible(connection.session, "TABLE", table)
        if there is None:
            raise SnowflakeError.does_not_exist("TABLE", table)
        return [dict(constraint) for constraint in there.properties.get("CONSTRAINTS") or []]

    @staticmethod
    def _set(connection: Connection, table: ObjectName, constraints: Sequence[Mapping[str, Any]]) -> None:
        connection.account.alter(connection.session, "TABLE", table, set={"CONSTRAINTS": list(constraints)})

    @staticmethod
    def _require_columns(connection: Connection, table: ObjectName, columns: Sequence[str]) -> None:
        there = {column.name for column in connection.account.columns(table)}
        for column in columns:
            if column not in there:
                raise SnowflakeError.compilation(904, "42000", f"invalid identifier '{column}'")

    @staticmethod
    def _inputs_from_id(identity: str) -> dict[str, Any]:
        parts = identity.split(_SNOWFLAKE)
        if len(parts) != 3:
            raise CloudError(f"unexpected id {identity!r}, expected <name>{_SNOWFLAKE}<type>{_SNOWFLAKE}<table id>")
        return {"name": parts[0], "type": parts[1], "tableId": parts[2]}
