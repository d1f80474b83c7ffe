"""The program's Snowflake side as a script and as its provider makes it, and what an account then is."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from cli.cost.graph import resources
from cli.render.graph import Record, declared
from cli.render.script import Declared
from emulator.package import Question
from emulator.snowflake.account import Account, Grantee
from emulator.snowflake.account.kinds import KINDS
from emulator.snowflake.package import SnowflakePackage
from emulator.snowflake.sql import Connection, execute
from emulator.snowflake.sql.syntax import split
from tests.unit.recording import Graph, Registration

ROOT = Path(__file__).resolve().parents[2]
FIRST_SQL = tuple(ROOT / "cli" / name for name in ("existing_objects.sql", "deploy_principal.sql"))
_PROVIDER = "pulumi:providers:snowflake"


def of_organizations(graph: Graph, names: Iterable[str]) -> list[Registration]:
    """The resources of these organisations, and those of none."""
    kept = {None, *names}
    tenants = {each.urn: each.tenant for each in resources((one.urn, one.parent, {}) for one in graph.resources)}
    return [one for one in graph.resources if tenants[one.urn] in kept]


def with_keys(found: Iterable[Registration], keys: Keys) -> list[Registration]:
    """With real public keys of users: the recorded program has made-up ones, which no account takes."""

    def one(of: Registration) -> Registration:
        real = {wire: keys.public for wire in ("rsaPublicKey", "rsaPublicKey2") if wire in of.inputs}
        return replace(of, inputs={**of.inputs, **real}) if real else of

    return [one(of) for of in found]


def declared_of(found: Iterable[Registration]) -> list[Declared]:
    return declared(
        Record(one.urn, one.type, one.inputs, one.parent, one.provider, one.dependencies, adopted=bool(one.import_id))
        for one in found
    )


class Keys:
    """The key pair of who deploys, and public keys for users."""

    def __init__(self) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        encoding, form = serialization.Encoding, serialization.PrivateFormat.PKCS8
        self.private = key.private_bytes(encoding.PEM, form, serialization.NoEncryption()).decode()
        public = key.public_key().public_bytes(encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
        self.public = "".join(public.splitlines()[1:-1])


def new_account(directory: Path, keys: Keys) -> Path:
    """The directory of an account as the platform's buyer has it before the first `up`."""
    account = Account(directory)
    account.initialise(deploy_public_key=keys.public)
    session = account.session("NEXUS_DEPLOY", "ACCOUNTADMIN")
    for file in FIRST_SQL:
        for statement in split(file.read_text(encoding="utf-8").replace("<RSA_PUBLIC_KEY>", keys.public)):
            execute(session, statement)
    account.close()
    return directory


@contextmanager
def copy_of(template: Path, directory: Path) -> Iterator[Account]:
    shutil.copytree(template, directory)
    account = Account(directory)
    try:
        yield account
    finally:
        account.close()


def run_script(account: Account, script: str) -> None:
    """As a worksheet runs it: one session of the user that deploys, statement by statement."""
    with Connection(account.session("NEXUS_DEPLOY", "PUBLIC")) as connection:
        for statement in split(script):
            connection.execute(statement)


def create_all(account: Account, found: Sequence[Registration], keys: Keys) -> None:
    """As `up` has it made: each resource through its own provider, in the order in which the engine was told of it."""
    package = SnowflakePackage(account)
    os.environ["SNOWFLAKE_PRIVATE_KEY"] = keys.private
    try:
        by_urn = {one.urn: one for one in found}
        configured: dict[str, Any] = {}
        for one in found:
            if not one.type.startswith("snowflake:"):
                continue
            provider = one.provider.rpartition("::")[0]
            if provider not in configured:
                configured[provider] = package.configure(by_urn[provider].inputs)
            ask = _asker(one, configured[provider])
            if one.import_id:
                assert package.read(ask(id=one.import_id)).id, one.name
                continue
            checked = package.check(ask(inputs=one.inputs))
            assert not checked.failures, (one.name, checked.failures)
            package.create(ask(inputs=checked.inputs))
    finally:
        del os.environ["SNOWFLAKE_PRIVATE_KEY"]


def _asker(one: Registration, configuration: Any) -> Callable[..., Question]:
    def ask(**values: Any) -> Question:
        return Question(urn=one.urn, type=one.type, name=one.name, configuration=configuration, **values)

    return ask


def catalogue(account: Account) -> dict[tuple[Any, ...], Any]:
    """Everything that an account is but its moments and numbers: objects, columns, rows, grants, policies, tags."""
    found: dict[tuple[Any, ...], Any] = {}
    for kind in sorted(KINDS):
        for item in account.list(None, kind):
            name = (kind, item.name.sql())
            found[name] = {
                "owner": None if item.owner is None else (item.owner.kind, item.owner.name.sql()),
                "comment": item.comment or "",
                **{key: value for key, value in item.properties.items() if value not in (None, [], "")},
            }
            if kind in ("TABLE", "VIEW"):
                found[(*name, "columns")] = account.columns(item.name)
            if kind == "TABLE":
                found[(*name, "rows")] = account.row_count(item.name)
            found[(*name, "grants")] = sorted(
                (grant.privilege, grant.grantee.kind, grant.grantee.name.sql(), grant.grant_option)
                for grant in account.grants_on(kind, item.name)
            )
            if kind in ("DATABASE", "SCHEMA"):
                found[(*name, "future grants")] = sorted(
                    (grant.privilege, grant.kind, grant.grantee.kind, grant.grantee.name.sql())
                    for grant in account.future_grants(item.name)
                )
            if kind in ("ROLE", "DATABASE ROLE", "APPLICATION ROLE", "USER"):
                grantee = Grantee(kind.replace(" ", "_"), item.name)  # type: ignore[arg-type]
                found[(*name, "roles")] = sorted(
                    (grant.role.kind, grant.role.name.sql()) for grant in account.roles_granted_to(grantee)
                )
    found["ACCOUNT", "grants"] = sorted(
        (grant.privilege, grant.grantee.kind, grant.grantee.name.sql()) for grant in account.grants_on("ACCOUNT")
    )
    found["ACCOUNT", "parameters"] = {key: each.value for key, each in account.parameters("ACCOUNT").items()}
    found["policies"] = sorted(  # type: ignore[index]
        (str(use.policy_kind), use.policy.sql(), use.kind, use.name.sql(), use.column or "", list(use.arguments))
        for use in account.policy_references()
    )
    found["tags"] = sorted(  # type: ignore[index]
        (use.tag.sql(), use.value, use.kind, use.name.sql(), use.column or "") for use in account.tag_references()
    )
    return found
