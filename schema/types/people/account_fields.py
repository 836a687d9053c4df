"""The fields of a user that show administrators how the user can sign in."""

from __future__ import annotations

from typing import Any

import strawberry

from models import related
from models.access.permissions import ADMINISTER
from models.core.paging.pagination import Page, parse_page_arguments
from models.people.token import Token
from models.people.user import User
from models.queries.directory.credentials import list_api_tokens, list_sessions
from schema.context import context_of, loaders
from schema.pagination import After, Before, Connection, First, Last
from schema.records.relations import RELATION, RelatedRecords, related_list_field
from schema.types.people.identities import IdentityType
from schema.types.people.sessions import SessionType
from schema.types.people.tokens import ApiTokenType
from schema.types.tickets.ticket_arguments import parse_page

ADMINS_ONLY = (
    "Visible to admins and API clients with the scope `admin`; empty for others, who find their own"
)


NULL_FOR_OTHERS = "Visible to admins and API clients with the scope `admin`; null for others"


def can_administer(info: strawberry.Info) -> bool:
    return ADMINISTER.allows(context_of(info).viewer)


@strawberry.type
class AccountFields:
    @strawberry.field(
        description="Whether the user has a password, by which the user can sign in even after the "
        f"end of an account at an identity provider. {NULL_FOR_OTHERS}."
    )
    def has_password(self, root: strawberry.Parent[User], info: strawberry.Info) -> bool | None:
        return root.password_hash is not None if can_administer(info) else None

    @strawberry.field(
        description="Whether the user has a second factor, which signIn then asks for. "
        f"{NULL_FOR_OTHERS}, who find their own in `Viewer.hasSecondFactor`."
    )
    async def has_second_factor(
        self, root: strawberry.Parent[User], info: strawberry.Info
    ) -> bool | None:
        if not can_administer(info):
            return None
        return await loaders(info).second_factors.load(root.id)

    @strawberry.field(
        description="The live sessions of the user, newest first and in pages of up to 100, for "
        "revokeSession. JWTs of identity providers are not in this list. "
        f"{ADMINS_ONLY} in `Viewer.sessions`.",
        graphql_type=Connection[SessionType],
    )
    async def sessions(
        self,
        root: strawberry.Parent[User],
        info: strawberry.Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Page[Token]:
        page_request = parse_page_arguments(first, after, last, before)
        pages = loaders(info).related_page(list_sessions, page_request, loaders(info).at)
        return await pages.load(root.id)

    @strawberry.field(
        description="The API tokens of the user, newest first and in pages of up to 100, including "
        f"expired and revoked ones, for revokeApiToken. {ADMINS_ONLY} in `apiTokens`.",
        graphql_type=Connection[ApiTokenType],
        metadata={RELATION: RelatedRecords(list_api_tokens, build_read_arguments=parse_page)},
    )
    async def api_tokens(
        self,
        root: strawberry.Parent[User],
        info: strawberry.Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Page[Token]:
        page_request = parse_page_arguments(first, after, last, before)
        return await loaders(info).related_page(list_api_tokens, page_request).load(root.id)

    identities: Any = related_list_field(
        related.identities,
        list[IdentityType],
        "The accounts at identity providers by which the user can sign in, oldest first, by "
        f"default at most 10. {ADMINS_ONLY} in `Viewer.identities`.",
    )
