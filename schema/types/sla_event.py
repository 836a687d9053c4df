"""The entries of the log about attention: promises, the steps of escalation paths, reminders, mail that did not arrive."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import cast
from uuid import UUID

import strawberry

from models.escalation.path import StepAction
from models.log.event import Event
from models.people.user import User
from models.sla.records import SlaPolicy
from models.sla.snapshot import Metric
from models.tickets.lifecycle import Status
from schema.context import loaders
from schema.interfaces import TicketEventInterface
from schema.types.people import UserType
from schema.types.sla import SlaPolicyType


@strawberry.interface(name="SlaEvent", description="What happened to one promise on a ticket.")
class SlaEventInterface(TicketEventInterface):
    @strawberry.field(description="What was promised.")
    def metric(self, root: strawberry.Parent[Event]) -> Metric:
        return Metric(root.value("metric"))

    @strawberry.field(description="When it was noticed and written; occurredAt is when it happened.")
    def recorded_at(self, root: strawberry.Parent[Event]) -> datetime:
        return datetime.fromisoformat(cast("str", root.value("recorded_at")))

    @strawberry.field(description="The policy that promised it.", graphql_type=SlaPolicyType | None)
    async def policy(self, root: strawberry.Parent[Event], info: strawberry.Info) -> SlaPolicy | None:
        return await loaders(info).policy_of_terms.load(cast("str", root.value("terms")))


@strawberry.type(name="SlaAtRisk", description="Most of the time that was promised for something is spent.")
class SlaAtRisk(SlaEventInterface):
    pass


@strawberry.type(name="SlaBreached", description="A promised time passed.")
class SlaBreached(SlaEventInterface):
    pass


@strawberry.type(name="SlaAchieved", description="What was promised was done.")
class SlaAchieved(SlaEventInterface):
    @strawberry.field(description="Whether it was too late.")
    def late(self, root: strawberry.Parent[Event]) -> bool:
        return bool(root.value("late"))


@strawberry.type(name="SlaRetargeted", description="Other promises hold from here on; what was spent stays.")
class SlaRetargeted(TicketEventInterface):
    @strawberry.field(
        description="The SLA policy before the event. Null if no policy applied.", graphql_type=SlaPolicyType | None
    )
    async def from_policy(self, root: strawberry.Parent[Event], info: strawberry.Info) -> SlaPolicy | None:
        return await policy(info, root, 0)

    @strawberry.field(description="The SLA policy after the event. Null if no policy applies.", graphql_type=SlaPolicyType | None)
    async def to_policy(self, root: strawberry.Parent[Event], info: strawberry.Info) -> SlaPolicy | None:
        return await policy(info, root, 1)


async def policy(info: strawberry.Info, event: Event, place: int) -> SlaPolicy | None:
    value = event.changes["sla_terms"][place]
    return await loaders(info).policy_of_terms.load(str(value)) if value is not None else None


@strawberry.type(name="TicketEscalationStep", description="A step of an escalation path was taken; never shown to customers.")
class TicketEscalationStep(TicketEventInterface):
    @strawberry.field(description="The path's name.")
    def path(self, root: strawberry.Parent[Event]) -> str:
        return cast("str", root.value("path"))

    @strawberry.field(description="The place of the step in its path, from 1.")
    def step(self, root: strawberry.Parent[Event]) -> int:
        return cast("int", root.value("step"))

    @strawberry.field(description="The action of the step.")
    def step_action(self, root: strawberry.Parent[Event]) -> StepAction:
        return StepAction(root.value("action"))

    @strawberry.field(description="Who was notified.", graphql_type=list[UserType])
    async def notified(self, root: strawberry.Parent[Event], info: strawberry.Info) -> list[User]:
        told = cast("Sequence[str]", root.value("notified") or [])
        found = await loaders(info).users.load_many([UUID(each) for each in told])
        return [user for user in found if user is not None]

    @strawberry.field(description="What came of it where nothing was done, such as that nobody is there; else null.")
    def outcome(self, root: strawberry.Parent[Event]) -> str | None:
        return cast("str | None", root.value("outcome"))


@strawberry.type(name="TicketReminded", description="The customer was reminded of a ticket.")
class TicketReminded(TicketEventInterface):
    @strawberry.field(description="What it waited for: its status then.")
    def status(self, root: strawberry.Parent[Event]) -> Status:
        return Status(root.value("status"))

    @strawberry.field(description="When it closes by itself unless the customer answers; null where it does not.")
    def closes_at(self, root: strawberry.Parent[Event]) -> datetime | None:
        found = cast("str | None", root.value("closes_at"))
        return datetime.fromisoformat(found) if found else None


@strawberry.type(name="TicketMailFailed", description="A mail about a ticket could not be delivered; never shown to customers.")
class TicketMailFailed(TicketEventInterface):
    @strawberry.field(description="Whom it was for.", graphql_type=UserType | None)
    async def recipient(self, root: strawberry.Parent[Event], info: strawberry.Info) -> User | None:
        return await loaders(info).users.load(UUID(cast("str", root.value("user"))))

    @strawberry.field(description="What the mail server answered.")
    def answer(self, root: strawberry.Parent[Event]) -> str:
        return cast("str", root.value("answer"))


ATTENTION_TYPES = [
    *(SlaAtRisk, SlaBreached, SlaAchieved, SlaRetargeted),
    *(TicketEscalationStep, TicketReminded, TicketMailFailed),
]
