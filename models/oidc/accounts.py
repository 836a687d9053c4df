"""Finds or creates the user of an identity, and updates the user by the provider's claims."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from enum import Enum

import structlog
from tortoise.exceptions import IntegrityError

from models import database
from models.access.viewer import SYSTEM
from models.audit import storage
from models.audit.entry import Origin
from models.core.record_changes import RecordChanges
from models.core.record_limits import RecordLimits, count_reached
from models.directory import memberships, users
from models.directory.access import is_last_admin, lock_directory
from models.directory.promotion import end_earlier_access, is_promotion
from models.oidc.claims import Profile, read_profile, role_of, teams_of
from models.oidc.http_client import Json
from models.oidc.provider import Provider
from models.people.identity import Identity, claims_of
from models.people.team import Team
from models.people.user import Role, User, lock_user

reported_teams: set[tuple[str, str]] = set()
"""The unknown teams that this process has logged already: the provider's name and the slug. The
settings limit their number."""
log = structlog.get_logger("ticketwire.oidc")


class SignInError(Enum):
    """The reason for which a sign-in by a provider failed. Applications receive it."""

    UNKNOWN_USER = "unknown_user"
    """No user has the identity, and the provider's settings permit neither a link nor a new one."""
    DEACTIVATED = "deactivated"
    NO_ROLE = "no_role"
    """The user is an agent or admin, but the settings give none of their groups such a role."""
    REFUSED_BY_PROVIDER = "refused_by_provider"
    """The person cancelled, or the provider's response is not valid."""
    PROVIDER_UNAVAILABLE = "provider_unavailable"


class SignInRefused(Exception):
    def __init__(self, reason: SignInError) -> None:
        super().__init__(reason.value)
        self.reason = reason


async def find_or_create_account(
    provider: Provider,
    subject: str,
    claims: Json,
    origin: Origin,
    at: datetime,
    limits: RecordLimits,
    complete: Callable[[Identity, User], Awaitable[None]] | None = None,
) -> tuple[Identity, User]:
    """The identity with this subject and its user, both stored and updated. Raises SignInRefused.

    `origin` is that of the sign-in. The audit log gets an entry for each change. `complete` is
    called as the last step of the same transaction; if it raises an exception, nothing is stored.
    """
    profile = read_profile(provider, claims)

    async def run() -> tuple[Identity, User]:
        changes = RecordChanges(limits)
        await lock_directory(SYSTEM)
        identity, user = await find_or_create_identity(provider, subject, profile, changes, at)
        if not user.active:
            raise SignInRefused(SignInError.DEACTIVATED)
        if profile.groups is not None:
            if is_promotion(user.role, role_of(provider, profile.groups)):
                await end_earlier_access(changes, user, at, kept_identity=identity.id)
            await apply_groups(provider, profile.groups, user, changes, at)
        await storage.write(changes, origin, at)
        if complete is not None:
            await complete(identity, user)
        return identity, user

    try:
        return await database.run_in_transaction(run)
    except IntegrityError:  # a concurrent sign-in has created the identity or the user
        return await database.run_in_transaction(run)


async def find_or_create_identity(
    provider: Provider, subject: str, profile: Profile, changes: RecordChanges, at: datetime
) -> tuple[Identity, User]:
    """The identity with this subject, and its locked user. Raises SignInRefused.

    A new identity is linked to the customer with the same email address, or to a new one.
    """
    identity = await Identity.get_or_none(issuer=provider.issuer, subject=subject)
    if identity is not None:
        return identity, await lock_user(identity.user_id)
    user = await find_linkable_customer(profile)
    if user is None:
        user = await create_user(provider, profile, changes, at)
    else:
        user = await lock_user(user.id)
        if user.role is not Role.CUSTOMER:  # promoted in the meantime
            raise SignInRefused(SignInError.UNKNOWN_USER)
        max_identities = changes.limits.max_identities_per_user
        if await Identity.filter(user_id=user.id).count() >= max_identities:
            count_reached("identities")
            raise SignInRefused(SignInError.UNKNOWN_USER)
    identity = await Identity.create(
        issuer=provider.issuer, subject=subject, user_id=user.id, created_at=at
    )
    log_identity(changes, user, None, identity)
    return identity, user


def log_identity(
    changes: RecordChanges, user: User, before: Identity | None, after: Identity | None
) -> None:
    """Log a new or a removed identity as a change of its user."""
    old_claims = claims_of(before) if before is not None else None
    new_claims = claims_of(after) if after is not None else None
    changes.log(user, "identity", old_claims, new_claims)


async def find_linkable_customer(profile: Profile) -> User | None:
    """The customer with the profile's email address. Raises SignInRefused for a staff user.

    An email address in claims never gives access to the account of an agent or admin.
    """
    user = await User.get_or_none(email=profile.email) if profile.email else None
    if user is not None and user.role is not Role.CUSTOMER:
        raise SignInRefused(SignInError.UNKNOWN_USER)
    return user


async def create_user(
    provider: Provider, profile: Profile, changes: RecordChanges, at: datetime
) -> User:
    """Create a customer, in the organization with the domain of the email address, if any.

    Raises SignInRefused if the provider's settings don't permit it.
    """
    if not provider.create_users or profile.email is None:
        raise SignInRefused(SignInError.UNKNOWN_USER)
    return await users.insert_customer(changes, profile.email, profile.display_name, at)


async def apply_groups(
    provider: Provider, groups: Sequence[str], user: User, changes: RecordChanges, at: datetime
) -> None:
    """Give the user the role and the teams of the groups. Raises SignInRefused.

    If the groups have no role, a customer stays a customer. An agent or admin whose groups have no
    role, or only that of customers, is refused, not demoted, because a demotion would take their
    tickets and teams away. The last active admin who can sign in stays an admin.
    """
    has_new_role = False
    if provider.roles:
        role = role_of(provider, groups)
        if role in (None, Role.CUSTOMER) and user.role is not Role.CUSTOMER:
            raise SignInRefused(SignInError.NO_ROLE)
        if role is not None and not await is_last_admin(user, at):
            has_new_role = await changes.update(user, role=role)
    if provider.teams and user.role is not Role.CUSTOMER:
        teams = await select_teams(provider, groups, user, changes.limits)
        if await memberships.set_teams(changes, user, teams) and not has_new_role:
            await changes.raise_version(user)


async def select_teams(
    provider: Provider, groups: Sequence[str], user: User, limits: RecordLimits
) -> list[Team]:
    """The user's new teams.

    The groups decide about the active teams that the provider's settings name. The user stays in
    all other teams.

    If a limit on teams is reached, further teams are left out; the sign-in is not refused.
    """
    slugs = set(provider.teams.values())
    mapped = await Team.filter(slug__in=slugs, active=True).order_by("slug")
    report_unknown_teams(provider, slugs - {team.slug for team in mapped})
    wanted = [team for team in mapped if team.slug in teams_of(provider, groups)]
    current = await memberships.list_teams(user)
    kept = [team for team in current if team not in mapped or team in wanted]
    for team in wanted:
        if team in kept:
            continue
        if len(kept) >= limits.max_teams_per_user:
            count_reached("user_teams")
        elif await memberships.is_full(team.id, limits):
            count_reached("team_members")
        else:
            kept.append(team)
    return kept


def report_unknown_teams(provider: Provider, slugs: set[str]) -> None:
    """Log each slug of the settings that no active team has, once in this process."""
    for slug in sorted(slugs):
        if (provider.name, slug) not in reported_teams:
            reported_teams.add((provider.name, slug))
            log.warning("oidc.unknown_team", provider=provider.name, team=slug)
