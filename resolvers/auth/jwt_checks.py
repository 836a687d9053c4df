"""Limits on the checks of JWTs that are not stored yet.

Such a check takes a signature and a transaction, which waits for other changes of people. Anyone
with an account at a provider can send such JWTs, also without an account here.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator

from engine.auth import TooManyTokens
from engine.limit_refusals import count_refusal
from engine.limits.concurrency import PerCallerLimit
from engine.limits.network import address_key
from engine.limits.rate import LeakyBuckets
from models.audit.entry import Origin
from models.oidc.bearer import SIGN_IN_WITH_JWT, accept_jwt, can_be_jwt
from resolvers.context import Context

JWT_COST = 100
"""The query cost of a JWT that is not stored yet, charged to the client's address."""
MAX_CONCURRENT = 4
"""JWTs of all clients that are checked at once. Others need the event loop and connections, too."""
MAX_CONCURRENT_PER_NETWORK = 2


class JwtChecks:
    """Checks and stores the JWTs of all clients of this process."""

    def __init__(self, buckets: LeakyBuckets) -> None:
        self.buckets = buckets
        self.slots = asyncio.Semaphore(MAX_CONCURRENT)
        self.network_slots = PerCallerLimit(MAX_CONCURRENT_PER_NETWORK)

    async def accept(self, context: Context, text: str) -> bool:
        """Check and store a JWT. Returns whether it is now a valid token of a user.

        Raises TooManyTokens.
        """
        providers = context.services.identity_providers
        if not can_be_jwt(providers, text):
            return False
        key = address_key(context.address)
        if self.buckets.capacity and (wait_ms := self.buckets.take(key, JWT_COST).retry_after_ms):
            count_refusal("jwt_checks")
            raise TooManyTokens(wait_ms)
        origin = Origin(SIGN_IN_WITH_JWT, address=context.address, request_id=context.request_id)
        slot = self.hold_slot(key)
        return await accept_jwt(providers, text, context.now(), origin, context.user_agent, slot)

    @contextlib.asynccontextmanager
    async def hold_slot(self, key: str) -> AsyncGenerator[None]:
        async with self.network_slots.semaphore_of(key), self.slots:
            yield
