"""Builds what webhooks need: the client for their targets, and the reader of their payloads."""

from __future__ import annotations

from engine.execution.plans import Planner
from models.core.errors import explain_error
from models.database.outage import is_outage
from models.outbound.http_client import OutboundHttpClient
from resolvers.context import Context, Services
from resolvers.webhooks.payload_source import GraphQLPayloadSource
from schema import root
from schema.records import record_types
from services.auth_hooks import viewer_key
from services.limits import build_document_limits
from settings.application import Settings

MAX_RESPONSE_BYTES = 64 * 1024
"""How much of a target's response is read."""


def build_webhook_client(settings: Settings) -> OutboundHttpClient:
    return OutboundHttpClient(
        allowed_networks=settings.allowed_networks,
        allow_http=settings.allow_http_webhooks,
        timeout_seconds=settings.webhook_timeout_seconds,
        max_response_bytes=MAX_RESPONSE_BYTES,
    )


def build_payload_source(settings: Settings, services: Services) -> GraphQLPayloadSource:
    """Build what reads payloads: the schema, with the limits of webhooks instead of callers'."""
    schema = root.build(
        explain_error=explain_error,
        is_outage=is_outage,
        viewer_key=viewer_key,
        document_limits=build_document_limits(settings),
        max_cost=settings.max_webhook_query_cost,
        timeout_seconds=settings.operation_timeout_seconds,
    )
    if settings.compiled_plans != "none":
        schema.planner = Planner(schema, record_types.SCHEMA_MAP, compile_at_once=True)
    return GraphQLPayloadSource(schema, lambda viewer: Context(services, "webhook", "", viewer))
