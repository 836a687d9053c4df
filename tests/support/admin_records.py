"""Records of the administration whose pages show every part of their forms."""

from __future__ import annotations

from models.core.ids import USER, encode
from support.actors import World
from support.admin_mutations import run_mutation
from support.client import Client

LONG = "Donaudampfschifffahrtsgesellschaft" * 3
CALENDAR = {
    "name": f"Nights {LONG}",
    "timeZone": "America/Argentina/ComodRivadavia",
    "week": [[{"start": "00:00", "end": "06:00"}, {"start": "20:00", "end": "24:00"}]] * 6 + [[]],
    "holidays": ["2026-12-25", "2026-12-26"],
}
FIELD = {
    "label": f"Location {LONG}",
    "key": "location",
    "type": "MULTI_SELECT",
    "options": [{"key": "north", "label": LONG}, {"key": "south", "label": "الجنوب"}],
    "categories": ["technical"],
    "requiredAt": "RESOLUTION",
    "customerAccess": "EDITABLE",
}
MACRO = {
    "name": f"Wait for the vendor {LONG}",
    "audience": "TEAM",
    "team": "support",
    "text": "Dear {{requester.displayName}},\n\nwe have asked the vendor about {{ticket.ref}}.",
    "statusAction": "HOLD",
    "holdFor": "P3D",
    "assignment": "PERSON",
    "newTeam": "billing",
    "priority": "LOW",
    "addTags": ["vendor", LONG[:50]],
    "removeTags": ["new"],
}
POLICY = {
    "team": "support",
    "priority": "URGENT",
    "firstResponse": "PT30M",
    "nextResponse": "PT2H",
    "resolution": "PT90S",
    "atRiskPercent": 60,
}
PATH = {"trigger": "SLA_BREACHED", "metric": "RESOLUTION", "priority": "URGENT", "team": "support"}


async def create_records(admin: Client, world: World) -> dict[str, str]:
    """Create a calendar, a policy that has been changed, an escalation path with a step of each
    action, a field whose second option is archived, and a macro; return the ids by section."""
    calendar = await run_mutation(admin, "createSlaCalendar", **CALENDAR)
    policy = await run_mutation(
        admin, "createSlaPolicy", name=f"Platinum {LONG}", calendarId=calendar["id"], **POLICY
    )
    for category in ("technical", "billing"):
        await run_mutation(admin, "updateSlaPolicy", policyId=policy["id"], category=category)
    steps: list[dict[str, object]] = [
        {"after": "PT0S", "action": action}
        for action in ("NOTIFY_ASSIGNEE", "NOTIFY_TEAM", "NOTIFY_ADMINS", "RAISE_PRIORITY")
    ]
    steps.append({"after": "PT4H", "action": "TRANSFER", "team": "billing"})
    steps.append({"after": "P2D", "action": "REASSIGN", "userId": encode(USER, world.bill.id)})
    path = await run_mutation(
        admin, "createEscalationPath", name=f"Breach {LONG}", steps=steps, **PATH
    )
    field = await run_mutation(admin, "createCustomField", **FIELD)
    options = [{"key": "north"}, {"key": "south", "active": False}]
    await run_mutation(admin, "updateCustomField", fieldId=field["id"], options=options)
    macro = await run_mutation(admin, "createMacro", assigneeId=encode(USER, world.ada.id), **MACRO)
    return {
        "calendars": calendar["id"],
        "sla": policy["id"],
        "escalation": path["id"],
        "fields": field["id"],
        "macros": macro["id"],
    }
