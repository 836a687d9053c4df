"""The texts of every topic can be stored as they are written."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

import pytest

from demo.texts.facts import Facts
from demo.texts.phrases import load_category_phrases
from demo.texts.text_writer import TextWriter
from demo.texts.topics import load_alerts, load_topics
from demo.ticket_generator import CATEGORY_WEIGHTS
from models.core import text
from models.core.ids import new_id

pytestmark = pytest.mark.stress

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
CUSTOMER = "Clara Meyer"


def write_bodies(writer: TextWriter) -> list[str]:
    """Write each kind of description, message and note."""
    bodies = [
        writer.write_description(),
        writer.write_call_description(),
        writer.write_note(),
        writer.write_resolution(),
        writer.write_second_resolution(),
        writer.write_acknowledgement(),
        writer.write_progress_update(),
        writer.write_hold_notice(),
    ]
    for _ in writer.phrases.exchanges:
        bodies += [writer.write_question(), writer.write_answer(CUSTOMER), writer.write_note()]
    return bodies


@pytest.mark.parametrize("category", CATEGORY_WEIGHTS)
def test_the_texts_of_every_topic_can_be_stored(category: str, random: Random) -> None:
    phrases = load_category_phrases(category)
    alerts = load_alerts() if category == "technical" else []
    for topic in [*load_topics()[category], *alerts]:
        facts = Facts(
            random,
            NOW,
            company="Fjord Analytics",
            customer=CUSTOMER,
            contact="Ben Ito",
            agent="Alex Kim",
        )
        writer = TextWriter(random, topic, phrases, facts)
        bodies = write_bodies(writer)
        subjects = [writer.fill_placeholders(subject) for subject in topic.subjects]
        for body in bodies:
            assert body == text.clean_text(body, "body", max_chars=text.MAX_BODY_CHARS)
        for subject in subjects:
            assert subject == text.clean_text(subject, "subject", max_chars=text.MAX_SUBJECT_CHARS)
        assert not [line for line in bodies + subjects if "{" in line or "}" in line]
        assert topic.tags == tuple(text.clean_tags(topic.tags, "tags"))
        resources = writer.choose_resources(new_id())
        assert tuple(resource.kind for resource in resources) == topic.resources[: len(resources)]
