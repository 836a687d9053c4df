"""Neither the time nor an error of a requested email tells whether an account exists."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs
from support import Service
from support.account_mail import serving
from support.accounts import finish_account_emails

from models.notifications.account_mail import AccountMails
from models.notifications.email import Mail

pytestmark = pytest.mark.usefixtures("cheap_passwords")
QUEUE = AccountMails.queue
REQUESTS = [("requestPasswordReset", {}), ("registerUser", {"displayName": "Cora"})]
parametrized = pytest.mark.parametrize(("mutation", "fields"), REQUESTS)
TIMEOUT_SECONDS = 30
"""Only reached if a response waits for an email."""


async def request(service: Service, mutation: str, email: str, fields: dict[str, str]) -> object:
    """The response to a mutation, which does not wait for the email."""
    kind = mutation[0].upper() + mutation[1:] + "Input"
    query = f"mutation($input: {kind}!) {{ {mutation}(input: $input) {{ userErrors {{ code }} }} }}"
    async with asyncio.timeout(TIMEOUT_SECONDS):
        answer = await service.client().answer(query, input={"email": email, **fields})
    return answer["data"]


@parametrized
async def test_a_response_does_not_wait_until_an_email_is_queued(
    url: str, monkeypatch: pytest.MonkeyPatch, mutation: str, fields: dict[str, str]
) -> None:
    released = asyncio.Event()

    async def queue_later(*args: object, **kwargs: object) -> None:
        await released.wait()
        await QUEUE(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(AccountMails, "queue", queue_later)
    async with serving(url, self_registration=True) as (service, world):
        try:
            answer = await request(service, mutation, "cora@example.com", fields)
            assert answer == {mutation: {"userErrors": []}}
        finally:
            released.set()
        await finish_account_emails()
        assert [each.user_id for each in await Mail.all()] == [world.cora.id]


@parametrized
async def test_an_email_that_cannot_be_queued_does_not_change_the_response(
    url: str, monkeypatch: pytest.MonkeyPatch, mutation: str, fields: dict[str, str]
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(AccountMails, "queue", fail)
    async with serving(url, self_registration=True) as (service, _):
        with capture_logs() as lines:
            answer = await request(service, mutation, "cora@example.com", fields)
            await finish_account_emails()
        assert answer == {mutation: {"userErrors": []}}
        assert [line["write"] for line in lines if line["event"] == "background_write.failed"] == [
            mutation
        ]
