"""Global ids: an encoded id decodes to its key, and other text is refused."""

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
def test_a_key_is_decoded_only_for_its_own_prefix(prefix: str, key: UUID) -> None:
    encoded = ids.encode(prefix, key)
    assert ids.decode(encoded) == (prefix, str(key))
    assert [other for other in sorted(ids.PREFIXES) if ids.key_of(other, encoded)] == [prefix]
    assert ids.key_of(prefix, encoded) == key


@limit_examples(100)
@given(st.integers(1, 10**18 - 1))
def test_a_position_is_decoded(position: int) -> None:
    encoded = ids.encode(ids.EVENT, position)
    assert ids.decode(encoded) == (ids.EVENT, str(position))
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
def test_invalid_text_is_no_id(text: str) -> None:
    assert ids.decode(text) is None
    assert ids.key_of(ids.TICKET, text) is None


@pytest.mark.parametrize("text", ["0", "", "٣", "²", "01", "+1", "1 ", "1_0", "9" * 19])
def test_only_plain_positive_integers_are_positions(text: str) -> None:
    assert not ids.is_position(text)


def test_new_ids_are_version_7_and_sort_by_creation() -> None:
    new_ids = [ids.new_id() for _ in range(1000)]
    assert {key.version for key in new_ids} == {7}
    assert new_ids == sorted(new_ids)
    assert len(set(new_ids)) == 1000


@limit_examples(100)
@given(st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)), st.integers(-14 * 60, 14 * 60))
def test_an_instant_converts_to_utc_and_can_be_parsed_from_its_text(
    naive: datetime, minutes: int
) -> None:
    local = naive.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    utc = time.to_utc(local)
    assert utc == local
    assert utc.tzinfo is UTC
    assert time.format_instant(local).endswith("Z")
    assert datetime.fromisoformat(time.format_instant(local)) == local


def test_an_instant_without_an_offset_is_refused() -> None:
    with pytest.raises(ValueError, match="offset"):
        time.to_utc(datetime(2026, 3, 2))
