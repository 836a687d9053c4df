"""Runs operations without a server: with a compiled plan if there is one, or with graphql-core."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from graphql import GraphQLSchema

from engine.bus.log_tail import LogTail
from engine.bus.wakeup import WakeupBus
from engine.execution.schema import Schema
from engine.graphql.operation import QUERIES_AND_MUTATIONS
from engine.graphql.request import GraphQLRequest
from engine.graphql.response import encode_response
from models.access.viewer import authenticate
from models.people.password import PasswordChecker
from models.people.sign_in_limits import SignInLimits
from resolvers.auth.viewer_registry import ViewerRegistry
from resolvers.context import Context, ResolverSettings, Services
from resolvers.services.presence_tail import PresenceTail
from services.components import build_schema
from services.webhooks import build_payload_source
from settings.application import build_timer_settings, load
from support.large_dataset import NOW

LIMITS = {
    "max_document_bytes": 1_000_000,
    "max_document_tokens": 20_000,
    "max_document_depth": 20,
    "max_document_aliases": 200,
    "max_document_root_fields": 200,
    "max_document_field_repeats": 200,
    "max_document_directives": 200,
    "max_document_fragments": 200,
    "max_operation_cost": 1_000_000,
    "max_subscription_cost_per_viewer": 1_000_000,
    "max_subscription_cost": 1_000_000,
    "cost_bucket_size": 0,
    "operation_timeout_seconds": 600,
}
"""High limits, because the tests compare responses and not refusals."""
VOLATILE_EXTENSIONS = ("requestId", "cost")


@dataclass(frozen=True, slots=True)
class OperationRequest:
    """A request as a client sends it."""

    query: str
    variables: Mapping[str, Any] = field(default_factory=dict[str, Any])
    operation_name: str | None = None


@dataclass
class SchemaRunner:
    """The schema with the services of its resolvers. The clock stands still."""

    schema: Schema
    services: Services

    @classmethod
    def make(cls, url: str) -> SchemaRunner:
        wakeup_bus, viewers = WakeupBus("memory://"), ViewerRegistry(now)
        settings = load(database_url=url, compiled_plans="all", **LIMITS)
        resolver_settings = ResolverSettings(
            settings.reopen_window,
            settings.session_length,
            settings.max_live_list_tickets,
            build_timer_settings(settings),
        )

        def create_tail() -> LogTail[Any]:
            return LogTail(read_nothing, int, wakeup_bus.listen(), refresh=viewers.refresh)

        services = Services(
            settings=resolver_settings,
            now=now,
            wakeup=wakeup_bus,
            event_tail=create_tail(),
            notification_tail=create_tail(),
            presence=PresenceTail(wakeup_bus.listen(), now, refresh_permissions=viewers.refresh),
            passwords=PasswordChecker(),
            sign_in_limits=SignInLimits(100_000),
            viewers=viewers,
        )
        services.webhooks.payloads = build_payload_source(settings, services)
        return cls(build_schema(settings), services)

    @property
    def core(self) -> GraphQLSchema:
        return self.schema._schema  # pyright: ignore[reportPrivateUsage]

    @property
    def planner(self) -> Any:
        return getattr(self.schema, "planner", None)

    @contextlib.contextmanager
    def graphql_core_only(self) -> Generator[None]:
        """Let graphql-core execute all operations inside the block."""
        schema: Any = self.schema
        planner = self.planner
        if planner is not None:
            schema.planner = None
        try:
            yield
        finally:
            if planner is not None:
                schema.planner = planner

    async def answer(self, request: OperationRequest, token: str | None) -> dict[str, Any]:
        """The response as a client reads it, without the extensions that differ each time."""
        context = Context(self.services, "request", "127.0.0.1")
        if token is not None:
            viewer = await authenticate(token, now())
            if viewer is None:  # a mutation has revoked the token
                return {"errors": [{"extensions": {"code": "UNAUTHENTICATED"}}]}
            context.set_viewer(viewer)
        parameters = GraphQLRequest(request.query, request.variables, request.operation_name, None)
        response = orjson.loads(
            encode_response(
                await self.schema.execute_request(parameters, context, QUERIES_AND_MUTATIONS)
            )
        )
        for name in VOLATILE_EXTENSIONS:
            response.get("extensions", {}).pop(name, None)
            for error in response.get("errors", ()):
                error.get("extensions", {}).pop(name, None)
        return response

    async def answer_both_ways(
        self, request: OperationRequest, token: str | None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """The response of graphql-core, and the response of the schema with its plans."""
        with self.graphql_core_only():
            core = await self.answer(request, token)
        return core, core if self.planner is None else await self.answer(request, token)


def now() -> Any:
    return NOW


async def read_nothing(_: int) -> list[Any]:
    return []
