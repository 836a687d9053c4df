"""The inputs of mutations: API tokens."""

from __future__ import annotations

from datetime import datetime

import strawberry

from schema.inputs.fields import given, optional


@strawberry.input(description="A new token of the caller's.")
class CreateApiTokenInput:
    name: str = given("What to call it, 1 to 200 characters.")
    scopes: list[str] = given("What it may do: some of the caller's own scopes.")
    expires_at: datetime | None = optional("When it ends by itself; null for never.")


@strawberry.input(description="A token to end.")
class RevokeApiTokenInput:
    token_id: strawberry.ID = given("The token.")
