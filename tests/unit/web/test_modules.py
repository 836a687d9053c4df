"""Calculations of the web applications that need no page, in the Node.js of the build."""

from __future__ import annotations

from support.web_applications import evaluate

SECOND, MINUTE = 1000, 60_000


def scope_of(shown: int, selected: int, new: int = 0, removed: int = 0) -> str | None:
    rows = [{"id": str(number)} for number in range(shown)]
    ids = [row["id"] for row in rows[:selected]]
    value = [{"rows": rows, "newCount": new, "removedCount": removed}, ids]
    return evaluate("desk/list/bulk-scope.ts", "m.scopeOf(...value)", value)


def test_a_bulk_change_names_its_tickets_as_long_as_the_server_takes_them() -> None:
    assert scope_of(shown=2500, selected=2500) == "ids"
    assert scope_of(shown=9000, selected=2500, new=1, removed=1) == "ids"


def test_a_bulk_change_of_the_whole_list_is_one_by_its_filter() -> None:
    assert scope_of(shown=2501, selected=2501) == "filter"


def test_a_bulk_change_never_reaches_a_ticket_that_is_not_selected() -> None:
    assert scope_of(shown=2502, selected=2501) is None
    assert scope_of(shown=2502, selected=2501, removed=1) is None, (
        "one that has left counts as a row"
    )
    assert scope_of(shown=2501, selected=2501, new=1) is None, "nobody has seen the new one"
    assert scope_of(shown=2501, selected=2501, removed=1) is None


def test_a_time_is_relative_under_a_day_and_has_the_year_only_if_it_is_another_one() -> None:
    now, day = 1_800_000_000 * SECOND, 24 * 60 * MINUTE  # in January 2027
    expression = "value.slice(1).map((each) => m.elapsed(each, value[0]))"
    ages = [-MINUTE, 59 * SECOND, MINUTE, 60 * MINUTE - SECOND, day - SECOND, day, 40 * day]
    found = evaluate("shared/time/elapsed.ts", expression, [now, *(now - age for age in ages)])
    assert [(each["form"], each["count"]) for each in found] == [
        *[("now", 0), ("now", 0), ("minutes", 1), ("minutes", 59), ("hours", 23), ("date", 0)],
        ("date of another year", 0),
    ]


def ahead_after(*responses: tuple[int, int, int]) -> int:
    """How far the server is ahead, after responses with this offset, trip and age."""
    value = [
        {"date": age + ahead, "receivedAt": age + trip // 2 + 500, "tripMs": trip, "ageMs": age}
        for ahead, trip, age in responses
    ]
    expression = "value.reduce((offset, each) => (offset.note(each), offset), new m.ClockOffset())"
    return evaluate("shared/time/clock-offset.ts", f"{expression}.aheadMs", value)


def test_the_quickest_response_tells_the_time_of_the_server() -> None:
    assert ahead_after((60 * SECOND, 10, 0), (60 * SECOND + 900, 400, SECOND)) == 60 * SECOND
    assert ahead_after((60 * SECOND, 400, 0), (59 * SECOND, 10, SECOND)) == 59 * SECOND
    assert ahead_after((900, 10, 0)) == 0, "the header is not more exact"


def test_a_clock_that_was_set_is_noticed_with_the_next_response() -> None:
    assert ahead_after((60 * MINUTE, 10, 0), (0, 300, SECOND)) == 0


def test_a_quick_response_of_long_ago_does_not_count() -> None:
    late = 11 * MINUTE
    assert ahead_after((5 * SECOND, 10, 0), (4 * SECOND, 100, late)) == 4 * SECOND


def test_the_size_of_a_file_is_in_units_of_1000_as_its_kilobytes_say() -> None:
    for size, amount, unit in (
        (3, 1, "kilobyte"),
        (1000, 1, "kilobyte"),
        (1001, 2, "kilobyte"),
        (12_288, 13, "kilobyte"),
        (999_000, 999, "kilobyte"),
        (999_001, 0.999001, "megabyte"),
        (1_000_000, 1, "megabyte"),
        (1_500_000, 1.5, "megabyte"),
    ):
        found = evaluate("shared/files/file-size.ts", "m.fileSize(value)", size)
        assert found == {"amount": amount, "unit": unit}, size


VALUES = "admin/base/values.ts"


def test_durations_are_amounts_of_their_largest_unit_and_back() -> None:
    for text, amount, unit in (
        ("PT4H", "4", "H"),
        ("PT1H30M", "90", "M"),
        ("P2D", "48", "H"),
        ("PT90S", "90", "S"),
        ("PT0S", "0", "M"),
    ):
        found = evaluate(VALUES, "m.readDuration(value)", text)
        assert found == {"amount": amount, "unit": unit}
        assert evaluate(VALUES, "m.writeDuration(value)", found) == f"PT{amount}{unit}"
    assert evaluate(VALUES, "m.readDuration(value, true)", "P2D") == {"amount": "2", "unit": "D"}
    assert evaluate(VALUES, "m.readDuration(value).amount", None) == ""
    assert evaluate(VALUES, "m.writeDuration(value)", {"amount": " ", "unit": "H"}) is None


def test_names_suggest_keys_that_the_server_accepts() -> None:
    names = ["Größe & Maß", "  Crème brûlée ", "1st line", "العربية", "a" * 80]
    slugs = evaluate(VALUES, "value.map(m.toSlug)", names)
    assert slugs == ["grosse-mass", "creme-brulee", "1st-line", "", "a" * 64]
    assert evaluate(VALUES, "value.map(m.toFieldKey)", names)[:3] == [
        "grosse_mass",
        "creme_brulee",
        "st_line",
    ]
