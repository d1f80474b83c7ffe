"""Execute: any SQL, run once, with the SQL that takes it back."""

from __future__ import annotations

import dataclasses
import re
import uuid
from typing import Any

from emulator.package import CloudError, Question, ReadAnswer
from emulator.snowflake.account import SnowflakeError
from emulator.snowflake.resources.handler import Connection, Handler
from emulator.snowflake.sql import execute
from emulator.values import UNKNOWN

# The provider keeps a pool of connections: USE would change one of them, nobody knows which.
_USE = re.compile(r"(?is)\A(?:\s|--[^\n]*\n|/\*.*?\*/)*use\s+(role|secondary\s+roles)\b")


class ExecuteHandler(Handler):
    """`execute` runs at creation, `revert` at destruction, `query` at each read; a failing query is no error."""

    def outputs_in_preview(self, inputs: dict[str, Any]) -> dict[str, Any]:
        return {**inputs, "queryResults": UNKNOWN} if inputs.get("query") else inputs

    def create(self, connection: Connection, question: Question) -> tuple[str, dict[str, Any]]:
        _run(connection, question.inputs["execute"])
        return str(uuid.uuid4()), self._outputs(connection, question.inputs)

    def read(self, connection: Connection, question: Question) -> ReadAnswer:
        # Nothing in Snowflake belongs to an Execute: it is there as long as the state says so.
        if not question.inputs:
            # An import knows no statement yet; the provider asks for them in the program afterwards.
            return ReadAnswer(question.id, {}, {})
        return ReadAnswer(question.id, dict(question.inputs), self._outputs(connection, question.inputs))

    def update(self, connection: Connection, question: Question) -> dict[str, Any]:
        # A changed `revert` or `query` runs nothing but the query.
        return self._outputs(connection, question.inputs)

    def delete(self, connection: Connection, question: Question) -> None:
        revert = question.old_inputs.get("revert") or question.old_outputs.get("revert")
        if revert:
            _run(connection, revert)

    @staticmethod
    def _outputs(connection: Connection, inputs: dict[str, Any]) -> dict[str, Any]:
        query = inputs.get("query")
        if not query:
            return dict(inputs)
        try:
            rows = _run(connection, query)
        except SnowflakeError:
            # Only a warning in the provider, and the results are empty.
            return dict(inputs)
        return {**inputs, "queryResults": rows}


def _run(connection: Connection, statement: str) -> list[dict[str, str | None]]:
    """Run one statement in a session of its own as the provider's role; the rows as text by column name."""
    use = _USE.match(statement)
    if use:
        raise CloudError(
            f"the embedded Snowflake refuses USE {' '.join(use.group(1).upper().split())} in an Execute: "
            "it runs on one of the provider's pooled connections; give the resource a provider with that role"
        )
    own = connection.session
    session = dataclasses.replace(own, warehouse=own.warehouse or connection.warehouse, parameters=dict(own.parameters))
    result = execute(session, statement)
    names = [column.name for column in result.columns]
    return [dict(zip(names, row, strict=True)) for row in result.text_rows()]
