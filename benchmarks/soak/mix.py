"""The seeded mix: which viewer each client is, what it subscribes to and how it behaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from benchmarks.soak.client import Behaviour, Client, SocketClient
from benchmarks.soak.event_stream import EventStreamClient
from benchmarks.soak.latency import Latencies
from benchmarks.soak.streams import (
    EventStream,
    ListStream,
    NotificationStream,
    PresenceStream,
    StatsStream,
    Stream,
)
from benchmarks.soak.viewers import Viewer, Viewers

Filter = Mapping[str, Any]
FIXED_FILTERS: Mapping[str, Filter] = {
    "all tickets": {},
    "support": {"team": {"eq": "support"}},
    "billing": {"category": {"eq": "billing"}},
    "high priority": {"priority": {"in": ["HIGH", "URGENT"]}},
    "high priority at support": {"team": {"eq": "support"}, "priority": {"in": ["HIGH", "URGENT"]}},
    "not sales": {"not": {"team": {"eq": "sales"}}},
}
"""The writers change nothing that these filters look at. So the log tells, at the end, which events
a stream must have received."""
LIST_FILTERS: Mapping[str, Filter] = {
    "open tickets": {"stage": {"in": ["CREATION", "RESOLUTION"]}},
    "new tickets": {"status": {"eq": "NEW"}},
    "open tickets of support": {"stage": {"eq": "RESOLUTION"}, "team": {"eq": "support"}},
    "urgent tickets": {"priority": {"eq": "URGENT"}, "stage": {"eq": "RESOLUTION"}},
}
STREAM_WEIGHTS = {
    "ticketEvents": 45,
    "ticketStatusChanged": 18,
    "ticketChanges": 12,
    "ticketStats": 10,
    "ticketPresence": 6,
    "notifications": 9,
}
BEHAVIOUR_WEIGHTS = {
    Behaviour.STEADY: 60,
    Behaviour.RECONNECTING: 18,
    Behaviour.RESUBSCRIBING: 14,
    Behaviour.SLOW: 8,
}
VIEWER_WEIGHTS = {"agent": 55, "customer": 30, "admin": 5, "client": 10}
MAX_STREAMS_PER_SOCKET = 3
EVENT_STREAMS_PER_SOCKET = 0.06
"""Clients that use server-sent events instead, beside so many sockets."""


@dataclass(frozen=True)
class Surroundings:
    """What the streams refer to when the soak begins."""

    head: str
    """The cursor of the log after which all streams of events begin."""
    inboxes: Mapping[str, str]
    """The cursor of the newest notification by the viewer's name, of inboxes that have one."""
    presence_tickets: Sequence[str]


@dataclass(frozen=True)
class Mix:
    """Chooses by a random generator, so that equal seeds give equal mixes."""

    random: Random
    viewers: Viewers
    surroundings: Surroundings
    port: int
    latencies: Latencies

    def build_clients(self, sockets: int) -> list[Client]:
        clients: list[Client] = [self.build_socket_client() for _ in range(sockets)]
        for _ in range(round(sockets * EVENT_STREAMS_PER_SOCKET)):
            viewer = self.choose_viewer()
            stream = self.build_stream(viewer, "ticketEvents")
            random = Random(self.random.random())
            clients.append(EventStreamClient(self.port, viewer, stream, self.latencies, random))
        return clients

    def build_socket_client(self) -> Client:
        viewer = self.choose_viewer()
        count = self.random.randint(1, MAX_STREAMS_PER_SOCKET)
        streams = [self.build_stream(viewer, self.choose(STREAM_WEIGHTS)) for _ in range(count)]
        behaviour = self.choose(BEHAVIOUR_WEIGHTS)
        random = Random(self.random.random())
        return SocketClient(self.port, viewer, streams, self.latencies, random, behaviour)

    def choose(self, weights: Mapping[Any, int]) -> Any:
        return self.random.choices(list(weights), list(weights.values()))[0]

    def choose_viewer(self) -> Viewer:
        groups: Mapping[str, Sequence[Viewer]] = {
            "agent": self.viewers.agents,
            "customer": self.viewers.customers,
            "admin": [self.viewers.admin],
            "client": [self.viewers.client],
        }
        return self.random.choice(groups[self.choose(VIEWER_WEIGHTS)])

    def build_stream(self, viewer: Viewer, field: str) -> Stream:
        """Build a stream of a root field; of ticketEvents if the viewer may not use the field."""
        if field == "ticketChanges":
            return ListStream(*self.random.choice(list(LIST_FILTERS.items())))
        if field == "ticketStats":
            return StatsStream(*self.random.choice(list(FIXED_FILTERS.items())))
        if field == "ticketPresence" and viewer.is_staff:
            return PresenceStream(self.random.choice(self.surroundings.presence_tickets))
        if field == "notifications" and viewer.name in self.surroundings.inboxes:
            return NotificationStream(self.surroundings.inboxes[viewer.name])
        name, filter = self.random.choice(list(FIXED_FILTERS.items()))
        root = "ticketStatusChanged" if field == "ticketStatusChanged" else "ticketEvents"
        return EventStream(root, name, filter, self.surroundings.head)
