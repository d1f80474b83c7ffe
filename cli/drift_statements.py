"""What the program's own statements (Execute) did, asked of the account: the engine never reads that back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import sqlglot
from sqlglot import exp

from cli.connector import NOT_AUTHORIZED, rows
from cli.drift_meaning import DECLARED, Meaning, of_gone, of_privilege, of_role
from cli.render import words
from cli.render.script import Declared
from cli.render.types import ROW_POLICY
from policies.graph.resources import identifier

if TYPE_CHECKING:
    from snowflake.connector.cursor import SnowflakeCursor

_NAME: Final = r'((?:"[^"]+"|\w+)(?:\.(?:"[^"]+"|\w+))*)'
_FROM_PUBLIC: Final = re.compile(
    rf"(?is)REVOKE\s+(?:DATABASE\s+ROLE\s+{_NAME}|([A-Z ]+?)\s+ON\s+ACCOUNT)\s+FROM\s+ROLE\s+PUBLIC"
)
_SUSPENDS: Final = re.compile(rf"(?is)CALL\s+{_NAME}\s*\(\s*'([^']+)'\s*\)")
_TAKES_MODELS: Final = re.compile(
    r"(?is)CALL\s+SNOWFLAKE\.LOCAL\.REVOKE_FROM_PUBLIC_APPLICATION_ROLE\s*\(\s*'APP_ROLE'\s*,\s*'([^']+)'\s*\)"
)
_USER: Final = re.compile(rf"(?is)ALTER\s+USER\s+{_NAME}\s+SET\s+(.+)")
_USER_SETTING: Final = re.compile(r'(\w+)\s*=\s*(\(\s*\)|"(?:[^"]|"")*"|\S+)')
_NOT_AS_WRITTEN: Final = Meaning(why="neither can be told: what reads these rows goes by them")
_SUSPENDED: Final = "SUSPENDED"


@dataclass(frozen=True, slots=True)
class EffectLost:
    """What a statement brought about and is not so any more; run again it mends that."""

    of: Declared
    what: str
    property_: str
    declared: str
    found: str
    meaning: Meaning

    @property
    def again(self) -> str:
        """The statement that brings it about again."""
        return str(self.of.inputs["execute"]).strip().rstrip(";")


def lost(declared: Iterable[Declared], cursor: SnowflakeCursor) -> tuple[list[EffectLost], list[str]]:
    """What is no longer as statements left it, and the names of those whose effect nothing tells."""
    found: list[EffectLost] = []
    untold: list[str] = []
    for each in sorted(declared, key=lambda each: (each.tenant or "", each.name)):
        if each.kind != "Execute":
            continue
        statement = str(each.inputs.get("execute") or "").strip().rstrip(";")
        for pattern, ask in _ASKED:
            if match := pattern.fullmatch(statement):
                answer = ask(each, match, cursor)
                break
        else:
            answer = _of_rows(each, statement, cursor) if statement.upper().startswith("MERGE") else None
        if answer is None:
            untold.append(each.name)
        else:
            found += answer
    return found, untold


def held_to(attachments: Iterable[Declared], cursor: SnowflakeCursor) -> dict[str, Meaning]:
    """By URN of a network policy's attachment: what its users are held to now who are no longer held to its policy."""
    told = {}
    for each in attachments:
        declared = identifier(str(each.inputs["networkPolicyName"]))[-1]
        other: list[str] = []
        left: list[str] = []
        for user in each.inputs.get("users") or ():
            shown = rows(cursor, f"SHOW PARAMETERS LIKE 'NETWORK_POLICY' FOR USER {words.name(str(user))}")
            level, value = next(((str(row["level"]), str(row["value"])) for row in shown), ("", ""))
            if level != "USER" or not value:
                left.append(f"{user} may log in from wherever the account lets anybody")
            elif value != declared:
                other.append(f"{user} is held to {value}")
        if left:
            told[each.urn] = Meaning(DECLARED, ", ".join((*left, *other)))
        elif other:
            told[each.urn] = Meaning(why=f"neither can be told: {', '.join(other)}; read both policies")
    return told


def _of_row_policy(each: Declared, match: re.Match[str], cursor: SnowflakeCursor) -> list[EffectLost]:
    table, policy = match["table"], match["policy"]
    references = f"{table.split('.')[0]}.INFORMATION_SCHEMA.POLICY_REFERENCES"
    entity = f"REF_ENTITY_NAME => {words.text(table)}, REF_ENTITY_DOMAIN => 'TABLE'"
    try:
        held = rows(cursor, f"SELECT * FROM TABLE({references}({entity}))")  # noqa: S608 - declared names
    except Exception as error:
        if getattr(error, "errno", None) == NOT_AUTHORIZED:
            return []  # the table is gone: a refresh says that
        raise
    attached = {
        (row["policy_db"], row["policy_schema"], row["policy_name"])
        for row in held
        if row["policy_kind"] == "ROW_ACCESS_POLICY"
    }
    if identifier(policy) in attached:
        return []
    there = ", ".join(sorted(".".join(name) for name in attached)) or "(nothing)"
    return [
        EffectLost(
            each, f"TABLE {table}", "row access policy", ".".join(identifier(policy)), there, of_gone("RowAccessPolicy")
        )
    ]


def _from_public(each: Declared, match: re.Match[str], cursor: SnowflakeCursor) -> list[EffectLost]:
    role, privilege = match[1], match[2]
    for row in rows(cursor, "SHOW GRANTS TO ROLE PUBLIC"):
        on, name = str(row["granted_on"]).replace("_", " "), str(row["name"])
        if role and on == "DATABASE ROLE" and identifier(name) == identifier(role):
            return [_public(each, f"it holds {role}", of_role(identifier(role), "PUBLIC"))]
        if privilege and on == "ACCOUNT" and str(row["privilege"]).upper() == " ".join(privilege.upper().split()):
            meaning = of_privilege(privilege.upper(), "ACCOUNT", (), "PUBLIC")
            return [_public(each, f"it has {privilege} on the account", meaning)]
    return []


def _models_from_public(each: Declared, match: re.Match[str], cursor: SnowflakeCursor) -> list[EffectLost]:
    role = match[1]
    for row in rows(cursor, "SHOW GRANTS TO APPLICATION ROLE SNOWFLAKE.PUBLIC"):
        if identifier(str(row["name"]))[-1].upper() == role.upper():
            means = Meaning(DECLARED, "everybody may use its models")
            found = f"it holds {role}, which was taken from it"
            return [EffectLost(each, "APPLICATION ROLE SNOWFLAKE.PUBLIC", "grants", "(nothing)", found, means)]
    return []


def _public(each: Declared, found: str, meaning: Meaning) -> EffectLost:
    return EffectLost(each, "ROLE PUBLIC", "grants", "(nothing)", f"{found}, which was taken from it", meaning)


def _of_suspension(each: Declared, match: re.Match[str], cursor: SnowflakeCursor) -> list[EffectLost] | None:
    procedure, organization = identifier(match[1]), match[2]
    if procedure[-1] != "SUSPEND_ORGANIZATION":
        return None
    table = words.joined(*procedure[:-1], "ORGANIZATIONS")
    question = f"SELECT STATUS FROM {table} WHERE ORGANIZATION_ID = {words.text(organization)}"  # noqa: S608 - declared
    held = rows(cursor, question)
    status = str(held[0]["status"]) if held else "(nothing)"
    if status == _SUSPENDED:
        return []
    works = Meaning(DECLARED, f"the application serves {organization} again")
    return [EffectLost(each, f"organisation {organization}", "STATUS", _SUSPENDED, status, works)]


def _of_user(each: Declared, match: re.Match[str], cursor: SnowflakeCursor) -> list[EffectLost]:
    name = identifier(match[1])[-1]
    found = []
    for row in rows(cursor, f"SHOW USERS LIKE {words.text(name)}"):
        if row["name"] != name:
            continue
        for key, value in _USER_SETTING.findall(match[2]):
            column = key.lower()
            if column not in row:
                continue
            declared, is_ = _setting(value), _setting(str(row[column] or ""))
            if declared != is_:
                meaning = Meaning(why="neither can be told: it is what a session of it begins with")
                found.append(EffectLost(each, f"USER {match[1]}", key, declared, is_ or "(nothing)", meaning))
    return found


def _setting(value: str) -> str:
    return re.sub(r'[()\[\]"\s]', "", value)


def _of_rows(each: Declared, statement: str, cursor: SnowflakeCursor) -> list[EffectLost] | None:
    """A MERGE of rows that it has itself: each value beside the table's own."""
    merge = sqlglot.parse_one(statement, read="snowflake")
    source, on, table = merge.args.get("using"), merge.args.get("on"), merge.this
    if not (isinstance(merge, exp.Merge) and isinstance(source, exp.Subquery) and isinstance(on, exp.Expression)):
        return None
    keys = sorted({column.name for column in on.find_all(exp.Column)})
    pairs = _assigned(merge, source.alias)
    if not keys:
        return None
    shown = [f"{table.alias}.{keys[0]} AS HELD"]
    shown += [f"{source.alias}.{key} AS KEY_{place}" for place, key in enumerate(keys)]
    for place, (column, value) in enumerate(pairs):
        shown += [f"{source.alias}.{value} AS DECLARED_{place}", f"{table.alias}.{column} AS FOUND_{place}"]
    question = (
        f"SELECT {', '.join(shown)} FROM {source.sql('snowflake')} "  # noqa: S608 - the program's own statement
        f"LEFT JOIN {table.sql('snowflake')} ON {on.sql('snowflake')}"
    )
    name = ".".join(identifier(table.sql("snowflake").rpartition(" AS ")[0]))
    found = []
    for row in rows(cursor, question):
        of = ", ".join(str(row[f"key_{place}"]) for place in range(len(keys)))
        if row["held"] is None:
            found.append(EffectLost(each, f"row {of} of {name}", "", "is there", "is gone", _NOT_AS_WRITTEN))
            continue
        for place, (column, _) in enumerate(pairs):
            declared, is_ = row[f"declared_{place}"], row[f"found_{place}"]
            if not _alike(declared, is_):
                shown_ = "(nothing)" if is_ is None else str(is_)
                found.append(EffectLost(each, f"row {of} of {name}", column, str(declared), shown_, _NOT_AS_WRITTEN))
    return found


def _assigned(merge: exp.Merge, source: str) -> list[tuple[str, str]]:
    """Each column that it sets, with the source's column that it takes."""
    return [
        (assignment.this.name, assignment.expression.name)
        for update in merge.find_all(exp.Update)
        for assignment in update.expressions
        if isinstance(assignment, exp.EQ)
        and isinstance(assignment.expression, exp.Column)
        and assignment.expression.table.upper() == source.upper()
    ]


def _alike(one: Any, other: Any) -> bool:
    if one == other:
        return True
    try:
        return float(one) == float(other)
    except (TypeError, ValueError):
        return False


_Ask = Callable[[Declared, "re.Match[str]", "SnowflakeCursor"], "list[EffectLost] | None"]
_ASKED: Final[tuple[tuple[re.Pattern[str], _Ask], ...]] = (
    (ROW_POLICY, _of_row_policy),
    (_FROM_PUBLIC, _from_public),
    (_TAKES_MODELS, _models_from_public),
    (_SUSPENDS, _of_suspension),
    (_USER, _of_user),
)
