"""The mutation `createAttachment`, and the files of new replies, notes and tickets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import strawberry

from models.changes import attachment_commands
from models.changes.change import TicketChange
from models.changes.idempotency import IdempotencyKey, KeyedRequest, ResultReference, store_result
from models.core.errors import InvalidInput, Refusal, Refusals, UserErrorCode, collect_refusals
from models.core.record_limits import RecordLimits
from models.files import names, uploads
from models.files.direct_uploads import complete_direct_uploads
from models.files.uploads import FileDescription
from models.tickets.attachment import Attachment
from models.tickets.message import Message
from resolvers.context import Context, context_of
from resolvers.mutations.idempotency import run_once
from resolvers.mutations.resolver import to_user_errors
from resolvers.mutations.ticket_mutation import TicketMutation
from schema.inputs.tickets.attachments import CreateAttachmentInput
from schema.payloads.tickets.attachments import CreateAttachmentPayload


class AttachesFiles(Protocol):
    """An input with files to attach."""

    @property
    def attachment_ids(self) -> Sequence[str] | None: ...


async def create_attachment(
    info: strawberry.Info, input: CreateAttachmentInput
) -> CreateAttachmentPayload:
    """Not a ticket mutation, because the file belongs to no ticket yet, and causes no event."""
    context = context_of(info)
    files = context.services.files

    async def execute(key: KeyedRequest | None) -> tuple[Attachment, bool]:
        files.check_enabled()
        at = context.now()
        attachment = await uploads.announce_file(
            context.viewer,
            check_input(input, context.settings.limits),
            context.settings.limits,
            at,
            at + files.upload_lifetime,
        )
        if key is not None:
            await store_result(key, ResultReference(at, attachment.id))
        return attachment, False

    async def replay(stored: IdempotencyKey) -> tuple[Attachment, bool]:
        attachment = await Attachment.get_or_none(id=stored.record_id)
        if attachment is None:
            message = "The attachment of the first call was deleted. Use another key."
            raise InvalidInput(UserErrorCode.NOT_FOUND, message, "idempotencyKey")
        return attachment, True

    try:
        attachment, replayed = await run_once(context, info.field_name, input, execute, replay)
    except (Refusal, Refusals) as error:
        return CreateAttachmentPayload(user_errors=to_user_errors(error))
    return await build_payload(context, attachment, replayed=replayed)


async def build_payload(
    context: Context, attachment: Attachment, *, replayed: bool
) -> CreateAttachmentPayload:
    url = await context.services.files.build_upload_url(attachment, context.now())
    return CreateAttachmentPayload(
        attachment=attachment,
        upload_url=url,
        upload_expires_at=attachment.upload_expires_at if url is not None else None,
        replayed=replayed,
    )


def check_input(input: CreateAttachmentInput, limits: RecordLimits) -> FileDescription:
    """The description of the file. Raises Refusals with all errors."""
    refusals: list[Refusal] = []
    with collect_refusals(refusals):
        filename = names.clean_filename(input.filename)
    with collect_refusals(refusals):
        content_type = names.clean_content_type(input.content_type)
    with collect_refusals(refusals):
        uploads.check_size(input.size, limits)
    with collect_refusals(refusals):
        sha256 = names.clean_sha256(input.sha256)
    if refusals:
        raise Refusals(refusals)
    return FileDescription(filename, content_type, input.size, sha256)


async def complete_uploads(context: Context, input: AttachesFiles) -> None:
    """Complete files that the viewer has uploaded to the storage itself. Raises InvalidInput."""
    acceptance = context.services.files.acceptance
    if acceptance is not None and acceptance.store.has_direct_uploads and input.attachment_ids:
        keys = uploads.parse_attachment_ids(input.attachment_ids, context.settings.limits)
        await complete_direct_uploads(acceptance, context.viewer, keys)


async def attach_files(
    mutation: TicketMutation,
    change: TicketChange,
    attachment_ids: Sequence[str] | None,
    message: Message | None = None,
) -> None:
    """Attach the viewer's uploaded files to the message, or to the ticket. Raises InvalidInput."""
    if attachment_ids:
        keys = uploads.parse_attachment_ids(attachment_ids, mutation.context.settings.limits)
        files = await uploads.lock_files(mutation.viewer, keys)
        attachment_commands.attach(change, files, message)
