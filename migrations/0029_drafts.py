"""Drafts of replies and notes, the files that they keep, and indexes of people for pickers."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.core.ids import new_id
from models.core.time import InstantField, now
from models.queries import indexes
from models.tickets.message import MessageKind


async def forwards(apps, editor):
    await indexes.install_email_prefix(editor.client, editor.DIALECT)


async def backwards(apps, editor):
    await indexes.remove_email_prefix(editor.client, editor.DIALECT)


class Migration(migrations.Migration):
    dependencies = [('models', '0028_custom_fields')]

    initial = False

    operations = [
        ops.CreateModel(
            name='Draft',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('user', fields.ForeignKeyField('models.User', source_field='user_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.CASCADE)),
                ('ticket', fields.ForeignKeyField('models.Ticket', source_field='ticket_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.CASCADE)),
                ('kind', fields.CharEnumField(description='REPLY: reply\nNOTE: note', enum_type=MessageKind, max_length=8)),
                ('body', fields.TextField(unique=False)),
                ('version', fields.IntField()),
                ('proposed_by', fields.ForeignKeyField('models.ApiClient', source_field='proposed_by_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.SET_NULL)),
                ('created_at', InstantField(default=now, auto_now=False, auto_now_add=False)),
                ('updated_at', InstantField(default=now, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'drafts', 'app': 'models', 'unique_together': (('user', 'ticket'),), 'indexes': [Index(fields=['ticket_id']), Index(fields=['updated_at'])], 'pk_attr': 'id', 'table_description': 'Drafts of replies and notes'},
            bases=['Model'],
        ),
        ops.AddField(
            model_name='Attachment',
            name='draft',
            field=fields.ForeignKeyField('models.Draft', source_field='draft_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.SET_NULL),
        ),
        ops.AddIndex(
            model_name='Attachment',
            index=Index(fields=['draft_id']),
        ),
        ops.AddIndex(
            model_name='User',
            index=Index(fields=['display_name', 'id']),
        ),
        ops.RunPython(forwards, backwards),
    ]
