"""Every column that holds text, and every kind of file: what they hold of people, and how the
erasure of a person treats them.

A test fails if a column of a table or a kind of file is missing here. So a new one needs a
decision.
"""

from __future__ import annotations

from enum import Enum


class Holding(Enum):
    """What a column of text holds."""

    MESSAGE = "message"
    """The text of a message, or the words of it. `redactMessage` replaces it."""
    REQUEST = "request"
    """What people write about a request, besides messages."""
    PERSON = "person"
    """Who a person is: names, addresses, keys of other systems."""
    TRACE = "trace"
    """What a person or their network did. It expires with its row."""
    DIGEST = "digest"
    """A digest or an encrypted value, from which the text can't be read."""
    SETTING = "setting"
    """What administrators write, about no customer."""
    TECHNICAL = "technical"
    """Keys, names of the program's own and other values that nobody writes."""


COLUMNS: dict[Holding, frozenset[str]] = {
    Holding.MESSAGE: frozenset({"messages.body", "messages.body_words"}),
    Holding.REQUEST: frozenset(
        {
            *("tickets.external_id", "tickets.subject", "tickets.description"),
            *("tickets.resolution", "tickets.satisfaction_comment", "tickets.subject_words"),
            *("tickets.description_words", "tickets.tag_words", "ticket_tags.name"),
            *("ticket_tags.key", "ticket_resources.external_id", "ticket_resources.name"),
            *("ticket_resources.kind", "attachments.filename", "events.data"),
            *("caller_jobs.parameters", "caller_job_tickets.changes"),
            *("caller_job_tickets.previous", "caller_job_tickets.message", "drafts.body"),
            *("ticket_custom_values.stored_text", "webhook_deliveries.body"),
        }
    ),
    Holding.PERSON: frozenset(
        {
            *("users.email", "users.display_name", "users.external_id", "users.name_words"),
            *("users.locale", "users.time_zone", "organizations.name"),
            *("organizations.external_id", "organization_domains.domain"),
            *("directory_events.data", "audit_entries.changes", "identities.subject"),
            *("account_links.email", "account_links.display_name", "mails.address"),
            "mails.answer",
        }
    ),
    Holding.TRACE: frozenset(
        {
            *("tokens.address", "tokens.user_agent", "audit_entries.address"),
            *("sign_in_attempts.key", "presences.client_key", "provider_logouts.subject"),
            *("readers.last_error", "idempotency_keys.key", "webhook_deliveries.last_error"),
            *("webhook_attempts.response", "webhook_attempts.error"),
            *("wall_pairings.network", "wall_pairings.wide_network"),
        }
    ),
    Holding.DIGEST: frozenset(
        {
            *("users.password_hash", "tokens.digest", "sign_in_codes.digest"),
            *("sign_in_codes.challenge", "provider_logouts.jti_digest", "account_links.digests"),
            *("second_factors.secret", "second_factors.recovery_digests"),
            *("idempotency_keys.digest", "wall_screens.digest", "wall_pairings.digest"),
            "wall_pairings.code_digest",
            *("webhooks.secret", "webhooks.previous_secret"),
        }
    ),
    Holding.SETTING: frozenset(
        {
            *("api_clients.display_name", "teams.slug", "teams.name", "categories.slug"),
            *("categories.name", "tokens.name", "sla_calendars.name", "sla_calendars.time_zone"),
            *("sla_calendars.week", "sla_calendars.holidays", "sla_policies.name"),
            *("escalation_paths.name", "escalation_paths.steps", "escalation_runs.steps"),
            *("saved_views.name", "saved_views.ticket_filter", "saved_views.order_by"),
            *("saved_views.columns", "macros.name", "macros.text", "macros.add_tags"),
            *("macros.remove_tags", "macros.custom_fields", "custom_fields.key"),
            *("retention_policies.name", "retention_policies.ticket_filter"),
            *("custom_fields.label", "custom_fields.options", "custom_fields.categories"),
            "wall_screens.name",
            *("webhooks.url", "webhooks.ticket_filter", "webhooks.query"),
            "webhook_attempts.request",
        }
    ),
    Holding.TECHNICAL: frozenset(
        {
            *("tickets.external_scope", "tickets.sla_terms", "attachments.content_type"),
            *("attachments.sha256", "identities.issuer", "sign_in_codes.provider_session"),
            *("provider_logouts.issuer", "provider_logouts.session", "tokens.prefix"),
            *("tokens.scopes", "tokens.provider_session", "idempotency_keys.caller"),
            *("idempotency_keys.mutation", "sla_terms.id", "sla_terms.data"),
            *("sla_policies.terms", "sla_clocks.terms", "mails.template", "mails.message_id"),
            *("mails.claimed_by", "readers.name", "readers.holder", "caller_jobs.scopes"),
            *("audit_entries.action", "audit_entries.request_id", "attachments.declared_sha256"),
            *("attachments.storage_key", "attachments.thumbnail_key"),
            *("caller_jobs.export_key", "caller_jobs.export_sha256", "export_parts.storage_key"),
            *("caller_jobs.report", "webhooks.scopes", "webhooks.types"),
            *("webhook_deliveries.claimed_by", "webhook_deliveries.body_scopes"),
            "ticket_counts.status",
        }
    ),
}
"""The columns by what they hold. The full-text indexes are derived from the columns of words."""


class Treatment(Enum):
    """How the erasure of a person treats a column. Decision 0037 has the reasons."""

    TICKET = "ticket"
    """Rewritten ticket by ticket (models/erasure/ticket_erasure.py): the person's own texts are
    replaced, and the person's name and address in the texts of others."""
    ACCOUNT = "account"
    """Replaced, or deleted with its row, when the account is erased (models/erasure/account.py)."""
    SEARCHED = "searched"
    """The person's rows are replaced, and the address is in all rows (models/erasure/tables.py)."""
    DERIVED = "derived"
    """The words of another column. They change with it."""
    EXPIRES = "expires"
    """A digest of an address or account, or a key that a viewer chose. It expires within days, or
    with the session or screen whose secret it is the digest of."""
    KEPT = "kept"
    """Kept, because it belongs to an organization or a setting, and must stay unique. The report of
    the erasure counts the rows with the person's address."""


TREATMENTS: dict[Treatment, frozenset[str]] = {
    Treatment.TICKET: frozenset(
        {
            *("messages.body", "tickets.external_id", "tickets.subject", "tickets.description"),
            *("tickets.resolution", "tickets.satisfaction_comment", "ticket_tags.name"),
            *("ticket_resources.external_id", "ticket_resources.name", "ticket_resources.kind"),
            *("attachments.filename", "events.data", "caller_job_tickets.changes"),
            *("caller_job_tickets.previous", "caller_job_tickets.message"),
            "ticket_custom_values.stored_text",
        }
    ),
    Treatment.ACCOUNT: frozenset(
        {
            *("users.email", "users.display_name", "users.external_id", "users.locale"),
            *("users.time_zone", "users.password_hash", "identities.subject"),
            *("account_links.email", "account_links.display_name", "account_links.digests"),
            *("tokens.name", "tokens.address", "tokens.user_agent", "presences.client_key"),
            *("second_factors.secret", "second_factors.recovery_digests"),
            *("sign_in_codes.digest", "sign_in_codes.challenge"),
            *("webhooks.secret", "webhooks.previous_secret"),
        }
    ),
    Treatment.SEARCHED: frozenset(
        {
            *("directory_events.data", "audit_entries.changes", "audit_entries.address"),
            *("mails.address", "mails.answer", "readers.last_error", "caller_jobs.parameters"),
            *("teams.name", "categories.name", "sla_calendars.name", "sla_calendars.week"),
            *("sla_calendars.holidays", "sla_policies.name", "escalation_paths.name"),
            *("escalation_paths.steps", "escalation_runs.steps", "saved_views.name"),
            *("saved_views.ticket_filter", "saved_views.order_by", "saved_views.columns"),
            *("macros.name", "macros.text", "macros.add_tags", "macros.remove_tags"),
            *("macros.custom_fields", "custom_fields.label", "custom_fields.options"),
            *("retention_policies.name", "retention_policies.ticket_filter", "drafts.body"),
            "wall_screens.name",
            *("webhooks.ticket_filter", "webhooks.query", "webhook_deliveries.body"),
            *("webhook_deliveries.last_error", "webhook_attempts.response"),
            *("webhook_attempts.request", "webhook_attempts.error"),
        }
    ),
    Treatment.DERIVED: frozenset(
        {
            *("messages.body_words", "tickets.subject_words", "tickets.description_words"),
            *("tickets.tag_words", "ticket_tags.key", "users.name_words"),
        }
    ),
    Treatment.EXPIRES: frozenset(
        {
            *("sign_in_attempts.key", "provider_logouts.subject", "provider_logouts.jti_digest"),
            *("tokens.digest", "idempotency_keys.digest", "idempotency_keys.key"),
            *("wall_pairings.digest", "wall_pairings.code_digest", "wall_screens.digest"),
            *("wall_pairings.network", "wall_pairings.wide_network"),
        }
    ),
    Treatment.KEPT: frozenset(
        {
            *("organizations.name", "organizations.external_id", "organization_domains.domain"),
            *("api_clients.display_name", "teams.slug", "categories.slug"),
            *("sla_calendars.time_zone", "custom_fields.key", "custom_fields.categories"),
            "webhooks.url",
        }
    ),
}
"""How the erasure of a person treats each column that is not TECHNICAL."""


class FileTreatment(Enum):
    """How the erasure of a person treats the files of a kind in the storage."""

    DELETED = "deleted"
    """Deleted with their thumbnails soon after the transaction that erases their attachments
    (models/files/cleanup.py)."""
    OUTDATED = "outdated"
    """They can't be downloaded after the erasure has begun, and are deleted within a minute
    (models/exports/redactions.py). A running export begins again."""
    EXPIRES = "expires"
    """Deleted within two days, and shown to nobody before (models/files/cleanup.py)."""


FILES: dict[str, FileTreatment] = {
    "files/": FileTreatment.DELETED,
    "exports/": FileTreatment.OUTDATED,
    "quarantine/": FileTreatment.EXPIRES,
}
"""The kinds of files, by the beginning of their keys (FileKind in models/files/store.py)."""
