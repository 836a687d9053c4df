"""The GraphQL documents of the follower."""

from __future__ import annotations

VIEWER = "viewer { role scopes }"
TEAM = "id slug name active assignsByLoad"
CATEGORY = "id slug name active team { slug } parent { id }"
ORGANIZATION = "id name active shared domains externalId matchesDomains"
PERSON = """
  id displayName role active email organization { id } externalId locale timeZone
  teams { slug } createdAt
"""
ATTACHMENTS = "attachments { id filename contentType size sha256 }"
ACTOR = "__typename ... on User { id } ... on ApiClient { id }"
TICKET = f"""
  id number ref externalId subject description status priority category {{ slug }} team {{ slug }}
  requester {{ id }} organization {{ id }} assignee {{ id }} watchers {{ id }} participants {{ id }}
  tags resources {{ kind externalId name }}
  customFields {{ field {{ key }} type text number boolean date options {{ key }} }}
  links {{ kind ticket {{ id }} }} {ATTACHMENTS} escalationLevel heldUntil resolution closeReason
  mergedInto {{ id }} satisfaction {{ score comment ratedAt }} lastReplyBy {{ {ACTOR} }} lastReplyAt
  createdAt updatedAt firstRespondedAt resolvedAt closedAt textsErasedAt version
"""
MESSAGE_FRAGMENT = f"""
fragment message on Message {{
  __typename id ticket {{ id }} author {{ {ACTOR} }} body {ATTACHMENTS} createdAt
}}
"""
EVENT_FRAGMENT = f"""
fragment event on TicketEvent {{
  __typename id type cursor occurredAt ticket {{ id }} actor {{ {ACTOR} }}
  ... on TicketStatusEvent {{ action from to }}
  ... on TicketStatusChanged {{ comment }}
  ... on TicketUpdated {{ changes {{ field from to fromItems toItems }} }}
  ... on TicketAssigned {{ fromAssignee {{ id }} toAssignee {{ id }} }}
  ... on TicketTransferred {{ fromTeam {{ slug }} toTeam {{ slug }} }}
  ... on TicketEscalated {{ level reason }}
  ... on TicketEscalationStep {{ path step stepAction outcome }}
  ... on TicketLinked {{ other {{ id }} kind }}
  ... on TicketUnlinked {{ other {{ id }} kind }}
  ... on TicketMerged {{ fromTicket {{ id }} into {{ id }} }}
  ... on TicketUnmerged {{ fromTicket {{ id }} into {{ id }} }}
  ... on TicketReplyMoved {{ movedTo {{ id }} }}
  ... on TicketRated {{ score comment }}
  ... on TicketReminded {{ status closesAt }}
  ... on TicketMailFailed {{ recipient {{ id }} }}
  ... on TicketDraftProposed {{ user {{ id }} messageKind }}
  ... on TicketAttachmentAdded {{ attachment {{ id }} }}
  ... on TicketMessageRedacted {{ message {{ id }} reason }}
  ... on TicketRedacted {{ reason retentionPolicyId }}
  ... on SlaEvent {{ metric }}
  ... on SlaAchieved {{ late }}
  ... on SlaRetargeted {{ fromPolicy {{ id }} toPolicy {{ id }} }}
  ... on TicketReplied {{ reply {{ ...message }} }}
  ... on TicketNoted {{ note {{ ...message }} }}
}}
{MESSAGE_FRAGMENT}
"""
DIRECTORY_EVENT = f"__typename id type cursor occurredAt actor {{ {ACTOR} }} recordId"

CHECK = f"{{ {VIEWER} }}"
PAGES = {
    "teams": f"{{ {VIEWER} page: teams(includeInactive: true) {{ {TEAM} }} }}",
    "categories": f"{{ {VIEWER} page: categories(includeInactive: true) {{ {CATEGORY} }} }}",
    "organizations": f"""query($first: Int!, $after: String) {{ {VIEWER}
      page: organizations(includeInactive: true, first: $first, after: $after) {{
        nodes {{ {ORGANIZATION} }} pageInfo {{ hasNextPage endCursor }} }} }}""",
    "people": f"""query($first: Int!, $after: String) {{ {VIEWER}
      page: users(first: $first, after: $after) {{
        nodes {{ {PERSON} }} pageInfo {{ hasNextPage endCursor }} }} }}""",
    "tickets": f"""query($first: Int!, $after: String) {{ {VIEWER}
      page: tickets(first: $first, after: $after, orderBy: [{{field: NUMBER, direction: ASC}}]) {{
        nodes {{ {TICKET} }} pageInfo {{ hasNextPage endCursor }} }} }}""",
}
"""The lists of the first copy, by table."""
LOG_LISTS = f"""
  events(first: $first, after: $after) {{ nodes {{ ...event }} pageInfo {{ hasNextPage }} }}
  directoryEvents(first: $first, after: $after) {{
    nodes {{ {DIRECTORY_EVENT} }} pageInfo {{ hasNextPage }} }}
"""
LAST_EVENT = """
  last: node(id: $last) {
    ... on TicketEvent { cursor occurredAt } ... on DirectoryEvent { cursor occurredAt } }
"""
"""Tells whether the log is still the one that the mirror has followed."""
LOG = f"""query($first: Int!, $after: String, $last: ID!) {{ {VIEWER} {LAST_EVENT} {LOG_LISTS} }}
{EVENT_FRAGMENT}
"""
LOG_FROM_START = f"""query($first: Int!, $after: String) {{ {VIEWER} {LOG_LISTS} }}
{EVENT_FRAGMENT}
"""
END_OF_LOG = f"""{{ {VIEWER} events(last: 1) {{ nodes {{ id cursor occurredAt }} }}
  directoryEvents(last: 1) {{ nodes {{ id cursor occurredAt }} }} }}"""
CHECK_LOG = f"query($last: ID!) {{ {VIEWER} {LAST_EVENT} }}"
TIMELINE = f"""query($id: ID!, $first: Int!, $after: String) {{ {VIEWER}
  ticket(id: $id) {{
    mergedTickets {{ id }}
    timeline(first: $first, after: $after) {{
      nodes {{ ...event }} pageInfo {{ hasNextPage endCursor }} }}
  }}
}}
{EVENT_FRAGMENT}
"""
WAKE_UP = "subscription($after: String) { ticketEvents(after: $after) { cursor } }"
"""Each event wakes the follower, which then reads the log in pages."""


def build_records_query(type_name: str, selection: str) -> str:
    """The query for records of one type by their ids."""
    return f"""query($ids: [ID!]!) {{ {VIEWER}
      nodes(ids: $ids) {{ ... on {type_name} {{ {selection} }} }} }}"""
