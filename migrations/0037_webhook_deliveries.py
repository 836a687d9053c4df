"""Which deliveries of webhooks wait for an earlier one, the age of their bodies, and indexes."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

from models.webhooks import indexes

WAITS = (
    "EXISTS (SELECT 1 FROM webhook_deliveries o WHERE o.webhook_id = webhook_deliveries.webhook_id "
    "AND o.ticket_id = webhook_deliveries.ticket_id AND o.event_id < webhook_deliveries.event_id "
    "AND o.next_attempt_at IS NOT NULL)"
)


async def forwards(apps, editor):
    await indexes.install(editor.client)
    await editor.client.execute_query(
        "UPDATE webhook_deliveries SET waits_for_earlier = TRUE "
        f"WHERE next_attempt_at IS NOT NULL AND {WAITS}"
    )


async def backwards(apps, editor):
    await indexes.remove(editor.client)


class Migration(migrations.Migration):
    dependencies = [("models", "0036_wallboards")]

    initial = False

    operations = [
        ops.AddField(
            model_name="WebhookDelivery",
            name="waits_for_earlier",
            field=fields.BooleanField(default=False, db_default=False),
        ),
        ops.AddField(
            model_name="WebhookDelivery",
            name="body_position",
            field=fields.BigIntField(default=0, db_default=0),
        ),
        ops.RunPython(forwards, backwards),
        ops.RemoveIndex(
            model_name="WebhookDelivery", name=None, fields=["webhook_id", "next_attempt_at"]
        ),
        ops.RemoveIndex(
            model_name="WebhookDelivery", name=None, fields=["webhook_id", "ticket_id", "event_id"]
        ),
    ]
