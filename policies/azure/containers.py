"""Container apps and jobs: what they run, what they are told, and who reaches them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any, Final

from policies.graph.resources import ResourceGraph, Secret
from policies.policy import (
    TEXTS,
    Parameter,
    Parameters,
    Policy,
    Properties,
    Severity,
    each,
    each_in_graph,
    properties,
    whole_number,
)

APP: Final = "azure-native:app:ContainerApp"
JOB: Final = "azure-native:app:Job"
ENVIRONMENT: Final = "azure-native:app:ManagedEnvironment"
IDENTITY: Final = "azure-native:managedidentity:UserAssignedIdentity"
_LEARN: Final = "https://learn.microsoft.com/azure/container-apps/"
_LIBRECHAT: Final = "https://www.librechat.ai/docs/configuration/dotenv"

#: Words in a variable's name that make what it holds a secret, unless it ends in one that makes it a place or a name.
_SECRET_NAME: Final = re.compile(
    r"(?:^|_)(?:PASSWORD|PASSWD|SECRET|TOKEN|APIKEY|API_KEY|PRIVATE_KEY|MASTER_KEY|ACCESS_KEY|ACCOUNT_KEY|CREDS_KEY|"
    r"CREDS_IV|CREDENTIALS|CONNECTION_STRING)(?:$|_)"
)
_NO_SECRET_NAME: Final = re.compile(r"(?:_EXPIRY|_URL|_URI|_FILE|_PATH|_NAME|_ENABLED|_LIFETIME|_SECONDS)$")
#: What secrets look like, whatever their variable is called: a key in PEM, a log-in in an address, an account's key.
_SECRET_VALUE: Final = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----|[a-z][a-z0-9+.-]*://[^/\s:@]+:[^/\s@]+@|(?:AccountKey|SharedAccessKey|sig)="
)
#: SHA-256 of LibreChat's published sample values (.env.example), so that no scanner takes this file for a leak.
_SAMPLES: Final = (
    "7c1154b5152983978147ea87e4a2066d4768673e9d85d6a792cddc2f784efd2f",  # CREDS_KEY
    "06d2e911edb4d45985b9d6338ec3d4c6b4bde69f8143437797c187ab07085531",  # CREDS_IV
    "69024f21e9ad17594dcccd93e87399af24a5426ccfe6108d1787f0335966abc4",  # JWT_SECRET
    "282ad5f60261639fefed381976b4d0dde52eab5527a1ab2ec75d5be1efa1165b",  # JWT_REFRESH_SECRET
    "c042516e4eac1bafaa3027eb7ea04103fdfb652583eeb916124aebe882e9cefb",  # MEILI_MASTER_KEY
)
#: What makes or holds a secret, by short type.
_GENERATORS: Final = (
    "random:RandomBytes",
    "random:RandomPassword",
    "tls:PrivateKey",
    "azure-native:keyvault:Secret",
)
_FOREIGN: Final = (
    "MONGO_URI",
    "MONGO_*",
    "*MONGODB*",
    "POSTGRES_*",
    "PGVECTOR*",
    "VECTORDB_*",
    "VECTOR_DB_*",
    "DB_HOST",
    "RAG_*",
    "EMBEDDINGS_*",
    "OPENAI_*",
    "AZURE_OPENAI_*",
    "AZURE_API_KEY",
    "ASSISTANTS_API_KEY",
    "ANTHROPIC_*",
    "GOOGLE_KEY",
    "GEMINI_*",
    "BEDROCK_*",
    "MISTRAL_*",
    "GROQ_*",
    "OPENROUTER_*",
    "HUGGINGFACE_*",
    "COHERE_*",
    "DEEPSEEK_*",
    "PERPLEXITY_*",
    "TOGETHERAI_*",
    "XAI_*",
    "OLLAMA_*",
)
_CLOSED: Final = (
    "ALLOW_REGISTRATION",
    "ALLOW_SOCIAL_REGISTRATION",
    "ALLOW_PASSWORD_RESET",
    "ALLOW_UNVERIFIED_EMAIL_LOGIN",
    "ALLOW_SHARED_LINKS",
    "ALLOW_SHARED_LINKS_PUBLIC",
)


def containers(inputs: Properties) -> list[Properties]:
    """Every container of an app or a job, those that only start it too."""
    return [*inputs.parts("template.containers"), *inputs.parts("template.initContainers")]


def _variables(inputs: Properties) -> Iterator[tuple[str, Properties]]:
    """Every variable by its name, which is always to be known."""
    for container in containers(inputs):
        for variable in container.parts("env"):
            yield variable.text("name") or "", variable


def _is_chat(inputs: Properties, parameters: Parameters) -> bool:
    """LibreChat is who has a variable that it alone knows."""
    return any(name in parameters["marks"] for name, _ in _variables(inputs))


_MARKS: Final = Parameter(
    ["CREDS_KEY", "ALLOW_REGISTRATION", "DOMAIN_CLIENT"],
    "Variables by any of which a LibreChat is known.",
    TEXTS,
)


@each(APP, JOB)
def _secrets_by_reference(inputs: Properties, _: Parameters) -> Iterator[str]:
    for secret in inputs.parts("configuration.secrets"):
        if secret.has("value"):
            yield f"{secret.path}.value holds a secret itself"
        elif not secret.has("keyVaultUrl"):
            yield f"{secret.path} refers to no vault"
        elif not secret.has("identity"):
            yield f"{secret.path} names no identity that reads it"


@each_in_graph(APP, JOB)
def _no_secret_in_environment(inputs: Properties, _: Parameters, graph: ResourceGraph) -> Iterator[str]:
    for urn in inputs.resource.sources.get("template", ()):
        if urn in graph.by_urn and graph.by_urn[urn].short_type in _GENERATORS:
            yield f"template is made from the secret {graph.by_urn[urn].name}: refer to the vault"
    for name, variable in _variables(inputs):
        secret = _SECRET_NAME.search(name.upper()) and not _NO_SECRET_NAME.search(name.upper())
        held = dict(variable.items()).get("value")
        if secret and held not in (None, "", "true", "false"):
            # Whatever it is, known or not.
            yield f"the variable {name} holds its value in the open: refer to a secret"
            continue
        value = _literal(variable)
        if isinstance(value, Secret):
            yield f"the variable {name} holds a secret: refer to it"
        elif isinstance(value, str) and _SECRET_VALUE.search(value):
            yield f"the variable {name} holds what looks like a secret: refer to it"


def _literal(variable: Properties) -> Any:
    """A variable's value; None where it follows from other resources' outputs, as no literal does."""
    return variable.known("value", "template")


@each(APP)
def _public_ingress(app: Properties, parameters: Parameters) -> Iterator[str]:
    if app.flag("configuration.ingress.external") and app.text("containerAppName") not in parameters["public_apps"]:
        yield "configuration.ingress.external is true, and it is none of the public ones"


@each(APP)
def _https(app: Properties, _: Parameters) -> Iterator[str]:
    if not app.filled("configuration.ingress"):
        return
    if app.flag("configuration.ingress.allowInsecure") is not False:
        yield "configuration.ingress.allowInsecure is not false"
    if (app.text("configuration.ingress.transport") or "").lower() == "tcp":
        yield "configuration.ingress.transport is TCP, which is not encrypted"


@each(APP)
def _probes(app: Properties, parameters: Parameters) -> Iterator[str]:
    for container in app.parts("template.containers"):
        kinds = {(probe.text("type") or "").lower() for probe in container.parts("probes")}
        for kind in parameters["kinds"]:
            if kind.lower() not in kinds:
                yield f"{container.path} has no {kind.lower()} probe"


@each(APP, JOB)
def _limits(inputs: Properties, _: Parameters) -> Iterator[str]:
    found = containers(inputs)
    if not found:
        yield "template.containers is empty"
    for container in found:
        if not container.number("resources.cpu"):
            yield f"{container.path}.resources.cpu is not set"
        if not container.text("resources.memory"):
            yield f"{container.path}.resources.memory is not set"
    if inputs.resource.short_type == APP and not inputs.number("template.scale.maxReplicas"):
        yield "template.scale.maxReplicas is not set"


@each(APP, JOB)
def _image_pinned(inputs: Properties, _: Parameters) -> Iterator[str]:
    for container in containers(inputs):
        image = container.text("image") or ""
        tag = image.rpartition("/")[2].partition(":")[2]
        if "@sha256:" not in image and (not tag or tag.lower() == "latest"):
            yield f"{container.path}.image has neither a digest nor a tag of its own"


@each(APP, JOB)
def _registries(inputs: Properties, parameters: Parameters) -> Iterator[str]:
    for container in containers(inputs):
        image = container.text("image") or ""
        first, slash, _ = image.partition("/")
        host = first if slash and ("." in first or ":" in first) else "docker.io"
        # docker.io has many owners: there an image itself is allowed, as owner/image.
        name = image.partition("@")[0].removeprefix(f"{host}/")
        name = name if ":" not in name.rpartition("/")[2] else name.rpartition(":")[0]
        places = (host, f"{host}/{name}")
        if not any(fnmatchcase(place, allowed) for place in places for allowed in parameters["allowed"]):
            yield f"{container.path}.image comes from no allowed registry"


@each(APP, JOB)
def _no_foreign_services(inputs: Properties, parameters: Parameters) -> Iterator[str]:
    for name, variable in _variables(inputs):
        if any(fnmatchcase(name.upper(), pattern) for pattern in parameters["denied"]):
            yield f"the variable {name} leads to a service outside of the platform"
        elif name.upper().endswith("_API_KEY") and _literal(variable) == "user_provided":
            yield f"the variable {name} lets users bring a provider of their own"


_WORD: Final = re.compile(r"[A-Za-z0-9]{16,}")


@each_in_graph(APP, JOB, "azure-native:keyvault:Secret")
def _no_samples(inputs: Properties, parameters: Parameters, graph: ResourceGraph) -> Iterator[str]:
    samples = {str(sample).lower() for sample in parameters["samples"]}

    def is_sample(value: Any) -> bool:
        text = value.opened if isinstance(value, Secret) else value
        words = {text.strip(), *_WORD.findall(text)} if isinstance(text, str) else set()
        return any(hashlib.sha256(word.encode()).hexdigest() in samples for word in words)

    if inputs.resource.short_type in (APP, JOB):
        for name, variable in _variables(inputs):
            if is_sample(_literal(variable)):
                yield f"the variable {name} holds a published sample value"
        return
    sources = [graph.by_urn[urn] for urn in inputs.resource.sources.get("properties", ()) if urn in graph.by_urn]
    if any(source.type.startswith(("random:", "tls:")) for source in sources):
        return  # made in this stack, whatever it is going to be
    if (inputs.text("properties.contentType") or "").startswith(("application/", "text/yaml", "text/x-")):
        return  # a document, not a credential
    value = inputs.get("properties.value")
    if isinstance(value, Secret) and value.opened is None:
        inputs.text("properties.value")  # says that it is not opened here
    if is_sample(value):
        yield "properties.value is a published sample value"


@each_in_graph(APP, JOB)
def _own_identity(inputs: Properties, _: Parameters, graph: ResourceGraph) -> Iterator[str]:
    if (inputs.text("identity.type") or "").lower() != "userassigned":
        yield "identity.type is not UserAssigned"
        return
    mine = {urn for urn in inputs.resource.sources.get("identity", ()) if _is_identity(graph, urn)}
    given = set() if mine else {text.lower() for text in inputs.texts("identity.userAssignedIdentities")}
    if not mine and not given:
        yield "identity.userAssignedIdentities is empty"
    for other in graph.of_types(APP, JOB):
        if other.urn != inputs.urn and (
            mine & set(other.sources.get("identity", ()))
            or (given and given & {text.lower() for text in properties(other).texts("identity.userAssignedIdentities")})
        ):
            yield f"it shares its identity with {other.name}"


def _is_identity(graph: ResourceGraph, urn: str) -> bool:
    return urn in graph.by_urn and graph.by_urn[urn].short_type == IDENTITY


@each(APP, JOB)
def _registry_identity(inputs: Properties, _: Parameters) -> Iterator[str]:
    for registry in inputs.parts("configuration.registries"):
        if registry.has("passwordSecretRef") or registry.has("username"):
            yield f"{registry.path} pulls by a password"
        elif not registry.has("identity"):
            yield f"{registry.path} names no identity"


@each(APP)
def _log_off(app: Properties, parameters: Parameters) -> Iterator[str]:
    if not _is_chat(app, parameters):
        return
    values = [variable for name, variable in _variables(app) if name == "SESSION_EXPIRY"]
    minutes = [variable.number("value") for variable in values]
    if not minutes or any(found is None or found > parameters["maximum_minutes"] * 60_000 for found in minutes):
        yield f"SESSION_EXPIRY is not {parameters['maximum_minutes']} minutes at most (in milliseconds)"


@each(APP)
def _registration_closed(app: Properties, parameters: Parameters) -> Iterator[str]:
    if not _is_chat(app, parameters):
        return
    known = dict(_variables(app))
    for name in parameters["closed"]:
        if name not in known or (known[name].text("value") or "").lower() != "false":
            yield f"{name} is not false"


@each(APP, JOB)
def _no_debug_logs(inputs: Properties, _: Parameters) -> Iterator[str]:
    for name, variable in _variables(inputs):
        if name in ("DEBUG_LOGGING", "DEBUG_CONSOLE", "DEBUG_OPENAI", "DEBUG_PLUGINS"):
            if (variable.text("value") or "").lower() != "false":
                yield f"{name} is not false: debug logs hold what people write"
        elif name in ("LOG_LEVEL", "MEILI_LOG_LEVEL") and (variable.text("value") or "").upper() in ("DEBUG", "TRACE"):
            yield f"{name} asks for debug logs, which hold what people write"


@each(APP, JOB)
def _models(inputs: Properties, parameters: Parameters) -> Iterator[str]:
    for name, variable in _variables(inputs):
        if name in parameters["variables"] and variable.text("value") not in parameters["allowed"]:
            yield f"{name} names a model that is not allowed"


@each(APP)
def _search_index(app: Properties, _: Parameters) -> Iterator[str]:
    if not any(name == "MEILI_MASTER_KEY" for name, _ in _variables(app)) or not any(
        name == "MEILI_DB_PATH" for name, _ in _variables(app)
    ):
        return
    if (app.number("template.scale.minReplicas"), app.number("template.scale.maxReplicas")) != (1, 1):
        yield "template.scale is not exactly one replica: each would have an index of its own"
    if any((volume.text("storageType") or "") != "EmptyDir" for volume in app.parts("template.volumes")):
        yield "template.volumes keeps the index on a network file system, which corrupts it"
    if app.flag("configuration.ingress.external") is not False:
        yield "configuration.ingress.external is not false, and the index holds what people write"


@each(ENVIRONMENT)
def _environment_internal(environment: Properties, _: Parameters) -> Iterator[str]:
    if environment.flag("vnetConfiguration.internal") is not True:
        yield "vnetConfiguration.internal is not true"
    if not environment.has("vnetConfiguration.infrastructureSubnetId"):
        yield "vnetConfiguration.infrastructureSubnetId is not set: it is in no network of its own"
    if (environment.text("publicNetworkAccess") or "").lower() != "disabled":
        yield "publicNetworkAccess is not Disabled"


@each(ENVIRONMENT)
def _peer_encryption(environment: Properties, _: Parameters) -> Iterator[str]:
    if environment.flag("peerTrafficConfiguration.encryption.enabled") is not True:
        yield "peerTrafficConfiguration.encryption.enabled is not true"


POLICIES: Final = (
    Policy(
        id="container-secrets-by-reference",
        title="A container's secrets are references to a vault, read by an identity",
        severity=Severity.CRITICAL,
        safeguards=("45 CFR 164.312(a)(1)", "45 CFR 164.312(d)", "Azure benchmark IM-8"),
        remediation="Give each of configuration.secrets a keyVaultUrl and an identity, and no value.",
        link=_LEARN + "manage-secrets",
        check=_secrets_by_reference,
    ),
    Policy(
        id="container-no-secret-in-environment",
        title="No secret value stands in a container's environment",
        severity=Severity.CRITICAL,
        safeguards=("45 CFR 164.312(a)(1)", "Azure benchmark IM-8"),
        remediation="Put the value into the vault and refer to it by secretRef.",
        link=_LEARN + "manage-secrets#reference-secret-in-environment-variables",
        check=_no_secret_in_environment,
    ),
    Policy(
        id="container-public-ingress",
        title="Only the public applications are open to the outside",
        severity=Severity.CRITICAL,
        safeguards=("45 CFR 164.312(e)(1)", "Azure benchmark NS-1"),
        remediation="Set configuration.ingress.external to false, or name the app in public_apps after a review.",
        link=_LEARN + "ingress-overview",
        check=_public_ingress,
        parameters={
            "public_apps": Parameter(
                ["nexuschat", "agentnexus-site"], "Names of the container apps that may be external.", TEXTS
            )
        },
    ),
    Policy(
        id="container-https-only",
        title="Container apps answer by HTTPS alone",
        severity=Severity.HIGH,
        safeguards=("45 CFR 164.312(e)(1)", "45 CFR 164.312(e)(2)(ii)", "Azure benchmark DP-3"),
        remediation="Set configuration.ingress.allowInsecure to false, and a transport of HTTP.",
        link=_LEARN + "ingress-overview",
        check=_https,
    ),
    Policy(
        id="container-probes",
        title="Every container tells whether it lives",
        severity=Severity.LOW,
        safeguards=("45 CFR 164.308(a)(7)(ii)(B)",),
        remediation="Declare a startup, a liveness and a readiness probe.",
        link=_LEARN + "health-probes",
        check=_probes,
        parameters={
            "kinds": Parameter(["Startup", "Liveness", "Readiness"], "The kinds of probe that are wanted.", TEXTS)
        },
    ),
    Policy(
        id="container-limits",
        title="Every container has limits",
        severity=Severity.LOW,
        safeguards=("45 CFR 164.308(a)(7)(ii)(B)", "Azure benchmark PV-1"),
        remediation="Set resources.cpu and resources.memory of each container, and scale.maxReplicas of each app.",
        link=_LEARN + "containers",
        check=_limits,
    ),
    Policy(
        id="container-image-pinned",
        title="Images are pinned",
        severity=Severity.MEDIUM,
        safeguards=("45 CFR 164.312(c)(1)", "Azure benchmark DS-6"),
        remediation="Name a digest, or a tag other than latest.",
        link="https://learn.microsoft.com/azure/container-registry/container-registry-image-tag-version",
        check=_image_pinned,
    ),
    Policy(
        id="container-allowed-registries",
        title="Images come from allowed registries",
        severity=Severity.HIGH,
        safeguards=("45 CFR 164.308(b)(1)", "45 CFR 164.312(c)(1)", "Azure benchmark DS-6"),
        remediation="Push the image to an allowed registry, or allow its own after a review.",
        link="https://learn.microsoft.com/azure/container-registry/container-registry-best-practices",
        check=_registries,
        parameters={
            "allowed": Parameter(
                ["*.azurecr.io", "docker.io/getmeili/meilisearch"],
                "Registries' hosts, or host/owner/image, with * for any; an image without a host is docker.io's.",
                TEXTS,
            )
        },
    ),
    Policy(
        id="container-no-foreign-services",
        title="No variable leads to a database, vector store or model outside of the platform",
        severity=Severity.CRITICAL,
        safeguards=("45 CFR 164.308(b)(1)", "45 CFR 164.314(a)"),
        remediation="Remove the variable: the chat keeps its data in Snowflake and asks Cortex alone.",
        link=_LIBRECHAT,
        check=_no_foreign_services,
        parameters={"denied": Parameter(list(_FOREIGN), "Names of variables, with * for any, that are denied.", TEXTS)},
    ),
    Policy(
        id="container-no-sample-secrets",
        title="None of LibreChat's published sample secrets is in use",
        severity=Severity.CRITICAL,
        safeguards=("45 CFR 164.312(d)", "45 CFR 164.312(a)(1)"),
        remediation="Generate the value in the stack (RandomBytes) and keep it in the vault.",
        link=_LIBRECHAT,
        check=_no_samples,
        parameters={"samples": Parameter(list(_SAMPLES), "SHA-256 of each published value, in hex.", TEXTS)},
    ),
    Policy(
        id="container-own-identity",
        title="Each application has an identity of its own",
        severity=Severity.MEDIUM,
        safeguards=("45 CFR 164.312(a)(2)(i)", "45 CFR 164.312(d)", "Azure benchmark IM-3"),
        remediation="Declare a UserAssignedIdentity for it alone, and no system-assigned one.",
        link=_LEARN + "managed-identity",
        check=_own_identity,
    ),
    Policy(
        id="container-registry-by-identity",
        title="Images are pulled by an identity, without a password",
        severity=Severity.MEDIUM,
        safeguards=("45 CFR 164.312(d)", "Azure benchmark IM-3"),
        remediation="Give each of configuration.registries an identity with AcrPull, no username or passwordSecretRef.",
        link=_LEARN + "managed-identity-image-pull",
        check=_registry_identity,
    ),
    Policy(
        id="chat-automatic-log-off",
        title="The chat logs an idle user off",
        severity=Severity.MEDIUM,
        safeguards=("45 CFR 164.312(a)(2)(iii)",),
        remediation="Set SESSION_EXPIRY to 900000 (a quarter of an hour) or less.",
        link=_LIBRECHAT,
        check=_log_off,
        parameters={
            "maximum_minutes": Parameter(15, "Minutes that a session lasts, at most.", whole_number(1, 60)),
            "marks": _MARKS,
        },
    ),
    Policy(
        id="chat-registration-closed",
        title="Nobody registers, resets a password or shares a conversation by themselves",
        severity=Severity.HIGH,
        safeguards=("45 CFR 164.312(a)(2)(i)", "45 CFR 164.312(a)(1)"),
        remediation="Set each of these variables to false.",
        link=_LIBRECHAT,
        check=_registration_closed,
        parameters={"closed": Parameter(list(_CLOSED), "Variables that are to be false.", TEXTS), "marks": _MARKS},
    ),
    Policy(
        id="container-no-debug-logs",
        title="No debug logs, which would hold what people write",
        severity=Severity.HIGH,
        safeguards=("45 CFR 164.312(a)(1)", "45 CFR 164.312(b)"),
        remediation="Set DEBUG_LOGGING and DEBUG_CONSOLE to false, and a level of INFO or WARN.",
        link=_LIBRECHAT,
        check=_no_debug_logs,
    ),
    Policy(
        id="chat-allowed-models",
        title="Applications name allowed models alone",
        severity=Severity.HIGH,
        safeguards=("45 CFR 164.308(b)(1)", "45 CFR 164.314(a)"),
        remediation="Name one of the allowed models, or allow this one after a review.",
        link="https://docs.snowflake.com/en/user-guide/snowflake-cortex/aisql",
        check=_models,
        parameters={
            "allowed": Parameter(["claude-sonnet-4-5", "claude-sonnet-4-6"], "Ids of the allowed models.", TEXTS),
            "variables": Parameter(["SNOWFLAKE_CORTEX_MODEL"], "Variables that name a model.", TEXTS),
        },
    ),
    Policy(
        id="search-index-rebuildable",
        title="The search index is one, internal, and on no network file system",
        severity=Severity.HIGH,
        safeguards=("45 CFR 164.308(a)(7)(ii)(B)", "45 CFR 164.312(c)(1)", "45 CFR 164.312(e)(1)"),
        remediation="Exactly one replica, EmptyDir volumes, internal ingress; the index is rebuilt from Snowflake.",
        link="https://www.meilisearch.com/docs/learn/self_hosted/getting_started_with_self_hosted_meilisearch",
        check=_search_index,
    ),
    Policy(
        id="container-environment-internal",
        title="The container environment is in a network of its own, closed to the outside",
        severity=Severity.HIGH,
        safeguards=("45 CFR 164.312(e)(1)", "Azure benchmark NS-2"),
        remediation="Set vnetConfiguration.internal to true, a subnet, and publicNetworkAccess to Disabled.",
        link=_LEARN + "networking",
        check=_environment_internal,
    ),
    Policy(
        id="container-environment-peer-encryption",
        title="What applications say to each other is encrypted",
        severity=Severity.MEDIUM,
        safeguards=("45 CFR 164.312(e)(2)(ii)", "Azure benchmark DP-3"),
        remediation="Set peerTrafficConfiguration.encryption.enabled to true.",
        link=_LEARN + "networking",
        check=_peer_encryption,
    ),
)
