"""Sessions with addresses, links in emails about accounts, and second factors."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from models.core.ids import new_id
from models.core.time import InstantField
from models.people.account_link import LinkPurpose
from orjson import loads
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields
from tortoise.indexes import Index

MAIL_INDEXES = (
    'CREATE UNIQUE INDEX IF NOT EXISTS "uid_mails_event_i_736b9c" ON "mails" ("event_id", "user_id")',
    'CREATE INDEX IF NOT EXISTS "idx_mails_next_at_7152f2" ON "mails" ("next_attempt_at")',
    'CREATE INDEX IF NOT EXISTS "idx_mails_ticket__cf13d9" ON "mails" ("ticket_id", "user_id")',
    'CREATE INDEX IF NOT EXISTS "idx_mails_ticket__8990cd" ON "mails" ("ticket_id", "created_at")',
)


async def create_mail_indexes(apps, editor):
    """On SQLite, Tortoise changes a column by copying the table, without its indexes."""
    if editor.DIALECT == "sqlite":
        for statement in MAIL_INDEXES:
            await editor.client.execute_query(statement)


async def do_nothing(apps, editor):
    pass


class Migration(migrations.Migration):
    dependencies = [('models', '0018_audit_indexes')]

    initial = False

    operations = [
        ops.CreateModel(
            name='AccountLink',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('purpose', fields.CharEnumField(description="The link's purpose", enum_type=LinkPurpose, max_length=16)),
                ('user', fields.ForeignKeyField('models.User', source_field='user_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.CASCADE)),
                ('email', fields.CharField(max_length=320)),
                ('display_name', fields.CharField(max_length=200)),
                ('digests', fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ('expires_at', InstantField(auto_now=False, auto_now_add=False)),
                ('used_at', InstantField(null=True, auto_now=False, auto_now_add=False)),
                ('created_at', InstantField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'account_links', 'app': 'models', 'indexes': [Index(fields=['expires_at']), Index(fields=['user_id'])], 'pk_attr': 'id', 'table_description': 'Links in emails about accounts'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='SecondFactor',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('user', fields.OneToOneField('models.User', source_field='user_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.CASCADE)),
                ('secret', fields.TextField(unique=False)),
                ('confirmed_at', InstantField(null=True, auto_now=False, auto_now_add=False)),
                ('last_step', fields.BigIntField(default=0)),
                ('recovery_digests', fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ('created_at', InstantField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'second_factors', 'app': 'models', 'pk_attr': 'id', 'table_description': 'Second factors of users'},
            bases=['Model'],
        ),
        ops.RunPython(do_nothing, create_mail_indexes),
        ops.AlterField(
            model_name='Mail',
            name='event',
            field=fields.ForeignKeyField('models.Event', source_field='event_id', null=True, db_constraint=True, to_field='position', related_name=False, on_delete=OnDelete.CASCADE),
        ),
        ops.AlterField(
            model_name='Mail',
            name='ticket',
            field=fields.ForeignKeyField('models.Ticket', source_field='ticket_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT),
        ),
        ops.AlterField(
            model_name='Mail',
            name='user',
            field=fields.ForeignKeyField('models.User', source_field='user_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.CASCADE),
        ),
        ops.RunPython(create_mail_indexes, do_nothing),
        ops.AddField(
            model_name='Mail',
            name='account_link',
            field=fields.ForeignKeyField('models.AccountLink', source_field='account_link_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.SET_NULL),
        ),
        ops.AddIndex(
            model_name='Mail',
            index=Index(fields=['account_link_id']),
        ),
        ops.AddField(
            model_name='Token',
            name='address',
            field=fields.CharField(null=True, max_length=64),
        ),
        ops.AddField(
            model_name='Token',
            name='user_agent',
            field=fields.CharField(null=True, max_length=200),
        ),
        ops.AddIndex(
            model_name='Token',
            index=Index(fields=['expires_at']),
        ),
        ops.AddIndex(
            model_name='Token',
            index=Index(fields=['revoked_at']),
        ),
    ]
