"""Idempotency keys of mutations without a ticket: the record is optional, and so is the position in the log."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields


class Nullable(ops.AlterField):
    """Makes a column nullable and keeps the table's rows and indexes.

    SQLite can't alter a column, and Tortoise would rebuild the table without its indexes. So a new
    column replaces the old one.
    """

    async def database_forward(self, app_label, old_state, new_state, state_editor=None):
        if state_editor is None or state_editor.DIALECT != 'sqlite':
            return await super().database_forward(app_label, old_state, new_state, state_editor)
        meta = new_state.apps.get_model(f'{app_label}.{self.model_name}')._meta
        kind = meta.fields_map[self.name].get_for_dialect('sqlite', 'SQL_TYPE')
        for statement in (
            f'ALTER TABLE "{meta.db_table}" ADD COLUMN "new__{self.name}" {kind}',
            f'UPDATE "{meta.db_table}" SET "new__{self.name}" = "{self.name}"',
            f'ALTER TABLE "{meta.db_table}" DROP COLUMN "{self.name}"',
            f'ALTER TABLE "{meta.db_table}" RENAME COLUMN "new__{self.name}" TO "{self.name}"',
        ):
            await state_editor.client.execute_query(statement)

    async def database_backward(self, app_label, old_state, new_state, state_editor=None):
        pass  # the previous version can use a nullable column


class Migration(migrations.Migration):
    dependencies = [('models', '0005_presences')]

    initial = False

    operations = [
        ops.RenameField(model_name='IdempotencyKey', old_name='ticket_id', new_name='record_id'),
        Nullable(model_name='IdempotencyKey', name='record_id', field=fields.UUIDField(null=True)),
        Nullable(model_name='IdempotencyKey', name='reached', field=fields.BigIntField(null=True)),
    ]
