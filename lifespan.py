"""The lifespan of a server process: opens the database, runs background tasks, closes all."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Coroutine
from typing import Any

import structlog

from background import follow_demo_clock, run_jobs_in_server
from engine.server.traffic import TRAFFIC_STATE
from models import database
from models.database.config import STATEMENT_TIMEOUT_SECONDS
from models.log import event
from models.notifications import notification
from models.people import token
from resolvers.context import Services
from services.components import Components

TOKEN_USE_SECONDS = 30.0
"""The interval at which the last use of each token is stored."""
log = structlog.get_logger("ticketwire")


@contextlib.asynccontextmanager
async def lifespan(components: Components) -> AsyncGenerator[dict[str, Any]]:
    """Open the database and run the background tasks; on exit, stop them and close everything.

    Yields the lifespan's state, where uvicorn's protocol classes find their TrafficLimits.
    """
    try:
        await start(components)
    except BaseException:
        await database.disconnect()  # a thread of SQLite would keep the process alive
        raise
    tasks = [asyncio.create_task(work) for work in build_background_tasks(components)]
    try:
        yield {TRAFFIC_STATE: components.traffic}
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await close(components)


async def start(components: Components) -> None:
    settings, services = components.settings, components.services
    await database.connect(
        settings.database_url, settings.database_pool_size, STATEMENT_TIMEOUT_SECONDS
    )
    services.event_tail.start_at(await event.read_head())
    services.notification_tail.start_at(await notification.read_last_number())
    if services.demo_clock is not None:
        await services.demo_clock.refresh()
    if components.wakeup.redis is not None:
        components.connections.schema.persisted_documents.connect_redis(settings.bus_url)


def build_background_tasks(components: Components) -> list[Coroutine[Any, Any, None]]:
    settings, services = components.settings, components.services
    tasks: list[Coroutine[Any, Any, None]] = [
        services.event_tail.run(),
        services.notification_tail.run(),
        services.presence.run(),
        components.wakeup.run(),
        components.viewers.run(),
        store_token_use_periodically(services),
    ]
    if services.demo_clock is not None:
        tasks.append(follow_demo_clock(services.demo_clock))
    if components.wakeup.redis is not None:
        tasks.append(components.connections.schema.buckets.run(settings.bus_url))
    if settings.run_jobs:
        tasks.append(
            run_jobs_in_server(settings, services, components.tickets, components.webhook_payloads)
        )
    return tasks


async def close(components: Components) -> None:
    """Close everything. If a step raises an exception, the other steps run nevertheless."""
    connections, services = components.connections, components.services
    async with contextlib.AsyncExitStack() as steps:  # it runs them in reverse order
        steps.push_async_callback(database.disconnect)
        steps.push_async_callback(store_token_use, services)
        steps.push_async_callback(services.background_writes.finish)
        steps.push_async_callback(services.identity_providers.close)
        steps.push_async_callback(connections.schema.persisted_documents.close)
        if components.compressor is not None:
            steps.callback(components.compressor.close)
        steps.callback(services.markdown.close)
        steps.callback(connections.schema.document_cache.close)
        steps.push_async_callback(connections.groups.close)


async def store_token_use_periodically(services: Services) -> None:
    while True:
        await asyncio.sleep(TOKEN_USE_SECONDS)
        await store_token_use(services)


async def store_token_use(services: Services) -> None:
    """Store when tokens were last used. If that fails, the next call tries again."""
    last_used = dict(services.last_used)
    services.last_used.clear()
    try:
        await token.record_uses(last_used)
    except Exception:
        log.exception("token_use.store_failed")
        services.last_used = {**last_used, **services.last_used}
