"""What a VARIANT does beside values of other types: it gives way to them, as Snowflake has it.

DuckDB would compare the JSON text, quotes and all, and find nothing equal.
"""

from __future__ import annotations

from typing import Final, Literal

from sqlglot import exp

from emulator.snowflake.account.names import base_type

Kind = Literal["VARIANT", "TEXT", "NUMBER", "BOOLEAN", "DATE", "TIMESTAMP"]

_VARIANT_NODES: Final = (
    exp.JSONExtract,
    exp.GetExtract,
    exp.ParseJSON,
    exp.ToVariant,
    exp.Struct,
    exp.JSONObject,
    exp.Array,
)
_TEXT_NODES: Final = (
    exp.Upper,
    exp.Lower,
    exp.Initcap,
    exp.Trim,
    exp.Substring,
    exp.Left,
    exp.Right,
    exp.Replace,
    exp.Concat,
    exp.ConcatWs,
    exp.DPipe,
    exp.SplitPart,
    exp.Reverse,
    exp.Pad,
    exp.MD5,
    exp.SHA,
    exp.SHA2,
    exp.ToChar,
    exp.Repeat,
    exp.RegexpReplace,
)
_NUMBER_NODES: Final = (
    exp.Neg,
    exp.Add,
    exp.Sub,
    exp.Mul,
    exp.Div,
    exp.Mod,
    exp.Count,
    exp.CountIf,
    exp.Sum,
    exp.Avg,
    exp.Length,
    exp.Abs,
    exp.Round,
    exp.Floor,
    exp.Ceil,
    exp.ArraySize,
    exp.RowNumber,
)
# Functions of text: a VARIANT among their arguments is read as text.
_OF_TEXT: Final = (
    *_TEXT_NODES,
    exp.Length,
    exp.StartsWith,
    exp.EndsWith,
    exp.Contains,
    exp.StrPosition,
    exp.RegexpLike,
    exp.RegexpExtract,
    exp.RegexpCount,
    exp.Like,
    exp.ILike,
    exp.Split,
    exp.GroupConcat,
)
_COMPARISONS: Final = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ)
_ARITHMETIC: Final = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod)
_T = exp.DType
_TYPES: Final[dict[exp.DType, Kind]] = {
    **dict.fromkeys((_T.VARCHAR, _T.TEXT, _T.CHAR, _T.NVARCHAR, _T.NCHAR), "TEXT"),
    **dict.fromkeys((_T.DECIMAL, _T.INT, _T.BIGINT, _T.SMALLINT, _T.TINYINT, _T.FLOAT, _T.DOUBLE), "NUMBER"),
    _T.BOOLEAN: "BOOLEAN",
    _T.DATE: "DATE",
    **dict.fromkeys((_T.TIMESTAMP, _T.TIMESTAMPNTZ, _T.TIMESTAMPLTZ, _T.TIMESTAMPTZ, _T.DATETIME), "TIMESTAMP"),
    **dict.fromkeys((_T.VARIANT, _T.OBJECT, _T.ARRAY, _T.JSON), "VARIANT"),
}
_DECLARED: Final[dict[str, Kind]] = {
    "VARCHAR": "TEXT",
    "NUMBER": "NUMBER",
    "FLOAT": "NUMBER",
    "BOOLEAN": "BOOLEAN",
    "DATE": "DATE",
    "TIMESTAMP_NTZ": "TIMESTAMP",
    "TIMESTAMP_LTZ": "TIMESTAMP",
    "TIMESTAMP_TZ": "TIMESTAMP",
    "VARIANT": "VARIANT",
    "OBJECT": "VARIANT",
    "ARRAY": "VARIANT",
}
_READ_AS: Final[dict[Kind, str]] = {
    "NUMBER": "DOUBLE",
    "BOOLEAN": "BOOLEAN",
    "DATE": "DATE",
    "TIMESTAMP": "TIMESTAMP",
}


class ColumnKinds:
    """What kinds of value the columns of a statement's sources hold, by their names."""

    def __init__(self) -> None:
        self._kinds: dict[str, set[Kind | None]] = {}

    def add(self, name: str, type_: str) -> None:
        """A source has a column of this name and declared type."""
        self._kinds.setdefault(name, set()).add(_DECLARED.get(base_type(type_)))

    def knows(self, name: str) -> bool:
        """Whether a source has a column of exactly this name."""
        return name in self._kinds

    def other_case(self, name: str) -> bool:
        """Whether a source has a column of this name only in another case."""
        return name not in self._kinds and any(known.upper() == name.upper() for known in self._kinds)

    def of(self, node: exp.Expr) -> Kind | None:
        """The kind of a value, None where it cannot be told."""
        if isinstance(node, exp.Paren | exp.Distinct | exp.Ordered) and node.args.get("this") is not None:
            return self.of(node.this)
        if isinstance(node, exp.Column):
            kinds = self._kinds.get(node.name, set())
            return next(iter(kinds)) if len(kinds) == 1 else None
        if isinstance(node, exp.Literal):
            return "TEXT" if node.is_string else "NUMBER"
        if isinstance(node, exp.Boolean):
            return "BOOLEAN"
        if isinstance(node, exp.Cast):
            return _TYPES.get(node.to.this)
        if isinstance(node, exp.Bracket):
            return self.of(node.this)
        if isinstance(node, exp.CurrentTimestamp):
            return "TIMESTAMP"
        if isinstance(node, _VARIANT_NODES):
            return "VARIANT"
        if isinstance(node, _TEXT_NODES):
            return "TEXT"
        if isinstance(node, _NUMBER_NODES):
            return "NUMBER"
        return None

    def settle(self, node: exp.Expr) -> None:
        """Let the VARIANTs among a node's parts give way to the others. The parts are Snowflake's still."""
        if isinstance(node, _COMPARISONS):
            self._compare(node)
        elif isinstance(node, exp.In):
            self._one_of(node)
        elif isinstance(node, exp.Between):
            for key in ("low", "high"):
                kind = self.of(node.args[key])
                if self.of(node.this) == "VARIANT" and kind not in (None, "VARIANT"):
                    node.set("this", _read(node.this, kind))
        elif isinstance(node, _ARITHMETIC):
            for key in ("this", "expression"):
                if self.of(node.args[key]) == "VARIANT":
                    node.set(key, _read(node.args[key], "NUMBER"))
        elif isinstance(node, _OF_TEXT):
            self._text_arguments(node)
        elif isinstance(node, exp.Coalesce):
            self._mixed(node)

    def _compare(self, node: exp.Expr) -> None:
        left, right = node.this, node.expression
        left_kind, right_kind = self.of(left), self.of(right)
        if (left_kind == "VARIANT") == (right_kind == "VARIANT"):
            return
        key, value, other_key, other, kind = (
            ("this", left, "expression", right, right_kind)
            if left_kind == "VARIANT"
            else ("expression", right, "this", left, left_kind)
        )
        if isinstance(other, exp.Null | exp.Any | exp.All | exp.Subquery):
            return
        node.set(key, _read(value, kind or "TEXT"))
        if kind is None:
            node.set(other_key, _read(other, "TEXT"))

    def _one_of(self, node: exp.In) -> None:
        kinds = {self.of(item) for item in node.expressions}
        if self.of(node.this) == "VARIANT" and len(kinds) == 1 and (kind := kinds.pop()) not in (None, "VARIANT"):
            node.set("this", _read(node.this, kind))

    def _text_arguments(self, node: exp.Expr) -> None:
        for key in ("this", "expression", "replacement"):
            part = node.args.get(key)
            if isinstance(part, exp.Expr) and self.of(part) == "VARIANT":
                node.set(key, _read(part, "TEXT"))
        for index, item in enumerate(node.expressions):
            if isinstance(item, exp.Expr) and self.of(item) == "VARIANT":
                node.set("expressions", _read(item, "TEXT"), index=index)

    def _mixed(self, node: exp.Expr) -> None:
        parts = [node.this, *node.expressions]
        kinds = [self.of(part) for part in parts]
        if "VARIANT" not in kinds:
            return
        if kinds[0] != "VARIANT" and not isinstance(parts[0], exp.Null):
            node.set("this", exp.Anonymous(this="to_json", expressions=[parts[0]]))
        for index, (item, kind) in enumerate(zip(parts[1:], kinds[1:], strict=True)):
            if kind != "VARIANT" and not isinstance(item, exp.Null):
                node.set("expressions", exp.Anonymous(this="to_json", expressions=[item]), index=index)


def _read(node: exp.Expr, kind: Kind) -> exp.Expr:
    """A VARIANT as a value of this kind."""
    text = exp.Anonymous(this="_text", expressions=[node.copy()])
    return text if kind == "TEXT" else exp.cast(text, _READ_AS[kind], dialect="duckdb")
