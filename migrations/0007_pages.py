"""Indexes for ordered pages of tickets; removes indexes that no query uses."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.indexes import Index

# The first names and definitions. models/queries/indexes.py has the current ones.
OPEN_TICKETS = "status NOT IN ('resolved', 'closed')"
IS_TOUCHED = "(CASE WHEN status = 'new' AND assignee_id IS NULL THEN 0 ELSE 1 END)"
BREACH_TIME_ASC = "COALESCE(sla_breaches_at, '9999-12-31 00:00:00+00:00')"
BREACH_TIME_DESC = "COALESCE(sla_breaches_at, '0001-01-02 00:00:00+00:00')"
INDEXES = {
    "tickets_promise": f"({BREACH_TIME_ASC}, id)",
    "tickets_last_promise": f"({BREACH_TIME_DESC}, id)",
    "tickets_open_updated": f"(updated_at, id) WHERE {OPEN_TICKETS}",
    "tickets_open_created": f"(created_at, id) WHERE {OPEN_TICKETS}",
    "tickets_open_priority": f"(priority DESC, created_at, id) WHERE {OPEN_TICKETS}",
    "tickets_queue": f"(team_id, {IS_TOUCHED}, {BREACH_TIME_ASC}, number, id) WHERE {OPEN_TICKETS}",
}


async def forwards(apps, editor):
    for name, definition in INDEXES.items():
        await editor.client.execute_query(f"CREATE INDEX {name} ON tickets {definition}")


async def backwards(apps, editor):
    for name in INDEXES:
        await editor.client.execute_query(f"DROP INDEX {name}")


class Migration(migrations.Migration):
    dependencies = [('models', '0006_keys')]

    initial = False

    operations = [
        ops.RemoveIndex(model_name='Event', fields=['message_id']),
        ops.RemoveIndex(model_name='Ticket', fields=['team_id', 'updated_at']),
        ops.RemoveIndex(model_name='Ticket', fields=['sla_breaches_at', 'id']),
        ops.AddIndex(model_name='Ticket', index=Index(fields=['team_id', 'updated_at', 'id'])),
        ops.AddIndex(model_name='Ticket', index=Index(fields=['category_id', 'updated_at', 'id'])),
        ops.RunPython(forwards, backwards),
    ]
