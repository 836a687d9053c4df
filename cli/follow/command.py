"""The command `follow`."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from typer import Option

from cli.follow.errors import FollowError
from settings.follow import FollowSettings

if TYPE_CHECKING:
    from cli.follow.follower import Follower

INTERRUPTED = 130
"""The exit code of a program that Ctrl-C has ended."""
ONCE_GIVE_UP_SECONDS = 60.0


def follow(
    to: Annotated[
        str | None,
        Option(
            help="The target: postgres://user@host/name, sqlite:///path or jsonl:path. "
            "Default: TICKETWIRE_FOLLOW_TO."
        ),
    ] = None,
    server: Annotated[
        str | None,
        Option(
            help="The URL of the server, such as https://desk.example.com. "
            "Default: TICKETWIRE_FOLLOW_SERVER."
        ),
    ] = None,
    token_file: Annotated[
        Path | None,
        Option(
            help="A file with the API token. Default: TICKETWIRE_FOLLOW_TOKEN_FILE, or the token "
            "in TICKETWIRE_FOLLOW_TOKEN."
        ),
    ] = None,
    once: Annotated[bool, Option("--once", help="End when the target is up to date.")] = False,
    give_up_after: Annotated[
        float | None,
        Option(
            metavar="SECONDS",
            min=0,
            help="End with an error if the server can't be reached for this long. "
            "Default: 60 with --once; otherwise wait for ever.",
        ),
    ] = None,
) -> None:
    """Copy tickets, messages, people and events of a server into tables, and keep them equal."""
    # The other commands don't need these libraries, and would start later.
    from cli.follow.api import Api
    from cli.follow.follower import Follower
    from cli.follow.target_url import build_target

    settings = FollowSettings()
    if give_up_after is None and once:
        give_up_after = ONCE_GIVE_UP_SECONDS
    try:
        target = build_target(to or settings.to or fail("give the target with --to"))
        token = read_token(token_file, settings)
        url = server or settings.server or fail("give the server with --server")

        async def run() -> None:
            api = Api(url, token, give_up_after, report)
            try:
                await run_until_terminated(Follower(api, target, report), once=once)
            finally:
                await api.close()

        asyncio.run(run())
    except FollowError as error:
        fail(str(error))
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


async def run_until_terminated(follower: Follower, *, once: bool) -> None:
    """Run the follower. SIGTERM ends it between two transactions of the target, as success."""
    running = asyncio.ensure_future(follower.run(once=once))
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, running.cancel)
    try:
        await asyncio.wait({running})
        if not running.cancelled():
            running.result()
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
        if not running.done():  # Ctrl-C cancelled this task, not that one
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


def read_token(path: Path | None, settings: FollowSettings) -> str:
    """The token from the file or the environment. Exits with code 1 if there is none."""
    if path is None and settings.token_file:
        path = Path(settings.token_file)
    try:
        token = settings.token if path is None else path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fail(f"can't read the token from {path}: {getattr(error, 'strerror', 'it is no text')}")
    token = token.strip()
    if not token:
        fail("give the API token with --token-file or in TICKETWIRE_FOLLOW_TOKEN")
    if not token.isascii() or not token.isprintable() or " " in token:
        fail("the API token must be one word of ASCII characters")
    return token


def report(line: str) -> None:
    typer.echo(f"ticketwire: {line}", err=True)


def fail(message: str) -> NoReturn:
    typer.echo(f"ticketwire: {message}", err=True)
    raise typer.Exit(1)
