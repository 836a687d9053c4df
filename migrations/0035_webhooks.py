"""Webhooks, their deliveries and attempts, and emails about webhooks."""

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.core.ids import new_id
from models.core.time import InstantField, now
from models.webhooks.delivery import WebhookDeliveryStatus
from models.webhooks.webhook import WebhookPauseReason, WebhookShape, WebhookState


class Migration(migrations.Migration):
    dependencies = [("models", "0034_rotated_tokens")]

    initial = False

    operations = [
        ops.AddField(
            model_name="Mail",
            name="webhook_id",
            field=fields.UUIDField(null=True),
        ),
        ops.CreateModel(
            name="Webhook",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True),
                ),
                (
                    "user",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="user_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "client",
                    fields.ForeignKeyField(
                        "models.ApiClient",
                        source_field="client_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("by_token", fields.BooleanField(default=False)),
                ("scopes", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("url", fields.CharField(max_length=2048)),
                ("types", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("ticket_filter", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("query", fields.TextField(null=True, unique=False)),
                (
                    "shape",
                    fields.CharEnumField(
                        default=WebhookShape.STANDARD,
                        description="STANDARD: standard\nSLACK: slack",
                        enum_type=WebhookShape,
                        max_length=16,
                    ),
                ),
                (
                    "state",
                    fields.CharEnumField(
                        default=WebhookState.ACTIVE,
                        description="ACTIVE: active\nPAUSED: paused\nDISABLED: disabled",
                        enum_type=WebhookState,
                        max_length=16,
                    ),
                ),
                (
                    "pause_reason",
                    fields.CharEnumField(
                        null=True,
                        description="REQUESTED: requested\nTARGET_FAILING: target_failing\nTARGET_GONE: target_gone\nOWNER_DEACTIVATED: owner_deactivated\nSCOPE_REVOKED: scope_revoked\nINVALID: invalid",
                        enum_type=WebhookPauseReason,
                        max_length=32,
                    ),
                ),
                ("paused_at", InstantField(null=True, auto_now=False, auto_now_add=False)),
                ("secret", fields.TextField(unique=False)),
                ("previous_secret", fields.TextField(null=True, unique=False)),
                (
                    "previous_secret_until",
                    InstantField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("log_position", fields.BigIntField()),
                ("pruned_position", fields.BigIntField(default=0)),
                ("failures", fields.IntField(default=0)),
                ("failing_since", InstantField(null=True, auto_now=False, auto_now_add=False)),
                ("blocked_until", InstantField(null=True, auto_now=False, auto_now_add=False)),
                ("version", fields.IntField(default=1)),
                ("created_at", InstantField(default=now, auto_now=False, auto_now_add=False)),
                ("updated_at", InstantField(default=now, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "webhooks",
                "app": "models",
                "indexes": [
                    Index(fields=["user_id"]),
                    Index(fields=["client_id"]),
                    Index(fields=["state"]),
                ],
                "pk_attr": "id",
                "table_description": "Webhooks",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="WebhookDelivery",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True),
                ),
                (
                    "webhook",
                    fields.ForeignKeyField(
                        "models.Webhook",
                        source_field="webhook_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "event",
                    fields.ForeignKeyField(
                        "models.Event",
                        source_field="event_id",
                        db_constraint=True,
                        to_field="position",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("ticket_id", fields.UUIDField()),
                ("body", fields.TextField(null=True, unique=False)),
                ("body_scopes", fields.CharField(default="", max_length=200)),
                (
                    "status",
                    fields.CharEnumField(
                        default=WebhookDeliveryStatus.PENDING,
                        description="PENDING: pending\nDELIVERED: delivered\nRETRYING: retrying\nFAILED: failed",
                        enum_type=WebhookDeliveryStatus,
                        max_length=16,
                    ),
                ),
                ("attempts", fields.IntField(default=0)),
                ("response_status", fields.IntField(null=True)),
                ("last_error", fields.CharField(null=True, max_length=500)),
                ("first_attempt_at", InstantField(null=True, auto_now=False, auto_now_add=False)),
                ("next_attempt_at", InstantField(null=True, auto_now=False, auto_now_add=False)),
                ("delivered_at", InstantField(null=True, auto_now=False, auto_now_add=False)),
                ("claimed_by", fields.CharField(null=True, max_length=64)),
                ("claimed_until", InstantField(null=True, auto_now=False, auto_now_add=False)),
                ("created_at", InstantField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "webhook_deliveries",
                "app": "models",
                "unique_together": (("webhook", "event"),),
                "indexes": [
                    Index(fields=["webhook_id", "next_attempt_at"]),
                    Index(fields=["webhook_id", "delivered_at", "event_id"]),
                    Index(fields=["webhook_id", "ticket_id", "event_id"]),
                    Index(fields=["ticket_id"]),
                    Index(fields=["created_at"]),
                ],
                "pk_attr": "id",
                "table_description": "Deliveries of events to webhooks",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="WebhookAttempt",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True),
                ),
                (
                    "delivery",
                    fields.ForeignKeyField(
                        "models.WebhookDelivery",
                        source_field="delivery_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("requested_at", InstantField(auto_now=False, auto_now_add=False)),
                ("status", fields.IntField(null=True)),
                ("milliseconds", fields.IntField()),
                ("response", fields.TextField(null=True, unique=False)),
                ("error", fields.CharField(null=True, max_length=500)),
            ],
            options={
                "table": "webhook_attempts",
                "app": "models",
                "indexes": [Index(fields=["delivery_id", "id"])],
                "pk_attr": "id",
                "table_description": "Requests of webhooks' deliveries",
            },
            bases=["Model"],
        ),
    ]
