"""Indexes for two more orders of all tickets."""

from tortoise import migrations
from tortoise.migrations import operations as ops

from models.queries import indexes


async def forwards(apps, editor):
    await indexes.install(editor.client, indexes.ORDER_INDEXES)


async def backwards(apps, editor):
    await indexes.remove(editor.client, indexes.ORDER_INDEXES)


class Migration(migrations.Migration):
    dependencies = [("models", "0042_ticket_counts")]

    initial = False

    operations = [ops.RunPython(forwards, backwards)]
