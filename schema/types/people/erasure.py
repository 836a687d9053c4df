"""What a job that erases a person has done, and the event of each ticket that it changed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import cast
from uuid import UUID

import strawberry

from models.core import ids
from models.erasure.job import ErasureParameters, ErasureReport
from models.jobs.caller_job import CallerJob
from models.log.event import RETENTION_POLICY, Event
from models.tickets.attachment import FileDeletion
from schema.cost import cost
from schema.interfaces import TicketEventInterface

COUNT_COST = cost(flat=10)


@strawberry.type(
    name="TicketRedacted",
    description="Texts, names or files were removed from a ticket, by `redactTicket`, "
    "a retention policy or the erasure of a person: from its subject, description, messages, "
    "events, tags or attachments. A copy of the ticket, with its messages and events, must be "
    "replaced by the ticket as it is now.",
)
class TicketRedacted(TicketEventInterface):
    @strawberry.field(description="The reason, 1 to 1,000 characters.")
    def reason(self, root: strawberry.Parent[Event]) -> str:
        return cast("str", root.value("reason"))

    @strawberry.field(
        description="The id of the retention policy that erased all texts of the ticket. Null for "
        "`redactTicket` and erasePerson."
    )
    def retention_policy_id(self, root: strawberry.Parent[Event]) -> strawberry.ID | None:
        key = root.value(RETENTION_POLICY)
        if key is None:
            return None
        return strawberry.ID(ids.encode(ids.RETENTION_POLICY, UUID(str(key))))


@strawberry.type(name="ErasedRows", description="A number of rows of the database.")
class ErasedRows:
    name: str = strawberry.field(
        description="The name of the table, or of the table and the column, such as "
        "`messages.body`."
    )
    count: int = strawberry.field(description="The number of rows.")


@strawberry.type(
    name="ErasureReport", description="What a job that erases a person has done so far."
)
class ErasureReportType:
    job: strawberry.Private[CallerJob]
    report: strawberry.Private[ErasureReport]

    @strawberry.field(description="The id of the user who is erased.")
    def user_id(self) -> strawberry.ID:
        return strawberry.ID(ids.encode(ids.USER, UUID(ErasureParameters.of(self.job).user_id)))

    @strawberry.field(description="The reason for the erasure.")
    def reason(self) -> str:
        return ErasureParameters.of(self.job).reason

    @strawberry.field(
        description="The number of rows whose texts were erased, by table. In a dry run, the "
        "rows whose texts would be erased.",
        metadata=cost(each=0),
    )
    def erased(self) -> list[ErasedRows]:
        return list_rows(self.report.counts)

    @strawberry.field(
        description="The number of rows in which the verification found the address, the name or a "
        "text of the person, by column. Empty if it found nothing. Names of organizations and of "
        "settings with unique names are not changed, so they can be here.",
        metadata=cost(each=0),
    )
    def remaining(self) -> list[ErasedRows]:
        return list_rows(self.report.remaining)

    @strawberry.field(
        description="The time at which the verification ended: it has read all texts of the "
        "database again. Null before, in a dry run, and for a person whom another job has erased "
        "already, because the address is forgotten."
    )
    def verified_at(self) -> datetime | None:
        text = self.report.verified_at
        return None if text is None else datetime.fromisoformat(text)

    @strawberry.field(
        description="The number of erased files that the storage has not deleted yet, also those "
        "of other erasures. The server tries again every few minutes.",
        metadata=COUNT_COST,
    )
    async def pending_files(self) -> int:
        return await FileDeletion.all().count()


def list_rows(counts: Mapping[str, int]) -> list[ErasedRows]:
    return [ErasedRows(name=name, count=count) for name, count in sorted(counts.items())]
