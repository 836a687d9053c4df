"""Operations answered by the schema itself, without a server: by a plan where there is one, or by graphql-core alone."""

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
from engine.limits.attempts import SignInThrottle
from models.access.viewer import authenticate
from models.people.password import PasswordChecker
from resolvers.auth.open_sessions import OpenSessions
from resolvers.context import Context, Rules, Services
from resolvers.presence_tail import PresenceTail
from services import build_schema
from settings import load
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
    "cost_bucket_size": 0,
}
"""What is compared here are answers, not refusals of documents."""
VOLATILE = ("requestId", "cost")


@dataclass(frozen=True, slots=True)
class OperationRequest:
    """A request, as a client would send it."""

    query: str
    variables: Mapping[str, Any] = field(default_factory=dict[str, Any])
    operation_name: str | None = None


@dataclass
class SchemaRunner:
    """The schema with the services that its resolvers use; time stands still."""

    schema: Schema
    services: Services

    @classmethod
    def make(cls, url: str) -> SchemaRunner:
        bell, sessions = WakeupBus("memory://"), OpenSessions(now)
        settings = load(database_url=url, compiled_plans="all", **LIMITS)
        rules = Rules(settings.reopen_window, settings.session_length, settings.max_live_list_tickets)
        services = Services(
            rules=rules,
            now=now,
            wakeup=bell,
            event_tail=LogTail(read_nothing, int, bell.listen(), refresh=sessions.refresh),  # type: ignore[arg-type]
            notification_tail=LogTail(read_nothing, int, bell.listen(), refresh=sessions.refresh),  # type: ignore[arg-type]
            presence=PresenceTail(bell.listen(), now, refresh_permissions=sessions.refresh),
            passwords=PasswordChecker(),
            sign_in_throttle=SignInThrottle(100_000),
            sessions=sessions,
        )
        return cls(build_schema(settings), services)

    @property
    def core(self) -> GraphQLSchema:
        return self.schema._schema  # pyright: ignore[reportPrivateUsage]

    @property
    def planner(self) -> Any:
        return getattr(self.schema, "planner", None)

    @contextlib.contextmanager
    def graphql_core_only(self) -> Generator[None]:
        """Has graphql-core answer by itself meanwhile."""
        schema: Any = self.schema
        planner = self.planner
        if planner is not None:
            schema.planner = None
        try:
            yield
        finally:
            if planner is not None:
                schema.planner = planner

    async def answer(self, asked: OperationRequest, token: str | None) -> dict[str, Any]:
        """The answer as a client reads it, but for what differs each time."""
        context = Context(self.services, "request", "127.0.0.1")
        if token is not None:
            viewer = await authenticate(token, now())
            assert viewer is not None
            context.set_viewer(viewer)
        parameters = GraphQLRequest(asked.query, asked.variables, asked.operation_name, None)
        found = orjson.loads(encode_response(await self.schema.execute_request(parameters, context, QUERIES_AND_MUTATIONS)))
        for name in VOLATILE:
            found.get("extensions", {}).pop(name, None)
            for error in found.get("errors", ()):
                error.get("extensions", {}).pop(name, None)
        return found

    async def answer_both_ways(self, asked: OperationRequest, token: str | None) -> tuple[dict[str, Any], dict[str, Any]]:
        """What graphql-core answers, and what the schema does as it is."""
        with self.graphql_core_only():
            core = await self.answer(asked, token)
        return core, core if self.planner is None else await self.answer(asked, token)


def now() -> Any:
    return NOW


async def read_nothing(_: int) -> list[Any]:
    return []
