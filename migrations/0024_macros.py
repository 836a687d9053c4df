"""Macros: canned replies with actions."""

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.access.audience import Audience
from models.core.ids import new_id
from models.core.time import InstantField, now
from models.macros.macro import MacroAssignment, MacroStatusAction
from models.tickets.lifecycle import CloseReason, Priority


class Migration(migrations.Migration):
    dependencies = [('models', '0023_attachments')]

    initial = False

    operations = [
        ops.CreateModel(
            name='Macro',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('name', fields.CharField(max_length=200)),
                ('audience', fields.IntEnumField(description='The people who see the macro', enum_type=Audience, generated=False)),
                ('owner', fields.ForeignKeyField('models.User', source_field='owner_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.CASCADE)),
                ('team', fields.ForeignKeyField('models.Team', source_field='team_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.CASCADE)),
                ('text', fields.TextField(null=True, unique=False)),
                ('status_action', fields.CharEnumField(null=True, description='START: start\nAWAIT_CUSTOMER: await_customer\nHOLD: hold\nRESOLVE: resolve\nCLOSE: close', enum_type=MacroStatusAction, max_length=16)),
                ('hold_for', fields.IntField(null=True)),
                ('close_reason', fields.CharEnumField(null=True, description='RESOLVED: resolved\nWITHDRAWN: withdrawn\nDUPLICATE: duplicate\nSPAM: spam\nINVALID: invalid\nABANDONED: abandoned', enum_type=CloseReason, max_length=16)),
                ('assignment', fields.CharEnumField(null=True, description='PERSON: person\nAPPLIER: applier\nNOBODY: nobody', enum_type=MacroAssignment, max_length=16)),
                ('assignee', fields.ForeignKeyField('models.User', source_field='assignee_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.SET_NULL)),
                ('new_team', fields.ForeignKeyField('models.Team', source_field='new_team_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('priority', fields.IntEnumField(null=True, description='LOW: 1\nNORMAL: 2\nHIGH: 3\nURGENT: 4', enum_type=Priority, generated=False)),
                ('add_tags', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('remove_tags', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('active', fields.BooleanField(default=True, db_default=True)),
                ('version', fields.IntField(default=1, db_default=1)),
                ('created_at', InstantField(default=now, auto_now=False, auto_now_add=False)),
                ('updated_at', InstantField(default=now, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'macros', 'app': 'models', 'indexes': [Index(fields=['owner_id']), Index(fields=['team_id']), Index(fields=['audience', 'name', 'id'])], 'pk_attr': 'id', 'table_description': 'Macros: canned replies with actions'},
            bases=['Model'],
        ),
    ]
