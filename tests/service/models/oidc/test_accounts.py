"""The user of an identity: the email address, the role and the teams that claims give."""

from __future__ import annotations

from typing import Any

import pytest
from structlog.testing import capture_logs
from support import World
from support.ticket_factory import NOON

from models.audit.entry import Origin
from models.core.record_limits import DEFAULT_LIMITS as LIMITS
from models.directory.memberships import list_teams
from models.oidc.accounts import SignInError, SignInRefused, find_or_create_account
from models.oidc.provider import Provider
from models.people.identity import Identity
from models.people.team import Membership, Team
from models.people.user import Role, User

ISSUER = "https://id.example.com"
ORIGIN = Origin("signInWithCode")


def provider(**settings: Any) -> Provider:
    return Provider(
        name="example",
        issuer=ISSUER,
        client_id="ticketwire",
        trusted_domains=frozenset({"example.com"}),
        **settings,
    )


@pytest.mark.parametrize(
    "email", ["nina\u200b@example.com", "ni na@example.com", "a@b@example.com"]
)
async def test_an_email_address_that_the_api_refuses_creates_no_user(
    people: World, email: str
) -> None:
    claims: dict[str, Any] = {"email": email, "email_verified": True, "name": "Nina"}
    before = await User.all().count()
    with pytest.raises(SignInRefused) as refused:
        await find_or_create_account(
            provider(create_users=True), "nina", claims, ORIGIN, NOON, LIMITS
        )
    assert refused.value.reason is SignInError.UNKNOWN_USER
    assert await User.all().count() == before


async def sign_in_with_groups(user: User, groups: list[str], **settings: Any) -> None:
    await Identity.get_or_create(issuer=ISSUER, subject="ada", defaults={"user_id": user.id})
    claims: dict[str, Any] = {"groups": groups}
    await find_or_create_account(provider(**settings), "ada", claims, ORIGIN, NOON, LIMITS)


async def slugs_of(user: User) -> list[str]:
    return [team.slug for team in await list_teams(user)]


async def test_a_change_of_teams_by_a_provider_raises_the_version_once(people: World) -> None:
    ada = await User.get(id=people.ada.id)
    before = await slugs_of(ada)
    teams = {"a": "sales", "b": "support"}
    roles = {"agents": Role.AGENT, "admins": Role.ADMIN}
    await sign_in_with_groups(ada, ["a", "b"], teams=teams)
    assert await slugs_of(ada) == sorted({*before, "sales", "support"}) != before
    versions = [ada.version, (await User.get(id=ada.id)).version]
    await sign_in_with_groups(ada, ["a", "b"], teams=teams)
    versions.append((await User.get(id=ada.id)).version)
    await sign_in_with_groups(ada, ["a", "admins"], teams=teams, roles=roles)
    assert "support" not in await slugs_of(ada)
    versions.append((await User.get(id=ada.id)).version)
    first = ada.version
    assert versions == [first, first + 1, first + 1, first + 2]


async def test_a_provider_adds_no_teams_beyond_the_maximum(people: World) -> None:
    ada = await User.get(id=people.ada.id)
    missing = LIMITS.max_teams_per_user - len(await slugs_of(ada))
    others = [await Team.create(slug=f"other-{n}", name="Other") for n in range(missing)]
    await Membership.bulk_create([Membership(team=team, user=ada) for team in others[1:]])
    new = [f"new-{n}" for n in range(2)]
    for slug in new:
        await Team.create(slug=slug, name="New")
    await sign_in_with_groups(ada, new, teams={slug: slug for slug in new})
    assert len(await slugs_of(ada)) == LIMITS.max_teams_per_user
    assert "new-0" in await slugs_of(ada)


@pytest.mark.parametrize("domain", ["Example.COM", " example.com"])
def test_the_case_of_a_trusted_domain_does_not_matter(domain: str) -> None:
    settings = {"name": "a", "issuer": ISSUER, "client_id": "b", "trusted_domains": [domain]}
    found = Provider.model_validate(settings)
    assert found.trusts("Nina@example.com")
    assert found.trusts("nina@EXAMPLE.com")
    assert not found.trusts("nina@sub.example.com")
    assert not found.trusts("nina@example.org")


async def test_a_team_of_the_settings_that_does_not_exist_is_logged_once(people: World) -> None:
    ada = await User.get(id=people.ada.id)
    await Team.create(slug="archived", name="Archived", active=False)
    teams = {"a": "sales", "b": "no-such-team", "c": "archived"}
    with capture_logs() as lines:
        for groups in (["a", "b"], ["a", "c"]):
            await sign_in_with_groups(ada, groups, teams=teams)
    assert "sales" in await slugs_of(ada)
    warnings = [line for line in lines if line["event"] == "oidc.unknown_team"]
    assert [(line["log_level"], line["provider"], line["team"]) for line in warnings] == [
        ("warning", "example", "archived"),
        ("warning", "example", "no-such-team"),
    ]
