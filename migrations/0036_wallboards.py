"""The screens of wallboards, and those that wait for approval."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.core.ids import new_id
from models.core.time import InstantField, now


class Migration(migrations.Migration):
    dependencies = [("models", "0035_webhooks")]

    initial = False

    operations = [
        ops.CreateModel(
            name="WallPairing",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True),
                ),
                ("code_digest", fields.CharField(unique=True, max_length=64)),
                ("digest", fields.CharField(unique=True, max_length=64)),
                ("network", fields.CharField(max_length=64)),
                ("wide_network", fields.CharField(max_length=64)),
                ("expires_at", InstantField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "wall_pairings",
                "app": "models",
                "indexes": [
                    Index(fields=["network"]),
                    Index(fields=["wide_network"]),
                    Index(fields=["expires_at"]),
                ],
                "pk_attr": "id",
                "table_description": "Screens of wallboards that wait for approval",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="WallScreen",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True),
                ),
                ("name", fields.CharField(max_length=200)),
                (
                    "team",
                    fields.ForeignKeyField(
                        "models.Team",
                        source_field="team_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "approved_by",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="approved_by_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("digest", fields.CharField(unique=True, max_length=64)),
                ("last_seen_at", InstantField(default=now, auto_now=False, auto_now_add=False)),
                ("created_at", InstantField(default=now, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "wall_screens",
                "app": "models",
                "pk_attr": "id",
                "table_description": "Screens of wallboards that staff have approved",
            },
            bases=["Model"],
        ),
    ]
