"""What emails about accounts contain."""

from __future__ import annotations

from support.accounts import succeed
from support.mailing import mailer, send_due_mails
from support.service import running
from support.smtp_sink import body, sink

URL = "https://help.example.com"


async def test_a_stranger_can_not_send_a_text_to_an_address_by_registering(
    url: str,
) -> None:
    async with (
        running(url, public_url=URL, run_jobs=False, self_registration=True) as service,
        sink() as inbox,
    ):
        email, name = "victim@example.com", "You have won! Visit https://evil.example"
        await succeed(service.client(), "registerUser", email=email, displayName=name)
        await send_due_mails(mailer(inbox, url=URL), service.clock())
        (message,) = inbox.received
        assert b"evil" not in inbox.raw[0]
        assert body(message).startswith("Hello,")
        assert str(message["To"]) == email
