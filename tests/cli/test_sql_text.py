"""What `nexus sql` makes of a text, and of Snowflake's errors."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console
from snowflake.connector.errors import ProgrammingError

from cli.connector import one_line, private_key
from cli.console import console
from cli.failure import BadInputError
from cli.sql import _show, read, statements


def test_statements_are_split_as_snowflake_does() -> None:
    text = "-- all of it; at once\nSELECT 'a;b';\n\nSELECT $$c;d$$; /* nothing; here */ ;"
    assert [statement.splitlines()[-1] for statement in statements(text)] == ["SELECT 'a;b'", "SELECT $$c;d$$"]


@pytest.mark.parametrize("text", ["", " \n", ";", "-- a comment", "/* a\ncomment */;"])
def test_comments_alone_are_no_statement(text: str) -> None:
    assert list(statements(text)) == []


def test_an_error_is_one_line_with_its_number() -> None:
    error = ProgrammingError(
        msg="SQL compilation error:\nDatabase 'X' does not exist or not authorized.", errno=2003, sqlstate="02000"
    )
    assert one_line(error) == "002003 (02000): SQL compilation error: Database 'X' does not exist or not authorized."


def test_a_script_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"missing\.sql cannot be read"):
        read(tmp_path / "missing.sql")


def test_what_is_no_key_is_refused_without_being_repeated() -> None:
    with pytest.raises(ValueError, match="not an unencrypted private key") as refusal:
        private_key("-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----\n")
    assert "secret" not in str(refusal.value)


def shown(output: Console) -> str:
    text = io.StringIO()
    output.file = text
    _show({"columns": ["name", "comment"], "rows": [["A" * 60, "[b]not markup[/b]"], [None, "2"]]}, output)
    return text.getvalue()


def terminal(width: int) -> Console:
    return Console(width=width, force_terminal=True, color_system=None)


def test_a_result_keeps_its_lines_whole_where_nobody_looks_at_a_terminal() -> None:
    assert shown(console.__wrapped__()).splitlines()[1] == f"{'A' * 60}  [b]not markup[/b]"


def test_a_result_too_wide_for_a_terminal_is_told_row_by_row() -> None:
    assert [line.split()[0] for line in shown(terminal(79)).splitlines()] == ["name", "A" * 60, "NULL", "2"]
    lines = [line.split() for line in shown(terminal(78)).splitlines()]
    assert lines[:2] == [["row", "1"], ["name", "A" * 60]]
    assert ["name", "NULL"] in lines
