"""Which URLs of other servers the configuration and the API accept."""

from __future__ import annotations

import json
import re
from ipaddress import ip_address
from pathlib import Path

import pytest
from graphql import GraphQLInputObjectType, build_schema
from support.service import ROOT
from support.special_targets import REFUSED_URLS, SPECIAL_ADDRESSES

from settings.application import SettingsError, load

SETTING = "TICKETWIRE_IDENTITY_PROVIDERS"
HOSTS = [
    f"[{each}]" if ip_address(each).version == 6 else each
    for each in SPECIAL_ADDRESSES
    if "%" not in each
]
STORABLE = [each for each, _ in REFUSED_URLS if "\x00" not in each]
"""An environment variable has no NUL."""


@pytest.fixture(autouse=True)
def other_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TICKETWIRE_DATABASE_URL", f"sqlite:///{tmp_path}/unused.db")


def load_issuer(monkeypatch: pytest.MonkeyPatch, issuer: str) -> None:
    provider = {"name": "login", "issuer": issuer, "audiences": ["api"]}
    monkeypatch.setenv(SETTING, json.dumps([provider], ensure_ascii=False))
    load()


@pytest.mark.parametrize("issuer", [f"https://{host}/" for host in HOSTS] + STORABLE)
def test_an_issuer_with_a_forbidden_address_or_form_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, issuer: str
) -> None:
    load_issuer(monkeypatch, "https://login.example/tenant")
    with pytest.raises(SettingsError, match=rf"^{SETTING}: "):
        load_issuer(monkeypatch, issuer)


def test_callers_of_the_api_enter_no_urls_but_those_of_webhooks() -> None:
    """The issuer of an identity is only compared. Another URL must use the outbound client, too."""
    schema = build_schema((ROOT / "schema/schema.graphql").read_text())
    fields = {
        f"{name}.{field}"
        for name, kind in schema.type_map.items()
        if isinstance(kind, GraphQLInputObjectType)
        for field in kind.fields
        if re.search("url|uri|host|endpoint|issuer|server", field, re.IGNORECASE)
    }
    assert fields == {
        "CreateWebhookInput.url",
        "UpdateWebhookInput.url",
        "LinkIdentityInput.issuer",
        "UnlinkIdentityInput.issuer",
    }
