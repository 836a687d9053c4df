"""SQLite's search index follows a message whose text was redacted; Postgres generates its own."""

from tortoise import migrations
from tortoise.migrations import operations as ops

from models.queries.text_search import search


async def forwards(apps, editor):
    await search.install_redaction(editor.client, editor.DIALECT)


async def backwards(apps, editor):
    await search.remove_redaction(editor.client, editor.DIALECT)


class Migration(migrations.Migration):
    dependencies = [('models', '0024_macros')]

    initial = False

    operations = [ops.RunPython(forwards, backwards)]
