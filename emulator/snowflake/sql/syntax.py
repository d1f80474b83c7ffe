"""Statements as tokens: the part of Snowflake's grammar that is not queries and row changes.

The tokens are sqlglot's own of Snowflake's dialect, so that comments, quoted identifiers and dollar
strings are read the same way everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, ClassVar, NoReturn

from sqlglot.dialects.snowflake import Snowflake
from sqlglot.errors import TokenError
from sqlglot.tokenizer_core import Token, TokenType

from emulator.snowflake.account import ObjectName, SnowflakeError


class _Statements(Snowflake):
    class Tokenizer(Snowflake.Tokenizer):
        # Of CALL and EXECUTE sqlglot would make one text up to the next semicolon, even one inside quotes.
        COMMANDS: ClassVar[set[TokenType]] = set()


_DIALECT = _Statements()
_STRINGS = frozenset({TokenType.STRING, TokenType.RAW_STRING, TokenType.NATIONAL_STRING, TokenType.HEREDOC_STRING})
_PUNCTUATION = frozenset("().,;:=[]{}+-*/<>!|&^%?@$~")


class Word(str):
    """An unquoted word of a statement, in upper case: a keyword, or a name that was not quoted."""

    __slots__ = ()


def unsupported(what: str) -> SnowflakeError:
    """A statement, clause or function that the embedded Snowflake does not have, refused by its name."""
    return SnowflakeError(2, "0A000", f"Unsupported statement in the embedded Snowflake: {what}")


@lru_cache(maxsize=4096)
def tokenize(sql: str) -> tuple[Token, ...]:
    """The tokens of a text; what cannot be read is a syntax error."""
    try:
        return tuple(part for token in _DIALECT.tokenize(sql) for part in _cast_marks(token))
    except TokenError as error:
        raise SnowflakeError.syntax(" ".join(str(error).split())) from None


def _cast_marks(token: Token) -> tuple[Token, ...]:
    # `?::` is an operator of another dialect's: here it is a bind variable and a cast.
    if token.token_type is not TokenType.QDCOLON:
        return (token,)
    mark = Token(TokenType.PLACEHOLDER, "?", token.line, token.col, token.start, token.start)
    return mark, Token(TokenType.DCOLON, "::", token.line, token.col, token.start + 1, token.end)


@lru_cache(maxsize=4096)
def words(sql: str) -> tuple[Token, ...]:
    """The tokens with those taken apart that sqlglot makes of several words (PRIMARY KEY, ORDER BY)."""
    found: list[Token] = []
    for token in tokenize(sql):
        if token.token_type in _STRINGS or token.token_type is TokenType.IDENTIFIER or " " not in token.text.strip():
            found.append(token)
            continue
        for match in re.finditer(r"\S+", sql[token.start : token.end + 1]):
            start, end = token.start + match.start(), token.start + match.end() - 1
            found.append(Token(TokenType.VAR, match.group(), token.line, token.col, start, end))
    return tuple(found)


@lru_cache(maxsize=4096)
def split(sql: str) -> tuple[str, ...]:
    """The statements of a text, without the semicolons between them and without empty ones.

    A scripting block (BEGIN … END, DECLARE) is one statement, semicolons and all.
    """
    statements: list[str] = []
    start: int | None = None
    tokens = tokenize(sql)
    if is_block(tokens):
        return (sql.strip(),)
    end = 0
    for token in tokens:
        if token.token_type is TokenType.SEMICOLON:
            if start is not None:
                statements.append(sql[start:end])
            start = None
            continue
        if start is None:
            start = token.start
        end = token.end + 1
    if start is not None:
        statements.append(sql[start:end])
    return tuple(statements)


def is_block(tokens: tuple[Token, ...]) -> bool:
    """Whether the text is an anonymous block of Snowflake Scripting."""
    words = [token.text.upper() for token in tokens[:2]]
    if not words:
        return False
    if words[0] == "DECLARE":
        return True
    return words[0] == "BEGIN" and len(words) == 2 and words[1] not in {";", "TRANSACTION", "WORK", "NAME"}


class Tokens:
    """A place in one statement, moved on by what the grammar takes."""

    __slots__ = ("_tokens", "position", "sql")

    def __init__(self, sql: str) -> None:
        self.sql = sql
        self._tokens = words(sql)
        self.position = 0

    @property
    def done(self) -> bool:
        """Whether nothing is left."""
        return self.position >= len(self._tokens)

    def peek(self, ahead: int = 0) -> Token | None:
        """The token at the place, or `ahead` of it."""
        index = self.position + ahead
        return self._tokens[index] if index < len(self._tokens) else None

    def is_string(self) -> bool:
        """Whether a string literal is next."""
        token = self.peek()
        return token is not None and token.token_type in _STRINGS

    def is_string_at(self, ahead: int) -> bool:
        """Whether a string literal is `ahead` of the place."""
        token = self.peek(ahead)
        return token is not None and token.token_type in _STRINGS

    def word(self, ahead: int = 0) -> str:
        """The unquoted word or sign at the place in upper case; empty for anything else or nothing."""
        token = self.peek(ahead)
        if token is None or token.token_type in _STRINGS or self._quoted(token):
            return ""
        return token.text.upper()

    def at(self, *words: str) -> bool:
        """Whether these words are next."""
        return all(self.word(index) == word for index, word in enumerate(words))

    def accept(self, *words: str) -> bool:
        """Take these words if they are next."""
        if not self.at(*words):
            return False
        self.position += len(words)
        return True

    def accept_any(self, words: Iterable[str]) -> str:
        """Take one of these words, each of which may be a phrase, and say which; empty if none is next."""
        for word in words:
            if self.accept(*word.split()):
                return word
        return ""

    def expect(self, *words: str) -> None:
        """Take these words or refuse the statement."""
        if not self.accept(*words):
            self.fail()

    def fail(self) -> NoReturn:
        """Refuse the statement at this place."""
        token = self.peek()
        if token is None:
            raise SnowflakeError.syntax("unexpected '<EOF>'.")
        before = self.sql[: token.start]
        line = before.count("\n") + 1
        column = token.start - (before.rfind("\n") + 1)
        raise SnowflakeError.compilation(
            1003, "42000", f"syntax error line {line} at position {column} unexpected '{token.text}'."
        )

    def end(self) -> None:
        """Nothing may be left."""
        if not self.done:
            self.fail()

    def rest(self) -> str:
        """The text from here to the end, taken."""
        token = self.peek()
        text = self.sql[token.start :] if token is not None else ""
        self.position = len(self._tokens)
        return text

    def text_since(self, position: int) -> str:
        """The text between an earlier place and this one."""
        if position >= self.position:
            return ""
        return self.sql[self._tokens[position].start : self._tokens[self.position - 1].end + 1]

    def identifier(self) -> str:
        """One identifier in its stored case."""
        token = self.peek()
        if token is None or token.token_type in _STRINGS or token.token_type is TokenType.NUMBER:
            self.fail()
        if self._quoted(token):
            self.position += 1
            return token.text
        if not (token.text[0].isalpha() or token.text[0] == "_"):
            self.fail()
        self.position += 1
        return token.text.upper()

    def dotted(self, maximum: int = 3) -> tuple[str, ...]:
        """A name of one to `maximum` parts as written (`db..t` has an empty part), or IDENTIFIER('…')."""
        if self.at("IDENTIFIER", "("):
            self.position += 2
            text = self.string()
            self.expect(")")
            parts = ObjectName.parse(text).parts
            if len(parts) > maximum:
                raise SnowflakeError.syntax(f"unexpected '{text}'")
            return parts
        parts_: list[str] = [self.identifier()]
        while len(parts_) < maximum and self.accept("."):
            if self.at("."):
                parts_.append("")
                continue
            parts_.append(self.identifier())
        return tuple(parts_)

    def string(self) -> str:
        """A string literal."""
        token = self.peek()
        if token is None or token.token_type not in _STRINGS:
            self.fail()
        self.position += 1
        return token.text

    def integer(self) -> int:
        """A whole number."""
        value = self.number()
        if not isinstance(value, int):
            self.position -= 1
            self.fail()
        return value

    def number(self) -> int | float:
        """A number with its sign."""
        sign = -1 if self.accept("-") else 1
        self.accept("+")
        token = self.peek()
        if token is None or token.token_type is not TokenType.NUMBER:
            self.fail()
        self.position += 1
        try:
            return sign * int(token.text)
        except ValueError:
            return sign * float(token.text)

    def at_value(self) -> bool:
        """Whether a literal, word or list is next."""
        token = self.peek()
        return token is not None and (
            token.token_type in _STRINGS or self._quoted(token) or token.text not in _PUNCTUATION or token.text == "("
        )

    def value(self) -> Any:
        """A property's value: a string, number, TRUE, FALSE, NULL, a word (`Word`), a quoted or dotted name
        (`ObjectName`), or a list or block of properties in brackets."""
        token = self.peek()
        if token is None:
            self.fail()
        if token.token_type in _STRINGS:
            return self.string()
        if token.token_type is TokenType.NUMBER or self.word() in {"-", "+"}:
            return self.number()
        if self.accept("("):
            return self._bracketed()
        for word, meaning in (("TRUE", True), ("FALSE", False), ("NULL", None)):
            if self.at(word) and self.word(1) != ".":
                self.position += 1
                return meaning
        quoted = self._quoted(token)
        parts = self.dotted()
        return ObjectName(parts) if quoted or len(parts) > 1 else Word(parts[0])

    def _bracketed(self) -> Any:
        if self.accept(")"):
            return []
        if self.word(1) == "=" or (self.word(1) == "" and self.word(2) == "=" and self.peek(1) is not None):
            block: dict[str, Any] = {}
            while not self.accept(")"):
                key = self.identifier()
                self.expect("=")
                block[key] = self.value()
                self.accept(",")
            return block
        values = [self.value()]
        while self.accept(","):
            values.append(self.value())
        self.expect(")")
        return values

    def list_of(self, read: Callable[[], Any]) -> list[Any]:
        """What `read` reads, once or more, between commas."""
        values = [read()]
        while self.accept(","):
            values.append(read())
        return values

    def balanced(self) -> str:
        """The text in the round brackets that are next, without them."""
        opening = self.peek()
        if opening is None or self.word() != "(":
            self.fail()
        self.position += 1
        depth = 1
        while not self.done:
            word = self.word()
            depth += (word == "(") - (word == ")")
            closing = self._tokens[self.position]
            self.position += 1
            if depth == 0:
                return self.sql[opening.end + 1 : closing.start].strip()
        return self.fail()

    def until(self, *stops: str) -> str:
        """The text up to one of these words or signs outside brackets, which is left in place."""
        start = self.position
        depth = 0
        while not self.done:
            word = self.word()
            if depth == 0 and word in stops:
                break
            if word in {"(", "["}:
                depth += 1
            elif word in {")", "]"}:
                if depth == 0:
                    break
                depth -= 1
            self.position += 1
        return self.text_since(start)

    @staticmethod
    def _quoted(token: Token) -> bool:
        return token.token_type is TokenType.IDENTIFIER
