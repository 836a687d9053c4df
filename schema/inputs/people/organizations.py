"""Inputs of the mutations for organizations."""

from __future__ import annotations

import strawberry

from schema.inputs.fields import (
    KEEP,
    KEEP_OR_REMOVE,
    NAME,
    RECORD_IDEMPOTENCY_KEY,
    RECORD_VERSION,
    optional,
    required,
)

SHARED = "Whether the members see each other's tickets."
EXTERNAL_ID = "The integrator's own key for the organization, 1 to 255 characters. It is unique."
DOMAINS = (
    "The email domains of the organization in ASCII, such as example.com; by default at most "
    "50. A domain does not include its subdomains. It belongs to one organization at most. Public "
    "mail domains are refused."
)
MATCHES_DOMAINS = (
    "Whether a new customer with a verified email address at one of the domains becomes a member. "
    "In a shared organization, such members see the tickets of all others."
)
MATCHES_BY_DEFAULT = "Absent or null: true unless the organization is shared."
UNTIL_SHARED = "An organization that becomes shared stops matching, unless this is true."
ACTIVE = (
    "Whether the organization is active. True restores an archived organization, false archives it."
)
ORGANIZATION_ROW = "An organization to create or change, identified by its external id."


@strawberry.input(description="A new organization.")
class CreateOrganizationInput:
    name: str = required(f"The name of the organization. {NAME}")
    shared: bool | None = optional(f"{SHARED} Absent or null: false.")
    external_id: str | None = optional(f"{EXTERNAL_ID} Null: none.")
    domains: list[str] | None = optional(f"{DOMAINS} Null: none.")
    matches_domains: bool | None = optional(f"{MATCHES_DOMAINS} {MATCHES_BY_DEFAULT}")
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(description="Changes to an organization.")
class UpdateOrganizationInput:
    organization_id: strawberry.ID = required("The id of the organization.")
    name: str | None = optional(f"The new name. {NAME} {KEEP}")
    shared: bool | None = optional(f"{SHARED} {KEEP}")
    external_id: str | None = optional(f"{EXTERNAL_ID} {KEEP_OR_REMOVE}", strawberry.UNSET)
    domains: list[str] | None = optional(f"{DOMAINS} {KEEP}")
    matches_domains: bool | None = optional(f"{MATCHES_DOMAINS} {KEEP} {UNTIL_SHARED}")
    active: bool | None = optional(f"{ACTIVE} {KEEP}")
    expected_version: int | None = optional(RECORD_VERSION)
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(description=ORGANIZATION_ROW)
class OrganizationRowInput:
    external_id: str = required(EXTERNAL_ID)
    name: str | None = optional(f"The name. {NAME} {KEEP} Required for a new organization.")
    shared: bool | None = optional(f"{SHARED} {KEEP} A new organization is not shared.")
    domains: list[str] | None = optional(f"{DOMAINS} {KEEP}")
    matches_domains: bool | None = optional(
        f"{MATCHES_DOMAINS} {KEEP} A new organization matches unless it is shared. {UNTIL_SHARED}"
    )


@strawberry.input(description=ORGANIZATION_ROW)
class UpsertOrganizationInput(OrganizationRowInput):
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(
    description="Organizations to create or change, each in a transaction of its own."
)
class UpsertOrganizationsInput:
    organizations: list[OrganizationRowInput] = required(
        "The organizations, at most 100, in the order of processing."
    )


@strawberry.input(description="An organization to archive.")
class ArchiveOrganizationInput:
    organization_id: strawberry.ID = required("The id of the organization.")
    expected_version: int | None = optional(RECORD_VERSION)
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)
