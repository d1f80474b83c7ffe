"""The handler that deletes what has expired: its statements, its answer, and what it refuses before it deletes."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from components.snowflake.handlers.retention import main


@dataclass
class RecordingSession:
    """Notes statements; each DELETE says that it removed as many rows as its table's name has letters."""

    statements: list[str] = field(default_factory=list)

    def sql(self, text: str) -> RecordingSession:
        self.statements.append(text)
        return self

    def collect(self) -> list[tuple[int]]:
        return [(len(self.statements[-1].split('"')[5]),)]


def test_it_deletes_what_has_expired_and_says_how_much() -> None:
    session = RecordingSession()
    assert main(session, "HCS0001_DB", "NEXUSCHAT", "CONVERSATIONS, USER_SESSIONS") == (
        "CONVERSATIONS: 13, USER_SESSIONS: 13"
    )
    assert session.statements == [
        'DELETE FROM "HCS0001_DB"."NEXUSCHAT"."CONVERSATIONS" WHERE EXPIRES_AT < SYSDATE()',
        'DELETE FROM "HCS0001_DB"."NEXUSCHAT"."USER_SESSIONS" WHERE EXPIRES_AT < SYSDATE()',
    ]


@pytest.mark.parametrize(
    ("database", "schema", "tables", "said"),
    [
        ("HCS0001_DB", "NEXUSCHAT", "", "TABLE_NAMES is empty"),
        ("HCS0001_DB", "NEXUSCHAT", "CONVERSATIONS,messages", "'messages' is no plain name"),
        ('DB"."X', "NEXUSCHAT", "CONVERSATIONS", "is no plain name"),
        ("HCS0001_DB", None, "CONVERSATIONS", "None is no plain name"),
    ],
)
def test_a_wrong_argument_deletes_nothing(database: str, schema: str, tables: str, said: str) -> None:
    session = RecordingSession()
    with pytest.raises(ValueError, match=said):
        main(session, database, schema, tables)
    assert session.statements == []
