"""Single tickets that are shared with all customers of their organization."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

from models.access.revision_triggers import SHARING_TRIGGERS, create_triggers, drop_triggers
from models.queries import indexes


async def forwards(apps, editor):
    await indexes.install(editor.client, indexes.SHARING_INDEXES)
    await create_triggers(editor.client, editor.DIALECT, SHARING_TRIGGERS)


async def backwards(apps, editor):
    await drop_triggers(editor.client, editor.DIALECT, SHARING_TRIGGERS)
    await indexes.remove(editor.client, indexes.SHARING_INDEXES)


class Migration(migrations.Migration):
    dependencies = [("models", "0040_webhook_requests")]

    initial = False

    operations = [
        ops.AddField(
            model_name="Ticket",
            name="shared_with_organization",
            field=fields.BooleanField(default=False, db_default=False),
        ),
        ops.RunPython(forwards, backwards),
    ]
