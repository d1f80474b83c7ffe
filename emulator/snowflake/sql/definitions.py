"""CREATE, ALTER, DROP and COMMENT.

One grammar for every kind of object, led by the account's own table of kinds (`emulator.snowflake.account.kinds`),
with the exceptions that Snowflake's grammar has: columns, bodies, signatures, triggers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlglot import exp

from emulator.snowflake.account import Column, Moment, ObjectName, Session, SnowflakeError, TableChange
from emulator.snowflake.account.kinds import POLICY_KINDS, spec_of
from emulator.snowflake.account.retention import KEPT_KINDS
from emulator.snowflake.account.types import from_duckdb
from emulator.snowflake.sql.connection import Connection, handles
from emulator.snowflake.sql.naming import depth_of, in_full, kind_of, named
from emulator.snowflake.sql.parsing import parse
from emulator.snowflake.sql.results import Result
from emulator.snowflake.sql.rows import Prepared, check_query, prepare
from emulator.snowflake.sql.running import relations, snowflake_errors
from emulator.snowflake.sql.scopes import function_body, table_node
from emulator.snowflake.sql.session_statements import alter_session
from emulator.snowflake.sql.syntax import Tokens, unsupported
from emulator.snowflake.sql.translate import to_duckdb

Properties = dict[str, Any]

_DONE = "Statement executed successfully."
_ROUTINES = ("FUNCTION", "PROCEDURE")
# What a constraint's words say of it; it is a description, and nothing is enforced.
_CONSTRAINT_WORDS: dict[str, tuple[str, Any]] = {
    "NOT ENFORCED": ("ENFORCED", False),
    "NOT DEFERRABLE": ("DEFERRABLE", False),
    "DEFERRABLE": ("DEFERRABLE", True),
    "INITIALLY DEFERRED": ("INITIALLY", "DEFERRED"),
    "INITIALLY IMMEDIATE": ("INITIALLY", "IMMEDIATE"),
    "ENABLE": ("ENABLE", True),
    "DISABLE": ("ENABLE", False),
    "VALIDATE": ("VALIDATE", True),
    "NOVALIDATE": ("VALIDATE", False),
    "RELY": ("RELY", True),
    "NORELY": ("RELY", False),
}
_TRIGGERS = {
    "NOTIFY": "NOTIFY_TRIGGERS",
    "SUSPEND": "SUSPEND_TRIGGER",
    "SUSPEND_IMMEDIATE": "SUSPEND_IMMEDIATE_TRIGGER",
}


# --- CREATE


@handles("CREATE")
def create(connection: Connection, tokens: Tokens) -> Result:
    """CREATE [OR REPLACE] … of every kind that the account has."""
    session, account = connection.session, connection.account
    tokens.expect("CREATE")
    or_replace = tokens.accept("OR", "REPLACE")
    if tokens.at("OR", "ALTER"):
        raise unsupported("CREATE OR ALTER")
    properties: Properties = {}
    _before_kind(tokens, properties)
    kind = kind_of(tokens)
    if_not_exists = tokens.accept("IF", "NOT", "EXISTS")
    if or_replace and if_not_exists:
        raise SnowflakeError.compilation(2137, "42601", "options IF NOT EXISTS and OR REPLACE are incompatible.")
    name = in_full(session, kind, tokens.dotted())
    if_not_exists = tokens.accept("IF", "NOT", "EXISTS") or if_not_exists
    query = ""
    copy_grants = False
    if kind in ("TABLE", "SCHEMA", "DATABASE") and tokens.at("CLONE"):
        return _clone(connection, tokens, kind, name, properties, or_replace, if_not_exists)
    if kind == "TABLE":
        query, copy_grants = _table(connection, tokens, properties)
    elif kind == "VIEW":
        copy_grants = _view(connection, tokens, name, properties)
    else:
        if kind in _ROUTINES:
            _arguments(tokens, properties)
        elif kind in ("MASKING POLICY", "ROW ACCESS POLICY"):
            _policy(tokens, kind, properties)
        copy_grants = _options(session, tokens, kind, properties)
        _body(tokens, kind, properties)
        if kind == "DYNAMIC TABLE":
            check_query(session, parse(properties["QUERY"]), name.database, name.schema)
        if kind == "FUNCTION" and properties.get("LANGUAGE", "SQL") == "SQL" and "BODY" in properties:
            check_query(session, function_body(properties["BODY"]), name.database, name.schema)
    tokens.end()
    attached = properties.pop("_ATTACH", [])
    tags = properties.pop("_TAGS", [])
    existed = if_not_exists and account.find(_plain(kind), name) is not None
    if query and not existed:
        return _create_table_as(connection, name, properties, query, or_replace, if_not_exists, copy_grants)
    account.create(
        session,
        kind,
        name,
        properties,
        or_replace=or_replace,
        if_not_exists=if_not_exists,
        copy_grants=copy_grants,
    )
    if existed:
        return Result.message(f"{name.name} already exists, statement succeeded.")
    for policy_kind, policy, column, arguments in attached:
        account.attach_policy(session, policy_kind, policy, kind, name, column=column, arguments=arguments)
    for tag, value, column in tags:
        account.set_tag(session, tag, value, kind, name, column=column)
    if kind == "DATABASE":
        account.use_database(session, name.name)
    elif kind == "SCHEMA":
        account.use_schema(session, name)
    elif kind == "WAREHOUSE":
        account.use_warehouse(session, name.name)
    return Result.message(f"{_title(kind)} {name.name} successfully created.")


def _clone(
    connection: Connection,
    tokens: Tokens,
    kind: str,
    name: ObjectName,
    properties: Properties,
    or_replace: bool,
    if_not_exists: bool,
) -> Result:
    """The rest of CREATE … CLONE: the source, as of when, and what the clone has otherwise than it."""
    session, account = connection.session, connection.account
    tokens.expect("CLONE")
    source = in_full(session, kind, tokens.dotted())
    moment = _moment(connection, tokens)
    if tokens.at("IGNORE"):
        raise unsupported(f"CREATE {kind} … CLONE … {tokens.rest()}")
    copy_grants = _options(session, tokens, kind, properties)
    tokens.end()
    if any(key.startswith("_") for key in properties):
        raise unsupported(f"CREATE {kind} … CLONE with policies or tags of its own")
    if if_not_exists and account.find(kind, name) is not None:
        return Result.message(f"{name.name} already exists, statement succeeded.")
    if kind == "TABLE":
        account.clone_table(
            session, name, source, properties, moment=moment, or_replace=or_replace, copy_grants=copy_grants
        )
    else:
        account.clone_container(session, kind, name, source, properties, moment=moment, or_replace=or_replace)
        if kind == "DATABASE":
            account.use_database(session, name.name)
        else:
            account.use_schema(session, name)
    return Result.message(f"{_title(kind)} {name.name} successfully created.")


def _moment(connection: Connection, tokens: Tokens) -> Moment | None:
    """AT or BEFORE with its brackets, where it is next."""
    word = tokens.accept_any(("AT", "BEFORE"))
    if not word:
        return None
    tokens.expect("(")
    kind = tokens.identifier()
    tokens.expect("=>")
    expression = tokens.until(")")
    tokens.expect(")")
    return connection.moment(kind, expression, before=word == "BEFORE")


def _plain(kind: str) -> str:
    return "INTEGRATION" if kind.endswith("INTEGRATION") else kind


def _title(kind: str) -> str:
    return {"TABLE": "Table", "VIEW": "View"}.get(kind, kind.capitalize())


def _before_kind(tokens: Tokens, properties: Properties) -> None:
    while True:
        if tokens.accept("TRANSIENT"):
            properties["TRANSIENT"] = True
        elif tokens.accept("SECURE"):
            properties["SECURE"] = True
        elif tokens.accept("RECURSIVE"):
            properties["RECURSIVE"] = True
        elif tokens.accept("AGGREGATE"):
            properties["AGGREGATE"] = True
        elif tokens.at("LOCAL") or tokens.at("GLOBAL"):
            tokens.position += 1
        elif tokens.word() in {"TEMP", "TEMPORARY", "VOLATILE"}:
            raise unsupported(f"CREATE {tokens.word()} {tokens.word(1)}")
        elif tokens.word() in {"EXTERNAL", "HYBRID", "ICEBERG", "EVENT"} and tokens.word(1) == "TABLE":
            raise unsupported(f"CREATE {tokens.word()} TABLE")
        elif tokens.at("MATERIALIZED"):
            raise unsupported("CREATE MATERIALIZED VIEW")
        else:
            return


def _table(connection: Connection, tokens: Tokens, properties: Properties) -> tuple[str, bool]:
    """The rest of CREATE TABLE: the query of CREATE TABLE AS, and whether grants are copied."""
    session = connection.session
    if tokens.at("LIKE") or tokens.at("USING", "TEMPLATE"):
        raise unsupported(f"CREATE TABLE … {tokens.word()}")
    if tokens.at("(") and not tokens.at("(", "SELECT"):
        columns, constraints = _column_definitions(session, tokens, properties)
        properties["COLUMNS"] = columns
        if constraints:
            properties["CONSTRAINTS"] = constraints
    copy_grants = _options(session, tokens, "TABLE", properties)
    query = tokens.rest() if tokens.accept("AS") else ""
    if not query and "COLUMNS" not in properties:
        tokens.fail()
    return query, copy_grants


def _column_definitions(
    session: Session, tokens: Tokens, properties: Properties
) -> tuple[list[Column], list[Properties]]:
    columns: list[Column] = []
    constraints: list[Properties] = []
    tokens.expect("(")
    while True:
        if tokens.word() in {"CONSTRAINT", "PRIMARY", "UNIQUE", "FOREIGN"} and _at_constraint(tokens):
            constraints.append(_constraint(session, tokens))
        else:
            column, own = column_definition(session, tokens, properties)
            columns.append(column)
            constraints.extend(own)
        if not tokens.accept(","):
            break
    tokens.expect(")")
    return columns, constraints


def _at_constraint(tokens: Tokens) -> bool:
    # A column may be called UNIQUE or PRIMARY; a constraint goes on in its own words.
    return (
        tokens.at("PRIMARY", "KEY")
        or tokens.at("FOREIGN", "KEY")
        or tokens.at("UNIQUE", "(")
        or (tokens.at("CONSTRAINT") and tokens.word(2) in {"PRIMARY", "UNIQUE", "FOREIGN"})
    )


def _constraint(session: Session, tokens: Tokens, columns: list[str] | None = None) -> Properties:
    found: Properties = {}
    if tokens.accept("CONSTRAINT"):
        found["NAME"] = tokens.identifier()
    kind = tokens.accept_any(("PRIMARY KEY", "UNIQUE", "FOREIGN KEY"))
    if not kind and columns is not None and tokens.at("REFERENCES"):
        kind = "FOREIGN KEY"
    if not kind:
        tokens.fail()
    found["TYPE"] = kind
    found["COLUMNS"] = columns if columns is not None else _names(tokens)
    if tokens.accept("REFERENCES"):
        found["REFERENCES"] = str(in_full(session, "TABLE", tokens.dotted()))
        if tokens.at("("):
            found["REFERENCED_COLUMNS"] = _names(tokens)
    while True:
        word = tokens.accept_any(
            (
                "NOT ENFORCED",
                "ENFORCED",
                "NOT DEFERRABLE",
                "DEFERRABLE",
                "INITIALLY DEFERRED",
                "INITIALLY IMMEDIATE",
                "ENABLE",
                "DISABLE",
                "VALIDATE",
                "NOVALIDATE",
                "RELY",
                "NORELY",
            )
        )
        if not word:
            return found
        if word == "ENFORCED":
            raise unsupported("an ENFORCED constraint on a standard table")
        if word in _CONSTRAINT_WORDS:
            key, value = _CONSTRAINT_WORDS[word]
            found[key] = value


def _names(tokens: Tokens) -> list[str]:
    tokens.expect("(")
    found = tokens.list_of(tokens.identifier)
    tokens.expect(")")
    return found


def _conditions(tokens: Tokens) -> list[str]:
    """The columns of USING, the masked one first."""
    return _names(tokens) if tokens.accept("USING") else []


def column_definition(
    session: Session, tokens: Tokens, properties: Properties | None = None
) -> tuple[Column, list[Properties]]:
    """One column: name, type, and what follows it. Policies and tags go to `_ATTACH` and `_TAGS` of `properties`."""
    name = tokens.identifier()
    type_ = _type(tokens)
    nullable, default, comment = True, None, ""
    identity: tuple[int, int] | None = None
    collation: str | None = None
    constraints: list[Properties] = []
    while True:
        if tokens.accept("NOT", "NULL"):
            nullable = False
        elif tokens.accept("NULL"):
            nullable = True
        elif tokens.accept("DEFAULT"):
            default = _default(tokens)
        elif tokens.accept_any(("AUTOINCREMENT", "IDENTITY")):
            identity = _identity(tokens)
        elif tokens.accept("COMMENT"):
            tokens.accept("=")
            comment = tokens.string()
        elif tokens.accept("COLLATE"):
            collation = tokens.string()
        elif tokens.at("CONSTRAINT") or tokens.word() in {"PRIMARY", "UNIQUE", "FOREIGN", "REFERENCES"}:
            constraint = _constraint(session, tokens, [name])
            constraints.append(constraint)
            if constraint["TYPE"] == "PRIMARY KEY":
                nullable = False
        elif properties is not None and tokens.accept_any(("WITH MASKING POLICY", "MASKING POLICY")):
            policy = in_full(session, "MASKING POLICY", tokens.dotted())
            properties.setdefault("_ATTACH", []).append(("MASKING POLICY", policy, name, _conditions(tokens)))
        elif properties is not None and tokens.accept_any(("WITH TAG", "TAG")):
            properties.setdefault("_TAGS", []).extend((tag, value, name) for tag, value in _tags(session, tokens))
        else:
            break
    column = Column(name, type_, nullable, default, comment, identity=identity, collation=collation)
    return column, constraints


def _type(tokens: Tokens) -> str:
    start = tokens.position
    if tokens.at("DOUBLE", "PRECISION"):
        tokens.position += 2
    else:
        tokens.identifier()
    if tokens.at("("):
        tokens.balanced()
    return tokens.text_since(start).upper()


def _default(tokens: Tokens) -> str:
    start = tokens.position
    tokens.accept("-")
    if tokens.at("("):
        tokens.balanced()
    else:
        tokens.position += 1
        while tokens.accept("."):
            tokens.position += 1
        if tokens.at("("):
            tokens.balanced()
    while tokens.accept("::"):
        _type(tokens)
    return tokens.text_since(start)


def _identity(tokens: Tokens) -> tuple[int, int]:
    start, step = 1, 1
    if tokens.accept("("):
        start = tokens.integer()
        tokens.expect(",")
        step = tokens.integer()
        tokens.expect(")")
    else:
        if tokens.accept("START"):
            tokens.accept("WITH")
            start = tokens.integer()
        if tokens.accept("INCREMENT"):
            tokens.accept("BY")
            step = tokens.integer()
    tokens.accept_any(("ORDER", "NOORDER"))
    return start, step


def _tags(session: Session, tokens: Tokens) -> list[tuple[ObjectName, str]]:
    bracket = tokens.accept("(")
    found: list[tuple[ObjectName, str]] = []
    while True:
        tag = in_full(session, "TAG", tokens.dotted())
        tokens.expect("=")
        found.append((tag, tokens.string()))
        if not tokens.accept(","):
            break
    if bracket:
        tokens.expect(")")
    return found


def _view(connection: Connection, tokens: Tokens, name: ObjectName, properties: Properties) -> bool:
    session = connection.session
    if tokens.accept("("):
        columns: list[Properties] = []
        while True:
            column: Properties = {"NAME": tokens.identifier()}
            while True:
                if tokens.accept("COMMENT"):
                    tokens.accept("=")
                    column["COMMENT"] = tokens.string()
                elif tokens.accept_any(("WITH MASKING POLICY", "MASKING POLICY")):
                    policy = in_full(session, "MASKING POLICY", tokens.dotted())
                    properties.setdefault("_ATTACH", []).append(
                        ("MASKING POLICY", policy, column["NAME"], _conditions(tokens))
                    )
                elif tokens.accept_any(("WITH TAG", "TAG")):
                    properties.setdefault("_TAGS", []).extend(
                        (tag, value, column["NAME"]) for tag, value in _tags(session, tokens)
                    )
                else:
                    break
            columns.append(column)
            if not tokens.accept(","):
                break
        tokens.expect(")")
        properties["COLUMNS"] = columns
    copy_grants = _options(session, tokens, "VIEW", properties)
    tokens.expect("AS")
    properties["STATEMENT"] = tokens.rest()
    check_query(session, parse(properties["STATEMENT"]), name.database, name.schema)
    return copy_grants


def _arguments(tokens: Tokens, properties: Properties) -> None:
    tokens.expect("(")
    arguments: list[tuple[Any, ...]] = []
    while not tokens.accept(")"):
        name = tokens.identifier()
        type_ = _type(tokens)
        if tokens.accept("DEFAULT"):
            arguments.append((name, type_, _default(tokens)))
        else:
            arguments.append((name, type_))
        if not tokens.accept(","):
            tokens.expect(")")
            break
    properties["ARGUMENTS"] = arguments


def _policy(tokens: Tokens, kind: str, properties: Properties) -> None:
    tokens.expect("AS")
    _arguments(tokens, properties)
    tokens.expect("RETURNS")
    type_ = _type(tokens)
    if kind == "MASKING POLICY":
        properties["RETURNS"] = type_
    elif type_ != "BOOLEAN":
        raise SnowflakeError.invalid_property_value(type_, "RETURNS", "BOOLEAN")
    tokens.expect("->")
    properties["BODY"] = _policy_body(tokens)


def _policy_body(tokens: Tokens) -> str:
    start = tokens.position
    depth = 0
    while not tokens.done:
        word = tokens.word()
        if depth == 0 and word in {"COMMENT", "EXEMPT_OTHER_POLICIES"} and tokens.word(1) == "=":
            break
        depth += (word in {"(", "CASE"}) - (word in {")", "END"})
        tokens.position += 1
    return tokens.text_since(start)


def _options(session: Session, tokens: Tokens, kind: str, properties: Properties) -> bool:
    """The properties after the name, in any order. True where COPY GRANTS is among them."""
    copy_grants = False
    while not tokens.done:
        tokens.accept(",")
        if tokens.accept("COPY", "GRANTS"):
            copy_grants = True
        elif tokens.accept("WITH", "MANAGED", "ACCESS"):
            properties["MANAGED_ACCESS"] = True
        elif tokens.accept_any(("WITH ROW ACCESS POLICY", "ROW ACCESS POLICY")):
            policy = in_full(session, "ROW ACCESS POLICY", tokens.dotted())
            tokens.expect("ON")
            properties.setdefault("_ATTACH", []).append(("ROW ACCESS POLICY", policy, None, _names(tokens)))
        elif tokens.accept_any(("WITH TAG", "TAG")):
            properties.setdefault("_TAGS", []).extend((tag, value, None) for tag, value in _tags(session, tokens))
        elif tokens.at("CLUSTER", "BY"):
            properties["CLUSTER_BY"] = _clustering(tokens)
        elif tokens.at("CLONE") or tokens.at("FROM", "SHARE") or tokens.at("AS", "REPLICA"):
            raise unsupported(f"CREATE {kind} … {tokens.word()}")
        elif kind == "RESOURCE MONITOR" and tokens.at("TRIGGERS"):
            _triggers(tokens, properties)
        elif kind == "TAG" and tokens.accept("ALLOWED_VALUES"):
            properties["ALLOWED_VALUES"] = tokens.list_of(tokens.string)
        elif kind in _ROUTINES and _routine_option(tokens, properties):
            pass
        elif kind in ("TASK", "ALERT") and tokens.word() in {"AFTER", "FINALIZE", "WHEN", "IF"}:
            if not _task_option(session, tokens, kind, properties):
                return copy_grants
        elif kind == "STREAM" and tokens.accept("ON", "TABLE"):
            properties["ON_TABLE"] = in_full(session, "TABLE", tokens.dotted())
        elif tokens.at("WITH") and tokens.word(2) == "=":
            tokens.position += 1
        elif tokens.word(1) == "=" or (tokens.at("COMMENT") and _string_follows(tokens)):
            _property(session, tokens, kind, properties)
        else:
            return copy_grants
    return copy_grants


def _string_follows(tokens: Tokens) -> bool:
    following = tokens.peek(1)
    return following is not None and tokens.word(1) == ""


def _property(session: Session, tokens: Tokens, kind: str, properties: Properties) -> None:
    key = tokens.identifier()
    tokens.accept("=")
    value = tokens.value()
    spec = spec_of(kind).properties.get(key)
    if spec is not None and spec.refers_to is not None and value is not None:
        value = _referred(session, spec.refers_to, value)
    properties[key] = value


def _referred(session: Session, kind: str, value: Any) -> Any:
    """A name, or a list of them, that another object must have: completed from the session."""
    if isinstance(value, list):
        return [_referred(session, kind, item) for item in value]
    if isinstance(value, ObjectName):
        return value
    if isinstance(value, str):
        if depth_of(kind) == 1:
            return ObjectName.parse(value)
        return in_full(session, kind, ObjectName.parse(value).parts)
    return value


def _clustering(tokens: Tokens) -> list[str]:
    tokens.expect("CLUSTER", "BY")
    tokens.accept("LINEAR")
    tokens.expect("(")
    found = tokens.list_of(lambda: tokens.until(",", ")"))
    tokens.expect(")")
    return found


def _triggers(tokens: Tokens, properties: Properties) -> None:
    tokens.expect("TRIGGERS")
    while tokens.accept("ON"):
        threshold = tokens.integer()
        tokens.expect("PERCENT")
        tokens.expect("DO")
        action = tokens.accept_any(("NOTIFY", "SUSPEND_IMMEDIATE", "SUSPEND"))
        if not action:
            tokens.fail()
        key = _TRIGGERS[action]
        if action == "NOTIFY":
            properties.setdefault(key, []).append(threshold)
        elif key in properties:
            raise SnowflakeError.compilation(90064, "22023", f"more than one {action} trigger")
        else:
            properties[key] = threshold


def _routine_option(tokens: Tokens, properties: Properties) -> bool:
    if tokens.accept("RETURNS"):
        if tokens.at("NULL", "ON", "NULL", "INPUT"):
            tokens.position += 4
            properties["NULL_INPUT_BEHAVIOR"] = "RETURNS NULL ON NULL INPUT"
            return True
        if tokens.accept("TABLE"):
            properties["RETURNS"] = f"TABLE ({tokens.balanced()})"
        else:
            properties["RETURNS"] = _type(tokens)
        tokens.accept("NOT", "NULL")
        return True
    if tokens.accept("LANGUAGE"):
        properties["LANGUAGE"] = tokens.identifier()
        return True
    if tokens.accept("EXECUTE", "AS"):
        properties["EXECUTE_AS"] = tokens.accept_any(("OWNER", "CALLER", "RESTRICTED CALLER")) or tokens.fail()
        return True
    for words, key, value in (
        ("CALLED ON NULL INPUT", "NULL_INPUT_BEHAVIOR", "CALLED ON NULL INPUT"),
        ("STRICT", "NULL_INPUT_BEHAVIOR", "STRICT"),
        ("VOLATILE", "RETURN_RESULTS_BEHAVIOR", "VOLATILE"),
        ("IMMUTABLE", "RETURN_RESULTS_BEHAVIOR", "IMMUTABLE"),
        ("MEMOIZABLE", "MEMOIZABLE", True),
    ):
        if tokens.accept(*words.split()):
            properties[key] = value
            return True
    return False


def _task_option(session: Session, tokens: Tokens, kind: str, properties: Properties) -> bool:
    if kind == "TASK" and tokens.accept("AFTER"):
        properties["AFTER"] = tokens.list_of(lambda: in_full(session, "TASK", tokens.dotted()))
        return True
    if kind == "TASK" and tokens.accept("FINALIZE"):
        tokens.expect("=")
        properties["FINALIZE"] = in_full(session, "TASK", tokens.dotted())
        return True
    if kind == "TASK" and tokens.accept("WHEN"):
        properties["WHEN"] = tokens.until("AS")
        return True
    if kind == "ALERT" and tokens.accept("IF"):
        tokens.expect("(")
        tokens.expect("EXISTS")
        properties["CONDITION"] = tokens.balanced()
        tokens.expect(")")
        return True
    return False


def _body(tokens: Tokens, kind: str, properties: Properties) -> None:
    if kind in _ROUTINES:
        tokens.expect("AS")
        properties["BODY"] = tokens.string() if not tokens.at("BEGIN") and not tokens.at("DECLARE") else tokens.rest()
    elif kind == "TASK":
        tokens.expect("AS")
        properties["SQL_STATEMENT"] = tokens.rest()
    elif kind == "ALERT":
        tokens.expect("THEN")
        properties["ACTION"] = tokens.rest()
    elif kind == "DYNAMIC TABLE":
        tokens.expect("AS")
        properties["QUERY"] = tokens.rest()
    elif kind.endswith(" INTEGRATION"):
        properties.setdefault("TYPE", kind.removesuffix(" INTEGRATION").replace(" ", "_"))


def _create_table_as(
    connection: Connection,
    name: ObjectName,
    properties: Properties,
    query: str,
    or_replace: bool,
    if_not_exists: bool,
    copy_grants: bool,
) -> Result:
    """The query is authorised and its columns are known before the table is made."""
    session, account = connection.session, connection.account
    described = connection.query(query, {}, describe=True)
    connection.require_warehouse()
    prepared = prepare(session, parse(query), connection.surroundings({}))
    with snowflake_errors():
        types: list[str] = []
        if not prepared.relations:
            with relations(connection.duck, prepared):
                types = [str(type_) for type_ in connection.duck.sql(to_duckdb(prepared.tree)).types]
    declared: list[Column] = properties.get("COLUMNS", [])
    if declared and len(declared) != len(described.columns):
        raise SnowflakeError.compilation(2026, "42601", "Invalid column definition list")
    if not declared:
        if not types:
            raise unsupported("CREATE TABLE AS from INFORMATION_SCHEMA or an earlier result")
        properties["COLUMNS"] = [
            Column(column.name, from_duckdb(type_)) for column, type_ in zip(described.columns, types, strict=True)
        ]
    # The rows come first: replacing the table must not lose what they are read from.
    rows = connection.query(query, {})
    account.create(
        session,
        "TABLE",
        name,
        {key: value for key, value in properties.items() if not key.startswith("_")},
        or_replace=or_replace,
        if_not_exists=if_not_exists,
        copy_grants=copy_grants,
    )
    if rows.rows:
        relation = "_relation_rows"
        # Whoever made the table may fill it: the rows were read with the session's own rights.
        insert = exp.Insert(this=table_node(name), expression=_semi_structured(rows, relation))
        connection.run_change(Prepared(insert, {relation: rows.arrow()}, name))
    return Result.message(f"Table {name.name} successfully created.")


def _semi_structured(rows: Result, relation: str) -> exp.Select:
    names = [f"c{index}" for index in range(len(rows.columns))]
    expressions: list[exp.Expr] = []
    for column, name in zip(rows.columns, names, strict=True):
        node: exp.Expr = exp.column(exp.to_identifier(name, quoted=True))
        if column.type in ("VARIANT", "OBJECT", "ARRAY"):
            node = exp.ParseJSON(this=node)
        expressions.append(node)
    alias = exp.TableAlias(
        this=exp.to_identifier("_rows", quoted=True),
        columns=[exp.to_identifier(name, quoted=True) for name in names],
    )
    table = exp.Table(this=exp.to_identifier(relation, quoted=True), alias=alias)
    return exp.Select(expressions=expressions, from_=exp.From(this=table))


# --- ALTER


@handles("ALTER")
def alter(connection: Connection, tokens: Tokens) -> Result:
    """ALTER of every kind that the account has."""
    session, account = connection.session, connection.account
    if tokens.at("ALTER", "SESSION") and tokens.word(2) in {"SET", "UNSET"}:
        return alter_session(connection, tokens)
    tokens.expect("ALTER")
    kind = kind_of(tokens)
    if kind == "ACCOUNT":
        name = ObjectName((account.name,))
    else:
        if_exists = tokens.accept("IF", "EXISTS")
        name = named(session, kind, tokens)
        if if_exists and account.visible(session, _plain(kind), name) is None:
            return Result.message(_DONE)
    if tokens.accept("RENAME", "TO"):
        parts = tokens.dotted()
        tokens.end()
        new = (
            ObjectName((*name.parts[:-1], parts[0]), name.arguments)
            if len(parts) == 1
            else _renamed(session, kind, name, parts)
        )
        account.rename(session, kind, name, new)
        return Result.message(_DONE)
    for words, action in _ALTERATIONS.get(kind, {}).items():
        if tokens.accept(*words.split()):
            action(connection, name, tokens)
            tokens.end()
            return Result.message(_DONE)
    if tokens.accept("SET"):
        _set(connection, kind, name, tokens)
    elif tokens.accept("UNSET"):
        _unset(connection, kind, name, tokens)
    else:
        raise unsupported(f"ALTER {kind} … {tokens.word()} {tokens.word(1)}".strip())
    tokens.end()
    return Result.message(_DONE)


def _renamed(session: Session, kind: str, name: ObjectName, parts: tuple[str, ...]) -> ObjectName:
    new = in_full(session, kind, parts)
    return ObjectName(new.parts, name.arguments)


def _set(connection: Connection, kind: str, name: ObjectName, tokens: Tokens) -> None:
    session, account = connection.session, connection.account
    if tokens.accept("TAG"):
        for tag, value in _tags(session, tokens):
            account.set_tag(session, tag, value, kind, name)
        return
    if kind == "TAG" and tokens.at("MASKING", "POLICY"):
        for policy in _policies(session, tokens):
            account.attach_policy(session, "MASKING POLICY", policy, kind, name, force=tokens.accept("FORCE"))
        return
    policy_kind = _attachable(tokens)
    if policy_kind:
        policy = in_full(session, policy_kind, tokens.dotted())
        account.attach_policy(session, policy_kind, policy, kind, name, force=tokens.accept("FORCE"))
        return
    if kind in ("MASKING POLICY", "ROW ACCESS POLICY") and tokens.accept("BODY"):
        tokens.expect("->")
        account.alter(session, kind, name, set={"BODY": _policy_body(tokens)})
        return
    properties: Properties = {}
    if kind in _ROUTINES and tokens.accept("SECURE"):
        properties["SECURE"] = True
    if kind == "VIEW" and tokens.accept("SECURE"):
        properties["SECURE"] = True
    _options(session, tokens, kind, properties)
    if not properties:
        tokens.fail()
    account.alter(session, kind, name, set=properties)


def _policies(session: Session, tokens: Tokens) -> list[ObjectName]:
    def one() -> ObjectName:
        tokens.expect("MASKING", "POLICY")
        return in_full(session, "MASKING POLICY", tokens.dotted())

    return tokens.list_of(one)


def _attachable(tokens: Tokens) -> str:
    """The kind of policy that is set or unset by its two words; a property of that name is followed by `=`."""
    for kind in sorted(POLICY_KINDS):
        words = kind.split()
        if len(words) > 1 and tokens.at(*words):
            tokens.position += len(words)
            return kind
    return ""


def _unset(connection: Connection, kind: str, name: ObjectName, tokens: Tokens) -> None:
    session, account = connection.session, connection.account
    if tokens.accept("TAG"):
        for tag in tokens.list_of(lambda: in_full(session, "TAG", tokens.dotted())):
            account.unset_tag(session, tag, kind, name)
        return
    if kind == "TAG" and tokens.at("MASKING", "POLICY"):
        for policy in _policies(session, tokens):
            account.detach_policy(session, "MASKING POLICY", kind, name, policy=policy)
        return
    policy_kind = _attachable(tokens)
    if policy_kind:
        account.detach_policy(session, policy_kind, kind, name)
        return
    keys: list[str] = []
    while not tokens.done:
        keys.append(tokens.identifier())
        tokens.accept(",")
    if not keys:
        tokens.fail()
    account.alter(session, kind, name, unset=keys)


Alteration = Callable[[Connection, ObjectName, Tokens], None]


def _property_set(kind: str, properties: Mapping[str, Any], *, optional: str = "") -> Alteration:
    def action(connection: Connection, name: ObjectName, tokens: Tokens) -> None:
        if optional:
            tokens.accept(*optional.split())
        connection.account.alter(connection.session, kind, name, set=properties)

    return action


def _not_built(what: str) -> Alteration:
    def action(connection: Connection, name: ObjectName, tokens: Tokens) -> None:
        del connection, name, tokens
        raise unsupported(what)

    return action


def _add(connection: Connection, name: ObjectName, tokens: Tokens) -> None:
    session, account = connection.session, connection.account
    if tokens.accept("ROW", "ACCESS", "POLICY"):
        policy = in_full(session, "ROW ACCESS POLICY", tokens.dotted())
        tokens.expect("ON")
        account.attach_policy(
            session, "ROW ACCESS POLICY", policy, _relation(connection, name), name, arguments=_names(tokens)
        )
        return
    if _at_constraint(tokens):
        found = account.find("TABLE", name)
        existing = list(found.properties.get("CONSTRAINTS", [])) if found is not None else []
        added = _constraint(session, tokens)
        if "NAME" in added and any(other.get("NAME") == added["NAME"] for other in existing):
            raise SnowflakeError.compilation(2002, "42710", f"Constraint '{added['NAME']}' already exists.")
        if added["TYPE"] == "PRIMARY KEY" and any(other["TYPE"] == "PRIMARY KEY" for other in existing):
            raise SnowflakeError.compilation(2200, "42830", f"primary key already exists for table '{name.name}'")
        account.alter(session, "TABLE", name, set={"CONSTRAINTS": [*existing, added]})
        return
    tokens.accept("COLUMN")
    if_not_exists = tokens.accept("IF", "NOT", "EXISTS")
    known = {column.name for column in account.columns(name)} if if_not_exists else set()
    changes: list[TableChange] = []
    while True:
        column, constraints = column_definition(session, tokens)
        if constraints:
            raise unsupported("ADD COLUMN with a constraint: add the constraint by itself")
        if column.name not in known:
            changes.append(TableChange.add(column))
        if not tokens.accept(","):
            break
        tokens.accept("COLUMN")
    if changes:
        account.alter_table(session, name, changes)


def _drop(connection: Connection, name: ObjectName, tokens: Tokens) -> None:
    session, account = connection.session, connection.account
    if tokens.accept("ROW", "ACCESS", "POLICY"):
        policy = in_full(session, "ROW ACCESS POLICY", tokens.dotted())
        account.detach_policy(session, "ROW ACCESS POLICY", _relation(connection, name), name, policy=policy)
        return
    if tokens.accept("ALL", "ROW", "ACCESS", "POLICIES"):
        account.detach_policy(session, "ROW ACCESS POLICY", _relation(connection, name), name)
        return
    if tokens.accept("CLUSTERING", "KEY"):
        account.alter(session, "TABLE", name, unset=["CLUSTER_BY"])
        return
    if tokens.word() in {"CONSTRAINT", "PRIMARY", "UNIQUE", "FOREIGN"}:
        _drop_constraint(connection, name, tokens)
        return
    tokens.accept("COLUMN")
    if_exists = tokens.accept("IF", "EXISTS")
    columns = tokens.list_of(tokens.identifier)
    if if_exists:
        known = {column.name for column in account.columns(name)}
        columns = [column for column in columns if column in known]
    if columns:
        account.alter_table(session, name, [TableChange.drop(column) for column in columns])


def _drop_constraint(connection: Connection, name: ObjectName, tokens: Tokens) -> None:
    """DROP CONSTRAINT name, PRIMARY KEY, UNIQUE (…) or FOREIGN KEY (…)."""
    session, account = connection.session, connection.account
    found = account.visible(session, "TABLE", name)
    if found is None:
        raise SnowflakeError.does_not_exist("TABLE", name)
    existing = list(found.properties.get("CONSTRAINTS") or [])
    if tokens.accept("CONSTRAINT"):
        wanted = tokens.identifier()
        kept = [constraint for constraint in existing if constraint.get("NAME") != wanted]
    else:
        wanted = tokens.accept_any(("PRIMARY KEY", "UNIQUE", "FOREIGN KEY")) or tokens.fail()
        columns = None if wanted == "PRIMARY KEY" else _names(tokens)
        kept = [
            constraint
            for constraint in existing
            if constraint["TYPE"] != wanted or (columns is not None and list(constraint["COLUMNS"]) != columns)
        ]
    if not tokens.accept("CASCADE"):
        tokens.accept("RESTRICT")
    if len(kept) == len(existing):
        raise SnowflakeError.compilation(2003, "02000", f"Constraint '{wanted}' does not exist or not authorized.")
    account.alter(session, "TABLE", name, set={"CONSTRAINTS": kept})


def _relation(connection: Connection, name: ObjectName) -> str:
    return "VIEW" if connection.account.find("VIEW", name) is not None else "TABLE"


def _rename_column(connection: Connection, name: ObjectName, tokens: Tokens) -> None:
    column = tokens.identifier()
    tokens.expect("TO")
    connection.account.alter_table(connection.session, name, [TableChange.rename(column, tokens.identifier())])


def _modify(connection: Connection, name: ObjectName, tokens: Tokens) -> None:
    """ALTER or MODIFY of columns, each change after the other between commas, with brackets or without."""
    bracket = tokens.accept("(")
    changes: list[TableChange] = []
    while True:
        tokens.accept("COLUMN")
        column = tokens.identifier()
        change = _column_change(connection, name, column, tokens)
        if change is not None:
            changes.append(change)
        if not tokens.accept(","):
            break
    if bracket:
        tokens.expect(")")
    if changes:
        connection.account.alter_table(connection.session, name, changes)


def _column_change(connection: Connection, name: ObjectName, column: str, tokens: Tokens) -> TableChange | None:
    session, account = connection.session, connection.account
    if tokens.accept("DROP", "NOT", "NULL"):
        return TableChange.set_nullable(column, nullable=True)
    if tokens.accept("SET", "NOT", "NULL") or tokens.accept("NOT", "NULL"):
        return TableChange.set_nullable(column, nullable=False)
    if tokens.accept("DROP", "DEFAULT"):
        return TableChange.drop_default(column)
    if tokens.accept("COMMENT"):
        tokens.accept("=")
        return TableChange.set_comment(column, tokens.string())
    if tokens.accept("UNSET", "COMMENT"):
        return TableChange.set_comment(column, "")
    if tokens.accept("SET", "MASKING", "POLICY"):
        policy = in_full(session, "MASKING POLICY", tokens.dotted())
        arguments = _conditions(tokens)
        force = tokens.accept("FORCE")
        account.attach_policy(
            session,
            "MASKING POLICY",
            policy,
            _relation(connection, name),
            name,
            column=column,
            arguments=arguments,
            force=force,
        )
        return None
    if tokens.accept("UNSET", "MASKING", "POLICY"):
        account.detach_policy(session, "MASKING POLICY", _relation(connection, name), name, column=column)
        return None
    if tokens.accept("SET", "TAG"):
        for tag, value in _tags(session, tokens):
            account.set_tag(session, tag, value, _relation(connection, name), name, column=column)
        return None
    if tokens.accept("UNSET", "TAG"):
        for tag in tokens.list_of(lambda: in_full(session, "TAG", tokens.dotted())):
            account.unset_tag(session, tag, _relation(connection, name), name, column=column)
        return None
    if tokens.accept("SET", "DATA", "TYPE") or tokens.accept("TYPE") or not tokens.at("SET"):
        return TableChange.set_type(column, _type(tokens))
    raise unsupported(f"ALTER COLUMN … {tokens.word()} {tokens.word(1)}")


def _swap(connection: Connection, name: ObjectName, tokens: Tokens) -> None:
    other = in_full(connection.session, "TABLE", tokens.dotted())
    connection.account.swap_tables(connection.session, name, other)


def _cluster(connection: Connection, name: ObjectName, tokens: Tokens) -> None:
    tokens.position -= 2
    connection.account.alter(connection.session, "TABLE", name, set={"CLUSTER_BY": _clustering(tokens)})


def _allowed_values(add: bool) -> Alteration:
    def action(connection: Connection, name: ObjectName, tokens: Tokens) -> None:
        values = tokens.list_of(tokens.string)
        found = connection.account.visible(connection.session, "TAG", name)
        if found is None:
            raise SnowflakeError.does_not_exist("TAG", name)
        existing = list(found.properties.get("ALLOWED_VALUES", []))
        kept = (
            [*existing, *(value for value in values if value not in existing)]
            if add
            else [value for value in existing if value not in values]
        )
        connection.account.alter(connection.session, "TAG", name, set={"ALLOWED_VALUES": kept})

    return action


def _set_triggers(connection: Connection, name: ObjectName, tokens: Tokens) -> None:
    properties: Properties = {}
    _triggers(tokens_back(tokens, 1), properties)
    connection.account.alter(connection.session, "RESOURCE MONITOR", name, set=properties)


def tokens_back(tokens: Tokens, count: int) -> Tokens:
    """The same place, `count` tokens earlier."""
    tokens.position -= count
    return tokens


def _add_after(connection: Connection, name: ObjectName, tokens: Tokens) -> None:
    _change_after(connection, name, tokens, add=True)


def _remove_after(connection: Connection, name: ObjectName, tokens: Tokens) -> None:
    _change_after(connection, name, tokens, add=False)


def _change_after(connection: Connection, name: ObjectName, tokens: Tokens, *, add: bool) -> None:
    session, account = connection.session, connection.account
    named_ = [str(item) for item in tokens.list_of(lambda: in_full(session, "TASK", tokens.dotted()))]
    found = account.visible(session, "TASK", name)
    if found is None:
        raise SnowflakeError.does_not_exist("TASK", name)
    existing = [str(item) for item in found.properties.get("AFTER", [])]
    after = [*existing, *named_] if add else [item for item in existing if item not in named_]
    account.alter(session, "TASK", name, set={"AFTER": after})


def _modify_text(key: str) -> Alteration:
    def action(connection: Connection, name: ObjectName, tokens: Tokens) -> None:
        kind = "TASK" if key in {"SQL_STATEMENT", "WHEN"} else "ALERT"
        connection.account.alter(connection.session, kind, name, set={key: tokens.rest()})

    return action


def _modify_condition(connection: Connection, name: ObjectName, tokens: Tokens) -> None:
    tokens.expect("EXISTS")
    condition = tokens.balanced()
    connection.account.alter(connection.session, "ALERT", name, set={"CONDITION": condition})


_STARTED, _SUSPENDED = {"STATE": "STARTED"}, {"STATE": "SUSPENDED"}
_COLUMN_CHANGES: dict[str, Alteration] = {
    "ADD": _add,
    "DROP": _drop,
    "RENAME COLUMN": _rename_column,
    "ALTER": _modify,
    "MODIFY": _modify,
}
_ALTERATIONS: dict[str, dict[str, Alteration]] = {
    "TABLE": {
        **_COLUMN_CHANGES,
        "CLUSTER BY": _cluster,
        "SWAP WITH": _swap,
        "RECLUSTER": _not_built("ALTER TABLE … RECLUSTER"),
    },
    "VIEW": {"ADD": _add, "DROP": _drop, "ALTER": _modify, "MODIFY": _modify},
    "SCHEMA": {
        "ENABLE MANAGED ACCESS": _property_set("SCHEMA", {"MANAGED_ACCESS": True}),
        "DISABLE MANAGED ACCESS": _property_set("SCHEMA", {"MANAGED_ACCESS": False}),
        "SWAP WITH": _not_built("ALTER SCHEMA … SWAP WITH"),
    },
    "DATABASE": {"SWAP WITH": _not_built("ALTER DATABASE … SWAP WITH")},
    "WAREHOUSE": {
        "SUSPEND": _property_set("WAREHOUSE", _SUSPENDED),
        "RESUME": _property_set("WAREHOUSE", _STARTED, optional="IF SUSPENDED"),
        "ABORT ALL QUERIES": _not_built("ALTER WAREHOUSE … ABORT ALL QUERIES"),
    },
    "TASK": {
        "SUSPEND": _property_set("TASK", _SUSPENDED),
        "RESUME": _property_set("TASK", _STARTED),
        "ADD AFTER": _add_after,
        "REMOVE AFTER": _remove_after,
        "MODIFY AS": _modify_text("SQL_STATEMENT"),
        "MODIFY WHEN": _modify_text("WHEN"),
    },
    "ALERT": {
        "SUSPEND": _property_set("ALERT", _SUSPENDED),
        "RESUME": _property_set("ALERT", _STARTED),
        "MODIFY CONDITION": _modify_condition,
        "MODIFY ACTION": _modify_text("ACTION"),
    },
    "DYNAMIC TABLE": {
        "SUSPEND": _property_set("DYNAMIC TABLE", _SUSPENDED),
        "RESUME": _property_set("DYNAMIC TABLE", _STARTED),
        "REFRESH": _not_built("ALTER DYNAMIC TABLE … REFRESH"),
    },
    "TAG": {"ADD ALLOWED_VALUES": _allowed_values(add=True), "DROP ALLOWED_VALUES": _allowed_values(add=False)},
    "RESOURCE MONITOR": {"TRIGGERS": _set_triggers},
    "USER": {"RESET PASSWORD": _not_built("ALTER USER … RESET PASSWORD")},
}


# --- DROP, COMMENT, UNDROP


@handles("DROP")
def drop(connection: Connection, tokens: Tokens) -> Result:
    """DROP [IF EXISTS] of every kind that the account has."""
    session, account = connection.session, connection.account
    tokens.expect("DROP")
    kind = kind_of(tokens)
    if_exists = tokens.accept("IF", "EXISTS")
    name = named(session, kind, tokens)
    restrict = tokens.accept("RESTRICT")
    if not restrict:
        tokens.accept("CASCADE")
    tokens.end()
    known = account.visible(session, _plain(kind), name) is not None
    account.drop(session, kind, name, if_exists=if_exists, restrict=restrict)
    if not known:
        return Result.message(f"Drop statement executed successfully ({name.name} already dropped).")
    return Result.message(f"{name.name} successfully dropped.")


@handles("UNDROP")
def undrop(connection: Connection, tokens: Tokens) -> Result:
    """UNDROP TABLE, SCHEMA, DATABASE."""
    session, account = connection.session, connection.account
    tokens.expect("UNDROP")
    if tokens.word() not in KEPT_KINDS:
        raise unsupported(f"UNDROP {tokens.rest().split()[0].upper() if not tokens.done else ''}".strip())
    kind = kind_of(tokens)
    if tokens.at("IDENTIFIER", "(") and not tokens.is_string_at(2):
        raise unsupported(f"UNDROP {kind} IDENTIFIER of a number")
    name = named(session, kind, tokens)
    tokens.end()
    restored = account.undrop(session, kind, name)
    return Result.message(f"{_title(kind)} {restored.name.name} successfully restored.")


@handles("COMMENT")
def comment(connection: Connection, tokens: Tokens) -> Result:
    """COMMENT [IF EXISTS] ON kind name IS '…', and on a column."""
    session, account = connection.session, connection.account
    tokens.expect("COMMENT")
    if_exists = tokens.accept("IF", "EXISTS")
    tokens.expect("ON")
    if tokens.accept("COLUMN"):
        parts: list[str] = [tokens.identifier()]
        while tokens.accept("."):
            parts.append(tokens.identifier())
        tokens.expect("IS")
        text = tokens.string()
        tokens.end()
        if len(parts) < 2:
            raise SnowflakeError.syntax(f"unexpected '{parts[0]}': a column is named with its table")
        table = in_full(session, "TABLE", tuple(parts[:-1]))
        account.alter_table(session, table, [TableChange.set_comment(parts[-1], text)])
        return Result.message(_DONE)
    kind = kind_of(tokens)
    name = named(session, kind, tokens)
    tokens.expect("IS")
    text = tokens.string()
    tokens.end()
    if if_exists and account.visible(session, _plain(kind), name) is None:
        return Result.message(_DONE)
    account.alter(session, kind, name, set={"COMMENT": text})
    return Result.message(_DONE)
