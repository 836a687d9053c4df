"""The classes of interfaces that many types refer to, written by hand so that each has one name."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

Date = datetime.date
"""Under this name, a model can have a field `date`."""


class Model(BaseModel):
    """A record of the API. Fields that a newer server adds are ignored."""

    model_config = ConfigDict(populate_by_name=True, protected_namespaces=())


class Actor(Model):
    """A user, an API client or the system (`typename__`), which has no id."""

    typename__: str = Field(alias="__typename")
    display_name: str = Field(alias="displayName")
    id: str | None = None


class Attachment(Model):
    """A file. `sha256` is None until its upload is complete, and after it was erased."""

    id: str
    filename: str
    content_type: str = Field(alias="contentType")
    size: int
    sha256: str | None = None
    created_at: datetime.datetime = Field(alias="createdAt")


class StoredAttachment(Attachment):
    """A file with its signed URL, which is None if there is no complete file."""

    url: str | None


class Message(Model):
    """A reply or a note (`typename__`)."""

    typename__: str = Field(alias="__typename")
    id: str
    author: Actor
    body: str
    attachments: list[Attachment]
    created_at: datetime.datetime = Field(alias="createdAt")


class UserError(Model):
    """A reason for which a mutation changed nothing.

    `code` is a value of `UserErrorCode`, or one that a newer server has added. `field` is the path
    of the input's field that caused it, if one did.
    """

    typename__: str = Field(alias="__typename")
    code: str
    message: str
    field: list[str] | None = None


class StaleVersion(UserError):
    """The record has changed since the caller has read it; `current` is its version now."""

    current: int


class TransitionRefused(UserError):
    """The ticket's status does not allow the action. `allowed` has the actions that it allows."""

    from_: str = Field(alias="from")
    action: str
    allowed: list[str]


class UnseenMessages(UserError):
    """The conversation has continued; `messages` has what the author had not seen."""

    messages: list[Message]


def choose_by_typename(known: Iterable[str], other: str) -> Callable[[Any], str]:
    """Build a discriminator that treats a type that a newer server has added as `other`."""
    names = frozenset(known)

    def choose(value: Any) -> str:
        if isinstance(value, Mapping):
            name: object = value.get("__typename", value.get("typename__"))  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
        else:
            name = getattr(value, "typename__", None)
        return name if isinstance(name, str) and name in names else other

    return choose


AnyUserError = Annotated[
    Annotated[StaleVersion, Tag("StaleVersion")]
    | Annotated[TransitionRefused, Tag("TransitionRefused")]
    | Annotated[UnseenMessages, Tag("UnseenMessages")]
    | Annotated[UserError, Tag("UserError")],
    Discriminator(
        choose_by_typename(["StaleVersion", "TransitionRefused", "UnseenMessages"], "UserError")
    ),
]
