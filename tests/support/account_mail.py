"""The service with emails about accounts, and the links of the emails that it has sent."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from models.people.password import hash_password
from support.accounts import PASSWORD, finish_account_emails, send, set_password
from support.actors import World
from support.mailing import mailer, send_due_mails
from support.service import Service, running
from support.smtp_sink import Sink, body

URL = "https://help.example.com/portal/"
LINK = re.compile(r"https://help\.example\.com/portal/([a-z-]+)#token=(\S+)")
NEW = "another horse"


@asynccontextmanager
async def serving(url: str, **settings: Any) -> AsyncGenerator[tuple[Service, World]]:
    options: dict[str, Any] = {"public_url": URL, "run_jobs": False, **settings}
    async with running(url, **options) as service:
        world = await World.make()
        await set_password("cora@example.com", hash_password(PASSWORD))
        yield service, world


async def deliver(service: Service, inbox: Sink) -> list[tuple[str, str]]:
    """Send the due emails; return the page and the token of each link received so far."""
    await finish_account_emails()
    await send_due_mails(mailer(inbox, url=URL), service.clock())
    found = [LINK.search(body(message)) for message in inbox.received]
    return [(match[1], match[2]) for match in found if match]


async def sign_in(service: Service, email: str, password: str) -> bool:
    payload = await send(service.client(), "signIn", email=email, password=password)
    return payload["token"] is not None
