"""Inputs of the mutations that start and end jobs."""

from __future__ import annotations

from datetime import datetime

import strawberry

from models.jobs.caller_job import ExportFormat, JobErrorPolicy
from models.tickets.lifecycle import Action, CloseReason, Priority
from models.tickets.link_kind import LinkKind
from schema.filtering.filters import TicketFilter
from schema.inputs.custom_fields import CUSTOM_FIELDS, CustomFieldInput
from schema.inputs.fields import BODY, RECORD_IDEMPOTENCY_KEY, SLUG, optional, required
from schema.inputs.tickets.tickets import TicketResourceInput

JOB_ID = "The id of the job."
TAGS = "each 1 to 50 characters after trimming. Null: none."


@strawberry.input(description="A link from each ticket of a job to one other ticket.")
class BulkLink:
    other_id: strawberry.ID = required("The id of the other ticket.")
    kind: LinkKind = required("The relation of each ticket to the ticket `otherId`.")


@strawberry.input(description="Links between each ticket of a job and one other ticket.")
class BulkUnlink:
    other_id: strawberry.ID = required("The id of the other ticket.")
    kind: LinkKind | None = optional(
        "The relation of each ticket to the ticket `otherId`. Null: all links between the two."
    )


@strawberry.input(description="A merge of each ticket of a job into one other ticket.")
class BulkMerge:
    into_id: strawberry.ID = required(
        "The id of the ticket that remains. It must be neither merged itself nor CLOSED. By "
        "default, at most 100 tickets can be merged into one; the others fail with INVALID."
    )
    across_requesters: bool = optional(
        "Whether the tickets may have different requesters, by the rules of `mergeTickets`.", False
    )


@strawberry.input(
    description="What a job changes in each of its tickets: messages, properties, an action and "
    "links, which are applied in this order; or a merge. A field that is absent keeps its value."
)
class BulkTicketChange:
    assignee_id: strawberry.ID | None = optional(
        "The id of an active agent or admin. Assigning a NEW ticket also starts it, so this can't "
        "be combined with START. Absent: unchanged. Null: the tickets have no assignee.",
        strawberry.UNSET,
    )
    team: str | None = optional(
        f"The slug of an active team, {SLUG} Not together with `category`. Null: unchanged."
    )
    category: str | None = optional(
        f"The slug of an active category, {SLUG} It transfers the tickets to its team. Null: "
        "unchanged."
    )
    priority: Priority | None = optional("The priority. Null: unchanged.")
    add_tags: list[str] | None = optional(f"The tags to add, by default at most 20, {TAGS}")
    remove_tags: list[str] | None = optional(
        f"The tags to remove, ignoring case, by default at most 20, {TAGS}"
    )
    custom_fields: list[CustomFieldInput] | None = optional(
        f"{CUSTOM_FIELDS} A ticket of a category that does not have the field fails with INVALID. "
        "A dry run of a HIDDEN field requires the scope `notes:read`. Null: unchanged."
    )
    add_resources: list[TicketResourceInput] | None = optional(
        "The resources to add, by default at most 50; a name replaces that of a resource that a "
        "ticket has. Null: none."
    )
    remove_resources: list[TicketResourceInput] | None = optional(
        "The resources to remove, by kind and external id. Null: none."
    )
    add_watcher_id: strawberry.ID | None = optional(
        "The id of an active user who becomes a watcher of each ticket. A customer who could not "
        "see a ticket becomes a participant, by the rules of `addWatcher`. Null: nobody."
    )
    remove_watcher_id: strawberry.ID | None = optional(
        "The id of a user who stops watching. Not together with `addWatcherId`. Null: nobody."
    )
    reply: str | None = optional(
        f"A reply to the customer of each ticket. A job with it can't be undone. {BODY} Null: none."
    )
    note: str | None = optional(
        f"An internal note on each ticket. A job with it can't be undone. {BODY} Null: none."
    )
    requester_id: strawberry.ID | None = optional(
        "The id of an active user who becomes the requester of each ticket, by the rules of "
        "`changeRequester`. Not together with `addWatcherId` or `removeWatcherId`, because the "
        "watchers who may not see a ticket any more are removed. Null: unchanged."
    )
    link: BulkLink | None = optional(
        "Links each ticket to another one, by the rules of `linkTickets`. Null: none."
    )
    unlink: BulkUnlink | None = optional(
        "Removes links between each ticket and another one. Not together with `link`. Null: none."
    )
    merge: BulkMerge | None = optional(
        "Merges each ticket into another one, by the rules of `mergeTickets`. Not together with "
        "any other field of the change. Null: none."
    )
    unmerge: bool = optional(
        "Whether to undo the merge of each ticket, as `unmergeTicket` does. Not together with any "
        "other field of the change. A job with it can't be undone.",
        False,
    )
    escalation_reason: str | None = optional(
        "Raises the escalation level of each ticket by one, for this reason, 1 to 65,536 "
        "characters after trimming. A job with it can't be undone. Null: no escalation."
    )
    action: Action | None = optional("The action to take. Null: none.")
    until: datetime | None = optional(
        "For HOLD only: the time at which the server resumes the tickets, in the future. Null: the "
        "hold has no end."
    )
    resolution: str | None = optional(
        f"For RESOLVE only, and required there: the resolution, which the customers read. {BODY}"
    )
    close_reason: CloseReason | None = optional(
        "For CLOSE only: the reason. Null: tickets that are not RESOLVED fail with REQUIRED."
    )
    reopen_reason: str | None = optional(
        "For REOPEN only, and required there: the reason, 1 to 65,536 characters after trimming. "
        "The customers can read it."
    )


@strawberry.input(description="A change of many tickets. Pass either `ids` or `filter`.")
class BulkUpdateTicketsInput:
    ids: list[strawberry.ID] | None = optional(
        "The ids of the tickets. The variables of a request hold at most 2,500 values, so use "
        "`filter` for more tickets. Duplicates are ignored."
    )
    filter: TicketFilter | None = optional(
        "Selects the tickets that match now and that the viewer may see, by default at most "
        "50,000. An empty object selects all. Requires the scope `tickets:read`."
    )
    change: BulkTicketChange = required("What to change in each ticket.")
    error_policy: JobErrorPolicy = optional(
        "What to do after a ticket that can't be changed.", JobErrorPolicy.CONTINUE
    )
    dry_run: bool = optional(
        "Whether to report only what the job would do. Nothing is changed. Requires the scope "
        "`tickets:read`.",
        False,
    )
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(description="Which tickets to export, and how.")
class ExportTicketsInput:
    filter: TicketFilter | None = optional(
        "Selects the tickets that match now and that the viewer may see, by default at most "
        "100,000. Null or an empty object selects all."
    )
    format: ExportFormat = required("The format of the file.")
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(description="A job to cancel.")
class CancelJobInput:
    job_id: strawberry.ID = required(JOB_ID)


@strawberry.input(description="A job to undo.")
class UndoJobInput:
    job_id: strawberry.ID = required(JOB_ID)
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)
