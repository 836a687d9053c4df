"""Stored counts of tickets. A background job fills them, so the migration reads no tickets."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


async def restart_job(apps, editor):
    """Let the job count all tickets, also if this migration was applied and undone before."""
    await editor.client.execute_query("DELETE FROM readers WHERE name = 'ticket_counter'")


class Migration(migrations.Migration):
    dependencies = [("models", "0041_organization_sharing")]

    initial = False

    operations = [
        ops.CreateModel(
            name="TicketCount",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        primary_key=True, generated=False, unique=True, db_index=True
                    ),
                ),
                ("status", fields.CharField(max_length=24)),
                ("priority", fields.SmallIntField()),
                ("category_id", fields.UUIDField()),
                ("team_id", fields.UUIDField()),
                ("assignee_id", fields.UUIDField(null=True)),
                ("is_resolved", fields.BooleanField()),
                ("is_closed", fields.BooleanField()),
                ("tickets", fields.BigIntField()),
            ],
            options={
                "table": "ticket_counts",
                "app": "models",
                "pk_attr": "id",
                "table_description": "Numbers of tickets, for statistics over all tickets",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="CountedTicket",
            fields=[
                (
                    "ticket_id",
                    fields.UUIDField(primary_key=True, unique=True, db_index=True),
                ),
                ("count_id", fields.BigIntField()),
            ],
            options={
                "table": "counted_tickets",
                "app": "models",
                "pk_attr": "ticket_id",
                "table_description": "The group in which each ticket is counted",
            },
            bases=["Model"],
        ),
        ops.RunPython(restart_job, restart_job),
    ]
