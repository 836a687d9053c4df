"""A part of the file of an export that still runs."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models.jobs.caller_job import CallerJob


class ExportPart(Model):
    """A stored file with the lines of some tickets.

    job     null if the export has begun again without this part
    number  the place in the finished file, from 1
    size    in bytes
    """

    id = fields.BigIntField(primary_key=True)
    job: fields.ForeignKeyNullableRelation[CallerJob] = fields.ForeignKeyField(
        "models.CallerJob", related_name=False, null=True, on_delete=fields.SET_NULL
    )
    job_id: UUID | None
    number = fields.IntField()
    storage_key = fields.CharField(max_length=100)
    size = fields.BigIntField()

    class Meta:
        table = "export_parts"
        table_description = "The parts of files of exports that are not finished"
        unique_together = (("job", "number"),)
