"""How many records users may store. Each limit is a setting of the same name in settings/limits.py.

A refused mutation names its limit in `Refusal.limit_name`, which the mutation counts for a metric.
Limits that refuse nothing, or no mutation, are counted here.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

REACHED: Counter[str] = Counter()
"""How often this process has reached a limit without a user error, by the name of the limit."""


@dataclass(frozen=True)
class RecordLimits:
    """The defaults are those of the settings."""

    max_tags_per_ticket: int = 20
    max_resources_per_ticket: int = 50
    max_links_per_ticket: int = 200
    max_watchers_per_ticket: int = 200
    max_participants_per_ticket: int = 50
    max_merged_tickets: int = 100
    max_shared_tickets_per_user: int = 1000
    max_shared_tickets_per_organization: int = 200
    max_read_marks_per_user: int = 10_000
    max_domains_per_organization: int = 50
    max_teams: int = 200
    max_members_per_team: int = 1000
    max_teams_per_user: int = 100
    max_categories: int = 500
    max_api_clients: int = 200
    max_api_tokens_per_owner: int = 100
    max_sessions_per_user: int = 100
    max_jwts_per_user: int = 100
    max_identities_per_user: int = 10
    max_saved_views_per_person: int = 100
    max_saved_views_per_team: int = 100
    max_saved_views_for_everyone: int = 100
    max_stored_filter_bytes: int = 8192
    max_sla_policies: int = 200
    max_sla_calendars: int = 100
    max_holidays_per_calendar: int = 1000
    max_escalation_paths: int = 100
    max_steps_per_escalation_path: int = 20
    max_presence_windows_per_user: int = 50
    max_active_jobs_per_caller: int = 20
    max_running_jobs_per_caller: int = 2
    max_tickets_per_job: int = 50_000
    max_ended_jobs_per_caller: int = 200
    max_tickets_per_export: int = 100_000
    max_active_exports_per_caller: int = 2
    max_stored_exports_per_caller: int = 5
    max_export_bytes: int = 2**31 - 1
    max_macros_per_person: int = 100
    max_macros_per_team: int = 100
    max_macros_for_everyone: int = 100
    max_macro_text_chars: int = 20_000
    max_macro_tags: int = 20
    max_custom_fields: int = 100
    max_options_per_custom_field: int = 200
    max_custom_field_text_chars: int = 500
    max_custom_values_per_ticket: int = 50
    max_retention_policies: int = 50
    min_retention_days: int = 30
    max_wall_screens: int = 50
    max_webhooks_per_owner: int = 20
    max_webhooks: int = 100
    max_webhook_query_bytes: int = 8192
    max_webhook_query_cost: int = 1000
    max_webhook_body_bytes: int = 262_144
    max_webhook_backlog: int = 10_000
    max_events_per_webhook_replay: int = 10_000
    max_drafts_per_person: int = 200
    max_draft_chars: int = 65_536
    max_attachment_bytes: int = 26_214_400
    max_attachments_per_message: int = 10
    max_pending_attachments_per_person: int = 50
    max_pending_attachment_bytes_per_person: int = 262_144_000


DEFAULT_LIMITS = RecordLimits()


def count_reached(limit: str, times: int = 1) -> None:
    """Count records that were refused, ended or deleted because of a limit."""
    REACHED[limit] += times
