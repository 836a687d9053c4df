"""The number of notifications and emails that were folded into earlier ones."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [('models', '0009_public_versions')]

    initial = False

    operations = [
        ops.AddField(
            model_name='NotificationHead',
            name='folded',
            field=fields.BigIntField(default=0, db_default=0),
        ),
    ]
