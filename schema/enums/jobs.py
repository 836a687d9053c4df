"""Enums of jobs."""

from __future__ import annotations

from models.jobs.caller_job import (
    ExportFormat,
    JobErrorCode,
    JobErrorPolicy,
    JobKind,
    JobStatus,
    JobTicketOutcome,
)
from schema.enums.registration import register_enum

register_enum(
    JobKind,
    "JobKind",
    "What a job does.",
    {
        "BULK_UPDATE_TICKETS": "It changes many tickets. See bulkUpdateTickets.",
        "UNDO_JOB": "It restores the values before another job. See undoJob.",
        "EXPORT_TICKETS": "It writes tickets to a file. See exportTickets.",
        "ERASE_PERSON": "It erases a person. See erasePerson.",
        "EXPORT_PERSON": "It writes one person's data to a file. See exportPerson.",
    },
)
register_enum(
    JobStatus,
    "JobStatus",
    "The state of a job.",
    {
        "WAITING": "It has not started. At most 2 jobs of one user or API client run at once, by "
        "default.",
        "RUNNING": "It processes its tickets.",
        "FINISHED": "It has processed all of its tickets. Some may have failed.",
        "STOPPED": "It has ended early, because its `errorPolicy` is STOP, or because an export is "
        "no longer permitted or its file is too large. The last of its `errors` has the reason. A "
        "job of the kind EXPORT_PERSON has no tickets, and so no errors.",
        "CANCELLED": "It was cancelled. Tickets that it had changed before stay changed.",
    },
)
register_enum(
    JobErrorPolicy,
    "JobErrorPolicy",
    "What a job does after a ticket that it can't change.",
    {
        "CONTINUE": "It goes on with the next ticket.",
        "STOP": "It ends. The tickets after it stay as they are.",
    },
)
register_enum(
    JobTicketOutcome,
    "JobTicketOutcome",
    "What a job did with one of its tickets. In a dry run: what it would do.",
    {
        "WAITING": "Nothing yet.",
        "CHANGED": "The job changed the ticket.",
        "UNCHANGED": "The ticket had the values already.",
        "FAILED": "The job could not change or export the ticket; `code` and `message` state why.",
        "EXPORTED": "The file of the export has the ticket.",
    },
)
register_enum(
    ExportFormat,
    "ExportFormat",
    "The format of the file of an export. Both are UTF-8.",
    {
        "JSONL": "One JSON object per line and ticket, with its messages and events.",
        "CSV": "One row per ticket after a header, with a fixed list of columns. Its messages and "
        "its events are JSON arrays in two of the cells. A cell that a spreadsheet program could "
        "take for a formula gets an apostrophe before its text.",
    },
)
register_enum(
    JobErrorCode,
    "JobErrorCode",
    "The machine-readable reason why a job did not process a ticket.",
    {
        "INVALID": "The ticket's state, or a rule, does not allow the change; or the file of an "
        "export "
        "is too large.",
        "REQUIRED": "The change lacks a value that this ticket needs, such as a reason to close.",
        "NOT_FOUND": "The starter of the job can't see the ticket any more, or the change sets an "
        "archived option of a custom field.",
        "TRANSITION_REFUSED": "The ticket's status does not allow the action.",
        "REOPEN_WINDOW_PASSED": "The ticket was closed too long ago to be reopened, or a retention "
        "policy erased its texts.",
        "NOT_PERMITTED": "The starter of the job lacks the permission now: it was deactivated, "
        "lost "
        "its role or a scope, moved to another organization, or its API token expired or was "
        "revoked.",
        "CHANGED_SINCE": "The ticket was changed after the job that is undone, so it is left as it "
        "is.",
        "INTERNAL": "An error of the server. Its log has the reason.",
    },
)
