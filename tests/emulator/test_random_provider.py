"""The random package: what it generates, when it generates anew, and that a state is all there is."""

from __future__ import annotations

import base64
import string
import uuid
from typing import Any

import bcrypt
import pytest

from emulator.package import CloudError, Question
from emulator.random_provider import RandomPackage
from emulator.values import UNKNOWN

PACKAGE = RandomPackage()


def question(name: str, **values: Any) -> Question:
    token = f"random:index/{name[0].lower()}{name[1:]}:{name}"
    return Question(f"urn:pulumi:s::p::{token}::x", token, "x", **values)


def make(name: str, **inputs: Any) -> tuple[str, dict[str, Any]]:
    answer = PACKAGE.check(question(name, inputs=inputs))
    assert answer.failures == []
    return PACKAGE.create(question(name, inputs=answer.inputs))


def refusals(name: str, **inputs: Any) -> list[str]:
    return [failure.property for failure in PACKAGE.check(question(name, inputs=inputs)).failures]


def replaces(name: str, old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    return PACKAGE.diff(question(name, inputs=new, old_inputs=old)).replaces


def test_a_password_has_its_length_its_minima_and_a_hash_and_is_not_its_own_id() -> None:
    identity, outputs = make("RandomPassword", length=40, minNumeric=10, minSpecial=5, minUpper=3)
    result = outputs["result"]
    assert identity == "none"
    assert len(result) == 40
    assert sum(character in string.digits for character in result) >= 10
    assert sum(character in "!@#$%&*()-_=+[]{}<>:?" for character in result) >= 5
    assert sum(character.isupper() for character in result) >= 3
    assert bcrypt.checkpw(result.encode(), outputs["bcryptHash"].encode())
    assert make("RandomPassword", length=40)[1]["result"] != result


def test_kinds_of_character_can_be_left_out_and_specials_chosen() -> None:
    digits = make("RandomString", length=200, lower=False, upper=False, special=False)[1]["result"]
    assert set(digits) <= set(string.digits)
    chosen = make("RandomString", length=200, lower=False, upper=False, numeric=False, overrideSpecial="_~")[1]
    assert set(chosen["result"]) == {"_", "~"}


def test_impossible_demands_are_refused() -> None:
    assert refusals("RandomPassword", length=3, minLower=2, minUpper=2) == ["length"]
    assert refusals("RandomPassword", length=0) == ["length"]
    assert refusals("RandomPassword", length=5, lower=False, upper=False, numeric=False, special=False) == ["length"]
    assert refusals("RandomPassword") == ["length"]
    assert refusals("RandomBytes", length="32") == ["length"]
    assert refusals("RandomBytes", lenght=32, length=1) == ["lenght"]
    assert refusals("RandomInteger", min=5, max=4) == ["max"]
    assert refusals("RandomInteger", min=1, max=2, seed="s") == ["seed"]
    assert refusals("RandomBytes", length=UNKNOWN) == []


def test_bytes_come_in_two_spellings_of_the_same() -> None:
    identity, outputs = make("RandomBytes", length=32)
    assert identity == "none"
    assert base64.b64decode(outputs["base64"]) == bytes.fromhex(outputs["hex"])
    assert len(outputs["hex"]) == 64


def test_an_id_has_its_forms_and_its_prefix() -> None:
    identity, outputs = make("RandomId", byteLength=8, prefix="x-")
    assert outputs["b64Url"] == f"x-{identity}"
    assert outputs["dec"] == f"x-{int(outputs['hex'].removeprefix('x-'), 16)}"


@pytest.mark.parametrize(("name", "version"), [("RandomUuid", 4), ("RandomUuid4", 4), ("RandomUuid7", 7)])
def test_a_uuid_is_of_its_version(name: str, version: int) -> None:
    identity, outputs = make(name)
    assert identity == outputs["result"]
    assert uuid.UUID(identity).version == version


def test_integers_shuffles_and_pets_keep_to_what_was_asked() -> None:
    assert make("RandomInteger", min=7, max=7)[1]["result"] == 7
    assert {make("RandomInteger", min=1, max=3)[1]["result"] for _ in range(100)} == {1, 2, 3}
    shuffled = make("RandomShuffle", inputs=["a", "b", "c"], resultCount=7)[1]["results"]
    assert len(shuffled) == 7
    assert sorted(shuffled[:3]) == ["a", "b", "c"]
    assert make("RandomPet", length=3, prefix="dev", separator="_")[0].count("_") == 3


def test_every_change_of_an_input_generates_anew_and_saying_the_default_does_not() -> None:
    old = {"length": 32, "keepers": {"rotation": "1"}}
    assert replaces("RandomPassword", old, old | {"keepers": {"rotation": "2"}}) == ["keepers"]
    assert replaces("RandomPassword", old, old | {"length": 33}) == ["length"]
    assert replaces("RandomPassword", old, {"length": 32}) == ["keepers"]
    assert replaces("RandomPassword", old, old | {"keepers": {"rotation": UNKNOWN}}) == ["keepers"]
    assert replaces("RandomPassword", old, old | {"special": True, "number": True}) == []
    assert replaces("RandomPassword", old, dict(old)) == []


def test_a_replacement_is_made_before_the_old_one_goes() -> None:
    assert PACKAGE.diff(question("RandomUuid", inputs={"keepers": {"a": "b"}})).delete_before_replace is False


def test_a_preview_generates_nothing() -> None:
    _, outputs = PACKAGE.create(question("RandomPassword", inputs={"length": 12}, preview=True))
    assert outputs["result"] is UNKNOWN
    assert outputs["bcryptHash"] is UNKNOWN
    assert outputs["length"] == 12


def test_a_refresh_returns_the_state_and_an_import_takes_the_value() -> None:
    identity, outputs = make("RandomBytes", length=4)
    answer = PACKAGE.read(question("RandomBytes", id=identity, inputs={"length": 4}, old_outputs=outputs))
    assert (answer.id, answer.inputs, answer.outputs) == ("none", {"length": 4}, outputs)
    imported = PACKAGE.read(question("RandomBytes", id=outputs["base64"]))
    assert (imported.id, imported.outputs) == (identity, outputs)
    with pytest.raises(CloudError, match="base64") as refused:
        PACKAGE.read(question("RandomBytes", id="no base64: secret?"))
    assert "secret?" not in str(refused.value)
    with pytest.raises(CloudError, match="RandomInteger cannot be imported"):
        PACKAGE.read(question("RandomInteger", id="5"))


def test_what_the_package_does_not_have_is_refused_by_name() -> None:
    with pytest.raises(CloudError, match="has no resource type random:index/randomDice:RandomDice"):
        PACKAGE.check(question("RandomDice"))
    with pytest.raises(CloudError, match="random:index:nothing"):
        PACKAGE.invoke("random:index:nothing", {}, None)
