"""SLA calendars, SLA policies and escalation paths have versions."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0037_webhook_deliveries")]

    initial = False

    operations = [
        ops.AddField(
            model_name=name,
            name="version",
            field=fields.IntField(default=1, db_default=1),
        )
        for name in ("SlaCalendar", "SlaPolicy", "EscalationPath")
    ]
