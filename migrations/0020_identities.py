"""Identities of people at identity providers, sign-in codes, and logouts of providers."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from models.core.ids import new_id
from models.core.time import InstantField, now
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.indexes import Index


class Migration(migrations.Migration):
    dependencies = [('models', '0019_identity')]

    initial = False

    operations = [
        ops.CreateModel(
            name='Identity',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('issuer', fields.CharField(max_length=255)),
                ('subject', fields.CharField(max_length=255)),
                ('user', fields.ForeignKeyField('models.User', source_field='user_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.CASCADE)),
                ('created_at', InstantField(default=now, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'identities', 'app': 'models', 'unique_together': (('issuer', 'subject'),), 'indexes': [Index(fields=['user_id'])], 'pk_attr': 'id', 'table_description': 'Accounts of people at identity providers'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='ProviderLogout',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('issuer', fields.CharField(max_length=255)),
                ('jti_digest', fields.CharField(max_length=64)),
                ('subject', fields.CharField(null=True, max_length=255)),
                ('session', fields.CharField(null=True, max_length=255)),
                ('occurred_at', InstantField(auto_now=False, auto_now_add=False)),
                ('expires_at', InstantField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'provider_logouts', 'app': 'models', 'unique_together': (('issuer', 'jti_digest'),), 'indexes': [Index(fields=['issuer', 'session']), Index(fields=['issuer', 'subject']), Index(fields=['expires_at'])], 'pk_attr': 'id', 'table_description': 'Logouts that identity providers have reported'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='SignInCode',
            fields=[
                ('digest', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('identity', fields.ForeignKeyField('models.Identity', source_field='identity_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.CASCADE)),
                ('provider_session', fields.CharField(null=True, max_length=255)),
                ('challenge', fields.CharField(max_length=43)),
                ('authenticated_at', InstantField(auto_now=False, auto_now_add=False)),
                ('expires_at', InstantField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'sign_in_codes', 'app': 'models', 'indexes': [Index(fields=['identity_id']), Index(fields=['expires_at'])], 'pk_attr': 'digest', 'table_description': 'Hashes of one-time codes for a session token'},
            bases=['Model'],
        ),
        ops.AddField(
            model_name='Token',
            name='identity',
            field=fields.ForeignKeyField('models.Identity', source_field='identity_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.CASCADE),
        ),
        ops.AddField(
            model_name='Token',
            name='is_jwt',
            field=fields.BooleanField(default=False, db_default=False),
        ),
        ops.AddField(
            model_name='Token',
            name='provider_session',
            field=fields.CharField(null=True, max_length=255),
        ),
        ops.AddIndex(
            model_name='Token',
            index=Index(fields=['identity_id']),
        ),
    ]
