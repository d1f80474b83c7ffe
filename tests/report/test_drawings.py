"""Every drawing in the documents, drawn by Mermaid itself in a browser, as GitHub does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from browser import Browser
from changed_checkout import ROOT

from tests.project_files import project_files

DRAWINGS = {
    f"{name} {number}": drawing
    for name in project_files()
    if name.endswith(".md")
    for number, drawing in enumerate(
        re.findall(r"^```mermaid\n(.*?)^```$", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL), 1
    )
}
#: Mermaid draws, and the browser tells the words of each box and arrow, which boxes lie on others, and the width.
DRAW = """
(async () => {
  await mermaid.parse(%s);
  document.body.innerHTML = (await mermaid.render("drawing", %s)).svg;
  const nodes = [...document.querySelectorAll("g.node")];
  const boxes = nodes.map((node) => [node.textContent, node.getBoundingClientRect()]);
  const apart = ([, a], [, b]) => a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top;
  return {
    boxes: boxes.map(([words]) => words),
    arrows: document.querySelectorAll("path.flowchart-link, line[class^=messageLine]").length,
    over: boxes.flatMap((one, at) => boxes.slice(at + 1).filter((other) => !apart(one, other)).map((other) => one[0])),
    width: document.querySelector("svg").viewBox.baseVal.width,
  };
})()
"""


@pytest.fixture(scope="module")
def mermaid(driven: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    script = Path(str(files("mermaidx").joinpath("assets/mermaid.js")))
    page = tmp_path_factory.mktemp("page") / "page.html"
    page.write_text(f'<meta charset="utf-8"><body></body><script src="{script.as_uri()}"></script>', encoding="utf-8")
    driven.open(page)
    # As GitHub has it: nothing in a drawing is run.
    driven.run('mermaid.initialize({ startOnLoad: false, securityLevel: "strict" })')
    yield driven
    assert driven.said == []


def test_the_book_has_its_drawings() -> None:
    assert {name.rpartition(" ")[0] for name in DRAWINGS} >= {
        "README.md",
        "docs/roles.md",
        *(f"docs/architecture/{page}.md" for page in ("README", "identities", "parts", "snowflake", "traffic")),
    }


@pytest.mark.parametrize("name", DRAWINGS)
def test_mermaid_draws_it_and_a_person_can_read_it(mermaid: Browser, name: str) -> None:
    drawing = json.dumps(DRAWINGS[name])
    found = mermaid.run(DRAW % (drawing, drawing))
    lines = [line.strip() for line in DRAWINGS[name].splitlines()]
    assert found["arrows"] == sum(bool(re.search(r"-+>|-\.+->", line)) for line in lines)
    if "sequenceDiagram" not in lines:
        declared = [line for line in lines if re.match(r"\w+(\(|\[|\{)", line) and "-->" not in line]
        assert len(found["boxes"]) == len(declared)
        assert all(words.strip() for words in found["boxes"])
    assert found["over"] == []
    assert found["width"] < 2500
    assert found["arrows"] <= 40


def test_mermaid_refuses_what_is_none(mermaid: Browser) -> None:
    with pytest.raises(RuntimeError, match=r"[Pp]arse error|Lexical error"):
        mermaid.run(DRAW % (json.dumps("flowchart LR\n  a --> ["), '""'))
