"""Changes a few values of a stack's file and leaves every other character of it as it is: comments, order, spacing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cli.failure import BadInputError


@dataclass
class KeptFile:
    """A file that is put back as it was where a change of it breaks off. `before` is its text then; None: no file."""

    path: Path
    before: str | None

    @classmethod
    def read(cls, path: Path) -> KeptFile:
        return cls(path, read_text(path) if path.exists() else None)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Put the file back where what is done inside breaks off."""
        try:
            yield
        except BaseException:
            self.restore()
            raise

    def restore(self) -> None:
        if self.before is None:
            with suppress(NotADirectoryError):
                self.path.unlink(missing_ok=True)
        elif not self.path.exists() or read_text(self.path) != self.before:
            replace_text(self.path, self.before)


def read_text(path: Path) -> str:
    """A file's text with the ends of its lines as they are."""
    with path.open(encoding="utf-8", newline="") as file:
        return file.read()


def edited(text: str, path: Sequence[str], changes: Mapping[str, Any], *, block: bool = False) -> str:
    """The YAML text with keys of the mapping at `path` set, or removed where the new value is None.

    New keys go after the mapping's last one, mappings that are missing along the path to the end of their parent.
    A value that is a mapping or a list is written on one line, a list of mappings an entry a line; of such a list that
    is there already, the entries that stay are left as they are. With `block`, a mapping that is missing at the end of
    `path` gets a line for each of its keys. Raises `BadInputError` where there is no mapping at
    `path`, or where more than that would change (an alias, say).
    """
    wanted = _unshared(yaml.safe_load(text))
    try:
        for key, value in changes.items():
            text = _changed(text, path, key, value, block=block)
            _set(wanted, path, key, value)
        good = yaml.safe_load(text) == wanted
    except yaml.YAMLError:
        good = False
    if not good:
        raise BadInputError(f"{'.'.join(path)} cannot be changed alone as it is written: change it by hand")
    return text


def replace_text(path: Path, text: str) -> None:
    """Write a file whole or not at all, with the rights that it has; its folder is made where it is missing.

    Raises `BadInputError` where it cannot be written.
    """
    target = path.resolve()
    new = target.with_name(target.name + ".new")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            new.write_text(text, encoding="utf-8", newline="")
            if target.exists():
                shutil.copymode(target, new)
            os.replace(new, target)
        except OSError:
            # A disk that is full leaves a part of it.
            with suppress(OSError):
                new.unlink()
            raise
    except OSError as error:
        raise BadInputError(f"{path} cannot be written ({error.strerror}): see who may write in its folder.") from None


def _unshared(value: Any) -> Any:
    """A copy in which what an alias repeats is there twice."""
    if isinstance(value, dict):
        return {key: _unshared(inner) for key, inner in value.items()}
    return [_unshared(inner) for inner in value] if isinstance(value, list) else value


def _set(values: dict[str, Any], path: Sequence[str], key: str, value: Any) -> None:
    for name in path:
        if value is None and name not in values:
            return
        values = values.setdefault(name, {})
    if value is None:
        values.pop(key, None)
    else:
        values[key] = value


def _changed(text: str, path: Sequence[str], key: str, value: Any, *, block: bool = False) -> str:
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    node: Any = root
    for depth, name in enumerate(path):
        if not isinstance(node, yaml.MappingNode):
            raise BadInputError(f"{'.'.join(path[:depth]) or 'the file'} is no mapping")
        inner = _value(node, name)
        if inner is None:
            if value is None:
                return text
            missing: Any = {key: value}
            if block and depth == len(path) - 1 and not node.flow_style:
                return _begun(text, node, name, missing)
            for outer in reversed(path[depth + 1 :]):
                missing = {outer: missing}
            return _added(text, node, name, missing)
        node = inner
    if not isinstance(node, yaml.MappingNode):
        raise BadInputError(f"{'.'.join(path)} is no mapping")
    old = _value(node, key)
    if old is None:
        return text if value is None else _added(text, node, key, value)
    if value is None:
        return _removed(text, node, key)
    if (relisted := _relisted(text, old, value)) is not None:
        return relisted
    start = old.start_mark.index
    head = text[:start].rstrip()
    # On the key's own line: where nothing stood, and where the old value was lines of its own.
    if head.endswith(":"):
        written = f" {_written(value, flow=True)}" if node.flow_style else _in_block(value, _new_line(text, node))
        return head + written + text[_end(old) :]
    return text[:start] + _written(value, flow=bool(node.flow_style)) + text[_end(old) :]


def _value(node: yaml.MappingNode, key: str) -> Any:
    return next((value for name, value in node.value if name.value == key), None)


def _end(node: Any) -> int:
    """Where a node's own text ends; a block's end mark lies beyond the comments and empty lines after it."""
    if isinstance(node, yaml.ScalarNode) or node.flow_style or not node.value:
        return int(node.end_mark.index)
    last = node.value[-1]
    return _end(last[1] if isinstance(last, tuple) else last)


def _written(value: Any, *, flow: bool = False) -> str:
    """A value on one line; in braces (`flow`) more text needs quotes."""
    text = yaml.safe_dump(
        [value] if flow else value, default_flow_style=True, sort_keys=False, width=10**6, allow_unicode=True
    )
    return text.strip()[1:-1] if flow else text.removesuffix("\n").removesuffix("\n...")


def _in_block(value: Any, line: str) -> str:
    """A value behind its key's colon; `line` is how a line with another such key begins."""
    if isinstance(value, list) and value and all(isinstance(entry, Mapping) for entry in value):
        return "".join(f"{line}  - {_written(entry)}" for entry in value)
    return f" {_written(value)}"


def _relisted(text: str, old: yaml.Node, value: Any) -> str | None:
    """A list with an entry a line, with some of them taken out and new ones at its end; None for any other change."""
    if not isinstance(old, yaml.SequenceNode) or old.flow_style or not isinstance(value, list):
        return None
    rest = list(value)
    gone: list[yaml.Node] = []
    for node in old.value:
        if rest and yaml.safe_load(yaml.serialize(node, Dumper=yaml.SafeDumper)) == rest[0]:
            del rest[0]
        else:
            gone.append(node)
    if len(gone) == len(old.value):
        return None
    end = _line_end(text, _end(old))
    line = _feed(text) + " " * old.start_mark.column
    text = text[:end] + "".join(f"{line}- {_written(entry)}" for entry in rest) + text[end:]
    for node in reversed(gone):
        start = text.rfind("\n", 0, node.start_mark.index) + 1
        text = text[:start] + text[text.find("\n", _end(node)) + 1 :]
    return text


def _added(text: str, node: yaml.MappingNode, key: str, value: Any) -> str:
    if node.flow_style:
        # Right behind the last value: a comma or a comment after it stays where it is.
        at = _end(node.value[-1][1]) if node.value else _end(node) - 1
        comma = ", " if node.value else ""
        return text[:at] + f"{comma}{_written(key, flow=True)}: {_written(value, flow=True)}" + text[at:]
    end, line = _behind(text, node)
    return text[:end] + f"{line}{_written(key)}:{_in_block(value, line)}" + text[end:]


def _begun(text: str, node: yaml.MappingNode, key: str, values: Mapping[str, Any]) -> str:
    """With a new mapping, a line for each of its keys."""
    end, line = _behind(text, node)
    lines = "".join(f"{line}  {_written(name)}: {_written(value)}" for name, value in values.items())
    return text[:end] + f"{line}{_written(key)}:{lines}" + text[end:]


def _behind(text: str, node: yaml.MappingNode) -> tuple[int, str]:
    """The end of a block's last line, with what stands beside its value, and how a new line of it begins."""
    return _line_end(text, _end(node.value[-1][1])), _new_line(text, node)


def _line_end(text: str, at: int) -> int:
    """The end of the line that a place lies in, before what ends it."""
    end = text.find("\n", at)
    end = len(text) if end < 0 else end
    return end - 1 if text[end - 1 : end] == "\r" else end


def _new_line(text: str, node: yaml.MappingNode) -> str:
    return _feed(text) + " " * int(node.value[0][0].start_mark.column)


def _feed(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _removed(text: str, node: yaml.MappingNode, key: str) -> str:
    place = next(index for index, (name, _) in enumerate(node.value) if name.value == key)
    name, value = node.value[place]
    if node.flow_style:
        if place + 1 < len(node.value):
            return text[: name.start_mark.index] + text[node.value[place + 1][0].start_mark.index :]
        start = _end(node.value[place - 1][1]) if place else name.start_mark.index
        return text[:start] + text[_end(value) :]
    start = text.rfind("\n", 0, name.start_mark.index) + 1
    end = text.find("\n", _end(value))
    return text[:start] + ("" if end < 0 else text[end + 1 :])
