"""Global ids: what we hand out comes back as it was, and nothing else opens anything."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.ticket_factory import limit_examples

from models.core import ids, time

KINDS = sorted(ids.PREFIXES - ids.NUMBERED_PREFIXES)
SAMPLE = "01890a5d-ac96-774b-bcce-b302099a8057"


@limit_examples(100)
@given(st.sampled_from(KINDS), st.uuids())
def test_a_key_comes_back_under_its_own_prefix_only(prefix: str, key: UUID) -> None:
    given = ids.encode(prefix, key)
    assert ids.decode(given) == (prefix, str(key))
    assert [other for other in sorted(ids.PREFIXES) if ids.key_of(other, given)] == [prefix]
    assert ids.key_of(prefix, given) == key


@limit_examples(100)
@given(st.integers(1, 10**18 - 1))
def test_a_position_comes_back(position: int) -> None:
    given = ids.encode(ids.EVENT, position)
    assert ids.decode(given) == (ids.EVENT, str(position))
    assert ids.is_position(str(position))


@limit_examples(100)
@given(st.text(st.characters(), max_size=50))
@example(f"tkt_{SAMPLE.upper()}")
@example(f"tkt_{{{SAMPLE}}}")
@example(f"tkt_urn:uuid:{SAMPLE}")
@example(f"tkt_{SAMPLE.replace('-', '')}")
@example(f" tkt_{SAMPLE}")
@example(f"tkt_{SAMPLE}\n")
@example(f"tkt_{SAMPLE[:-1]}\uff17")
@example("evt_01")
@example("evt_٣")
@example("evt_1234567890123456789")
@example("evt_-1")
@example("evt_")
@example("_")
@example(f"evt_{SAMPLE}")
@example("tkt_7")
@example("tkt_\ud800")
def test_garbage_is_no_id(text: str) -> None:
    assert ids.decode(text) is None
    assert ids.key_of(ids.TICKET, text) is None


@pytest.mark.parametrize("text", ["0", "", "٣", "²", "01", "+1", "1 ", "1_0", "9" * 19])
def test_only_plain_positive_numbers_are_positions(text: str) -> None:
    assert not ids.is_position(text)


def test_new_ids_are_version_7_and_sort_by_creation() -> None:
    made = [ids.new_id() for _ in range(1000)]
    assert {key.version for key in made} == {7}
    assert made == sorted(made)
    assert len(set(made)) == 1000


@limit_examples(100)
@given(st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)), st.integers(-14 * 60, 14 * 60))
def test_an_instant_is_the_same_in_utc_and_reads_back_from_its_text(
    naive: datetime, minutes: int
) -> None:
    there = naive.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    here = time.to_utc(there)
    assert here == there
    assert here.tzinfo is UTC
    assert time.format_instant(there).endswith("Z")
    assert datetime.fromisoformat(time.format_instant(there)) == there


def test_an_instant_without_an_offset_is_refused() -> None:
    with pytest.raises(ValueError, match="offset"):
        time.to_utc(datetime(2026, 3, 2))
