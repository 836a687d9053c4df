"""Sign-ins with passwords: guesses for one account, and many sign-ins with the right password."""

from __future__ import annotations

import asyncio

import orjson

from benchmarks.attacks.target import Target
from models.people.password import hash_password
from models.people.user import User

SIGN_IN = "mutation($i: SignInInput!) { signIn(input: $i) { token } }"
GUESSES = 200
MAX_CHECKED_GUESSES = 20
"""The first 10 attempts have no delay. Then the delays double, so few more are checked within
minutes, whatever the number of processes."""
CONNECTIONS = 32
SIGN_INS_PER_CONNECTION = 2
EMAIL = "signs-in@example.com"
PASSWORD = "a right password"


async def guess_password(target: Target) -> list[str]:
    """Guess many passwords of one account at once.

    The service checks only a few, because all its processes share the count of attempts.
    """
    email = f"account-of-{target.token[-8:]}@example.com"
    guesses = [
        target.post(SIGN_IN, {"i": {"email": email, "password": f"guess {index}"}})
        for index in range(GUESSES)
    ]
    responses = list(await asyncio.gather(*guesses))
    checked = responses.count("200")  # a guess that is refused unchecked is "200 RATE_LIMITED"
    return responses if checked <= MAX_CHECKED_GUESSES else [f"{checked} guesses were checked"]


async def create_password_account() -> None:
    """Create the customer who signs in, in the connected database."""
    password_hash = await asyncio.to_thread(hash_password, PASSWORD)
    await User.create(email=EMAIL, display_name="Signs in", password_hash=password_hash)


async def sign_in_repeatedly(target: Target) -> list[str]:
    """Anonymous sign-ins with the right password on many connections."""
    variables = {"i": {"email": EMAIL, "password": PASSWORD}}
    body = orjson.dumps({"query": SIGN_IN, "variables": variables})
    request = target.build_request(body, authorization="")

    async def sign_in() -> list[str]:
        return [
            response
            for _ in range(SIGN_INS_PER_CONNECTION)
            for response in await target.send_bytes(request)
        ]

    responses = await asyncio.gather(*(sign_in() for _ in range(CONNECTIONS)))
    return [response for each in responses for response in each]
