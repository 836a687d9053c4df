"""People and an API client that tests act as: customers of two accounts, agents, an admin."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from models.access.scopes import CALLER_KIND_BY_ROLE, MAX_SCOPES, CallerKind
from models.core import ids, time
from models.people.team import Membership, Team
from models.people.token import TokenKind, issue_token
from models.people.user import ApiClient, Organization, Role, User


@dataclass
class Person:
    id: UUID
    token: str

    @property
    def gid(self) -> str:
        return ids.encode(ids.USER, self.id)


async def person(
    name: str,
    role: Role = Role.CUSTOMER,
    organization: Organization | None = None,
    team: str | None = None,
) -> Person:
    user = await User.create(
        email=f"{name}@example.com", display_name=name.title(), role=role, organization=organization
    )
    if team:
        await Membership.create(team=await Team.get(slug=team), user=user)
    return Person(user.id, await token_of(user))


async def token_of(user: User, scopes: list[str] | None = None) -> str:
    """A session token of a user; with scopes, an API token of that user."""
    granted = scopes or [scope.value for scope in MAX_SCOPES[CALLER_KIND_BY_ROLE[user.role]]]
    kind = TokenKind.API if scopes else TokenKind.SESSION
    _, text = await issue_token(kind, "test", granted, user_id=user.id, at=time.now())
    return text


async def api_client_token(name: str, scopes: list[str] | None = None) -> str:
    """A token of an API client."""
    client, _ = await ApiClient.get_or_create(display_name=name)
    granted = scopes or [scope.value for scope in MAX_SCOPES[CallerKind.API_CLIENT]]
    _, text = await issue_token(TokenKind.API, "test", granted, client_id=client.id, at=time.now())
    return text


@dataclass
class World:
    """`cora` and `carl` share an account; `olga` and `otto` belong to one that is not shared."""

    cora: Person
    carl: Person
    olga: Person
    otto: Person
    ada: Person
    """An agent of support."""
    bill: Person
    """An agent of billing."""
    root: Person
    api_client_token: str

    @classmethod
    async def make(cls) -> World:
        acme = await Organization.create(name="Acme", shared=True)
        other = await Organization.create(name="Other", shared=False)
        return cls(
            cora=await person("cora", organization=acme),
            carl=await person("carl", organization=acme),
            olga=await person("olga", organization=other),
            otto=await person("otto", organization=other),
            ada=await person("ada", Role.AGENT, team="support"),
            bill=await person("bill", Role.AGENT, team="billing"),
            root=await person("root", Role.ADMIN),
            api_client_token=await api_client_token("Sync"),
        )
