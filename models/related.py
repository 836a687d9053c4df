"""Queries for the related records of many owners at once.

The caller must have checked that the viewer can see the owners. Functions whose docstring names a
condition also check the related records. All take the viewer, because schema/records/loaders.py
calls them alike.
"""

from __future__ import annotations

from collections.abc import Sequence

from models.access.permissions import ADMINISTER
from models.access.viewer import Viewer
from models.access.visibility import visible_tickets, visible_watchers
from models.core.lazy_query import LazyQuery, ListQuery
from models.core.sql import FALSE, TRUE, in_list, is_null
from models.notifications.email import Mail
from models.people.domains import OrganizationDomain
from models.people.identity import Identity
from models.people.team import Team
from models.people.token import Token
from models.people.user import User
from models.sla.records import SlaClock
from models.tickets.attachment import Attachment
from models.tickets.ticket import Ticket, TicketLink, TicketResource, TicketTag

Keys = Sequence[object]


def tickets(viewer: Viewer, ticket_ids: Keys) -> ListQuery[Ticket]:
    """The tickets themselves, of which the viewer can see each."""
    condition = in_list("t.id", ticket_ids) & visible_tickets(viewer)
    return ListQuery(LazyQuery(Ticket, "t", "tickets t", condition), "t.id")


def tags(viewer: Viewer, ticket_ids: Keys) -> ListQuery[TicketTag]:
    condition = in_list("g.ticket_id", ticket_ids)
    return ListQuery(LazyQuery(TicketTag, "g", "ticket_tags g", condition, "g.name"), "g.ticket_id")


def resources(viewer: Viewer, ticket_ids: Keys) -> ListQuery[TicketResource]:
    condition = in_list("s.ticket_id", ticket_ids)
    query = LazyQuery(TicketResource, "s", "ticket_resources s", condition, "s.id")
    return ListQuery(query, "s.ticket_id")


def watchers(viewer: Viewer, ticket_ids: Keys) -> ListQuery[User]:
    """Watchers that the viewer can see; customers see no agents and admins."""
    source = "ticket_watchers w JOIN users u ON u.id = w.user_id"
    condition = in_list("w.ticket_id", ticket_ids) & visible_watchers(viewer, "w.user_id")
    return ListQuery(LazyQuery(User, "u", source, condition, "w.id"), "w.ticket_id")


def participants(viewer: Viewer, ticket_ids: Keys) -> ListQuery[User]:
    """Participants that the viewer can see."""
    source = "ticket_participants p JOIN users u ON u.id = p.user_id"
    condition = in_list("p.ticket_id", ticket_ids) & visible_watchers(viewer, "p.user_id")
    return ListQuery(LazyQuery(User, "u", source, condition, "p.id"), "p.ticket_id")


def merged_tickets(viewer: Viewer, ticket_ids: Keys) -> ListQuery[Ticket]:
    """Tickets that the viewer can see, and that were merged into the owners."""
    condition = in_list("t.merged_into_id", ticket_ids) & visible_tickets(viewer)
    query = LazyQuery(Ticket, "t", "tickets t", condition, "t.number")
    return ListQuery(query, "t.merged_into_id")


def links(viewer: Viewer, ticket_ids: Keys) -> ListQuery[TicketLink]:
    """Links to tickets that the viewer can see."""
    source = "ticket_links l JOIN tickets t ON t.id = l.other_id"
    condition = in_list("l.ticket_id", ticket_ids) & visible_tickets(viewer)
    return ListQuery(LazyQuery(TicketLink, "l", source, condition, "l.id"), "l.ticket_id")


def clocks(viewer: Viewer, ticket_ids: Keys) -> ListQuery[SlaClock]:
    condition = in_list("c.ticket_id", ticket_ids)
    order = "c.started_at, c.metric, c.ordinal"
    return ListQuery(LazyQuery(SlaClock, "c", "sla_clocks c", condition, order), "c.ticket_id")


def ticket_attachments(viewer: Viewer, ticket_ids: Keys) -> ListQuery[Attachment]:
    """Attachments of the tickets themselves, not of their messages."""
    condition = in_list("a.ticket_id", ticket_ids) & is_null("a.message_id")
    return ListQuery(LazyQuery(Attachment, "a", "attachments a", condition, "a.id"), "a.ticket_id")


def message_attachments(viewer: Viewer, message_ids: Keys) -> ListQuery[Attachment]:
    condition = in_list("a.message_id", message_ids)
    return ListQuery(LazyQuery(Attachment, "a", "attachments a", condition, "a.id"), "a.message_id")


def draft_attachments(viewer: Viewer, draft_ids: Keys) -> ListQuery[Attachment]:
    condition = in_list("a.draft_id", draft_ids)
    return ListQuery(LazyQuery(Attachment, "a", "attachments a", condition, "a.id"), "a.draft_id")


def members(viewer: Viewer, team_ids: Keys) -> ListQuery[User]:
    """Members of teams; none if the viewer can't see people."""
    source = "memberships m JOIN users u ON u.id = m.user_id"
    condition = in_list("m.team_id", team_ids) & (TRUE if viewer.can_see_people else FALSE)
    return ListQuery(LazyQuery(User, "u", source, condition, "u.display_name, m.id"), "m.team_id")


def teams(viewer: Viewer, user_ids: Keys) -> ListQuery[Team]:
    """Teams of users; none if the viewer is a customer."""
    source = "memberships m JOIN teams w ON w.id = m.team_id"
    condition = in_list("m.user_id", user_ids) & (FALSE if viewer.is_customer else TRUE)
    return ListQuery(LazyQuery(Team, "w", source, condition, "w.slug"), "m.user_id")


def domains(viewer: Viewer, organization_ids: Keys) -> ListQuery[OrganizationDomain]:
    """Email domains of organizations; none if the viewer is a customer."""
    visible = FALSE if viewer.is_customer else TRUE
    condition = in_list("d.organization_id", organization_ids) & visible
    source = "organization_domains d"
    query = LazyQuery(OrganizationDomain, "d", source, condition, "d.domain")
    return ListQuery(query, "d.organization_id")


def client_tokens(viewer: Viewer, client_ids: Keys) -> ListQuery[Token]:
    """Tokens of API clients; none if the viewer can't administer them."""
    can_see = ADMINISTER.allows(viewer)
    condition = in_list("k.client_id", client_ids) & (TRUE if can_see else FALSE)
    order = "k.created_at DESC, k.id DESC"
    return ListQuery(LazyQuery(Token, "k", "tokens k", condition, order), "k.client_id")


def identities(viewer: Viewer, user_ids: Keys) -> ListQuery[Identity]:
    """Identities of users; none if the viewer can't administer users."""
    can_see = ADMINISTER.allows(viewer)
    condition = in_list("i.user_id", user_ids) & (TRUE if can_see else FALSE)
    order = "i.created_at, i.id"
    return ListQuery(LazyQuery(Identity, "i", "identities i", condition, order), "i.user_id")


def deliveries(viewer: Viewer, positions: Keys) -> ListQuery[Mail]:
    """Emails about the events at these positions; none if the viewer can't see notes."""
    condition = in_list("d.event_id", positions) & (TRUE if viewer.can_see_notes else FALSE)
    return ListQuery(LazyQuery(Mail, "d", "mails d", condition, "d.id"), "d.event_id")
