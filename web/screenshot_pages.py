"""The pages of which web/screenshots.py takes pictures. screenshot_states.py brings them into their
states."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from playwright.async_api import Page
from screenshot_states import (
    create_token,
    cut_wall_off,
    fail,
    fail_portal,
    leave_changes,
    list_webhooks,
    open_account,
    open_agent,
    open_audit_entry,
    open_first,
    open_first_card,
    open_first_record,
    open_notifications,
    open_palette,
    open_settings,
    open_solved_card,
    open_webhook,
    pair_wall,
    read_report,
    refuse_sign_in,
    refuse_team,
    scroll_report,
    select_rows,
    try_webhook,
    turn_wall,
    wait_for_code,
    wait_for_nothing,
    wait_for_rows,
    wait_for_timeline,
    write_form,
    write_note,
    write_offline,
    write_reply_offline,
    write_subject,
)

SIZES = {
    "wide": (1440, 900),
    "medium": (700, 900),
    "phone": (390, 844),
    "wall": (1920, 1080),
    "small-wall": (960, 540),
}
USUAL_SIZES = ("wide", "medium", "phone")
WALL_SIZES = ("wall", "small-wall", "phone")
AGENT = "agent@example.com"
CUSTOMER = "customer@example.com"
ADMIN = "admin@example.com"

Prepare = Callable[[Page], Awaitable[None]]


@dataclass(frozen=True)
class Shot:
    """A page in one state.

    name     the name of the picture
    path     the path of the page
    prepare  brings the page into the state
    email    the account; None for nobody
    sizes    the names of the sizes
    locale   the language of the browser
    """

    name: str
    path: str
    prepare: Prepare
    email: str | None = AGENT
    sizes: tuple[str, ...] = USUAL_SIZES
    locale: str = "en-GB"


LISTS = (
    *("organizations", "categories", "fields", "macros", "retention", "calendars"),
    *("escalation", "clients", "tokens"),
)
"""The sections of the administration whose lists have no picture of their own below."""
FORMS = (
    *("people", "organizations", "categories", "fields", "macros", "views", "retention"),
    *("calendars", "sla", "escalation", "clients"),
)
"""The sections of the administration whose empty forms have no picture of their own below."""
SHOTS = (
    Shot("sign-in", "/sign-in", wait_for_nothing, None),
    Shot("desk-list", "/desk", wait_for_rows),
    Shot("desk-ticket", "/desk", open_first),
    Shot("desk-note", "/desk", write_note),
    Shot("desk-palette", "/desk", open_palette),
    Shot("desk-keys", "/desk", open_settings),
    Shot("desk-selected", "/desk", select_rows),
    Shot("sign-in-refused", "/sign-in", refuse_sign_in, None),
    Shot("desk-missing", "/tickets/999999", wait_for_nothing),
    Shot("desk-empty", "/desk?q=zzzz", wait_for_nothing),
    Shot("desk-failed", "/desk", fail),
    Shot("desk-offline", "/desk", write_offline),
    Shot("desk-notifications", "/desk", open_notifications),
    Shot("desk-account", "/desk", open_account),
    Shot("desk-hard", "/tickets/{hard}", wait_for_timeline),
    Shot("desk-german", "/desk", open_first, locale="de-DE"),
    Shot("desk-hindi", "/desk", open_first, locale="hi-IN"),
    Shot("desk-webhooks", "/desk/webhooks", list_webhooks, ADMIN),
    Shot("desk-webhook", "/desk/webhooks", open_webhook, ADMIN),
    Shot("desk-webhook-new", "/desk/webhooks/new", try_webhook, ADMIN),
    Shot("desk-reports", "/desk/reports", read_report),
    Shot("desk-reports-data", "/desk/reports?days=90&by=ASSIGNEE", scroll_report),
    Shot("desk-reports-empty", "/desk/reports?from=2020-01-01&to=2020-02-01", wait_for_nothing),
    Shot("portal", "/portal", wait_for_nothing, CUSTOMER),
    Shot("portal-ticket", "/portal", open_first_card, CUSTOMER),
    Shot("portal-new", "/portal/new", write_subject, CUSTOMER),
    Shot("portal-german", "/portal", open_solved_card, CUSTOMER, locale="de-DE"),
    Shot("portal-hindi", "/portal", open_solved_card, CUSTOMER, locale="hi-IN"),
    Shot("portal-solved", "/portal", open_solved_card, CUSTOMER),
    Shot("portal-offline", "/portal", write_reply_offline, CUSTOMER),
    Shot("portal-form", "/portal/new", write_form, CUSTOMER),
    Shot("portal-closed", "/portal?list=closed&whose=all", wait_for_nothing, CUSTOMER),
    Shot("portal-missing", "/tickets/999999", wait_for_nothing, CUSTOMER),
    Shot("portal-failed", "/portal", fail_portal, CUSTOMER),
    Shot("portal-account", "/portal/account", wait_for_nothing, CUSTOMER),
    Shot("admin", "/admin", wait_for_nothing, ADMIN),
    Shot("admin-people", "/admin/people", wait_for_nothing, ADMIN),
    Shot("admin-person", "/admin/people", open_agent, ADMIN),
    Shot("admin-teams", "/admin/teams", wait_for_nothing, ADMIN),
    Shot("admin-refused", "/admin/teams/new", refuse_team, ADMIN),
    Shot("admin-unsaved", "/admin/categories", leave_changes, ADMIN),
    Shot("admin-calendar", "/admin/calendars", open_first_record, ADMIN),
    Shot("admin-sla", "/admin/sla", wait_for_nothing, ADMIN),
    Shot("admin-policy", "/admin/sla", open_first_record, ADMIN),
    Shot("admin-escalation", "/admin/escalation", open_first_record, ADMIN),
    Shot("admin-macro", "/admin/macros", open_first_record, ADMIN),
    Shot("admin-field", "/admin/fields", open_first_record, ADMIN),
    Shot("admin-views", "/admin/views", wait_for_nothing, ADMIN),
    Shot("admin-retention", "/admin/retention", open_first_record, ADMIN),
    Shot("admin-token", "/admin/tokens", create_token, ADMIN),
    Shot("admin-audit", "/admin/audit", open_audit_entry, ADMIN),
    *(Shot(f"admin-{each}-list", f"/admin/{each}", wait_for_nothing, ADMIN) for each in LISTS),
    *(Shot(f"admin-{each}-new", f"/admin/{each}/new", wait_for_nothing, ADMIN) for each in FORMS),
    Shot("admin-german", "/admin/escalation/new", wait_for_nothing, ADMIN, locale="de-DE"),
    Shot("admin-forbidden", "/admin", wait_for_nothing),
    Shot("wall-pairing", "/wall/all", wait_for_code, None, WALL_SIZES),
    Shot("wall", "/wall/all", pair_wall, None, WALL_SIZES),
    Shot("wall-hours", "/wall/all", turn_wall, None, WALL_SIZES),
    Shot("wall-stale", "/wall/all", cut_wall_off, None, WALL_SIZES),
)
DOCS = {
    ("desk-ticket", "wide", "light"),
    ("desk-list", "wide", "dark"),
    ("desk-note", "phone", "light"),
    ("portal", "phone", "light"),
    ("desk-reports", "wide", "light"),
    ("admin-sla", "wide", "light"),
    ("wall", "small-wall", "dark"),
}
"""The pictures of the documents."""
