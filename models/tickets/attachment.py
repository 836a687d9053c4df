"""Metadata of attached files: name, type, size, hash and uploader. The store has the contents."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models.core.computed import computed_property
from models.core.ids import new_id
from models.core.time import InstantField, now
from models.people.user import ApiClient, User

if TYPE_CHECKING:
    from models.tickets.draft import Draft
    from models.tickets.message import Message
    from models.tickets.ticket import Ticket


def is_stored(storage_key: str | None) -> bool:
    """Whether the upload is complete: the server has checked the file and stored it."""
    return storage_key is not None


class Attachment(Model):
    """A file of a ticket or of one of its messages, or one that is not attached yet.

    ticket             null until the uploader attaches the file; only the uploader sees it until
                       then
    size               in bytes, as declared; an upload of another size is refused
    sha256             the hash of the stored file in hex; null until the upload is complete
    declared_sha256    the hash that the upload must have, if the uploader has stated it
    storage_key        where the store has the file; null until the upload is complete
    thumbnail_key      where the store has the thumbnail of an image; null without one
    upload_expires_at  until when the file may be uploaded
    draft              the draft of the uploader that keeps a file which is not attached yet
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    ticket: fields.ForeignKeyNullableRelation[Ticket] = fields.ForeignKeyField(
        "models.Ticket", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    ticket_id: UUID | None
    message: fields.ForeignKeyNullableRelation[Message] = fields.ForeignKeyField(
        "models.Message", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    message_id: UUID | None
    filename = fields.CharField(max_length=255)
    content_type = fields.CharField(max_length=255)
    size = fields.BigIntField()
    sha256: str | None = fields.CharField(  # pyright: ignore[reportAssignmentType]
        max_length=64, null=True
    )
    created_at = InstantField(default=now)
    uploader_user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    uploader_user_id: UUID | None
    uploader_client: fields.ForeignKeyNullableRelation[ApiClient] = fields.ForeignKeyField(
        "models.ApiClient", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    uploader_client_id: UUID | None
    declared_sha256: str | None = fields.CharField(  # pyright: ignore[reportAssignmentType]
        max_length=64, null=True
    )
    storage_key: str | None = fields.CharField(  # pyright: ignore[reportAssignmentType]
        max_length=200, null=True
    )
    thumbnail_key: str | None = fields.CharField(  # pyright: ignore[reportAssignmentType]
        max_length=200, null=True
    )
    upload_expires_at = InstantField(null=True)
    draft: fields.ForeignKeyNullableRelation[Draft] = fields.ForeignKeyField(
        "models.Draft", related_name=False, null=True, on_delete=fields.SET_NULL
    )
    draft_id: UUID | None

    is_complete = computed_property(("storage_key",), is_stored)

    class Meta:
        table = "attachments"
        table_description = "Attachments"
        indexes = (("ticket_id",), ("message_id",), ("draft_id",))


class FileDeletion(Model):
    """A file whose attachment was erased, and which the store must still delete.

    The key is that of the attachment. The row is deleted after the file.
    """

    attachment_id = fields.UUIDField(primary_key=True, generated=False)
    requested_at = InstantField()

    class Meta:
        table = "file_deletions"
        table_description = "Files that the store must delete"
