"""Custom fields of tickets."""

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.core.ids import new_id
from models.core.time import InstantField, now
from models.custom_fields.custom_field import CustomerAccess, CustomFieldType, RequiredAt


class Migration(migrations.Migration):
    dependencies = [('models', '0027_caller_jobs')]

    initial = False

    operations = [
        ops.CreateModel(
            name='CustomField',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('key', fields.CharField(unique=True, max_length=64)),
                ('label', fields.CharField(max_length=200)),
                ('type', fields.CharEnumField(description='TEXT: text\nNUMBER: number\nBOOLEAN: boolean\nDATE: date\nSELECT: select\nMULTI_SELECT: multi_select', enum_type=CustomFieldType, max_length=16)),
                ('options', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('categories', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('required_at', fields.CharEnumField(null=True, description='CREATION: creation\nRESOLUTION: resolution', enum_type=RequiredAt, max_length=16)),
                ('customer_access', fields.CharEnumField(description='HIDDEN: hidden\nVISIBLE: visible\nEDITABLE: editable', enum_type=CustomerAccess, max_length=16)),
                ('active', fields.BooleanField(default=True, db_default=True)),
                ('version', fields.IntField(default=1, db_default=1)),
                ('created_at', InstantField(default=now, auto_now=False, auto_now_add=False)),
                ('updated_at', InstantField(default=now, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'custom_fields', 'app': 'models', 'pk_attr': 'id', 'table_description': 'Definitions of custom fields'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='TicketCustomValue',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('ticket', fields.ForeignKeyField('models.Ticket', source_field='ticket_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.CASCADE)),
                ('field', fields.ForeignKeyField('models.CustomField', source_field='field_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('type', fields.CharEnumField(description='TEXT: text\nNUMBER: number\nBOOLEAN: boolean\nDATE: date\nSELECT: select\nMULTI_SELECT: multi_select', enum_type=CustomFieldType, max_length=16)),
                ('stored_text', fields.TextField(default='', unique=False)),
                ('stored_number', fields.FloatField(default=0.0)),
            ],
            options={'table': 'ticket_custom_values', 'app': 'models', 'unique_together': (('ticket', 'field'),), 'indexes': [Index(fields=['field_id', 'stored_number', 'ticket_id'])], 'pk_attr': 'id', 'table_description': 'Values of the custom fields of tickets'},
            bases=['Model'],
        ),
    ]
