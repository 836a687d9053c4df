"""Email addresses: their form, and addresses that hide another one."""

from __future__ import annotations

import pytest

from models.core.errors import InvalidInput
from models.oidc.claims import read_profile
from models.oidc.provider import Provider
from models.people.email_address import clean_email

DISGUISED = [
    "\u212aim@example.com",  # the Kelvin sign
    "kim@boo\u212aing.com",
    "kim@\uff45xample.com",  # a full-width e
    "kim@example\u3002com",  # an ideographic full stop
    "kim@stra\u00dfe.example",  # some programs send to strasse.example
    "kim@exa\u034fmple.com",  # a combining mark that domains ignore
    "kim@exam\u200bple.com",  # a space without width
]


@pytest.mark.parametrize("value", DISGUISED)
def test_an_address_that_hides_another_is_refused(value: str) -> None:
    with pytest.raises(InvalidInput):
        clean_email(value)
    provider = Provider.model_validate(
        {"name": "a", "issuer": "https://a", "client_id": "x", "trusted_domains": ["*"]}
    )
    claims: dict[str, object] = {"email": value, "email_verified": True}
    assert read_profile(provider, claims).email is None


@pytest.mark.parametrize(
    ("value", "address"),
    [
        (" Kim@Example.COM\u00a0", "kim@example.com"),
        ("J\u00dcrgen@B\u00dccher.example", "j\u00fcrgen@b\u00fccher.example"),
        ("kim@xn--bcher-kva.example", "kim@xn--bcher-kva.example"),
    ],
)
def test_an_address_is_stored_in_lower_case(value: str, address: str) -> None:
    assert clean_email(value) == address
