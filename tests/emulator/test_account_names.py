"""Names resolve as Snowflake's do."""

from __future__ import annotations

import pytest

from emulator.snowflake.account import ObjectName, SnowflakeError
from tests.emulator.account_sessions import refused


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("db", ("DB",)),
        ("Db.Schema.Tab", ("DB", "SCHEMA", "TAB")),
        ('db."Schema".tab', ("DB", "Schema", "TAB")),
        ('"a.b"."say ""hi"""', ("a.b", 'say "hi"')),
        ("_x$1", ("_X$1",)),
        ('"lower-case"', ("lower-case",)),
    ],
)
def test_unquoted_parts_are_upper_case_and_quoted_ones_kept(text: str, parts: tuple[str, ...]) -> None:
    assert ObjectName.parse(text).parts == parts


def test_the_provider_s_names_are_taken_as_they_are() -> None:
    assert ObjectName.parse("my-db.Schema", unquoted="exact").parts == ("my-db", "Schema")


def test_what_is_printed_is_read_back() -> None:
    for parts in (("DB", "S", "T"), ("db", 'q"q', "T-1")):
        resolved = ObjectName(parts)
        assert ObjectName.parse(resolved.sql()) == resolved
        assert ObjectName.parse(str(resolved)) == resolved


def test_only_what_needs_quotes_is_printed_with_them() -> None:
    assert str(ObjectName.parse('db."tab"')) == 'DB."tab"'


def test_a_function_s_signature_is_part_of_its_name_in_canonical_types() -> None:
    assert ObjectName.parse("db.s.f(varchar(16), int)") == ObjectName.parse("DB.S.F(STRING, NUMBER)")
    assert ObjectName.parse("db.s.f()") != ObjectName.parse("db.s.f")
    assert ObjectName.parse("db.s.f(varchar, number(10,2))").arguments == ("VARCHAR", "NUMBER")


@pytest.mark.parametrize("text", ["", ".", "a..b", "a.b.c.d", 'a."b', "1a", "a-b", "a b", 'a."".b', "f(x"])
def test_a_malformed_name_is_refused(text: str) -> None:
    with refused(1003, "syntax error"):
        ObjectName.parse(text)


def test_a_name_is_at_most_255_characters() -> None:
    assert ObjectName.parse("a" * 255).name == "A" * 255
    with pytest.raises(SnowflakeError, match="255"):
        ObjectName.parse("a" * 256)
