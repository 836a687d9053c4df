"""Presences: the people who look at a ticket or write a reply."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from models.core.ids import new_id
from models.core.time import InstantField
from models.tickets.presence import PresenceState
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.indexes import Index


class Migration(migrations.Migration):
    dependencies = [('models', '0004_rights')]

    initial = False

    operations = [
        ops.CreateModel(
            name='Presence',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('ticket', fields.ForeignKeyField('models.Ticket', source_field='ticket_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.CASCADE)),
                ('user', fields.ForeignKeyField('models.User', source_field='user_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.CASCADE)),
                ('client_key', fields.CharField(max_length=64)),
                ('state', fields.CharEnumField(description='LOOKING: looking\nWRITING: writing\nGONE: gone', enum_type=PresenceState, max_length=8)),
                ('since', InstantField(auto_now=False, auto_now_add=False)),
                ('until', InstantField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'presences', 'app': 'models', 'unique_together': (('ticket', 'user', 'client_key'),), 'indexes': [Index(fields=['user_id'])], 'pk_attr': 'id', 'table_description': 'Users who look at a ticket or write a reply'},
            bases=['Model'],
        ),
    ]
