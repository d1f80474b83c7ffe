"""Prompts: one key for one meaning, never one key for two; compression that loses nothing."""

from __future__ import annotations

import unicodedata

import pytest

from bench.corpus import SHARES, Request, corpus
from components.snowflake.handlers.prompts import (
    cache_key,
    canonical_request,
    checked_messages,
    compress,
    normalise_text,
)

QUESTION = [{"role": "user", "content": "Café dose: 5 mg?"}]
NOTE = "Visit 03/04: chest pain for 3 days. " * 5


def key(tenant: str = "HCS0001", messages: list[dict[str, str]] | None = None, **other: object) -> str:
    arguments = {"model": "m", "parameters": {"temperature": 0}, "system_prompt": "s", **other}
    return str(cache_key(tenant, messages=messages or QUESTION, **arguments))


@pytest.mark.parametrize(
    "respelled",
    ["Café dose: 5 mg?\n", "  Café  dose:\t5 mg?", unicodedata.normalize("NFD", "Café dose: 5 mg?")],
)
def test_white_space_and_encoding_share_an_answer(respelled: str) -> None:
    assert key(messages=[{"role": "user", "content": respelled}]) == key()


@pytest.mark.parametrize("other", ["Café dose: 5 Mg?", "Café dose: 50 mg?", "Cafe dose: 5 mg?", "Café dose: 5 mg"])
def test_another_meaning_has_another_key(other: str) -> None:
    assert key(messages=[{"role": "user", "content": other}]) != key()


@pytest.mark.parametrize(
    "changed",
    [{"tenant": "HCS0002"}, {"model": "n"}, {"parameters": {"temperature": 1}}, {"system_prompt": "t"}],
    ids=lambda changed: next(iter(changed)),
)
def test_tenant_model_parameters_and_system_prompt_are_part_of_the_key(changed: dict[str, object]) -> None:
    assert key(**changed) != key()  # type: ignore[arg-type]


def test_role_and_order_are_part_of_the_key() -> None:
    two = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    swapped = [{"role": "assistant", "content": "a"}, {"role": "user", "content": "b"}]
    assert len({key(messages=two), key(messages=two[::-1]), key(messages=swapped)}) == 3


def test_text_between_code_fences_keeps_its_white_space() -> None:
    assert normalise_text("a  b ```x\n  y``` c  d") == "a b```x\n  y```c d"
    assert normalise_text("open ```x  y") == "open```x  y"


@pytest.mark.parametrize("tenant", ["", "  ", None])
def test_no_key_without_a_tenant(tenant: str | None) -> None:
    with pytest.raises(ValueError, match="TENANT_ID"):
        canonical_request(tenant, "m", {}, "", QUESTION)


@pytest.mark.parametrize(
    ("messages", "rule"),
    [
        ([], "at least one"),
        ("text", "must be a list"),
        (["text"], "number 1 must be an object"),
        ([{"role": "doctor", "content": "x"}], "the role of number 1"),
        ([{"role": "user", "content": None}], "the content of number 1"),
    ],
)
def test_malformed_messages_are_named(messages: object, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        checked_messages(messages)


def test_a_resent_history_is_sent_once_and_the_question_stays() -> None:
    turn = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    shortened, saved = compress([*turn, *turn, *turn, {"role": "user", "content": "new"}])
    assert shortened == [*turn, {"role": "user", "content": "new"}]
    assert saved["resent_history"] == 4


def test_a_question_that_is_put_twice_stays_twice() -> None:
    twice = [{"role": "user", "content": "Really none?"}] * 2
    assert compress(twice)[0] == twice


def test_a_repeated_block_becomes_a_reference_but_not_in_the_question() -> None:
    conversation = [
        {"role": "user", "content": f"{NOTE}\n\nSummarise."},
        {"role": "user", "content": f"{NOTE}\n\nShorter."},
        {"role": "user", "content": f"{NOTE}\n\nShorter still."},
    ]
    shortened, saved = compress(conversation)
    assert shortened[0]["content"].startswith(NOTE.strip())
    assert shortened[1]["content"].startswith("[as in message 1: “Visit 03/04")
    assert shortened[1]["content"].endswith("Shorter.")
    assert shortened[2]["content"].startswith(NOTE.strip())
    assert saved["repeated_blocks"] == len(NOTE.strip()) - len(shortened[1]["content"].split("\n\n")[0])


def test_lists_and_indentation_read_as_before() -> None:
    text = "Plan:\n  - one   thing  \n\n\n\n  - two"
    assert compress([{"role": "user", "content": text}])[0][0]["content"] == "Plan:\n  - one thing\n\n  - two"


def test_compressing_twice_changes_nothing_more() -> None:
    for request in corpus(200):
        once, _ = compress(request.messages)
        assert compress(once)[0] == once


@pytest.mark.parametrize("normalise", [False, True])
def test_no_request_of_the_corpus_gets_an_answer_of_another_meaning(normalise: bool) -> None:
    answered: dict[str, Request] = {}
    hits = 0
    for request in corpus():
        found = cache_key(
            request.tenant, request.model, {}, request.system_prompt, request.messages, normalise=normalise
        )
        if found in answered:
            hits += 1
            assert answered[found].meaning == request.meaning
        answered.setdefault(found, request)
    assert hits > 0


def test_the_corpus_is_the_same_each_time_and_as_stated() -> None:
    made = corpus()
    assert made == corpus()
    for kind, share in SHARES.items():
        assert abs(sum(request.kind == kind for request in made) / len(made) - share) < 0.03
