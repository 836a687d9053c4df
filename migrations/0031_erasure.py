"""The report of erasures, the files that the store must delete, and the search index of messages,
whose trigger no longer rewrites it for each redacted message."""

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.data import JSON_DUMPS
from tortoise.migrations import operations as ops

from models.database.migration_operations import Described

from models.core.time import InstantField
from models.jobs.caller_job import JobKind
from models.queries.text_search import search


async def replace_trigger(apps, editor):
    await search.remove_redaction(editor.client, editor.DIALECT)
    await search.install_redaction(editor.client, editor.DIALECT)


class Migration(migrations.Migration):
    dependencies = [('models', '0030_exports')]

    initial = False

    operations = [
        ops.CreateModel(
            name='FileDeletion',
            fields=[
                ('attachment_id', fields.UUIDField(primary_key=True, generated=False, unique=True, db_index=True)),
                ('requested_at', InstantField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'file_deletions', 'app': 'models', 'pk_attr': 'attachment_id', 'table_description': 'Files that the store must delete'},
            bases=['Model'],
        ),
        Described(
            model_name='CallerJob',
            name='kind',
            field=fields.CharEnumField(description='BULK_UPDATE_TICKETS: bulk_update_tickets\nUNDO_JOB: undo_job\nEXPORT_TICKETS: export_tickets\nERASE_PERSON: erase_person', enum_type=JobKind, max_length=32),
        ),
        ops.AddField(
            model_name='CallerJob',
            name='report',
            field=fields.JSONField(null=True, encoder=JSON_DUMPS, decoder=loads),
        ),
        ops.RunPython(replace_trigger, replace_trigger),
    ]
