"""Attachments exist before they belong to a ticket: uploader, stored file and thumbnail."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops

from models.core.time import InstantField

FIND_TABLE = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = 'attachments'"
FIND_INDEXES = (
    "SELECT sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'attachments' "
    "AND sql IS NOT NULL"
)
LIST_COLUMNS = "SELECT name FROM pragma_table_info('attachments')"


class Nullable(ops.AlterField):
    """Makes a column of `attachments` nullable, and keeps its rows, indexes and foreign keys."""

    async def database_forward(self, app_label, old_state, new_state, state_editor=None):
        await self.set_nullable(state_editor, True)

    async def database_backward(self, app_label, old_state, new_state, state_editor=None):
        await self.set_nullable(state_editor, False)

    async def set_nullable(self, state_editor, nullable):
        if state_editor is None:
            return
        column = {'ticket': 'ticket_id'}.get(self.name, self.name)
        client = state_editor.client
        if state_editor.DIALECT == 'sqlite':
            await rebuild_table(client, column, nullable)
        else:
            action = 'DROP' if nullable else 'SET'
            await client.execute_query(
                f'ALTER TABLE "attachments" ALTER COLUMN "{column}" {action} NOT NULL'
            )


async def rebuild_table(client, column, nullable):
    """SQLite can't alter a column. Tortoise would rebuild the table without its indexes."""
    definition = (await client.execute_query_dict(FIND_TABLE))[0]['sql']
    indexes = [row['sql'] for row in await client.execute_query_dict(FIND_INDEXES)]
    columns = ', '.join(f'"{row["name"]}"' for row in await client.execute_query_dict(LIST_COLUMNS))
    kind = {'ticket_id': 'CHAR(36)', 'sha256': 'VARCHAR(64)'}[column]
    before, after = f'"{column}" {kind}', f'"{column}" {kind} NOT NULL'
    if nullable:
        before, after = after, before
    assert definition.count(before) == 1, definition
    statements = [
        definition.replace(before, after).replace('"attachments"', '"new_attachments"', 1),
        f'INSERT INTO "new_attachments" ({columns}) SELECT {columns} FROM "attachments"',
        'DROP TABLE "attachments"',
        'ALTER TABLE "new_attachments" RENAME TO "attachments"',
        *indexes,
    ]
    for statement in statements:
        await client.execute_query(statement)


async def keep_all(apps, editor):
    """Every stored attachment has a ticket and a hash."""


async def delete_unattached(apps, editor):
    """The previous version has no attachments without a ticket."""
    await editor.client.execute_query('DELETE FROM "attachments" WHERE "ticket_id" IS NULL')


class Migration(migrations.Migration):
    dependencies = [('models', '0022_saved_views')]

    initial = False

    operations = [
        Nullable(
            model_name='Attachment',
            name='ticket',
            field=fields.ForeignKeyField('models.Ticket', source_field='ticket_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT),
        ),
        Nullable(model_name='Attachment', name='sha256', field=fields.CharField(null=True, max_length=64)),
        ops.AddField(
            model_name='Attachment',
            name='uploader_user',
            field=fields.ForeignKeyField('models.User', source_field='uploader_user_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT),
        ),
        ops.AddField(
            model_name='Attachment',
            name='uploader_client',
            field=fields.ForeignKeyField('models.ApiClient', source_field='uploader_client_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT),
        ),
        ops.AddField(model_name='Attachment', name='declared_sha256', field=fields.CharField(null=True, max_length=64)),
        ops.AddField(model_name='Attachment', name='storage_key', field=fields.CharField(null=True, max_length=200)),
        ops.AddField(model_name='Attachment', name='thumbnail_key', field=fields.CharField(null=True, max_length=200)),
        ops.AddField(model_name='Attachment', name='upload_expires_at', field=InstantField(null=True, auto_now=False, auto_now_add=False)),
        ops.RunPython(keep_all, delete_unattached),
    ]
