"""From Snowflake's queries to DuckDB's: fakesnow's transformations, and ours where they fall short."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import sqlglot
from fakesnow import macros, transforms
from sqlglot import ErrorLevel, exp
from sqlglot.errors import SqlglotError, UnsupportedError

from emulator.snowflake.account import SnowflakeError
from emulator.snowflake.sql.syntax import unsupported

# What it cannot carry over sqlglot would only log.
logging.getLogger("sqlglot").setLevel(logging.ERROR)

Transformation = Callable[[exp.Expr], exp.Expr]
Kind = type[exp.Expr] | str


def _together(*transformations: Transformation) -> Transformation:
    """Several that look at nothing but the node itself, as one."""

    def apply(node: exp.Expr) -> exp.Expr:
        for transformation in transformations:
            node = transformation(node)
        return node

    return apply


_OF_TYPES: Final[frozenset[Kind]] = frozenset({exp.DataType})

# The order is fakesnow's own (`FakeSnowflakeCursor._transform`), which some of them rely on. Each with the nodes of
# which there must be one in a tree for it to change anything, functions of no type by their names: a test holds them
# to what they do without.
_FAKESNOW: Final[tuple[tuple[Transformation, frozenset[Kind]], ...]] = (
    (transforms.current_version, frozenset({exp.CurrentVersion})),
    (transforms.semi_structured_types, _OF_TYPES),
    (transforms.try_parse_json, frozenset({"TRY_PARSE_JSON"})),
    (transforms.split, frozenset({exp.Split})),
    (transforms.indices_to_json_extract, frozenset({exp.Bracket})),
    (transforms.json_extract_cast_as_varchar, frozenset({exp.JSONExtract})),
    (transforms.json_extract_cased_as_varchar, frozenset({exp.JSONExtract})),
    (transforms.json_extract_precedence, frozenset({exp.JSONExtract, exp.JSONExtractScalar})),
    (transforms.regex_replace, frozenset({exp.RegexpReplace})),
    (transforms.regex_substr, frozenset({exp.RegexpExtract})),
    (transforms.values_columns, frozenset({exp.Values})),
    (transforms.to_date, frozenset({"TO_DATE"})),
    (transforms.timestamp_offsets, frozenset({exp.Cast})),
    (transforms.to_decimal, frozenset({exp.ToNumber})),
    (transforms.to_timestamp, frozenset({exp.UnixToTime, "TO_TIMESTAMP", "TO_TIMESTAMP_NTZ", exp.Cast})),
    (transforms.to_variant, frozenset({exp.ToVariant})),
    (_together(transforms.timestamp_ntz, transforms.float_to_double, transforms.integer_precision), _OF_TYPES),
    (transforms.sample, frozenset({exp.TableSample})),
    (transforms.array_size, frozenset({exp.ArraySize})),
    (transforms.random, frozenset({exp.Rand})),
    (transforms.array_agg_within_group, frozenset({exp.WithinGroup})),
    (transforms.array_agg, frozenset({exp.ArrayAgg})),
    (transforms.object_agg, frozenset({exp.ObjectAgg})),
    (transforms.dateadd_date_cast, frozenset({exp.DateAdd})),
    (transforms.dateadd_string_literal_timestamp_cast, frozenset({exp.DateAdd})),
    (transforms.datediff_string_literal_timestamp_cast, frozenset({exp.DateDiff})),
    (transforms.hex_string, frozenset({exp.HexString})),
    (transforms.sha256, frozenset({exp.SHA2, exp.SHA2Digest, "SHA2_HEX", "SHA2_BINARY"})),
    (transforms.alias_in_join, frozenset({exp.Join})),
    (transforms.alias_in_where, frozenset({"_FS_OBJECT_CONSTRUCT"})),
)

# Snowflake's functions that neither DuckDB nor fakesnow has, in the catalogue that every connection starts in.
_MACROS: Final = """
CREATE OR REPLACE MACRO memory.main._flatten(input, prefix) AS TABLE
    SELECT
        hash(to_json(input)) % 2147483647 AS "SEQ",
        e.item.k AS "KEY",
        prefix || coalesce(CASE WHEN prefix <> '' THEN '.' ELSE '' END || e.item.k, '[' || e.item.i || ']') AS "PATH",
        e.item.i AS "INDEX",
        e.item.v AS "VALUE",
        to_json(input) AS "THIS"
    FROM (
        SELECT unnest(
            CASE json_type(to_json(input))
                WHEN 'OBJECT' THEN list_transform(
                    json_keys(to_json(input)),
                    lambda x: struct_pack(
                        k := x, i := NULL::BIGINT,
                        v := json_extract(to_json(input), '$."' || replace(x, '"', '\\"') || '"')
                    )
                )
                WHEN 'ARRAY' THEN list_transform(
                    range(json_array_length(to_json(input))::BIGINT),
                    lambda x: struct_pack(
                        k := NULL::VARCHAR, i := x, v := json_extract(to_json(input), '$[' || x || ']')
                    )
                )
            END
        ) AS item
    ) AS e;
CREATE OR REPLACE MACRO memory.main._divisor(x) AS
    CASE WHEN x = 0 THEN error('Division by zero') ELSE x END;
CREATE OR REPLACE MACRO memory.main._text(x) AS
    CASE typeof(x)
        WHEN 'JSON' THEN json_extract_string(try_cast(x AS JSON), '$')
        WHEN 'TIMESTAMP' THEN strftime(try_cast(CAST(x AS VARCHAR) AS TIMESTAMP), '%Y-%m-%d %H:%M:%S.%g')
        ELSE CAST(x AS VARCHAR)
    END;
CREATE OR REPLACE MACRO memory.main._try_timestamp(x) AS try_cast(CAST(x AS VARCHAR) AS TIMESTAMP);
CREATE OR REPLACE MACRO memory.main._list(x) AS CAST(to_json(x) AS JSON[]);
CREATE OR REPLACE MACRO memory.main._texts(x) AS
    list_transform(CAST(to_json(x) AS JSON[]), lambda y: json_extract_string(y, '$'));
CREATE OR REPLACE MACRO memory.main._to_array(x) AS
    CASE WHEN x IS NULL THEN NULL WHEN json_type(to_json(x)) = 'ARRAY' THEN to_json(x) ELSE json_array(x) END;
CREATE OR REPLACE MACRO memory.main._fits(x, size) AS
    CASE WHEN length(CAST(x AS VARCHAR)) > size
         THEN error('String ''' || left(CAST(x AS VARCHAR), 64) || ''' is too long and would be truncated')
         ELSE x END;
CREATE OR REPLACE MACRO memory.main._fits_bytes(x, size) AS
    CASE WHEN octet_length(x) > size
         THEN error('String ' || chr(39) || left(hex(x), 64) || chr(39) || ' is too long and would be truncated')
         ELSE x END;
CREATE OR REPLACE MACRO memory.main._with_zone(x) AS
    regexp_replace(x, '\\s*([+-][0-9]{2}):?([0-9]{2})$', '\\1:\\2');
CREATE OR REPLACE MACRO memory.main._array_compact(list) AS
    to_json(list_filter(CAST(list AS JSON[]), lambda x: x IS NOT NULL AND json_type(x) <> 'NULL'));
CREATE OR REPLACE MACRO memory.main._keep_keys(object, keys, keep) AS (
    SELECT coalesce(json_group_object(k, json_extract(to_json(object), '$."' || k || '"')), '{}'::JSON)
    FROM (SELECT unnest(json_keys(to_json(object))) AS k)
    WHERE list_contains(keys, k) = keep
);
CREATE OR REPLACE MACRO memory.main._array_contains(value, list) AS
    list_contains(CAST(list AS JSON[]), to_json(value));
"""


def creation_sql() -> str:
    """The macros that translated queries call, for the catalogue `memory`."""
    return macros.creation_sql("memory") + _MACROS


def to_duckdb(tree: exp.Expr) -> str:
    """The DuckDB text of a prepared tree (which is used up). What has no DuckDB form is refused by name."""
    try:
        kinds = _kinds_of(tree)
        for transformation, needed in _FAKESNOW:
            if not needed.isdisjoint(kinds):
                kinds.clear()
                tree = _everywhere(tree, transformation, kinds)
        return tree.sql(dialect="duckdb", comments=False, copy=False, unsupported_level=ErrorLevel.RAISE)
    except (UnsupportedError, NotImplementedError, AssertionError) as error:
        raise unsupported(" ".join(str(error).split())) from None


def tables_of(text: str) -> frozenset[tuple[str, ...]]:
    """Every table that a DuckDB text names, read anew from the text itself: in full, or by one name.

    A translation that let a value slip into the text as syntax would show here. What strings hold does not change how
    a text reads, unless one stands where a table's name does: so texts that differ in their strings alone are read
    once.
    """
    found = _tables_of(_without_strings(text))
    if any(part.startswith(_STRING) for name in found for part in name):
        return _tables_of(text)
    return found


_STRING: Final = "⟨string⟩"
"""What stands for a string in a text that is read for its tables."""


_QUOTED: Final = re.compile(r"""("(?:[^"]|"")*")|('(?:[^']|'')*')""")
# What may begin a comment or a string of another form: then nothing is left out.
_NOT_PLAIN: Final = re.compile(r"""--|/\*|[$'"]|\w⟨""")


def _without_strings(text: str) -> str:
    """The text with a mark for each of its strings; one with comments or with strings of another form as it is."""
    outside = _QUOTED.sub(lambda match: " " if match[1] else "⟨", text)
    if "⟨" in text or _NOT_PLAIN.search(outside):
        return text
    return _QUOTED.sub(lambda match: match[1] or f"'{_STRING}'", text)


@lru_cache(maxsize=2048)
def _tables_of(text: str) -> frozenset[tuple[str, ...]]:
    try:
        trees = sqlglot.parse(text, read="duckdb")
    except SqlglotError:
        raise unsupported("a translation that cannot be read back") from None
    if len(trees) != 1 or trees[0] is None:
        raise unsupported("a value that reads as more than one statement")
    found: set[tuple[str, ...]] = set()
    for table in trees[0].find_all(exp.Table):
        if isinstance(table.this, exp.Func):
            name = table.this.name if isinstance(table.this, exp.Anonymous) else table.this.sql_name()
            found.add((f"{name.lower()}()",))
        else:
            found.add(tuple(part.name for part in table.parts))
    return frozenset(found)


# What FLATTEN and GENERATOR become.
TABLE_FUNCTIONS: Final = frozenset({("_flatten()",), ("range()",), ("generate_series()",)})


def _kinds_of(tree: exp.Expr) -> set[Kind]:
    """What kinds of nodes a tree has."""
    kinds: set[Kind] = set()
    waiting: list[Any] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, exp.Expr):
            _add_kind(node, kinds)
            waiting.extend(node.args.values())
        elif isinstance(node, list):
            waiting.extend(node)
    return kinds


def _general(kind: type[exp.Expr]) -> tuple[type[exp.Expr], ...]:
    """A kind of node with all that it is besides."""
    return tuple(one for one in kind.__mro__ if issubclass(one, exp.Expr))


def _add_kind(node: exp.Expr, kinds: set[Kind]) -> None:
    kind = type(node)
    if kind not in kinds:
        kinds.update(_general(kind))
    if kind is exp.Anonymous:
        kinds.add(node.name.upper())


def _everywhere(node: exp.Expr, transformation: Transformation, kinds: set[Kind], *, done: bool = False) -> exp.Expr:
    """Apply it to every node from the top, also below what it put in place, which `Expr.transform` does not do. The
    kinds of the nodes that there are then are added to `kinds`."""
    new = node if done else transformation(node)
    _add_kind(new, kinds)
    replaced = new is not node
    for key, value in list(new.args.items()):
        if isinstance(value, exp.Expr):
            child = _everywhere(value, transformation, kinds, done=replaced and value is node)
            if child is not value:
                new.set(key, child)
        elif isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, exp.Expr):
                    child = _everywhere(item, transformation, kinds, done=replaced and item is node)
                    if child is not item:
                        new.set(key, child, index=index)
    return new


def patch(node: exp.Expr) -> exp.Expr:
    """One node of Snowflake's (its parts are patched already) in a form that DuckDB reads the same way."""
    rule = _PATCHES.get(type(node))
    return node if rule is None else rule(node)


def _call(function: str, *arguments: exp.Expr | None) -> exp.Anonymous:
    return exp.Anonymous(this=function, expressions=[argument for argument in arguments if argument is not None])


def _array(node: exp.Expr) -> exp.Expr:
    return _call("json_array", *node.expressions)


def _object(node: exp.Expr) -> exp.Expr:
    keys: list[exp.Expr] = []
    values: list[exp.Expr] = []
    for item in node.expressions:
        key = item.this
        keys.append(exp.Literal.string(key.name) if isinstance(key, exp.Identifier) else key)
        values.append(_call("to_json", item.expression))
    keep = exp.Boolean(this=isinstance(node, exp.JSONObject))
    if not keys:
        return exp.cast(exp.Literal.string("{}"), exp.DataType.Type.JSON)
    return _call("_fs_object_construct", exp.Array(expressions=keys), exp.Array(expressions=values), keep)


def _object_from_row(node: exp.Expr) -> exp.Expr:
    new = transforms.object_construct(node)
    if new is node:
        raise unsupported(node.sql(dialect="snowflake"))
    return new


def _json_object(node: exp.Expr) -> exp.Expr:
    return _object_from_row(node) if any(item.is_star for item in node.expressions) else _object(node)


_TRIMS: Final = {"LEADING": "ltrim", "TRAILING": "rtrim"}


def _trim(node: exp.Expr) -> exp.Expr:
    name = _TRIMS.get(str(node.args.get("position") or "").upper(), "trim")
    return _call(name, exp.cast(node.this, exp.DataType.Type.TEXT), node.args.get("expression"))


def _division(node: exp.Expr) -> exp.Expr:
    if not isinstance(node.expression, exp.Literal) or node.expression.name.strip("0.") == "":
        node.set("expression", _call("_divisor", node.expression))
    return node


def _cast(node: exp.Expr) -> exp.Expr:
    assert isinstance(node, exp.Cast)
    if node.to.this in exp.DataType.TEXT_TYPES:
        length = node.to.expressions
        # A VARIANT that holds text gives it without the quotes; only its type tells, so DuckDB must decide.
        if not isinstance(node.this, exp.Literal | exp.JSONExtract):
            text: exp.Expr = _call("_text", node.this)
        else:
            text = exp.cast(node.this, exp.DataType.Type.TEXT)
        return _call("left", text, length[0].this) if length else text
    if node.to.this in _SEMI_STRUCTURED:
        return _call("to_json", node.this)
    return node


def _try_cast(node: exp.Expr) -> exp.Expr:
    assert isinstance(node, exp.TryCast)
    if node.to.this in (exp.DataType.Type.TIMESTAMP, exp.DataType.Type.TIMESTAMPNTZ):
        return _call("_try_timestamp", node.this)
    return node


def _to_array(node: exp.Expr) -> exp.Expr:
    return _call("_to_array", node.this)


_SEMI_STRUCTURED: Final = (exp.DataType.Type.VARIANT, exp.DataType.Type.OBJECT, exp.DataType.Type.ARRAY)
_FORMATS: Final = {
    "YYYY": "%Y",
    "YY": "%y",
    "MMMM": "%B",
    "MON": "%b",
    "MM": "%m",
    "DD": "%d",
    "DY": "%a",
    "HH24": "%H",
    "HH12": "%I",
    "AM": "%p",
    "PM": "%p",
    "MI": "%M",
    "SS": "%S",
    "FF9": "%n",
    "FF6": "%f",
    "FF3": "%g",
}
_FORMAT_TOKEN: Final = re.compile(r'"([^"]*)"|' + "|".join(_FORMATS) + r"|[A-Za-z]+|.", re.IGNORECASE | re.DOTALL)


def strftime_format(text: str) -> str:
    """Snowflake's format of dates and times in strftime's letters; a part that is not known is refused."""
    found: list[str] = []
    for match in _FORMAT_TOKEN.finditer(text):
        part = match.group()
        if match.group(1) is not None:
            found.append(match.group(1))
        elif part.upper() in _FORMATS:
            found.append(_FORMATS[part.upper()])
        elif part.isalpha() and part.upper() != "T":
            raise unsupported(f"the format part {part} in '{text}'")
        else:
            found.append("%%" if part == "%" else part)
    return "".join(found)


def _to_char(node: exp.Expr) -> exp.Expr:
    format_ = node.args.get("format")
    if format_ is None:
        return _call("_text", node.this)
    if not isinstance(format_, exp.Literal):
        raise unsupported("TO_CHAR with a format that is no string")
    if not re.search(r"[YMDHS]", format_.name, re.IGNORECASE):
        raise unsupported(f"TO_CHAR with the number format '{format_.name}'")
    moment = exp.cast(node.this, exp.DataType.Type.TIMESTAMP)
    return _call("strftime", moment, exp.Literal.string(strftime_format(format_.name)))


def _array_contains(node: exp.Expr) -> exp.Expr:
    return _call("_array_contains", node.expression, node.this)


# AS_…: the value where the VARIANT holds one of this kind (as json_type tells it), else NULL.
_NUMBERS: Final = ("BIGINT", "UBIGINT", "HUGEINT", "DOUBLE")
_NAMED: Final[dict[str, tuple[tuple[str, ...], str]]] = {
    "AS_INTEGER": (("BIGINT", "UBIGINT", "HUGEINT"), "BIGINT"),
    "AS_DOUBLE": (_NUMBERS, "DOUBLE"),
    "AS_BOOLEAN": (("BOOLEAN",), "BOOLEAN"),
    "AS_CHAR": (("VARCHAR",), "TEXT"),
    "AS_VARCHAR": (("VARCHAR",), "TEXT"),
    "AS_OBJECT": (("OBJECT",), ""),
    "AS_ARRAY": (("ARRAY",), ""),
}


def _anonymous(node: exp.Expr) -> exp.Expr:
    name = node.name.upper()
    if name in _NAMED:
        kinds, type_ = _NAMED[name]
        (value,) = node.expressions
        is_kind = exp.In(this=_call("json_type", value.copy()), expressions=[exp.Literal.string(k) for k in kinds])
        read: exp.Expr = value
        if type_:
            read = _call("json_extract_string", value, exp.Literal.string("$"))
            read = read if type_ == "TEXT" else exp.cast(read, type_, dialect="duckdb")
        return exp.Case(ifs=[exp.If(this=is_kind, true=read)])
    if name == "OBJECT_DELETE":
        return _without_keys(node)
    if name == "OBJECT_PICK":
        return _with_keys(node)
    if name == "TO_OBJECT":
        return _call("to_json", node.expressions[0])
    return node


def _key_list(node: exp.Expr) -> exp.Expr:
    return exp.Array(expressions=list(node.expressions[1:]))


def _without_keys(node: exp.Expr) -> exp.Expr:
    return _call("_keep_keys", node.expressions[0], _key_list(node), exp.false())


def _with_keys(node: exp.Expr) -> exp.Expr:
    return _call("_keep_keys", node.expressions[0], _key_list(node), exp.true())


def _extract(node: exp.Expr) -> exp.Expr:
    """GET: by key or by index."""
    key = node.expression
    if isinstance(key, exp.Literal):
        path = f"$.{_quoted_key(key.name)}" if key.is_string else f"$[{key.name}]"
        return _call("json_extract", node.this, exp.Literal.string(path))
    raise unsupported("GET with a key or an index that is no constant")


def _quoted_key(key: str) -> str:
    return '"' + key.replace('"', '\\"') + '"'


def _strip_null(node: exp.Expr) -> exp.Expr:
    return exp.Nullif(this=node.this, expression=exp.cast(exp.Literal.string("null"), "JSON", dialect="duckdb"))


def _list_function(name: str) -> Transformation:
    def patched(node: exp.Expr) -> exp.Expr:
        return _call("to_json", _call(name, _as_list(node.this)))

    return patched


def _lists_function(name: str, *, as_json: bool) -> Transformation:
    def patched(node: exp.Expr) -> exp.Expr:
        parts = [part for part in (node.this, node.expression, *node.expressions) if part is not None]
        call = _call(name, *[_as_list(part) for part in parts])
        return _call("to_json", call) if as_json else call

    return patched


def _array_position(node: exp.Expr) -> exp.Expr:
    # Snowflake counts from 0 and has NULL for what is not there.
    found = _call("list_position", _as_list(node.this), _call("to_json", node.expression))
    return exp.Sub(this=_call("nullif", found, exp.Literal.number(0)), expression=exp.Literal.number(1))


def _array_compacted(node: exp.Expr) -> exp.Expr:
    return _call("_array_compact", node.this)


def _sorted_array(node: exp.Expr) -> exp.Expr:
    if node.args.get("asc") not in (None, exp.true()) or node.args.get("nulls_first"):
        raise unsupported("ARRAY_SORT in any order but the ascending one")
    return _call("to_json", _call("list_sort", _as_list(node.this)))


def _base64(node: exp.Expr) -> exp.Expr:
    if node.args.get("max_line_length") or node.args.get("alphabet"):
        raise unsupported("BASE64_ENCODE with a line length or an alphabet")
    return _call("to_base64", _call("encode", node.this))


def _from_base64(node: exp.Expr) -> exp.Expr:
    return _call("decode", _call("from_base64", node.this))


def _from_hex(node: exp.Expr) -> exp.Expr:
    return _call("decode", _call("unhex", node.this))


def _numbers(node: exp.Expr) -> exp.Expr:
    # The parts of a VARIANT are added up as numbers.
    if isinstance(node.this, exp.JSONExtract):
        node.set("this", exp.TryCast(this=node.this, to=exp.DataType.build("DOUBLE")))
    return node


def _count_if(node: exp.Expr) -> exp.Expr:
    # DuckDB's own is a sum: NULL where there are no rows. Snowflake counts none.
    counted = exp.Case(ifs=[exp.If(this=node.this, true=exp.Literal.number(1))])
    return exp.Count(this=counted, big_int=True)


def _concat_array(node: exp.Expr) -> exp.Expr:
    lists = [_as_list(part) for part in [node.this, *node.expressions]]
    joined: exp.Expr = lists[0]
    for part in lists[1:]:
        joined = _call("list_concat", joined, part)
    return _call("to_json", joined)


def _as_list(node: exp.Expr) -> exp.Expr:
    # In a macro, out of reach of the transformation that takes every array for a VARIANT.
    return _call("_list", node)


def _array_append(node: exp.Expr) -> exp.Expr:
    return _call("to_json", _call("list_append", _as_list(node.this), _call("to_json", node.expression)))


def _array_prepend(node: exp.Expr) -> exp.Expr:
    return _call("to_json", _call("list_prepend", _call("to_json", node.expression), _as_list(node.this)))


def _array_distinct(node: exp.Expr) -> exp.Expr:
    return _call("to_json", _call("list_distinct", _as_list(node.this)))


def _array_compact(node: exp.Expr) -> exp.Expr:
    return _call("json_array", *[part for part in node.expressions if not isinstance(part, exp.Null)])


def _array_to_string(node: exp.Expr) -> exp.Expr:
    return _call("array_to_string", _call("_texts", node.this), node.expression)


def _array_slice(node: exp.Expr) -> exp.Expr:
    start, end = node.args.get("start"), node.args.get("end")
    if not (isinstance(start, exp.Literal) and isinstance(end, exp.Literal)):
        raise unsupported("ARRAY_SLICE with bounds that are no plain numbers")
    first = exp.Literal.number(int(start.name) + 1)
    return _call("to_json", _call("list_slice", _as_list(node.this), first, end))


def _keys(node: exp.Expr) -> exp.Expr:
    return _call("to_json", _call("json_keys", node.this))


def _sha2(node: exp.Expr) -> exp.Expr:
    length = node.args.get("length")
    if length is not None and length.name != "256":
        raise unsupported(f"SHA2 of {length.name} bits")
    return node


def _time_slice(node: exp.Expr) -> exp.Expr:
    kind = node.args.get("kind")
    if kind is not None and kind.name.upper() not in {"START", "END"}:
        raise SnowflakeError.syntax(f"unexpected '{kind.name}': a time slice has a START and an END")
    return node


def _typeof(node: exp.Expr) -> exp.Expr:
    kinds = {"VARCHAR": "VARCHAR", "BIGINT": "INTEGER", "UBIGINT": "INTEGER", "DOUBLE": "DOUBLE", "NULL": "NULL_VALUE"}
    case = exp.Case(this=_call("json_type", node.this), default=_call("json_type", node.this.copy()))
    for duckdb, snowflake in kinds.items():
        case.append("ifs", exp.If(this=exp.Literal.string(duckdb), true=exp.Literal.string(snowflake)))
    return case


def _null_value(node: exp.Expr) -> exp.Expr:
    return exp.Paren(this=exp.EQ(this=_call("json_type", node.this), expression=exp.Literal.string("NULL")))


def _insert_key(node: exp.Expr) -> exp.Expr:
    if node.args.get("update_flag"):
        raise unsupported("OBJECT_INSERT with an update flag")
    return _call("json_merge_patch", node.this, _object_pair(node.args["key"], node.args["value"]))


def _object_pair(key: exp.Expr, value: exp.Expr) -> exp.Expr:
    return _call("json_object", key, _call("to_json", value))


_PATCHES: Final[dict[type[exp.Expr], Transformation]] = {
    exp.Array: _array,
    exp.ArrayConstructCompact: _array_compact,
    exp.Struct: _object,
    exp.JSONObject: _json_object,
    exp.StarMap: _object_from_row,
    exp.Trim: _trim,
    exp.Div: _division,
    exp.Mod: _division,
    exp.Cast: _cast,
    exp.TryCast: _try_cast,
    exp.ToArray: _to_array,
    exp.ToChar: _to_char,
    exp.ArrayContains: _array_contains,
    exp.ArrayConcat: _concat_array,
    exp.ArrayAppend: _array_append,
    exp.ArrayPrepend: _array_prepend,
    exp.ArrayDistinct: _array_distinct,
    exp.ArrayToString: _array_to_string,
    exp.ArraySlice: _array_slice,
    exp.JSONKeys: _keys,
    exp.Typeof: _typeof,
    exp.TimeSlice: _time_slice,
    exp.SHA2: _sha2,
    exp.SHA2Digest: _sha2,
    exp.IsNullValue: _null_value,
    exp.ObjectInsert: _insert_key,
    exp.ArrayCompact: _array_compacted,
    exp.ArrayPosition: _array_position,
    exp.ArrayMax: _list_function("list_max"),
    exp.ArrayMin: _list_function("list_min"),
    exp.ArrayReverse: _list_function("list_reverse"),
    exp.ArrayIntersect: _lists_function("list_intersect", as_json=True),
    exp.ArrayOverlaps: _lists_function("list_has_any", as_json=False),
    exp.SortArray: _sorted_array,
    exp.GetExtract: _extract,
    exp.StripNullValue: _strip_null,
    exp.Base64Encode: _base64,
    exp.Base64DecodeString: _from_base64,
    exp.HexDecodeString: _from_hex,
    exp.Anonymous: _anonymous,
    exp.CountIf: _count_if,
    exp.Sum: _numbers,
    exp.Avg: _numbers,
    exp.Median: _numbers,
}


# --- errors

_PATTERNS: Final[tuple[tuple[str, int, str, str], ...]] = (
    (r"Python exception occurred while executing the UDF: (.*)", 100357, "P0000", "Python Interpreter Error:\n{0}"),
    (r"Division by zero", 100051, "22012", "Division by zero"),
    (r"String '(.*)' is too long", 100078, "22000", "String '{0}' is too long and would be truncated"),
    (r"NOT NULL constraint failed: (\S+)", 100072, "22000", "NULL result in a non-nullable column"),
    (
        r"Could not convert string ['\"](.*?)['\"] to (?:U?INT|DECIMAL|DOUBLE|HUGEINT|FLOAT)",
        100038,
        "22018",
        "Numeric value '{0}' is not recognized",
    ),
    (r"Could not convert string ['\"](.*?)['\"] to BOOL", 100037, "22018", "Boolean value '{0}' is not recognized"),
    (
        r"(?:Could not cast|Casting) value \"?(.*?)\"? to (?:type )?DECIMAL",
        100039,
        "22003",
        "Numeric value '{0}' is out of range",
    ),
    (r"Unknown TimeZone '(.*?)'", 100035, "22007", "Timestamp with the zone '{0}' is not recognized"),
    (
        r"value (\d+) can't be cast because the value is out of range for the destination type INT64",
        2,
        "0A000",
        "Unsupported in the embedded Snowflake: a whole number of more than 64 bits: {0}",
    ),
    (r"timestamp field .*?: \"(.*?)\"", 100035, "22007", "Timestamp '{0}' is not recognized"),
    (r"date field.*?: \"(.*?)\"", 100040, "22007", "Date '{0}' is not recognized"),
    (r"Malformed JSON.*?(?:Input: \"?(.*?)\"?$|$)", 100069, "22P02", "Error parsing JSON: {0}"),
)


def from_duckdb(error: Exception) -> SnowflakeError:
    """DuckDB's error in Snowflake's numbers and words."""
    text = str(error)
    for pattern, errno, sqlstate, message in _PATTERNS:
        match = re.search(pattern, text, re.IGNORECASE | re.DOTALL)
        if match:
            groups = [group for group in match.groups() if group is not None] or [""]
            return SnowflakeError(errno, sqlstate, message.format(*groups))
    column = re.search(
        r'Referenced column "(.*?)" (?:was )?not found|does not have a column named "(.*?)"'
        r'|Cannot extract field \'.*?\' from expression "(.*?)"',
        text,
    )
    if column:
        name = column.group(1) or column.group(2) or column.group(3)
        return SnowflakeError.compilation(904, "42000", f"invalid identifier '{name}'")
    qualifier = re.search(r'Referenced table "(.*?)" not found', text)
    if qualifier:
        return SnowflakeError.compilation(904, "42000", f"invalid identifier '{qualifier.group(1)}'")
    ambiguous = re.search(r'Ambiguous reference to column name "(.*?)"', text)
    if ambiguous:
        return SnowflakeError.compilation(904, "42000", f"ambiguous column name '{ambiguous.group(1)}'")
    grouping = re.search(r'column "(.*?)" must appear in the GROUP BY', text)
    if grouping:
        return SnowflakeError.compilation(979, "42601", f"[{grouping.group(1)}] is not a valid group by expression")
    first = text.split("\n", 1)[0]
    kind = type(error).__name__
    if kind == "ConversionException":
        return SnowflakeError(100038, "22018", first.removeprefix("Conversion Error: "))
    if kind == "TransactionException":
        return SnowflakeError(625, "57014", f"Statement aborted: {first}")
    return SnowflakeError(2, "0A000", f"Unsupported in the embedded Snowflake: {first}")
