"""AI_COMPLETE and AI_COUNT_TOKENS on the embedded Snowflake: a stand-in, no model.

Every answer says so in its first words. The same model, prompt and parameters always get the same answer, which holds
nothing of the prompt but its length and the beginning of its digest. Tokens are characters ÷ 4, rounded up: a proxy,
since no model's own tokeniser is to be had here. The other AI functions are refused by name.

Source of names, arguments, limits and the shape of details: Snowflake's documentation, "AI_COMPLETE (single string)",
"AI_COUNT_TOKENS", "Model access control".
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakSet

from sqlglot import exp

from emulator.snowflake.account import Account, Grantee, Session, SnowflakeError
from emulator.snowflake.account.application import APPLICATION, EVERY_MODEL, MODELS, model_role
from emulator.snowflake.account.history import moment
from emulator.snowflake.sql.syntax import unsupported

if TYPE_CHECKING:
    from fakesnow.instance import FakeSnow

CHARACTERS_A_TOKEN: Final = 4
_USE_AI_FUNCTIONS: Final = "USE AI FUNCTIONS"
_CORTEX_USER: Final = Grantee.database_role("SNOWFLAKE", "CORTEX_USER")
_COMPLETE: Final = ("MODEL", "PROMPT", "MODEL_PARAMETERS", "RESPONSE_FORMAT", "SHOW_DETAILS")
_COUNT: Final = ("FUNCTION_NAME", "MODEL_NAME", "INPUT_TEXT")
_LIMITS: Final[Mapping[str, tuple[float, float]]] = {"temperature": (0, 1), "top_p": (0, 1), "max_tokens": (1, 8192)}
_DEFAULT_TOKENS: Final = 4096
_FUNCTION: Final = "_ai_complete"
CONSTANT_OBJECTS: Final = (exp.Struct, exp.ParseJSON)
"""What arguments that must be constant may be written as; they are handed over as they are written."""


@dataclass(frozen=True, slots=True)
class ModelCall:
    """One call that a statement made: what its usage is counted from."""

    function: str
    model: str
    input: int
    output: int
    at: datetime = field(default_factory=moment)


# The calls of the statements that run now, by their ids.
_calls: dict[str, list[ModelCall]] = {}
_registered: WeakSet[FakeSnow] = WeakSet()


def tokens(text: str) -> int:
    """How many tokens a text counts as: characters ÷ 4, rounded up."""
    return -(-len(text) // CHARACTERS_A_TOKEN)


def calls_of(query: str) -> list[ModelCall]:
    """The calls that a statement made, taken away."""
    return _calls.pop(query, [])


def is_ai_function(name: str) -> bool:
    """Whether a function is one of Snowflake's AI functions, built here or not."""
    return name.upper().startswith("AI_")


def ai_function(
    account: Account, authority: Session, name: str, arguments: Sequence[tuple[str, exp.Expr]], query: str
) -> exp.Expr:
    """What stands for a call of an AI function. The arguments are (name or empty, value) each, resolved already;
    `query` is the statement's id. All but the prompt must be constants."""
    known = {"AI_COMPLETE": _COMPLETE, "AI_COUNT_TOKENS": _COUNT}.get(name)
    if known is None:
        raise unsupported(f"the function {name}")
    if _CORTEX_USER not in account.effective_roles(authority):
        raise SnowflakeError(
            3001,
            "42501",
            f"SQL access control error:\nInsufficient privileges to operate on function '{name}': the session's roles "
            "do not hold the database role SNOWFLAKE.CORTEX_USER.",
        )
    # Both are needed: docs.snowflake.com, "Privileges and model access for Cortex AI Functions".
    if not account.holds(authority, _USE_AI_FUNCTIONS, "ACCOUNT"):
        raise SnowflakeError(
            3001,
            "42501",
            f"SQL access control error:\nInsufficient privileges to operate on function '{name}': the session's roles "
            f"do not hold the privilege {_USE_AI_FUNCTIONS} on the account.",
        )
    given = _by_name(name, known, arguments)
    if name == "AI_COUNT_TOKENS":
        return _count_tokens(account, authority, given)
    return _complete(account, authority, given, query)


def _by_name(name: str, known: Sequence[str], arguments: Sequence[tuple[str, exp.Expr]]) -> dict[str, exp.Expr]:
    found: dict[str, exp.Expr] = {}
    for position, (called, value) in enumerate(arguments):
        key = called.upper() or (known[position] if position < len(known) else "")
        if key not in known or key in found:
            raise SnowflakeError.compilation(
                1044, "42P13", f"error line 1 at position 7\nInvalid argument types for function '{name}'"
            )
        found[key] = value
    return found


def _may_use(account: Account, authority: Session, model: str) -> bool:
    """Whether a model's role, or the account's list, lets the session use it. ACCOUNTADMIN may use every model."""
    roles = account.effective_roles(authority)
    if Grantee.role("ACCOUNTADMIN") in roles:
        return True
    if any(Grantee.application_role(APPLICATION, role) in roles for role in (model_role(model), EVERY_MODEL)):
        return True
    allowed = str(account.parameters("ACCOUNT")["CORTEX_MODELS_ALLOWLIST"].value)
    return allowed.upper() == "ALL" or model in {one.strip() for one in allowed.split(",")}


def _require_model(account: Account, authority: Session, node: exp.Expr | None) -> str:
    if not isinstance(node, exp.Literal) or not node.is_string:
        raise unsupported("a model that is no string constant")
    model = str(node.name)
    if model not in MODELS:
        raise SnowflakeError(
            100351,
            "P0000",
            "Request failed for external function AI_COMPLETE$V1 with remote service error: 400 "
            f'\'"unknown model \\"{model}\\""\'',
        )
    if not _may_use(account, authority, model):
        raise SnowflakeError(
            100351,
            "P0000",
            "Request failed for external function AI_COMPLETE$V1 with remote service error: 403 "
            f'\'"model \\"{model}\\" is not allowed: the session holds neither SNOWFLAKE.\\"{model_role(model)}\\" nor '
            "is the model in the account parameter CORTEX_MODELS_ALLOWLIST\"'",
        )
    return model


def _count_tokens(account: Account, authority: Session, given: Mapping[str, exp.Expr]) -> exp.Expr:
    function = given.get("FUNCTION_NAME")
    if not isinstance(function, exp.Literal) or function.name.lower() != "ai_complete":
        raise unsupported("AI_COUNT_TOKENS for any function but 'ai_complete'")
    _require_model(account, authority, given.get("MODEL_NAME"))
    length = exp.Anonymous(this="length", expressions=[_text(given, "INPUT_TEXT")])
    quotient = exp.Div(this=length, expression=exp.Literal.number(CHARACTERS_A_TOKEN), typed=False)
    return exp.cast(exp.Anonymous(this="ceil", expressions=[quotient]), "BIGINT", dialect="duckdb")


def _complete(account: Account, authority: Session, given: Mapping[str, exp.Expr], query: str) -> exp.Expr:
    model = _require_model(account, authority, given.get("MODEL"))
    prompt = _text(given, "PROMPT")
    parameters = _constant(given.get("MODEL_PARAMETERS"), "MODEL_PARAMETERS")
    form = _constant(given.get("RESPONSE_FORMAT"), "RESPONSE_FORMAT")
    details = _constant(given.get("SHOW_DETAILS"), "SHOW_DETAILS")
    if details not in (None, True, False):
        raise SnowflakeError.syntax("SHOW_DETAILS is TRUE or FALSE")
    _check_parameters(parameters)
    if form is not None:
        # What cannot be made is refused before anything runs.
        _instance(_schema(form), "")
    settings = json.dumps(
        {"query": query, "model": model, "parameters": parameters or {}, "form": form, "details": bool(details)}
    )
    _register(account)
    answer = exp.Anonymous(this=_FUNCTION, expressions=[exp.Literal.string(settings), prompt])
    return exp.cast(answer, "JSON", dialect="duckdb") if details or form is not None else answer


def _text(given: Mapping[str, exp.Expr], key: str) -> exp.Expr:
    value = given.get(key)
    if value is None:
        raise SnowflakeError.syntax(f"{key} is missing")
    if isinstance(value, CONSTANT_OBJECTS):
        raise unsupported(f"{key} of an AI function that is no text")
    return exp.cast(value, "TEXT")


def _constant(node: exp.Expr | None, called: str) -> Any:
    """The value of a constant expression of Snowflake's: an object, a list, text, a number or a truth value."""
    match node:
        case None | exp.Null():
            return None
        case exp.Literal():
            return node.name if node.is_string else json.loads(node.name)
        case exp.Boolean():
            return bool(node.this)
        case exp.Neg():
            return -_constant(node.this, called)
        case exp.Paren():
            return _constant(node.this, called)
        case exp.Array():
            return [_constant(item, called) for item in node.expressions]
        case exp.Struct():
            return {item.this.name: _constant(item.expression, called) for item in node.expressions}
        case exp.ParseJSON() if isinstance(node.this, exp.Literal):
            try:
                return json.loads(node.this.name)
            except ValueError:
                raise SnowflakeError(100069, "22P02", f"Error parsing JSON: {node.this.name}") from None
    raise unsupported(f"{called} of AI_COMPLETE that is no constant")


def _check_parameters(parameters: Any) -> None:
    if parameters is None:
        return
    if not isinstance(parameters, dict):
        raise SnowflakeError.invalid_value(parameters, "MODEL_PARAMETERS", "an object")
    for key, value in parameters.items():
        if key == "guardrails" and isinstance(value, bool):
            continue
        limits = _LIMITS.get(key)
        if limits is None:
            raise SnowflakeError.invalid_value(key, "MODEL_PARAMETERS", f"known: {', '.join(_LIMITS)}, guardrails")
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not limits[0] <= value <= limits[1] or (key == "max_tokens" and value != int(value)):
            raise SnowflakeError.invalid_value(value, key, f"between {limits[0]} and {limits[1]}")


def _register(account: Account) -> None:
    instance = account.duck()
    if instance not in _registered:
        account.register_function(_FUNCTION, _answer, ["VARCHAR", "VARCHAR"], "VARCHAR")
        _registered.add(instance)


def _answer(settings: str | None, prompt: str | None) -> str | None:
    """The stand-in's answer to one prompt; runs on DuckDB's threads."""
    if prompt is None or settings is None:
        return None
    asked = json.loads(settings)
    model, parameters, form = asked["model"], asked["parameters"], asked["form"]
    digest = hashlib.sha256(json.dumps([model, prompt, parameters, form], sort_keys=True).encode()).hexdigest()
    text = (
        f"[Stand-in of the embedded Snowflake for {model}: no model has run.] "
        f"Answer {digest[:12]} to a prompt of {len(prompt)} characters."
    )
    text = text[: int(parameters.get("max_tokens", _DEFAULT_TOKENS)) * CHARACTERS_A_TOKEN]
    structured = None if form is None else _instance(_schema(form), text)
    if structured is not None:
        text = json.dumps(structured)
    used = {"completion_tokens": tokens(text), "prompt_tokens": tokens(prompt)}
    _calls.setdefault(asked["query"], []).append(
        ModelCall("AI_COMPLETE", model, used["prompt_tokens"], used["completion_tokens"])
    )
    if not asked["details"]:
        return text
    found: dict[str, Any] = {
        "created": int(moment().timestamp()),
        "model": model,
        "usage": {**used, "total_tokens": sum(used.values())},
    }
    if structured is None:
        found["choices"] = [{"messages": text}]
    else:
        found["structured_output"] = [{"raw_message": structured, "type": "json"}]
    return json.dumps(found)


def _schema(form: Any) -> Any:
    if not isinstance(form, dict) or form.get("type") != "json" or not isinstance(form.get("schema"), dict):
        raise SnowflakeError.invalid_value(form, "RESPONSE_FORMAT", "{'type': 'json', 'schema': {…}}")
    return form["schema"]


def _instance(schema: Any, text: str) -> Any:
    """The smallest value that a JSON schema allows, with the answer's text wherever it wants text."""
    if not isinstance(schema, dict):
        raise SnowflakeError.invalid_value(schema, "RESPONSE_FORMAT", "a JSON schema")
    if schema.get("enum"):
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            return {name: _instance(part, text) for name, part in (schema.get("properties") or {}).items()}
        case "array":
            return [_instance(schema.get("items") or {"type": "string"}, text)] if schema.get("minItems") else []
        case "string":
            return text
        case "integer" | "number":
            return schema.get("minimum", 0)
        case "boolean":
            return False
        case "null":
            return None
    raise unsupported(f"the JSON schema {json.dumps(schema)} in RESPONSE_FORMAT")
