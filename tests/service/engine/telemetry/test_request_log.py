"""The request log names the user or API client of each operation."""

from __future__ import annotations

from typing import Any

import pytest
from structlog.testing import capture_logs
from support import Refused, Service, World
from support.accounts import hash_password
from support.client import EVENTS
from support.live import until

from models.people.user import User

SECRET = "correct horse battery"
SIGN_IN = """mutation($input: SignInInput!) {
  signIn(input: $input) { token userErrors { message } } }"""


async def client_id(service: Service, world: World) -> str:
    data = await service.client(world.api_client_token).run("{ viewer { apiClient { id } } }")
    return str(data["viewer"]["apiClient"]["id"])


def actors(lines: list[Any], event: str) -> list[str | None]:
    return [line["actor"] for line in lines if line["event"] == event and "actor" in line]


async def wait_for_lines(lines: list[Any], event: str, count: int) -> None:
    """Wait until so many lines are written; a request's line follows its response."""

    async def are_written() -> bool:
        return len(actors(lines, event)) == count

    await until(are_written)


async def test_lines_of_requests_have_the_actor(service: Service, world: World) -> None:
    machine_id = await client_id(service, world)
    callers = {
        world.ada.token: world.ada.gid,
        world.api_client_token: machine_id,
        None: None,
    }
    for token, actor in callers.items():
        with capture_logs() as lines:
            await service.client(token).run("{ viewer { role } }")
            await wait_for_lines(lines, "request", 1)
        assert actors(lines, "request") == [actor]
        assert token is None or token not in str(lines)


async def test_invalid_documents_and_refusals_have_the_actor(
    service: Service, world: World
) -> None:
    for query in ("{", "{ nothing }", "{ auditLog { totalCount } }"):
        with capture_logs() as lines:
            with pytest.raises(Refused):
                await service.client(world.ada.token).run(query)
            await wait_for_lines(lines, "request", 1)
        assert actors(lines, "request") == [world.ada.gid], query


async def test_a_sign_in_has_the_user_who_signed_in(service: Service, world: World) -> None:
    await User.filter(id=world.ada.id).update(password_hash=hash_password(SECRET))
    for password, actor in (("wrong", None), (SECRET, world.ada.gid)):
        with capture_logs() as lines:
            input = {"email": "ada@example.com", "password": password}
            await service.client().run(SIGN_IN, input=input)
            await wait_for_lines(lines, "request", 1)
        assert actors(lines, "request") == [actor]
        assert password not in str(lines)


async def test_operations_of_sockets_have_the_actor(service: Service, world: World) -> None:
    with capture_logs() as lines:
        async with service.client(world.ada.token).socket() as socket:
            await socket.subscribe("{ viewer { role } }")
            await socket.receive()
            await socket.subscribe(EVENTS)
            await wait_for_lines(lines, "operation", 2)
    assert actors(lines, "operation") == [world.ada.gid] * 2
