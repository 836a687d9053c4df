"""Creates and changes organizations. Each function is part of the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict
from uuid import UUID

from models.access.viewer import Viewer
from models.core import ids, text
from models.core.errors import InvalidInput, UserErrorCode
from models.core.record_changes import RecordChanges, check_version
from models.directory.access import lock_directory
from models.people.domains import OrganizationDomain, clean_domains
from models.people.user import Organization


class OrganizationFields(TypedDict, total=False):
    name: str
    shared: bool
    external_id: str | None
    domains: Sequence[str]
    matches_domains: bool
    active: bool


async def create_organization(
    changes: RecordChanges, actor: Viewer, fields: OrganizationFields
) -> Organization:
    """Create an organization; the name is required. Raises InvalidInput."""
    await lock_directory(actor)
    return await insert_organization(changes, fields)


async def insert_organization(changes: RecordChanges, fields: OrganizationFields) -> Organization:
    """`create_organization` for a caller that has locked the directory."""
    if "name" not in fields:
        raise InvalidInput(UserErrorCode.REQUIRED, "is required for a new organization", "name")
    values = await clean_fields(fields, None)
    values.setdefault("matches_domains", not values.get("shared", False))
    organization = Organization(**values)
    max_domains = changes.limits.max_domains_per_organization
    domains = clean_domains(fields.get("domains", ()), "domains", max_domains=max_domains)
    await check_free(domains, organization)
    await changes.create(organization)
    await set_domains(changes, organization, domains)
    return organization


async def update_organization(
    changes: RecordChanges,
    actor: Viewer,
    organization_id: str,
    fields: OrganizationFields,
    expected_version: int | None = None,
) -> Organization:
    """Change, archive or restore an organization. Raises InvalidInput and StaleVersion."""
    await lock_directory(actor)
    key = ids.key_of(ids.ORGANIZATION, organization_id)
    rows = Organization.select_for_update(no_key=True)
    organization = await rows.get_or_none(id=key) if key else None
    if organization is None:
        raise not_found("organizationId")
    check_version(organization, expected_version)
    return await apply_fields(changes, organization, fields)


async def apply_fields(
    changes: RecordChanges, organization: Organization, fields: OrganizationFields
) -> Organization:
    """Set the fields of a locked organization. Raises InvalidInput."""
    values = await clean_fields(fields, organization)
    if fields.get("shared") and not organization.shared:
        # New members would see the tickets of all others, so an admin must ask for it.
        values.setdefault("matches_domains", False)
    domains = None
    if "domains" in fields:
        max_domains = changes.limits.max_domains_per_organization
        domains = clean_domains(fields["domains"], "domains", max_domains=max_domains)
        await check_free(domains, organization)
    has_changed = await changes.update(organization, **values)
    if domains is not None:
        has_other_domains = await set_domains(changes, organization, domains)
        if has_other_domains and not has_changed:
            await changes.raise_version(organization)
    return organization


async def upsert_organization(
    changes: RecordChanges, actor: Viewer, fields: OrganizationFields
) -> Organization:
    """Change the organization with the external id, or create one. Raises InvalidInput."""
    await lock_directory(actor)
    external_id = fields.get("external_id")
    if external_id is None:
        raise InvalidInput(UserErrorCode.REQUIRED, "must not be null", "externalId")
    rows = Organization.select_for_update(no_key=True)
    organization = await rows.get_or_none(external_id=text.clean_external_id(external_id))
    if organization is None:
        return await insert_organization(changes, fields)
    return await apply_fields(changes, organization, fields)


async def get_active_organization(key: UUID | None, *path: str) -> Organization:
    """The organization, which new users may join. Raises InvalidInput for the field `path`."""
    organization = await Organization.get_or_none(id=key) if key else None
    if organization is None:
        raise not_found(*path)
    if not organization.active:
        raise InvalidInput(UserErrorCode.INVALID, "must not be an archived organization", *path)
    return organization


def not_found(*path: str) -> InvalidInput:
    return InvalidInput(UserErrorCode.NOT_FOUND, "There is no such organization.", *path)


async def clean_fields(
    fields: OrganizationFields, organization: Organization | None
) -> dict[str, object]:
    """The columns to set, by name. Raises InvalidInput."""
    flags = ("shared", "matches_domains", "active")
    values: dict[str, object] = {name: value for name, value in fields.items() if name in flags}
    if "name" in fields:
        values["name"] = text.clean_line(fields["name"], "name", max_chars=text.MAX_NAME_CHARS)
    if "external_id" in fields:
        external_id = fields["external_id"]
        if external_id is not None:
            external_id = text.clean_external_id(external_id)
            owner = await Organization.get_or_none(external_id=external_id)
            if owner is not None and owner != organization:
                message = "Another organization has this external id."
                raise InvalidInput(UserErrorCode.TAKEN, message, "externalId")
        values["external_id"] = external_id
    return values


async def check_free(domains: Sequence[str], organization: Organization) -> None:
    """Raises InvalidInput TAKEN if one of the domains belongs to another organization."""
    others = OrganizationDomain.exclude(organization_id=organization.id)
    taken = await others.filter(domain__in=domains).order_by("domain").first()
    if taken is not None:
        message = f"Another organization has the domain {taken.domain}."
        raise InvalidInput(UserErrorCode.TAKEN, message, "domains")


async def set_domains(
    changes: RecordChanges, organization: Organization, domains: Sequence[str]
) -> bool:
    """Give the organization exactly these domains; returns whether that changes anything."""
    rows = await OrganizationDomain.filter(organization_id=organization.id).order_by("domain")
    before = [row.domain for row in rows]
    if before == list(domains):
        return False
    removed = set(before) - set(domains)
    await OrganizationDomain.filter(organization_id=organization.id, domain__in=removed).delete()
    for domain in domains:
        if domain not in before:
            await OrganizationDomain.create(organization_id=organization.id, domain=domain)
    changes.log(organization, "domains", before, list(domains))
    return True
