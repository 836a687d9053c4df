"""DateTime and Duration: serialised values parse to the same value, and loose forms are refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from graphql import GraphQLError, parse_value
from hypothesis import given
from hypothesis import strategies as st
from strawberry.types.scalar import ScalarDefinition
from support.ticket_factory import limit_examples

from models.core.time import format_instant
from schema.scalars import (
    DATE,
    DATE_TIME,
    DURATION,
    parse_date_time,
    parse_duration,
    serialize_duration,
)

OFFSETS = st.timedeltas(timedelta(hours=-23, minutes=-59), timedelta(hours=23, minutes=59)).map(
    lambda offset: timezone(timedelta(minutes=offset // timedelta(minutes=1)))
)
INSTANTS = st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=OFFSETS)
DURATIONS = st.timedeltas(timedelta(), timedelta(days=999_999, hours=23))


@limit_examples(100)
@given(INSTANTS)
def test_a_date_time_is_serialised_in_utc_and_parses_to_the_same_instant(instant: datetime) -> None:
    serialised = format_instant(instant)
    assert serialised.endswith("Z")
    assert parse_date_time(serialised) == instant
    assert parse_date_time(instant.isoformat()) == instant, "any offset is accepted"
    assert parse_date_time(instant.isoformat()).tzinfo is UTC


@pytest.mark.parametrize(
    ("source", "serialised"),
    [
        ("2026-01-31T09:30:00Z", "2026-01-31T09:30:00Z"),
        ("2026-01-31t09:30:00z", "2026-01-31T09:30:00Z"),
        ("2026-01-31 09:30:00Z", "2026-01-31T09:30:00Z"),
        ("2026-01-31T09:30:00+05:30", "2026-01-31T04:00:00Z"),
        ("2026-01-31T09:30:00-00:00", "2026-01-31T09:30:00Z"),
        ("2026-01-31T09:30:00.5Z", "2026-01-31T09:30:00.500000Z"),
        ("2026-01-31T09:30:00.123456789Z", "2026-01-31T09:30:00.123456Z"),
        ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"),
    ],
)
def test_a_date_time_may_have_any_form_of_rfc_3339(source: str, serialised: str) -> None:
    assert format_instant(parse_date_time(source)) == serialised


@pytest.mark.parametrize(
    "value",
    [
        *(
            "2026-01-31T09:30:00",
            "2026-01-31",
            "09:30:00Z",
            "20260131T093000Z",
            "2026-W05-6T09:30:00Z",
            "2026-01-31T09:30Z",
        ),
        *(
            "2026-02-30T00:00:00Z",
            "2023-02-29T00:00:00Z",
            "2026-01-31T24:00:00Z",
            "2026-01-31T09:60:00Z",
            "2026-01-31T09:30:00+24:00",
        ),
        *(
            "0001-01-01T00:00:00+01:00",
            "9999-12-31T23:59:59-01:00",
            "0000-01-01T00:00:00Z",
            "12026-01-31T09:30:00Z",
        ),
        *(
            "2026-01-31T09:30:00,5Z",
            "2026-01-31T09:30:00.Z",
            "2026-01-31T09:30:00Z ",
            "\n2026-01-31T09:30:00Z",
            "٢026-01-31T09:30:00Z",
        ),
        *(
            "",
            "now",
            "2026-01-31T09:30:00+0530",
            "2026-01-31T09:30:00 Z",
            1_700_000_000,
            1.5,
            None,
            True,
            [],
            {},
        ),
    ],
)
def test_a_malformed_date_time_is_refused(value: object) -> None:
    with pytest.raises(GraphQLError, match="offset"):
        parse_date_time(value)


@limit_examples(100)
@given(DURATIONS)
def test_a_serialised_duration_parses_to_the_same_duration(duration: timedelta) -> None:
    assert parse_duration(serialize_duration(duration)) == duration


@pytest.mark.parametrize(
    ("source", "duration", "serialised"),
    [
        ("PT4H", timedelta(hours=4), "PT4H"),
        ("P14D", timedelta(days=14), "P14D"),
        ("P2W", timedelta(weeks=2), "P14D"),
        ("P1DT12H30M5S", timedelta(days=1, hours=12, minutes=30, seconds=5), "P1DT12H30M5S"),
        ("PT36H", timedelta(hours=36), "P1DT12H"),
        ("PT90S", timedelta(seconds=90), "PT1M30S"),
        ("PT0.25S", timedelta(milliseconds=250), "PT0.25S"),
        ("PT0S", timedelta(), "PT0S"),
        ("P0D", timedelta(), "PT0S"),
        ("PT10S", timedelta(seconds=10), "PT10S"),
    ],
)
def test_durations_of_fixed_length_are_accepted(
    source: str, duration: timedelta, serialised: str
) -> None:
    assert parse_duration(source) == duration
    assert serialize_duration(duration) == serialised


@pytest.mark.parametrize(
    "value",
    [
        "",
        "P",
        "PT",
        "P1DT",
        "P1Y",
        "P1M",
        "P1Y2M3D",
        "-P1D",
        "P-1D",
        "+P1D",
        "PT1.5H",
        "PT1S2M",
        "1D",
        "p1d",
        "P1D ",
        "P1234567D",
        "PT1,5S",
        "P١D",
        5,
        1.0,
        None,
        True,
    ],
)
def test_a_malformed_duration_is_refused(value: object) -> None:
    with pytest.raises(GraphQLError, match="years and months"):
        parse_duration(value)


@limit_examples(100)
@given(st.text(alphabet="PTWDHMSYZ0123456789.:-+ tz", max_size=30))
def test_the_parsers_raise_only_graphql_errors(random_text: str) -> None:
    for parse in (parse_date_time, parse_duration):
        try:
            parse(random_text)
        except GraphQLError:
            continue


@pytest.mark.parametrize("scalar", [DATE_TIME, DATE, DURATION], ids=lambda each: each.name)
@pytest.mark.parametrize("literal", ['"x"', "7", "[1]", "{a: 1}", "X", '""'])
def test_an_error_of_a_literal_has_its_location(scalar: ScalarDefinition, literal: str) -> None:
    assert scalar.parse_literal is not None
    with pytest.raises(GraphQLError) as error:
        scalar.parse_literal(parse_value(f"  {literal}"))
    assert error.value.formatted["locations"] == [{"line": 1, "column": 3}]


def test_a_valid_literal_is_parsed_like_a_variable() -> None:
    assert DATE_TIME.parse_literal is not None
    text = "2026-01-31T09:30:00+02:00"
    assert DATE_TIME.parse_literal(parse_value(f'"{text}"')) == parse_date_time(text)
