"""When all tokens that a provider's logout ends were revoked. Earlier logouts are complete."""

from tortoise import migrations
from tortoise.migrations import operations as ops

from models.core.time import InstantField


async def complete_earlier(apps, editor):
    await editor.client.execute_query("UPDATE provider_logouts SET completed_at = occurred_at")


async def keep(apps, editor):
    """The column is removed."""


class Migration(migrations.Migration):
    dependencies = [('models', '0025_redaction')]

    initial = False

    operations = [
        ops.AddField(
            model_name='ProviderLogout',
            name='completed_at',
            field=InstantField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.RunPython(complete_earlier, keep),
    ]
