"""Indexes for ordered pages of tickets (see models/queries/indexes.py); removes indexes that no query uses."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from models.queries.indexes import install, remove
from tortoise.indexes import Index


async def forwards(apps, editor):
    await install(editor.client)


async def backwards(apps, editor):
    await remove(editor.client)


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
