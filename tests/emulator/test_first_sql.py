"""What a new embedded account is before anybody deploys: made by the files that a real account's owner has."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from emulator.contents import open_contents
from emulator.package import CloudError
from emulator.snowflake.account import Account, Grantee, ObjectName
from emulator.snowflake.package import SnowflakePackage

ROOT = Path(__file__).resolve().parents[2]
FILES = (ROOT / "cli" / "existing_objects.sql", ROOT / "cli" / "deploy_principal.sql")
PRINCIPAL = "NEXUS_DEPLOY"


@pytest.fixture(scope="module")
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption()).decode()


@dataclass
class Cloud:
    """A cloud's folder, and its account for as long as it is open."""

    directory: Path
    patch: pytest.MonkeyPatch

    @contextmanager
    def account(self, *files: Path) -> Iterator[Account]:
        self.patch.setenv("NEXUS_FIRST_SQL", os.pathsep.join(map(str, files)))
        contents = open_contents(self.directory)
        try:
            (package,) = (package for package in contents.packages if isinstance(package, SnowflakePackage))
            yield package.account
        finally:
            contents.close()


@pytest.fixture
def cloud(tmp_path: Path, private_key: str, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    monkeypatch.setenv("SNOWFLAKE_PRIVATE_KEY", private_key)
    directory = tmp_path / "cloud"
    directory.mkdir()
    return Cloud(directory, monkeypatch)


def owner(account: Account, kind: str, name: str) -> str:
    found = account.find(kind, ObjectName.of(name))
    assert found is not None
    assert found.owner is not None
    return found.owner.name.name


def principal(account: Account) -> tuple[object, set[str]]:
    """The deploy principal's properties and roles."""
    user = account.find("USER", ObjectName.of(PRINCIPAL))
    assert user is not None
    roles = {
        role
        for role in ("ACCOUNTADMIN", "SECURITYADMIN", "USERADMIN", "SYSADMIN", "AGENTNEXUS_AUTH_WRITER")
        if account.find("ROLE", ObjectName.of(role)) is not None
        for grant in account.grants_of(Grantee("ROLE", ObjectName.of(role)))
        if grant.grantee.name.name == PRINCIPAL
    }
    return user.properties, roles


def test_what_exists_is_made_and_handed_over(cloud: Cloud) -> None:
    with cloud.account(*FILES) as account:
        assert owner(account, "DATABASE", "AGENTNEXUS_DB") == "SYSADMIN"
        assert owner(account, "WAREHOUSE", "COMPUTE_WH") == "SYSADMIN"
        assert owner(account, "ROLE", "AGENTNEXUS_AUTH_WRITER") == "USERADMIN"
        assert owner(account, "USER", "AGENTNEXUS_SVC") == "USERADMIN"
        held = account.grants_of(Grantee("ROLE", ObjectName.of("AGENTNEXUS_AUTH_WRITER")))
        assert [grant.grantee.name.name for grant in held] == ["AGENTNEXUS_SVC"]
        user = account.find("USER", ObjectName.of("AGENTNEXUS_SVC"))
        assert user is not None
        assert user.properties["TYPE"] == "SERVICE"
        assert "RSA_PUBLIC_KEY" in user.properties
        assert "RSA_PUBLIC_KEY_2" not in user.properties


def test_the_bootstrap_makes_the_principal_that_an_account_comes_with(cloud: Cloud) -> None:
    with cloud.account() as account:
        before = principal(account)
    with cloud.account(*FILES) as account:
        assert principal(account) == before
    assert before[1] == {"ACCOUNTADMIN", "SECURITYADMIN", "USERADMIN", "SYSADMIN"}


def test_the_files_run_once_and_bear_to_be_run_again(cloud: Cloud) -> None:
    warehouse = ObjectName.of("COMPUTE_WH")
    with cloud.account(*FILES) as account:
        account.drop(account.session(PRINCIPAL, "ACCOUNTADMIN"), "WAREHOUSE", warehouse)
    with cloud.account(*FILES) as account:
        assert account.find("WAREHOUSE", warehouse) is None
    # As after a kill before the mark was set.
    (cloud.directory / "first-sql-done").unlink()
    with cloud.account(*FILES) as account:
        assert owner(account, "WAREHOUSE", "COMPUTE_WH") == "SYSADMIN"


def test_a_refused_statement_is_told_with_its_file(cloud: Cloud, tmp_path: Path) -> None:
    file = tmp_path / "wrong.sql"
    file.write_text("CREATE ROLE FINE; GRANT ROLE MISSING TO ROLE FINE;", encoding="utf-8")
    with pytest.raises(CloudError, match=r"(?s)wrong\.sql: 002003.*MISSING"), cloud.account(file):
        pass
    assert not (cloud.directory / "first-sql-done").exists()
