"""Reads the audit log and the directory's events over the API."""

from __future__ import annotations

from typing import Any

from support.client import Client

ENTRY_FIELDS = """id occurredAt action actor { __typename displayName } address requestId
  recordKind recordId record { __typename id } changes { field from to fromItems toItems }"""
AUDIT_LOG = f"""query($filter: AuditLogFilter, $first: Int, $after: String, $last: Int,
    $before: String) {{
  auditLog(filter: $filter, first: $first, after: $after, last: $last, before: $before) {{
    nodes {{ {ENTRY_FIELDS} }} edges {{ cursor }} totalCount
    pageInfo {{ endCursor startCursor hasNextPage hasPreviousPage }} }} }}"""
DIRECTORY_EVENT_FIELDS = """__typename id cursor type occurredAt actor { displayName } recordId
  changes { field from to fromItems toItems }
  ... on UserDirectoryEvent { user { displayName present } }
  ... on TeamDirectoryEvent { team { slug name } }
  ... on SlaCalendarDirectoryEvent { slaCalendar { name } }
  ... on SlaPolicyDirectoryEvent { slaPolicy { name } }
  ... on EscalationPathDirectoryEvent { escalationPath { name } }
  ... on CustomFieldDirectoryEvent { customField { key } }"""
DIRECTORY_EVENTS = f"""query($kinds: [RecordKind!], $first: Int, $after: String, $last: Int,
    $before: String) {{
  directoryEvents(kinds: $kinds, first: $first, after: $after, last: $last, before: $before) {{
    nodes {{ {DIRECTORY_EVENT_FIELDS} }} totalCount
    pageInfo {{ endCursor hasNextPage hasPreviousPage }} }} }}"""


async def read_audit_log(client: Client, **variables: Any) -> list[dict[str, Any]]:
    """The entries of one page."""
    return list((await client.run(AUDIT_LOG, **variables))["auditLog"]["nodes"])


async def read_directory_events(client: Client, **variables: Any) -> list[dict[str, Any]]:
    """The events of one page."""
    return list((await client.run(DIRECTORY_EVENTS, **variables))["directoryEvents"]["nodes"])
