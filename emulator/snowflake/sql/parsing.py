"""Queries and row changes as syntax trees."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from typing import Any

from sqlglot import exp
from sqlglot.dialects.snowflake import Snowflake
from sqlglot.errors import ParseError
from sqlglot.parsers.snowflake import SnowflakeParser
from sqlglot.tokenizer_core import Token, TokenType

from emulator.snowflake.account import SnowflakeError
from emulator.snowflake.sql.syntax import Tokens, tokenize, unsupported

_DIALECT = Snowflake()
_MARK = "?"
# A statement that has this many tokens is a bulk load: keeping its tree would only fill memory.
_CACHED_TOKENS = 2_000


def _placeholder(parser: Any) -> exp.Expr:
    # The tree does not keep the order of the text, which is what counts for `?`: so each notes its place.
    return exp.Placeholder(this=f"{_MARK}{parser._prev.start}")


class _Parser(SnowflakeParser):
    PLACEHOLDER_PARSERS = {**SnowflakeParser.PLACEHOLDER_PARSERS, TokenType.PLACEHOLDER: _placeholder}  # noqa: RUF012


def parse(sql: str) -> exp.Expr:
    """The tree of one query or row change, the caller's to change. Placeholders are named "1", "2", … in the
    order of the text."""
    if len(tokenize(sql)) > _CACHED_TOKENS:
        return _parse(sql)
    return _cached(sql).copy()


@lru_cache(maxsize=2048)
def _cached(sql: str) -> exp.Expr:
    return _parse(sql)


def _parse(sql: str) -> exp.Expr:
    tokens = list(tokenize(sql))
    _refuse_compound_intervals(tokens)
    try:
        trees = _Parser(dialect=_DIALECT).parse(tokens, sql)
    except ParseError as error:
        raise _syntax_error(error) from None
    except RecursionError:
        raise SnowflakeError.syntax("the statement is nested too deeply") from None
    if len(trees) != 1 or trees[0] is None:
        raise SnowflakeError.syntax("expected one statement")
    tree = trees[0]
    if isinstance(tree, exp.Command):
        raise unsupported(str(tree.this).upper())
    marks = [node for node in tree.find_all(exp.Placeholder) if str(node.this or "").startswith(_MARK)]
    for index, node in enumerate(sorted(marks, key=lambda node: int(node.this[len(_MARK) :])), start=1):
        node.set("this", str(index))
    return tree


_INTERVAL = re.compile(r"\s*[+-]?\d+(\.\d+)?\s*[A-Za-z]*\s*")


def _refuse_compound_intervals(tokens: list[Token]) -> None:
    # Of '1 day, 2 hours' the parser would keep the day and drop the rest without a word.
    for token, following in pairwise(tokens):
        if (
            token.token_type is TokenType.INTERVAL
            and following.token_type is TokenType.STRING
            and not _INTERVAL.fullmatch(following.text)
        ):
            raise unsupported(f"INTERVAL '{following.text}'")


def _syntax_error(error: ParseError) -> SnowflakeError:
    if error.errors:
        first = error.errors[0]
        place = f"line {first.get('line')} at position {first.get('col')}"
        return SnowflakeError.compilation(
            1003, "42000", f"syntax error {place} unexpected '{first.get('highlight') or '<EOF>'}'."
        )
    return SnowflakeError.syntax(re.sub(r"\x1b\[\d+m", "", str(error)))


@lru_cache(maxsize=2048)
def projection_names(sql: str) -> tuple[str | None, ...]:
    """What Snowflake calls the columns of the outermost SELECT: the expression as it was written, unquoted text
    in upper case. None where the query has no plain list of expressions."""
    tokens = Tokens(sql)
    depth = 0
    while not tokens.done:
        word = tokens.word()
        if word == "(":
            depth += 1
        elif word == ")":
            depth -= 1
        elif word == "SELECT" and depth == 0:
            break
        tokens.position += 1
    if not tokens.accept("SELECT"):
        return ()
    tokens.accept_any(("DISTINCT", "ALL"))
    if tokens.accept("TOP"):
        tokens.position += 1
    names: list[str | None] = []
    while True:
        names.append(_written_name(tokens))
        if not tokens.accept(","):
            return tuple(names)


_AFTER_PROJECTION = frozenset(
    {
        "FROM",
        "WHERE",
        "GROUP",
        "HAVING",
        "QUALIFY",
        "ORDER",
        "LIMIT",
        "OFFSET",
        "FETCH",
        "UNION",
        "INTERSECT",
        "EXCEPT",
        "MINUS",
        "INTO",
        ";",
    }
)


def _written_name(tokens: Tokens) -> str | None:
    start = tokens.position
    depth = 0
    while not tokens.done:
        word = tokens.word()
        if depth == 0 and (word == "," or (word in _AFTER_PROJECTION and not _distinct_from(tokens, start))):
            break
        if word in {"(", "[", "{"}:
            depth += 1
        elif word in {")", "]", "}"}:
            if depth == 0:
                break
            depth -= 1
        tokens.position += 1
    text = tokens.text_since(start)
    return re.sub(r"'(?:[^']|'')*'|\"[^\"]*\"|[^'\"]+", _upper_unquoted, text) or None


def _distinct_from(tokens: Tokens, start: int) -> bool:
    # `a IS DISTINCT FROM b` does not end the list.
    return tokens.word() == "FROM" and tokens.position > start and tokens.word(-1) == "DISTINCT"


def _upper_unquoted(match: re.Match[str]) -> str:
    text = match.group()
    return text if text[0] in "'\"" else text.upper()
