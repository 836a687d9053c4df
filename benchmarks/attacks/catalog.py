"""All attacks: what one client sends, and the responses that it may get."""

from __future__ import annotations

from functools import partial

from benchmarks.attacks.attack import (
    Attack,
    as_flood,
    as_frames,
    as_request,
    attack,
    over_all_transports,
    with_subscriptions,
    with_variables,
)
from benchmarks.attacks.concurrency import CONCURRENT
from benchmarks.attacks.connections import (
    leave_long_responses_unread,
    open_idle_connections,
    send_incomplete_bodies,
    send_long_paths,
    send_thousands_of_pipelined_requests,
    send_tiny_chunks,
)
from benchmarks.attacks.documents import BOMBS
from benchmarks.attacks.escalations import ESCALATIONS, escalate_repeatedly
from benchmarks.attacks.floods import FLOODS, send_large_bodies, send_large_chunked_bodies
from benchmarks.attacks.requests import FRAMES, REQUESTS
from benchmarks.attacks.subscriptions import (
    FEWER_SEARCHES,
    SEARCHES,
    event_searches,
    live_statistics_and_lists,
    trivial_events,
)
from benchmarks.attacks.values import VALUES

TOO_LARGE = "413 BAD_REQUEST"
TOO_LONG = "414 BAD_REQUEST"
LARGE_BODIES: tuple[Attack, ...] = (
    attack("twenty bodies of 20 MB", send_large_bodies, TOO_LARGE),
    attack(
        "twenty bodies of 20 MB from clients that close the connection",
        partial(send_large_bodies, connection="close"),
        TOO_LARGE,
    ),
    attack("twenty bodies of 20 MB in chunks", send_large_chunked_bodies, TOO_LARGE),
)


CONNECTIONS: tuple[Attack, ...] = (
    attack("sixty thousand chunks of one byte, on 20 connections", send_tiny_chunks, TOO_LARGE),
    attack("nineteen thousand escapes in a path, on 20 connections", send_long_paths, TOO_LONG),
    attack(
        "ten thousand pipelined requests, on 20 connections",
        send_thousands_of_pipelined_requests,
        "200",
        "429 BAD_REQUEST",
        "cut",
    ),
    attack("1,500 connections without a request", open_idle_connections, "200"),
    attack("200 bodies of a megabyte that never end", send_incomplete_bodies, "200"),
    attack("30 responses of 24 MB, not read", leave_long_responses_unread, "200", "429"),
)

REFUSED = "error QUERY_TOO_EXPENSIVE"
SUBSCRIPTIONS: tuple[Attack, ...] = (
    with_subscriptions("to events with 32 searches", event_searches(SEARCHES, 100), REFUSED),
    with_subscriptions(
        "to events with 16 searches",
        event_searches(FEWER_SEARCHES, 100),
        "next",
        REFUSED,
        "error RATE_LIMITED",
    ),
    with_subscriptions("to all events", trivial_events(1000), "next", REFUSED),
    with_subscriptions("to statistics and lists", live_statistics_and_lists(100), "next", REFUSED),
)

NOTIFICATIONS = attack(f"{ESCALATIONS} escalations of one ticket", escalate_repeatedly, "200")

ATTACKS: tuple[Attack, ...] = (
    *(
        each
        for name, (query, code) in BOMBS.items()
        for each in over_all_transports(name, query, code)
    ),
    *(with_variables(name, operation) for name, operation in VALUES.items()),
    *(as_request(name, build, expected) for name, (build, expected) in REQUESTS.items()),
    *(as_frames(name, frames, code) for name, (frames, code) in FRAMES.items()),
    *(as_flood(name, connections) for name in FLOODS for connections in (1, 20)),
    *LARGE_BODIES,
    *CONNECTIONS,
    *CONCURRENT,
    *SUBSCRIPTIONS,
    NOTIFICATIONS,
)
