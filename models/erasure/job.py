"""The parameters and the progress of the job that erases a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, cast
from uuid import UUID

from models.erasure.terms import Terms
from models.erasure.ticket_erasure import Person
from models.jobs.caller_job import CallerJob

if TYPE_CHECKING:
    from models.log.event import Json

FIRST_STAGE = "search_events"
Cursor = str | int | None


@dataclass(frozen=True, slots=True)
class ErasureParameters:
    """The person to erase. The address and the name are removed after the verification."""

    user_id: str
    reason: str
    is_customer: bool
    address: str = ""
    name: str = ""

    @classmethod
    def of(cls, job: CallerJob) -> ErasureParameters:
        return cls(**cast("Mapping[str, str]", job.parameters))  # pyright: ignore[reportArgumentType] - it is stored by `to_json`

    @property
    def person(self) -> Person:
        return Person(UUID(self.user_id), self.is_customer, Terms(self.address, self.name))

    def to_json(self) -> dict[str, Json]:
        return asdict(self)


@dataclass(slots=True)
class ErasureReport:
    """How far an erasure is, and what it did.

    stage        what it does now
    cursor       the last row of the stage that is done, if the stage reads rows in pages
    table        the number of the table that the stage reads, if it reads several
    counts       the number of erased rows by table
    remaining    after the verification: the number of rows that hold the address, the name or a
                 text of the person, by column
    verified_at  when the verification ended; None if the job did not know the address
    """

    stage: str = FIRST_STAGE
    cursor: Cursor = None
    table: int = 0
    counts: dict[str, int] = field(default_factory=dict[str, int])
    remaining: dict[str, int] = field(default_factory=dict[str, int])
    verified_at: str | None = None

    @classmethod
    def of(cls, job: CallerJob) -> ErasureReport:
        return cls(**cast("Mapping[str, object]", job.report or {}))  # pyright: ignore[reportArgumentType] - it is stored by `to_json`

    def to_json(self) -> dict[str, Json]:
        return asdict(self)

    def add_counts(self, counts: Mapping[str, int]) -> None:
        self.counts = dict(Counter(self.counts) + Counter(counts))

    def add_remaining(self, remaining: Mapping[str, int]) -> None:
        self.remaining = dict(Counter(self.remaining) + Counter(remaining))

    def go_to(self, stage: str) -> None:
        self.stage, self.cursor, self.table = stage, None, 0

    def go_to_table(self, table: int) -> None:
        self.cursor, self.table = None, table


async def save(job: CallerJob, report: ErasureReport) -> None:
    """Store the report of a job whose row is locked."""
    job.report = report.to_json()
    await job.save(update_fields=["report"])
