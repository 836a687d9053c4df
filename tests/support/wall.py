"""Screens of wallboards: their requests, with the headers that browsers add."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx2

from models.core import time
from models.wall.pairing import open_pairing
from support.admin_mutations import run_mutation
from support.client import Client
from support.page import Page

PAIRING_PATH, STATE_PATH = "/wall/session/pairing", "/wall/session/state"


class Screen(Page):
    """The page of a wallboard."""

    async def open_pairing(self) -> str:
        """Request a pairing code, which is returned, and keep the cookie."""
        response = await self.send("POST", PAIRING_PATH)
        assert response.status_code == 200, response.text
        self.keep_cookie(response)
        return str(response.json()["code"])

    async def request_state(self, after: str = "", **changes: str | None) -> httpx2.Response:
        query = f"?after={after}" if after else ""
        return await self.send("GET", STATE_PATH + query, **changes)

    async def read_state(self, after: str = "") -> dict[str, Any]:
        response = await self.request_state(after)
        assert response.status_code == 200, response.text
        return dict(response.json())

    async def pair(self, client: Client, board: str = "all") -> str:
        """Let a member of staff approve the screen; return its id."""
        code = await self.open_pairing()
        screen = await run_mutation(
            client, "approveWallScreen", code=code, name="Entrance", board=board
        )
        return str(screen["id"])


async def approval_input() -> dict[str, Any]:
    """The input of an approval: the code of a new pairing, which waits in the database.

    It waits a day, because a test may have moved the service's clock.
    """
    opened = await open_pairing("192.0.2.1", "192.0.2.0/24", None, time.now() + timedelta(days=1))
    return {"code": opened.code, "name": "Entrance"}
