"""Mutations of accounts, sessions and second factors, as a client sends them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

import pyotp
from pyotp.totp import TOTP

from models.audit.entry import AuditEntry
from models.people import password
from models.people.user import User
from support.client import Client
from support.live import until
from support.service import Service

PASSWORD = "correct horse"
ERRORS = "userErrors { code field message }"
SELECTIONS = {
    "signIn": "token requiresSecondFactorSetup expiresAt viewer { scopes }",
    "changePassword": "user { displayName }",
    "requestPasswordReset": "",
    "resetPassword": "email",
    "sendInvitation": "replayed userId user { id email }",
    "inviteUser": "replayed user { id email displayName role teams { slug } active }",
    "registerUser": "",
    "revokeSession": "replayed session { id current }",
    "revokeAllSessions": "replayed revoked user { displayName }",
    "startSecondFactor": "replayed secret otpauthUri",
    "confirmSecondFactor": "replayed recoveryCodes",
    "disableSecondFactor": "replayed user { displayName }",
    "renewRecoveryCodes": "replayed recoveryCodes user { displayName }",
    "resetSecondFactor": "replayed user { displayName }",
    "createApiClient": "replayed apiClient { id displayName active version }",
    "updateApiClient": "replayed apiClient { id displayName active version }",
    "deactivateApiClient": "replayed apiClient { id displayName active version }",
    "reactivateApiClient": "replayed apiClient { id displayName active version }",
    "createApiToken": "replayed token apiToken { id scopes expiresAt revokedAt }",
    "rotateApiToken": "replayed token apiToken { id name scopes } replacedToken { id expiresAt }",
    "revokeApiToken": "apiToken { id revokedAt }",
}


async def send(client: Client, mutation: str, **input: Any) -> dict[str, Any]:
    """Run a mutation; return its payload, which may hold user errors."""
    kind = mutation[0].upper() + mutation[1:] + "Input"
    query = (
        f"mutation($input: {kind}!) {{ {mutation}(input: $input) "
        f"{{ {SELECTIONS[mutation]} {ERRORS} }} }}"
    )
    payload = dict((await client.run(query, input=input))[mutation])
    if mutation in ("requestPasswordReset", "registerUser"):
        await finish_account_emails()
    return payload


async def finish_account_emails() -> None:
    """Wait until the service in this process has queued the emails that were requested.

    A response does not wait for that.
    """
    names = ("background write requestPasswordReset", "background write registerUser")
    writes = [each for each in asyncio.all_tasks() if each.get_name() in names]
    await asyncio.gather(*writes)


async def succeed(client: Client, mutation: str, **input: Any) -> dict[str, Any]:
    """Run a mutation that must succeed; return its payload."""
    payload = await send(client, mutation, **input)
    assert payload["userErrors"] == [], payload
    return payload


async def error_of(client: Client, mutation: str, **input: Any) -> str:
    """Run a mutation that must be refused; return the error as `CODE field`."""
    (error,) = (await send(client, mutation, **input))["userErrors"]
    return " ".join([error["code"], *(error["field"] or [])[1:]])


@cache
def hash_password(text: str) -> str:
    """The hash of a password, for accounts of tests. It takes 0.2 s of CPU, so it is kept."""
    return password.hash_password(text)


async def set_password(email: str, password_hash: str) -> None:
    await User.filter(email=email).update(password_hash=password_hash)


async def set_passwords(*names: str) -> None:
    """Let people such as `ada` sign in with PASSWORD."""
    for name in names:
        await set_password(f"{name}@example.com", hash_password(PASSWORD))


def current_code(secret: str, at: datetime, steps: int = 0) -> str:
    """The code of a second factor, some steps of 30 s later."""
    return TOTP(secret).generate_otp(int(at.timestamp()) // 30 + steps)


def code_at(service: Service, secret: str, steps: int = 0) -> str:
    return current_code(secret, service.clock(), steps)


async def enrol(service: Service, client: Client) -> tuple[str, list[str]]:
    """Set up a second factor; return its secret and the recovery codes."""
    secret = (await succeed(client, "startSecondFactor", currentPassword=PASSWORD))["secret"]
    confirmed = await succeed(client, "confirmSecondFactor", code=code_at(service, secret))
    return secret, confirmed["recoveryCodes"]


def read_secret(uri: str) -> str:
    parsed = pyotp.parse_uri(uri)
    return parsed.secret


async def failed_sign_ins(count: int) -> list[UUID | None]:
    """The users of the failed sign-ins in the audit log, when it has so many entries of them.

    A response does not wait for the entry.
    """

    async def read_entries() -> Sequence[AuditEntry]:
        entries = await AuditEntry.filter(action="signInFailed").order_by("id")
        return entries if len(entries) >= count else ()

    entries = await until(read_entries)
    assert len(entries) == count
    return [entry.record_id for entry in entries]
