"""An index of tickets by organization and status, which counts an organization's open tickets."""

from tortoise import migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [('models', '0020_identities')]

    initial = False

    operations = [
        ops.AddIndex(model_name='Ticket', index=Index(fields=['organization_id', 'status'])),
    ]
