"""A sort key of each tag, for lists of tags.

Lists of tags omit tags that processes of the previous version add after this migration.
"""

from tortoise import migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.tickets.tag import TagSortKeyField, build_sort_key

BATCH_NAMES = 1000


async def store_sort_keys(apps, editor):
    """Store the key of each tag, in batches of different names; an index has them in order."""
    mark = (lambda n: "?") if editor.DIALECT == "sqlite" else (lambda n: f"${n}")
    update = f"UPDATE ticket_tags SET sort_key = {mark(1)} WHERE name = {mark(2)}"
    condition, params = "", []
    while True:
        rows = await editor.client.execute_query_dict(
            f"SELECT DISTINCT name FROM ticket_tags {condition} ORDER BY name LIMIT {BATCH_NAMES}",
            params,
        )
        if not rows:
            return
        names = [row["name"] for row in rows]
        await editor.client.execute_many(update, [[build_sort_key(name), name] for name in names])
        condition, params = f"WHERE name > {mark(1)}", [names[-1]]


async def keep_sort_keys(apps, editor):
    """The column is removed."""


class Migration(migrations.Migration):
    dependencies = [('models', '0021_audit_indexes')]

    initial = False

    operations = [
        ops.AddField(model_name='TicketTag', name='sort_key', field=TagSortKeyField()),
        ops.RunPython(store_sort_keys, keep_sort_keys),
        ops.AddIndex(model_name='TicketTag', index=Index(fields=['sort_key', 'ticket_id'])),
    ]
