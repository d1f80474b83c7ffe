"""The container apps as they stand: what they are told, what they may read, where that leads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from cli.verify.azure import CONTAINER_APP, IDENTITY, EmbeddedResources
from cli.verify.report import CheckImpossibleError
from cli.verify.state import StackState


@dataclass(frozen=True, slots=True)
class Identity:
    """A user-assigned identity as it stands."""

    id: str
    client_id: str
    principal_id: str


@dataclass(frozen=True, slots=True)
class Application:
    """One container app as it stands.

    `variables` are its plain ones, `secret_variables` map a variable to the app's name for a secret, and
    `secrets` that name to the secret's URI in the vault. `mounts` are directories, each with the secrets
    that are files in it by file name.
    """

    label: str
    name: str
    fqdn: str
    port: int
    state: str
    revision: str
    identities: tuple[Identity, ...]
    variables: Mapping[str, str]
    secret_variables: Mapping[str, str]
    secrets: Mapping[str, str]
    secret_identities: Mapping[str, str]
    mounts: Mapping[str, Mapping[str, str]]

    def secret_uri(self, variable: str) -> str | None:
        """Where the value of a secret variable lies."""
        return self.secrets.get(self.secret_variables.get(variable, ""))

    def hosts(self) -> Iterator[tuple[str, str]]:
        """Each plain variable that holds a URL, and the URL's host."""
        for variable, value in self.variables.items():
            url = urlsplit(value)
            if url.scheme in {"http", "https"} and url.hostname:
                yield variable, url.hostname


def applications(
    outputs: Mapping[str, Any], state: StackState, azure: EmbeddedResources
) -> tuple[list[Application], list[CheckImpossibleError]]:
    """Every app of the stack's outputs as it stands, and why one could not be read."""
    ids = {str(app.outputs.get("name")): app.id for app in state.of_type(CONTAINER_APP)}
    found: list[Application] = []
    missing: list[CheckImpossibleError] = []
    for label, app in sorted(outputs["apps"].items()):
        name = str(app["name"])
        there = azure.read(CONTAINER_APP, ids[name]) if name in ids else None
        if there is None:
            missing.append(CheckImpossibleError(name, "the container app is not there"))
            continue
        try:
            found.append(_application(label, name, there, azure))
        except CheckImpossibleError as problem:
            missing.append(problem)
    return found, missing


def _application(label: str, name: str, there: Mapping[str, Any], azure: EmbeddedResources) -> Application:
    configuration, template = there["configuration"], there["template"]
    ingress = configuration.get("ingress") or {}
    variables: dict[str, str] = {}
    secret_variables: dict[str, str] = {}
    mounted: dict[str, str] = {}
    for container in template["containers"]:
        for variable in container.get("env") or ():
            if variable.get("secretRef"):
                secret_variables[variable["name"]] = variable["secretRef"]
            else:
                variables[variable["name"]] = str(variable.get("value", ""))
        for mount in container.get("volumeMounts") or ():
            mounted[mount["volumeName"]] = mount["mountPath"]
    return Application(
        label=label,
        name=name,
        fqdn=str(ingress.get("fqdn") or ""),
        port=int(ingress.get("targetPort") or 0),
        state=str(there.get("provisioningState")),
        revision=str(there.get("latestRevisionName") or ""),
        identities=tuple(
            _identity(name, identity, azure)
            for identity in (there.get("identity") or {}).get("userAssignedIdentities") or {}
        ),
        variables=variables,
        secret_variables=secret_variables,
        secrets={secret["name"]: secret.get("keyVaultUrl", "") for secret in configuration.get("secrets") or ()},
        secret_identities={secret["name"]: secret.get("identity", "") for secret in configuration.get("secrets") or ()},
        mounts={
            mounted[volume["name"]]: {file["path"]: file["secretRef"] for file in volume.get("secrets") or ()}
            for volume in template.get("volumes") or ()
            if volume["name"] in mounted
        },
    )


def _identity(app: str, id_: str, azure: EmbeddedResources) -> Identity:
    there = azure.read(IDENTITY, id_)
    if there is None:
        raise CheckImpossibleError(app, f"its identity {id_} does not exist")
    return Identity(id_, str(there["clientId"]), str(there["principalId"]))
