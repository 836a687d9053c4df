"""The client: the generated operations, files, lists that are read page by page, and the log."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar, cast

import httpx2
from pydantic import TypeAdapter

from .attachments import AttachmentClient
from .errors import NotFoundError
from .generated.enums import OrderDirection, Role, TicketEventType, TicketOrderField
from .generated.fragments import (
    AnyTicketEvent,
    EventPage,
    Message,
    MessagePage,
    Page,
    Ticket,
    TicketEvent,
    TicketPage,
    User,
    UserPage,
)
from .generated.input_types import TicketFilter, TicketOrder
from .generated.operations import (
    FOLLOW_GQL,
    GET_VIEWER_GQL,
    LIST_EVENTS_GQL,
    LIST_MESSAGES_GQL,
    LIST_TICKETS_GQL,
    LIST_USERS_GQL,
    LIST_WEBHOOK_GAPS_GQL,
)
from .operations import to_json
from .pages import PagedList, PageResult
from .stream import EventStream
from .transport import MAX_RESPONSE_BYTES, Endpoint

EVENT: TypeAdapter[TicketEvent] = TypeAdapter(AnyTicketEvent)
BY_NUMBER = [TicketOrder(field=TicketOrderField.NUMBER, direction=OrderDirection.ASC)]
"""An order that changes of tickets do not affect."""

Node = TypeVar("Node", covariant=True)
Parsed = TypeVar("Parsed")


class Connection(Protocol[Node]):
    """A page as the generated classes have it."""

    @property
    def nodes(self) -> Sequence[Node]: ...

    @property
    def page_info(self) -> Page: ...


class TicketwireClient(AttachmentClient):
    """A client of Ticketwire's API. Use it as `async with`, or call `aclose` at the end.

    url              the address of the API, such as https://tickets.example.com/graphql
    token            a token, or a function that returns the current one
    http_client      an httpx2.AsyncClient with proxies, certificates or limits of your own. You
                     close it yourself
    headers          further headers of each request
    timeout_seconds  how long one attempt of an operation may take, and how long a file that is sent
                     or received may make no progress
    retry_seconds    how long an operation is repeated after interruptions; 0: never
    max_response_bytes  the longest response, and the longest event of a stream
    """

    def __init__(
        self,
        url: str,
        token: str | Callable[[], str],
        *,
        http_client: httpx2.AsyncClient | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float = 30,
        retry_seconds: float = 60,
        max_response_bytes: int = MAX_RESPONSE_BYTES,
    ) -> None:
        self.owned_http = None if http_client else httpx2.AsyncClient()
        http = http_client or cast("httpx2.AsyncClient", self.owned_http)
        endpoint = Endpoint(url, token, http, headers or {}, max_response_bytes)
        super().__init__(endpoint, timeout_seconds, retry_seconds)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections, also those of streams."""
        if self.owned_http is not None:
            await self.owned_http.aclose()

    # ---------------------------------------------------------------- the log

    def follow(
        self,
        after: str | None = None,
        *,
        ticket_id: str | None = None,
        types: Sequence[TicketEventType] | None = None,
        filter: TicketFilter | None = None,
        give_up_after_seconds: float | None = None,
    ) -> EventStream[TicketEvent]:
        """Follow the log: every event that the viewer may see, once and in order.

        It first returns the stored events after the cursor `after`, and then new ones as they
        happen. Without `after` it begins at the end of the log. It reconnects after interruptions,
        for ever or until one has lasted for `give_up_after_seconds`. It ends only with a
        TicketwireError: AuthenticationError if the token has ended, PermissionDeniedError,
        NotFoundError if the viewer has lost the ticket `ticket_id`, CursorInvalidError,
        CursorExpiredError, and ServerError or UnexpectedResponseError after five failures in a row.
        """
        variables = {"ticketId": ticket_id, "types": list(types) if types is not None else None}
        return self.subscribe(
            FOLLOW_GQL,
            {**variables, "filter": filter},
            lambda data: EVENT.validate_python(data["ticketEvents"]),
            after=after,
            give_up_after_seconds=give_up_after_seconds,
        )

    def subscribe(
        self,
        document: str,
        variables: Mapping[str, object],
        parse: Callable[[dict[str, Any]], Parsed],
        *,
        after: str | None = None,
        give_up_after_seconds: float | None = None,
    ) -> EventStream[Parsed]:
        """Follow a subscription of your own, in the same way as `follow`.

        Its document must take the cursor as the variable `$after`, as `ticketEvents` and
        `ticketStatusChanged` do. `parse` makes an event from `data`.
        """
        values = {name: to_json(value) for name, value in variables.items() if value is not None}
        return EventStream(
            self.endpoint,
            document,
            values,
            parse,
            after=after,
            give_up_after_seconds=give_up_after_seconds,
        )

    async def head_cursor(self) -> str | None:
        """The end of the log, from which you can follow it later.

        None for a token that may read neither tickets, events nor users.
        """
        return (await self.execute(GET_VIEWER_GQL, "GetViewer")).cursor

    # ---------------------------------------------------------------- whole lists

    def all_tickets(
        self,
        filter: TicketFilter | None = None,
        order_by: Sequence[TicketOrder] | None = None,
        page_size: int = 100,
    ) -> PagedList[Ticket]:
        """All tickets that match the filter, by number unless `order_by` says otherwise."""
        variables = {"filter": filter, "orderBy": list(order_by or BY_NUMBER), "first": page_size}
        return self.list_pages(
            LIST_TICKETS_GQL, variables, lambda data: TicketPage.model_validate(data["tickets"])
        )

    def all_messages(self, ticket_id: str, page_size: int = 100) -> PagedList[Message]:
        """The replies and notes of a ticket, oldest first. Raises NotFoundError."""

        def parse(data: dict[str, Any]) -> MessagePage:
            if data["ticket"] is None:
                error = {"message": f"There is no ticket {ticket_id} for this viewer."}
                raise NotFoundError("NOT_FOUND", [error])
            return MessagePage.model_validate(data["ticket"]["messages"])

        variables = {"ticketId": ticket_id, "first": page_size}
        return self.list_pages(LIST_MESSAGES_GQL, variables, parse)

    def all_users(
        self,
        search: str | None = None,
        role: Role | None = None,
        active: bool | None = None,
        page_size: int = 100,
    ) -> PagedList[User]:
        """All users that match, by name."""
        variables = {"search": search, "role": role, "active": active, "first": page_size}
        return self.list_pages(
            LIST_USERS_GQL, variables, lambda data: UserPage.model_validate(data["users"])
        )

    def all_events(
        self,
        after: str | None = None,
        types: Sequence[TicketEventType] | None = None,
        filter: TicketFilter | None = None,
        page_size: int = 100,
    ) -> PagedList[TicketEvent]:
        """The stored events after a cursor of the log, oldest first, and then it ends."""
        selected = list(types) if types is not None else None
        variables = {"types": selected, "filter": filter, "first": page_size}
        return self.list_pages(
            LIST_EVENTS_GQL,
            variables,
            lambda data: EventPage.model_validate(data["events"]),
            after,
        )

    def all_webhook_gaps(
        self, webhook_id: str, after: str | None = None, page_size: int = 100
    ) -> PagedList[TicketEvent]:
        """The events that the receiver of a webhook has not acknowledged, oldest first.

        Raises NotFoundError.
        """

        def parse(data: dict[str, Any]) -> EventPage:
            if data["webhookGaps"] is None:
                error = {"message": f"There is no webhook {webhook_id} for this viewer."}
                raise NotFoundError("NOT_FOUND", [error])
            return EventPage.model_validate(data["webhookGaps"])

        variables = {"webhookId": webhook_id, "first": page_size}
        return self.list_pages(LIST_WEBHOOK_GAPS_GQL, variables, parse, after)

    def list_pages(
        self,
        document: str,
        variables: Mapping[str, object],
        parse: Callable[[dict[str, Any]], Connection[Node]],
        after: str | None = None,
    ) -> PagedList[Node]:
        """A list that is read with a document of your own, which takes `$after`."""
        values = {name: value for name, value in variables.items() if value is not None}

        async def read_page(cursor: str | None) -> PageResult[Node]:
            result = await self.execute(document, None, {**values, "after": cursor})
            page = parse(result.data)
            end = page.page_info.end_cursor if page.page_info.has_next_page else None
            return PageResult(page.nodes, end, result.cursor)

        return PagedList(read_page, after)
