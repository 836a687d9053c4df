"""Tickets that assignment by load leaves alone, and an index of the tickets that wait for it.

The keys of tags, which differ not only by case. The number of folded emails of a summary, and an index of emails by ticket and time.
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


async def forwards(apps, editor):
    await editor.client.execute_query(WAITING_INDEX)


async def store_tag_keys(apps, editor):
    """Store the key of each tag. The index by name finds the rows."""
    places = ("?", "?") if editor.DIALECT == "sqlite" else ("$1", "$2")
    rows = await editor.client.execute_query_dict("SELECT DISTINCT name FROM ticket_tags")
    if rows:
        await editor.client.execute_many(
            f"UPDATE ticket_tags SET key = {places[0]} WHERE name = {places[1]}",
            [[fold_tag(row["name"]), row["name"]] for row in rows],
        )


async def keep_tag_keys(apps, editor):
    pass  # the column is removed


async def backwards(apps, editor):
    await editor.client.execute_query("DROP INDEX tickets_waiting")


class Migration(migrations.Migration):
    dependencies = [('models', '0013_last_replies_and_read_marks')]

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
