"""Calculations of reports in the browser: CSV, durations, ranges of days and axes."""

from __future__ import annotations

import csv
import io

import pytest
from support.web_applications import evaluate

CSV, SETTINGS, SCALE = (f"desk/reports/{name}.ts" for name in ("csv", "settings", "scale"))
NOON = 1_772_452_800_000  # 2026-03-02T12:00:00Z
STARTS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
"""The characters with which a formula can begin."""


def test_a_csv_file_holds_any_text_and_no_formula() -> None:
    texts = [*(f"{each}1" for each in STARTS), 'a "b", c', "two\r\nlines", "नमस्ते", "a=b", ""]
    rows = [["label", 1.5, None], *[[text, -2, 0] for text in texts]]
    text = evaluate(CSV, "m.encodeCsv(value)", rows)
    assert text.startswith("\ufeff"), "Excel would not read it as UTF-8"
    found = list(csv.reader(io.StringIO(text[1:], newline="")))
    assert found[0] == ["label", "1.5", ""]
    expected = [f"'{text}" if text.startswith(STARTS) else text for text in texts]
    assert [row[0] for row in found[1:]] == expected
    assert {tuple(row[1:]) for row in found[1:]} == {("-2", "0")}


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [("PT0S", 0), ("PT10M", 600), ("P1DT2H3M4S", 93_784), ("P2W", 1_209_600), (None, None)],
)
def test_durations_are_seconds(duration: str | None, seconds: int | None) -> None:
    assert evaluate(CSV, "m.secondsOf(value)", duration) == seconds


def read(search: str, zone: str = "UTC", now: int = NOON) -> dict[str, object]:
    expression = "m.readSettings(new URLSearchParams(value[0]), value[1], value[2])"
    found = evaluate(SETTINGS, expression, [search, now, zone])
    assert isinstance(found, dict)
    return found


def test_a_range_ends_on_the_day_of_its_time_zone() -> None:
    assert read("")["firstDay"] == "2026-02-01"
    assert read("")["lastDay"] == "2026-03-02"
    assert read("days=7")["firstDay"] == "2026-02-24"
    assert read("zone=Pacific/Kiritimati")["lastDay"] == "2026-03-03"
    late = read("", now=NOON - 12 * 3_600_000, zone="America/New_York")
    assert late["lastDay"] == "2026-03-01"


def test_wrong_values_of_an_address_are_ignored() -> None:
    first = read("")
    wrong = "days=8&by=NAME&zone=Nowhere/Else&from=2026-13-45&to=2026-01-02"
    assert read(wrong) == first


def test_an_address_keeps_what_was_chosen() -> None:
    search = (
        "from=2026-01-01&to=2026-01-31&by=ASSIGNEE&zone=Europe%2FBerlin&of-team=a&of-category=b"
    )
    expression = "m.writeSettings(m.readSettings(new URLSearchParams(value), 0, 'UTC'), 'UTC')"
    assert evaluate(SETTINGS, f"{expression}.toString()", search) == search
    assert evaluate(SETTINGS, f"{expression}.toString()", "days=30&by=TEAM") == ""


def test_long_ranges_have_weeks() -> None:
    expression = "m.stepOf(value)"
    assert (
        evaluate(SETTINGS, expression, {"firstDay": "2026-01-01", "lastDay": "2026-02-14"}) == "DAY"
    )
    assert (
        evaluate(SETTINGS, expression, {"firstDay": "2026-01-01", "lastDay": "2026-02-15"})
        == "WEEK"
    )


@pytest.mark.parametrize("maximum", [0, 1, 3, 7, 99, 100, 12_345])
def test_an_axis_has_few_whole_numbers_and_reaches_the_maximum(maximum: int) -> None:
    ticks = evaluate(SCALE, "m.countTicks(value)", maximum)
    assert ticks[0] == 0
    assert ticks[-1] >= max(1, maximum)
    assert 2 <= len(ticks) <= 6
    assert all(isinstance(tick, int) for tick in ticks)


def test_a_share_with_a_breach_is_never_the_whole() -> None:
    parts = [[999, 1000], [99_999, 100_000], [1, 1], [2, 3], [57, 100], [0, 5], [1, 2000]]
    shares = evaluate(SCALE, "value.map((each) => m.shareOf(...each))", parts)
    assert shares == [0.999, 0.999, 1, 0.666, 0.57, 0, 0]


@pytest.mark.parametrize("maximum", [0, 59, 3_600, 100_000, 40 * 86_400, 3_000 * 86_400])
def test_an_axis_of_durations_reaches_the_maximum(maximum: int) -> None:
    ticks = evaluate(SCALE, "m.durationTicks(value)", maximum)
    assert ticks[-1] >= max(60, maximum)
    assert 2 <= len(ticks) <= 6
