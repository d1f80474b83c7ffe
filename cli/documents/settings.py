"""The tables of settings: each key with its rule, default and meaning, from the models that check them.

A field's meaning stands where the field does: in the `#:` comment above it. That of a section, a mapping or a list of
sections may stand in the section's docstring. A key without a meaning is an error.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import sys
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Final, Union, get_args, get_origin

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from cli.documents.parts import DocumentError, table
from cli.place import ROOT
from infra.rules import Rule, Wanted

STACKS: Final = ("local", "staging", "prod")
_TYPES: Final[Mapping[Any, str]] = {str: "text", int: "whole number", float: "number", bool: "true or false"}
OURS = ("infra.",)
"""Where a model's own comments are looked for: pydantic's say nothing of a setting."""
_KEYS: Final = {"organisation's id": "HCSnnnn", "resource": "resource"}
"""What a mapping's key is called, by what its rule speaks of."""
_BREACH: Final = re.compile(r"^(?:is no |is not |is out of bounds: |is too little: )")
"""How a refusal begins; what follows says what is wanted."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key: its path with `<…>` for what is chosen freely and `[]` for each of a list."""

    path: str
    rule: str
    default: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one section, without those of the sections in it; `path` is empty for the outermost."""

    path: str
    meaning: str
    optional: bool
    keys: tuple[Key, ...]


def stack_settings() -> str:
    """The keys of a stack's file, section by section, with where each is said."""
    from infra.settings import NAMESPACE, StackSettings

    values = {
        stack: {
            key.removeprefix(f"{NAMESPACE}:"): value
            for key, value in yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8"))[
                "config"
            ].items()
        }
        for stack in STACKS
    }
    return _sections(StackSettings, "The stack", "said in", lambda path: _said(path, values))


def organisation_settings() -> str:
    """The keys of the organisations' file: the defaults, and what an organisation may have of its own."""
    from infra.settings import TenantsSettings

    return _sections(TenantsSettings, "The organisations", "", None)


def _sections(model: type[BaseModel], first: str, more: str, tell: Callable[[str], str] | None) -> str:
    parts = []
    for section in sections(model):
        if not section.path and not section.keys:
            continue
        parts += [f"### `{section.path}`" if section.path else f"### {first}", ""]
        parts += [section.meaning, ""] if section.meaning else []
        parts += ["It may be left out.", ""] if section.optional else []
        if section.keys:
            titles = ("key", "value", "default", "meaning", *([more] if tell else []))
            rows = [
                (
                    f"`{key.path.removeprefix(f'{section.path}.')}`",
                    key.rule,
                    key.default,
                    key.meaning,
                    *([tell(key.path)] if tell else []),
                )
                for key in section.keys
            ]
            parts += [table(titles, rows), ""]
    return "\n".join(parts).rstrip()


def sections(model: type[BaseModel]) -> list[Keys]:
    """A model's keys, section by section. Raises `DocumentError` naming each that has no meaning."""
    missing: list[str] = []
    found = _below(model, "", "", missing, optional=False)
    if missing:
        raise DocumentError(f"these settings say nothing of themselves (#: above the field): {', '.join(missing)}")
    return found


def _below(model: type[BaseModel], path: str, meaning: str, missing: list[str], *, optional: bool) -> list[Keys]:
    own: list[Key] = []
    inner_sections: list[Keys] = []
    for name, field in model.model_fields.items():
        inner, suffix, wanted = _inner(field)
        key = f"{path}.{name}{suffix}" if path else f"{name}{suffix}"
        said = _comment(model, name)
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            about = " ".join(filter(None, (said, _text(inner.__dict__.get("__doc__")))))
            if not about:
                missing.append(f"{model.__name__}.{name}")
            omitted = not field.is_required() and (field.default is None or bool(suffix))
            inner_sections += _below(inner, key, about, missing, optional=omitted)
            continue
        if not said:
            missing.append(f"{model.__name__}.{name}")
        own.append(Key(key, wanted or _type(inner), _default(field), said))
    return [Keys(path, meaning, optional, tuple(own)), *inner_sections]


def _inner(field: FieldInfo) -> tuple[Any, str, str]:
    """The type of a field's single value, what its path ends with (`[]`, `.<key>`), and what the value is to be."""
    found, wanted = field.annotation, _wanted(field.metadata)
    suffix = ""
    while True:
        origin = get_origin(found)
        if origin is Annotated:
            found, *metadata = get_args(found)
            wanted += _wanted(metadata)
        elif origin in (Union, types.UnionType):
            found = next(member for member in get_args(found) if member is not type(None))
        elif origin in (list, tuple):
            found, suffix = get_args(found)[0], f"{suffix}[]"
        elif origin is dict:
            key, found = get_args(found)
            wants = " ".join(_wanted(get_args(key)[1:]))
            suffix = f"{suffix}.<{next((name for word, name in _KEYS.items() if word in wants), 'name')}>"
        else:
            return found, suffix, "; ".join(dict.fromkeys(wanted))


def _wanted(metadata: Iterable[Any]) -> list[str]:
    """What the rules of a value want, in words."""
    found: list[str] = []
    for each in metadata:
        if isinstance(each, Wanted):
            found.append(each.words)
        elif isinstance(getattr(each, "func", None), Rule):
            found.append(_positive(each.func))
    return found


def _type(type_: Any) -> str:
    if type_ not in _TYPES:
        raise DocumentError(f"what a value of type {type_!r} is to be is not known: give it a rule, or Wanted")
    return _TYPES[type_]


def _positive(rule: Rule) -> str:
    """What a rule wants, from what it says of a breach."""
    if rule.rule == "must not be empty.":
        return "text that says something"
    said, found = _BREACH.subn("", rule.rule)
    if not found:
        raise DocumentError(f"{rule.rule!r} does not tell what is wanted: begin it with is no or is not")
    mend = rule.mend if isinstance(rule.mend, str) else rule.mend("")
    if mend.startswith("Known: "):
        return f"one of {mend.removeprefix('Known: ').rstrip('.')}"
    return re.sub(r"^(?:an?|the) ", "", said.rstrip("."))


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, BaseModel) or value is PydanticUndefined or value == {}:
        return ""
    if value is None:
        return "none"
    return f"`{json.dumps(value, ensure_ascii=False)}`"


@cache
def _comments(module: str) -> dict[tuple[str, str], str]:
    """(class, field) → its `#:` comment, of a module's source."""
    source = inspect.getsource(sys.modules[module])
    lines = source.splitlines()
    found: dict[tuple[str, str], str] = {}
    for each in ast.walk(ast.parse(source)):
        if not isinstance(each, ast.ClassDef):
            continue
        for statement in each.body:
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                said: list[str] = []
                line = statement.lineno - 2
                while lines[line].strip().startswith("#:"):
                    said.insert(0, lines[line].strip().removeprefix("#:").strip())
                    line -= 1
                if said:
                    found[each.name, statement.target.id] = " ".join(said)
    return found


def _comment(model: type[BaseModel], name: str) -> str:
    """What stands above a field in its class, or else in the nearest class that it comes from."""
    for each in model.__mro__:
        if each.__module__.startswith(OURS):
            found = _comments(each.__module__).get((each.__name__, name))
            if found:
                return found
    return ""


def _text(docstring: str | None) -> str:
    """A docstring as it stands, without its indentation; what pydantic itself says is none."""
    return inspect.cleandoc(docstring or "")


def _said(path: str, values: Mapping[str, Mapping[str, Any]]) -> str:
    """The stacks whose files say a key, and which leave it to be filled."""
    found = {stack: _at(path, config) for stack, config in values.items()}
    return ", ".join(
        stack + (" (to be filled)" if value in ("", [], [""]) else "")
        for stack, value in found.items()
        if value is not _ABSENT
    )


_ABSENT: Final = object()


def _at(path: str, value: Any) -> Any:
    """What a file says at a path; below a list or a mapping of free keys, what its first entry says."""
    for part in path.replace("[]", ".[]").split("."):
        if part == "[]":
            # Empty where it is to be filled.
            return value
        if part.startswith("<"):
            value = next(iter(value.values()), _ABSENT) if isinstance(value, dict) else _ABSENT
        else:
            value = value.get(part, _ABSENT) if isinstance(value, dict) else _ABSENT
        if value is _ABSENT:
            return value
    return value
