"""The settings that limit what clients can open, send, request, cause and store.

engine/limits/__init__.py has a table of all limits. settings/application.py has the others.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from models.core.record_limits import RecordLimits
from settings.base import PositiveInt, SettingsGroup, TimeoutSeconds


class LimitSettings(SettingsGroup):
    """The limits."""

    max_sign_in_attempts: Annotated[int, Field(ge=1, le=100_000)] = 10
    """The number of failed attempts to sign in to one account from one IPv4 address or IPv6 /64
    network, after which each further one must wait: 1 s, 2 s, up to 5 minutes. Six times as many
    for an account (up to 30 s), for an account from one IPv4 /24 or IPv6 /48 network, and for an
    address or network."""
    max_second_factor_attempts: Annotated[int, Field(ge=1, le=1_000)] = 5
    """The number of wrong codes of a user's second factor, after which each further attempt must
    wait: 1 s, 2 s, up to 5 minutes."""
    max_account_emails: Annotated[int, Field(ge=1, le=100_000)] = 5
    """The number of password resets and registrations for one email address, after which each
    further one must wait: 1 minute, 2 minutes, up to 1 hour. Six times as many from one IPv4
    address or IPv6 /64 network; 36 times as many from one IPv4 /24 or IPv6 /48 network, with delays
    of at most 1 minute."""
    max_connections: PositiveInt = 20_000
    """The maximum number of WebSockets and event streams per process."""
    max_connections_per_viewer: PositiveInt = 500
    """The maximum number of connections of one user or API client per process."""
    max_connections_per_address: PositiveInt = 2_000
    """The maximum number of connections from one IPv4 address or IPv6 /64 network per process."""
    max_http_connections: PositiveInt = 10_000
    """The maximum number of other HTTP connections per process. New connections
    are also refused when fewer than 128 file descriptors are left."""
    max_http_connections_per_address: PositiveInt = 1_000
    """The maximum number of other HTTP connections from one IPv4 address or IPv6 /64 network per
    process, and at most half of all. Connections of trusted proxies are not counted by address."""
    max_transfer_bytes: Annotated[int, Field(ge=65_536)] = 536_870_912
    """The maximum number of bytes per process of requests that arrive and of responses that wait
    for their clients, without the first 64 KiB of each."""
    max_transfer_bytes_per_address: Annotated[int, Field(ge=65_536)] = 134_217_728
    """The same for one IPv4 address or IPv6 /64 network. One response may be longer."""
    max_operations_per_socket: PositiveInt = 100
    """The maximum number of concurrent operations per WebSocket."""
    max_socket_frames_per_second: PositiveInt = 100
    """The maximum number of frames per second from one WebSocket, on average over 10 s: messages,
    fragments and control frames."""
    max_socket_bytes_per_second: Annotated[int, Field(ge=1024)] = 1_048_576
    """The maximum number of bytes per second that are read from one WebSocket, on average over
    10 s."""
    max_discarded_bytes: Annotated[int, Field(ge=0)] = 67_108_864
    """The maximum number of bytes that are discarded from a client that still sends after its last
    response."""
    max_subscriptions_per_viewer: PositiveInt = 5_000
    """The maximum number of open subscriptions of one viewer per process."""
    max_subscription_cost_per_viewer: PositiveInt = 10_000
    """The maximum cost of one event for the subscriptions of one viewer per process."""
    max_subscription_cost: PositiveInt = 200_000
    """The maximum cost of one event for all subscriptions of the process."""
    max_live_bytes_per_viewer: Annotated[int, Field(ge=1_000_000)] = 134_217_728
    """The maximum memory of one viewer's live lists and statistics per process, in bytes."""
    max_live_bytes: Annotated[int, Field(ge=1_000_000)] = 536_870_912
    """The maximum memory of all live lists and statistics per process, in bytes."""
    max_outbox_bytes: Annotated[int, Field(ge=1024)] = 1_048_576
    """The maximum number of bytes that wait for one client. A slower client is disconnected."""
    connection_init_timeout_seconds: TimeoutSeconds = 10
    """Seconds within which a WebSocket must send connection_init."""
    max_document_bytes: Annotated[int, Field(ge=256, le=1_048_576)] = 16_384
    """The maximum size of a document in bytes."""
    max_document_tokens: Annotated[int, Field(ge=50, le=100_000)] = 2_000
    """The maximum number of tokens in a document."""
    max_document_depth: Annotated[int, Field(ge=3, le=40)] = 12
    """The maximum depth of a selection; 20 for introspection."""
    max_document_aliases: Annotated[int, Field(ge=0, le=1_000)] = 30
    """The maximum number of aliases in an operation, with its fragments expanded."""
    max_document_root_fields: Annotated[int, Field(ge=1, le=1_000)] = 20
    """The maximum number of root fields."""
    max_document_field_repeats: Annotated[int, Field(ge=1, le=1_000)] = 40
    """The maximum number of times that one field may occur in one selection."""
    max_document_directives: Annotated[int, Field(ge=0, le=1_000)] = 50
    """The maximum number of directives in an operation."""
    max_document_fragments: Annotated[int, Field(ge=0, le=1_000)] = 60
    """The maximum number of fragments in a document."""
    max_document_operations: Annotated[int, Field(ge=1, le=1_000)] = 20
    """The maximum number of operations in a document."""
    max_operation_cost: Annotated[int, Field(ge=10, le=1_000_000)] = 5_000
    """The maximum cost of an operation. The type Query describes the costs."""
    max_operation_search_terms: Annotated[int, Field(ge=1, le=1_000)] = 16
    """The maximum number of words that all full-text searches of an operation have together."""
    cost_bucket_size: Annotated[int, Field(ge=0, le=100_000_000)] = 100_000
    """The cost that one user or API client, or the anonymous requests of one network address, may
    use at once, at least that of one operation. 0: no rate limit."""
    cost_refill_per_second: Annotated[int, Field(ge=1, le=1_000_000)] = 4_000
    """The cost that one user or API client, or one network address, regains per second."""
    max_report_days: Annotated[int, Field(ge=1, le=36_500)] = 400
    """The maximum number of days of a report."""
    max_live_list_tickets: Annotated[int, Field(ge=1, le=1_000_000)] = 10_000
    """The maximum number of tickets in a live list."""
    max_saved_views_per_person: Annotated[int, Field(ge=0, le=1_000)] = 100
    """The maximum number of personal saved views of one person."""
    max_saved_views_per_team: Annotated[int, Field(ge=0, le=1_000)] = 100
    """The maximum number of saved views of one team."""
    max_saved_views_for_everyone: Annotated[int, Field(ge=0, le=1_000)] = 100
    """The maximum number of saved views for everyone."""
    max_stored_filter_bytes: Annotated[int, Field(ge=256, le=262_144)] = 8_192
    """The maximum size of the filter of a saved view or of a retention policy, in bytes of JSON."""
    max_active_jobs_per_caller: Annotated[int, Field(ge=1, le=1_000)] = 20
    """The maximum number of jobs of one user or API client that wait or run."""
    max_running_jobs_per_caller: Annotated[int, Field(ge=1, le=100)] = 2
    """The maximum number of jobs of one user or API client that run at once. Others wait."""
    max_tickets_per_job: Annotated[int, Field(ge=1, le=1_000_000)] = 50_000
    """The maximum number of tickets of a job."""
    max_ended_jobs_per_caller: Annotated[int, Field(ge=1, le=10_000)] = 200
    """The maximum number of ended jobs of one user or API client that are kept. Further ones
    replace the oldest."""
    max_tickets_per_export: Annotated[int, Field(ge=1, le=10_000_000)] = 100_000
    """The maximum number of tickets of an export."""
    max_active_exports_per_caller: Annotated[int, Field(ge=1, le=100)] = 2
    """The maximum number of exports of one user or API client that wait or run."""
    max_stored_exports_per_caller: Annotated[int, Field(ge=1, le=1_000)] = 5
    """The maximum number of files of finished exports of one user or API client. Another one
    replaces the oldest."""
    max_export_bytes: Annotated[int, Field(ge=1_024, le=2_147_483_647)] = 2_147_483_647
    """The maximum size of the file of an export, in bytes."""
    max_macros_per_person: Annotated[int, Field(ge=0, le=1_000)] = 100
    """The maximum number of active personal macros of one person."""
    max_macros_per_team: Annotated[int, Field(ge=0, le=1_000)] = 100
    """The maximum number of active macros of one team."""
    max_macros_for_everyone: Annotated[int, Field(ge=0, le=1_000)] = 100
    """The maximum number of active macros for everyone."""
    max_macro_text_chars: Annotated[int, Field(ge=1, le=65_536)] = 20_000
    """The maximum length of the text of a macro, in characters."""
    max_macro_tags: Annotated[int, Field(ge=0, le=100)] = 20
    """The maximum number of tags that a macro adds, and of those that it removes."""
    max_custom_fields: Annotated[int, Field(ge=0, le=500)] = 100
    """The maximum number of active custom fields."""
    max_options_per_custom_field: Annotated[int, Field(ge=1, le=1_000)] = 200
    """The maximum number of options of a custom field, with archived ones."""
    max_custom_field_text_chars: Annotated[int, Field(ge=1, le=4_000)] = 500
    """The maximum length of the text in a custom field of a ticket, in characters."""
    max_custom_values_per_ticket: Annotated[int, Field(ge=0, le=500)] = 50
    """The maximum number of values of custom fields of one ticket."""
    max_retention_policies: Annotated[int, Field(ge=0, le=1_000)] = 50
    """The maximum number of retention policies."""
    min_retention_days: Annotated[int, Field(ge=1, le=36_500)] = 30
    """The minimum number of days for which retention policies keep the texts of closed tickets.
    It also applies to existing policies with a lower number."""
    max_wall_screens: Annotated[int, Field(ge=0, le=1_000)] = 50
    """The maximum number of wallboard screens that staff have approved."""
    max_webhooks_per_owner: Annotated[int, Field(ge=0, le=1_000)] = 20
    """The maximum number of webhooks of one user or API client."""
    max_webhooks: Annotated[int, Field(ge=0, le=1_000)] = 100
    """The maximum number of webhooks of all owners."""
    max_webhook_query_bytes: Annotated[int, Field(ge=16, le=65_536)] = 8_192
    """The maximum size of the query of a webhook, in bytes."""
    max_webhook_query_cost: Annotated[int, Field(ge=10, le=100_000)] = 1_000
    """The maximum cost of the query of a webhook, for each event."""
    max_webhook_body_bytes: Annotated[int, Field(ge=1_024, le=10_485_760)] = 262_144
    """The maximum size of the body of a webhook's request, in bytes. A longer one is not sent."""
    max_webhook_backlog: Annotated[int, Field(ge=10, le=1_000_000)] = 10_000
    """The number of unfinished deliveries of a webhook at which the server stops reading events
    for it, until some have ended. So no event is lost. As many failed deliveries are kept."""
    max_events_per_webhook_replay: Annotated[int, Field(ge=1, le=1_000_000)] = 10_000
    """The maximum number of events of one replay."""
    max_webhook_requests: Annotated[int, Field(ge=1, le=10_000)] = 400
    """The maximum number of requests that webhooks send at once."""
    max_webhook_requests_per_webhook: Annotated[int, Field(ge=1, le=100)] = 4
    """The maximum number of requests that one webhook sends at once. One target can then occupy
    only a part of all requests."""
    max_drafts_per_person: Annotated[int, Field(ge=1, le=100_000)] = 200
    """The maximum number of drafts of one person."""
    max_draft_chars: Annotated[int, Field(ge=1, le=65_536)] = 65_536
    """The maximum length of a draft, in characters."""
    max_attachment_bytes: Annotated[int, Field(ge=1, le=2_147_483_647)] = 26_214_400
    """The maximum size of an attached file, in bytes."""
    max_attachments_per_message: Annotated[int, Field(ge=0, le=100)] = 10
    """The maximum number of files of a reply, a note or the description of a ticket."""
    max_pending_attachments_per_person: Annotated[int, Field(ge=1, le=10_000)] = 50
    """The maximum number of files of one user or API client that are not attached yet."""
    max_pending_attachment_bytes_per_person: Annotated[int, Field(ge=1)] = 262_144_000
    """The maximum size of these files together, as declared, in bytes."""
    max_notifications_per_ticket: Annotated[int, Field(ge=1, le=10_000)] = 20
    """The maximum number of notifications, and of emails, of replies and notes that one person
    causes for another about one ticket in 10 minutes. Further ones are folded: one email with their
    number follows after 10 minutes."""
    max_notifications_per_type: Annotated[int, Field(ge=1, le=10_000)] = 5
    """The maximum number of notifications, and of emails, of each other type of event, such as a
    change of status, that one person causes for another about one ticket in 10 minutes."""
    max_tags_per_ticket: Annotated[int, Field(ge=1, le=200)] = 20
    """The maximum number of tags of a ticket."""
    max_resources_per_ticket: Annotated[int, Field(ge=1, le=1_000)] = 50
    """The maximum number of resources of a ticket."""
    max_links_per_ticket: Annotated[int, Field(ge=1, le=10_000)] = 200
    """The maximum number of links of a ticket."""
    max_watchers_per_ticket: Annotated[int, Field(ge=1, le=10_000)] = 200
    """The maximum number of customers who watch a ticket, and of agents and admins who do."""
    max_participants_per_ticket: Annotated[int, Field(ge=1, le=1_000)] = 50
    """The maximum number of participants of a ticket. A merge across requesters adds them, and
    so does addWatcher."""
    max_merged_tickets: Annotated[int, Field(ge=1, le=1_000)] = 100
    """The maximum number of tickets that are merged into a ticket. A merge locks all of them."""
    max_shared_tickets_per_user: Annotated[int, Field(ge=1, le=100_000)] = 1_000
    """The maximum number of tickets in which a user participates. Each request of the user reads
    them."""
    max_shared_tickets_per_organization: Annotated[int, Field(ge=1, le=10_000)] = 200
    """The maximum number of tickets that are shared with an organization one by one. Each request
    of its customers reads them."""
    max_read_marks_per_user: Annotated[int, Field(ge=1, le=1_000_000)] = 10_000
    """The maximum number of read marks of a user. Further ones replace the oldest."""
    max_domains_per_organization: Annotated[int, Field(ge=1, le=1_000)] = 50
    """The maximum number of email domains of an organization."""
    max_teams: Annotated[int, Field(ge=1, le=10_000)] = 200
    """The maximum number of active teams."""
    max_members_per_team: Annotated[int, Field(ge=1, le=100_000)] = 1_000
    """The maximum number of members of a team."""
    max_teams_per_user: Annotated[int, Field(ge=1, le=10_000)] = 100
    """The maximum number of teams of a user."""
    max_categories: Annotated[int, Field(ge=1, le=10_000)] = 500
    """The maximum number of active categories."""
    max_api_clients: Annotated[int, Field(ge=1, le=10_000)] = 200
    """The maximum number of active API clients."""
    max_api_tokens_per_owner: Annotated[int, Field(ge=1, le=10_000)] = 100
    """The maximum number of live API tokens of a user or API client."""
    max_sessions_per_user: Annotated[int, Field(ge=1, le=10_000)] = 100
    """The maximum number of live sessions of a user. Another sign-in ends the oldest."""
    max_jwts_per_user: Annotated[int, Field(ge=1, le=10_000)] = 100
    """The maximum number of an identity provider's JWTs that are stored for a user. Another one
    replaces the oldest, which is checked again when it is sent."""
    max_identities_per_user: Annotated[int, Field(ge=1, le=1_000)] = 10
    """The maximum number of a user's identities at identity providers."""
    max_sla_policies: Annotated[int, Field(ge=1, le=10_000)] = 200
    """The maximum number of active SLA policies."""
    max_sla_calendars: Annotated[int, Field(ge=1, le=10_000)] = 100
    """The maximum number of active SLA calendars."""
    max_holidays_per_calendar: Annotated[int, Field(ge=0, le=10_000)] = 1_000
    """The maximum number of holidays of an SLA calendar."""
    max_escalation_paths: Annotated[int, Field(ge=1, le=10_000)] = 100
    """The maximum number of active escalation paths."""
    max_steps_per_escalation_path: Annotated[int, Field(ge=1, le=1_000)] = 20
    """The maximum number of steps of an escalation path."""
    max_presence_windows_per_user: Annotated[int, Field(ge=1, le=10_000)] = 50
    """The maximum number of browser windows in which a user can look at tickets or write replies at
    once. Another window replaces the oldest."""

    @field_validator("cost_bucket_size")
    @classmethod
    def check_cost_bucket_size(cls, value: int, info: ValidationInfo) -> int:
        max_cost = info.data.get("max_operation_cost", 0)
        if value and value < max_cost:
            raise ValueError(
                f"use 0, or at least TICKETWIRE_MAX_OPERATION_COST, which is {max_cost}"
            )
        return value

    @property
    def record_limits(self) -> RecordLimits:
        return RecordLimits(
            **{each.name: getattr(self, each.name) for each in fields(RecordLimits)}
        )
