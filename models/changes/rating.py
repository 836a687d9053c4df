"""The command that rates a ticket: a pure function like those in `models.changes.commands`."""

from __future__ import annotations

from models.changes.change import TicketChange
from models.core.errors import InvalidInput, UserErrorCode
from models.log.event import EventType
from models.tickets.lifecycle import UNRATED_CLOSE_REASONS, Stage

MAX_SCORE = 5


def rate(change: TicketChange, score: int, comment: str | None) -> None:
    """Rate a resolved or closed ticket from 1 to MAX_SCORE, as its requester.

    A new rating replaces the last one in the ticket; the log keeps both.
    """
    if not change.actor.is_customer or change.actor.user_id != change.ticket.requester_id:
        message = "Only the requester of the ticket can rate it."
        raise InvalidInput(UserErrorCode.INVALID, message, "ticketId")
    if not 1 <= score <= MAX_SCORE:
        raise InvalidInput(UserErrorCode.INVALID, f"must be 1 to {MAX_SCORE}", "score")
    if change.ticket.stage is not Stage.CLOSURE:
        message = "Only a resolved or closed ticket can be rated."
        raise InvalidInput(UserErrorCode.INVALID, message, "ticketId")
    if change.ticket.close_reason in UNRATED_CLOSE_REASONS:
        message = "A ticket that was closed as DUPLICATE, SPAM or INVALID can't be rated."
        raise InvalidInput(UserErrorCode.INVALID, message, "ticketId")
    changes = change.set(satisfaction_score=score, satisfaction_comment=comment, rated_at=change.at)
    change.log(EventType.RATED, changes, score=score, comment=comment)
