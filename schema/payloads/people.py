"""The payloads of mutations: signing in."""

from __future__ import annotations

from datetime import datetime

import strawberry

from models.access.permissions import Viewer
from schema.interfaces import UserErrorInterface
from schema.payloads.fields import errors, made
from schema.types.people import ViewerType


@strawberry.type(description="Whether somebody is signed in now.")
class SignInPayload:
    token: str | None = strawberry.field(default=None, description="Send it as `Authorization: Bearer …`.")
    viewer: Viewer | None = made("Who signed in.", ViewerType | None)
    expires_at: datetime | None = strawberry.field(default=None, description="When the token ends by itself.")
    user_errors: list[UserErrorInterface] = errors()


@strawberry.type(description="The token that made the call has ended.")
class SignOutPayload:
    user_errors: list[UserErrorInterface] = errors()
