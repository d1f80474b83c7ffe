"""Functions, procedures and statements to execute."""

from __future__ import annotations

from emulator.snowflake.rules.catalogue.common import IN_SCHEMA, parameter
from emulator.snowflake.rules.rule import (
    BOOLEAN_TEXT,
    DATA_TYPE,
    NAME,
    REPLACES,
    STATEMENT,
    Rule,
    TypeRules,
    words,
)
from emulator.snowflake.rules.vocabulary import EXECUTE_AS, NULL_INPUT_BEHAVIOR, RETURN_RESULTS_BEHAVIOR

_COMMON: dict[str, Rule] = {
    **IN_SCHEMA,
    "isSecure": BOOLEAN_TEXT,
    # Arguments that come or go replace; one that changes its name or type does not.
    "arguments": REPLACES,
    "arguments.argName": Rule(),
    "arguments.argDataType": DATA_TYPE,
    "arguments.argDefaultValue": Rule(),
    "returnType": DATA_TYPE.replacing(),
    "nullInputBehavior": words(NULL_INPUT_BEHAVIOR, replaces=True),
    "runtimeVersion": REPLACES,
    "packages": Rule(unordered=True, replaces=True),
    "handler": REPLACES,
    "externalAccessIntegrations": Rule(unordered=True, members=NAME),
    "secrets": Rule(unordered=True),
    "secrets.secretVariableName": Rule(),
    "secrets.secretId": NAME,
    "imports": Rule(unordered=True, replaces=True),
    "targetPath": REPLACES,
    "targetPath.stageLocation": Rule(),
    "targetPath.pathOnStage": Rule(),
    # Snowflake alone holds these against what it knows.
    "enableConsoleOutput": parameter(),
    "logLevel": parameter(),
    "logEventLevel": parameter(),
    "metricLevel": parameter(),
    "traceLevel": parameter(),
}
_FUNCTION = TypeRules(
    {
        **_COMMON,
        "isAggregate": BOOLEAN_TEXT,
        "returnResultsBehavior": words(RETURN_RESULTS_BEHAVIOR, replaces=True),
        "comment": Rule(default="user-defined function"),
        "imports.stageLocation": Rule(),
        "imports.pathOnStage": Rule(),
        "functionDefinition": STATEMENT.replacing(),
    }
)
_PROCEDURE = TypeRules(
    {
        **_COMMON,
        "comment": Rule(default="user-defined procedure"),
        "imports.stageLocation": REPLACES,
        "imports.pathOnStage": REPLACES,
        "snowparkPackage": REPLACES,
        "executeAs": words(EXECUTE_AS),
        "procedureDefinition": STATEMENT.replacing(),
    }
)

RULES = {
    **{f"Function{language}": _FUNCTION for language in ("Java", "Javascript", "Python", "Scala", "Sql")},
    **{f"Procedure{language}": _PROCEDURE for language in ("Java", "Javascript", "Python", "Scala", "Sql")},
    "Execute": TypeRules(
        {"execute": Rule(replaces_when=lambda old, _new: old != ""), "revert": Rule(), "query": Rule()}
    ),
}
