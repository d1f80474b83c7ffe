"""The declared Snowflake side as SQL: run on an empty account it makes what the provider makes, and again nothing."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import pytest

from cli.failure import BadInputError, FailureError
from cli.render.command import rendered
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
)

TWO = ("HCS0001", "HCS0002")


@dataclass(frozen=True)
class Accounts:
    """What accounts are: as the provider makes it, as the script does, and after the script's second run."""

    provided: dict[Any, Any]
    scripted: dict[Any, Any]
    again: dict[Any, Any]
    one_added: dict[Any, Any]


@pytest.fixture(scope="module")
def found(graph: Graph) -> list[Registration]:
    return of_organizations(graph, TWO)


@pytest.fixture(scope="module")
def accounts(found: list[Registration], tmp_path_factory: pytest.TempPathFactory) -> Accounts:
    keys, directory = Keys(), tmp_path_factory.mktemp("accounts")
    # The recorded program has made-up keys, which no account takes.
    real = [_with_keys(one, keys.public) for one in found]
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
    with copy_of(template, directory / "added") as account:
        first = declared_of(one for one in real if one in of_organizations(Graph(real), TWO[:1]))
        run_script(account, rendered(first, "local"))
        run_script(account, rendered(declared_of(real), "local", "HCS0002"))
        one_added = catalogue(account)
    return Accounts(provided, scripted, again, one_added)


def _with_keys(one: Registration, key: str) -> Registration:
    keys = {wire: key for wire in ("rsaPublicKey", "rsaPublicKey2") if wire in one.inputs}
    return dataclasses.replace(one, inputs={**one.inputs, **keys}) if keys else one


def differences(one: dict[Any, Any], other: dict[Any, Any]) -> dict[Any, tuple[Any, Any]]:
    return {key: (one.get(key), other.get(key)) for key in {*one, *other} if one.get(key) != other.get(key)}


def explained(key: Any, provided: dict[str, Any], scripted: dict[str, Any]) -> bool:
    """The two ways in which the embedded catalogue may differ, each for a reason."""
    names = {name for name in {*provided, *scripted} if provided.get(name) != scripted.get(name)}
    if key[0] == "PROCEDURE":
        # The provider's `snowparkPackage` adds Snowpark to the packages in Snowflake; the embedded provider does not.
        return names == {"PACKAGES"} and scripted["PACKAGES"] == ["snowflake-snowpark-python==1.14.0"]
    # The provider says of a schema that it is not transient, where SQL has no word for that.
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
