"""What a policy is, and how a check reads resources: nothing passes because it was unknown, and nothing raises.

A check is a plain function over the whole graph. It reads through `Properties`, which raises `NotJudgedError` at
a value that is not known or not of its type: whoever runs the check makes of that a violation that says what it was.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Any, Final

from policies.graph.resources import Resource, ResourceGraph, Secret, Unknown

Parameters = Mapping[str, Any]


class Severity(StrEnum):
    """How bad a violation is, in Pulumi's own words."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Breach:
    """What a check found wrong; `urn` is empty for the deployment as a whole, and `unknown` says: not judged."""

    urn: str
    message: str
    unknown: bool = False


Check = Callable[[ResourceGraph, Parameters], Iterable[Breach]]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One setting of a policy: its default, its meaning, and its JSON schema."""

    default: Any
    description: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Policy:
    """One rule. `safeguards` are the paragraphs that it serves, the most important one first."""

    id: str
    title: str
    severity: Severity
    safeguards: tuple[str, ...]
    remediation: str
    link: str
    check: Check
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    #: Whether the check needs options of resources that only a run of the program knows, and no state.
    of_runs_alone: bool = False

    @property
    def addressable(self) -> bool:
        """Whether HIPAA lets a documented alternative stand for it: what it serves is addressable, none required."""
        hipaa = [cited for cited in self.safeguards if cited.startswith("45 CFR")]
        return bool(hipaa) and all(cited in ADDRESSABLE for cited in hipaa)


@dataclass(frozen=True, slots=True)
class Violation:
    """One breach of one policy. `unknown`: it could not be judged, which is no pass."""

    policy: str
    urn: str
    message: str
    unknown: bool


#: Implementation specifications of the Security Rule that are addressable (45 CFR 164.306(d)(3)).
ADDRESSABLE: Final = frozenset(
    {
        "45 CFR 164.312(a)(2)(iii)",
        "45 CFR 164.312(a)(2)(iv)",
        "45 CFR 164.312(c)(2)",
        "45 CFR 164.312(e)(2)(i)",
        "45 CFR 164.312(e)(2)(ii)",
        "45 CFR 164.310(d)(2)(iv)",
        "45 CFR 164.308(a)(3)(ii)(A)",
        "45 CFR 164.308(a)(5)(ii)(C)",
        "45 CFR 164.308(a)(5)(ii)(D)",
    }
)

TEXTS: Final[Mapping[str, Any]] = {"type": "array", "items": {"type": "string"}}


def whole_number(low: int, high: int) -> Mapping[str, Any]:
    """The schema of a whole number between two bounds."""
    return {"type": "integer", "minimum": low, "maximum": high}


class NotJudgedError(Exception):
    """That a check met a value which it cannot judge: `place` says which one, never what it is."""

    def __init__(self, urn: str, place: str, why: str = "is not known before the run") -> None:
        super().__init__(f"{place} {why}")
        self.urn = urn
        self.place = place


class Properties:
    """A resource's inputs, or a part of them, read by dotted paths. `None` stands for what is not set."""

    def __init__(self, resource: Resource, values: Any, path: str = "") -> None:
        self._values = values
        self.resource = resource
        self.urn = resource.urn
        self.path = path
        if not isinstance(values, Mapping):
            raise NotJudgedError(self.urn, path or "the resource", _unlike(values, "a mapping"))

    def _place(self, path: str) -> str:
        return f"{self.path}.{path}" if self.path else path

    def get(self, path: str) -> Any:
        """The value at a path. Raises `NotJudgedError` where it, or what it lies in, is unknown or cannot hold it."""
        value: Any = self._values
        place: list[str] = []
        for key in path.split("."):
            if value is None:
                return None
            if not isinstance(value, Mapping):
                raise NotJudgedError(self.urn, self._place(".".join(place)), _unlike(value, "a mapping"))
            value = value.get(key)
            place.append(key)
            if isinstance(value, Unknown):
                raise NotJudgedError(self.urn, self._place(".".join(place)))
        return value

    def has(self, path: str) -> bool:
        """Whether something is set; an unknown is, where it is made from another resource's output (a reference)."""
        try:
            return self.get(path) not in (None, "", [], {})
        except NotJudgedError as not_judged:
            if not_judged.place == self._place(path) and self.resource.sources.get(self._top(path)):
                return True
            raise

    def filled(self, path: str) -> bool:
        """Whether a list or a mapping holds anything: one that is not known may be empty."""
        return self.get(path) not in (None, "", [], {})

    def _top(self, path: str) -> str:
        """The input that a path begins with."""
        return re.split(r"[.\[]", self._place(path), maxsplit=1)[0]

    def text(self, path: str) -> str | None:
        """Text; a secret's value where the graph holds it."""
        value = self.get(path)
        if isinstance(value, Secret):
            if not isinstance(value.opened, str):
                raise NotJudgedError(self.urn, self._place(path), "is a secret that is not opened here")
            return value.opened
        if value is not None and not isinstance(value, str):
            raise NotJudgedError(self.urn, self._place(path), _unlike(value, "text"))
        return value

    def number(self, path: str) -> float | None:
        value = self.get(path)
        if isinstance(value, str):
            try:
                return float(value)
            except ValueError:
                raise NotJudgedError(self.urn, self._place(path), "is no number") from None
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise NotJudgedError(self.urn, self._place(path), _unlike(value, "a number"))
        return value

    def flag(self, path: str) -> bool | None:
        """True or false, also as the words that Snowflake's provider takes."""
        value = self.get(path)
        if isinstance(value, str) and value.lower() in ("true", "false"):
            return value.lower() == "true"
        if value is not None and not isinstance(value, bool):
            raise NotJudgedError(self.urn, self._place(path), _unlike(value, "true or false"))
        return value

    def part(self, path: str) -> Properties:
        """What lies at a path; empty where nothing is set."""
        value = self.get(path)
        return Properties(self.resource, {} if value is None else value, self._place(path))

    def parts(self, path: str) -> list[Properties]:
        """Each element of a list of mappings."""
        return [
            Properties(self.resource, value, f"{self._place(path)}[{index}]") for index, value in self._elements(path)
        ]

    def texts(self, path: str) -> list[str]:
        """Each element of a list of texts."""
        found = []
        for index, value in self._elements(path):
            if not isinstance(value, str):
                raise NotJudgedError(self.urn, f"{self._place(path)}[{index}]", _unlike(value, "text"))
            found.append(value)
        return found

    def _elements(self, path: str) -> list[tuple[int, Any]]:
        value = self.get(path)
        if value is None:
            return []
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise NotJudgedError(self.urn, self._place(path), _unlike(value, "a list"))
        for index, element in enumerate(value):
            if isinstance(element, Unknown):
                raise NotJudgedError(self.urn, f"{self._place(path)}[{index}]")
        return list(enumerate(value))

    def known(self, path: str, source: str) -> Any:
        """The value; None where it is unknown because the input `source` follows from other resources' outputs.

        For checks that look for a literal: what is made from an output is none.
        """
        try:
            return self.get(path)
        except NotJudgedError:
            if self.resource.sources.get(source):
                return None
            raise

    def items(self) -> Iterator[tuple[str, Any]]:
        """Every key with its value as it is; a value may be UNKNOWN."""
        return ((str(key), value) for key, value in self._values.items())


def _unlike(value: object, expected: str) -> str:
    # The type alone: a value never gets into a message.
    if isinstance(value, Unknown):
        return "is not known before the run"
    return f"is {type(value).__name__}, not {expected}"


def properties(resource: Resource) -> Properties:
    """A resource's inputs, to be read by a check."""
    return Properties(resource, resource.inputs)


def each(*types: str) -> Callable[[Callable[[Properties, Parameters], Iterable[str]]], Check]:
    """Make a check of a function that tells what is wrong with one resource of these short types."""

    def decorate(find: Callable[[Properties, Parameters], Iterable[str]]) -> Check:
        return each_in_graph(*types)(lambda inputs, parameters, _: find(inputs, parameters))

    return decorate


def each_in_graph(
    *types: str,
) -> Callable[[Callable[[Properties, Parameters, ResourceGraph], Iterable[str]]], Check]:
    """As `each`, for a function that looks at the other resources too."""

    def decorate(find: Callable[[Properties, Parameters, ResourceGraph], Iterable[str]]) -> Check:
        def messages(resource: Resource, graph: ResourceGraph, parameters: Parameters) -> Iterator[Breach]:
            for message in find(properties(resource), parameters, graph):
                yield Breach(resource.urn, message)

        def check(graph: ResourceGraph, parameters: Parameters) -> Iterator[Breach]:
            for resource in graph.of_types(*types):
                yield from guarded(resource.urn, partial(messages, resource, graph, parameters))

        return check

    return decorate


def guarded(urn: str, find: Callable[[], Iterable[Breach]]) -> Iterator[Breach]:
    """What a check finds, and what it could not judge as a breach of its own: it never raises, and never passes."""
    try:
        yield from find()
    except NotJudgedError as not_judged:
        yield Breach(not_judged.urn or urn, f"not judged: {not_judged}", unknown=True)
    except Exception as error:
        # A check that fails is a check that has not passed. The error's text may hold a value: its type alone is told.
        yield Breach(urn, f"not judged: the check failed ({type(error).__name__})", unknown=True)


def upper(text: str | None) -> str | None:
    """A Snowflake identifier in stored case, if it is written without quotation marks."""
    return text.upper() if text and not text.startswith('"') else text


ID: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
