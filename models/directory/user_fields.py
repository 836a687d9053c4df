"""The fields of a user that viewers can set, and their checks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypedDict
from uuid import UUID

from models.core import ids, text
from models.core.errors import InvalidInput, UserErrorCode
from models.directory.organizations import get_active_organization
from models.people.email_address import clean_email
from models.people.user import Role, User
from models.sla.calendars.calendar_input import check_zone

LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
MAX_LOCALE_CHARS = 35
EMAIL_TAKEN = "Another user has this email address."
EXTERNAL_ID_TAKEN = "Another user has this external id."


class UserFields(TypedDict, total=False):
    """The fields of an input. `organization_id` is a global id, and `teams` are slugs."""

    email: str
    display_name: str
    role: Role
    organization_id: str | None
    teams: Sequence[str]
    external_id: str | None
    locale: str | None
    time_zone: str | None


async def clean_fields(fields: UserFields, user: User | None) -> dict[str, object]:
    """The columns to set, by name; `teams` has none. Raises InvalidInput.

    `user` is the user to change, or None if the user is new.
    """
    values: dict[str, object] = {}
    if "email" in fields:
        values["email"] = await clean_unique_email(fields["email"], user)
    if "display_name" in fields:
        max_chars = text.MAX_NAME_CHARS
        values["display_name"] = text.clean_line(
            fields["display_name"], "displayName", max_chars=max_chars
        )
    if "role" in fields:
        values["role"] = fields["role"]
    if "organization_id" in fields:
        values["organization_id"] = await clean_organization(fields["organization_id"], user)
    if "external_id" in fields:
        values["external_id"] = await clean_unique_external_id(fields["external_id"], user)
    if "locale" in fields:
        values["locale"] = clean_locale(fields["locale"])
    if "time_zone" in fields:
        zone = fields["time_zone"]
        if zone is not None:
            check_zone(zone, "timeZone")
        values["time_zone"] = zone
    return values


async def clean_unique_email(value: str, user: User | None) -> str:
    """The email address in its stored form. Raises InvalidInput if another user has it."""
    address = clean_email(value, "email")
    other = await User.get_or_none(email=address)
    if other is not None and other != user:
        raise InvalidInput(UserErrorCode.TAKEN, EMAIL_TAKEN, "email")
    return address


async def clean_organization(organization_id: str | None, user: User | None) -> UUID | None:
    """The key of an active organization, or of the one that the user already has."""
    if organization_id is None:
        return None
    key = ids.key_of(ids.ORGANIZATION, organization_id)
    if user is not None and key is not None and key == user.organization_id:
        return key
    return (await get_active_organization(key, "organizationId")).id


async def clean_unique_external_id(value: str | None, user: User | None) -> str | None:
    """The external id, if it is valid. Raises InvalidInput if another user has it."""
    if value is None:
        return None
    external_id = text.clean_external_id(value)
    other = await User.get_or_none(external_id=external_id)
    if other is not None and other != user:
        raise InvalidInput(UserErrorCode.TAKEN, EXTERNAL_ID_TAKEN, "externalId")
    return external_id


def clean_locale(value: str | None) -> str | None:
    """The language tag, if it has the form of one (BCP 47). Raises InvalidInput."""
    if value is None:
        return None
    text.check_length(value, "locale", max_chars=MAX_LOCALE_CHARS)
    if LANGUAGE_TAG.fullmatch(value) is None:
        message = "must be a language tag, such as en or de-CH"
        raise InvalidInput(UserErrorCode.INVALID, message, "locale")
    return value
