"""Composing emails creates no classes, which only the garbage collector would free."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from datetime import UTC, datetime
from email.headerregistry import Address, BaseHeader

import pytest

from models.core.ids import new_id
from models.notifications.email import Mail
from workers.mail.composer import Composer
from workers.mail.template import Templates, build_samples

TEMPLATE = "resolved"
MAILS = 5


@pytest.fixture
def without_collections() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


def compose_mail(composer: Composer, number: int) -> bytes:
    """Compose a mail with all parts; return it as it is sent."""
    mail = Mail(
        address=f"clara{number}@example.com",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        message_id=f"<{new_id()}@example.com>",
        template=TEMPLATE,
    )
    message = composer.build_common_headers(mail, "Clara", f"Ticket {number}")
    composer.add_content(message, TEMPLATE, build_samples(TEMPLATE)[0])
    return message.as_bytes()


def find_header_classes() -> set[int]:
    """The ids of all classes of headers that exist, or are garbage."""
    return {
        id(each)
        for each in gc.get_objects()
        if issubclass(type(each), type) and BaseHeader in each.__bases__
    }


def test_a_mail_creates_no_class_that_the_one_before_created(without_collections: None) -> None:
    composer = Composer(Templates(), Address("Help", addr_spec="help@example.com"))
    sent = compose_mail(composer, 0)
    assert b"To: Clara <clara0@example.com>" in sent
    assert sent.count(b"Content-Type: ") == 3
    before = find_header_classes()
    for number in range(1, MAILS):
        assert f"clara{number}@example.com".encode() in compose_mail(composer, number)
    assert find_header_classes() == before
