"""What a plan would lose in Snowflake: each change by itself, and beside it the same that loses nothing."""

from __future__ import annotations

from typing import Any

import pytest
from data_loss_steps import DATABASE, SCHEMA, TABLE, TENANT, UNKNOWN, changes, column, found, organization, step, table

from policies.data_loss import Step
from policies.data_loss.data_types import compare

CONVERSATIONS = "table HCS0001_DB.NEXUSCHAT.CONVERSATIONS"
HERE = {"database": "D", "schema": "S"}


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        ([column("A"), column("TITLE")], [column("A")], "drop column TITLE"),
        ([column("TITLE")], [column("SUBJECT")], "drop column TITLE"),
        ([column("title")], [column("TITLE")], "drop column title"),
        ([column("A", "VARCHAR(20)")], [column("A", "VARCHAR(10)")],
         "narrow column A from VARCHAR(20) to VARCHAR(10)"),
        ([column("A", "STRING")], [column("A", "VARCHAR(10)")], "narrow column A from STRING to VARCHAR(10)"),
        ([column("A", "NUMBER(38,0)")], [column("A", "NUMBER(10,0)")],
         "narrow column A from NUMBER(38,0) to NUMBER(10,0)"),
        ([column("A", "TIMESTAMP_NTZ(9)")], [column("A", "TIMESTAMP_NTZ(3)")],
         "narrow column A from TIMESTAMP_NTZ(9) to TIMESTAMP_NTZ(3)"),
        ([column("A", "NUMBER(38,2)")], [column("A", "NUMBER(38,0)")],
         "retype column A from NUMBER(38,2) to NUMBER(38,0)"),
        ([column("A", "VARIANT")], [column("A", "VARCHAR")], "retype column A from VARIANT to VARCHAR"),
        ([column("A", collate="en")], [column("A", collate="de")],
         "retype column A from VARCHAR(256) COLLATE 'en' to VARCHAR(256) COLLATE 'de'"),
        ([column("A")], [column("A", nullable=False)], "make column A NOT NULL"),
        ([{"name": "A", "type": "INT"}], [column("A", "INT", nullable=False)], "make column A NOT NULL"),
    ],
)  # fmt: skip
def test_a_column_that_loses(old: list[dict[str, Any]], new: list[dict[str, Any]], change: str) -> None:
    (finding,) = found(organization(), step("same", "Database", "db", DATABASE, parent=TENANT), table(old, new))
    assert (finding.tenant, finding.object, finding.change) == ("HCS0001", CONVERSATIONS, change)
    assert not finding.unknown
    assert finding.check_first.startswith("SELECT COUNT(")
    assert "HCS0001_DB.NEXUSCHAT.CONVERSATIONS" in finding.check_first
    assert finding.recoverable.startswith("for 30 days of Time Travel")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ([column("A")], [column("A"), column("B")]),
        ([column("A"), column("B")], [column("B"), column("A")]),
        ([column("A", "VARCHAR(10)")], [column("A", "VARCHAR(20)")]),
        ([column("A", "string")], [column("A", "VARCHAR(16777216)")]),
        ([column("A", "NUMBER")], [column("A", "NUMBER(38, 0)")]),
        ([column("A", "DATETIME")], [column("A", "TIMESTAMP_NTZ(9)")]),
        ([column("A", nullable=False)], [column("A")]),
        ([column("A", comment="x")], [column("A", comment="y")]),
        ([column("A")], [column("A", maskingPolicy="D.S.P")]),
    ],
)
def test_a_column_that_loses_nothing(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> None:
    assert changes(table(old, new)) == []


def test_a_renamed_column_says_what_is_added() -> None:
    (finding,) = found(table([column("TITLE")], [column("SUBJECT")]))
    assert "SUBJECT is added: a renamed column is dropped and added empty" in finding.lost


def test_a_column_added_by_hand_and_read_back_is_dropped() -> None:
    """The provider compares with what it last read, not with what was declared."""
    declared = {**TABLE, "columns": [column("A")]}
    read = {"columns": [column("A"), column("BY_HAND")]}
    seen = step("update", "Table", "t", declared, {**declared, "comment": "new"}, outputs=read)
    assert changes(seen) == [(CONVERSATIONS, "drop column BY_HAND")]


@pytest.mark.parametrize("columns", [UNKNOWN, [column("A", UNKNOWN)], "[secret]"])
def test_columns_that_the_plan_does_not_know(columns: Any) -> None:
    (finding,) = found(table([column("A")], columns))
    assert finding.unknown
    assert finding.change == "unknown columns"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("VARCHAR", "TEXT", "same"),
        ("CHAR", "VARCHAR(1)", "same"),
        ("INT", "NUMBER(38,0)", "same"),
        ("double precision", "FLOAT", "same"),
        ("NUMBER(10)", "NUMBER(12,0)", "wider"),
        ("BINARY", "BINARY(10)", "narrower"),
        ("TIME(9)", "TIME(0)", "narrower"),
        ("TIMESTAMP_NTZ", "TIMESTAMP_TZ", "other"),
        ("ARRAY", "OBJECT", "other"),
        ("VECTOR(FLOAT, 256)", "VECTOR(FLOAT, 128)", "other"),
    ],
)
def test_types(old: str, new: str, expected: str) -> None:
    assert compare(old, new) == expected


# ── objects ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("kind", "inputs", "word"),
    [
        ("Database", {"name": "D"}, "database D"),
        ("Schema", {"database": "D", "name": "S"}, "schema D.S"),
        ("Table", {**HERE, "name": "T"}, "table D.S.T"),
        ("HybridTable", {**HERE, "name": "T"}, "hybrid table D.S.T"),
        ("StageInternal", {**HERE, "name": "FILES"}, "stage D.S.FILES"),
        ("Sequence", {**HERE, "name": "N"}, "sequence D.S.N"),
        ("StreamOnTable", {**HERE, "name": "N"}, "stream D.S.N"),
        ("SecretWithGenericString", {**HERE, "name": "K"}, "secret D.S.K"),
    ],
)
def test_what_holds_data_is_dropped_or_replaced(kind: str, inputs: dict[str, Any], word: str) -> None:
    assert changes(step("delete", kind, old=inputs)) == [(word, "drop")]
    replaced = step("replace", kind, old=inputs, new=inputs, keys=["isTransient"])
    assert changes(replaced) == [(word, "drop and create again (for isTransient)")]
    assert changes(step("delete", kind, old=inputs, retained=True)) == []
    assert changes(step("create", kind, new=inputs)) == []


def test_warehouses_roles_and_monitors_are_no_data() -> None:
    assert changes(*(step("delete", kind, kind, {"name": "X"}) for kind in ("Warehouse", "AccountRole", "Task"))) == []


def test_what_lies_in_something_that_goes_goes_with_it() -> None:
    findings = found(
        step("replace", "Database", "d", {"name": "D", "isTransient": True}, keys=["isTransient"]),
        step("replace", "Schema", "s", {"database": "D", "name": "S"}, keys=["database"]),
        *(step("replace", "Table", name, {**HERE, "name": name}, keys=["database"]) for name in ("A", "B")),
        step("delete", "Table", "other", {"database": "E", "schema": "S", "name": "C"}),
    )
    assert [finding.object for finding in findings] == ["database D", "table E.S.C"]
    assert "(2 of this stack: S.A, S.B)" in findings[0].lost
    assert "being transient, for 1 day at most, and without Fail-safe" in findings[0].recoverable


def test_a_removed_organisation_is_one_finding_with_all_that_goes() -> None:
    tag = {"objectType": "COLUMN", "tagId": "G.S.PHI", "objectIdentifiers": ["HCS0001_DB.NEXUSCHAT.CONVERSATIONS.A"]}
    findings = found(
        organization("delete"),
        organization("same", "HCS0002"),
        step("delete", "Database", "d", DATABASE, parent=TENANT),
        step("delete", "Schema", "s", SCHEMA, parent=TENANT),
        step("delete", "Table", "t", TABLE, parent=TENANT),
        step("delete", "TagAssociation", "a", tag, parent=TENANT),
        step("delete", "Warehouse", "w", {"name": "HCS0001_WH"}, parent=TENANT),
    )
    (finding,) = findings
    assert (finding.tenant, finding.object, finding.change) == ("HCS0001", "organisation HCS0001", "remove")
    assert "HCS0001_DB with 1 tables (NEXUSCHAT.CONVERSATIONS)" in finding.lost
    assert finding.check_first.startswith("SELECT TABLE_SCHEMA, TABLE_NAME, ROW_COUNT FROM HCS0001_DB.")
    assert "30 days of Time Travel: UNDROP DATABASE HCS0001_DB, then UNDROP of each schema" in finding.recoverable


def test_an_organisation_that_keeps_its_data_loses_none() -> None:
    kept = step("delete", "Database", "d", DATABASE, parent=TENANT, retained=True)
    assert changes(organization("delete"), kept) == []


@pytest.mark.parametrize(
    ("kind", "old", "new", "expected"),
    [
        ("Database", {"name": "D"}, {"name": "E"}, ("database D", "rename to E")),
        ("Schema", {"database": "D", "name": "S"}, {"database": "D", "name": "Z"}, ("schema D.S", "rename to D.Z")),
        ("Table", {**HERE, "name": "T"}, {**HERE, "name": "t"}, ("table D.S.T", 'rename to D.S."t"')),
        ("Table", {**HERE, "name": "T"}, {**HERE, "name": UNKNOWN}, ("table D.S.T", "unknown name")),
    ],
)
def test_renamed(kind: str, old: dict[str, Any], new: dict[str, Any], expected: tuple[str, str]) -> None:
    columns = {"columns": [column("A")]} if kind == "Table" else {}
    assert changes(step("update", kind, old={**old, **columns}, new={**new, **columns})) == [expected]


@pytest.mark.parametrize(
    ("old", "outputs", "new", "change"),
    [
        (30, {}, 7, "shorten retention from 30 to 7 days"),
        (30, {}, 0, "shorten retention from 30 to 0 days"),
        (30, {}, None, "shorten retention from 30 to what it inherits"),
        (None, {"dataRetentionTimeInDays": 30}, 7, "shorten retention from 30 to 7 days"),
        (30, {}, UNKNOWN, "unknown retention"),
        (None, {}, 7, "unknown retention"),
        (30, {}, 90, None),
        (30, {}, 30, None),
        (None, {}, None, None),
        (None, {}, 90, None),
    ],
)
def test_retention(old: int | None, outputs: dict[str, Any], new: int | str | None, change: str | None) -> None:
    seen = step(
        "update",
        "Database",
        old={"name": "D"} | ({} if old is None else {"dataRetentionTimeInDays": old}),
        new={"name": "D"} | ({} if new is None else {"dataRetentionTimeInDays": new}),
        outputs=outputs,
    )
    assert [change for _, change in changes(seen)] == ([] if change is None else [change])


def test_retention_is_compared_with_what_is_inherited() -> None:
    database = step("same", "Database", "d", {"name": "D", "dataRetentionTimeInDays": 30})
    schema = {"database": "D", "name": "S"}
    for days, expected in ((7, ["shorten retention from 30 to 7 days"]), (30, []), (60, [])):
        seen = step("update", "Schema", "s", schema, {**schema, "dataRetentionTimeInDays": days})
        assert [change for _, change in changes(database, seen)] == expected
    unset = step("update", "Schema", "s", {**schema, "dataRetentionTimeInDays": 30}, schema)
    assert changes(database, unset) == []


def test_the_accounts_own_retention() -> None:
    key = "MIN_DATA_RETENTION_TIME_IN_DAYS"
    lower = step("update", "AccountParameter", old={"key": key, "value": "30"}, new={"key": key, "value": "1"})
    assert changes(lower) == [(f"account, parameter {key}", "shorten retention from 30 to 1 days")]
    gone = step("delete", "AccountParameter", old={"key": key, "value": "30"})
    assert changes(gone) == [(f"account, parameter {key}", "shorten retention from 30 to 0 days")]
    other = {"key": "TIMEZONE", "value": "UTC"}
    assert changes(step("delete", "AccountParameter", old=other)) == []


# ── statements ───────────────────────────────────────────────────────────────────────────────────────────────────────

ADD = 'ALTER TABLE "D"."S"."T" ADD ROW ACCESS POLICY "G"."S"."P" ON ("K")'
DROP = 'ALTER TABLE "D"."S"."T" DROP ROW ACCESS POLICY "G"."S"."P"'


def execute(op: Any, old: str | None = None, revert: str = "SELECT 1", new: str | None = None) -> Step:
    return step(
        op,
        "Execute",
        "x",
        {} if old is None else {"execute": old, "revert": revert},
        {} if new is None else {"execute": new, "revert": revert},
    )


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (execute("delete", "CREATE TABLE D.S.T (A INT)", "drop table D.S.T"), "run DROP TABLE D.S.T"),
        (execute("replace", "SELECT 1", "SELECT 1", "select 2; truncate table d.s.t"), "run TRUNCATE TABLE D.S.T"),
        (execute("replace", "SELECT 1", "SELECT 1", "CREATE OR REPLACE TABLE T (A INT)"),
         "run CREATE OR REPLACE TABLE T (A INT)"),
        (execute("replace", "SELECT 1", "SELECT 1", 'ALTER TABLE "T" DROP COLUMN "A"'),
         'run ALTER TABLE "T" DROP COLUMN "A"'),
        (execute("replace", "SELECT 1", "SELECT 1", 'ALTER TABLE T DROP A'), "run ALTER TABLE T DROP A"),
        (execute("replace", "SELECT 1", "SELECT 1", "ALTER TABLE T SET DATA_RETENTION_TIME_IN_DAYS = 0"),
         "run ALTER TABLE T SET DATA_RETENTION_TIME_IN_DAYS = 0"),
        (execute("replace", "SELECT 1", "SELECT 1", "DELETE FROM T WHERE A = 1"), "run DELETE FROM T WHERE A = 1"),
        (execute("replace", "SELECT 1", "SELECT 1", DROP), f"run {DROP}"),
        (execute("delete", "SELECT 1", "/* DROP */ -- DROP\n drop /* it */ schema D.S"), "run DROP SCHEMA D.S"),
        (execute("delete", "SELECT 1", "CALL TIDY()"), "run CALL TIDY()"),
        (execute("delete", "SELECT 1", "EXECUTE IMMEDIATE $$ DROP TABLE T $$"),
         "run EXECUTE IMMEDIATE $$ DROP TABLE T $$"),
        (execute("replace", "SELECT 1", "SELECT 1", UNKNOWN), "unknown execute"),
        (execute("delete", ADD, DROP), "detach ROW ACCESS POLICY G.S.P"),
        (execute("replace", ADD, DROP, f"{ADD} "), "detach ROW ACCESS POLICY G.S.P for a moment"),
        (execute("delete", "ALTER VIEW D.S.V MODIFY COLUMN A SET MASKING POLICY P", "SELECT 1"),
         "detach MASKING POLICY P"),
        (execute("delete", "ALTER TABLE D.S.T SET TAG G.S.PHI = 'CONTENT'", "SELECT 1"), "detach TAG G.S.PHI"),
    ],
)  # fmt: skip
def test_statements_that_lose(seen: Step, expected: str) -> None:
    assert [change for _, change in changes(seen)] == [expected]


@pytest.mark.parametrize(
    "seen",
    [
        execute("create", new="MERGE INTO T USING (SELECT 1 AS A) ON TRUE WHEN MATCHED THEN UPDATE SET A = 1"),
        execute("create", new=UNKNOWN),
        execute("create", new="CALL SNOWFLAKE.LOCAL.REVOKE_FROM_PUBLIC_APPLICATION_ROLE('APP_ROLE', 'M')"),
        execute("replace", "SELECT 'DROP TABLE T'", "SELECT 1", "SELECT 'DROP TABLE T; TRUNCATE T'"),
        # What it deletes it has written itself, and declares anew.
        execute("replace", 'MERGE INTO "P" USING X', 'DELETE FROM "P"', 'MERGE INTO "P" USING Y'),
        execute("replace", "REVOKE ROLE A FROM ROLE B", "GRANT ROLE A TO ROLE B", "REVOKE ROLE A FROM ROLE C"),
        execute("delete", "SELECT 1", "ALTER TABLE T DROP CONSTRAINT C"),
        execute("same", "DROP TABLE T", "DROP TABLE T"),
    ],
)
def test_statements_that_lose_nothing(seen: Step) -> None:
    assert changes(seen) == []


STOP = "def main(session, name):\n    session.sql('ALTER WAREHOUSE W SUSPEND').collect()\n"


@pytest.mark.parametrize(
    ("procedure", "harmless"),
    [
        (step("same", "ProcedurePython", "P", {"database": "D", "schema": "S", "name": "STOP",
                                               "procedureDefinition": STOP}), True),
        (step("create", "ProcedurePython", "P", new={"database": "D", "schema": "S", "name": "STOP",
                                                     "procedureDefinition": STOP}), True),
        # Another one, one that goes, one that is not known, and one that hides something.
        (step("same", "ProcedurePython", "P", {"database": "D", "schema": "S2", "name": "STOP",
                                               "procedureDefinition": STOP}), False),
        (step("delete", "ProcedurePython", "P", {"database": "D", "schema": "S", "name": "STOP",
                                                 "procedureDefinition": STOP}), False),
        (step("same", "ProcedurePython", "P", {"database": "D", "schema": "S", "name": "STOP",
                                               "procedureDefinition": UNKNOWN}), False),
        *((step("same", "ProcedurePython", "P", {"database": "D", "schema": "S", "name": "STOP",
                                                 "procedureDefinition": STOP + more}), False)
          for more in ("session.sql('drop table t')", "session.sql('DELETE FROM T')", "session.call('X'); 'Call X()'")),
    ],
)  # fmt: skip
def test_a_call_is_judged_by_the_definition_in_the_plan(procedure: Step, harmless: bool) -> None:
    call = 'CALL "D"."S"."STOP"(\'HCS0001\')'
    seen = changes(procedure, execute("create", new=call))
    assert [change for object_, change in seen if object_ == "statement x"] == ([] if harmless else [f"run {call}"])


def test_a_policy_is_not_missed_on_a_table_that_goes_too() -> None:
    gone = step("delete", "Table", "t", {**HERE, "name": "T"})
    assert changes(gone, execute("delete", ADD, DROP)) == [("table D.S.T", "drop")]


def row(database: str, credits: int) -> str:
    return (
        'MERGE INTO "V"."T"."ORGANIZATIONS" AS known USING (SELECT \'HCS0001\' AS ORGANIZATION_ID, '
        f"'{database}' AS DATABASE_NAME, {credits} AS MONTHLY_CREDITS) AS declared ON TRUE"
    )


def test_a_row_that_names_another_database() -> None:
    moved = execute("replace", row("HCS0001_DB", 50), "SELECT 1", row("OTHER_DB", 50))
    assert changes(moved) == [
        ("row of HCS0001 in ORGANIZATIONS", "change DATABASE_NAME from 'HCS0001_DB' to 'OTHER_DB'")
    ]
    assert changes(execute("replace", row("HCS0001_DB", 50), "SELECT 1", row("HCS0001_DB", 60))) == []
    assert changes(execute("delete", row("HCS0001_DB", 50))) == [("row of HCS0001 in ORGANIZATIONS", "withdraw")]


# ── what guards ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("kind", "word"),
    [("MaskingPolicy", "masking policy"), ("RowAccessPolicy", "row access policy"), ("Tag", "tag")],
)
def test_policies_replaced_or_dropped(kind: str, word: str) -> None:
    inputs = {**HERE, "name": "P"}
    replaced = step("replace", kind, old=inputs, new=inputs, keys=["arguments"])
    assert changes(replaced) == [(f"{word} D.S.P", "drop and create again (for arguments)")]
    assert changes(step("delete", kind, old=inputs)) == [(f"{word} D.S.P", "drop")]
    assert changes(step("update", kind, old=inputs, new={**inputs, "body": "TRUE"})) == []


def test_a_tag_that_loses_a_mask() -> None:
    old = {**HERE, "name": "PHI", "maskingPolicies": ['"D"."S"."TEXT"', '"D"."S"."ARRAY"']}
    fewer = {**old, "maskingPolicies": ["D.S.TEXT"]}
    assert changes(step("update", "Tag", old=old, new=fewer)) == [("tag D.S.PHI", "take masking policy D.S.ARRAY off")]
    hidden = step("update", "Tag", old=old, new={**old, "maskingPolicies": UNKNOWN})
    assert [finding.unknown for finding in found(hidden)] == [True]


def association(op: Any, before: list[str], after: list[str]) -> Step:
    base = {"objectType": "COLUMN", "tagId": '"G"."S"."PHI"'}
    names = [[f'"D"."S"."T"."{column}"' for column in columns] for columns in (before, after)]
    return step(
        op, "TagAssociation", "tags", {**base, "objectIdentifiers": names[0]}, {**base, "objectIdentifiers": names[1]}
    )


def test_tags_that_come_off() -> None:
    assert changes(association("update", ["A", "B", "C"], ["A"])) == [("table D.S.T", "take tag G.S.PHI off B, C")]
    assert changes(association("replace", ["A"], ["A"])) == [("table D.S.T", "take tag G.S.PHI off A for a moment")]
    assert changes(association("delete", ["A"], [])) == [("table D.S.T", "take tag G.S.PHI off A")]
    assert changes(association("update", ["A"], ["A", "B"])) == []


def test_a_tag_of_a_dropped_column_goes_with_it() -> None:
    columns = [column("A"), column("B")]
    inputs = {**HERE, "name": "T"}
    dropping = step("update", "Table", "t", {**inputs, "columns": columns}, {**inputs, "columns": columns[:1]})
    assert changes(dropping, association("update", ["A", "B"], ["A"])) == [("table D.S.T", "drop column B")]


def test_masks_of_columns_and_policies_of_views() -> None:
    masked, open_ = [column("A", maskingPolicy="G.S.P")], [column("A")]
    assert changes(table(masked, open_)) == [(CONVERSATIONS, "detach the masks of A")]
    view = {**HERE, "name": "V", "statement": "SELECT 1", "copyGrants": True}
    guarded = {**view, "rowAccessPolicy": {"policyName": "G.S.P", "ons": ["A"]}}
    assert changes(step("update", "View", old=guarded, new=view)) == [("view D.S.V", "detach its row access policy")]
    applied = {"table": '"D"."S"."T"', "column": "A", "maskingPolicy": "P"}
    seen = step("replace", "TableColumnMaskingPolicyApplication", old=applied, new=applied)
    assert changes(seen) == [("table D.S.T", "detach the mask of A for a moment")]


# ── grants ───────────────────────────────────────────────────────────────────────────────────────────────────────────

PROCEDURE = {**HERE, "name": "P", "procedureDefinition": "x"}
GRANT = {
    "accountRoleName": '"READER"',
    "privileges": ["USAGE"],
    "onSchemaObject": {"objectType": "PROCEDURE", "objectName": '"D"."S"."P"(VARCHAR)'},
}
FUTURE = {
    "accountRoleName": '"READER"',
    "privileges": ["USAGE"],
    "onSchemaObject": {"future": {"objectTypePlural": "PROCEDURES", "inSchema": '"D"."S"'}},
}


def grant(op: Any, inputs: dict[str, Any], name: str = "g") -> Step:
    return step(op, "GrantPrivilegesToAccountRole", name, inputs, inputs)


def test_grants_of_a_replaced_procedure() -> None:
    replaced = step("replace", "ProcedurePython", "p", PROCEDURE, {**PROCEDURE, "procedureDefinition": "y"})
    lost = [("procedure D.S.P", "drop and create again without its grants")]
    assert changes(replaced, grant("same", GRANT)) == lost
    assert "READER" in found(replaced, grant("same", GRANT))[0].lost
    assert changes(replaced, grant("replace", GRANT)) == []
    assert changes(replaced, grant("same", GRANT), grant("same", FUTURE, "f")) == []
    assert changes(replaced, grant("same", GRANT), grant("delete", FUTURE, "f")) == lost
    other = {**FUTURE, "accountRoleName": '"WRITER"'}
    assert changes(replaced, grant("same", GRANT), grant("same", other, "f")) == lost
    assert changes(replaced) == []


def test_grants_of_a_view_that_does_not_copy_them() -> None:
    view = {**HERE, "name": "V", "statement": "SELECT 1"}
    given = {**GRANT, "onSchemaObject": {"objectType": "VIEW", "objectName": '"D"."S"."V"'}}
    for copy, expected in ((False, [("view D.S.V", "drop and create again without its grants")]), (True, [])):
        seen = step("update", "View", "v", view, {**view, "statement": "SELECT 2", "copyGrants": copy})
        assert changes(seen, grant("same", given)) == expected


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        ({"rsaPublicKey": "A"}, {"rsaPublicKey": UNKNOWN}, "replace every public key"),
        ({"rsaPublicKey": "A"}, {"rsaPublicKey2": "B"}, "replace every public key"),
        ({"rsaPublicKey": "[secret]"}, {"rsaPublicKey": "[secret]"}, "unknown keys"),
        ({"rsaPublicKey": "A"}, {"rsaPublicKey": "A", "rsaPublicKey2": UNKNOWN}, None),
        ({"rsaPublicKey": "A", "rsaPublicKey2": "B"}, {"rsaPublicKey2": "B"}, None),
        ({}, {"rsaPublicKey": "A"}, None),
    ],
)
def test_keys(old: dict[str, str], new: dict[str, str], change: str | None) -> None:
    seen = step("update", "UserPublicKeys", old={"name": "APP", **old}, new={"name": "APP", **new})
    assert changes(seen) == ([] if change is None else [("user APP", change)])


def test_generated_values() -> None:
    made = "random:index/randomBytes:RandomBytes"
    assert changes(step("replace", made, "CREDS_KEY")) == [("generated secret CREDS_KEY", "generate anew")]
    assert changes(step("delete", made, "CREDS_KEY")) == [("generated secret CREDS_KEY", "delete")]
    assert changes(step("replace", "tls:index/privateKey:PrivateKey", "k")) == [("private key k", "generate anew")]
    assert changes(step("delete", "random:index/randomUuid:RandomUuid", "name of a role assignment")) == []
