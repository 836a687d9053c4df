"""Jobs that callers start, and their tickets."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from models.core.ids import new_id
from models.core.time import InstantField, now
from models.jobs.caller_job import JobErrorCode, JobErrorPolicy, JobKind, JobStatus, JobTicketOutcome
from orjson import loads
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('models', '0026_completed_logouts')]

    initial = False

    operations = [
        ops.CreateModel(
            name='CallerJob',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('kind', fields.CharEnumField(description='BULK_UPDATE_TICKETS: bulk_update_tickets\nUNDO_JOB: undo_job', enum_type=JobKind, max_length=32)),
                ('status', fields.CharEnumField(default=JobStatus.WAITING, description='WAITING: waiting\nRUNNING: running\nFINISHED: finished\nSTOPPED: stopped\nCANCELLED: cancelled', enum_type=JobStatus, max_length=16)),
                ('error_policy', fields.CharEnumField(description='CONTINUE: continue\nSTOP: stop', enum_type=JobErrorPolicy, max_length=16)),
                ('dry_run', fields.BooleanField(default=False)),
                ('is_undoable', fields.BooleanField(default=False)),
                ('parameters', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('scopes', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('token_id', fields.UUIDField(null=True)),
                ('undoes_id', fields.UUIDField(null=True)),
                ('total', fields.IntField(default=0)),
                ('changed', fields.IntField(default=0)),
                ('unchanged', fields.IntField(default=0)),
                ('failed', fields.IntField(default=0)),
                ('created_by_user', fields.ForeignKeyField('models.User', source_field='created_by_user_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.CASCADE)),
                ('created_by_client', fields.ForeignKeyField('models.ApiClient', source_field='created_by_client_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.CASCADE)),
                ('cancelled_by_user', fields.ForeignKeyField('models.User', source_field='cancelled_by_user_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.SET_NULL)),
                ('cancelled_by_client', fields.ForeignKeyField('models.ApiClient', source_field='cancelled_by_client_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.SET_NULL)),
                ('created_at', InstantField(default=now, auto_now=False, auto_now_add=False)),
                ('started_at', InstantField(null=True, auto_now=False, auto_now_add=False)),
                ('finished_at', InstantField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'caller_jobs', 'app': 'models', 'indexes': [Index(fields=['status', 'id']), Index(fields=['created_by_user_id', 'id']), Index(fields=['created_by_client_id', 'id']), Index(fields=['finished_at']), Index(fields=['undoes_id'])], 'pk_attr': 'id', 'table_description': 'Jobs that callers started'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='JobTicket',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('job', fields.ForeignKeyField('models.CallerJob', source_field='job_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.CASCADE)),
                ('ticket', fields.ForeignKeyField('models.Ticket', source_field='ticket_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.CASCADE)),
                ('ticket_number', fields.IntField()),
                ('outcome', fields.CharEnumField(description='WAITING: waiting\nCHANGED: changed\nUNCHANGED: unchanged\nFAILED: failed', enum_type=JobTicketOutcome, max_length=16)),
                ('code', fields.CharEnumField(null=True, description='INVALID: INVALID\nREQUIRED: REQUIRED\nNOT_FOUND: NOT_FOUND\nTRANSITION_REFUSED: TRANSITION_REFUSED\nREOPEN_WINDOW_PASSED: REOPEN_WINDOW_PASSED\nNOT_PERMITTED: NOT_PERMITTED\nCHANGED_SINCE: CHANGED_SINCE\nINTERNAL: INTERNAL', enum_type=JobErrorCode, max_length=32)),
                ('message', fields.CharField(null=True, max_length=500)),
                ('changes', fields.JSONField(null=True, encoder=JSON_DUMPS, decoder=loads)),
                ('previous', fields.JSONField(null=True, encoder=JSON_DUMPS, decoder=loads)),
                ('version', fields.IntField(null=True)),
            ],
            options={'table': 'caller_job_tickets', 'app': 'models', 'unique_together': (('job', 'ticket'),), 'indexes': [Index(fields=['job_id', 'outcome', 'id']), Index(fields=['job_id', 'id'])], 'pk_attr': 'id', 'table_description': 'The tickets of jobs that callers started'},
            bases=['Model'],
        ),
    ]
