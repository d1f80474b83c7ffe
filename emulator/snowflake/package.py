"""The embedded `snowflake` package: pulumi_snowflake's provider over an embedded account."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from emulator.introspection import decode_provider_inputs, provider_spec, validate
from emulator.package import CheckAnswer, CheckFailure, CloudError, DiffAnswer, EmbeddedPackage, Question, ReadAnswer
from emulator.snowflake.account import Account
from emulator.snowflake.resources import handler_for
from emulator.snowflake.resources.connection import connect
from emulator.snowflake.resources.handler import Connection
from emulator.snowflake.resources.preview_features import known_features, require_preview_feature
from emulator.snowflake.rules import check, diff

# What the engine adds to a provider resource's inputs for itself.
_OF_THE_ENGINE = frozenset({"version", "pluginDownloadURL", "pluginChecksums"})


class SnowflakePackage(EmbeddedPackage):
    """Resources of `snowflake` on one embedded account; `configure` gives a `Connection` for each provider resource."""

    name = "snowflake"

    def __init__(self, account: Account) -> None:
        self.account = account
        self.version = version("pulumi_snowflake")

    def check_configuration(self, inputs: dict[str, Any]) -> CheckAnswer:
        specification = provider_spec(self.name)
        own = {wire: value for wire, value in inputs.items() if wire not in _OF_THE_ENGINE}
        decoded = decode_provider_inputs(specification, own)
        failures = validate(specification, decoded)
        features = decoded.get("previewFeaturesEnabled")
        for index, feature in enumerate(features if isinstance(features, list) else []):
            if isinstance(feature, str) and feature.lower() not in known_features():
                path = f"previewFeaturesEnabled[{index}]"
                failures.append(CheckFailure(path, f"{path}: the provider has no preview feature {feature!r}"))
        return CheckAnswer(inputs, failures)

    def configure(self, inputs: dict[str, Any]) -> Connection:
        return connect(self.account, {w: value for w, value in inputs.items() if w not in _OF_THE_ENGINE})

    def check(self, question: Question) -> CheckAnswer:
        return check(
            question.type,
            question.inputs,
            old_inputs=question.old_inputs,
            name=question.name,
            random_seed=question.random_seed,
        )

    def diff(self, question: Question) -> DiffAnswer:
        return diff(
            question.type,
            question.old_inputs,
            question.inputs,
            name=question.name,
            ignore_changes=question.ignore_changes,
            old_outputs=question.old_outputs,
        )

    def create(self, question: Question) -> tuple[str, dict[str, Any]]:
        handler = handler_for(question.type)
        if question.preview:
            return "", handler.outputs_in_preview(question.inputs)
        with self.account.lock:
            return handler.create(self._connection(question), question)

    def identify(self, question: Question) -> str:
        return handler_for(question.type).identify(question.inputs)

    def read(self, question: Question) -> ReadAnswer:
        with self.account.lock:
            return handler_for(question.type).read(self._connection(question), question)

    def update(self, question: Question) -> dict[str, Any]:
        handler = handler_for(question.type)
        if question.preview:
            return handler.outputs_in_preview(question.inputs)
        with self.account.lock:
            return handler.update(self._connection(question), question)

    def delete(self, question: Question) -> None:
        with self.account.lock:
            handler_for(question.type).delete(self._connection(question), question)

    def invoke(self, token: str, arguments: dict[str, Any], configuration: Any) -> dict[str, Any]:  # noqa: ARG002
        if not isinstance(configuration, Connection):
            raise CloudError(f"{token} needs a configured provider")
        require_preview_feature(token, configuration.preview_features)
        role, account = configuration.session.role or "", self.account
        match token.rsplit(":", 1)[-1]:
            case "getCurrentRole":
                return {"id": role, "name": role}
            case "getCurrentAccount":
                host = f"{account.organization}-{account.name}".replace("_", "-").lower()
                return {
                    "id": account.name,
                    "account": account.name,
                    "region": account.region,
                    "url": f"https://{host}.snowflakecomputing.com",
                }
        raise CloudError(f"the embedded Snowflake does not build the data source {token} yet")

    @staticmethod
    def _connection(question: Question) -> Connection:
        """The provider resource that the call came through, having opted into what the type needs."""
        if not isinstance(question.configuration, Connection):
            raise CloudError(f"the snowflake provider of {question.urn} was never configured")
        require_preview_feature(question.type, question.configuration.preview_features)
        return question.configuration
