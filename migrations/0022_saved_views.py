"""Saved views, with the views that every company starts with. Admins may change or delete them."""

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.access.audience import Audience
from models.core.ids import new_id
from models.core.time import InstantField, now

OPEN = {"in": ["CREATION", "RESOLUTION"]}
EARLIEST_DEADLINE = [{"field": "SLA_BREACHES_AT", "direction": "ASC"}]
COLUMNS = ["REF", "SUBJECT", "STATUS", "PRIORITY", "REQUESTER", "ASSIGNEE", "TEAM"]
DEFAULT_VIEWS = [
    (
        "My open tickets",
        {"stage": OPEN, "assigneeId": {"viewer": True}},
        EARLIEST_DEADLINE,
        [*COLUMNS, "SLA_BREACHES_AT"],
    ),
    (
        "Unassigned in my teams",
        {"stage": OPEN, "assigneeId": {"null": True}, "inViewerTeams": True},
        [
            {"field": "PRIORITY", "direction": "DESC"},
            {"field": "CREATED_AT", "direction": "ASC"},
        ],
        [*COLUMNS, "CREATED_AT"],
    ),
    (
        "At risk or breached",
        {"stage": OPEN, "sla": {"in": ["AT_RISK", "BREACHED"]}},
        EARLIEST_DEADLINE,
        [*COLUMNS, "SLA_BREACHES_AT"],
    ),
    (
        "Waiting for the customer",
        {"status": {"eq": "WAITING_ON_CUSTOMER"}},
        [{"field": "UPDATED_AT", "direction": "ASC"}],
        [*COLUMNS, "LAST_REPLY_AT"],
    ),
    (
        "Recently resolved",
        {"resolvedAt": {"within": "P7D"}},
        [{"field": "UPDATED_AT", "direction": "DESC"}],
        [*COLUMNS, "RESOLVED_AT"],
    ),
]


async def create_default_views(apps, editor):
    view = apps.get_model("models.SavedView")
    for index, (name, ticket_filter, order_by, columns) in enumerate(DEFAULT_VIEWS, 1):
        await view.create(
            using_db=editor.client,
            name=name,
            audience=Audience.EVERYONE,
            ticket_filter=ticket_filter,
            order_by=order_by,
            columns=columns,
            position=100 * index,
        )


async def keep_views(apps, editor):
    """The table is removed."""


class Migration(migrations.Migration):
    dependencies = [('models', '0021_open_tickets_by_organization')]

    initial = False

    operations = [
        ops.CreateModel(
            name='SavedView',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('name', fields.CharField(max_length=200)),
                ('audience', fields.IntEnumField(description='The people who see the view', enum_type=Audience, generated=False)),
                ('owner', fields.ForeignKeyField('models.User', source_field='owner_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.CASCADE)),
                ('team', fields.ForeignKeyField('models.Team', source_field='team_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.CASCADE)),
                ('ticket_filter', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('order_by', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('columns', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('position', fields.IntField()),
                ('version', fields.IntField(default=1, db_default=1)),
                ('created_at', InstantField(default=now, auto_now=False, auto_now_add=False)),
                ('updated_at', InstantField(default=now, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'saved_views', 'app': 'models', 'indexes': [Index(fields=['owner_id']), Index(fields=['team_id']), Index(fields=['audience', 'position', 'id'])], 'pk_attr': 'id', 'table_description': 'Saved views of tickets'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='SavedViewRevision',
            fields=[
                ('id', fields.SmallIntField(primary_key=True, generated=False, unique=True, db_index=True)),
                ('revision', fields.BigIntField(default=0)),
            ],
            options={'table': 'saved_view_revision', 'app': 'models', 'pk_attr': 'id', 'table_description': 'The revision of the saved views'},
            bases=['Model'],
        ),
        ops.RunPython(create_default_views, keep_views),
    ]
