"""Progress tells the rate and the time that is left, and not too often."""

from __future__ import annotations

import io

from cli.migrate.progress import Progress, line_of


def test_rate_and_remaining_time() -> None:
    assert line_of("writing", 5_000, 20_000, 10.0) == "writing: 5,000 of 20,000 documents, 500/s, 0:30 left"
    assert line_of("reading", 250_000_000, 1_000_000_000, 2.0) == "reading: 250 of 1,000 MB, 125/s, 0:06 left"
    # Of a live server nobody knows how much there is.
    assert line_of("reading", 0, 0, 2.0) == "reading: 0 MB, 0/s"


def test_a_line_every_ten_seconds_where_nobody_looks() -> None:
    output, seconds = io.StringIO(), iter(range(0, 100, 4))
    progress = Progress(output, lambda: float(next(seconds)))
    for done in range(1, 9):
        progress("writing", done * 100, 800)
    progress.end()
    assert [line.split(",")[0] for line in output.getvalue().splitlines()] == [
        "writing: 400 of 800 documents",
        "writing: 700 of 800 documents",
    ]
