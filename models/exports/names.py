"""The names and media types of the files of exports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from models.jobs.caller_job import CallerJob, ExportFormat, JobKind

if TYPE_CHECKING:
    from obstore import Attributes

CONTENT_TYPES: Mapping[ExportFormat, str] = {
    ExportFormat.JSONL: "application/x-ndjson",
    ExportFormat.CSV: "text/csv; charset=utf-8",
}


def content_type_of(job: CallerJob) -> str:
    assert job.export_format is not None  # every export has one
    return CONTENT_TYPES[job.export_format]


def disposition_of(job: CallerJob) -> str:
    """The Content-Disposition, with a name such as tickets-2026-11-29.jsonl.

    The file of a person's data does not have the person's name, because browsers and proxies keep
    file names.
    """
    assert job.export_format is not None  # every export has one
    subject = "person" if job.kind is JobKind.EXPORT_PERSON else "tickets"
    name = f"{subject}-{job.created_at:%Y-%m-%d}.{job.export_format.value}"
    return f'attachment; filename="{name}"'


def attributes_of(job: CallerJob) -> Attributes:
    """The headers with which the storage itself sends the file."""
    return {
        "Content-Type": content_type_of(job),
        "Content-Disposition": disposition_of(job),
        "Cache-Control": "private",
    }
