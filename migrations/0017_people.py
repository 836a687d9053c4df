"""External ids, successors and archiving of people, organizations, teams and categories; email domains."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.core.ids import new_id


def successor(model):
    return fields.ForeignKeyField(model, source_field='successor_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)


async def forwards(apps, editor):
    # Members of a shared organization see each other's tickets, so it matches only on request.
    await editor.client.execute_query("UPDATE organizations SET matches_domains = NOT shared")


async def backwards(apps, editor):
    pass  # the previous version doesn't have the column


class Migration(migrations.Migration):
    dependencies = [('models', '0016_notifications')]

    initial = False

    operations = [
        ops.CreateModel(
            name='OrganizationDomain',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('organization', fields.ForeignKeyField('models.Organization', source_field='organization_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.CASCADE)),
                ('domain', fields.CharField(unique=True, max_length=253)),
            ],
            options={'table': 'organization_domains', 'app': 'models', 'indexes': [Index(fields=['organization_id'])], 'pk_attr': 'id', 'table_description': 'Email domains of organizations'},
            bases=['Model'],
        ),
        ops.AddField(model_name='Organization', name='active', field=fields.BooleanField(default=True, db_default=True)),
        ops.AddField(model_name='Organization', name='matches_domains', field=fields.BooleanField(default=False, db_default=False)),
        ops.RunPython(forwards, backwards),
        ops.AddField(model_name='User', name='external_id', field=fields.CharField(null=True, unique=True, max_length=255)),
        ops.AddField(model_name='User', name='locale', field=fields.CharField(null=True, max_length=35)),
        ops.AddField(model_name='User', name='time_zone', field=fields.CharField(null=True, max_length=64)),
        ops.AddField(model_name='User', name='successor', field=successor('models.User')),
        ops.AddField(model_name='User', name='handover_pending', field=fields.BooleanField(default=False, db_default=False)),
        ops.AddIndex(model_name='User', index=Index(fields=['organization_id'])),
        ops.AddIndex(model_name='User', index=Index(fields=['handover_pending'])),
        ops.AddField(model_name='Team', name='active', field=fields.BooleanField(default=True, db_default=True)),
        ops.AddField(model_name='Team', name='successor', field=successor('models.Team')),
        ops.AddField(model_name='Team', name='handover_pending', field=fields.BooleanField(default=False, db_default=False)),
        ops.AddField(model_name='Category', name='parent', field=fields.ForeignKeyField('models.Category', source_field='parent_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
        ops.AddField(model_name='Category', name='active', field=fields.BooleanField(default=True, db_default=True)),
    ]
