"""What tests of the embedded clouds share: key pairs, a Snowflake account, its provider package, and providers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.emulator.snowflake_provider import KeyPair, Provider

if TYPE_CHECKING:
    from emulator.snowflake.account import Account
    from emulator.snowflake.package import SnowflakePackage

PREVIEW_FEATURES = [
    f"snowflake_{feature}_resource"
    for feature in (
        "table",
        "table_constraint",
        "alert",
        "function_sql",
        "function_python",
        "procedure_sql",
        "procedure_python",
        "network_policy_attachment",
        "user_public_keys",
        "account_password_policy_attachment",
        "user_password_policy_attachment",
        "email_notification_integration",
        "sequence",
        "file_format",
    )
]


def _key_pair() -> KeyPair:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return KeyPair(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
    )


@pytest.fixture(scope="session")
def key_pair() -> KeyPair:
    return _key_pair()


@pytest.fixture(scope="session")
def other_key_pair() -> KeyPair:
    return _key_pair()


@pytest.fixture
def account(tmp_path: Path, key_pair: KeyPair) -> Iterator[Account]:
    from emulator.snowflake.account import Account

    account = Account(tmp_path / "snowflake")
    account.initialise(deploy_public_key=key_pair.public)
    yield account
    account.close()


@pytest.fixture
def package(account: Account) -> SnowflakePackage:
    from emulator.snowflake.package import SnowflakePackage

    return SnowflakePackage(account)


@pytest.fixture
def settings(key_pair: KeyPair) -> dict[str, Any]:
    """The provider's inputs that log in to the account."""
    return {
        "organizationName": "VIDEXA",
        "accountName": "EMBEDDED",
        "user": "NEXUS_DEPLOY",
        "authenticator": "SNOWFLAKE_JWT",
        "privateKey": key_pair.private,
        "role": "ACCOUNTADMIN",
        "previewFeaturesEnabled": PREVIEW_FEATURES,
    }


@pytest.fixture
def provider(package: SnowflakePackage, settings: dict[str, Any]) -> Callable[..., Provider]:
    """Makes a provider that acts in a role (`provider("SYSADMIN")`)."""

    def make(role: str, **more: Any) -> Provider:
        return Provider(package, package.configure({**settings, "role": role, **more}))

    return make


@pytest.fixture
def admin(provider: Callable[..., Provider]) -> Provider:
    """A provider that acts as ACCOUNTADMIN."""
    return provider("ACCOUNTADMIN")
