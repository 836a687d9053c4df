"""The mutations. Each domain has a file with one entry per mutation.

An entry names the resolver, the required permission, the effect, the payload and the user errors.
Payloads are nullable, so that an error of one mutation leaves the results of the others in place.
"""

from __future__ import annotations

import strawberry

from schema.mutation.custom_fields import CustomFieldMutations
from schema.mutation.demo import DemoMutations
from schema.mutation.escalation import EscalationMutations
from schema.mutation.jobs import JobMutations
from schema.mutation.macros import MacroMutations
from schema.mutation.notifications import NotificationMutations
from schema.mutation.people.accounts import AccountMutations
from schema.mutation.people.api_clients import ApiClientMutations
from schema.mutation.people.erasure import ErasureMutations
from schema.mutation.people.identities import IdentityMutations
from schema.mutation.people.organizations import OrganizationMutations
from schema.mutation.people.people import PeopleMutations
from schema.mutation.people.second_factors import SecondFactorMutations
from schema.mutation.people.sessions import SessionMutations
from schema.mutation.people.teams import TeamMutations
from schema.mutation.people.tokens import TokenMutations
from schema.mutation.people.users import UserMutations
from schema.mutation.retention import RetentionMutations
from schema.mutation.sla import SlaMutations
from schema.mutation.tickets.attachments import AttachmentMutations
from schema.mutation.tickets.drafts import DraftMutations
from schema.mutation.tickets.messages import MessageMutations
from schema.mutation.tickets.presence import PresenceMutations
from schema.mutation.tickets.ticket_people import TicketPeopleMutations
from schema.mutation.tickets.ticket_upserts import TicketUpsertMutations
from schema.mutation.tickets.tickets import TicketMutations
from schema.mutation.views import ViewMutations
from schema.mutation.wall import WallMutations
from schema.mutation.webhooks import WebhookMutations


@strawberry.type(
    description="The mutations of the API. Mutations of tickets and of administrative records each "
    "run in one transaction. If a payload has user errors, nothing was changed, logged or "
    "published, except failed attempts to sign in, which are counted, and recorded in the "
    "audit log if the account exists.\n\nThe description of a mutation lists its user errors: a "
    "code, and in parentheses the input fields that `field` can name. A condition follows a "
    'colon. If it says "without a field", `field` is null. For other errors, see the type Query.'
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
    WallMutations,
    WebhookMutations,
):
    pass
