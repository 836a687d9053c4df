"""The claims of an ID token and of the user info, together."""

from __future__ import annotations

from models.oidc.code_flow import merge_claims

KIM, EVE = "kim@example.com", "eve@example.com"


def test_the_user_info_adds_claims_and_replaces_none() -> None:
    id_token: dict[str, object] = {"sub": "1", "name": "Kim"}
    user_info: dict[str, object] = {"sub": "1", "name": "K", "email": KIM, "email_verified": True}
    assert merge_claims(id_token, user_info) == {**user_info, "name": "Kim"}


def test_a_verified_address_of_the_user_info_verifies_no_other() -> None:
    user_info: dict[str, object] = {"email": EVE, "email_verified": True}
    assert merge_claims({"email": KIM}, user_info) == {"email": KIM}
    assert merge_claims({"email": EVE}, user_info) == user_info
    refused: dict[str, object] = {"email": KIM, "email_verified": False}
    assert merge_claims(refused, user_info) == refused
