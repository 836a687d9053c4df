"""Guesses of a password: many passwords for one account at once."""

from __future__ import annotations

import asyncio

from benchmarks.attacks.target import Target

GUESS = "mutation($i: SignInInput!) { signIn(input: $i) { token } }"
GUESSES = 200
MAX_CHECKED_GUESSES = 20
"""10 attempts are free. The delays after them double, so few more are checked within minutes,
whatever the number of processes."""


async def guess_password(target: Target) -> list[str]:
    """Many passwords for one account at once. All processes together check only a few."""
    email = f"account-of-{target.token[-8:]}@example.com"
    guesses = [
        target.post(GUESS, {"i": {"email": email, "password": f"guess {index}"}})
        for index in range(GUESSES)
    ]
    responses = list(await asyncio.gather(*guesses))
    checked = responses.count("200")
    return responses if checked <= MAX_CHECKED_GUESSES else [f"{checked} guesses were checked"]
