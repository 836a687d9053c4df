"""The last reply of each ticket, and how far users have read tickets."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.core.ids import new_id
from models.core.time import InstantField
from models.queries.indexes import LAST_REPLY_INDEXES, install, remove

LAST_REPLY = (
    "(SELECT m.{column} FROM messages m WHERE m.ticket_id = tickets.id AND m.kind = 'reply' "
    "ORDER BY m.created_at DESC, m.id DESC LIMIT 1)"
)
COLUMNS = {
    "last_reply_at": "created_at",
    "last_reply_user_id": "author_user_id",
    "last_reply_client_id": "author_client_id",
}


async def forwards(apps, editor):
    values = ", ".join(
        f"{name} = {LAST_REPLY.format(column=column)}" for name, column in COLUMNS.items()
    )
    await editor.client.execute_query(f"UPDATE tickets SET {values}")
    await install(editor.client, LAST_REPLY_INDEXES)


async def backwards(apps, editor):
    await remove(editor.client, LAST_REPLY_INDEXES)


class Migration(migrations.Migration):
    dependencies = [('models', '0014_index_names')]

    initial = False

    operations = [
        ops.AddField(
            model_name='Ticket',
            name='last_reply_at',
            field=InstantField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='Ticket',
            name='last_reply_user',
            field=fields.ForeignKeyField('models.User', source_field='last_reply_user_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT),
        ),
        ops.AddField(
            model_name='Ticket',
            name='last_reply_client',
            field=fields.ForeignKeyField('models.ApiClient', source_field='last_reply_client_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT),
        ),
        ops.CreateModel(
            name='TicketReadMark',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('user_id', fields.UUIDField()),
                ('ticket_id', fields.UUIDField()),
                ('position', fields.BigIntField()),
                ('marked_at', InstantField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'ticket_read_marks', 'app': 'models', 'unique_together': (('user_id', 'ticket_id'),), 'indexes': [Index(fields=['user_id', 'marked_at']), Index(fields=['marked_at'])], 'pk_attr': 'id', 'table_description': 'How far users have read tickets'},
            bases=['Model'],
        ),
        ops.RunPython(forwards, backwards),
    ]
