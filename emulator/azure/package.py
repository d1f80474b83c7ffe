"""The azure-native package: what the real provider and Azure Resource Manager answer, over a store on disk."""

from __future__ import annotations

import copy
import hashlib
import importlib.metadata
import os
import secrets
import uuid
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from emulator.azure.difference import CREATE_BEFORE_DELETE, carry_over, difference, without_nulls
from emulator.azure.errors import AzureError, resource_not_found
from emulator.azure.identifiers import (
    LOCATIONS,
    arm_type,
    is_guid,
    is_resource_id,
    key,
    location_name,
    references,
    subscription_of,
)
from emulator.azure.kinds import Autoname, AzureConfiguration, Operation, ResourceKind
from emulator.azure.resource_types import kind_of_token, kind_of_type, split_token
from emulator.azure.resource_types.edge import LINK_CONNECTIONS, approve, links_that_wait
from emulator.azure.resource_types.keyvault import current_value
from emulator.azure.roles import ROLE_ASSIGNMENTS
from emulator.azure.rules import split_path, tags_rule, walk
from emulator.azure.shapes import MapShape, ObjectShape, TypeShapes, api_version, preview, project, type_shapes
from emulator.azure.store import AzureStore, StoredResource
from emulator.introspection import TypeSpec, provider_spec, type_spec, validate
from emulator.package import (
    CheckAnswer,
    CheckFailure,
    CloudError,
    DiffAnswer,
    EmbeddedPackage,
    Question,
    ReadAnswer,
)
from emulator.values import UNKNOWN, contains_unknown

_GROUPS = "Microsoft.Resources/resourceGroups"
# Settings of the provider that change what the embedded Azure does; the rest is checked and then has no effect.
_ENVIRONMENT = {
    "subscriptionId": "ARM_SUBSCRIPTION_ID",
    "tenantId": "ARM_TENANT_ID",
    "clientId": "ARM_CLIENT_ID",
    "location": "ARM_LOCATION_NAME",
}
_DEFAULT_CONFIGURATION = AzureConfiguration()


class AzurePackage(EmbeddedPackage):
    """azure-native over an `AzureStore`."""

    name = "azure-native"

    def __init__(self, store: AzureStore) -> None:
        self.store = store
        self.version = importlib.metadata.version("pulumi-azure-native")

    # Provider

    def check_configuration(self, inputs: dict[str, Any]) -> CheckAnswer:
        plain = without_nulls(inputs)
        failures = validate(provider_spec(self.name), plain)
        for name in ("subscriptionId", "tenantId", "clientId"):
            value = plain.get(name)
            if isinstance(value, str) and not is_guid(value):
                failures.append(CheckFailure(name, f"'{value}' is malformed or invalid: it must be a GUID"))
        location = plain.get("location")
        if isinstance(location, str) and location_name(location) not in LOCATIONS:
            failures.append(CheckFailure("location", f"'{location}' is no location of Azure"))
        return CheckAnswer(inputs, failures)

    def configure(self, inputs: dict[str, Any]) -> AzureConfiguration:
        def setting(name: str, default: str | None) -> Any:
            return inputs.get(name) or os.environ.get(_ENVIRONMENT[name]) or default

        default = _DEFAULT_CONFIGURATION
        configuration = AzureConfiguration(
            subscription_id=setting("subscriptionId", default.subscription_id),
            tenant_id=setting("tenantId", default.tenant_id),
            client_id=setting("clientId", default.client_id),
            location=setting("location", None),
        )
        if not is_guid(configuration.subscription_id):
            raise AzureError(
                404,
                "InvalidSubscriptionId",
                f"The provided subscription identifier '{configuration.subscription_id}' is malformed or invalid.",
            )
        return configuration

    # Check

    def check(self, question: Question) -> CheckAnswer:
        spec = self._spec(question.type)
        kind = kind_of_token(question.type)
        inputs = without_nulls(question.inputs)
        old = question.old_inputs
        failures = validate(
            spec,
            {name: value for name, value in inputs.items() if name not in ("azureApiVersion", CREATE_BEFORE_DELETE)},
        )
        if kind is not None:
            self._fill_name(question, kind, inputs, old)
        if "location" in spec.properties and "location" not in inputs:
            location = self._default_location(question, inputs, old)
            if location is None:
                failures.append(
                    CheckFailure(
                        "location",
                        "missing required property 'location'. Either set it explicitly or configure it with "
                        "'pulumi config set azure-native:location <value>'.",
                    )
                )
            else:
                inputs["location"] = location
        inputs.setdefault("azureApiVersion", _api_version(question.type))
        if kind is not None and not failures:
            failures.extend(self._rule_failures(kind, inputs))
        return CheckAnswer(inputs, failures)

    def _spec(self, token: str) -> TypeSpec:
        """What the SDK declares of a type; a type that it does not have is refused."""
        spec = type_spec(self.name, token) or type_spec(self.name, _sdk_token(token))
        if spec is None:
            raise CloudError(f"azure-native {self.version} has no resource type {token}")
        return spec

    def _shapes(self, token: str) -> TypeShapes:
        shapes = type_shapes(_sdk_token(token))
        if shapes is None:
            raise CloudError(f"azure-native {self.version} has no resource type {token}")
        return shapes

    def _fill_name(
        self, question: Question, kind: ResourceKind, inputs: dict[str, Any], old: Mapping[str, Any]
    ) -> None:
        name = kind.name
        if name.property in inputs:
            return
        if old.get(name.property) is not None:
            inputs[name.property] = old[name.property]
            if isinstance(old.get(CREATE_BEFORE_DELETE), bool):
                inputs[CREATE_BEFORE_DELETE] = old[CREATE_BEFORE_DELETE]
            return
        if name.autoname is Autoname.COPY:
            inputs[name.property] = question.name
            return
        digits = (
            hashlib.sha256(question.random_seed + question.urn.encode()).hexdigest()
            if question.random_seed
            else secrets.token_hex(16)
        )
        if name.autoname is Autoname.GUID:
            inputs[name.property] = str(uuid.UUID(hex=digits[:32], version=4))
        else:
            inputs[name.property] = f"{question.name}{digits[:8]}"
        inputs[CREATE_BEFORE_DELETE] = True

    def _default_location(self, question: Question, inputs: Mapping[str, Any], old: Mapping[str, Any]) -> Any:
        """The location of old, of the provider, of the resource group; unknown while the group does not exist yet."""
        if old.get("location") is not None:
            return old["location"]
        configuration = self._configuration(question)
        if configuration.location is not None:
            return configuration.location
        group = inputs.get("resourceGroupName")
        kind = kind_of_token(question.type)
        if kind is not None and kind.type == _GROUPS:
            return None
        if not isinstance(group, str):
            return group
        stored = self.store.find(f"/subscriptions/{configuration.subscription_id}/resourceGroups/{group}")
        return UNKNOWN if stored is None else stored.body["location"]

    def _rule_failures(self, kind: ResourceKind, inputs: Mapping[str, Any]) -> list[CheckFailure]:
        failures = list(kind.name.failures(inputs))
        location = inputs.get("location")
        if isinstance(location, str) and location_name(location) not in LOCATIONS:
            failures.append(
                CheckFailure(
                    "location", f"The provided location '{location}' is not available for resource type '{kind.type}'."
                )
            )
        for path, wanted in kind.links.items():
            for place, value in walk(inputs, split_path(path)):
                failures.extend(_link_failures(place, value, wanted))
        for rule in (tags_rule, *kind.rules):
            failures.extend(rule(inputs))
        return failures

    def _configuration(self, question: Question) -> AzureConfiguration:
        found = question.configuration
        return found if isinstance(found, AzureConfiguration) else _DEFAULT_CONFIGURATION

    # Diff

    def diff(self, question: Question) -> DiffAnswer:
        kind = kind_of_token(question.type)
        old = without_nulls(question.old_inputs)
        # A state of azure-native 2 has the API version among its outputs only.
        if "azureApiVersion" not in old and "azureApiVersion" in question.old_outputs:
            old["azureApiVersion"] = question.old_outputs["azureApiVersion"]
        return difference(kind, old, without_nulls(question.inputs), question.old_outputs)

    # Create, read, update, delete

    def create(self, question: Question) -> tuple[str, dict[str, Any]]:
        inputs = without_nulls(question.inputs)
        if question.preview:
            return "", self._preview(question, inputs, {})
        kind = self._kind(question.type)
        self._refuse_unknown(kind, inputs)
        configuration = self._configuration(question)
        identity = kind.identity(configuration, inputs)
        with self.store.transaction():
            if self.store.find(identity) is not None:
                raise CloudError(f"cannot create already existing resource '{identity}'")
            stored = self._put(kind, identity, configuration, inputs, None)
        return stored.id, self._outputs(question.type, kind, stored)

    def identify(self, question: Question) -> str:
        return self._kind(question.type).identity(self._configuration(question), without_nulls(question.inputs))

    def update(self, question: Question) -> dict[str, Any]:
        inputs = without_nulls(question.inputs)
        if question.preview:
            return self._preview(question, inputs, question.old_outputs)
        kind = self._kind(question.type)
        self._refuse_unknown(kind, inputs)
        with self.store.transaction():
            previous = self.store.find(question.id)
            if previous is None:
                raise resource_not_found(question.id)
            self._check_immutable(kind, previous, inputs)
            stored = self._put(kind, previous.id, self._configuration(question), inputs, previous)
        return self._outputs(question.type, kind, stored)

    def read(self, question: Question) -> ReadAnswer:
        kind = self._kind(question.type)
        stored = self.store.find(question.id)
        if stored is None:
            return ReadAnswer()
        if stored.type != kind.type:
            raise CloudError(f"the resource '{stored.id}' is of type {stored.type}, not {kind.type}")
        outputs = self._outputs(question.type, kind, stored)
        shapes = self._shapes(question.type)
        if question.inputs:
            before = _as_inputs(shapes, question.old_outputs)
            inputs = carry_over(without_nulls(question.inputs), before, _as_inputs(shapes, outputs))
        else:
            # An import: everything that is settable becomes an input.
            inputs = _without_empty(_as_inputs(shapes, outputs)) | (kind.path_inputs(stored.id) or {})
            inputs["azureApiVersion"] = outputs["azureApiVersion"]
        return ReadAnswer(stored.id, inputs, outputs)

    def delete(self, question: Question) -> None:
        self._kind(question.type)
        with self.store.transaction():
            stored = self.store.find(question.id)
            if stored is not None:
                self._check_deletable(stored)
                self._remove(stored)

    def _kind(self, token: str) -> ResourceKind:
        kind = kind_of_token(token)
        if kind is None:
            self._spec(token)
            raise CloudError(f"the embedded Azure does not build {token}")
        return kind

    def _refuse_unknown(self, kind: ResourceKind, inputs: Mapping[str, Any]) -> None:
        for name, value in inputs.items():
            if contains_unknown(value):
                group = inputs.get("resourceGroupName")
                if name == "location" and isinstance(group, str):
                    raise AzureError(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.")
                raise CloudError(f"the input '{name}' of {kind.type} is not known")
        for name in kind.parameters:
            if not isinstance(inputs.get(name), str) or not inputs[name]:
                raise CloudError(f"the input '{name}' of {kind.type} is missing")

    def _put(
        self,
        kind: ResourceKind,
        identity: str,
        configuration: AzureConfiguration,
        inputs: dict[str, Any],
        previous: StoredResource | None,
    ) -> StoredResource:
        """Azure's PUT: everything is judged before anything is written."""
        failures = self._rule_failures(kind, inputs)
        if failures:
            said = "; ".join(f"{failure.property}: {failure.reason}" for failure in failures)
            raise AzureError(400, "InvalidRequest", said)
        self._check_parent(kind, identity)
        body = {
            name: copy.deepcopy(value)
            for name, value in inputs.items()
            if name not in kind.parameters and name not in ("azureApiVersion", CREATE_BEFORE_DELETE)
        }
        self._check_references(kind, identity, body, configuration)
        recovered = None if previous is not None else self.store.soft_deleted(identity)
        before = previous or (recovered.resource if recovered is not None else None)
        self._keep_maintained(kind, body, before)
        _fill(body, kind.defaults)
        if isinstance(body.get("location"), str):
            body["location"] = location_name(body["location"])
        operation = Operation(
            store=self.store,
            configuration=configuration,
            kind=kind,
            id=identity,
            inputs=inputs,
            body=body,
            private=copy.deepcopy(before.private) if before is not None else {},
            previous=before,
            now=self.store.clock(),
            recovered=recovered is not None,
        )
        if kind.complete is not None:
            kind.complete(operation)
        self._stamp(operation)
        stored = StoredResource(identity, kind.type, body, operation.private)
        nested = stored.private.pop("nested", [])
        self.store.put(stored)
        if recovered is not None:
            self.store.forget_soft_deleted(identity)
            for child in nested:
                self.store.put(StoredResource(child["id"], child["type"], child["body"], child["private"]))
        if kind.after is not None:
            kind.after(operation)
        return stored

    def _stamp(self, operation: Operation) -> None:
        moment = operation.timestamp
        before = (operation.previous.body.get("systemData") or {}) if operation.previous is not None else {}
        operation.body["systemData"] = {
            "createdAt": before.get("createdAt", moment),
            "createdBy": before.get("createdBy", operation.configuration.client_id),
            "createdByType": "Application",
            "lastModifiedAt": moment,
            "lastModifiedBy": operation.configuration.client_id,
            "lastModifiedByType": "Application",
        }

    def _check_parent(self, kind: ResourceKind, identity: str) -> None:
        if kind.is_extension or kind.type == _GROUPS:
            return
        group = identity.split("/providers/", 1)[0]
        if self.store.find(group) is None:
            raise resource_not_found(group)
        parent = "/".join(identity.split("/")[:-2])
        if len(arm_type(identity).split("/")) > 2 and self.store.find(parent) is None:
            raise AzureError(
                404,
                "ParentResourceNotFound",
                f"Failed to perform 'write' on resource(s) of type '{kind.type.split('/', 1)[1]}', because the parent "
                f"resource '{parent}' could not be found.",
            )

    def _check_references(
        self, kind: ResourceKind, identity: str, body: Mapping[str, Any], configuration: AzureConfiguration
    ) -> None:
        """Whatever a body refers to in this subscription must exist, and be what is expected there."""
        for reference in references(body):
            if subscription_of(reference).lower() != configuration.subscription_id.lower():
                continue
            if key(reference).startswith(key(identity) + "/") or self.store.find(reference) is not None:
                continue
            if kind.type.startswith("Microsoft.Network/"):
                raise AzureError(
                    400,
                    "InvalidResourceReference",
                    f"Resource {reference} referenced by resource {identity} was not found. Please make sure that the "
                    "referenced resource exists, and that both resources are in the same region.",
                )
            raise resource_not_found(reference)

    def _keep_maintained(self, kind: ResourceKind, body: dict[str, Any], before: StoredResource | None) -> None:
        """Sub-resources that may be declared apart survive an update that does not mention them."""
        for path in kind.maintained:
            *holders, last = path.split(".")
            target: Any = body
            source: Any = before.body if before is not None else {}
            for holder in holders:
                target = target.get(holder) if isinstance(target, dict) else None
                source = source.get(holder) if isinstance(source, dict) else None
            if isinstance(target, dict) and isinstance(source, dict) and last not in target and last in source:
                target[last] = copy.deepcopy(source[last])

    def _check_immutable(self, kind: ResourceKind, previous: StoredResource, inputs: Mapping[str, Any]) -> None:
        for path in kind.immutable:
            parts = split_path(path)
            new = next((value for _, value in walk(inputs, parts)), None)
            old = next((value for _, value in walk(previous.body, parts)), None)
            if new is not None and _folded(new) != _folded(old):
                raise AzureError(
                    400,
                    "PropertyChangeNotAllowed",
                    f"Changing property '{path}' of {kind.type} '{previous.name}' is not allowed: it is set at "
                    "creation only. Replace the resource to change it.",
                )

    def _check_deletable(self, stored: StoredResource) -> None:
        beneath = self.store.within(stored.id)
        doomed = {stored.key, *(resource.key for resource in beneath)}
        for resource in (stored, *beneath):
            of = kind_of_type(resource.type)
            if of is None:
                continue
            if resource is stored and any(child.type in of.refuses_nested for child in beneath):
                raise AzureError(
                    409,
                    "CannotDeleteResource",
                    f"Can not delete resource before nested resources are deleted: '{stored.id}' still has "
                    f"{', '.join(child.name for child in beneath if child.type in of.refuses_nested)}.",
                )
            users = [
                user
                for user in self.store.referrers(resource.id)
                if user.type in of.in_use_by and user.key not in doomed
            ]
            if users:
                raise AzureError(
                    409,
                    "ResourceInUse",
                    f"The {of.type} '{resource.name}' cannot be deleted because it is in use by "
                    f"{', '.join(user.id for user in users)}.",
                )
            if of.before_delete is not None and (resource is stored or stored.type != _GROUPS):
                of.before_delete(self.store, resource)

    def _remove(self, stored: StoredResource) -> None:
        """Delete a resource with all beneath it; role assignments on any of it go for good."""
        kind = kind_of_type(stored.type)
        beneath = self.store.within(stored.id)
        nested = []
        for resource in beneath:
            if self.store.find(resource.id) is None:
                continue
            below = kind_of_type(resource.type)
            own_child = resource.type.startswith(stored.type + "/")
            if own_child and kind is not None and kind.retention_days is not None:
                nested.append(
                    {"id": resource.id, "type": resource.type, "body": resource.body, "private": resource.private}
                )
                self.store.remove(resource.id)
            elif below is not None and below.retention_days is not None:
                self._remove(resource)
            else:
                self.store.remove(resource.id)
        for assignment in self.store.of_type(ROLE_ASSIGNMENTS):
            scope = key(assignment.body["scope"])
            if scope == stored.key or scope.startswith(stored.key + "/"):
                self.store.remove(assignment.id)
        if kind is None or kind.retention_days is None:
            self.store.remove(stored.id)
            return
        if nested:
            stored.private["nested"] = nested
        purge = self.store.clock() + timedelta(days=kind.retention_days(stored))
        self.store.soft_delete(stored, purge)

    # Outputs

    def _outputs(self, token: str, kind: ResourceKind, stored: StoredResource) -> dict[str, Any]:
        shapes = self._shapes(token)
        outputs = project(shapes.outputs, stored.body)
        outputs["id"] = stored.id
        outputs["name"] = stored.name
        if "type" in shapes.outputs:
            outputs["type"] = kind.type
        outputs["azureApiVersion"] = _api_version(token)
        return outputs

    def _preview(self, question: Question, inputs: Mapping[str, Any], old: Mapping[str, Any]) -> dict[str, Any]:
        """Outputs before they exist. Beyond azure-native, the name is told: the check has settled it."""
        shapes = self._shapes(question.type)
        kind = kind_of_token(question.type)
        outputs = preview(shapes.outputs, inputs)
        for name in ("name", "location"):
            if name in old:
                outputs[name] = old[name]
        if kind is not None:
            if "name" in shapes.outputs and isinstance(inputs.get(kind.name.property), str):
                outputs["name"] = inputs[kind.name.property]
            if "type" in shapes.outputs:
                outputs["type"] = kind.type
        if isinstance(outputs.get("location"), str):
            outputs["location"] = location_name(outputs["location"])
        return outputs

    # By hand

    def by_hand(self, action: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """What a person does in Azure whom it lets: nothing here judges the person.

        `private-links` tells which connections to an environment wait, `approve-private-link` approves one; `secret`
        reads a secret's current value.
        """
        if action == "private-links":
            waiting = links_that_wait(self.store, str(arguments["environment"]))
            return {"waiting": [_told(connection) for connection in waiting]}
        if action == "approve-private-link":
            connection = self.store.find(str(arguments["id"]))
            if connection is None or connection.type != LINK_CONNECTIONS:
                raise resource_not_found(str(arguments["id"]))
            with self.store.transaction():
                approve(self.store, connection, str(arguments["description"]))
            return _told(connection)
        if action == "secret":
            return {"value": current_value(self.store, str(arguments["vault"]), str(arguments["name"]))}
        return super().by_hand(action, arguments)

    # Functions

    def invoke(self, token: str, arguments: dict[str, Any], configuration: Any) -> dict[str, Any]:
        found = configuration if isinstance(configuration, AzureConfiguration) else _DEFAULT_CONFIGURATION
        if token == "azure-native:authorization:getClientConfig":  # noqa: S105 - a function's name
            return {
                "clientId": found.client_id,
                "objectId": found.object_id,
                "subscriptionId": found.subscription_id,
                "tenantId": found.tenant_id,
            }
        if token == "azure-native:authorization:getClientToken":  # noqa: S105
            raise CloudError("the embedded Azure issues no token of Azure: authorization:getClientToken is refused")
        parts = split_token(token)
        if parts is not None and parts[1].startswith("get"):
            kind = kind_of_token(f"azure-native:{parts[0]}:{parts[1][3:]}")
            if kind is not None:
                return self._get(kind, arguments, found)
        raise CloudError(f"the embedded Azure does not build the function {token}")

    def _get(self, kind: ResourceKind, arguments: dict[str, Any], configuration: AzureConfiguration) -> dict[str, Any]:
        """A resource's own getter (`keyvault:getVault`): its outputs, and so never a secret's value."""
        missing = [name for name in kind.parameters if not isinstance(arguments.get(name), str)]
        if missing:
            raise CloudError(f"missing required arguments of a {kind.type}: {', '.join(missing)}")
        identity = kind.identity(configuration, arguments)
        stored = self.store.find(identity)
        if stored is None:
            raise resource_not_found(identity)
        return self._outputs(f"azure-native:{kind.token}", kind, stored)


def _sdk_token(token: str) -> str:
    """The SDK's own spelling of a token: no API version, and none of the older module names."""
    kind = kind_of_token(token)
    if kind is not None:
        return f"azure-native:{kind.token}"
    parts = split_token(token)
    return token if parts is None else f"azure-native:{parts[0]}:{parts[1]}"


def _api_version(token: str) -> str:
    parts = split_token(token)
    return parts[2] if parts is not None and parts[2] else api_version(_sdk_token(token))


def _folded(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _fill(body: dict[str, Any], defaults: Mapping[str, Any]) -> None:
    for name, value in defaults.items():
        if isinstance(value, Mapping):
            inner = body.setdefault(name, {})
            if isinstance(inner, dict):
                _fill(inner, value)
        elif body.get(name) is None:
            body[name] = copy.deepcopy(value)


def _link_failures(place: str, value: Any, wanted: str) -> Iterator[CheckFailure]:
    if not isinstance(value, str):
        return
    if not is_resource_id(value):
        yield CheckFailure(
            place,
            f"Property id '{value}' at path '{place}' is invalid. Expect fully qualified resource Id that start with "
            "'/subscriptions/{subscriptionId}' or '/providers/{resourceProviderNamespace}/'.",
        )
    elif wanted and arm_type(value).lower() != wanted.lower():
        yield CheckFailure(place, f"'{value}' is the id of a {arm_type(value)}: a {wanted} is expected here")


def _as_inputs(shapes: TypeShapes, outputs: Mapping[str, Any]) -> dict[str, Any]:
    """The part of outputs that can be put in: computed properties are left out, user-assigned identities a list."""
    inputs = project(shapes.inputs, outputs)
    assigned = (inputs.get("identity") or {}).get("userAssignedIdentities")
    shape = shapes.inputs.get("identity")
    takes_map = isinstance(shape, ObjectShape) and isinstance(
        shape.properties().get("userAssignedIdentities"), MapShape
    )
    if isinstance(assigned, Mapping) and not takes_map:
        inputs["identity"] = inputs["identity"] | {"userAssignedIdentities": list(assigned)}
    inputs.pop("id", None)
    return inputs


def _without_empty(value: Any) -> Any:
    """Inputs of an import: empty lists and maps say nothing."""
    if isinstance(value, Mapping):
        inner = {name: _without_empty(entry) for name, entry in value.items()}
        return {name: entry for name, entry in inner.items() if entry not in ({}, [], None)}
    if isinstance(value, list):
        return [_without_empty(entry) for entry in value]
    return value


def _told(connection: StoredResource) -> dict[str, Any]:
    state = connection.body["privateLinkServiceConnectionState"]
    return {"id": connection.id, "status": state["status"], "description": state["description"]}
