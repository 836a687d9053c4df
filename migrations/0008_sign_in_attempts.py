"""Sign-in attempts, which all processes count together."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from models.core.time import InstantField
from tortoise import fields
from tortoise.indexes import Index


class Migration(migrations.Migration):
    dependencies = [('models', '0007_pages')]

    initial = False

    operations = [
        ops.CreateModel(
            name='SignInAttempts',
            fields=[
                ('key', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('attempts', fields.IntField()),
                ('next_attempt_at', InstantField(auto_now=False, auto_now_add=False)),
                ('known_until', InstantField(null=True, auto_now=False, auto_now_add=False)),
                ('expires_at', InstantField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'sign_in_attempts', 'app': 'models', 'indexes': [Index(fields=['expires_at'])], 'pk_attr': 'key', 'table_description': 'Attempts to sign in, by hashes of accounts and networks'},
            bases=['Model'],
        ),
    ]
