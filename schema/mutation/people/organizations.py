"""The mutations of organizations."""

from __future__ import annotations

from typing import Any

import strawberry

from models.access.permissions import MANAGE_CUSTOMERS
from resolvers.people import organizations
from schema.fields import mutation
from schema.mutation.errors import KEY_ERRORS, RECORD_ERRORS, ROWS
from schema.payloads.people.organizations import OrganizationPayload, UpsertOrganizationsPayload

RESULT = OrganizationPayload | None
FIELD_ERRORS = (
    "REQUIRED (name, externalId, domains)",
    "TOO_LONG (name, externalId, domains)",
    "INVALID (name, externalId, domains: not a domain, or of a public mail service; "
    "idempotencyKey)",
)


@strawberry.type
class OrganizationMutations:
    create_organization: Any = mutation(
        organizations.create_organization,
        MANAGE_CUSTOMERS,
        "Creates an organization. Several organizations may have the same name.",
        RESULT,
        errors=("TAKEN (externalId, domains)", *FIELD_ERRORS, *KEY_ERRORS),
    )
    update_organization: Any = mutation(
        organizations.update_organization,
        MANAGE_CUSTOMERS,
        "Changes, archives or restores an organization. If `shared` changes, open connections "
        "of its members apply it within seconds.",
        RESULT,
        errors=(
            "NOT_FOUND (organizationId)",
            "TAKEN (externalId, domains)",
            *FIELD_ERRORS,
            *RECORD_ERRORS,
        ),
    )
    upsert_organization: Any = mutation(
        organizations.upsert_organization,
        MANAGE_CUSTOMERS,
        "Changes the organization with the external id, or creates one. It does not restore an "
        "archived organization.",
        RESULT,
        errors=("TAKEN (domains)", *FIELD_ERRORS, *KEY_ERRORS),
    )
    upsert_organizations: Any = mutation(
        organizations.upsert_organizations,
        MANAGE_CUSTOMERS,
        f"Changes or creates up to 100 organizations, each as upsertOrganization does. {ROWS}",
        UpsertOrganizationsPayload | None,
        errors=(
            "INVALID (organizations: more than 100)",
            "in a result: the errors of upsertOrganization",
            "in a result: INVALID for the row, if an earlier row has the same external id",
        ),
    )
    archive_organization: Any = mutation(
        organizations.archive_organization,
        MANAGE_CUSTOMERS,
        "Archives an organization, so that no users can join it. Its members and tickets stay, "
        "and it keeps its domains.",
        RESULT,
        errors=(
            "NOT_FOUND (organizationId)",
            "INVALID (idempotencyKey)",
            *RECORD_ERRORS,
        ),
    )
