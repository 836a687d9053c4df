"""The mutations. Each domain has a file with one entry per mutation.

An entry names the resolver, the required permission, the effect, the payload and the user errors.
Payloads are nullable, so that an error of one mutation leaves the results of the others in place.
"""

from __future__ import annotations

import strawberry

from schema.mutation.accounts import AccountMutations
from schema.mutation.api_clients import ApiClientMutations
from schema.mutation.attachments import AttachmentMutations
from schema.mutation.custom_fields import CustomFieldMutations
from schema.mutation.demo import DemoMutations
from schema.mutation.drafts import DraftMutations
from schema.mutation.erasure import ErasureMutations
from schema.mutation.escalation import EscalationMutations
from schema.mutation.identities import IdentityMutations
from schema.mutation.jobs import JobMutations
from schema.mutation.macros import MacroMutations
from schema.mutation.messages import MessageMutations
from schema.mutation.notifications import NotificationMutations
from schema.mutation.organizations import OrganizationMutations
from schema.mutation.people import PeopleMutations
from schema.mutation.presence import PresenceMutations
from schema.mutation.retention import RetentionMutations
from schema.mutation.second_factors import SecondFactorMutations
from schema.mutation.sessions import SessionMutations
from schema.mutation.sla import SlaMutations
from schema.mutation.teams import TeamMutations
from schema.mutation.ticket_people import TicketPeopleMutations
from schema.mutation.ticket_upserts import TicketUpsertMutations
from schema.mutation.tickets import TicketMutations
from schema.mutation.tokens import TokenMutations
from schema.mutation.users import UserMutations
from schema.mutation.views import ViewMutations


@strawberry.type(
    description="The mutations of the API. Mutations of tickets and of administrative records each "
    "run in one transaction. If a payload has user errors, nothing was changed, logged or "
    "published."
)
class Mutation(
    PeopleMutations,
    SessionMutations,
    AccountMutations,
    SecondFactorMutations,
    UserMutations,
    OrganizationMutations,
    TicketMutations,
    TicketUpsertMutations,
    TicketPeopleMutations,
    MessageMutations,
    AttachmentMutations,
    DraftMutations,
    PresenceMutations,
    NotificationMutations,
    SlaMutations,
    EscalationMutations,
    TeamMutations,
    DemoMutations,
    ApiClientMutations,
    TokenMutations,
    IdentityMutations,
    ViewMutations,
    JobMutations,
    MacroMutations,
    CustomFieldMutations,
    ErasureMutations,
    RetentionMutations,
):
    pass
