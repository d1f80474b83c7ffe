"""What the engine says of objects that exist: a plan that imports each, of a program of its own, in a state that is
thrown away. Nothing is written, neither there nor in the stack's own state.

The account is read as ACCOUNTADMIN, since the role that is to own an object may not see it yet.
"""

from __future__ import annotations

import inspect
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cli import configuration, deployment, engine
from cli.adopt.find import ASKED_AS, Found
from cli.console import say
from cli.failure import FailureError
from cli.place import ROOT, Place
from cli.progress import Progress, name_of, type_of
from cli.render.graph import Record
from cli.render.script import known_inputs
from infra.words import called
from policies.graph.resources import plain

if TYPE_CHECKING:
    from cli.cloud import Endpoints
    from infra.settings import Settings

_STACK: Final = "adopt"
_ABSENT: Final = re.compile(r"NotFound|could not be found|[Ss]tatus(?:Code)?=404|does not exist")


@dataclass(frozen=True, slots=True)
class Compared:
    """One existing object: its inputs as they are and as they are declared, what differs, and what would replace it."""

    found: Mapping[str, Any]
    declared: Mapping[str, Any]
    #: What the provider tells beside its inputs, such as a value that comes from the account.
    outputs: Mapping[str, Any] = field(default_factory=dict)
    differs: Sequence[str] = ()
    replaced_for: Sequence[str] = ()

    def before(self, key: str) -> Any:
        """A property as it is, be it by its own setting or by one above it."""
        value = self.found.get(key)
        return self.outputs.get(key) if value is None else value


@dataclass
class Plan:
    """What came of it, by resource as a plan calls it. `azure` are the ids of what exists there; `unasked` what could
    not be asked for, with the reason."""

    compared: dict[str, Compared] = field(default_factory=dict)
    azure: dict[str, str] = field(default_factory=dict)
    unasked: dict[str, str] = field(default_factory=dict)


def compare(
    settings: Mapping[str, Any],
    checked: Settings,
    endpoints: Endpoints | None,
    found: Sequence[Found],
    azure: Sequence[Record],
) -> Plan:
    """Ask for each of Azure's declared resources whether it exists, and compare what exists in either cloud.

    Raises `FailureError` with what the engine says where it cannot.
    """
    from pulumi.automation.errors import CommandError

    from cli.automation import EngineCommand, open_stack

    plan = Plan()
    progress = Progress("preview", steps=[])
    with tempfile.TemporaryDirectory(prefix="nexus-") as folder:
        place = Place(_STACK, Path(folder) / _STACK)
        place.prepare()
        executable = engine.acquire(say)
        salt = deployment.initialise_stack(place, lambda: executable)
        # Without the stack's own secrets provider: this state holds nothing.
        configuration.write({"config": settings.get("config"), "encryptionsalt": salt}, place.configuration)
        environment = (
            deployment.embedded_environment(place, endpoints.debug_providers)
            if endpoints is not None
            else _real_environment(place)
        )
        deployment.load_program()
        program = _Program(checked, found, azure, plan)
        stack = open_stack(_STACK, program, ROOT, EngineCommand(executable, environment, lambda _: None))
        try:
            stack.preview(on_event=progress.on_event, color="never", config_file=str(place.configuration))
        except CommandError as error:
            problems = [str(problem) for problem in progress.problems] or [str(error).strip().splitlines()[-1]]
            raise FailureError(
                "what exists cannot be compared with what is declared:\n" + "\n".join(f"  {each}" for each in problems)
            ) from None
    _read(progress, program.declared, plan)
    return plan


def _real_environment(place: Place) -> dict[str, str]:
    """The user's own log-ins and plug-ins, with a state of this run's own."""
    own = deployment.embedded_variables(place, None)
    for name in ("PULUMI_HOME", "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"):
        del own[name]
    passphrase = {key: value for key, value in os.environ.items() if key != "PULUMI_CONFIG_PASSPHRASE"}
    return passphrase | own


def _read(progress: Progress, declared: Mapping[str, Mapping[str, Any]], plan: Plan) -> None:
    """The engine plans an import, and then what it would change of what it found: an update, a replacement, nothing."""
    for step in progress.steps or ():
        op, resource = str(getattr(step.op, "value", step.op)), called(type_of(step.urn), name_of(step.urn))
        if resource not in declared or op not in ("import", "update", "replace"):
            continue
        new = plain(declared[resource])
        if op == "import":
            # What it found, it tells with what differs alone: this stands where nothing does.
            plan.compared.setdefault(resource, Compared(new, new))
            continue
        old = plain(step.old.inputs) if step.old else {}
        differs = [key for key in step.diffs or () if not key.startswith("__")]
        outputs = plain(step.old.outputs or {}) if step.old else {}
        replaced_for = list(step.keys or ()) if op == "replace" else ()
        plan.compared[resource] = Compared(old, new, outputs, differs, replaced_for)


class _Program:
    """The program: a provider of each cloud, and a resource of no component for each object that exists."""

    def __init__(self, settings: Settings, found: Sequence[Found], azure: Sequence[Record], plan: Plan) -> None:
        self._settings, self._found, self._azure, self._plan = settings, found, azure, plan
        #: The declared inputs, of those that a run is not needed for to know them.
        self.declared: dict[str, Mapping[str, Any]] = {}

    async def __call__(self) -> None:
        import pulumi
        import pulumi.runtime

        from components.snowflake.providers import SnowflakeAccountArgs, snowflake_provider

        snowflake, azure = self._settings.snowflake, self._settings.azure
        if self._found:
            account = SnowflakeAccountArgs(snowflake.organization, snowflake.account, snowflake.user)
            reader = snowflake_provider("snowflake-reader", account, ASKED_AS)
            for each in self._found:
                self._import(each.type, each.name, each.inputs, each.id, reader)
        if not self._azure:
            return
        import pulumi_azure_native

        provider = pulumi_azure_native.Provider(
            "azure-reader", subscription_id=azure.subscription_id, tenant_id=azure.tenant_id, location=azure.location
        )
        for record in self._azure:
            resource = called(record.type, name_of(record.urn))
            token, arguments = _getter(record)
            if token is None:
                continue
            try:
                answer: Any = await pulumi.runtime.invoke_async(
                    token, arguments, pulumi.InvokeOptions(provider=provider)
                )
            except Exception as error:
                if not _ABSENT.search(str(error)):
                    self._plan.unasked[resource] = " ".join(str(error).split())
                continue
            self._plan.azure[resource] = str(answer["id"])
            self._import(record.type, name_of(record.urn), plain(record.inputs), str(answer["id"]), provider)

    def _import(self, type_: str, name: str, inputs: Mapping[str, Any], id_: str, provider: Any) -> None:
        import pulumi

        told, left_out = known_inputs(inputs)
        self.declared[called(type_, name)] = told
        # What only a run knows is not compared.
        options = pulumi.ResourceOptions(provider=provider, import_=id_, ignore_changes=left_out or None)
        pulumi.CustomResource(type_, name, dict(told), options)


def _getter(record: Record) -> tuple[str | None, dict[str, Any]]:
    """The SDK's function that reads such a resource, and its arguments; none where it is attached to what only a run
    knows, or has no name of its own."""
    import importlib

    _, module, type_ = record.type.split(":")
    package = importlib.import_module(f"pulumi_azure_native.{module}")
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", type_).lower()
    function = getattr(package, f"get_{snake}", None)
    if function is None:
        return None, {}
    told, _ = known_inputs(plain(record.inputs))
    arguments = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if name == "opts":
            continue
        wire = re.sub(r"_(\w)", lambda match: match[1].upper(), name).rstrip("_")
        if wire in told:
            arguments[wire] = told[wire]
        elif wire in record.inputs or parameter.default is inspect.Parameter.empty or wire.endswith("Name"):
            return None, {}
    return f"azure-native:{module}:get{type_}", arguments
