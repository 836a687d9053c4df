"""Exports of tickets: their columns of jobs, and the parts of their files."""

from tortoise import migrations
from tortoise.migrations import operations as ops

from models.database.migration_operations import Described
from models.core.time import InstantField
from models.jobs.caller_job import ExportFormat, JobKind, JobTicketOutcome
from tortoise.fields.base import OnDelete
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('models', '0029_drafts')]

    initial = False

    operations = [
        ops.CreateModel(
            name='ExportPart',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('job', fields.ForeignKeyField('models.CallerJob', source_field='job_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.SET_NULL)),
                ('number', fields.IntField()),
                ('storage_key', fields.CharField(max_length=100)),
                ('size', fields.BigIntField()),
            ],
            options={'table': 'export_parts', 'app': 'models', 'unique_together': (('job', 'number'),), 'pk_attr': 'id', 'table_description': 'The parts of files of exports that are not finished'},
            bases=['Model'],
        ),
        Described(
            model_name='CallerJob',
            name='kind',
            field=fields.CharEnumField(description='BULK_UPDATE_TICKETS: bulk_update_tickets\nUNDO_JOB: undo_job\nEXPORT_TICKETS: export_tickets', enum_type=JobKind, max_length=32),
        ),
        ops.AddField(
            model_name='CallerJob',
            name='export_checked',
            field=fields.BigIntField(null=True),
        ),
        ops.AddField(
            model_name='CallerJob',
            name='export_expires_at',
            field=InstantField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='CallerJob',
            name='export_format',
            field=fields.CharEnumField(null=True, description='JSONL: jsonl\nCSV: csv', enum_type=ExportFormat, max_length=8),
        ),
        ops.AddField(
            model_name='CallerJob',
            name='export_key',
            field=fields.CharField(null=True, max_length=100),
        ),
        ops.AddField(
            model_name='CallerJob',
            name='export_sha256',
            field=fields.CharField(null=True, max_length=64),
        ),
        ops.AddField(
            model_name='CallerJob',
            name='export_size',
            field=fields.BigIntField(null=True),
        ),
        ops.AddField(
            model_name='CallerJob',
            name='export_start',
            field=fields.BigIntField(null=True),
        ),
        ops.AddField(
            model_name='CallerJob',
            name='exported',
            field=fields.IntField(default=0, db_default=0),
        ),
        Described(
            model_name='JobTicket',
            name='outcome',
            field=fields.CharEnumField(description='WAITING: waiting\nCHANGED: changed\nUNCHANGED: unchanged\nFAILED: failed\nEXPORTED: exported', enum_type=JobTicketOutcome, max_length=16),
        ),
    ]
