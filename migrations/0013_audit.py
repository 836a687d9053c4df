"""The audit log, directory events, and versions of people, organizations, teams and categories."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from models.audit.directory_event import DirectoryEventType
from models.audit.records import RecordKind
from models.core.ids import new_id
from models.core.time import InstantField
from orjson import loads
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields
from tortoise.indexes import Index


class Migration(migrations.Migration):
    dependencies = [('models', '0012_search')]

    initial = False

    operations = [
        ops.CreateModel(
            name='AuditEntry',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('occurred_at', InstantField(auto_now=False, auto_now_add=False)),
                ('action', fields.CharField(max_length=64)),
                ('actor_user', fields.ForeignKeyField('models.User', source_field='actor_user_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('actor_client', fields.ForeignKeyField('models.ApiClient', source_field='actor_client_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('address', fields.CharField(null=True, max_length=64)),
                ('request_id', fields.CharField(null=True, max_length=64)),
                ('record_kind', fields.CharEnumField(null=True, description="The record's kind", enum_type=RecordKind, max_length=24)),
                ('record_id', fields.UUIDField(null=True)),
                ('changes', fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
            ],
            options={'table': 'audit_entries', 'app': 'models', 'indexes': [Index(fields=['occurred_at', 'id']), Index(fields=['actor_user_id', 'occurred_at']), Index(fields=['record_id', 'occurred_at'])], 'pk_attr': 'id', 'table_description': 'Actions of administrators, and sign-ins'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='DirectoryEvent',
            fields=[
                ('position', fields.BigIntField(generated=False, primary_key=True, unique=True, db_index=True)),
                ('type', fields.CharEnumField(description='The type of the event', enum_type=DirectoryEventType, max_length=16)),
                ('record_kind', fields.CharEnumField(description="The record's kind", enum_type=RecordKind, max_length=24)),
                ('record_id', fields.UUIDField()),
                ('actor_user', fields.ForeignKeyField('models.User', source_field='actor_user_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('actor_client', fields.ForeignKeyField('models.ApiClient', source_field='actor_client_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('occurred_at', InstantField(auto_now=False, auto_now_add=False)),
                ('data', fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
            ],
            options={'table': 'directory_events', 'app': 'models', 'indexes': [Index(fields=['record_id', 'position'])], 'pk_attr': 'position', 'table_description': 'The changes of administrative records, with positions of the log'},
            bases=['Model'],
        ),
        ops.AddField(
            model_name='ApiClient',
            name='version',
            field=fields.IntField(default=1, db_default=1),
        ),
        ops.AddField(
            model_name='Category',
            name='version',
            field=fields.IntField(default=1, db_default=1),
        ),
        ops.AddField(
            model_name='Organization',
            name='version',
            field=fields.IntField(default=1, db_default=1),
        ),
        ops.AddField(
            model_name='Team',
            name='version',
            field=fields.IntField(default=1, db_default=1),
        ),
        ops.AddField(
            model_name='User',
            name='version',
            field=fields.IntField(default=1, db_default=1),
        ),
    ]
