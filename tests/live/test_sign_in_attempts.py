"""Several processes count sign-in attempts together: on Postgres 4 workers, on SQLite 2 servers."""

from __future__ import annotations

import contextlib

from support.service import start

from benchmarks.accounts import create_account
from benchmarks.attacks.passwords import GUESSES, MAX_CHECKED_GUESSES, guess_password
from benchmarks.attacks.target import Target
from models import database
from models.people.sign_in_limits import SignInAttempts


async def test_all_processes_together_check_few_passwords_of_one_account(url: str) -> None:
    is_postgres = url.startswith("postgres")
    arguments = ("--workers", "4") if is_postgres else ()
    await database.connect(url)
    try:
        token = await create_account("Attacker")
        async with contextlib.AsyncExitStack() as stack:
            responses: list[str] = []
            for _ in range(1 if is_postgres else 2):
                process = await start(url, None, *arguments, TICKETWIRE_RUN_JOBS="false")
                stack.callback(process.stop)
                responses += await guess_password(Target(process.port, token, ""))
            assert set(responses) == {"200", "200 RATE_LIMITED"}
            assert 10 <= responses.count("200") <= MAX_CHECKED_GUESSES
            assert len(responses) >= GUESSES
        attempts = await SignInAttempts.all()
        counts = [row.attempts for row in attempts]
        assert counts == [responses.count("200")] * 4, "refused attempts are not counted"
    finally:
        await database.disconnect()
