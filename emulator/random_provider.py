"""The random package: values from the operating system's random source, kept in the state.

Sources: terraform-provider-random 3.x (ids, defaults, the order in which a string is made up) and pulumi-random 4.
`seed` is refused: its results come from Go's generator and could not be the same here.
"""

from __future__ import annotations

import base64
import binascii
import secrets
import time
import uuid
from collections.abc import Mapping
from typing import Any, ClassVar

from emulator.generated import GeneratedPackage, GeneratedType, Inputs
from emulator.package import CheckFailure, CloudError
from emulator.values import UNKNOWN

_LOWER = "abcdefghijklmnopqrstuvwxyz"
_UPPER = _LOWER.upper()
_DIGITS = "0123456789"
_SPECIAL = "!@#$%&*()-_=+[]{}<>:?"
# The longest text that bcrypt reads; the real provider hashes no more of it either.
_BCRYPT_BYTES = 72

_TEXT_DEFAULTS = {
    "lower": True,
    "upper": True,
    "numeric": True,
    "special": True,
    "minLower": 0,
    "minUpper": 0,
    "minNumeric": 0,
    "minSpecial": 0,
}

_ADVERBS = """
barely boldly briefly calmly clearly deeply early fairly firmly gently gladly highly kindly lightly neatly
openly partly quickly quietly rarely really safely slowly smoothly softly solely truly vastly warmly wholly
"""
_ADJECTIVES = """
able active amber ample brave bright brisk calm civil clean clear cosy eager even fair fine firm fond frank
fresh gentle glad grand happy humble keen kind lively loyal mellow modest neat noble patient proud quick quiet
rapid ready robust sharp smart smooth sound steady sunny swift tidy upright vital warm wise witty
"""
_NAMES = """
badger beaver bison buck camel cat cobra condor crane deer dingo dove duck eagle eel elk falcon finch fox frog
gecko goat goose gull hare hawk heron ibex jay kite koala lark lemur lion llama lynx mole moose mule newt otter
owl panda perch pigeon pony puma quail rabbit raven robin salmon seal shark sheep skunk snail sparrow stork swan
tapir tiger toad trout turtle viper vole walrus whale wolf wren yak zebra
"""


def _number(inputs: Inputs, name: str) -> int | None:
    value = inputs.get(name)
    return value if isinstance(value, int) else None


def _at_least(inputs: Inputs, name: str, low: int) -> list[CheckFailure]:
    value = _number(inputs, name)
    return [] if value is None or value >= low else [CheckFailure(name, f"{value} is too small: at least {low}")]


def _check_text(inputs: Inputs) -> list[CheckFailure]:
    failures = _at_least(inputs, "length", 1)
    length, minima = _number(inputs, "length"), [_number(inputs, f"min{kind}") for kind in _KINDS]
    if length is not None and None not in minima:
        needed = sum(minimum or 0 for minimum in minima)
        if length < needed:
            failures.append(CheckFailure("length", f"{length} is less than the minima together, {needed}"))
    if not failures and not any(inputs.get(name) for name in ("lower", "upper", "numeric", "special")):
        failures.append(
            CheckFailure("length", "no kind of character is allowed: one of lower, upper, numeric, special")
        )
    if any(inputs.get(name) is UNKNOWN for name in ("lower", "upper", "numeric", "special")):
        failures = [failure for failure in failures if "no kind" not in failure.reason]
    return failures


_KINDS = ("Lower", "Upper", "Numeric", "Special")


def _text(inputs: Inputs) -> str:
    """The minima of each kind, the rest of all allowed kinds, shuffled."""
    alphabets = {
        "Lower": _LOWER,
        "Upper": _UPPER,
        "Numeric": _DIGITS,
        "Special": inputs.get("overrideSpecial") or _SPECIAL,
    }
    every = "".join(alphabet for kind, alphabet in alphabets.items() if inputs[kind.lower()])
    characters = [secrets.choice(alphabet) for kind, alphabet in alphabets.items() for _ in range(inputs[f"min{kind}"])]
    characters += [secrets.choice(every) for _ in range(inputs["length"] - len(characters))]
    secrets.SystemRandom().shuffle(characters)
    return "".join(characters)


def _string(inputs: Inputs) -> tuple[str, dict[str, Any]]:
    text = _text(inputs)
    return text, {"result": text}


def _password(inputs: Inputs) -> tuple[str, dict[str, Any]]:
    # The id is no secret, so the password cannot be it.
    return "none", _password_outputs(_text(inputs))


def _password_outputs(text: str) -> dict[str, Any]:
    # Imported where it is used: passwords alone need it.
    import bcrypt

    hashed = bcrypt.hashpw(text.encode()[:_BCRYPT_BYTES], bcrypt.gensalt(10))
    return {"result": text, "bcryptHash": hashed.decode()}


def _restore_password(identity: str) -> tuple[str, dict[str, Any], dict[str, Any]]:
    return "none", {"length": len(identity)}, _password_outputs(identity)


def _restore_string(identity: str) -> tuple[str, dict[str, Any], dict[str, Any]]:
    return identity, {"length": len(identity)}, {"result": identity}


def _bytes(inputs: Inputs) -> tuple[str, dict[str, Any]]:
    return "none", _bytes_outputs(secrets.token_bytes(inputs["length"]))


def _bytes_outputs(content: bytes) -> dict[str, Any]:
    return {"base64": base64.b64encode(content).decode(), "hex": content.hex()}


def _restore_bytes(identity: str) -> tuple[str, dict[str, Any], dict[str, Any]]:
    try:
        content = base64.b64decode(identity, validate=True)
    except binascii.Error as mistake:
        # Not quoted: it may be a secret.
        raise CloudError("the id to import RandomBytes by must be the bytes in base64") from mistake
    return "none", {"length": len(content)}, _bytes_outputs(content)


def _id(inputs: Inputs) -> tuple[str, dict[str, Any]]:
    return _id_outputs(secrets.token_bytes(inputs["byteLength"]), inputs.get("prefix") or "")


def _id_outputs(content: bytes, prefix: str) -> tuple[str, dict[str, Any]]:
    url = base64.urlsafe_b64encode(content).decode().rstrip("=")
    return url, {
        "b64Url": prefix + url,
        "b64Std": prefix + base64.b64encode(content).decode(),
        "hex": prefix + content.hex(),
        "dec": prefix + str(int.from_bytes(content, "big")),
    }


def _restore_id(identity: str) -> tuple[str, dict[str, Any], dict[str, Any]]:
    prefix, _, text = identity.rpartition(",")
    try:
        content = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as mistake:
        raise CloudError(f"'{text}' is not the base64 of an id's bytes") from mistake
    inputs: dict[str, Any] = {"byteLength": len(content)}
    if prefix:
        inputs["prefix"] = prefix
    url, outputs = _id_outputs(content, prefix)
    return url, inputs, outputs


def _uuid4(_: Inputs) -> tuple[str, dict[str, Any]]:
    text = str(uuid.uuid4())
    return text, {"result": text}


def _uuid7(_: Inputs) -> tuple[str, dict[str, Any]]:
    """RFC 9562: 48 bits of milliseconds, then random bits about the version and variant."""
    value = int(time.time() * 1000) << 80 | 7 << 76 | secrets.randbits(12) << 64 | 2 << 62 | secrets.randbits(62)
    text = str(uuid.UUID(int=value))
    return text, {"result": text}


def _restore_uuid(identity: str) -> tuple[str, dict[str, Any], dict[str, Any]]:
    try:
        text = str(uuid.UUID(identity))
    except ValueError as mistake:
        raise CloudError(f"'{identity}' is not a UUID") from mistake
    return text, {}, {"result": text}


def _no_seed(inputs: Inputs) -> list[CheckFailure]:
    if inputs.get("seed") is None:
        return []
    return [CheckFailure("seed", "the embedded random does not build seeded results: they come from Go's generator")]


def _check_integer(inputs: Inputs) -> list[CheckFailure]:
    low, high = _number(inputs, "min"), _number(inputs, "max")
    failures = _no_seed(inputs)
    if low is not None and high is not None and high < low:
        failures.append(CheckFailure("max", f"{high} is less than min, {low}"))
    return failures


def _integer(inputs: Inputs) -> tuple[str, dict[str, Any]]:
    number = inputs["min"] + secrets.randbelow(inputs["max"] - inputs["min"] + 1)
    return str(number), {"result": number}


def _check_shuffle(inputs: Inputs) -> list[CheckFailure]:
    return _no_seed(inputs) + _at_least(inputs, "resultCount", 0)


def _shuffle(inputs: Inputs) -> tuple[str, dict[str, Any]]:
    """A count beyond the list's length goes through it again, shuffled anew."""
    values, count = list(inputs["inputs"]), inputs.get("resultCount")
    count = len(values) if count is None else count
    results: list[Any] = []
    while values and len(results) < count:
        secrets.SystemRandom().shuffle(values)
        results += values[: count - len(results)]
    return "-", {"results": results}


def _pet(inputs: Inputs) -> tuple[str, dict[str, Any]]:
    length = inputs["length"]
    words = [secrets.choice(_ADVERBS.split()) for _ in range(length - 2)]
    words += [secrets.choice(_ADJECTIVES.split())] if length > 1 else []
    words.append(secrets.choice(_NAMES.split()))
    if inputs.get("prefix"):
        words.insert(0, inputs["prefix"])
    return inputs["separator"].join(words), {}


class RandomPackage(GeneratedPackage):
    """random: passwords, bytes, strings, ids, numbers, UUIDs, shuffles, pet names."""

    name = "random"
    types: ClassVar[Mapping[str, GeneratedType]] = {
        f"random:index/{name[0].lower()}{name[1:]}:{name}": kind
        for name, kind in {
            "RandomPassword": GeneratedType(
                _password, _check_text, _TEXT_DEFAULTS, {"number": "numeric"}, _restore_password
            ),
            "RandomString": GeneratedType(_string, _check_text, _TEXT_DEFAULTS, {"number": "numeric"}, _restore_string),
            "RandomBytes": GeneratedType(_bytes, lambda inputs: _at_least(inputs, "length", 1), restore=_restore_bytes),
            "RandomId": GeneratedType(_id, lambda inputs: _at_least(inputs, "byteLength", 1), restore=_restore_id),
            "RandomUuid": GeneratedType(_uuid4, restore=_restore_uuid),
            "RandomUuid4": GeneratedType(_uuid4, restore=_restore_uuid),
            "RandomUuid7": GeneratedType(_uuid7, restore=_restore_uuid),
            "RandomInteger": GeneratedType(_integer, _check_integer),
            "RandomShuffle": GeneratedType(_shuffle, _check_shuffle),
            "RandomPet": GeneratedType(
                _pet, lambda inputs: _at_least(inputs, "length", 1), {"length": 2, "separator": "-"}
            ),
        }.items()
    }

    def invoke(self, token: str, arguments: dict[str, Any], configuration: Any) -> dict[str, Any]:  # noqa: ARG002
        raise CloudError(f"the random package has no function {token}")
