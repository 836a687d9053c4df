"""Indexes of the audit log for pages of its filters.

They end with the id, because the log is ordered by time and id.
"""

from tortoise import migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

FIELDS = (
    ('actor_user_id', 'occurred_at', 'id'),
    ('actor_client_id', 'occurred_at', 'id'),
    ('record_id', 'occurred_at', 'id'),
    ('record_kind', 'occurred_at', 'id'),
    ('action', 'occurred_at', 'id'),
)
REPLACED_FIELDS = (
    ('actor_user_id', 'occurred_at'),
    ('record_id', 'occurred_at'),
)


class Migration(migrations.Migration):
    dependencies = [('models', '0017_people')]

    initial = False

    operations = [
        *(ops.AddIndex(model_name='AuditEntry', index=Index(fields=list(each))) for each in FIELDS),
        *(
            ops.RemoveIndex(model_name='AuditEntry', fields=list(each))
            for each in REPLACED_FIELDS
        ),
    ]
