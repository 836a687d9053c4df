"""What the attempts of webhooks' deliveries have requested."""

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.data import JSON_DUMPS
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0039_message_events")]

    initial = False

    operations = [
        ops.AddField(
            model_name="WebhookAttempt",
            name="request",
            field=fields.JSONField(null=True, encoder=JSON_DUMPS, decoder=loads),
        ),
    ]
