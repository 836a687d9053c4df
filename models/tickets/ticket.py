"""Tickets and the records that belong to them. The commands are in `models.changes`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models.core.computed import computed_property
from models.core.ids import new_id
from models.core.time import InstantField
from models.core.words import WordsField
from models.people.team import Category, Team
from models.people.user import ApiClient, Organization, User
from models.tickets import lifecycle
from models.tickets.lifecycle import (
    OPEN_STATUSES,
    STAGES,
    Action,
    CloseReason,
    Priority,
    Stage,
    Status,
)
from models.tickets.link_kind import LinkKind
from models.tickets.tag_key import TagKeyField

FIRST_TICKET_NUMBER = 1001
BEFORE_MIGRATION = datetime(1970, 1, 1, tzinfo=UTC)
"""A value for `public_updated_at` that the migration replaces. Commands set it in new tickets."""


def build_reference(number: int) -> str:
    """The reference that users see, for example TKT-1001."""
    return f"TKT-{number}"


def get_stage(status: Status) -> Stage:
    return STAGES[status]


class Ticket(Model):
    """A customer's request. Only `models.changes.storage` writes it, with its log events.

    external_id      the id in another system; unique within `external_scope`
    external_scope   the API client or customer that set the external id; "" for staff
    status_since     when the ticket entered its status
    reminded_at      when the customer was last reminded in this status
    kept_unassigned  whether a viewer removed the assignee; see docs/decisions/0012
    shared_with_organization  whether all customers of the ticket's organization may see it
    sla_terms        the digest of the SLA terms that apply
    sla_breaches_at  the earliest instant at which an SLA clock breaches or has breached
    *_words          the words of the subject, description and tags
    texts_erased_at  when a retention policy erased the texts of the ticket last
    texts_erased_version  the version after that; a later one may have other texts
    last_reply_*     the time and the author of the last reply on this ticket itself; replies on
                     tickets that were merged into it do not count
    version          starts at 1; each change raises it, unless it only logs
                     UNVERSIONED_EVENTS (models/log/event.py)
    public_version   the version that customers see: like `version`, but internal events don't raise
                     it, so that it reveals nothing of them; see docs/decisions/0024
    public_updated_at   when `public_version` was raised last
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    number = fields.BigIntField(unique=True)
    external_scope = fields.CharField(max_length=36, default="")
    external_id = fields.CharField(max_length=255, null=True)
    subject = fields.CharField(max_length=200)
    description = fields.TextField()
    status = fields.CharEnumField(Status, max_length=24, default=Status.NEW)
    priority = fields.IntEnumField(Priority, default=Priority.NORMAL)
    category: fields.ForeignKeyRelation[Category] = fields.ForeignKeyField(
        "models.Category", related_name=False, on_delete=fields.RESTRICT
    )
    category_id: UUID
    team: fields.ForeignKeyRelation[Team] = fields.ForeignKeyField(
        "models.Team", related_name=False, on_delete=fields.RESTRICT
    )
    team_id: UUID
    requester: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name=False, on_delete=fields.RESTRICT
    )
    requester_id: UUID
    organization: fields.ForeignKeyNullableRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    organization_id: UUID | None
    assignee: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    assignee_id: UUID | None
    escalation_level = fields.IntField(default=0)
    held_until = InstantField(null=True)
    status_since = InstantField(null=True)
    reminded_at = InstantField(null=True)
    kept_unassigned = fields.BooleanField(default=False, db_default=False)
    shared_with_organization = fields.BooleanField(default=False, db_default=False)
    sla_terms = fields.CharField(max_length=40, null=True)
    sla_breaches_at = InstantField(null=True)
    resolution = fields.TextField(null=True)
    close_reason = fields.CharEnumField(CloseReason, max_length=16, null=True)
    merged_into: fields.ForeignKeyNullableRelation[Ticket] = fields.ForeignKeyField(
        "models.Ticket", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    merged_into_id: UUID | None
    satisfaction_score = fields.SmallIntField(null=True)
    satisfaction_comment = fields.TextField(null=True)
    rated_at = InstantField(null=True)
    created_at = InstantField()
    updated_at = InstantField()
    first_responded_at = InstantField(null=True)
    resolved_at = InstantField(null=True)
    closed_at = InstantField(null=True)
    texts_erased_at = InstantField(null=True)
    texts_erased_version = fields.IntField(null=True)
    last_reply_at = InstantField(null=True)
    last_reply_user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    last_reply_user_id: UUID | None
    last_reply_client: fields.ForeignKeyNullableRelation[ApiClient] = fields.ForeignKeyField(
        "models.ApiClient", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    last_reply_client_id: UUID | None
    version = fields.IntField(default=1)
    public_version = fields.IntField(default=1, db_default=1)
    public_updated_at = InstantField(db_default=BEFORE_MIGRATION)
    subject_words = WordsField("subject")
    description_words = WordsField("description")
    tag_words = fields.TextField(default="", db_default="")
    ref = computed_property(("number",), build_reference)
    stage = computed_property(("status",), get_stage)

    class Meta:
        """Further indexes are in models/queries/indexes."""

        table = "tickets"
        table_description = "Tickets"
        unique_together = (("external_scope", "external_id"),)
        indexes = (
            ("updated_at", "id"),
            ("created_at", "id"),
            ("priority", "id"),
            ("status", "updated_at"),
            ("requester_id", "updated_at"),
            ("organization_id", "updated_at"),
            ("requester_id", "public_updated_at"),
            ("organization_id", "public_updated_at"),
            ("organization_id", "status"),
            ("external_id",),
            ("assignee_id", "updated_at"),
            ("team_id", "updated_at", "id"),
            ("category_id", "updated_at", "id"),
            ("merged_into_id",),
            ("status", "status_since"),
            ("status", "reminded_at", "status_since"),
            ("status", "held_until"),
        )

    @property
    def is_untouched(self) -> bool:
        """Whether the ticket is NEW and has no assignee."""
        return self.status is Status.NEW and self.assignee_id is None

    @property
    def is_touched(self) -> bool:
        """The value that QUEUE_ORDER sorts by; `Order.cursor_of` reads it by name."""
        return not self.is_untouched

    @property
    def is_open(self) -> bool:
        return self.status in OPEN_STATUSES

    def get_version(self, *, is_customer: bool) -> int:
        """The version that a customer or the team sees."""
        return self.public_version if is_customer else self.version

    def can_still_reopen(self, at: datetime, window: timedelta) -> bool:
        """False if the ticket is merged, was closed more than `window` ago, or has lost its texts.

        True also for a ticket that is not closed yet.
        """
        is_over = lifecycle.is_reopen_window_over(self.closed_at, at, window)
        return self.merged_into_id is None and self.texts_erased_at is None and not is_over

    def allowed_actions(
        self, at: datetime, window: timedelta, *, is_customer: bool
    ) -> list[Action]:
        """The actions that the ticket's status permits, to a customer or to the team."""
        reopenable = self.can_still_reopen(at, window)
        actions = lifecycle.list_allowed_actions(self.status, reopenable=reopenable)
        if is_customer:
            return [action for action in actions if action in lifecycle.CUSTOMER_ACTIONS]
        return actions


class TicketTag(Model):
    id = fields.UUIDField(primary_key=True, default=new_id)
    ticket: fields.ForeignKeyRelation[Ticket] = fields.ForeignKeyField(
        "models.Ticket", related_name=False, on_delete=fields.CASCADE
    )
    ticket_id: UUID
    name = fields.CharField(max_length=50)
    key = TagKeyField()

    class Meta:
        table = "ticket_tags"
        table_description = "Tags of tickets"
        unique_together = (("ticket", "name"),)
        indexes = (("key", "ticket_id"),)


class TicketResource(Model):
    """A resource that the ticket is about, such as a server or an invoice.

    It belongs to the company that runs the help desk.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    ticket: fields.ForeignKeyRelation[Ticket] = fields.ForeignKeyField(
        "models.Ticket", related_name=False, on_delete=fields.CASCADE
    )
    ticket_id: UUID
    kind = fields.CharField(max_length=64)
    external_id = fields.CharField(max_length=255)
    name = fields.CharField(max_length=200, null=True)

    class Meta:
        table = "ticket_resources"
        table_description = "Resources that tickets refer to"
        unique_together = (("ticket", "kind", "external_id"),)
        indexes = (("kind", "external_id"),)


class TicketWatcher(Model):
    id = fields.UUIDField(primary_key=True, default=new_id)
    ticket: fields.ForeignKeyRelation[Ticket] = fields.ForeignKeyField(
        "models.Ticket", related_name=False, on_delete=fields.CASCADE
    )
    ticket_id: UUID
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name=False, on_delete=fields.CASCADE
    )
    user_id: UUID

    class Meta:
        table = "ticket_watchers"
        table_description = "Watchers of tickets"
        unique_together = (("ticket", "user"),)
        indexes = (("user_id", "ticket_id"),)


class TicketParticipant(Model):
    """A customer with whom another customer's ticket is shared; they may see it and reply.

    A merge of different requesters' tickets makes them participants, and so does `addWatcher`.
    Triggers raise the permission revision when rows are added or deleted.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    ticket: fields.ForeignKeyRelation[Ticket] = fields.ForeignKeyField(
        "models.Ticket", related_name=False, on_delete=fields.CASCADE
    )
    ticket_id: UUID
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name=False, on_delete=fields.CASCADE
    )
    user_id: UUID

    class Meta:
        table = "ticket_participants"
        table_description = "Participants of tickets"
        unique_together = (("ticket", "user"),)
        indexes = (("user_id", "ticket_id"),)


class TicketLink(Model):
    """One direction of a link. The other direction is another row."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    ticket: fields.ForeignKeyRelation[Ticket] = fields.ForeignKeyField(
        "models.Ticket", related_name=False, on_delete=fields.CASCADE
    )
    ticket_id: UUID
    other: fields.ForeignKeyRelation[Ticket] = fields.ForeignKeyField(
        "models.Ticket", related_name=False, on_delete=fields.CASCADE
    )
    other_id: UUID
    kind = fields.CharEnumField(LinkKind, max_length=16)

    class Meta:
        table = "ticket_links"
        table_description = "Links between tickets, one row per direction"
        unique_together = (("ticket", "other", "kind"),)
