"""How resources are declared: what a preview lets pass and `up` then fails on, or undoes without a word."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache, partial
from typing import Any, Final

from policies.graph.resources import Resource, ResourceGraph, Secret, Unknown
from policies.policy import TEXTS, Breach, NotJudgedError, Parameter, Parameters, Policy, Severity, guarded, properties

_REGISTRY: Final = "https://www.pulumi.com/registry/packages/snowflake/"
#: Types of Snowflake's provider in preview (its own documentation of previewFeaturesEnabled, version 2.22.0).
PREVIEW_FEATURES: Final = tuple(
    """account_password_policy_attachment alert api_integration cortex_search_service dynamic_table
    email_notification_integration external_access_integration external_function external_table failover_group
    file_format function_java function_javascript function_python function_scala function_sql hybrid_table
    iceberg_table iceberg_table_from_aws_glue iceberg_table_from_delta_files iceberg_table_from_files
    iceberg_table_from_rest intelligence_cortex_agent_attachment job_service managed_account materialized_view
    network_policy_attachment notebook notification_integration object_parameter openflow_connector
    openflow_deployment_byoc openflow_deployment_snowflake_managed openflow_runtime pipe postgres_instance
    procedure_java procedure_javascript procedure_python procedure_scala procedure_sql semantic_view sequence share
    stage storage_integration table table_column_masking_policy_application table_constraint
    user_password_policy_attachment user_public_keys""".split()  # noqa: SIM905 - read and compared as a list of words
)
_WORD: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_UPPER: Final = re.compile(r"[A-Z_][A-Z0-9_$]*")


def _snowflake(graph: ResourceGraph) -> Iterator[Resource]:
    """Resources of Snowflake's provider, without invokes' results."""
    return graph.snowflake()


def _preview_features(graph: ResourceGraph, parameters: Parameters) -> Iterator[Breach]:
    features = set(parameters["features"])
    for resource in _snowflake(graph):
        feature = _WORD.sub("_", resource.kind).lower()
        if feature in features:
            yield from guarded(resource.urn, partial(_enabled, graph, resource, feature))


def _enabled(graph: ResourceGraph, resource: Resource, feature: str) -> Iterator[Breach]:
    provider = graph.by_urn.get(resource.provider.rpartition("::")[0])
    if provider is None:
        raise NotJudgedError(resource.urn, "its provider", "is not in the graph")
    flags = properties(provider).get("previewFeaturesEnabled") or []
    if isinstance(flags, str):
        # A provider's inputs are text on the wire, each of them JSON.
        flags = json.loads(flags)
    if f"snowflake_{feature}_resource" not in flags:
        yield Breach(resource.urn, f"its provider does not enable snowflake_{feature}_resource")


def _delete_first(graph: ResourceGraph, _: Parameters) -> Iterator[Breach]:
    for resource in _snowflake(graph):
        # What has a name is dropped first by the SDK itself.
        if resource.inputs.get("name") is None and resource.delete_before_replace is not True:
            yield Breach(resource.urn, "it has no name and delete_before_replace is not true")


def _upper_case(graph: ResourceGraph, parameters: Parameters) -> Iterator[Breach]:
    for resource in _snowflake(graph):
        if resource.kind in parameters["other"]:
            continue
        yield from guarded(resource.urn, partial(_named_upper, resource))


def _named_upper(resource: Resource) -> Iterator[Breach]:
    inputs = properties(resource)
    for field in ("name", "database", "schema"):
        name = inputs.text(field)
        if name is not None and not _UPPER.fullmatch(name):
            yield Breach(resource.urn, f"{field} is not an explicit name in upper case")
    if resource.kind == "Table":
        for column in inputs.parts("columns"):
            if not _UPPER.fullmatch(column.text("name") or ""):
                yield Breach(resource.urn, f"{column.path}.name is not in upper case")


#: Words that make a property a secret, at the end of its name.
_SECRET_PROPERTY: Final = re.compile(
    r"(?:password|passphrase|privateKey|privateKeyPem|privateKeyPassphrase|secretValue|clientSecret|accessKey|"
    r"accountKey|primaryKey|sharedKey|apiKey|accessToken|refreshToken|connectionString|sasToken|creds|credentials)$",
    re.IGNORECASE,
)
_PEM: Final = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")
#: What a generator gives is marked as secret by its own provider.
_GENERATORS: Final = ("random:", "tls:")


@cache
def _names_a_secret(name: str) -> bool:
    return _SECRET_PROPERTY.search(name) is not None


def _plain_secrets(graph: ResourceGraph, parameters: Parameters) -> Iterator[Breach]:
    for resource in graph.resources:
        if resource.type.startswith(("pulumi:pulumi:", *_GENERATORS)):
            continue
        yield from guarded(resource.urn, partial(_unprotected, graph, resource, parameters))


def _unprotected(graph: ResourceGraph, resource: Resource, parameters: Parameters) -> Iterator[Breach]:
    named = set(parameters["properties"])
    if _is_document(resource):
        # Configuration that lies in the vault to be mounted: what looks like a secret in it is one all the same.
        named = set()

    def walk(value: Any, path: str, top: str) -> Iterator[Breach]:
        name = path.rpartition(".")[2]
        is_secret = f"{resource.short_type}.{path}" in named or _names_a_secret(name)
        if isinstance(value, Secret):
            return
        if isinstance(value, Unknown):
            holds = is_secret or any(name.startswith(f"{resource.short_type}.{path}.") for name in named)
            if holds and not _generated(graph, resource, top):
                raise NotJudgedError(resource.urn, path)
        elif isinstance(value, dict):
            for key, inner in value.items():
                yield from walk(inner, f"{path}.{key}" if path else str(key), top or str(key))
        elif isinstance(value, list):
            for index, inner in enumerate(value):
                yield from walk(inner, f"{path}[{index}]", top)
        elif isinstance(value, str) and value and (is_secret or ("-----BEGIN " in value and _PEM.search(value))):
            yield Breach(resource.urn, f"{path} holds a secret in the open: wrap it by Output.secret")

    yield from walk(resource.inputs, "", "")


def _is_document(resource: Resource) -> bool:
    inner = resource.inputs.get("properties")
    kind = inner.get("contentType") if isinstance(inner, Mapping) else None
    return kind in ("application/yaml", "application/json", "text/yaml")


def _generated(graph: ResourceGraph, resource: Resource, field: str) -> bool:
    sources = [graph.by_urn[urn] for urn in resource.sources.get(field, ()) if urn in graph.by_urn]
    return any(source.type.startswith(_GENERATORS) for source in sources)


POLICIES: Final = (
    Policy(
        id="preview-features-enabled",
        title="Every preview feature of Snowflake's provider that is used is enabled",
        severity=Severity.MEDIUM,
        safeguards=("45 CFR 164.308(a)(7)(ii)(B)",),
        remediation="Add the flag to the provider's preview_features_enabled: without it, preview passes and up fails.",
        link=_REGISTRY + "installation-configuration/",
        check=_preview_features,
        parameters={
            "features": Parameter(
                list(PREVIEW_FEATURES), "Types in preview, in snake case, without snowflake_ and _resource.", TEXTS
            )
        },
    ),
    Policy(
        id="delete-before-replace",
        title="What has no name in Snowflake is deleted before it is replaced",
        severity=Severity.HIGH,
        safeguards=("45 CFR 164.312(a)(1)", "45 CFR 164.308(a)(4)"),
        remediation="Set delete_before_replace: otherwise deleting the old takes away what the new has just made.",
        link="https://www.pulumi.com/docs/iac/concepts/options/deletebeforereplace/",
        check=_delete_first,
        of_runs_alone=True,
    ),
    Policy(
        id="upper-case-names",
        title="Names in Snowflake are explicit and in upper case",
        severity=Severity.LOW,
        safeguards=("45 CFR 164.312(c)(1)",),
        remediation="Give the resource a name in upper case: others need quotation marks in every statement.",
        link="https://docs.snowflake.com/en/sql-reference/identifiers-syntax",
        check=_upper_case,
        parameters={"other": Parameter([], "Kinds of resources that may be named otherwise, such as Stage.", TEXTS)},
    ),
    Policy(
        id="no-plain-secrets",
        title="No property holds a secret that is not marked as one",
        severity=Severity.CRITICAL,
        safeguards=("45 CFR 164.312(a)(1)", "45 CFR 164.312(d)", "Azure benchmark IM-8"),
        remediation="Wrap the value by pulumi.Output.secret, or read it by config.require_secret.",
        link="https://www.pulumi.com/docs/iac/concepts/secrets/",
        check=_plain_secrets,
        parameters={
            "properties": Parameter(
                ["azure-native:keyvault:Secret.properties.value"],
                "Properties that hold secrets though their names do not say so, as type.path.",
                TEXTS,
            )
        },
    ),
)
