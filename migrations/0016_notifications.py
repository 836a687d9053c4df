"""Tickets that assignment by load leaves alone, and an index of the tickets that wait for it.

The keys of tags, which differ not only by case. Lists of tags and filters by tags omit tags that processes
of the previous version add after this migration.

The number of folded emails of a summary, and an index of emails by ticket and time.
"""

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.core.text import fold_tag
from models.tickets.tag_key import TagKeyField

WAITING_INDEX = (
    "CREATE INDEX tickets_waiting ON tickets "
    "(team_id, COALESCE(sla_breaches_at, '9999-12-31 00:00:00+00:00'), number) "
    "WHERE assignee_id IS NULL AND NOT kept_unassigned AND status NOT IN ('resolved', 'closed')"
)

BATCH_NAMES = 1000


async def forwards(apps, editor):
    await editor.client.execute_query(WAITING_INDEX)


async def store_tag_keys(apps, editor):
    """Store the key of each tag, in batches of different names; the index by name has them in order."""
    mark = (lambda n: "?") if editor.DIALECT == "sqlite" else (lambda n: f"${n}")
    update = f"UPDATE ticket_tags SET key = {mark(1)} WHERE name = {mark(2)}"
    condition, params = "", []
    while True:
        rows = await editor.client.execute_query_dict(
            f"SELECT DISTINCT name FROM ticket_tags {condition} ORDER BY name LIMIT {BATCH_NAMES}",
            params,
        )
        if not rows:
            return
        names = [row["name"] for row in rows]
        await editor.client.execute_many(update, [[fold_tag(name), name] for name in names])
        condition, params = f"WHERE name > {mark(1)}", [names[-1]]


async def keep_tag_keys(apps, editor):
    pass  # the column is removed


async def backwards(apps, editor):
    await editor.client.execute_query("DROP INDEX tickets_waiting")


class Migration(migrations.Migration):
    dependencies = [('models', '0015_last_replies_and_read_marks')]

    initial = False

    operations = [
        ops.AddField(
            model_name='Ticket',
            name='kept_unassigned',
            field=fields.BooleanField(default=False, db_default=False),
        ),
        ops.RunPython(forwards, backwards),
        ops.AddField(model_name='TicketTag', name='key', field=TagKeyField()),
        ops.RunPython(store_tag_keys, keep_tag_keys),
        ops.RemoveIndex(model_name='TicketTag', fields=['name', 'ticket_id']),
        ops.AddIndex(model_name='TicketTag', index=Index(fields=['key', 'ticket_id'])),
        ops.AddField(
            model_name='Mail', name='updates', field=fields.IntField(default=0, db_default=0)
        ),
        ops.AddIndex(model_name='Mail', index=Index(fields=['ticket_id', 'created_at'])),
    ]
