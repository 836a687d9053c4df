"""Reads the server: pages of lists for the first copy, then the log and the records it names.

Every row gets a cursor `as_of`, up to which it includes all changes. It is the larger of two: the
cursor of the response, and the largest cursor that was known before the request. The second matters
behind several server processes, of which one may know the end of the log later than another.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

from cli.follow import documents
from cli.follow.api import Api, QueryResult
from cli.follow.columns import Node
from cli.follow.errors import OTHER_LOG, PageCursorInvalid, QueryTooExpensive, ServerError
from cli.follow.position import COPY_STAGES, LOG_STAGE, Batch, Position
from cli.follow.tables import EVENTS, MESSAGES, RECORD_TABLES, TABLES_BY_NAME, TICKETS

MAX_PAGE_SIZES = {"people": 100, "organizations": 100, "tickets": 50, "log": 100, "timeline": 100}
REWRITING_TYPES = frozenset({"MESSAGE_REDACTED", "TICKET_REDACTED", "UNMERGED"})
"""After these events, earlier events and messages of the ticket are different."""
ERASING_TYPES = frozenset({"MESSAGE_REDACTED", "TICKET_REDACTED"})
OTHER_TICKETS = ("other", "fromTicket", "into", "movedTo")
"""The fields of events with another ticket that changed with the event's own."""


class Reader:
    """Reads batches. One position follows the other without a gap."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.known = ""
        """The largest cursor of the log that the server is known to have reached."""
        self.reported = ""
        """The cursor of the last response. A restored server, or a slower replica, reports less."""
        self.page_sizes = dict(MAX_PAGE_SIZES)

    async def check_server(self, position: Position) -> None:
        """Check the address, the token and the log. Raises ServerError."""
        self.learn(position.known_cursor)
        if position.last_event_id is None:
            await self.query(documents.CHECK)
        else:
            response = await self.query(documents.CHECK_LOG, last=position.last_event_id)
            check_log(response, position)

    def learn(self, cursor: str) -> None:
        self.known = max(self.known, cursor)

    async def query(self, document: str, **variables: Any) -> QueryResult:
        """Run a query; the cursor of the response is never less than what was known before."""
        known = self.known
        response = await self.api.query(document, variables)
        self.reported = response.cursor
        self.learn(response.cursor)
        return replace(response, cursor=max(known, response.cursor))

    async def query_page(self, name: str, document: str, **variables: Any) -> QueryResult:
        """Run a query for a page, which becomes smaller if the server says that it costs too much.

        Raises ServerError if even one item does.
        """
        while True:
            try:
                return await self.query(document, first=self.page_sizes[name], **variables)
            except QueryTooExpensive as error:
                if self.page_sizes[name] == 1:
                    raise ServerError(f"the server refuses a query: {error}") from error
                self.page_sizes[name] //= 2

    # ---------------------------------------------------------------- the first copy

    async def read_copy_page(self, position: Position) -> Batch:
        """The next page of the list that is being copied."""
        if position.copied_from is None:
            position = await self.read_end_of_log(position)
        table = TABLES_BY_NAME[position.stage]
        document = documents.PAGES[position.stage]
        if position.stage not in self.page_sizes:  # a short list, which the API returns whole
            response = await self.query(document)
            nodes, next_page = response.data["page"], None
        else:
            try:
                response = await self.query_page(position.stage, document, after=position.page)
            except PageCursorInvalid:  # begin the list again; rows that are present stay right
                return Batch(replace(position, page=None))
            page = response.data["page"]
            nodes, info = page["nodes"], page["pageInfo"]
            next_page = info["endCursor"] if info["hasNextPage"] else None
        stage = position.stage
        if next_page is None:
            stages = (*COPY_STAGES, LOG_STAGE)
            stage = stages[stages.index(stage) + 1]
        batch = Batch(replace(position, stage=stage, page=next_page))
        for node in nodes:
            batch.add(table, table.build_row(node, response.cursor))
        return batch

    async def read_end_of_log(self, position: Position) -> Position:
        """Where the copy begins, with an event that identifies the log during the copy."""
        response = await self.query(documents.END_OF_LOG)
        found = [*response.data["events"]["nodes"], *response.data["directoryEvents"]["nodes"]]
        position = replace(position, copied_from=response.cursor)
        if not found:
            return position
        last = max(found, key=lambda node: node["cursor"])
        return with_last_event(position, last)

    # ---------------------------------------------------------------- the log

    async def read_log(self, position: Position) -> tuple[Batch, bool]:
        """The next events, with the records that they changed; and whether more events wait."""
        response = await self.query_log(position)
        lists = [response.data["events"], response.data["directoryEvents"]]
        # Both lists are complete up to the cursor of the response. A list with a next page is
        # complete only up to its last event. The server reads one list after the other, so one may
        # have an event beyond the cursor although the other lacks an earlier one. This batch
        # leaves out the events beyond the end; the next one reads them again.
        ends = [page["nodes"][-1]["cursor"] for page in lists if page["pageInfo"]["hasNextPage"]]
        end = min([*ends, response.cursor])
        found = [node for page in lists for node in page["nodes"]]
        nodes = sorted(
            (node for node in found if node["cursor"] <= end), key=lambda node: node["cursor"]
        )
        batch = Batch(replace(position, cursor=end))
        last = nodes[-1] if nodes else None
        if last is not None and last["cursor"] > (position.last_event_cursor or ""):
            batch.position = with_last_event(batch.position, last)
        for node in nodes:
            add_event(batch, node, response.cursor)
        # The log has at least the events that were found, also those after the end. The next
        # response is complete up to them.
        newest_cursor = max([self.reported, *(node["cursor"] for node in found)])
        self.learn(newest_cursor)
        if end > newest_cursor:
            # Only an earlier response or a wake-up says that the log goes so far. A server that was
            # restored since then has lost these events, and others will follow in their place.
            await self.query_log(batch.position)
        await self.read_changed_records(batch, nodes, position.copied_from or "")
        return batch, bool(ends) or len(nodes) < len(found)

    async def query_log(self, position: Position) -> QueryResult:
        document, variables = documents.LOG_FROM_START, {"after": position.cursor}
        if position.last_event_id is not None:
            document, variables = documents.LOG, {**variables, "last": position.last_event_id}
        try:
            response = await self.query_page("log", document, **variables)
        except PageCursorInvalid as error:  # the log ends before the cursor
            raise ServerError(OTHER_LOG) from error
        if position.last_event_id is not None:
            check_log(response, position)
        return response

    async def read_changed_records(
        self, batch: Batch, nodes: Collection[Node], copied_from: str
    ) -> None:
        """Read what the events changed after the copy: records, and texts that were rewritten."""
        changed: dict[str, dict[str, None]] = {}
        rewritten: dict[str, None] = {}
        separated: set[str] = set()
        erased: set[str] = set()
        for node in nodes:
            if node["cursor"] <= copied_from:
                continue
            for type_name, id in list_changed_records(node):
                changed.setdefault(type_name, {})[id] = None
            if node["type"] in REWRITING_TYPES:
                rewritten |= dict.fromkeys(list_tickets(node))
            if node["type"] == "UNMERGED":
                separated |= set(list_tickets(node))
            if node["type"] in ERASING_TYPES:
                erased.add(node["ticket"]["id"])
            elif node["type"] == "ERASED" and "recordId" in node:
                erased.add(node["recordId"])
        for ticket_id in rewritten:
            merged = await self.read_timeline(batch, ticket_id, erases=ticket_id in erased)
            if ticket_id in separated:  # replies may have moved from any merged ticket
                changed[TICKETS.type] |= dict.fromkeys(merged)
                for other in merged - rewritten.keys():
                    await self.read_timeline(batch, other, erases=False)
        for type_name, record_ids in changed.items():
            await self.read_records(batch, type_name, list(record_ids), erased)

    async def read_timeline(self, batch: Batch, ticket_id: str, *, erases: bool) -> set[str]:
        """All events and messages of a ticket; returns the tickets that are merged into it."""
        after = None
        while True:
            response = await self.query_page(
                "timeline", documents.TIMELINE, id=ticket_id, after=after
            )
            ticket = response.data["ticket"]
            if ticket is None:
                raise ServerError(f"the server does not show {ticket_id}, which its log names")
            page = ticket["timeline"]
            for node in page["nodes"]:
                # Events after the batch come with their own batch, in order.
                if node["cursor"] <= (batch.position.cursor or ""):
                    add_event(batch, node, response.cursor, erases=erases)
            if not page["pageInfo"]["hasNextPage"]:
                return {each["id"] for each in ticket["mergedTickets"]}
            after = page["pageInfo"]["endCursor"]

    async def read_records(
        self, batch: Batch, type_name: str, record_ids: list[str], erased: Collection[str]
    ) -> None:
        """Read records by their ids. The page becomes smaller if it costs too much."""
        table = RECORD_TABLES[type_name]
        document = documents.build_records_query(type_name, table.selection)
        waiting = iter(record_ids)
        while page := list(islice(waiting, self.page_sizes.setdefault(f"nodes:{type_name}", 50))):
            while True:
                try:
                    response = await self.query(document, ids=page)
                    break
                except QueryTooExpensive as error:
                    if len(page) == 1:
                        raise ServerError(f"the server refuses a query: {error}") from error
                    self.page_sizes[f"nodes:{type_name}"] = len(page) // 2
                    waiting = iter([*page[len(page) // 2 :], *waiting])
                    page = page[: len(page) // 2]
            for id, node in zip(page, response.data["nodes"], strict=True):
                if not node:
                    raise ServerError(f"the server does not show {id}, which its log names")
                batch.add(table, table.build_row(node, response.cursor), erases=id in erased)


def with_last_event(position: Position, event: Node) -> Position:
    return replace(
        position,
        last_event_id=event["id"],
        last_event_cursor=event["cursor"],
        last_event_at=event["occurredAt"],
    )


def check_log(response: QueryResult, position: Position) -> None:
    """Raises ServerError if the log no longer has the last event that was applied.

    After a backup was restored, another event may have its id and cursor, but not its time.
    """
    found = response.data["last"] or {}
    expected = (position.last_event_cursor, position.last_event_at)
    if (found.get("cursor"), found.get("occurredAt")) != expected:
        raise ServerError(OTHER_LOG)


def add_event(batch: Batch, node: Node, as_of: str, *, erases: bool = False) -> None:
    """Add an event, and the message that came with it."""
    message = node.get("reply") or node.get("note")
    if message is not None:
        batch.add(MESSAGES, MESSAGES.build_row(message, as_of), erases=erases)
    batch.add(EVENTS, EVENTS.build_row(node, as_of), erases=erases)


def list_tickets(node: Mapping[str, Any]) -> list[str]:
    """The ids of the event's ticket, and of the other one that changed with it."""
    others = (node.get(name) for name in OTHER_TICKETS)
    return [each["id"] for each in (node["ticket"], *others) if each is not None]


def list_changed_records(node: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The type and id of each record of a table that an event changed."""
    if "recordId" not in node:
        return [(TICKETS.type, id) for id in list_tickets(node)]
    type_name = str(node["__typename"]).removesuffix("DirectoryEvent")
    return [(type_name, node["recordId"])] if type_name in RECORD_TABLES else []
