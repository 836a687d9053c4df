"""Erases the account of a person in one transaction: who the user was, and how they signed in."""

from __future__ import annotations

from datetime import datetime

from models.audit import storage
from models.audit.directory_event import DirectoryEvent, DirectoryEventType
from models.audit.entry import Origin
from models.audit.records import RecordKind
from models.core.record_changes import RecordChanges
from models.directory import memberships
from models.erasure.terms import ERASED
from models.erasure.ticket_erasure import erase_file
from models.log import event
from models.macros.macro import Macro
from models.notifications.notification import NotificationPreference
from models.people.account_link import AccountLink
from models.people.identity import Identity, SignInCode
from models.people.second_factor import SecondFactor
from models.people.token import Token
from models.people.user import ERASED_DOMAIN, ERASED_NAME, User
from models.tickets.attachment import Attachment, FileDeletion
from models.tickets.draft import Draft
from models.tickets.presence import Presence
from models.tickets.read_marks import TicketReadMark
from models.views.saved_view import SavedView
from models.webhooks.webhook import Webhook

COLUMNS = (
    *("email", "display_name", "name_words", "external_id", "locale", "time_zone"),
    *("password_hash", "active", "present", "version"),
)


async def erase_account(
    changes: RecordChanges, origin: Origin, user: User, reason: str, at: datetime
) -> None:
    """Replace who the user was, and end all access. The user must be locked.

    The row stays, because tickets and events refer to it. Logs a directory event, by which copies
    in other systems learn that they must forget the person.
    """
    await memberships.revoke_tokens(changes, user, at)
    await Token.filter(user_id=user.id).update(name=ERASED, address=None, user_agent=None)
    address = user.email
    user.email, user.display_name = f"{user.id.hex}@{ERASED_DOMAIN}", ERASED_NAME
    user.external_id = user.locale = user.time_zone = user.password_hash = None
    user.active = user.present = False
    user.version += 1
    # Not by `changes`, which would store the former values in the audit log.
    await user.save(update_fields=COLUMNS)
    await SignInCode.filter(identity__user_id=user.id).delete()
    for model in (Identity, SecondFactor, AccountLink, Presence, TicketReadMark, Draft):
        await model.filter(user_id=user.id).delete()
    await AccountLink.filter(email=address).delete()
    await NotificationPreference.filter(user_id=user.id).delete()
    await SavedView.filter(owner_id=user.id).delete()
    await Macro.filter(owner_id=user.id).delete()
    await Webhook.filter(user_id=user.id).delete()
    await erase_unattached_files(user, at)
    await storage.write_action(origin, at, {"reason": [None, reason]}, record=user)
    await event.append([build_event(origin, user, at)])


async def erase_unattached_files(user: User, at: datetime) -> None:
    """Erase files of the user that belong to no ticket yet. A limit bounds their number."""
    files = Attachment.filter(uploader_user_id=user.id, ticket_id=None)
    for file in await files.select_for_update().order_by("id"):
        erase_file(file)
        file.upload_expires_at = None
        await file.save()
        await FileDeletion.create(attachment_id=file.id, requested_at=at)


def build_event(origin: Origin, user: User, at: datetime) -> DirectoryEvent:
    return DirectoryEvent(
        type=DirectoryEventType.ERASED,
        record_kind=RecordKind.USER,
        record_id=user.id,
        actor_user_id=origin.actor.user_id,
        actor_client_id=origin.actor.client_id,
        occurred_at=at,
        data={"changes": {}},
    )
