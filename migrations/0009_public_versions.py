"""The version and time of a ticket that customers see, and events that they must not see."""

from datetime import UTC, datetime

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.core.time import InstantField

STAFF_WATCHER = "e.actor_user_id IN (SELECT u.id FROM users u WHERE u.role <> 'customer')"
OTHER_REQUESTER = (
    "EXISTS (SELECT 1 FROM tickets a, tickets b WHERE a.id = e.ticket_id AND b.id = {other_id} "
    "AND a.requester_id <> b.requester_id)"
)
EXPRESSIONS = {
    "sqlite": ("json_extract(e.data, '$.changes.watchers')", "json_extract(e.data, '$.other_id')"),
    "postgres": ("e.data->'changes'->'watchers'", "(e.data->>'other_id')::uuid"),
}


async def forwards(apps, editor):
    execute = editor.client.execute_query
    await execute("UPDATE tickets SET public_version = version, public_updated_at = updated_at")
    watchers, other_id = EXPRESSIONS[editor.DIALECT]
    await execute(
        "UPDATE events AS e SET internal = TRUE "
        f"WHERE e.type = 'ticket_updated' AND {watchers} IS NOT NULL AND {STAFF_WATCHER}"
    )
    await execute(
        "UPDATE events AS e SET internal = TRUE "
        f"WHERE e.type = 'linked' AND {OTHER_REQUESTER.format(other_id=other_id)}"
    )


async def backwards(apps, editor):
    pass  # the previous version doesn't read the columns


class Migration(migrations.Migration):
    dependencies = [('models', '0008_sign_in_attempts')]

    initial = False

    operations = [
        ops.AddField(
            model_name='Ticket',
            name='public_version',
            field=fields.IntField(default=1, db_default=1),
        ),
        ops.AddField(
            model_name='Ticket',
            name='public_updated_at',
            field=InstantField(
                auto_now=False, auto_now_add=False, db_default=datetime(1970, 1, 1, tzinfo=UTC)
            ),
        ),
        ops.RunPython(forwards, backwards),
        ops.AddIndex(model_name='Ticket', index=Index(fields=['requester_id', 'public_updated_at'])),
        ops.AddIndex(
            model_name='Ticket', index=Index(fields=['organization_id', 'public_updated_at'])
        ),
        ops.AddIndex(model_name='Ticket', index=Index(fields=['external_id'])),
    ]
