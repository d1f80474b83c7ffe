"""The pack as Pulumi's engine runs it: the catalogue's policies, judged once over the whole graph.

The SDK calls each stack policy by itself, and reads every resource anew for each of them: with this catalogue and a
thousand resources that takes minutes. And it gives stack policies the resources' outputs, which lack what a provider
does not answer. So its server is taken over in one place, `Analyzer`: what the engine sends of each resource (its
inputs and options) is kept, and when it asks about the stack all policies judge it at once. Everything else (the
policies' description, their configuration, their enforcement levels) is the SDK's own.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

import pulumi_policy
import pulumi_policy.policy
from google.protobuf import json_format
from pulumi.runtime.proto import analyzer_pb2

from policies.catalogue import EXCEPTIONS_POLICY, POLICIES
from policies.graph.resources import Resource, ResourceGraph, plain
from policies.judge import Judgement, PolicyException, Verdict, judge
from policies.policy import Policy, Violation

NAME: Final = "hipaa"
SETTING: Final = "policyExceptions"
"""The stack's setting, in any namespace, that holds its exceptions."""
EXCEPTED: Final = "Excepted"
EXPIRED: Final = "its exception ran out"
"""How the message begins, or ends, by which a reader of the engine's events knows them."""


def resource_of(request: Any, inputs: Any, options: Any) -> Resource:
    """A resource of the engine's question about the stack, with the inputs and options that it told before."""
    provider = f"{request.provider.urn}::id" if request.HasField("provider") else ""
    defined = options.deleteBeforeReplaceDefined
    return Resource(
        urn=request.urn,
        type=request.type,
        inputs=plain(json_format.MessageToDict(inputs)),
        outputs=plain(json_format.MessageToDict(request.properties)),
        provider=provider,
        parent=request.parent,
        sources={name: tuple(found.urns) for name, found in request.propertyDependencies.items()},
        delete_before_replace=options.deleteBeforeReplace if defined else None,
        ignored=tuple(options.ignoreChanges),
    )


def exceptions_of(config: Mapping[str, str]) -> list[PolicyException]:
    """The exceptions in a stack's configuration, as the engine hands it over. Raises ValueError for what is none."""
    found: list[PolicyException] = []
    for key, text in config.items():
        if key.rpartition(":")[2] == SETTING:
            try:
                entries = json.loads(text)
            except ValueError:
                raise ValueError(f"{key} is no list") from None
            found += read_exceptions(entries, key)
    return found


def read_exceptions(entries: Any, key: str) -> list[PolicyException]:
    """Read a list of exceptions. Raises ValueError naming the place and what is wrong there."""
    if not isinstance(entries, Sequence) or isinstance(entries, str):
        raise ValueError(f"{key} is no list")
    found = []
    for index, entry in enumerate(entries):
        if not isinstance(entry, Mapping):
            raise ValueError(f"{key}[{index}] is no exception")
        try:
            found.append(PolicyException.of(entry))
        except ValueError as error:
            raise ValueError(f"{key}[{index}]: {error}") from None
    return found


class Analyzer(pulumi_policy.policy._PolicyAnalyzerServicer):
    """The SDK's server, but for what it does with resources."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._policies = {policy.name: policy for policy in args[2]}
        self._told: dict[str, tuple[Any, Any]] = {}
        self._config: dict[str, str] | None = None

    def ConfigureStack(self, request: Any, context: Any) -> Any:  # noqa: N802 - gRPC's name
        # The engine says which stack it runs; `pulumi policy analyze`, which reads a state, does not call this.
        self._config = dict(request.config)
        return super().ConfigureStack(request, context)

    def Analyze(self, request: Any, _: Any) -> Any:  # noqa: N802 - gRPC's name
        self._told[request.urn] = (request.properties, request.options)
        return analyzer_pb2.AnalyzeResponse()

    def Remediate(self, _: Any, __: Any) -> Any:  # noqa: N802 - gRPC's name
        return analyzer_pb2.RemediateResponse()

    def AnalyzeStack(self, request: Any, _: Any) -> Any:  # noqa: N802 - gRPC's name
        graph = ResourceGraph(
            resource_of(each, *self._told.get(each.urn, (each.properties, each.options))) for each in request.resources
        )
        response = analyzer_pb2.AnalyzeResponse()
        try:
            judgement = self._judged(graph, self._exceptions())
        except ValueError as error:
            # Exceptions that cannot be read except nothing, and are themselves a violation.
            judgement = self._judged(graph, [])
            self._report(response, EXCEPTIONS_POLICY, "", str(error))
        for verdict in judgement.verdicts:
            if self._level(verdict.policy.id) is not pulumi_policy.EnforcementLevel.DISABLED:
                self._tell(response, verdict)
        return response

    def _judged(self, graph: ResourceGraph, exceptions: Sequence[PolicyException]) -> Judgement:
        parameters = {policy.id: self._get_policy_config(policy.id) or {} for policy in POLICIES}
        enabled = [
            policy for policy in POLICIES if self._level(policy.id) is not pulumi_policy.EnforcementLevel.DISABLED
        ]
        return judge(graph, parameters, exceptions, today(), policies=enabled, of_state=self._config is None)

    def _exceptions(self) -> list[PolicyException]:
        own = (self._get_policy_config(EXCEPTIONS_POLICY) or {}).get("exceptions") or []
        return [
            *exceptions_of(self._config or {}),
            *read_exceptions(own, f"the pack's configuration: {EXCEPTIONS_POLICY}.exceptions"),
        ]

    def _level(self, policy: str) -> Any:
        return self._get_enforcement_level(self._policies[policy])

    def _tell(self, response: Any, verdict: Verdict) -> None:
        if verdict.reason:
            response.not_applicable.append(
                analyzer_pb2.PolicyNotApplicable(policy_name=verdict.policy.id, reason=verdict.reason)
            )
        run_out = dict(verdict.expired)
        for violation in verdict.violations:
            late = run_out.get(violation)
            text = message(verdict.policy, violation)
            self._report(
                response,
                verdict.policy.id,
                violation.urn,
                f"{text} ({EXPIRED} on {late.expires}, {late})" if late else text,
            )
        for violation, exception in verdict.excepted:
            self._report(
                response,
                verdict.policy.id,
                violation.urn,
                f"{EXCEPTED}: {violation.message} ({exception})",
                excepted=True,
            )

    def _report(self, response: Any, policy: str, urn: str, text: str, *, excepted: bool = False) -> None:
        level = self._level(policy)
        if excepted:
            level = pulumi_policy.EnforcementLevel.ADVISORY
        elif level is pulumi_policy.EnforcementLevel.REMEDIATE:
            level = pulumi_policy.EnforcementLevel.MANDATORY
        declared = self._policies[policy]
        self._create_report_violation(response, policy, declared.description, level, declared.severity)(
            text, urn or None
        )


def message(policy: Policy, violation: Violation) -> str:
    """What is told of a violation: what was found, what mends it, and which paragraph asks for it."""
    cited = ", ".join(policy.safeguards)
    what = f"{violation.message}. {policy.remediation}"
    if policy.addressable and not violation.unknown:
        return f"{what} Otherwise a documented alternative is needed: an exception. [{cited}]"
    return f"{what} [{cited}]"


def today() -> date:
    return datetime.now(UTC).date()


def as_pulumi(policy: Policy) -> pulumi_policy.StackValidationPolicy:
    """A policy with everything that Pulumi shows of it."""
    framework, _, reference = policy.safeguards[0].rpartition(" ")
    schema = {name: {**parameter.schema, "default": parameter.default} for name, parameter in policy.parameters.items()}
    return pulumi_policy.StackValidationPolicy(
        name=policy.id,
        description=policy.title,
        validate=_never_called,
        display_name=policy.title,
        severity=pulumi_policy.Severity(policy.severity.value),
        framework=pulumi_policy.PolicyComplianceFramework(
            name=framework, reference=reference, specification="; ".join(policy.safeguards)
        ),
        config_schema=pulumi_policy.PolicyConfigSchema(schema) if schema else None,
        remediation_steps=policy.remediation,
        url=policy.link,
    )


def _never_called(_: Any, __: Any) -> None:
    raise RuntimeError("policies.pack.Analyzer judges all policies at once")


def serve() -> None:
    """Serve the engine until it ends this process."""
    # It lives as long as one run, and all that it holds until the run's end: looking for what to free is for nothing.
    gc.disable()
    pulumi_policy.policy._PolicyAnalyzerServicer = Analyzer  # type: ignore[misc]
    pulumi_policy.PolicyPack(
        name=NAME,
        enforcement_level=pulumi_policy.EnforcementLevel.MANDATORY,
        policies=[as_pulumi(policy) for policy in POLICIES],
        description="HIPAA's Security Rule for what is declared on Azure and Snowflake",
    )
