"""The documents' made parts: where they stand, what is refused, and that only what is declared is drawn."""

from __future__ import annotations

import dataclasses
import json
import re
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import AfterValidator, Field

from cli.__main__ import main
from cli.documents import command, inventory, outputs, rights, settings
from cli.documents.declared import Declared
from cli.documents.mermaid import Flowchart, Sequence
from cli.documents.parts import DocumentError, filled, table
from cli.documents.settings import sections
from cli.place import ROOT
from infra.rules import Rule, Wanted, between, one_of
from infra.section import Section
from policies.graph.resources import ResourceGraph
from tests.project_files import project_files
from tests.unit.isolation_graph import deployment, resource

PAGE = """# Words

<!-- counted: made by ./nexus docs -->

one

<!-- end of counted -->

More words, and one <!-- counted: made by ./nexus docs --> that is no mark.
"""


def counted() -> str:
    return "two"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one page, and one part that can be made."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "page.md").write_text(PAGE, encoding="utf-8")
    monkeypatch.setattr(command, "ROOT", tmp_path)
    monkeypatch.setattr(command, "FROM_CODE", {"counted": f"{__name__}:counted"})
    monkeypatch.setattr(command, "FROM_GRAPH", {})
    return tmp_path


# ── the command ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_stale_page_fails_the_check_and_is_left_as_it_is(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["docs", "--check"]) == 1
    assert "docs/page.md: counted is not what is declared: run ./nexus docs" in capsys.readouterr().err
    assert (project / "docs" / "page.md").read_text(encoding="utf-8") == PAGE


def test_only_what_is_between_the_marks_is_written(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["docs"]) == 0
    assert "docs/page.md: counted is written anew" in capsys.readouterr().out
    assert (project / "docs" / "page.md").read_text(encoding="utf-8") == PAGE.replace("\none\n", "\ntwo\n")
    assert main(["docs", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"parts": 1, "written": []}
    assert main(["docs", "--check", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"parts": 1, "stale": []}


@pytest.mark.usefixtures("project")
def test_a_part_that_there_is_not_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["docs", "countd"]) == 2
    assert "no part is called countd. Did you mean counted? Known: counted." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (PAGE.replace("<!-- end of counted -->", ""), "docs/page.md: the place of counted has no end"),
        (PAGE.replace("<!-- counted", "<!-- weighed"), "docs/page.md: nothing is called weighed"),
        ("# Words\n", "counted has no place in any document"),
    ],
)
def test_a_page_without_its_marks_is_refused(
    project: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    (project / "docs" / "page.md").write_text(text, encoding="utf-8")
    assert main(["docs"]) == 1
    assert said in capsys.readouterr().err
    assert (project / "docs" / "page.md").read_text(encoding="utf-8") == text


def test_a_part_that_is_not_asked_for_stays() -> None:
    assert filled(PAGE, "page.md", lambda _: None) == (PAGE, [])


# ── settings and outputs ─────────────────────────────────────────────────────────────────────────────────────────────


class Inner(Section):
    """What is inside."""

    #: How many.
    count: Annotated[int, between(1, 5, "things")] = 2


class Known(Section):
    #: Which one.
    name: Annotated[str, one_of("a name", ("first", "second"))]
    #: By name.
    inner: dict[str, Inner] = Field(default_factory=dict)
    #: A value whose rule is code.
    other: Annotated[str, Wanted("anything but a | bar")] | None = None


class Unsaid(Section):
    name: str


class Untold(Section):
    #: It has a rule that does not say what is wanted.
    name: Annotated[str, AfterValidator(Rule(bool, "does not please us.", "Mend it."))]


@pytest.fixture(autouse=True)
def _comments_of_this_module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "OURS", ("infra.", __name__))


def test_a_setting_is_told_with_its_rule_default_and_meaning() -> None:
    (outer, inner) = sections(Known)
    assert [dataclasses.astuple(key) for key in outer.keys] == [
        ("name", "one of first, second", "**required**", "Which one."),
        ("other", "anything but a | bar", "none", "A value whose rule is code."),
    ]
    assert (inner.path, inner.meaning, inner.optional) == ("inner.<name>", "By name. What is inside.", True)
    assert [dataclasses.astuple(key) for key in inner.keys] == [
        ("inner.<name>.count", "1 to 5 things", "`2`", "How many.")
    ]
    assert table(["a"], [["one | two\nthree"]]).endswith("| one \\| two three |")
    assert table(["a"], [["a <tag> and `a <tag>`"]]).endswith("| a &lt;tag> and `a <tag>` |")


def test_a_setting_without_a_meaning_is_refused() -> None:
    with pytest.raises(DocumentError, match=r"say nothing of themselves \(#: above the field\): Unsaid.name"):
        sections(Unsaid)


def test_a_rule_that_does_not_say_what_is_wanted_is_refused() -> None:
    with pytest.raises(DocumentError, match=r"'does not please us.' does not tell what is wanted"):
        sections(Untold)


def _declared(graph: ResourceGraph, **outputs_: Any) -> Declared:
    nothing: Any = None
    return Declared(graph, {each.urn: () for each in graph.resources}, outputs_, nothing)


def test_an_output_without_a_meaning_is_refused() -> None:
    with pytest.raises(DocumentError) as refused:
        outputs.outputs(_declared(deployment(), brand={"new": "x"}))
    assert "the output brand.new has no meaning" in str(refused.value)
    assert "no output is account.organization" in str(refused.value)


# ── drawings ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_arrow_has_two_ends() -> None:
    drawing = Flowchart()
    drawing.node("here", 'with "quotes" & <brackets>\nand a line')
    with pytest.raises(DocumentError, match="an arrow from here to there: there is not drawn"):
        drawing.edge("here", "there")
    with pytest.raises(DocumentError, match="here is drawn twice"):
        drawing.node("here")
    assert "with #quot;quotes#quot; #amp; #lt;brackets#gt;<br/>and a line" in str(drawing)


def test_a_step_says_nothing_that_would_end_it() -> None:
    drawing = Sequence()
    drawing.participant("one")
    with pytest.raises(DocumentError, match="semicolon"):
        drawing.step("one", "one", "this; and that")


def test_the_way_to_an_organisation_is_drawn_without_another() -> None:
    drawn = rights.roles(_declared(deployment()))
    assert "HCSnnnn_APP" in drawn
    assert '|"DELETE, INSERT, UPDATE"|' in drawn
    assert "HCS0002" not in drawn
    told = rights.reached(_declared(deployment()))
    assert "database role `HCSnnnn_DB.READ`, role `HCSnnnn_ANALYST` | reads |" in told
    assert "each of the 6 roles of another organisation | nothing |" in told


def test_a_role_that_reaches_another_organisation_is_no_drawing() -> None:
    grant = resource(
        "GrantDatabaseRole",
        "wrong",
        {"databaseRoleName": '"HCS0001_DB"."READ"', "parentRoleName": "HCS0002_ANALYST"},
    )
    with pytest.raises(DocumentError, match="ROLE HCS0002_ANALYST reaches HCS0001"):
        rights.reached(_declared(deployment(grant)))


def test_organisations_that_differ_are_not_counted_as_alike() -> None:
    graph = deployment()
    alike = inventory.resources(_declared(graph))
    assert "| `snowflake:AccountRole` | 3 | |" in alike
    assert "| `snowflake:ServiceUser` | | 1 |" in alike
    (component,) = (each for each in graph.resources if each.name == "HCS0002" and "Organization" in each.type)
    more = resource("Warehouse", "HCS0002-second", {"name": "HCS0002_SECOND"}, parent=component.urn)
    with pytest.raises(DocumentError, match=r"organisations differ in snowflake:Warehouse: \[1, 2\]"):
        inventory.resources(_declared(deployment(more)))


def test_components_that_wait_for_each_other_have_no_order() -> None:
    stack = "urn:pulumi:prod::nexuschat::pulumi:pulumi:Stack::nexuschat-prod"
    first, second = (
        dataclasses.replace(
            resource("Schema", name, {}),
            urn=f"urn:pulumi:prod::nexuschat::videxa:snowflake:{name}::{name.lower()}",
            type=f"videxa:snowflake:{name}",
            parent=stack,
        )
        for name in ("First", "Second")
    )
    nothing: Any = None
    order = Declared(ResourceGraph([first, second]), {first.urn: (), second.urn: (first.urn,)}, {}, nothing)
    assert "n0_First --> n1_Second" in inventory.snowflake_order(order)
    around = dataclasses.replace(order, dependencies={first.urn: (second.urn,), second.urn: (first.urn,)})
    with pytest.raises(DocumentError, match="wait for each other"):
        inventory.snowflake_order(around)


# ── links ────────────────────────────────────────────────────────────────────────────────────────────────────────────

DOCUMENTS = [name for name in project_files() if name.endswith(".md")]


@cache
def headings(name: str) -> set[str]:
    """The anchors that GitHub gives a page's headings."""
    text = re.sub(r"^```.*?^```", "", (ROOT / name).read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    plain = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", found) for found in re.findall(r"^#+ (.+)$", text, re.MULTILINE))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_link_leads_somewhere(name: str) -> None:
    text = re.sub(r"^```.*?^```", "", (ROOT / name).read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        target, _, anchor = link.partition("#")
        if "://" in target or target.startswith("mailto:"):
            continue
        page = (ROOT / name).parent / target if target else ROOT / name
        assert page.exists(), f"{name} leads to {target}, which is not there"
        if anchor:
            assert anchor in headings(page.resolve().relative_to(ROOT).as_posix()), (
                f"{name}: {link} has no such heading"
            )
