"""EXECUTE IMMEDIATE: a statement that is given as text, or an anonymous block of statements and conditions.

Of Snowflake Scripting a block has statements and IF … ELSEIF … ELSE … END IF. The rest of it (variables, loops,
handlers of exceptions, RETURN) is refused by its words, all of it before the first statement runs.

Source: Snowflake's documentation, "EXECUTE IMMEDIATE", "Blocks", "IF (Snowflake Scripting)".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from emulator.snowflake.account import SnowflakeError
from emulator.snowflake.sql.calls import SCRIPTING
from emulator.snowflake.sql.connection import Connection
from emulator.snowflake.sql.parsing import parse
from emulator.snowflake.sql.results import Result, ResultColumn
from emulator.snowflake.sql.syntax import Tokens, is_block, tokenize, unsupported

_REFUSED = (SCRIPTING | {"RETURN"}) - {"IF"}


@dataclass(frozen=True, slots=True)
class If:
    """Conditions with the steps of each, the first true one is taken; ELSE has no condition."""

    branches: tuple[tuple[str, Steps], ...]


Step = str | If
Steps = tuple[Step, ...]


def execute_immediate(connection: Connection, tokens: Tokens) -> Result:
    """The rest of EXECUTE IMMEDIATE: what the text answers; a block answers one row with nothing in it."""
    if not tokens.is_string():
        raise unsupported(f"EXECUTE IMMEDIATE {tokens.word()}: only a text is run")
    text = tokens.string()
    if not tokens.done:
        raise unsupported(f"EXECUTE IMMEDIATE … {tokens.word()}")
    if not is_block(tokenize(text)):
        return connection.execute(text)
    _run(connection, _Block(text).read())
    return Result([ResultColumn("anonymous block")], [(None,)])


def _run(connection: Connection, steps: Steps) -> None:
    for step in steps:
        if isinstance(step, str):
            connection.execute(step)
            continue
        for condition, inner in step.branches:
            if not condition or _holds(connection, condition):
                _run(connection, inner)
                break


def _holds(connection: Connection, condition: str) -> bool:
    value = connection.query_tree(parse(f"SELECT ({condition})"), {}).rows[0][0]
    if value is not None and not isinstance(value, bool):
        raise SnowflakeError.compilation(
            1063, "22023", f"Invalid type of the condition {condition!r}: BOOLEAN is expected"
        )
    return bool(value)


class _Block:
    """BEGIN … END, read from its first word to its last."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokenize(text)
        self._place = 0

    def read(self) -> Steps:
        if self._word() == "DECLARE":
            raise unsupported("DECLARE (Snowflake Scripting)")
        self._expect("BEGIN")
        steps = self._steps({"END"})
        self._expect("END")
        if self._word() == ";":
            self._place += 1
        if self._word():
            raise SnowflakeError.syntax(f"unexpected '{self._word()}' after the block's END")
        return steps

    def _word(self, ahead: int = 0) -> str:
        place = self._place + ahead
        return self._tokens[place].text.upper() if place < len(self._tokens) else ""

    def _expect(self, word: str) -> None:
        if self._word() != word:
            raise SnowflakeError.syntax(f"unexpected '{self._word() or '<EOF>'}': {word} is expected")
        self._place += 1

    def _steps(self, ends: set[str]) -> Steps:
        found: list[Step] = []
        while (word := self._word()) not in ends:
            if word == "IF":
                found.append(self._if())
            elif word in _REFUSED:
                raise unsupported(f"{word} (Snowflake Scripting)")
            else:
                found.append(self._until({";"}))
            self._expect(";")
        if not found:
            raise SnowflakeError.syntax(f"unexpected '{self._word()}': a statement is expected")
        return tuple(found)

    def _if(self) -> If:
        branches: list[tuple[str, Steps]] = []
        while self._word() in {"IF", "ELSEIF"}:
            self._place += 1
            if self._word() != "(":
                raise SnowflakeError.syntax(f"unexpected '{self._word()}': a condition stands in brackets")
            condition = self._until({"THEN"}).strip()
            self._expect("THEN")
            branches.append((condition[1:-1], self._steps({"ELSEIF", "ELSE", "END"})))
        if self._word() == "ELSE":
            self._place += 1
            branches.append(("", self._steps({"END"})))
        self._expect("END")
        self._expect("IF")
        return If(tuple(branches))

    def _until(self, stops: Sequence[str] | set[str]) -> str:
        """The text up to one of these words outside brackets."""
        start, depth = self._place, 0
        while self._place < len(self._tokens) and (depth or self._word() not in stops):
            depth += (self._word() == "(") - (self._word() == ")")
            self._place += 1
        if self._place >= len(self._tokens):
            raise SnowflakeError.syntax("unexpected '<EOF>' in a block")
        if start == self._place:
            raise SnowflakeError.syntax(f"unexpected '{self._word()}' in a block")
        return self._text[self._tokens[start].start : self._tokens[self._place - 1].end + 1]
