from tortoise import migrations
from tortoise.migrations import operations as ops
from models.log.event import EventType
from models.core.ids import new_id
from models.core.time import InstantField, now
from models.tickets.lifecycle import CloseReason, Priority, Status
from models.tickets.message import MessageKind
from models.people.user import Role
from models.tickets.link_kind import LinkKind
from models.people.token import TokenKind
from orjson import loads
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name='ApiClient',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('display_name', fields.CharField(unique=True, max_length=200)),
                ('active', fields.BooleanField(default=True)),
                ('created_at', InstantField(default=now, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'api_clients', 'app': 'models', 'pk_attr': 'id', 'table_description': 'API clients'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='IdempotencyKey',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('caller', fields.CharField(max_length=64)),
                ('mutation', fields.CharField(max_length=64)),
                ('key', fields.CharField(max_length=128)),
                ('digest', fields.CharField(max_length=64)),
                ('ticket_id', fields.UUIDField()),
                ('message_id', fields.UUIDField(null=True)),
                ('position', fields.BigIntField(null=True)),
                ('reached', fields.BigIntField()),
                ('created_at', InstantField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'idempotency_keys', 'app': 'models', 'unique_together': (('caller', 'mutation', 'key'),), 'indexes': [Index(fields=['created_at'])], 'pk_attr': 'id', 'table_description': 'Idempotency keys and the results of their mutations'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='LogHead',
            fields=[
                ('id', fields.SmallIntField(primary_key=True, generated=False, unique=True, db_index=True)),
                ('position', fields.BigIntField(default=0)),
            ],
            options={'table': 'log_head', 'app': 'models', 'pk_attr': 'id', 'table_description': 'The position of the newest event'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Organization',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('name', fields.CharField(max_length=200)),
                ('shared', fields.BooleanField(default=False)),
                ('external_id', fields.CharField(null=True, unique=True, max_length=255)),
            ],
            options={'table': 'organizations', 'app': 'models', 'pk_attr': 'id', 'table_description': 'Organizations of customers'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Team',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('slug', fields.CharField(unique=True, max_length=64)),
                ('name', fields.CharField(max_length=200)),
            ],
            options={'table': 'teams', 'app': 'models', 'pk_attr': 'id', 'table_description': 'Teams'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Category',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('slug', fields.CharField(unique=True, max_length=64)),
                ('name', fields.CharField(max_length=200)),
                ('team', fields.ForeignKeyField('models.Team', source_field='team_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
            ],
            options={'table': 'categories', 'app': 'models', 'pk_attr': 'id', 'table_description': 'Categories of tickets'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='User',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('email', fields.CharField(unique=True, max_length=320)),
                ('display_name', fields.CharField(max_length=200)),
                ('role', fields.CharEnumField(default=Role.CUSTOMER, description='CUSTOMER: customer\nAGENT: agent\nADMIN: admin', enum_type=Role, max_length=16)),
                ('organization', fields.ForeignKeyField('models.Organization', source_field='organization_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('password_hash', fields.CharField(null=True, max_length=255)),
                ('active', fields.BooleanField(default=True)),
                ('created_at', InstantField(default=now, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'users', 'app': 'models', 'pk_attr': 'id', 'table_description': 'Users'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Membership',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('team', fields.ForeignKeyField('models.Team', source_field='team_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.CASCADE)),
                ('user', fields.ForeignKeyField('models.User', source_field='user_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.CASCADE)),
            ],
            options={'table': 'memberships', 'app': 'models', 'unique_together': (('team', 'user'),), 'indexes': [Index(fields=['user_id'])], 'pk_attr': 'id', 'table_description': 'Members of teams'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Ticket',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('number', fields.BigIntField(unique=True)),
                ('external_scope', fields.CharField(default='', max_length=36)),
                ('external_id', fields.CharField(null=True, max_length=255)),
                ('subject', fields.CharField(max_length=200)),
                ('description', fields.TextField(unique=False)),
                ('status', fields.CharEnumField(default=Status.NEW, description='NEW: new\nOPEN: open\nWAITING_ON_CUSTOMER: waiting_on_customer\nON_HOLD: on_hold\nRESOLVED: resolved\nCLOSED: closed', enum_type=Status, max_length=24)),
                ('priority', fields.IntEnumField(default=Priority.NORMAL, description='LOW: 1\nNORMAL: 2\nHIGH: 3\nURGENT: 4', enum_type=Priority, generated=False)),
                ('category', fields.ForeignKeyField('models.Category', source_field='category_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('team', fields.ForeignKeyField('models.Team', source_field='team_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('requester', fields.ForeignKeyField('models.User', source_field='requester_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('organization', fields.ForeignKeyField('models.Organization', source_field='organization_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('assignee', fields.ForeignKeyField('models.User', source_field='assignee_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('escalation_level', fields.IntField(default=0)),
                ('held_until', InstantField(null=True, auto_now=False, auto_now_add=False)),
                ('resolution', fields.TextField(null=True, unique=False)),
                ('close_reason', fields.CharEnumField(null=True, description='RESOLVED: resolved\nWITHDRAWN: withdrawn\nDUPLICATE: duplicate\nSPAM: spam\nINVALID: invalid\nABANDONED: abandoned', enum_type=CloseReason, max_length=16)),
                ('merged_into', fields.ForeignKeyField('models.Ticket', source_field='merged_into_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('satisfaction_score', fields.SmallIntField(null=True)),
                ('satisfaction_comment', fields.TextField(null=True, unique=False)),
                ('rated_at', InstantField(null=True, auto_now=False, auto_now_add=False)),
                ('created_at', InstantField(auto_now=False, auto_now_add=False)),
                ('updated_at', InstantField(auto_now=False, auto_now_add=False)),
                ('first_responded_at', InstantField(null=True, auto_now=False, auto_now_add=False)),
                ('resolved_at', InstantField(null=True, auto_now=False, auto_now_add=False)),
                ('closed_at', InstantField(null=True, auto_now=False, auto_now_add=False)),
                ('version', fields.IntField(default=1)),
            ],
            options={'table': 'tickets', 'app': 'models', 'unique_together': (('external_scope', 'external_id'),), 'indexes': [Index(fields=['updated_at', 'id']), Index(fields=['created_at', 'id']), Index(fields=['priority', 'id']), Index(fields=['status', 'updated_at']), Index(fields=['requester_id', 'updated_at']), Index(fields=['organization_id', 'updated_at']), Index(fields=['assignee_id', 'updated_at']), Index(fields=['team_id', 'updated_at']), Index(fields=['merged_into_id'])], 'pk_attr': 'id', 'table_description': 'Tickets'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Message',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('ticket', fields.ForeignKeyField('models.Ticket', source_field='ticket_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('kind', fields.CharEnumField(description='REPLY: reply\nNOTE: note', enum_type=MessageKind, max_length=8)),
                ('author_user', fields.ForeignKeyField('models.User', source_field='author_user_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('author_client', fields.ForeignKeyField('models.ApiClient', source_field='author_client_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('body', fields.TextField(unique=False)),
                ('created_at', InstantField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'messages', 'app': 'models', 'indexes': [Index(fields=['ticket_id'])], 'pk_attr': 'id', 'table_description': 'Replies and notes'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Attachment',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('ticket', fields.ForeignKeyField('models.Ticket', source_field='ticket_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('message', fields.ForeignKeyField('models.Message', source_field='message_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('filename', fields.CharField(max_length=255)),
                ('content_type', fields.CharField(max_length=255)),
                ('size', fields.BigIntField()),
                ('sha256', fields.CharField(max_length=64)),
                ('created_at', InstantField(default=now, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'attachments', 'app': 'models', 'indexes': [Index(fields=['ticket_id']), Index(fields=['message_id'])], 'pk_attr': 'id', 'table_description': 'Attachments'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Event',
            fields=[
                ('position', fields.BigIntField(primary_key=True, generated=False, unique=True, db_index=True)),
                ('type', fields.CharEnumField(description='TICKET_CREATED: ticket_created\nTICKET_UPDATED: ticket_updated\nSTATUS_CHANGED: status_changed\nASSIGNED: assigned\nTRANSFERRED: transferred\nESCALATED: escalated\nREPLY_ADDED: reply_added\nNOTE_ADDED: note_added\nLINKED: linked\nMERGED: merged\nRATED: rated', enum_type=EventType, max_length=24)),
                ('ticket', fields.ForeignKeyField('models.Ticket', source_field='ticket_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('message', fields.ForeignKeyField('models.Message', source_field='message_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('actor_user', fields.ForeignKeyField('models.User', source_field='actor_user_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('actor_client', fields.ForeignKeyField('models.ApiClient', source_field='actor_client_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('occurred_at', InstantField(auto_now=False, auto_now_add=False)),
                ('version', fields.IntField()),
                ('internal', fields.BooleanField(default=False)),
                ('data', fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
            ],
            options={'table': 'events', 'app': 'models', 'indexes': [Index(fields=['ticket_id', 'position']), Index(fields=['message_id'])], 'pk_attr': 'position', 'table_description': 'The log of all events in order'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='TicketLink',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('ticket', fields.ForeignKeyField('models.Ticket', source_field='ticket_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.CASCADE)),
                ('other', fields.ForeignKeyField('models.Ticket', source_field='other_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.CASCADE)),
                ('kind', fields.CharEnumField(description='RELATED: related\nDUPLICATE_OF: duplicate_of\nDUPLICATED_BY: duplicated_by\nFOLLOW_UP_OF: follow_up_of\nFOLLOWED_UP_BY: followed_up_by\nPARENT_OF: parent_of\nCHILD_OF: child_of', enum_type=LinkKind, max_length=16)),
            ],
            options={'table': 'ticket_links', 'app': 'models', 'unique_together': (('ticket', 'other', 'kind'),), 'pk_attr': 'id', 'table_description': 'Links between tickets, one row per direction'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='TicketResource',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('ticket', fields.ForeignKeyField('models.Ticket', source_field='ticket_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.CASCADE)),
                ('kind', fields.CharField(max_length=64)),
                ('external_id', fields.CharField(max_length=255)),
                ('name', fields.CharField(null=True, max_length=200)),
            ],
            options={'table': 'ticket_resources', 'app': 'models', 'unique_together': (('ticket', 'kind', 'external_id'),), 'indexes': [Index(fields=['kind', 'external_id'])], 'pk_attr': 'id', 'table_description': 'Resources that tickets refer to'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='TicketTag',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('ticket', fields.ForeignKeyField('models.Ticket', source_field='ticket_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.CASCADE)),
                ('name', fields.CharField(max_length=50)),
            ],
            options={'table': 'ticket_tags', 'app': 'models', 'unique_together': (('ticket', 'name'),), 'indexes': [Index(fields=['name', 'ticket_id'])], 'pk_attr': 'id', 'table_description': 'Tags of tickets'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='TicketWatcher',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('ticket', fields.ForeignKeyField('models.Ticket', source_field='ticket_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.CASCADE)),
                ('user', fields.ForeignKeyField('models.User', source_field='user_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.CASCADE)),
            ],
            options={'table': 'ticket_watchers', 'app': 'models', 'unique_together': (('ticket', 'user'),), 'indexes': [Index(fields=['user_id', 'ticket_id'])], 'pk_attr': 'id', 'table_description': 'Watchers of tickets'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Token',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('kind', fields.CharEnumField(description='SESSION: session\nAPI: api', enum_type=TokenKind, max_length=8)),
                ('name', fields.CharField(max_length=200)),
                ('digest', fields.CharField(unique=True, max_length=64)),
                ('prefix', fields.CharField(max_length=16)),
                ('user', fields.ForeignKeyField('models.User', source_field='user_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.CASCADE)),
                ('client', fields.ForeignKeyField('models.ApiClient', source_field='client_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.CASCADE)),
                ('scopes', fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ('expires_at', InstantField(null=True, auto_now=False, auto_now_add=False)),
                ('last_used_at', InstantField(null=True, auto_now=False, auto_now_add=False)),
                ('revoked_at', InstantField(null=True, auto_now=False, auto_now_add=False)),
                ('created_at', InstantField(default=now, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'tokens', 'app': 'models', 'indexes': [Index(fields=['user_id']), Index(fields=['client_id'])], 'pk_attr': 'id', 'table_description': 'Hashes of bearer tokens'},
            bases=['Model'],
        ),
    ]
