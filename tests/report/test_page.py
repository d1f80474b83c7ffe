"""The report's page in a real browser: on a desk, on a phone, in the dark, by keyboard and on paper."""

from __future__ import annotations

import re

import pytest
from browser import Browser
from changed_checkout import Report

#: For every piece of text that is shown: its contrast against what is behind it, by WCAG's formula, where it is low.
CONTRAST = """
(() => {
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    for (; element; element = element.parentElement) {
      const found = numbers(getComputedStyle(element).backgroundColor);
      if (found.length === 3 || found[3] === 1) return found;
      if (found[3] !== 0) throw new Error("half see-through: " + element.className);
    }
    return [255, 255, 255];
  };
  document.querySelectorAll("details").forEach((details) => (details.open = true));
  const low = {};
  let seen = 0;
  for (const element of document.querySelectorAll("body *")) {
    if (["SCRIPT", "STYLE"].includes(element.tagName) || element.classList.contains("unseen")) continue;
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.getClientRects().length) continue;
    seen += 1;
    const [a, b] = [light(numbers(getComputedStyle(element).color)), light(behind(element))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) low[`${element.tagName}.${element.className}`] = ratio;
  }
  return { low, seen };
})()
"""


@pytest.fixture
def desk(driven: Browser, checked: Report) -> Browser:
    driven.said.clear()
    driven.requested.clear()
    driven.open(checked.page)
    return driven


def test_it_asks_for_nothing_and_the_console_is_silent(desk: Browser, checked: Report) -> None:
    assert desk.requested == [checked.page.as_uri()]
    assert desk.said == []
    assert desk.run("document.title") == "prod: failed, touches HCS0001 and HCS0002 only"


def test_the_page_forbids_what_it_does_not_need(desk: Browser) -> None:
    # Its own policy stops a script that somebody smuggled in through a name.
    desk.run("document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.got = 1'}))")
    assert desk.run("window.got === undefined") is True
    assert any("Content Security Policy" in text for text in desk.said)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_all_text_stands_out(driven: Browser, checked: Report, dark: bool, phone: bool) -> None:
    driven.open(checked.page, width=390 if phone else 1200, height=844, dark=dark, phone=phone)
    found = driven.run(CONTRAST)
    assert found["low"] == {}
    assert found["seen"] > 500
    back = [int(part) for part in re.findall(r"\d+", driven.run("getComputedStyle(document.body).backgroundColor"))]
    assert (sum(back) < 150) is dark


def test_a_phone_need_not_scroll_sideways(driven: Browser, checked: Report) -> None:
    driven.open(checked.page, width=360, height=740, phone=True)
    driven.run("document.querySelectorAll('details').forEach((details) => (details.open = true))")
    assert driven.run("document.documentElement.scrollWidth") <= 360
    assert driven.run("parseFloat(getComputedStyle(document.querySelector('main p')).fontSize)") >= 16


def test_the_keyboard_reaches_a_map_and_shows_each_cells_path(desk: Browser) -> None:
    for _ in range(200):
        desk.press("Tab")
        if desk.run("document.activeElement.matches('table[role=grid] td')"):
            break
    first = desk.run("document.activeElement.parentElement.querySelector('th').textContent")
    assert desk.run("document.getElementById('path').hidden") is False
    shown = desk.run("document.getElementById('path').textContent")
    assert first in shown
    assert "is granted to" in shown
    desk.press("ArrowDown")
    assert desk.run("document.activeElement.parentElement.querySelector('th').textContent") != first
    desk.press("End")
    assert desk.run("document.activeElement.nextElementSibling") is None
    # A map is one stop: the next one is outside of it.
    map_ = "document.querySelector('table[role=grid]')"
    assert desk.run(f"{map_}.querySelectorAll('td[tabindex=\"0\"]').length") == 1
    desk.press("Tab")
    assert desk.run(f"{map_}.contains(document.activeElement)") is False
    desk.press("Escape")
    assert desk.run("document.getElementById('path').hidden") is True


def test_what_is_focused_is_not_under_the_panel(driven: Browser, checked: Report) -> None:
    driven.open(checked.page, width=390, height=844, phone=True)
    driven.run("document.querySelector('table[role=grid] td[data-path]').focus()")
    bottom = driven.run("document.activeElement.getBoundingClientRect().bottom")
    assert bottom <= driven.run("document.getElementById('path').getBoundingClientRect().top")


def test_parts_open_by_keyboard_and_by_link(desk: Browser) -> None:
    desk.run("document.querySelector('#policies details summary').focus()")
    desk.press("Enter")
    assert desk.run("document.querySelector('#policies details').open") is True
    desk.run("document.querySelector('#policies details').open = false")
    desk.run("document.querySelector('#policies td a').click()")
    desk.run("new Promise((done) => setTimeout(done, 0))")
    assert desk.run("document.querySelector(location.hash).closest('details').open") is True


def test_every_link_inside_leads_somewhere(desk: Browser) -> None:
    lost = """[...document.querySelectorAll('a[href^="#"]')].map((a) => a.hash.slice(1))
              .filter((id) => !document.getElementById(id))"""
    assert desk.run(lost) == []
    ids = "[...document.querySelectorAll('[id]')].map((element) => element.id)"
    found = desk.run(ids)
    assert len(found) == len(set(found))


def test_paper_shows_what_is_closed_on_the_screen(desk: Browser) -> None:
    hidden = "[...document.querySelectorAll('details table, details ol')].filter((e) => !e.checkVisibility()).length"
    assert desk.run(hidden) > 5
    # As printed: in the light colours, whatever the screen's are, and without what only a screen can use.
    desk.call("Emulation.setEmulatedMedia", media="print", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    assert desk.run(hidden) == 0
    assert desk.run("getComputedStyle(document.querySelector('nav')).display") == "none"
    assert desk.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert desk.paper().startswith(b"%PDF-")
