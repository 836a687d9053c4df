"""Retention policies, what they have done with tickets, and exports of one person."""

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.data import JSON_DUMPS
from tortoise.migrations import operations as ops

from models.core.ids import new_id
from models.core.time import InstantField, now
from models.database.migration_operations import Described
from models.jobs.caller_job import JobKind
from models.queries import indexes


async def forwards(apps, editor):
    await indexes.install(editor.client, indexes.RETENTION_INDEXES)


async def backwards(apps, editor):
    await indexes.remove(editor.client, indexes.RETENTION_INDEXES)


class Migration(migrations.Migration):
    dependencies = [('models', '0031_erasure')]

    initial = False

    operations = [
        ops.CreateModel(
            name='RetentionPolicy',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('name', fields.CharField(max_length=200)),
                ('ticket_filter', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('age_days', fields.IntField()),
                ('active', fields.BooleanField(default=False, db_default=False)),
                ('erased_tickets', fields.BigIntField(default=0, db_default=0)),
                ('erased_messages', fields.BigIntField(default=0, db_default=0)),
                ('erased_files', fields.BigIntField(default=0, db_default=0)),
                ('last_erased_at', InstantField(null=True, auto_now=False, auto_now_add=False)),
                ('version', fields.IntField(default=1, db_default=1)),
                ('created_at', InstantField(default=now, auto_now=False, auto_now_add=False)),
                ('updated_at', InstantField(default=now, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'retention_policies', 'app': 'models', 'pk_attr': 'id', 'table_description': 'Retention policies of closed tickets'},
            bases=['Model'],
        ),
        ops.AddField(
            model_name='Ticket',
            name='texts_erased_at',
            field=InstantField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='Ticket',
            name='texts_erased_version',
            field=fields.IntField(null=True),
        ),
        Described(
            model_name='CallerJob',
            name='kind',
            field=fields.CharEnumField(description='BULK_UPDATE_TICKETS: bulk_update_tickets\nUNDO_JOB: undo_job\nEXPORT_TICKETS: export_tickets\nERASE_PERSON: erase_person\nEXPORT_PERSON: export_person', enum_type=JobKind, max_length=32),
        ),
        ops.RunPython(forwards, backwards),
    ]
