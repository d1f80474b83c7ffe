"""The declared Snowflake side as SQL: run on an empty account it makes what the provider makes, and again nothing."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from cli.failure import BadInputError, FailureError
from cli.render.changes import changes_of
from cli.render.command import rendered
from cli.render.graph import declared
from cli.render.plan import records
from cli.render.script import Declared, ordered, text, written
from cli.render.types import RENDERERS
from policies.graph.resources import UNKNOWN, Secret
from tests.unit.recording import Graph, Registration
from tests.unit.rendered import (
    Keys,
    catalogue,
    copy_of,
    create_all,
    declared_of,
    new_account,
    of_organizations,
    run_script,
    with_keys,
)

TWO = ("HCS0001", "HCS0002")


@dataclass(frozen=True)
class Accounts:
    """What accounts are: as the provider makes it, as the script does, and after the script's second run."""

    provided: dict[Any, Any]
    scripted: dict[Any, Any]
    again: dict[Any, Any]
    first_alone: dict[Any, Any]
    one_added: dict[Any, Any]
    one_removed: dict[Any, Any]
    changed: dict[Any, Any]
    as_changed: dict[Any, Any]


@pytest.fixture(scope="module")
def found(graph: Graph) -> list[Registration]:
    return of_organizations(graph, TWO)


@pytest.fixture(scope="module")
def accounts(found: list[Registration], tmp_path_factory: pytest.TempPathFactory) -> Accounts:
    keys, directory = Keys(), tmp_path_factory.mktemp("accounts")
    real = with_keys(found, keys)
    script = rendered(declared_of(real), "local")
    template = new_account(directory / "new", keys)
    with copy_of(template, directory / "provided") as account:
        create_all(account, real, keys)
        provided = catalogue(account)
    with copy_of(template, directory / "scripted") as account:
        run_script(account, script)
        scripted = catalogue(account)
        run_script(account, script)
        again = catalogue(account)
        other = changes_of(_updates(real))
        run_script(account, other.text())
        changed = catalogue(account)
    with copy_of(template, directory / "as changed") as account:
        run_script(account, rendered(declared_of(_changed(one) for one in real), "local"))
        as_changed = catalogue(account)
    with copy_of(template, directory / "added") as account:
        first = declared_of(one for one in real if one in of_organizations(Graph(real), TWO[:1]))
        run_script(account, rendered(first, "local"))
        first_alone = catalogue(account)
        run_script(account, rendered(declared_of(real), "local", "HCS0002"))
        one_added = catalogue(account)
        gone = [one for one in real if one not in of_organizations(Graph(real), TWO[:1])]
        run_script(account, changes_of(_deletions(real, gone)).text())
        one_removed = catalogue(account)
    return Accounts(provided, scripted, again, first_alone, one_added, one_removed, changed, as_changed)


CHANGED: dict[str, dict[str, Any]] = {
    "HCS0001_WH-warehouse": {"warehouseSize": "SMALL", "autoSuspend": 120.0},
    "HCS0001_WH-monitor": {"creditQuota": 60.0, "notifyTriggers": [70.0]},
    "HCS0001-database": {"dataRetentionTimeInDays": 7.0, "comment": "another"},
    "HCS0002_WH-application": {"privileges": ["USAGE", "MONITOR"]},
    "PHI_TEXT": {"body": "'*****'"},
    "session": {"sessionIdleTimeoutMins": 10.0},
    "HCS0001-DELETE_EXPIRED": {"started": False},
    "MONITORING-ADMIN_GRANT": {"enabled": False},
    "network-APPLICATIONS": {"valueLists": ["127.0.0.0/8", "10.0.0.0/8"]},
    "AGENTNEXUS_SVC-keys": {"rsaPublicKey2": ""},
}
"""By logical name, inputs that a later declaration has otherwise."""
REPLACED = {"TENANT_MANAGEMENT-LIST_USERS": {"comment": "another", "executeAs": "CALLER"}}
"""The same of what is deleted and made again."""


def _changed(one: Registration) -> Registration:
    more = {**CHANGED, **REPLACED}.get(one.name) if one.type.startswith("snowflake:") else None
    return one if more is None else dataclasses.replace(one, inputs={**one.inputs, **more})


def _state(one: Registration) -> SimpleNamespace:
    return SimpleNamespace(
        inputs=one.inputs, provider=one.provider, custom=one.custom, retain_on_delete=one.retain_on_delete
    )


def _updates(found: list[Registration]) -> list[SimpleNamespace]:
    """The steps as the engine tells them: what is the same, what is changed in place, and what is made again."""

    def steps(one: Registration) -> list[SimpleNamespace]:
        old, new = _state(one), _state(_changed(one))
        if one.name in REPLACED:
            told = [("delete-replaced", old, None), ("replace", old, new), ("create-replacement", None, new)]
        else:
            told = [("same" if _changed(one) is one else "update", old, new)]
        return [SimpleNamespace(op=op, urn=one.urn, type=one.type, old=old, new=new) for op, old, new in told]

    return [step for one in found for step in steps(one)]


def _deletions(found: list[Registration], gone: list[Registration]) -> list[SimpleNamespace]:
    kept = [one for one in found if one not in gone]
    same = [SimpleNamespace(op="same", urn=one.urn, type=one.type, old=_state(one), new=_state(one)) for one in kept]
    return same + [
        SimpleNamespace(op="delete", urn=one.urn, type=one.type, old=_state(one), new=None) for one in reversed(gone)
    ]


def differences(one: dict[Any, Any], other: dict[Any, Any]) -> dict[Any, tuple[Any, Any]]:
    return {key: (one.get(key), other.get(key)) for key in {*one, *other} if one.get(key) != other.get(key)}


def explained(key: Any, provided: dict[str, Any], scripted: dict[str, Any]) -> bool:
    """The provider says of a schema that it is not transient, where SQL has no word for that."""
    names = {name for name in {*provided, *scripted} if provided.get(name) != scripted.get(name)}
    return key[0] == "SCHEMA" and names == {"TRANSIENT"} and not provided["TRANSIENT"]


def test_the_script_makes_what_up_makes(accounts: Accounts) -> None:
    left = {
        key: both
        for key, both in differences(accounts.provided, accounts.scripted).items()
        if not (isinstance(both[0], dict) and isinstance(both[1], dict) and explained(key, *both))
    }
    assert left == {}
    kinds = {key[0] for key in accounts.scripted}
    assert {"DATABASE", "TABLE", "VIEW", "WAREHOUSE", "TASK", "ALERT", "TAG", "NETWORK RULE", "PROCEDURE"} <= kinds
    assert len(accounts.scripted["policies"]) > 10
    assert len(accounts.scripted["tags"]) > 20


def test_a_second_run_changes_nothing(accounts: Accounts) -> None:
    assert differences(accounts.scripted, accounts.again) == {}


def test_one_organisation_alone_joins_the_others(accounts: Accounts) -> None:
    assert differences(accounts.scripted, accounts.one_added) == {}


def test_a_plans_changes_lead_to_what_is_declared_then(accounts: Accounts) -> None:
    assert differences(accounts.changed, accounts.as_changed) == {}
    seen = {key[:2] for key in differences(accounts.scripted, accounts.changed)}
    assert len(seen) >= len(CHANGED) - 1
    assert ("WAREHOUSE", '"HCS0001_WH"') in seen
    # What is made again is called by the same ones: a future grant sees to that.
    (again,) = (key for key in differences(accounts.scripted, accounts.changed) if "LIST_USERS" in str(key))
    assert again[0] == "PROCEDURE"


def test_a_plans_deletions_leave_what_was_before(accounts: Accounts) -> None:
    left = differences(accounts.first_alone, accounts.one_removed)
    # The register keeps its row, marked as removed.
    assert left == {("TABLE", '"VIDEXA_SHARED"."TENANT_MANAGEMENT"."ORGANIZATIONS"', "rows"): (1, 2)}


def test_one_organisation_alone_touches_no_other(found: list[Registration]) -> None:
    script = rendered(declared_of(found), "local", "HCS0002")
    assert "HCS0002_DB" in script
    assert "HCS0001" not in script
    with pytest.raises(BadInputError, match="no such organisation is declared; there are HCS0001, HCS0002"):
        rendered(declared_of(found), "local", "HCS0099")


def test_every_declared_type_has_a_renderer(graph: Graph) -> None:
    declared = {one.type.rpartition(":")[2] for one in graph.resources if one.type.startswith("snowflake:")}
    assert declared - set(RENDERERS) == set()


def test_roles_change_only_where_they_must(found: list[Registration]) -> None:
    lines = rendered(declared_of(found), "local").splitlines()
    assert sum(line.startswith("USE ROLE") for line in lines) < 15


def test_two_scripts_of_one_declaration_are_the_same(found: list[Registration]) -> None:
    # The engine tells of resources in the order in which they come about.
    assert rendered(declared_of(reversed(found)), "local") == rendered(declared_of(found), "local")


def one(
    kind: str, role: str = "SYSADMIN", urn: str = "it", after: frozenset[str] = frozenset(), **inputs: Any
) -> Declared:
    return Declared(urn, kind, urn, inputs, role, after=after)


@pytest.mark.parametrize(
    ("declared", "why"),
    [
        (one("Share", name="S"), "Share it: no SQL is known for this type of resource"),
        (one("AccountRole", name="R", colour="red"), "AccountRole it: no SQL is known for its colour"),
        (one("AccountRole", name=UNKNOWN), "AccountRole it: no SQL is known for its name, which is not known"),
        (
            one("Table", database="D", schema="S", name="T", columns=[{"name": "C", "type": "NUMBER", "identity": {}}]),
            "Table it: no SQL is known for identity of column C",
        ),
    ],
)
def test_what_cannot_be_rendered_is_refused_by_name(declared: Declared, why: str) -> None:
    with pytest.raises(FailureError) as refused:
        written([declared])
    assert why in str(refused.value)


def test_secrets_are_left_out_and_said() -> None:
    user = one("User", name="U", comment="it's", email=Secret("somebody@example.org"), disabled="true")
    script = text(written([user]), "a test", "")
    assert "-- Left out: email (a secret" in script
    assert "somebody" not in script
    assert "COMMENT = 'it''s'" in script


def test_what_goes_round_in_circles_is_refused() -> None:
    circle = [
        one("AccountRole", urn="a", after=frozenset({"b"}), name="A"),
        one("AccountRole", urn="b", after=frozenset({"a"}), name="B"),
    ]
    with pytest.raises(
        FailureError, match="no order can be found in which these are made: AccountRole a, AccountRole b"
    ):
        ordered(written(circle), "")


CHANGES: list[tuple[str, dict[str, Any], dict[str, Any], list[str]]] = [
    (
        "Warehouse",
        {"name": "W", "warehouseSize": "XSMALL", "autoSuspend": 60.0, "comment": "c"},
        {"name": "W", "warehouseSize": "SMALL", "autoSuspend": 60.0},
        ['ALTER WAREHOUSE "W" SET WAREHOUSE_SIZE = SMALL', 'ALTER WAREHOUSE "W" UNSET COMMENT'],
    ),
    ("Database", {"name": "A"}, {"name": "B"}, ['ALTER DATABASE "A" RENAME TO "B"']),
    (
        "Table",
        {
            "database": "D",
            "schema": "S",
            "name": "T",
            "columns": [{"name": "A", "type": "DATE"}, {"name": "B", "type": "NUMBER(1,0)"}],
        },
        {
            "database": "D",
            "schema": "S",
            "name": "T",
            "columns": [{"name": "B", "type": "NUMBER(2,0)", "nullable": False}, {"name": "C", "type": "DATE"}],
        },
        [
            'ALTER TABLE "D"."S"."T" DROP COLUMN "A"',
            'ALTER TABLE "D"."S"."T" ADD COLUMN "C" DATE',
            'ALTER TABLE "D"."S"."T" ALTER COLUMN "B" SET DATA TYPE NUMBER(2,0)',
            'ALTER TABLE "D"."S"."T" ALTER COLUMN "B" SET NOT NULL',
        ],
    ),
    (
        "GrantPrivilegesToAccountRole",
        {
            "accountRoleName": "R",
            "privileges": ["USAGE", "MONITOR"],
            "onAccountObject": {"objectType": "WAREHOUSE", "objectName": "W"},
        },
        {
            "accountRoleName": "R",
            "privileges": ["USAGE", "OPERATE"],
            "onAccountObject": {"objectType": "WAREHOUSE", "objectName": "W"},
        },
        ['GRANT OPERATE ON WAREHOUSE "W" TO ROLE "R"', 'REVOKE MONITOR ON WAREHOUSE "W" FROM ROLE "R"'],
    ),
    (
        "Tag",
        {"database": "D", "schema": "S", "name": "T", "orderedAllowedValues": ["A", "B"]},
        {"database": "D", "schema": "S", "name": "T", "orderedAllowedValues": ["B", "C"]},
        ['ALTER TAG "D"."S"."T" ADD ALLOWED_VALUES \'C\'', 'ALTER TAG "D"."S"."T" DROP ALLOWED_VALUES \'A\''],
    ),
]


@pytest.mark.parametrize(("kind", "old", "new", "statements"), CHANGES, ids=[each[0] for each in CHANGES])
def test_changes_say_what_differs(kind: str, old: dict[str, Any], new: dict[str, Any], statements: list[str]) -> None:
    assert RENDERERS[kind].change(old, new) == statements


PROVIDER = "urn:pulumi:local::nexuschat::pulumi:providers:snowflake::sysadmin"


def steps(*changes: tuple[str, str, dict[str, Any] | None, dict[str, Any] | None], retain: bool = False) -> list[Any]:
    """A plan: the provider's own step, then each (operation, kind, inputs before, inputs after)."""

    def state(inputs: dict[str, Any] | None) -> SimpleNamespace | None:
        if inputs is None:
            return None
        return SimpleNamespace(inputs=inputs, provider=f"{PROVIDER}::id", custom=True, retain_on_delete=retain)

    provider = state({"role": "SYSADMIN", "warehouse": "W"})
    found = [SimpleNamespace(op="same", urn=PROVIDER, type="pulumi:providers:snowflake", old=provider, new=provider)]
    for op, kind, old, new in changes:
        type_ = f"snowflake:index/{kind}:{kind}" if kind != "Vault" else "azure-native:keyvault:Vault"
        urn = f"urn:pulumi:local::nexuschat::{type_}::it"
        found.append(SimpleNamespace(op=op, urn=urn, type=type_, old=state(old), new=state(new)))
    return found


def test_a_plan_is_told_in_its_order_as_its_role() -> None:
    execute = {"execute": "DELETE FROM T", "revert": "SELECT 1"}
    told = changes_of(
        steps(
            ("create", "AccountRole", None, {"name": "R"}),
            ("delete-replaced", "Execute", execute, None),
            ("replace", "Execute", execute, {**execute, "execute": "DELETE FROM U"}),
            ("create-replacement", "Execute", execute, {**execute, "execute": "DELETE FROM U"}),
            ("create", "Vault", None, {"vaultName": "v"}),
        )
    )
    assert [change.statements for change in told.snowflake] == [
        ['CREATE ROLE IF NOT EXISTS "R"'],
        ["SELECT 1"],
        ["DELETE FROM U"],
    ]
    script = told.text()
    assert script.startswith('USE ROLE "SYSADMIN";')
    assert script.count("USE ROLE") == script.count('USE WAREHOUSE "W"') == 1
    assert "-- 1 changes are not Snowflake's" in script


@pytest.mark.parametrize(
    ("step", "retain", "said"),
    [
        (("create", "Share", None, {"name": "S"}), False, "Not told: Share it: no SQL is known for this type"),
        (("import", "Warehouse", None, {"name": "W"}), False, "the stack takes it over, and nothing is run"),
        (("delete", "Warehouse", {"name": "W"}, None), True, "the stack forgets it, and nothing is run"),
        (("create", "User", None, {"name": "U", "email": "[secret]"}), False, "Left out: email (a secret"),
        (
            ("update", "Database", {"name": "D", "dropPublicSchemaOnCreation": True}, {"name": "D"}),
            False,
            "The provider runs nothing for this",
        ),
    ],
)
def test_what_a_plan_does_not_tell_is_said(step: Any, retain: bool, said: str) -> None:
    (change,) = changes_of(steps(step, retain=retain)).snowflake
    assert any(said in line for line in change.said)
    assert said in changes_of(steps(step, retain=retain)).text()


def test_a_plan_without_changes_says_so() -> None:
    assert changes_of(steps()).text() == "-- Nothing changes in Snowflake.\n"


def test_names_that_a_preview_does_not_know_are_filled_in_and_keys_come_from_a_state() -> None:
    unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"  # the engine's mark of a text that it does not know yet
    base = "urn:pulumi:local::nexuschat::snowflake:index/"
    role = f"{base}accountRole:AccountRole::R"
    grant = f"{base}grantPrivilegesToAccountRole:GrantPrivilegesToAccountRole::tasks"
    keys = f"{base}userPublicKeys:UserPublicKeys::U"
    adopted = f"{base}warehouse:Warehouse::W"
    found = records(
        {
            PROVIDER: ("", {"role": unknown}),
            role: ("", {"name": "R"}),
            grant: ("", {"accountRoleName": unknown, "privileges": ["EXECUTE TASK"], "onAccount": True}),
            keys: ("", {"name": "U", "rsaPublicKey": unknown, "rsaPublicKey2": unknown}),
            adopted: ("", {"name": "W"}),
        },
        {
            PROVIDER: {"goal": {"propertyDependencies": {"role": [role]}}},
            grant: {
                "goal": {
                    "provider": f"{PROVIDER}::{unknown}",
                    "dependencies": [role],
                    "propertyDependencies": {"accountRoleName": [role]},
                }
            },
            adopted: {"goal": {"id": "W"}},
        },
        {keys: {"rsaPublicKey": "MIIB"}},
    )
    told = {each.of.urn: each for each in written(declared(found))}
    assert told[grant].statements == ['GRANT EXECUTE TASK ON ACCOUNT TO ROLE "R"']
    assert told[grant].of.after == {role}
    assert told[grant].of.role == "R"
    assert told[keys].statements == ["ALTER USER \"U\" SET RSA_PUBLIC_KEY = 'MIIB'"]
    assert told[keys].left_out == ["rsaPublicKey2"]
    assert told[adopted].statements == []
    assert "-- It was there before the stack" in text([told[adopted]], "a test", "")
