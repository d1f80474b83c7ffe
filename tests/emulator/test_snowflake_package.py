"""The embedded snowflake package: its configuration, and the protocol spoken with no engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import grpc.aio
import pytest
from pulumi.runtime import proto
from pulumi.runtime.proto import provider_pb2_grpc

from emulator.package import CheckFailure, CloudError
from emulator.server import PackageServer
from emulator.snowflake.account import Account, ObjectName, SnowflakeError
from emulator.snowflake.package import SnowflakePackage
from emulator.snowflake.resources.preview_features import preview_feature_of
from emulator.values import from_wire, to_wire
from tests.emulator.snowflake_provider import KeyPair, Provider


class TestConfiguration:
    def test_a_session_in_the_role(self, package: SnowflakePackage, settings: dict[str, Any]) -> None:
        connection = package.configure({**settings, "role": "SYSADMIN"})
        assert (connection.session.user, connection.session.role) == ("NEXUS_DEPLOY", "SYSADMIN")

    def test_inputs_as_the_sdk_sends_them(self, package: SnowflakePackage, settings: dict[str, Any]) -> None:
        sent = {**settings, "previewFeaturesEnabled": '["snowflake_table_resource"]', "version": "2.22.0"}
        assert package.check_configuration(sent).failures == []
        assert package.configure(sent).preview_features == {"snowflake_table_resource"}

    def test_the_key_from_the_environment(
        self, package: SnowflakePackage, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SNOWFLAKE_PRIVATE_KEY", settings.pop("privateKey"))
        assert package.configure(settings).session.role == "ACCOUNTADMIN"

    @pytest.mark.parametrize(
        ("changed", "words"),
        [
            ({"accountName": "OTHER"}, "is VIDEXA-EMBEDDED, the provider asks for VIDEXA-OTHER"),
            ({"organizationName": None}, "asks for \\?-EMBEDDED"),
            ({"user": None}, "user is empty"),
            ({"privateKey": None}, "privateKey is missing"),
            ({"privateKey": "no key"}, "could not read privateKey"),
            ({"authenticator": None}, 'the authenticator "SNOWFLAKE" yet'),
            ({"authenticator": "OKTA"}, 'the authenticator "OKTA" yet'),
            ({"password": "x"}, "log-in with `password`"),
            ({"role": "NONE"}, "NONE"),
            ({"user": "NOBODY"}, "JWT token is invalid"),
        ],
        ids=lambda value: str(value)[:40],
    )
    def test_refused(
        self, package: SnowflakePackage, settings: dict[str, Any], changed: dict[str, Any], words: str
    ) -> None:
        with pytest.raises(CloudError, match=words):
            package.configure({**settings, **changed})

    def test_another_key_is_refused(
        self, package: SnowflakePackage, settings: dict[str, Any], other_key_pair: KeyPair
    ) -> None:
        with pytest.raises(SnowflakeError) as refusal:
            package.configure({**settings, "privateKey": other_key_pair.private})
        assert refusal.value.errno == 390144
        assert other_key_pair.private not in str(refusal.value)

    def test_unknown_and_ill_typed_inputs(self, package: SnowflakePackage, settings: dict[str, Any]) -> None:
        wrong = {**settings, "previewFeaturesEnabled": "snowflake_table_resource", "rolle": "SYSADMIN"}
        failures = package.check_configuration(wrong).failures
        assert {failure.property for failure in failures} == {"previewFeaturesEnabled", "rolle"}
        assert all(isinstance(failure, CheckFailure) for failure in failures)


class TestPreviewFeatures:
    def test_a_feature_that_there_is_not_is_refused(self, package: SnowflakePackage, settings: dict[str, Any]) -> None:
        features = ["snowflake_table_resource", "snowflake_tabel_resource", "snowflake_session_policy_resource"]
        (failure,) = package.check_configuration({**settings, "previewFeaturesEnabled": features}).failures
        assert failure.property == "previewFeaturesEnabled[1]"
        assert "snowflake_tabel_resource" in failure.reason

    def test_which_types_need_a_flag(self) -> None:
        assert preview_feature_of("snowflake:index/table:Table") == "snowflake_table_resource"
        assert preview_feature_of("snowflake:index/tableConstraint:TableConstraint") is not None
        assert preview_feature_of("snowflake:index/functionPython:FunctionPython") is not None
        for stable in ("database:Database", "networkRule:NetworkRule", "stageInternal:StageInternal"):
            assert preview_feature_of(f"snowflake:index/{stable}") is None

    def test_a_missing_flag_passes_preview_and_fails_in_up(self, provider: Callable[..., Provider]) -> None:
        bare = provider("ACCOUNTADMIN", previewFeaturesEnabled=[])
        bare.create("Database", name="DB")
        inputs: dict[str, Any] = {
            "database": "DB",
            "schema": "PUBLIC",
            "name": "T",
            "columns": [{"name": "ID", "type": "NUMBER(38,0)"}],
        }
        assert bare.preview("Table", **inputs)[1]["fullyQualifiedName"] == '"DB"."PUBLIC"."T"'
        with pytest.raises(CloudError, match="snowflake_table_resource is currently a preview feature"):
            bare.create("Table", **inputs)


def test_a_call_without_configuration_is_refused(package: SnowflakePackage) -> None:
    nobody = Provider(package, None)
    assert nobody.preview("Database", name="DB")[1]["fullyQualifiedName"] == '"DB"'
    with pytest.raises(CloudError, match="was never configured"):
        nobody.create("Database", name="DB")


def test_data_sources(provider: Callable[..., Provider], package: SnowflakePackage) -> None:
    flags = ["snowflake_current_role_datasource", "snowflake_current_account_datasource"]
    connection = provider("SYSADMIN", previewFeaturesEnabled=flags).configuration
    role = package.invoke("snowflake:index/getCurrentRole:getCurrentRole", {}, connection)
    assert role["name"] == "SYSADMIN"
    account = package.invoke("snowflake:index/getCurrentAccount:getCurrentAccount", {}, connection)
    assert account["account"] == "EMBEDDED"
    with pytest.raises(CloudError, match="does not build the data source"):
        package.invoke("snowflake:index/getDatabases:getDatabases", {}, connection)


DATABASE_URN = "urn:pulumi:local::test::snowflake:index/database:Database::db"


def test_the_protocol_alone(package: SnowflakePackage, account: Account, settings: dict[str, Any]) -> None:
    """Configure, Check, Diff, Create, Read, Update, Delete with a bare client."""

    async def speak() -> None:
        with ThreadPoolExecutor(max_workers=1) as worker:
            server = PackageServer(package, worker)
            await server.start()
            try:
                async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
                    await _converse(provider_pb2_grpc.ResourceProviderStub(channel), account, settings)
            finally:
                await server.stop()

    asyncio.run(speak())


async def _converse(stub: Any, account: Account, settings: dict[str, Any]) -> None:
    name = ObjectName.of("DB")
    await stub.Configure(proto.ConfigureRequest(args=to_wire(settings)))

    checked = await stub.Check(
        proto.CheckRequest(urn=DATABASE_URN, news=to_wire({"name": "DB", "dataRetentionTimeInDays": 3}))
    )
    assert not checked.failures
    wrong = await stub.Check(proto.CheckRequest(urn=DATABASE_URN, news=to_wire({"name": "DB", "colour": "red"})))
    assert [failure.property for failure in wrong.failures] == ["colour"]

    planned = await stub.Create(proto.CreateRequest(urn=DATABASE_URN, properties=checked.inputs, preview=True))
    assert planned.id == ""
    assert account.find("DATABASE", name) is None
    created = await stub.Create(proto.CreateRequest(urn=DATABASE_URN, properties=checked.inputs))
    assert created.id == "DB"
    assert from_wire(created.properties)["fullyQualifiedName"] == '"DB"'

    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await stub.Create(proto.CreateRequest(urn=DATABASE_URN, properties=checked.inputs))
    assert refusal.value.details() == "002002 (42710): SQL compilation error:\nObject 'DB' already exists."

    new = to_wire({"name": "DB", "dataRetentionTimeInDays": 5})
    state = {"id": created.id, "urn": DATABASE_URN}
    diff = await stub.Diff(proto.DiffRequest(**state, olds=created.properties, old_inputs=checked.inputs, news=new))
    assert list(diff.diffs) == ["dataRetentionTimeInDays"]
    assert not diff.replaces
    updated = await stub.Update(
        proto.UpdateRequest(**state, olds=created.properties, old_inputs=checked.inputs, news=new)
    )
    there = account.find("DATABASE", name)
    assert there is not None
    assert there.properties["DATA_RETENTION_TIME_IN_DAYS"] == 5

    read = await stub.Read(proto.ReadRequest(**state, inputs=new, properties=updated.properties))
    assert (read.id, from_wire(read.inputs)) == ("DB", from_wire(new))
    await stub.Delete(proto.DeleteRequest(**state, properties=read.properties, old_inputs=read.inputs))
    assert account.find("DATABASE", name) is None
    gone = await stub.Read(proto.ReadRequest(**state, inputs=new, properties=updated.properties))
    assert gone.id == ""
    # Empty properties would be those of something that exists: an import of nothing would go well.
    assert not gone.HasField("properties")
