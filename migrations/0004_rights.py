"""The permission revision, and the triggers that increase it (see models/access/revision_triggers.py)."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from models.access.revision_triggers import install, remove
from tortoise import fields


async def forwards(apps, editor):
    await install(editor.client, editor.DIALECT)


async def backwards(apps, editor):
    await remove(editor.client, editor.DIALECT)


class Migration(migrations.Migration):
    dependencies = [('models', '0003_promises')]

    initial = False

    operations = [
        ops.CreateModel(
            name='PermissionRevision',
            fields=[
                ('id', fields.SmallIntField(primary_key=True, generated=False, unique=True, db_index=True)),
                ('revision', fields.BigIntField(default=0)),
                ('position', fields.BigIntField(default=0)),
            ],
            options={'table': 'rights', 'app': 'models', 'pk_attr': 'id', 'table_description': 'The permission revision'},
            bases=['Model'],
        ),
        ops.RunPython(forwards, backwards),
    ]
