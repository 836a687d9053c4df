"""Loads email templates, the operator's before the built-in ones.

All are compiled and rendered once at the start.
"""

from __future__ import annotations

import traceback
from datetime import UTC, datetime
from pathlib import Path

from jinja2 import (
    ChoiceLoader,
    FileSystemLoader,
    StrictUndefined,
    TemplateNotFound,
    TemplateSyntaxError,
    select_autoescape,
)
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup

from models.log.event import EventType
from models.notifications.email import MORE_UPDATES
from workers.mail.account_values import ACCOUNT_SAMPLE, ACCOUNT_SUBJECTS
from workers.mail.outgoing_mail import EVENT_TYPE_OF_TEMPLATE
from workers.mail.template_values import (
    OPTIONAL_VALUES,
    EventValues,
    MarkdownText,
    Rating,
    SlaTarget,
    TicketValues,
    Values,
    explain_opt_out,
    format_instant,
)
from workers.mail.webhook_values import TEMPLATE, WEBHOOK_SAMPLE

BUILT_IN_FOLDER = Path(__file__).parent / "templates"
KINDS = ("txt", "html")


class TemplateError(ValueError):
    """A template can't be used. The text names the file and, if known, the line."""


class Templates:
    """Raises TemplateError if a template can't be compiled, or fails with the sample values."""

    def __init__(self, folder: str | Path | None = None) -> None:
        folders = [Path(folder), BUILT_IN_FOLDER] if folder else [BUILT_IN_FOLDER]
        if not all(each.is_dir() for each in folders):
            raise TemplateError(f"{folder} is not a folder")
        self.environment = SandboxedEnvironment(
            loader=ChoiceLoader([FileSystemLoader(each) for each in folders]),
            autoescape=select_autoescape(["html"], default=False),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.environment.filters["moment"] = format_instant
        for name in self.environment.list_templates(extensions=KINDS):
            self.try_template(name, None)
        for name in (*EVENT_TYPE_OF_TEMPLATE, MORE_UPDATES):
            for kind in KINDS:
                for values in build_samples(name):
                    self.try_template(f"{name}.{kind}", values)
        samples = {**dict.fromkeys(ACCOUNT_SUBJECTS, ACCOUNT_SAMPLE), TEMPLATE: WEBHOOK_SAMPLE}
        for name, sample in samples.items():
            for kind in KINDS:
                self.try_template(f"{name}.{kind}", sample)

    def try_template(self, file: str, values: Values | None) -> None:
        """Compile a template, and render it if values are given."""
        try:
            template = self.environment.get_template(file)
            if values is not None:
                template.render(values)
        except Exception as error:
            raise TemplateError(f"{find_location(error, file)}: {describe_error(error)}") from error

    def render(self, name: str, values: Values) -> tuple[str, str]:
        """Return an email's text and HTML. Raises jinja2's errors."""
        text, html = (
            self.environment.get_template(f"{name}.{kind}").render(values) for kind in KINDS
        )
        return text, html


def find_location(error: Exception, file: str) -> str:
    """Return the file of an error, with its line if known."""
    if isinstance(error, TemplateSyntaxError):
        return f"{error.filename or error.name or file}:{error.lineno}"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).suffix[1:] in KINDS
    ]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else file


def describe_error(error: Exception) -> str:
    if isinstance(error, TemplateNotFound):
        return f"there is no template {error.name}"
    return " ".join(str(error).split()) or type(error).__name__


def build_samples(name: str) -> list[Values]:
    """Return sample values for a template: with the fewest optional values, and with all."""
    at = datetime(2026, 3, 5, 14, 30, tzinfo=UTC)
    event_type = EVENT_TYPE_OF_TEMPLATE.get(name, EventType.REPLY_ADDED)
    step = "open" if event_type is EventType.STATUS_CHANGED else None
    minimal: dict[str, object] = {
        **OPTIONAL_VALUES,
        "ticket": TicketValues(
            "TKT-1001", 1001, "VPN is <down> & out", "open", "normal", "Support"
        ),
        "event": EventValues(event_type.value, at, step),
        "actor": "Alex Kim",
        "recipient": "Chris",
        "url": None,
        "because": "You get this because this is your request.",
        "hint": explain_opt_out(name),
        "updates": 1 if name == MORE_UPDATES else 0,
    }
    text = MarkdownText("It **works** again.", Markup("<p>It <strong>works</strong> again.</p>"))
    required_values: dict[str, dict[str, object]] = {
        "created": {"request": text},
        "raised": {"request": text},
        "replied": {"reply": text},
        "resolved": {"resolution": text},
        "sla_at_risk": {"sla_target": SlaTarget("first response")},
        "sla_breached": {"sla_target": SlaTarget("first response", at)},
        "reminder_closing": {"closes_at": at},
        "rated": {"rating": Rating(5)},
    }
    optional_values: dict[str, dict[str, object]] = {
        **{each: {"reason": "It fails again."} for each in ("reopened", "escalated")},
        "awaiting_customer": {"reply": text},
        "closed": {"reason": "duplicate", "into": "TKT-1002"},
        "transferred": {"team": "Billing"},
        "reminder_waiting": {"closes_at": at},
        "sla_at_risk": {"sla_target": SlaTarget("first response", at)},
        "rated": {"rating": Rating(5, "Quick.")},
        MORE_UPDATES: {"updates": 12},
    }
    minimal |= required_values.get(name, {})
    url = "https://help.example.com/tickets/1001"
    return [minimal, {**minimal, "url": url, **optional_values.get(name, {})}]
