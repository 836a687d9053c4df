"""The time at which an API token was rotated, so that it is rotated only once."""

from tortoise import migrations
from tortoise.migrations import operations as ops

from models.core.time import InstantField


class Migration(migrations.Migration):
    dependencies = [('models', '0033_macro_custom_fields')]

    initial = False

    operations = [
        ops.AddField(
            model_name='Token',
            name='rotated_at',
            field=InstantField(null=True, auto_now=False, auto_now_add=False),
        ),
    ]
