"""Search, ticket numbers and the log's head, which Tortoise's operations can't create (see models/install.py)."""

from tortoise import migrations
from tortoise.migrations import operations as ops

from models.install import install, remove


async def forwards(apps, editor):
    await install(editor.client, editor.DIALECT)


async def backwards(apps, editor):
    await remove(editor.client, editor.DIALECT)


class Migration(migrations.Migration):
    dependencies = [("models", "0001_initial")]

    operations = [ops.RunPython(forwards, backwards)]
