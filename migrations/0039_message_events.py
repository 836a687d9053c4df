"""An index of the events that have a message."""

from tortoise import migrations
from tortoise.migrations import operations as ops

from models.queries import indexes


async def forwards(apps, editor):
    await indexes.install_message_events(editor.client, editor.DIALECT)


async def backwards(apps, editor):
    await indexes.remove_message_events(editor.client)


class Migration(migrations.Migration):
    dependencies = [("models", "0038_sla_versions")]

    initial = False

    operations = [ops.RunPython(forwards, backwards)]
