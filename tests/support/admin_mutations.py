"""Mutations of admins: calendars, policies, escalation paths and teams; and the refresh of SLAs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from models.sla import policies
from support.assert_unchanged import assert_nothing_stored, format_error
from support.client import Client
from support.loop_limits import count_runs
from support.ticket_factory import WINDOW
from workers.sla_refresh import SlaRefresh

POLICY_FIELDS = """id name position priority
  team { slug } category { slug } organization { name } calendar { id name }
  firstResponse nextResponse resolution atRiskPercent active version"""
CALENDAR_FIELDS = "id name timeZone week { start end } holidays active version"
ESCALATION_PATH_FIELDS = """id name position trigger metric priority team { slug }
  steps { after action team { slug } user { displayName } } active version"""
USER_FIELDS = """id email displayName role organization { id name } teams { slug } active
  externalId locale timeZone version"""
ORGANIZATION_FIELDS = "id name shared externalId active domains matchesDomains version"
TEAM_FIELDS = "id slug name assignsByLoad active version members { displayName }"
CATEGORY_FIELDS = "id slug name team { slug } parent { slug } active version"
SAVED_VIEW_FIELDS = """id name audience owner { displayName } team { slug } filter filterError
  orderBy { field direction } columns customFieldColumns position version viewerCanChange count"""
JOB_FIELDS = """id kind status dryRun errorPolicy progress total succeeded failed
  createdBy { displayName } cancelledBy { displayName } startedAt finishedAt undoableUntil
  result { changed unchanged unprocessed }"""
MACRO_FIELDS = """id name audience owner { displayName } team { slug } text statusAction holdFor
  closeReason assignment assignee { displayName } newTeam { slug } priority addTags removeTags
  active version viewerCanChange"""
CUSTOM_FIELD_FIELDS = """id key label type options { key label active } categories { slug }
  requiredAt customerAccess active version"""
RETENTION_POLICY_FIELDS = """id name filter filterError ageDays active erasedTickets
  erasedMessages erasedFiles lastErasedAt version preview { tickets messages files cutoff }"""
WALL_SCREEN_FIELDS = "id name team { slug } createdAt"
WEBHOOK_FIELDS = "id url types state query shape filter version"
PAYLOAD_FIELDS = {
    "createWebhook": ("webhook", WEBHOOK_FIELDS),
    "updateWebhook": ("webhook", WEBHOOK_FIELDS),
    "rotateWebhookSecret": ("webhook", WEBHOOK_FIELDS),
    "replayWebhook": ("webhook", WEBHOOK_FIELDS),
    "redeliverWebhook": ("delivery", "id status attempts"),
    "deleteWebhook": ("deletedId", ""),
    "bulkUpdateTickets": ("job", JOB_FIELDS),
    "undoJob": ("job", JOB_FIELDS),
    "exportTickets": ("job", JOB_FIELDS),
    "erasePerson": ("job", JOB_FIELDS),
    "exportPerson": ("job", JOB_FIELDS),
    "deleteSavedView": ("deletedViewId", ""),
    "deleteRetentionPolicy": ("deletedPolicyId", ""),
    "revokeWallScreen": ("revokedScreenId", ""),
    "WallScreen": ("wallScreen", WALL_SCREEN_FIELDS),
    "RetentionPolicy": ("retentionPolicy", RETENTION_POLICY_FIELDS),
    "Macro": ("macro", MACRO_FIELDS),
    "CustomField": ("customField", CUSTOM_FIELD_FIELDS),
    "SavedView": ("savedView", SAVED_VIEW_FIELDS),
    "User": ("user", USER_FIELDS),
    "Organization": ("organization", ORGANIZATION_FIELDS),
    "createTeam": ("team", TEAM_FIELDS),
    "archiveTeam": ("team", TEAM_FIELDS),
    "TeamMember": ("team", TEAM_FIELDS),
    "Category": ("category", CATEGORY_FIELDS),
    "SlaPolicy": ("slaPolicy", POLICY_FIELDS),
    "SlaCalendar": ("slaCalendar", CALENDAR_FIELDS),
    "EscalationPath": ("escalationPath", ESCALATION_PATH_FIELDS),
    "updateTeam": ("team", "id slug name assignsByLoad"),
    "linkIdentity": ("user", "id displayName"),
    "setAvailability": ("user", "id displayName present"),
}
WEEK: list[list[dict[str, str]]] = [[{"start": "09:00", "end": "17:00"}]] * 5 + [[], []]


def payload_field(mutation: str) -> tuple[str, str]:
    return next(field for name, field in PAYLOAD_FIELDS.items() if mutation.endswith(name))


async def send_mutation(client: Client, mutation: str, **input: Any) -> dict[str, Any]:
    """Run a mutation; return its payload, which may hold user errors."""
    field, fields = payload_field(mutation)
    kind = mutation[0].upper() + mutation[1:] + "Input"
    selection = f"{field} {{ {fields} }}" if fields else field
    fields_text = f"{selection} replayed userErrors {{ code message field }}"
    query = f"mutation($input: {kind}!) {{ {mutation}(input: $input) {{ {fields_text} }} }}"
    return dict((await client.run(query, input=input))[mutation])


async def run_mutation(client: Client, mutation: str, **input: Any) -> dict[str, Any]:
    """Run a mutation that must succeed; return the record that it changed."""
    payload = await send_mutation(client, mutation, **input)
    assert payload["userErrors"] == [], payload
    return dict(payload[payload_field(mutation)[0]])


async def refusal_of(client: Client, mutation: str, **input: Any) -> str:
    """Run a mutation that must be refused and store nothing; return the error as `CODE field`."""
    async with assert_nothing_stored():
        payload = await send_mutation(client, mutation, **input)
    assert payload[payload_field(mutation)[0]] is None, payload
    (error,) = payload["userErrors"]
    return format_error(error)


async def refresh_slas(at: datetime) -> int:
    """Apply the policies to all open tickets, possibly beside other workers; return the number of
    tickets."""
    worker, count = SlaRefresh(WINDOW), 0
    for _ in count_runs():
        if not await policies.find_outdated_tickets(1):
            break
        count += (await worker.run_once(at, 0)).count
    return count


async def clocks_by_metric(
    client: Client, ticket: dict[str, Any], more: str = ""
) -> dict[str, dict[str, Any]]:
    """The SLA clocks of a ticket by metric; for next responses the last one."""
    query = f"""query($id: ID!) {{ ticket(id: $id) {{ clocks {{
      metric status target spent atRiskAt breachesAt breachedAt pausedAt
      policy {{ name }} {more} }} }} }}"""
    records = (await client.run(query, id=ticket["id"]))["ticket"]["clocks"]
    return {clock["metric"]: {**clock, "policy": clock["policy"]["name"]} for clock in records}
