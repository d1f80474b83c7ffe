"""What a check says: it can fail, it names what is wrong, and doing nothing is no success."""

from __future__ import annotations

import io

from rich.console import Console

from cli.verify.report import CheckImpossibleError, Report


def printed(report: Report) -> str:
    text = io.StringIO()
    report.show(Console(file=text, width=200, color_system=None))
    return text.getvalue()


def test_a_check_that_tries_nothing_fails() -> None:
    report = Report()
    with report.check("area", "asked", "expected"):
        pass
    assert [check.asked for check in report.failed] == ["asked"]
    assert "nothing was there to try" in printed(report)


def test_names_that_are_missing_and_names_too_many_are_told() -> None:
    report = Report()
    with report.check("area", "asked", "two") as check:
        check.compare_sets("role", {"A", "B"}, {"B", "C"})
    assert [(finding.resource, finding.found) for finding in check.findings] == [
        ("A", "role is missing"),
        ("C", "role is there but not declared"),
    ]
    assert "2 wrong: A, C" in printed(report)
    assert report.as_json()["passed"] is False


def test_nothing_expected_and_nothing_found_is_a_comparison_too() -> None:
    report = Report()
    with report.check("area", "asked", "none") as check:
        check.compare_sets("role", set(), set())
    assert report.failed == []


def test_a_check_that_cannot_be_carried_out_fails_and_the_rest_goes_on() -> None:
    report = Report()
    with report.check("area", "first", "something") as check:
        check.tried += 1
        raise CheckImpossibleError("vault", "is not there")
    with report.check("area", "second", "same") as check:
        check.compare("resource", "size", 1, 1)
    assert [check.asked for check in report.failed] == ["first"]
    assert "vault: is not there" in printed(report)
