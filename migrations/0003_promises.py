"""SLA calendars, policies and clocks, escalation paths, notifications, emails, and consumers of the log."""

from tortoise import migrations
from tortoise.migrations import operations as ops

from models.database.migration_operations import Described
from models.escalation.path import EscalationTrigger
from models.log.event import EventType
from models.core.ids import new_id
from models.core.time import InstantField, now
from models.tickets.lifecycle import Priority
from models.notifications.email import MailStatus
from models.notifications.notification import Channel, NotificationReason, Topic
from models.sla.clock import ClockStatus
from models.sla.snapshot import Metric
from orjson import loads
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields
from tortoise.indexes import Index


async def forwards(apps, editor):
    await editor.client.execute_query("UPDATE tickets SET status_since = COALESCE(closed_at, resolved_at, updated_at)")


async def backwards(apps, editor):
    pass


class Migration(migrations.Migration):
    dependencies = [('models', '0002_install')]

    initial = False

    operations = [
        ops.CreateModel(
            name='ClockAdvance',
            fields=[
                ('id', fields.SmallIntField(primary_key=True, generated=False, unique=True, db_index=True)),
                ('ahead', fields.BigIntField(default=0)),
            ],
            options={'table': 'clock_advance', 'app': 'models', 'pk_attr': 'id', 'table_description': 'The offset of the demo clock'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='EscalationPath',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('name', fields.CharField(max_length=200)),
                ('position', fields.IntField()),
                ('trigger', fields.CharEnumField(description='ESCALATED: escalated\nSLA_AT_RISK: sla_at_risk\nSLA_BREACHED: sla_breached\nUNTOUCHED: untouched', enum_type=EscalationTrigger, max_length=16)),
                ('metric', fields.CharEnumField(null=True, description='FIRST_RESPONSE: first_response\nNEXT_RESPONSE: next_response\nRESOLUTION: resolution', enum_type=Metric, max_length=16)),
                ('priority', fields.IntEnumField(null=True, description='LOW: 1\nNORMAL: 2\nHIGH: 3\nURGENT: 4', enum_type=Priority, generated=False)),
                ('team', fields.ForeignKeyField('models.Team', source_field='team_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('steps', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('active', fields.BooleanField(default=True)),
                ('created_at', InstantField(default=now, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'escalation_paths', 'app': 'models', 'pk_attr': 'id', 'table_description': 'Escalation paths'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='EscalationRun',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('ticket', fields.ForeignKeyField('models.Ticket', source_field='ticket_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.CASCADE)),
                ('path', fields.ForeignKeyField('models.EscalationPath', source_field='path_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('position', fields.BigIntField()),
                ('steps', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('metric', fields.CharEnumField(null=True, description='FIRST_RESPONSE: first_response\nNEXT_RESPONSE: next_response\nRESOLUTION: resolution', enum_type=Metric, max_length=16)),
                ('ordinal', fields.IntField(null=True)),
                ('started_at', InstantField(auto_now=False, auto_now_add=False)),
                ('next_step', fields.IntField(default=0)),
                ('due_at', InstantField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'escalation_runs', 'app': 'models', 'unique_together': (('path', 'position'),), 'indexes': [Index(fields=['due_at']), Index(fields=['ticket_id'])], 'pk_attr': 'id', 'table_description': 'Runs of escalation paths'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Mail',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('event', fields.ForeignKeyField('models.Event', source_field='event_id', db_constraint=True, to_field='position', related_name=False, on_delete=OnDelete.CASCADE)),
                ('ticket', fields.ForeignKeyField('models.Ticket', source_field='ticket_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('user', fields.ForeignKeyField('models.User', source_field='user_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.CASCADE)),
                ('template', fields.CharField(max_length=32)),
                ('address', fields.CharField(max_length=320)),
                ('message_id', fields.CharField(max_length=255)),
                ('status', fields.CharEnumField(default=MailStatus.QUEUED, description='QUEUED: queued\nSENT: sent\nDEFERRED: deferred\nFAILED: failed', enum_type=MailStatus, max_length=8)),
                ('attempts', fields.IntField(default=0)),
                ('next_attempt_at', InstantField(null=True, auto_now=False, auto_now_add=False)),
                ('claimed_by', fields.CharField(null=True, max_length=64)),
                ('claimed_until', InstantField(null=True, auto_now=False, auto_now_add=False)),
                ('answer', fields.TextField(null=True, unique=False)),
                ('created_at', InstantField(auto_now=False, auto_now_add=False)),
                ('sent_at', InstantField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'mails', 'app': 'models', 'unique_together': (('event', 'user'),), 'indexes': [Index(fields=['next_attempt_at']), Index(fields=['ticket_id', 'user_id'])], 'pk_attr': 'id', 'table_description': 'Emails'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Notification',
            fields=[
                ('number', fields.BigIntField(primary_key=True, generated=False, unique=True, db_index=True)),
                ('user', fields.ForeignKeyField('models.User', source_field='user_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.CASCADE)),
                ('event', fields.ForeignKeyField('models.Event', source_field='event_id', db_constraint=True, to_field='position', related_name=False, on_delete=OnDelete.CASCADE)),
                ('reason', fields.CharEnumField(description='MENTIONED: mentioned\nESCALATION: escalation\nREQUESTER: requester\nASSIGNEE: assignee\nWATCHER: watcher\nTEAM: team', enum_type=NotificationReason, max_length=16)),
                ('created_at', InstantField(auto_now=False, auto_now_add=False)),
                ('read_at', InstantField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'notifications', 'app': 'models', 'unique_together': (('event', 'user'),), 'indexes': [Index(fields=['user_id', 'number'])], 'pk_attr': 'number', 'table_description': 'Notifications in the application'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='NotificationHead',
            fields=[
                ('id', fields.SmallIntField(primary_key=True, generated=False, unique=True, db_index=True)),
                ('number', fields.BigIntField(default=0)),
            ],
            options={'table': 'notification_head', 'app': 'models', 'pk_attr': 'id', 'table_description': 'The number of the newest notification'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='NotificationPreference',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('user', fields.ForeignKeyField('models.User', source_field='user_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.CASCADE)),
                ('topic', fields.CharEnumField(description='RAISED: raised\nREPLIES: replies\nNOTES: notes\nMENTIONS: mentions\nSTATUS: status\nASSIGNMENT: assignment\nESCALATION: escalation\nSLA: sla\nREMINDERS: reminders', enum_type=Topic, max_length=16)),
                ('channel', fields.CharEnumField(description='IN_APP: in_app\nEMAIL: email', enum_type=Channel, max_length=8)),
                ('enabled', fields.BooleanField()),
            ],
            options={'table': 'notification_preferences', 'app': 'models', 'unique_together': (('user', 'topic', 'channel'),), 'pk_attr': 'id', 'table_description': 'Notification preferences'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='LogConsumer',
            fields=[
                ('name', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=32)),
                ('position', fields.BigIntField(default=0)),
                ('holder', fields.CharField(null=True, max_length=64)),
                ('held_until', InstantField(null=True, auto_now=False, auto_now_add=False)),
                ('failures', fields.BigIntField(default=0)),
                ('last_error', fields.TextField(null=True, unique=False)),
                ('failed_at', InstantField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'readers', 'app': 'models', 'pk_attr': 'name', 'table_description': 'Consumers of the log and their positions'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='SlaCalendar',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('name', fields.CharField(unique=True, max_length=200)),
                ('time_zone', fields.CharField(max_length=64)),
                ('week', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('holidays', fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ('active', fields.BooleanField(default=True)),
                ('created_at', InstantField(default=now, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'sla_calendars', 'app': 'models', 'pk_attr': 'id', 'table_description': 'SLA calendars'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='SlaClock',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('ticket', fields.ForeignKeyField('models.Ticket', source_field='ticket_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.CASCADE)),
                ('metric', fields.CharEnumField(description='FIRST_RESPONSE: first_response\nNEXT_RESPONSE: next_response\nRESOLUTION: resolution', enum_type=Metric, max_length=16)),
                ('ordinal', fields.IntField(default=1)),
                ('status', fields.CharEnumField(description='PENDING: pending\nAT_RISK: at_risk\nPAUSED: paused\nBREACHED: breached\nACHIEVED: achieved\nACHIEVED_LATE: achieved_late\nCANCELLED: cancelled', enum_type=ClockStatus, max_length=16)),
                ('terms', fields.CharField(max_length=40)),
                ('started_at', InstantField(auto_now=False, auto_now_add=False)),
                ('since', InstantField(null=True, auto_now=False, auto_now_add=False)),
                ('spent', fields.BigIntField(default=0)),
                ('paused_at', InstantField(null=True, auto_now=False, auto_now_add=False)),
                ('paused_for', fields.BigIntField(default=0)),
                ('at_risk_at', InstantField(null=True, auto_now=False, auto_now_add=False)),
                ('breaches_at', InstantField(null=True, auto_now=False, auto_now_add=False)),
                ('warned_at', InstantField(null=True, auto_now=False, auto_now_add=False)),
                ('breached_at', InstantField(null=True, auto_now=False, auto_now_add=False)),
                ('achieved_at', InstantField(null=True, auto_now=False, auto_now_add=False)),
                ('cancelled_at', InstantField(null=True, auto_now=False, auto_now_add=False)),
                ('due_at', InstantField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'sla_clocks', 'app': 'models', 'unique_together': (('ticket', 'metric', 'ordinal'),), 'indexes': [Index(fields=['due_at']), Index(fields=['status', 'ticket_id'])], 'pk_attr': 'id', 'table_description': 'SLA clocks of tickets'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='SlaPolicy',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('name', fields.CharField(max_length=200)),
                ('position', fields.IntField()),
                ('priority', fields.IntEnumField(null=True, description='LOW: 1\nNORMAL: 2\nHIGH: 3\nURGENT: 4', enum_type=Priority, generated=False)),
                ('team', fields.ForeignKeyField('models.Team', source_field='team_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('category', fields.ForeignKeyField('models.Category', source_field='category_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('organization', fields.ForeignKeyField('models.Organization', source_field='organization_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('calendar', fields.ForeignKeyField('models.SlaCalendar', source_field='calendar_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('first_response', fields.IntField(null=True)),
                ('next_response', fields.IntField(null=True)),
                ('resolution', fields.IntField(null=True)),
                ('at_risk_percent', fields.SmallIntField()),
                ('terms', fields.CharField(max_length=40)),
                ('active', fields.BooleanField(default=True)),
                ('created_at', InstantField(default=now, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'sla_policies', 'app': 'models', 'pk_attr': 'id', 'table_description': 'SLA policies'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='SlaRevision',
            fields=[
                ('id', fields.SmallIntField(primary_key=True, generated=False, unique=True, db_index=True)),
                ('changed', fields.BigIntField(default=0)),
                ('changed_at', InstantField(null=True, auto_now=False, auto_now_add=False)),
                ('applied', fields.BigIntField(default=0)),
            ],
            options={'table': 'sla_revision', 'app': 'models', 'pk_attr': 'id', 'table_description': 'The revision of the SLA policies'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='SlaTerms',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=40)),
                ('data', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
            ],
            options={'table': 'sla_terms', 'app': 'models', 'pk_attr': 'id', 'table_description': 'Snapshots of SLA policies'},
            bases=['Model'],
        ),
        Described(
            model_name='Event',
            name='type',
            field=fields.CharEnumField(description='The type of the event', enum_type=EventType, max_length=24),
        ),
        ops.AddField(
            model_name='Team',
            name='assigns_by_load',
            field=fields.BooleanField(default=False, db_default=False),
        ),
        ops.AddField(
            model_name='Ticket',
            name='reminded_at',
            field=InstantField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='Ticket',
            name='sla_breaches_at',
            field=InstantField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='Ticket',
            name='sla_terms',
            field=fields.CharField(null=True, max_length=40),
        ),
        ops.AddField(
            model_name='Ticket',
            name='status_since',
            field=InstantField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddIndex(
            model_name='Ticket',
            index=Index(fields=['status', 'status_since']),
        ),
        ops.AddIndex(
            model_name='Ticket',
            index=Index(fields=['status', 'reminded_at', 'status_since']),
        ),
        ops.AddIndex(
            model_name='Ticket',
            index=Index(fields=['status', 'held_until']),
        ),
        ops.AddIndex(
            model_name='Ticket',
            index=Index(fields=['sla_breaches_at', 'id']),
        ),
        ops.AddField(
            model_name='User',
            name='present',
            field=fields.BooleanField(default=True, db_default=True),
        ),
        ops.RunPython(forwards, backwards),
    ]
