"""Metrics of the connections and subscriptions of this process."""

from __future__ import annotations

from engine.fanout.group import SubscriptionGroups
from engine.limits.connections import ConnectionRegistry
from engine.limits.open_connections import OpenConnections
from engine.limits.transfers import TransferBudget
from engine.server.traffic import TrafficLimits
from engine.telemetry.metrics import ProcessSample, build_process_samples


def connection_metrics(
    registry: ConnectionRegistry, groups: SubscriptionGroups, process: str
) -> list[ProcessSample]:
    """The open connections and subscriptions now, and totals since the process started."""
    backlogs = [connection.outbox.backlog for connection in registry.connections]
    return build_process_samples(
        process,
        connections=len(registry.connections),
        subscriptions=sum(len(group.subscribers) for group in groups.running),
        subscription_groups=len(groups.running),
        group_events_total=groups.counters.items,
        deliveries_total=groups.counters.deliveries,
        slow_clients_disconnected_total=registry.slow_clients,
        connections_refused_total=registry.refused,
        outbox_bytes=sum(backlogs),
        largest_outbox_bytes=max(backlogs, default=0),
    )


def traffic_metrics(traffic: TrafficLimits, process: str) -> list[ProcessSample]:
    """How often clients exceeded the limits on traffic since the process started."""
    return build_process_samples(
        process,
        websocket_frame_floods_total=traffic.frame_floods,
        websocket_read_pauses_total=traffic.read_pauses,
        discard_limit_aborts_total=traffic.discard_aborts,
    )


def transfer_metrics(
    transfers: TransferBudget, connections: OpenConnections, process: str
) -> list[ProcessSample]:
    """The HTTP connections without streams, and the bytes of long requests and responses, now."""
    return build_process_samples(
        process, http_connections=connections.total, transfer_bytes=transfers.total
    )
