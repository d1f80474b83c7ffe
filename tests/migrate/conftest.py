"""What the migration's tests share: an account that is set up once, and copies of it while they are served."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.emulator.snowflake_provider import KeyPair
from tests.migrate.chat_account import Chat, make_account, served


@pytest.fixture(scope="session")
def chat_keys() -> KeyPair:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return KeyPair(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
    )


@pytest.fixture(scope="session")
def chat_template(tmp_path_factory: pytest.TempPathFactory, chat_keys: KeyPair) -> Path:
    """The directory of an account with two organisations and their empty tables."""
    directory = tmp_path_factory.mktemp("chat") / "account"
    make_account(directory, chat_keys)
    return directory


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory, chat_template: Path, chat_keys: KeyPair) -> Iterator[Chat]:
    """An account of a module's own, served over the wire."""
    directory = tmp_path_factory.mktemp("served") / "account"
    shutil.copytree(chat_template, directory)
    with served(directory, chat_keys) as found:
        yield found
