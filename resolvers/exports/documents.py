"""The GraphQL documents with which exports read tickets.

An export therefore shows exactly what its starter can read through the API, by the same rules.
"""

from __future__ import annotations

FIRST_MESSAGES, FIRST_EVENTS = 20, 50
"""What the first request reads of each ticket. Further pages are read ticket by ticket, so that a
batch of tickets with long histories is not in memory at once."""
MORE_MESSAGES, MORE_EVENTS = 50, 100

SHARED_FRAGMENTS = """
fragment person on Actor {
  __typename displayName
  ... on User { id email }
  ... on ApiClient { id }
}
fragment file on Attachment { id filename contentType size sha256 createdAt }
fragment reference on Ticket { id ref }
"""
"""For people, files, and references to other tickets."""
MESSAGES = """
fragment messages on MessageConnection {
  nodes {
    __typename id createdAt body
    ticket { id }
    author { ...person }
    attachments { ...file }
  }
  pageInfo { hasNextPage endCursor }
}
"""
EVENTS = """
fragment events on TicketEventConnection {
  nodes {
    __typename id type cursor occurredAt
    ticket { id }
    actor { ...person }
    ... on TicketStatusEvent { action from to }
    ... on TicketStatusChanged { comment }
    ... on TicketUpdated { changes { field from to fromItems toItems } }
    ... on TicketAssigned {
      fromAssignee { ...person } toAssignee { ...person }
      candidates { user { ...person } openTickets }
    }
    ... on TicketTransferred { fromTeam { slug } toTeam { slug } }
    ... on TicketEscalated { level reason }
    ... on TicketReplied { reply { id } }
    ... on TicketNoted { note { id } }
    ... on TicketAttachmentAdded { attachment { id } }
    ... on TicketLinked { kind other { ...reference } }
    ... on TicketUnlinked { kind other { ...reference } }
    ... on TicketMerged { fromTicket { ...reference } into { ...reference } }
    ... on TicketUnmerged { fromTicket { ...reference } into { ...reference } }
    ... on TicketReplyMoved { movedTo { ...reference } }
    ... on TicketMessageRedacted { message { id } reason }
    ... on TicketRedacted { reason retentionPolicyId }
    ... on TicketRated { score comment }
    ... on SlaEvent { metric recordedAt policy { id name } }
    ... on SlaAchieved { late }
    ... on SlaRetargeted { fromPolicy { id name } toPolicy { id name } }
    ... on TicketEscalationStep { path step stepAction outcome notified { ...person } }
    ... on TicketReminded { status closesAt }
    ... on TicketMailFailed { recipient { ...person } answer }
    ... on TicketDraftProposed { user { ...person } messageKind }
  }
  pageInfo { hasNextPage endCursor }
}
"""
HISTORY_FRAGMENTS = f"{MESSAGES}{EVENTS}{SHARED_FRAGMENTS}"
"""The fragments `messages` and `events`, with those that they contain."""
TICKET_FIELDS = """
    id number ref externalId subject description status stage priority
    category { slug name } team { slug name }
    requester { ...person } organization { id name } assignee { ...person }
    watchers { ...person } participants { ...person } sharedWithOrganization
    tags resources { kind externalId name }
    customFields { field { key label } type text number boolean date options { key label } }
    escalationLevel heldUntil resolution closeReason
    clocks {
      metric ordinal status startedAt pausedAt atRiskAt breachesAt achievedAt breachedAt target
      policy { id name }
    }
    links { kind ticket { ...reference } }
    mergedInto { ...reference } mergedTickets { ...reference }
    attachments { ...file }
    createdAt updatedAt firstRespondedAt lastReplyAt lastReplyBy { ...person }
    resolvedAt closedAt textsErasedAt version
    satisfaction { score comment ratedAt }
"""
PAGE_DOCUMENT = f"""
query ExportMessages($id: ID!, $after: String) {{
  ticket(id: $id) {{ page: messages(first: {MORE_MESSAGES}, after: $after) {{ ...messages }} }}
}}
query ExportEvents($id: ID!, $after: String) {{
  ticket(id: $id) {{ page: timeline(first: {MORE_EVENTS}, after: $after) {{ ...events }} }}
}}
{HISTORY_FRAGMENTS}
"""
"""Reads the pages after the first one of a ticket."""
JSONL_DOCUMENT = f"""
query ExportTickets($ids: [ID!]!) {{
  nodes(ids: $ids) {{ ... on Ticket {{
    {TICKET_FIELDS}
    messages(first: {FIRST_MESSAGES}) {{ ...messages }}
    timeline(first: {FIRST_EVENTS}) {{ ...events }}
  }} }}
}}
{HISTORY_FRAGMENTS}
"""
CSV_DOCUMENT = f"""
query ExportTickets($ids: [ID!]!) {{
  nodes(ids: $ids) {{ ... on Ticket {{
    ref id externalId subject description status stage priority
    category {{ slug }} team {{ slug }}
    requester {{ id displayName email }} organization {{ name }} assignee {{ id displayName }}
    tags escalationLevel
    createdAt updatedAt firstRespondedAt lastReplyAt heldUntil resolvedAt closedAt
    closeReason resolution mergedInto {{ ref }} satisfaction {{ score comment }}
    customFields {{ field {{ key }} text number boolean date options {{ key }} }}
    messages(first: {FIRST_MESSAGES}) {{ totalCount ...messages }}
    timeline(first: {FIRST_EVENTS}) {{ ...events }}
  }} }}
}}
{HISTORY_FRAGMENTS}
"""
"""Of the ticket's own fields only what `csv_rows.COLUMNS` prints."""
