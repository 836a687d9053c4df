"""The inputs of mutations: signing in."""

from __future__ import annotations

import strawberry

from schema.inputs.fields import given


@strawberry.input(description="How somebody signs in.")
class SignInInput:
    email: str = given("The e-mail address; its case does not count.")
    password: str = given("The password.")
