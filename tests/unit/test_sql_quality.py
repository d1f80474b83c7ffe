"""All SQL of the platform passes the linter in Snowflake's dialect: files as they are, the rest as single lines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlfluff.core import FluffConfig, Linter

from cli.verify.declared import DeclaredDatabase, DeclaredTenant, TenantSettings
from cli.verify.isolation import MATRIX
from components.snowflake.governance import MASKS
from components.snowflake.handlers import (
    cached_complete,
    check_budget,
    collect_tenant_days,
    deactivate_user,
    list_users,
    organization_summary,
    raise_alert,
    record_usage,
    register_user,
    resume_organization,
    retention,
    set_user_role,
    suspend_organization,
)
from components.snowflake.view_files import view_queries
from tests.unit.handler_account import SCHEMAS, EmbeddedSession, made_account
from tests.unit.recording import Graph

ROOT = Path(__file__).resolve().parents[2]
VIEWS = [view for directory in ("cortex_functions", "monitoring") for view in view_queries(directory, SCHEMAS).values()]
#: Type in the graph → its inputs that hold a statement.
STATEMENTS = {
    "snowflake:index/execute:Execute": ("execute", "revert"),
    "snowflake:index/view:View": ("statement",),
    "snowflake:index/task:Task": ("sqlStatement",),
    "snowflake:index/alert:Alert": ("condition", "action"),
}


@pytest.fixture(scope="module")
def linter() -> Linter:
    return Linter(config=FluffConfig.from_path(str(ROOT / "pyproject.toml")))


@pytest.fixture(scope="module")
def one_liner() -> Linter:
    """For what is put together: no rules of layout for one line, names quoted since they are values, columns that
    INSERT names once, not twice, and a mask that says NULL instead of meaning it."""
    left_out = ["references.keywords", "structure.column_order"]
    left_out += ["layout", "references.quoting", "aliasing.expression", "structure.else_null"]
    path = str(ROOT / "pyproject.toml")
    return Linter(config=FluffConfig.from_path(path, overrides={"exclude_rules": ",".join(left_out)}))


def problems(linter: Linter, text: str) -> list[str]:
    """What sqlfluff has against a text, in its words."""
    found = linter.lint_string(text).get_violations()
    return [f"{one.line_no} {one.rule_code()} {one.desc()}: {text[:200]}" for one in found]


def test_the_linter_reads_snowflake_as_configured(linter: Linter) -> None:
    assert linter.config.get("dialect") == "snowflake"
    assert problems(linter, "SELECT FROM WHERE 1")
    assert [found.rule_code() for found in linter.lint_string("select A from B\n").get_violations()].count("CP01") == 2


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_a_view_passes_the_linter(linter: Linter, view: object) -> None:
    text = f"-- {view.comment}\n{view.query}\n"  # type: ignore[attr-defined]
    assert problems(linter, text) == []


def test_what_is_put_together_is_held_to_the_rest(one_liner: Linter) -> None:
    codes = {found.split()[1] for found in problems(one_liner, "select A, count(*) as n from T as t GROUP BY 1, B\n")}
    assert {"CP01", "CP02", "AM06"} <= codes


def test_a_views_file_ends_as_it_should() -> None:
    for path in (ROOT / "components" / "snowflake" / "views").rglob("*.sql"):
        text = path.read_text(encoding="utf-8")
        assert text.endswith("\n")
        assert not text.endswith("\n\n")


@pytest.mark.parametrize("path", sorted(ROOT.glob("cli/**/*.sql")), ids=lambda path: path.name)
def test_a_script_passes_the_linter(linter: Linter, path: Path) -> None:
    assert problems(linter, path.read_text(encoding="utf-8")) == []


def test_every_declared_statement_passes_the_linter(one_liner: Linter, graph: Graph) -> None:
    # One organisation stands for all: they are alike.
    others = tuple(f"HCS{number:04d}" for number in range(2, 21))
    statements = {
        str(one.inputs[key])
        for type_, keys in STATEMENTS.items()
        for one in graph.of(type_)
        for key in keys
        if key in one.inputs and not one.name.startswith(others)
    }
    bodies = {
        str(one.inputs["body"])
        for one in graph.resources
        if one.type
        in {"snowflake:index/maskingPolicy:MaskingPolicy", "snowflake:index/rowAccessPolicy:RowAccessPolicy"}
    }
    assert len(statements) > 10
    assert len(bodies) == len({instead for _, instead in MASKS.values()}) + 1
    # A privilege that is younger than the linter's grammar: another of the account stands for it.
    statements = {text.replace("USE AI FUNCTIONS", "IMPORT SHARE") for text in statements}
    texts = [*sorted(statements), *(f"SELECT {body} AS SEEN FROM T" for body in sorted(bodies))]
    assert "\n".join(problem for text in texts for problem in problems(one_liner, f"{text}\n")) == ""


def test_what_verify_tries_is_snowflakes(linter: Linter) -> None:
    """Read, not held to rules: it says what somebody could try."""
    content = DeclaredDatabase("D", "S", frozenset(), {}, frozenset({"R"}))
    tenant = DeclaredTenant(TenantSettings("O", "XSMALL", 1, 60, 1, ("m",)), content, "W", "M", "P", "A", "D")
    # The linter knows no DROP DATABASE ROLE.
    read = [attempt for attempt in MATRIX if (attempt.kind, attempt.verb) != ("DATABASE ROLE", "DROP")]
    statements = [attempt.statement(tenant, '"D"."S"."T"', '"P"') for attempt in read]
    assert [str(found) for text in statements for found in linter.parse_string(text).violations] == []
    verbs = {verb: {one.kind for one in MATRIX if one.verb == verb} for verb in ("USE", "DROP", "GRANT")}
    assert verbs["DROP"] == verbs["GRANT"] == {attempt.kind for attempt in MATRIX}
    assert verbs["USE"] == {"DATABASE", "SCHEMA", "WAREHOUSE"}
    assert {one.verb for one in MATRIX if one.kind == "TABLE"} >= {"INSERT", "UPDATE", "DELETE", "TRUNCATE"}


@pytest.fixture(scope="module")
def handlers_statements(tmp_path_factory: pytest.TempPathFactory) -> Iterator[set[str]]:
    """Every statement that the handlers send, each handler run once or more."""
    account = made_account(tmp_path_factory.mktemp("statements"))
    application = EmbeddedSession(account, "VIDEXA_SHARED_APP")
    operator = EmbeddedSession(account, "VIDEXA_TENANT_OPERATOR")
    chat = EmbeddedSession(account, "HCS0001_APP", "HCS0001_WH")
    administrator = EmbeddedSession(account, "ACCOUNTADMIN")
    administrator.run("CREATE VIEW VIDEXA_SHARED.MONITORING.ADMIN_GRANTS AS SELECT 1 AS REASON", [])
    administrator.statements.clear()
    register_user.main(application, "HCS0001", "u", None, None, "MEMBER")
    set_user_role.main(application, "HCS0001", "u", "ANALYST")
    deactivate_user.main(application, "HCS0001", "u")
    list_users.main(application, "HCS0001", None)
    record_usage.main(application, "HCS0001", None, "CORTEX", None, None, 1, "tokens", None, None)
    organization_summary.main(application, "HCS0001")
    question = [{"role": "user", "content": "q"}]
    for _ in range(2):
        cached_complete.main(chat, "HCS0001", "claude-sonnet-4-5", None, question, {"temperature": 0})
    check_budget.main(chat, "HCS0001", 1)
    collect_tenant_days.main(administrator, "HCS0001", "HCS0001_DB", "NEXUSCHAT", 1)
    raise_alert.main(administrator, "ADMIN_GRANT")
    retention.main(administrator, "HCS0001_DB", "NEXUSCHAT", "CONVERSATIONS")
    suspend_organization.main(operator, "HCS0001")
    resume_organization.main(operator, "HCS0001")
    yield {statement for one in (application, operator, chat, administrator) for statement in one.statements}
    account.close()


def test_every_statement_of_a_handler_passes_the_linter(one_liner: Linter, handlers_statements: set[str]) -> None:
    kinds = {statement.split()[0] for statement in handlers_statements}
    assert kinds == {"SELECT", "MERGE", "UPDATE", "INSERT", "REVOKE", "GRANT", "SHOW", "ALTER", "DELETE"}
    # sqlfluff takes a value where a question mark stands for one.
    texts = sorted(statement.replace("?", "'1'") for statement in handlers_statements)
    assert "\n".join(problem for text in texts for problem in problems(one_liner, f"{text}\n")) == ""
