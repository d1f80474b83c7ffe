"""Databases, schemas, tables: what is kept, who is shown which rows and columns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from policies.graph.resources import ResourceGraph, identifier
from policies.policy import (
    TEXTS,
    Breach,
    Parameter,
    Parameters,
    Policy,
    Properties,
    Severity,
    each,
    each_in_graph,
    properties,
    whole_number,
)

_DOCS: Final = "https://docs.snowflake.com/en/"
_ROW_POLICY: Final = re.compile(
    r"^\s*ALTER\s+TABLE\s+(?P<table>\S+)\s+ADD\s+ROW\s+ACCESS\s+POLICY\s+\S+\s+ON\s*\((?P<columns>[^)]*)\)",
    re.IGNORECASE,
)
_TENANTS_TABLE: Final = Parameter(
    "^HCS[0-9]{4}_DB$", "A regular expression for the names of databases that are a tenant's own.", {"type": "string"}
)
#: Columns of the chat's tables that hold what people wrote, who they are, or what proves it (LibreChat's schemas).
_PHI_COLUMNS: Final = (
    "CONVERSATIONS.TITLE",
    "CONVERSATIONS.SYSTEM_PROMPT",
    "CHAT_MESSAGES.SENDER",
    "CHAT_MESSAGES.TEXT",
    "CHAT_MESSAGES.CONTENT",
    "CHAT_MESSAGES.SUMMARY",
    "CHAT_MESSAGES.ATTACHMENTS",
    "CHAT_MESSAGES.RAW",
    "CONVERSATIONS.RAW",
    "USER_SESSIONS.REFRESH_TOKEN_HASH",
    "USER_PREFERENCES.VALUE",
    "FILE_UPLOADS.FILENAME",
    "FILE_UPLOADS.EXTRACTED_TEXT",
    "PROMPT_CACHE.RESPONSE",
    "ORG_USERS.EMAIL",
    "ORG_USERS.DISPLAY_NAME",
)


@each("snowflake:Database", "snowflake:Schema", "snowflake:Table")
def _time_travel(inputs: Properties, parameters: Parameters) -> Iterator[str]:
    if "dataRetentionTimeInDays" in inputs.resource.ignored:
        return  # left as it was found: not this stack's to decide
    days, least = inputs.number("dataRetentionTimeInDays"), parameters["minimum_days"]
    # A schema or a table without days of its own has its database's; -1 says so outright to the provider.
    if inputs.resource.short_type != "snowflake:Database" and days in (None, -1):
        return
    if days is None or days < least:
        yield f"dataRetentionTimeInDays is not {least} at least"


@each("snowflake:Database", "snowflake:Schema")
def _not_transient(inputs: Properties, _: Parameters) -> Iterator[str]:
    if "isTransient" not in inputs.resource.ignored and inputs.flag("isTransient"):
        yield "isTransient is true: no Fail-safe, and a day of Time Travel at most"


@each("snowflake:Execute")
def _no_transient_table(statement: Properties, _: Parameters) -> Iterator[str]:
    text = statement.text("execute") or ""
    if re.search(r"\bCREATE\s+(?:OR\s+REPLACE\s+)?(?:TRANSIENT|TEMPORARY|TEMP)\s+TABLE\b", text, re.IGNORECASE):
        yield "execute makes a table without Fail-safe"


def _no_transient(graph: ResourceGraph, parameters: Parameters) -> Iterator[Breach]:
    yield from _not_transient(graph, parameters)
    yield from _no_transient_table(graph, parameters)


@each("snowflake:Schema")
def _managed_access(schema: Properties, _: Parameters) -> Iterator[str]:
    if schema.flag("withManagedAccess") is not True:
        yield "withManagedAccess is not true: owners of objects grant as they like"


@each_in_graph("snowflake:Table")
def _row_access(table: Properties, parameters: Parameters, graph: ResourceGraph) -> Iterator[str]:
    database = table.text("database") or ""
    if re.search(parameters["tenant_database"], database):
        return  # one tenant's alone
    columns = {column.text("name") for column in table.parts("columns")}
    keys = columns & set(parameters["tenant_keys"])
    if not keys:
        return
    name = (database, table.text("schema") or "", table.text("name") or "")
    for statement in graph.of_types("snowflake:Execute"):
        found = _ROW_POLICY.match(properties(statement).text("execute") or "")
        if found and identifier(found["table"]) == name and set(identifier_list(found["columns"])) & keys:
            return
    yield "it has a tenant's key and no row access policy on it"


def identifier_list(text: str) -> list[str]:
    return [".".join(identifier(part.strip())) for part in text.split(",")]


@each_in_graph("snowflake:Table")
def _phi_tagged(table: Properties, parameters: Parameters, graph: ResourceGraph) -> Iterator[str]:
    name = table.text("name") or ""
    columns = {column.text("name") or "" for column in table.parts("columns")}
    wanted = {
        column.partition(".")[2] for column in parameters["columns"] if column.partition(".")[0] == name
    } & columns
    if not wanted:
        return
    place = (table.text("database") or "", table.text("schema") or "", name)
    tagged = graph.once(_tagged_columns).get((parameters["tag"], *place), set())
    for column in sorted(wanted - tagged):
        yield f"the column {column} has no tag {parameters['tag']}"


def _tagged_columns(graph: ResourceGraph) -> dict[tuple[str, ...], set[str]]:
    """By tag, database, schema and table the columns that carry the tag."""
    found: dict[tuple[str, ...], set[str]] = {}
    for association in graph.of_types("snowflake:TagAssociation"):
        inputs = properties(association)
        if (inputs.text("objectType") or "").upper() != "COLUMN":
            continue
        tag = identifier(inputs.text("tagId") or "")[-1:]
        for text in inputs.texts("objectIdentifiers"):
            *table, column = identifier(text)
            found.setdefault((*tag, *table), set()).add(column)
    return found


@each_in_graph("snowflake:Tag")
def _phi_masked(tag: Properties, parameters: Parameters, graph: ResourceGraph) -> Iterator[str]:
    if tag.text("name") != parameters["tag"]:
        return
    masks = {identifier(text) for text in tag.texts("maskingPolicies")}
    types: set[str] = set()
    for policy in graph.of_types("snowflake:MaskingPolicy"):
        inputs = properties(policy)
        name = (inputs.text("database") or "", inputs.text("schema") or "", inputs.text("name") or "")
        if name in masks:
            types.add((inputs.text("returnDataType") or "").upper().partition("(")[0])
            if not re.search(
                r"\bCURRENT_ROLE\b|\bIS_ROLE_IN_SESSION\b|\bIS_DATABASE_ROLE_IN_SESSION\b",
                inputs.text("body") or "",
                re.IGNORECASE,
            ):
                yield f"the masking policy {policy.name} does not ask who looks"
    for type_ in parameters["types"]:
        if type_ not in types:
            yield f"no declared masking policy of the tag masks {type_}"


POLICIES: Final = (
    Policy(
        id="time-travel",
        title="What is deleted or overwritten can be had back",
        severity=Severity.HIGH,
        safeguards=("45 CFR 164.312(c)(1)", "45 CFR 164.308(a)(7)(ii)(A)", "CIS Snowflake 4.3"),
        remediation="Set dataRetentionTimeInDays of the database, and none below it that is less.",
        link=_DOCS + "user-guide/data-time-travel",
        check=_time_travel,
        parameters={"minimum_days": Parameter(1, "Days of Time Travel, at least.", whole_number(1, 90))},
    ),
    Policy(
        id="no-transient-data",
        title="Nothing that holds data is transient",
        severity=Severity.HIGH,
        safeguards=("45 CFR 164.312(c)(1)", "45 CFR 164.308(a)(7)(ii)(A)"),
        remediation="Leave isTransient out, and make tables by CREATE TABLE.",
        link=_DOCS + "user-guide/tables-temp-transient",
        check=_no_transient,
    ),
    Policy(
        id="managed-access",
        title="A schema's owner decides who gets access, not the owner of each object",
        severity=Severity.HIGH,
        safeguards=("45 CFR 164.312(a)(1)", "45 CFR 164.308(a)(4)"),
        remediation='Set withManagedAccess to "true".',
        link=_DOCS + "user-guide/security-access-control-configure#creating-managed-access-schemas",
        check=_managed_access,
    ),
    Policy(
        id="row-access-on-shared-tables",
        title="A shared table shows a tenant its own rows alone",
        severity=Severity.CRITICAL,
        safeguards=("45 CFR 164.312(a)(1)",),
        remediation="Attach a row access policy: Execute of ALTER TABLE … ADD ROW ACCESS POLICY … ON (key).",
        link=_DOCS + "user-guide/security-row-intro",
        check=_row_access,
        parameters={
            "tenant_keys": Parameter(["TENANT_ID", "ORGANIZATION_ID"], "Columns that say whose a row is.", TEXTS),
            "tenant_database": _TENANTS_TABLE,
        },
    ),
    Policy(
        id="phi-columns-tagged",
        title="Columns that hold what people wrote, or who they are, carry the PHI tag",
        severity=Severity.HIGH,
        safeguards=("45 CFR 164.312(a)(1)", "45 CFR 164.308(a)(4)"),
        remediation="Name the column in a TagAssociation of the tag, with object_type COLUMN.",
        link=_DOCS + "user-guide/tag-based-masking-policies",
        check=_phi_tagged,
        parameters={
            "tag": Parameter("PHI", "The tag's name.", {"type": "string"}),
            "columns": Parameter(
                list(_PHI_COLUMNS), "TABLE.COLUMN that must carry it, wherever such a table is.", TEXTS
            ),
        },
    ),
    Policy(
        id="phi-tag-masks",
        title="The PHI tag masks what it is put on",
        severity=Severity.CRITICAL,
        safeguards=("45 CFR 164.312(a)(1)",),
        remediation="Name in the tag's masking_policies one for each type, whose body asks for the role.",
        link=_DOCS + "user-guide/tag-based-masking-policies",
        check=_phi_masked,
        parameters={
            "tag": Parameter("PHI", "The tag's name.", {"type": "string"}),
            "types": Parameter(["VARCHAR", "VARIANT", "ARRAY"], "Types of columns that it must mask.", TEXTS),
        },
    ),
)
