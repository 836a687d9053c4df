"""What belongs to records, described for many owners at once, as far as the viewer may see it."""

from __future__ import annotations

from collections.abc import Sequence

from models.access.viewer import Viewer
from models.access.visibility import visible_tickets
from models.core.lazy_query import LazyQuery, Many
from models.core.sql import FALSE, TRUE, in_list, is_null
from models.notifications.email import Mail
from models.people.team import Team
from models.people.user import User
from models.sla.records import SlaClock
from models.tickets.attachment import Attachment
from models.tickets.ticket import TicketLink, TicketResource, TicketTag

Keys = Sequence[object]


def tags(viewer: Viewer, tickets: Keys) -> Many[TicketTag]:
    return Many(LazyQuery(TicketTag, "g", "ticket_tags g", in_list("g.ticket_id", tickets), "g.name"), "g.ticket_id")


def resources(viewer: Viewer, tickets: Keys) -> Many[TicketResource]:
    return Many(LazyQuery(TicketResource, "s", "ticket_resources s", in_list("s.ticket_id", tickets), "s.id"), "s.ticket_id")


def watchers(viewer: Viewer, tickets: Keys) -> Many[User]:
    source = "ticket_watchers w JOIN users u ON u.id = w.user_id"
    return Many(LazyQuery(User, "u", source, in_list("w.ticket_id", tickets), "w.id"), "w.ticket_id")


def links(viewer: Viewer, tickets: Keys) -> Many[TicketLink]:
    """Those to tickets that the viewer may see."""
    source = "ticket_links l JOIN tickets t ON t.id = l.other_id"
    return Many(LazyQuery(TicketLink, "l", source, in_list("l.ticket_id", tickets) & visible_tickets(viewer), "l.id"), "l.ticket_id")


def clocks(viewer: Viewer, tickets: Keys) -> Many[SlaClock]:
    order = "c.started_at, c.metric, c.ordinal"
    return Many(LazyQuery(SlaClock, "c", "sla_clocks c", in_list("c.ticket_id", tickets), order), "c.ticket_id")


def ticket_attachments(viewer: Viewer, tickets: Keys) -> Many[Attachment]:
    """Those that came with no message."""
    own = in_list("a.ticket_id", tickets) & is_null("a.message_id")
    return Many(LazyQuery(Attachment, "a", "attachments a", own, "a.id"), "a.ticket_id")


def message_attachments(viewer: Viewer, messages: Keys) -> Many[Attachment]:
    return Many(LazyQuery(Attachment, "a", "attachments a", in_list("a.message_id", messages), "a.id"), "a.message_id")


def members(viewer: Viewer, teams: Keys) -> Many[User]:
    """For those who may see people."""
    source = "memberships m JOIN users u ON u.id = m.user_id"
    seen = TRUE if viewer.can_see_people else FALSE
    return Many(LazyQuery(User, "u", source, in_list("m.team_id", teams) & seen, "u.display_name, m.id"), "m.team_id")


def teams(viewer: Viewer, users: Keys) -> Many[Team]:
    source = "memberships m JOIN teams w ON w.id = m.team_id"
    return Many(LazyQuery(Team, "w", source, in_list("m.user_id", users), "w.slug"), "m.user_id")


def deliveries(viewer: Viewer, entries: Keys) -> Many[Mail]:
    """For those who may see notes."""
    seen = TRUE if viewer.can_see_notes else FALSE
    return Many(LazyQuery(Mail, "d", "mails d", in_list("d.event_id", entries) & seen, "d.id"), "d.event_id")
