"""Inputs of the mutations for signing in."""

from __future__ import annotations

import strawberry

from schema.inputs.fields import required


@strawberry.input(description="The credentials of a user.")
class SignInInput:
    email: str = required("The email address, at most 320 characters. Case is ignored.")
    password: str = required("The password, at most 1,024 characters.")
