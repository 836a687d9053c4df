"""Users, API clients and their tokens in the connected database, and viewers of users."""

from __future__ import annotations

from datetime import UTC, datetime

from models import database
from models.access.scopes import ALL_SCOPES, scopes_of_role
from models.access.viewer import Viewer, viewer_of_user
from models.database import as_uuid
from models.people.token import TokenKind, issue_token
from models.people.user import ApiClient, Organization, Role, User

TOKEN_NAME = "benchmark"


async def create_user(name: str, role: Role) -> User:
    """Create a user without an organization."""
    email = f"{name.lower().replace(' ', '-')}@example.com"
    return await User.create(email=email, display_name=name, role=role)


async def create_token(user: User) -> str:
    """Create an API token with all scopes that the user may have; return its text."""
    scopes = scopes_of_role(user.role)
    at = datetime.now(UTC)
    _, text = await issue_token(TokenKind.API, TOKEN_NAME, scopes, user_id=user.id, at=at)
    return text


async def create_account(name: str) -> str:
    """Create an administrator; return an API token of theirs."""
    return await create_token(await create_user(name, Role.ADMIN))


async def create_api_client(name: str) -> str:
    """Create an API client; return a token with all scopes."""
    client = await ApiClient.create(display_name=name)
    scopes = [scope.value for scope in ALL_SCOPES]
    at = datetime.now(UTC)
    _, text = await issue_token(TokenKind.API, TOKEN_NAME, scopes, client_id=client.id, at=at)
    return text


async def load_viewer(user: User) -> Viewer:
    """The user as a viewer with all scopes of the role."""
    await user.fetch_related("organization")
    return viewer_of_user(user, {})


async def find_busiest_customers(count: int, *, shared: bool) -> list[User]:
    """The customers with the most tickets, of organizations that are shared or are not."""
    organizations = set(await Organization.filter(shared=shared).values_list("id", flat=True))
    rows = await database.fetch_dicts(
        "SELECT requester_id AS id FROM tickets GROUP BY requester_id ORDER BY COUNT(*) DESC, 1"
    )
    found: list[User] = []
    for row in rows:
        user = await User.get(id=as_uuid(row["id"]))
        if user.organization_id in organizations:
            found.append(user)
        if len(found) == count:
            break
    return found
