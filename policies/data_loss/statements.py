"""SQL that a plan runs (Execute): what it drops or empties, what it leaves unguarded, which row it turns away."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from policies.data_loss.finding import Finding
from policies.data_loss.names import listed
from policies.data_loss.plan import Plan, Step, object_name, unknown
from policies.graph.resources import identifier

_HOLDS: Final = "DATABASE|SCHEMA|TABLE|STAGE|SEQUENCE|STREAM|SECRET"
_NO_COLUMN: Final = "ROW ACCESS|CONSTRAINT|PRIMARY|UNIQUE|FOREIGN|CLUSTERING|ALL|SEARCH|AGGREGATION"
_DESTROYS: Final[Sequence[tuple[str, str]]] = (
    (rf"DROP (?:(?:TRANSIENT|DYNAMIC|HYBRID|ICEBERG|EXTERNAL|EVENT) )?({_HOLDS})\b", "drop"),
    (r"TRUNCATE\b", "truncate"),
    (rf"CREATE OR REPLACE (?:(?:TRANSIENT|HYBRID|ICEBERG|EVENT) )?({_HOLDS})\b", "replace"),
    (rf"ALTER TABLE .* DROP (?:COLUMN\b|(?!{_NO_COLUMN}))", "drop a column"),
    (r"ALTER (?:TABLE|SCHEMA|DATABASE|ACCOUNT) .*(?:SET|UNSET) .*DATA_RETENTION_TIME_IN_DAYS", "change the retention"),
)  # fmt: skip
_CODE: Final = re.compile(r"(?:CALL (?!\"?SNOWFLAKE\"?\.)|EXECUTE IMMEDIATE\b|BEGIN\b|DECLARE\b)")
"""Code, but for the procedures of Snowflake's own database: they hold nobody's data."""
_CALLED: Final = re.compile(r"CALL (.+?) ?\(")
_DESTROYS_IN_CODE: Final = re.compile(
    r"\b(?:DROP|TRUNCATE|DELETE|OVERWRITE|OR\s+REPLACE|SWAP|DATA_RETENTION_TIME_IN_DAYS|EXECUTE\s+IMMEDIATE)\b"
    r"|\bCALL\s*(?:\s[{\"'%]|[\w.$]*\()",
    re.IGNORECASE,
)
"""A word anywhere in a procedure's definition that could lose something, or hand on to what could."""
_GUARD: Final = re.compile(
    r"ALTER (?:TABLE|VIEW) (.+?) "
    r"(?:ADD|(?:MODIFY|ALTER)(?: COLUMN)? .+ SET|SET) ((?:ROW ACCESS POLICY|MASKING POLICY|TAG) [^ =]+)"
)
_UNGUARDS: Final = re.compile(
    r"ALTER (?:TABLE|VIEW) .+ (?:DROP (?:ALL )?ROW ACCESS POLIC(?:Y|IES)|UNSET (?:MASKING POLICY|TAG))\b"
)
_WRITES: Final = re.compile(r"(?:MERGE INTO|INSERT (?:OVERWRITE )?INTO) (\S+)")
_EMPTIES: Final = re.compile(r"DELETE FROM (\S+)")
_DECLARED_VALUE: Final = re.compile(r"('(?:[^']|'')*'|[-+.\w]+) AS ([A-Z_][A-Z0-9_]*)")
_AIM: Final = frozenset({"DATABASE_NAME", "SCHEMA_NAME", "ORGANIZATION_ID"})
_MOMENT: Final = "nothing brings it back: what was read meanwhile was read. Suspend readers first"


def statement_losses(plan: Plan) -> Iterator[Finding]:
    """What the statements of each Execute that changes would destroy."""
    # In a stack that has nothing yet, nothing of it can go.
    known = any(step.op != "create" for step in plan.steps if not step.type.startswith("pulumi:"))
    for step in plan.of("Execute"):
        if step.op == "same" or step.retained:
            continue
        tenant = plan.tenant(step)
        place = f"statement {step.name}"
        runs: list[tuple[str, object]] = []
        if step.gone:
            runs.append(("revert", step.before("revert")))
        if step.op in ("create", "replace"):
            runs.append(("execute", step.new.get("execute")))
        declared = normalised(str(step.before("execute") or ""))
        for which, text in runs:
            if unknown(text):
                if known:
                    yield _cannot_tell(step, tenant, place, which)
            else:
                yield from _destroys(plan, step, tenant, place, which, str(text or ""), declared)
        if step.gone:
            yield from _unguards(plan, step, tenant, declared)
        if step.op == "delete" or (step.op == "replace" and not unknown(step.new.get("execute"))):
            yield from _aims_elsewhere(step, tenant, declared)


def _cannot_tell(step: Step, tenant: str, place: str, which: str) -> Finding:
    return Finding(
        step.urn,
        tenant,
        place,
        f"unknown {which}",
        "the statement that would run is not known in the plan: it could drop anything",
        "unknown",
        unknown=True,
    )


def _destroys(
    plan: Plan, step: Step, tenant: str, place: str, which: str, text: str, declared: str
) -> Iterator[Finding]:
    for statement in statements(text):
        for pattern, words in _DESTROYS:
            if re.match(pattern, statement):
                yield Finding(
                    step.urn,
                    tenant,
                    place,
                    f"run {_short(statement)}",
                    f"what it would {words}",
                    "by Time Travel, where the object it names has any",
                    "the object that the statement names",
                )
                break
        else:
            emptied = _EMPTIES.match(statement)
            wrote = {match[1] for match in _WRITES.finditer(declared)}
            # Rows that the very same resource writes are declared: the program has them.
            if emptied and emptied[1] not in wrote:
                yield Finding(
                    step.urn,
                    tenant,
                    place,
                    f"run {_short(statement)}",
                    f"the rows of {emptied[1]} that it deletes, which others wrote",
                    "by Time Travel of the table",
                    f"SELECT COUNT(*) {statement.removeprefix('DELETE ')};",
                )
            elif which == "execute" and _UNGUARDS.match(statement):
                yield Finding(
                    step.urn,
                    tenant,
                    place,
                    f"run {_short(statement)}",
                    "the guard of rows or columns that it takes off",
                    _MOMENT,
                )
            elif _CODE.match(statement) and not _shown_harmless(plan, statement):
                yield Finding(
                    step.urn,
                    tenant,
                    place,
                    f"run {_short(statement)}",
                    "whatever that code drops or deletes: the plan does not show what it does",
                    "by Time Travel, where what it touches has any",
                    "the code that it runs",
                )


def _shown_harmless(plan: Plan, statement: str) -> bool:
    """Whether a call is of a procedure that the plan itself declares, whose definition has no word that loses."""
    called = _CALLED.match(statement)
    if called is None:
        return False
    definitions = [
        step.new.get("procedureDefinition")
        for step in plan.of("ProcedurePython")
        if step.op != "delete"
        and tuple(step.new.get(part) for part in ("database", "schema", "name")) == identifier(called[1])
    ]
    return bool(definitions) and all(
        not unknown(text) and not _DESTROYS_IN_CODE.search(str(text)) for text in definitions
    )


def _unguards(plan: Plan, step: Step, tenant: str, declared: str) -> Iterator[Finding]:
    for statement in statements(declared):
        match = _GUARD.match(statement)
        if match is None or _table_gone(plan, match[1]):
            continue
        if step.op == "replace":
            lost = "its policy: until the new one is attached, whoever may read the table reads it unguarded"
            change = f"detach {_plain(match[2])} for a moment"
        else:
            lost = "its policy: whoever may read the table reads it unguarded from then on"
            change = f"detach {_plain(match[2])}"
        yield Finding(
            step.urn,
            tenant,
            f"table {_plain(match[1])}",
            change,
            lost,
            _MOMENT,
            f"SELECT * FROM TABLE(INFORMATION_SCHEMA.POLICY_REFERENCES(REF_ENTITY_NAME => '{_plain(match[1])}', "
            "REF_ENTITY_DOMAIN => 'TABLE'));",
        )


def _aims_elsewhere(step: Step, tenant: str, declared: str) -> Iterator[Finding]:
    """A row of ORGANIZATIONS that names another place: whoever looks there no longer finds what there was."""
    before, after = _row(declared), _row(normalised(str(step.new.get("execute") or "")))
    if step.op == "delete":
        if before:
            yield Finding(
                step.urn,
                tenant,
                _place_of_row(step, before),
                "withdraw",
                "what says that the organisation is one: programs no longer serve it, though its data stays",
                "by declaring the row again",
            )
        return
    changed = sorted(column for column in _AIM & before.keys() if before[column] != after.get(column))
    if changed:
        yield Finding(
            step.urn,
            tenant,
            _place_of_row(step, before),
            "change "
            + ", ".join(f"{column} from {before[column]} to {after.get(column, 'nothing')}" for column in changed),
            "the way to the organisation's data: programs look it up in this row",
            "by declaring it as it was",
            f"what lies under the values of before ({listed(before[column] for column in changed)})",
        )


def _place_of_row(step: Step, row: dict[str, str]) -> str:
    return f"row of {row.get('ORGANIZATION_ID', step.name).strip(chr(39))} in ORGANIZATIONS"


def _row(text: str) -> dict[str, str]:
    match = _WRITES.match(text)
    if match is None or _plain(match[1]).rpartition(".")[2] != "ORGANIZATIONS":
        return {}
    return {column: value for value, column in _DECLARED_VALUE.findall(text)}


def _table_gone(plan: Plan, name: str) -> bool:
    parts = identifier(name)
    return any(
        step.gone and (known := object_name(step)) and known == parts[: len(known)]
        for step in plan.of("Database", "Schema", "Table", "View")
    )


def _plain(name: str) -> str:
    return name.replace('"', "")


def _short(statement: str, most: int = 120) -> str:
    return statement if len(statement) <= most else f"{statement[:most]}…"


def normalised(text: str) -> str:
    """The statements one after the other, without comments, in single spaces; keywords and bare names in capitals."""
    return "; ".join(statements(text))


_TOKEN: Final = re.compile(
    r"""(?P<comment>--[^\n]*|//[^\n]*|/\*.*?\*/)|(?P<text>'(?:[^'\\]|\\.|'')*'|"(?:[^"]|"")*"|\$\$.*?\$\$)|(?P<end>;)|(?P<other>\s+|[^\s;'"]+?(?=--|//|/\*|[\s;'"]|\$\$|$)|.)""",
    re.DOTALL,
)


def statements(text: str) -> list[str]:
    """The statements of a text, each normalised."""
    found: list[list[str]] = [[]]
    for match in _TOKEN.finditer(text):
        if match["end"]:
            found.append([])
        elif match["comment"]:
            found[-1].append(" ")
        elif match["text"]:
            found[-1].append(match["text"])
        else:
            found[-1].append(re.sub(r"\s+", " ", match["other"]).upper())
    return [statement for parts in found if (statement := re.sub(r" +", " ", "".join(parts)).strip())]
