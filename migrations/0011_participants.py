"""Participants: customers with whom another customer's ticket is shared."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from models.access.revision_triggers import PARTICIPANT_TRIGGERS, create_triggers, drop_triggers
from models.core.ids import new_id
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.indexes import Index


async def forwards(apps, editor):
    await create_triggers(editor.client, editor.DIALECT, PARTICIPANT_TRIGGERS)


async def backwards(apps, editor):
    await drop_triggers(editor.client, editor.DIALECT, PARTICIPANT_TRIGGERS)


class Migration(migrations.Migration):
    dependencies = [('models', '0010_folding')]

    initial = False

    operations = [
        ops.CreateModel(
            name='TicketParticipant',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('ticket', fields.ForeignKeyField('models.Ticket', source_field='ticket_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.CASCADE)),
                ('user', fields.ForeignKeyField('models.User', source_field='user_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.CASCADE)),
            ],
            options={'table': 'ticket_participants', 'app': 'models', 'unique_together': (('ticket', 'user'),), 'indexes': [Index(fields=['user_id', 'ticket_id'])], 'pk_attr': 'id', 'table_description': 'Participants of tickets'},
            bases=['Model'],
        ),
        ops.RunPython(forwards, backwards),
    ]
