"""Builds the parts of a server process, as the settings say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from operator import attrgetter

from engine.bus.log_tail import LogTail
from engine.bus.wakeup import WakeupBus
from engine.execution.plans import Planner
from engine.fanout.group import SubscriptionGroups
from engine.fanout.scheduler import GroupScheduler
from engine.fanout.services import ConnectionServices
from engine.graphql.document_limits import DocumentLimits
from engine.graphql.persisted_documents import PersistedDocuments, load_manifest
from engine.http.compression import Compressor
from engine.limits.connections import ConnectionRegistry
from engine.limits.memory import MemoryBudget
from engine.limits.open_connections import OpenConnections
from engine.limits.rate import LeakyBuckets
from engine.limits.subscriptions import SubscriptionBudgets
from engine.limits.transfers import TransferBudget
from engine.server.traffic import TrafficLimits
from engine.session_cookie import SessionCookie
from models.access.scopes import CallerKind
from models.core import time
from models.core.errors import explain_error
from models.core.query_cost import CHARGE, TRY_CHARGE
from models.core.secrets import SecretStore, parse_keys
from models.database.fair_share import CALLER
from models.database.outage import is_outage
from models.demo_clock import DemoClock
from models.exports.source import TicketSource
from models.log import event
from models.log.event import LogEntry
from models.notifications import notification
from models.notifications.account_mail import AccountMails
from models.notifications.notification import Notification
from models.oidc.registry import IdentityProviders
from models.people.account_limits import AccountEmailLimits, CodeExchangeLimits, SecondFactorLimits
from models.people.password import PasswordChecker
from models.people.sign_in_limits import SignInLimits
from models.queries.logs import event_log
from models.queries.text_search import search
from models.webhook_deliveries.payload_source import PayloadSource
from resolvers.auth.jwt_checks import JwtChecks
from resolvers.auth.viewer_registry import ViewerRegistry
from resolvers.context import Context, ResolverSettings, Services
from resolvers.exports.ticket_source import GraphQLTicketSource
from resolvers.people.browser_sessions import SIGN_IN_DOCUMENTS, SIGN_IN_PATH
from resolvers.services.account_services import AccountServices
from resolvers.services.presence_tail import PresenceTail
from resolvers.services.webhook_services import WebhookServices
from schema import root
from schema.records import record_types
from services.auth_hooks import actor_id, build_auth_hooks, head_cursor, token_key, viewer_key
from services.files import build_file_services
from services.limits import (
    build_connection_limits,
    build_document_limits,
    build_open_connections,
    build_traffic_limits,
)
from services.webhooks import build_payload_source, build_webhook_client
from settings.application import Settings, build_timer_settings
from workers.mail.address import parse_mailbox

MAX_TAIL_BATCH = 1000
"""The maximum number of events or notifications that a log tail reads at once."""
EXPORT_DOCUMENT_LIMITS = DocumentLimits(tokens=4000, merged_selections=100)
"""For the documents of exports, which the server itself wrote."""
MAX_EXPORT_READ_COST = 10_000_000
EXPORT_READ_TIMEOUT_SECONDS = 60.0
MAX_RECENT_NOTIFICATIONS = 2000
"""The newest notifications that stay in memory, about 1.2 KB each. Older ones are read again."""


@dataclass(frozen=True, slots=True)
class Components:
    """The parts of one server process."""

    settings: Settings
    wakeup: WakeupBus
    viewers: ViewerRegistry
    services: Services
    tickets: TicketSource
    webhook_payloads: PayloadSource
    connections: ConnectionServices
    traffic: TrafficLimits
    open_connections: OpenConnections
    transfers: TransferBudget
    compressor: Compressor | None


def build_components(settings: Settings, now: Callable[[], datetime] | None) -> Components:
    """Build the parts of a server process. `now` replaces the clock."""
    wakeup = WakeupBus(settings.bus_url)
    demo_clock = DemoClock() if settings.is_demo and now is None else None
    now = demo_clock or now or time.now
    viewers = ViewerRegistry(now)
    services = build_services(settings, wakeup, viewers, now, demo_clock)
    webhook_payloads = build_payload_source(settings, services)
    services.webhooks.payloads = webhook_payloads
    schema = build_schema(settings)
    cookie = SessionCookie.of_url(settings.api_url)
    hooks = build_auth_hooks(services, viewers, JwtChecks(schema.buckets), cookie)
    connections = ConnectionServices(
        schema,
        hooks,
        SubscriptionGroups(GroupScheduler(schema.buckets, CALLER.set, CHARGE.set)),
        ConnectionRegistry(build_connection_limits(settings), hooks.viewer_key),
    )
    open_connections = build_open_connections(settings)
    return Components(
        settings,
        wakeup,
        viewers,
        services,
        build_ticket_source(settings, services),
        webhook_payloads,
        connections,
        build_traffic_limits(settings, open_connections),
        open_connections,
        TransferBudget(settings.max_transfer_bytes_per_address, settings.max_transfer_bytes),
        Compressor() if settings.compress_responses else None,
    )


def build_services(
    settings: Settings,
    wakeup: WakeupBus,
    viewers: ViewerRegistry,
    now: Callable[[], datetime],
    demo_clock: DemoClock | None,
) -> Services:
    """Build the services that resolvers use."""
    return Services(
        settings=ResolverSettings(
            reopen_window=settings.reopen_window,
            session_length=settings.session_length,
            max_live_list_tickets=settings.max_live_list_tickets,
            timers=build_timer_settings(settings),
            limits=settings.record_limits,
            max_report_days=settings.max_report_days,
        ),
        now=now,
        wakeup=wakeup,
        event_tail=build_event_tail(wakeup, viewers),
        notification_tail=build_notification_tail(wakeup, viewers),
        presence=PresenceTail(wakeup.listen(), now, refresh_permissions=viewers.refresh),
        passwords=PasswordChecker(),
        sign_in_limits=SignInLimits(settings.max_sign_in_attempts),
        viewers=viewers,
        accounts=build_account_services(settings),
        files=build_file_services(settings),
        webhooks=WebhookServices(build_webhook_client(settings)),
        identity_providers=build_identity_providers(settings),
        demo_clock=demo_clock,
        live_memory=MemoryBudget(settings.max_live_bytes_per_viewer, settings.max_live_bytes),
    )


def build_account_services(settings: Settings) -> AccountServices:
    """Build the services and settings of accounts."""
    return AccountServices(
        AccountMails(parse_mailbox(settings.mail_from).domain, settings.public_url),
        SecretStore(parse_keys(settings.encryption_keys), settings.key_file),
        AccountEmailLimits(settings.max_account_emails),
        CodeExchangeLimits(settings.max_sign_in_attempts),
        SecondFactorLimits(settings.max_second_factor_attempts),
        password_reset_lifetime=settings.password_reset_lifetime,
        invitation_lifetime=settings.invitation_lifetime,
        token_grace=settings.token_grace,
        has_self_registration=settings.self_registration,
        requires_second_factor=settings.require_second_factor,
    )


def build_identity_providers(settings: Settings) -> IdentityProviders:
    return IdentityProviders(
        settings.identity_providers,
        callback_base=settings.api_url or settings.public_url,
        redirect_urls=settings.sign_in_redirect_urls + own_sign_in_pages(settings),
        leeway=timedelta(seconds=settings.jwt_leeway_seconds),
        allow_http=settings.allow_http_providers,
        allowed_networks=settings.allowed_networks,
        limits=settings.record_limits,
    )


def own_sign_in_pages(settings: Settings) -> list[str]:
    """The URL of the sign-in page that this server has itself, if its own URL is known."""
    origin = SessionCookie.of_url(settings.api_url).own_origin
    return [origin + SIGN_IN_PATH] if origin else []


def build_event_tail(wakeup: WakeupBus, viewers: ViewerRegistry) -> LogTail[LogEntry]:
    read = partial(event_log.read_log, limit=MAX_TAIL_BATCH)
    return LogTail(
        read,
        attrgetter("position"),
        wakeup.listen(),
        refresh=viewers.refresh,
        outdates_earlier=event.is_rewriting_event,
    )


def build_notification_tail(wakeup: WakeupBus, viewers: ViewerRegistry) -> LogTail[Notification]:
    async def read(number: int) -> list[Notification]:
        return await notification.read_notifications_after(number, MAX_TAIL_BATCH)

    return LogTail(
        read,
        attrgetter("number"),
        wakeup.listen(),
        refresh=viewers.refresh,
        max_recent=MAX_RECENT_NOTIFICATIONS,
    )


def build_schema(settings: Settings) -> root.Schema:
    """Build the executable schema with its limits and, unless switched off, compiled plans."""

    def is_schema_hidden(context: Context) -> bool:
        if settings.schema_visibility == "authenticated":
            return context.viewer.caller_kind is CallerKind.ANONYMOUS
        return settings.schema_visibility == "disabled"

    documents = load_manifest(settings.trusted_documents) if settings.trusted_documents else None
    schema = root.build(
        explain_error=explain_error,
        is_outage=is_outage,
        is_schema_hidden=is_schema_hidden,
        viewer_key=viewer_key,
        token_key=token_key,
        actor_id=actor_id,
        head_cursor=head_cursor,
        document_limits=build_document_limits(settings),
        max_cost=settings.max_operation_cost,
        max_search_words=settings.max_operation_search_terms,
        count_words=search.count_words,
        buckets=LeakyBuckets(settings.cost_bucket_size, settings.cost_refill_per_second),
        persisted_documents=PersistedDocuments(documents, SIGN_IN_DOCUMENTS),
        timeout_seconds=settings.operation_timeout_seconds,
        set_caller=CALLER.set,
        set_charge=CHARGE.set,
        set_try_charge=TRY_CHARGE.set,
        subscription_budgets=SubscriptionBudgets(
            settings.max_subscriptions_per_viewer,
            settings.max_subscription_cost_per_viewer,
            settings.max_subscription_cost,
        ),
    )
    if settings.compiled_plans != "none":
        at_once = settings.compiled_plans == "all"
        schema.planner = Planner(schema, record_types.SCHEMA_MAP, compile_at_once=at_once)
    return schema


def build_ticket_source(settings: Settings, services: Services) -> TicketSource:
    """Build what exports read tickets with: the schema, without the limits of callers."""
    schema = root.build(
        explain_error=explain_error,
        is_outage=is_outage,
        viewer_key=viewer_key,
        document_limits=EXPORT_DOCUMENT_LIMITS,
        max_cost=MAX_EXPORT_READ_COST,
        timeout_seconds=EXPORT_READ_TIMEOUT_SECONDS,
    )
    if settings.compiled_plans != "none":
        schema.planner = Planner(schema, record_types.SCHEMA_MAP, compile_at_once=True)
    return GraphQLTicketSource(schema, lambda viewer: Context(services, "export", "", viewer))
