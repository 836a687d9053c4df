"""Plainer names of the two indexes of tickets by the time of their SLA breach.

Statements don't name indexes, so processes of the previous version can run at the same time.
"""

from tortoise import migrations
from tortoise.migrations import operations as ops

NAMES = (
    ("tickets_promise", "tickets_earliest_breach"),
    ("tickets_last_promise", "tickets_latest_breach"),
)


async def rename_index(client, dialect, old, new):
    """Rename an index. SQLite can't, so there the index is created again."""
    if dialect == "postgres":
        await client.execute_query(f"ALTER INDEX {old} RENAME TO {new}")
        return
    (index,) = await client.execute_query_dict(
        "SELECT sql FROM sqlite_master WHERE type = 'index' AND name = ?", [old]
    )
    await client.execute_query(f"DROP INDEX {old}")
    await client.execute_query(index["sql"].replace(old, new, 1))


async def forwards(apps, editor):
    for old, new in NAMES:
        await rename_index(editor.client, editor.DIALECT, old, new)


async def backwards(apps, editor):
    for old, new in NAMES:
        await rename_index(editor.client, editor.DIALECT, new, old)


class Migration(migrations.Migration):
    dependencies = [('models', '0013_audit')]

    initial = False

    operations = [ops.RunPython(forwards, backwards)]
