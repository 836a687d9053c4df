"""Builds the limits on clients of a server process, as the settings say."""

from __future__ import annotations

from engine.graphql.document_limits import DocumentLimits
from engine.limits.connections import ConnectionLimits
from engine.limits.network import parse_networks
from engine.limits.open_connections import OpenConnections
from engine.server.traffic import TrafficLimits
from settings.application import Settings
from settings.limits import LimitSettings


def build_document_limits(settings: LimitSettings) -> DocumentLimits:
    return DocumentLimits(
        bytes=settings.max_document_bytes,
        tokens=settings.max_document_tokens,
        depth=settings.max_document_depth,
        aliases=settings.max_document_aliases,
        root_fields=settings.max_document_root_fields,
        merged_selections=settings.max_document_field_repeats,
        directives=settings.max_document_directives,
        fragments=settings.max_document_fragments,
        operations=settings.max_document_operations,
    )


def build_connection_limits(settings: LimitSettings) -> ConnectionLimits:
    return ConnectionLimits(
        max_connections=settings.max_connections,
        max_connections_per_viewer=settings.max_connections_per_viewer,
        max_connections_per_address=settings.max_connections_per_address,
        max_operations_per_socket=settings.max_operations_per_socket,
        max_outbox_bytes=settings.max_outbox_bytes,
        init_timeout_seconds=settings.connection_init_timeout_seconds,
    )


def build_open_connections(settings: Settings) -> OpenConnections:
    return OpenConnections(
        settings.max_http_connections,
        settings.max_http_connections_per_address,
        parse_networks(settings.trusted_proxies),
    )


def build_traffic_limits(
    settings: LimitSettings, open_connections: OpenConnections
) -> TrafficLimits:
    return TrafficLimits(
        connections=open_connections,
        max_frames_per_second=settings.max_socket_frames_per_second,
        max_bytes_per_second=settings.max_socket_bytes_per_second,
        max_discarded_bytes=settings.max_discarded_bytes,
    )
