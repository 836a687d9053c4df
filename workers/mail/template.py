"""The templates of mails, the operator's before ours; all compiled and tried before the first mail is sent."""

from __future__ import annotations

import traceback
from datetime import UTC, datetime
from pathlib import Path

from jinja2 import ChoiceLoader, FileSystemLoader, StrictUndefined, TemplateNotFound, TemplateSyntaxError, select_autoescape
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup

from workers.mail.content import NOTHING, EventWords, Promise, Rating, TicketWords, Values, Written, hint, moment
from workers.mail.message import TELLS

OURS = Path(__file__).parent / "templates"
KINDS = ("txt", "html")


class BrokenTemplate(ValueError):
    """A template that can't be used; one line names the file and, where there is one, the line."""


class Templates:
    """Raises BrokenTemplate where one of them can't be compiled, or fails with the sample values."""

    def __init__(self, folder: str | Path | None = None) -> None:
        places = [Path(folder), OURS] if folder else [OURS]
        if not all(place.is_dir() for place in places):
            raise BrokenTemplate(f"{folder} is not a folder")
        self.environment = SandboxedEnvironment(
            loader=ChoiceLoader([FileSystemLoader(place) for place in places]),
            autoescape=select_autoescape(["html"], default=False),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.environment.filters["moment"] = moment
        for name in self.environment.list_templates(extensions=KINDS):
            self.attempt(name, None)
        for name in TELLS:
            for kind in KINDS:
                for values in samples(name):
                    self.attempt(f"{name}.{kind}", values)

    def attempt(self, file: str, values: Values | None) -> None:
        """Compile one, and render it where there are values."""
        try:
            found = self.environment.get_template(file)
            if values is not None:
                found.render(values)
        except Exception as error:
            raise BrokenTemplate(f"{place_of(error, file)}: {reason(error)}") from error

    def render(self, name: str, values: Values) -> tuple[str, str]:
        """A mail's text and HTML. Raises jinja2's errors where a template fails with these values."""
        text, html = (self.environment.get_template(f"{name}.{kind}").render(values) for kind in KINDS)
        return text, html


def place_of(error: Exception, file: str) -> str:
    """The file, and the line in it where the error knows one."""
    if isinstance(error, TemplateSyntaxError):
        return f"{error.filename or error.name or file}:{error.lineno}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).suffix[1:] in KINDS]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else file


def reason(error: Exception) -> str:
    if isinstance(error, TemplateNotFound):
        return f"there is no template {error.name}"
    return " ".join(str(error).split()) or type(error).__name__


def samples(name: str) -> list[Values]:
    """Values as the mail could have them: with all that it may have, and with the least."""
    at = datetime(2026, 3, 5, 14, 30, tzinfo=UTC)
    step = "open" if TELLS[name].value == "status_changed" else None
    least: dict[str, object] = {
        **NOTHING,
        "ticket": TicketWords("TKT-1001", 1001, "VPN is <down> & out", "open", "normal", "Support"),
        "event": EventWords(TELLS[name].value, at, step),
        "actor": "Alex Kim",
        "recipient": "Chris",
        "because": "You get this because this is your request.",
        "hint": hint(name),
    }
    text = Written("It **works** again.", Markup("<p>It <strong>works</strong> again.</p>"))
    always: dict[str, dict[str, object]] = {
        "created": {"request": text},
        "raised": {"request": text},
        "replied": {"reply": text},
        "resolved": {"resolution": text},
        "sla_at_risk": {"promise": Promise("first response")},
        "sla_breached": {"promise": Promise("first response", at)},
        "reminder_closing": {"closes_at": at},
        "rated": {"rating": Rating(5)},
    }
    sometimes: dict[str, dict[str, object]] = {
        **{each: {"reason": "It fails again."} for each in ("reopened", "escalated")},
        "closed": {"reason": "duplicate", "into": "TKT-1002"},
        "transferred": {"team": "Billing"},
        "reminder_waiting": {"closes_at": at},
        "sla_at_risk": {"promise": Promise("first response", at)},
        "rated": {"rating": Rating(5, "Quick.")},
    }
    least |= always.get(name, {})
    return [least, {**least, "url": "https://help.example.com/tickets/1001", **sometimes.get(name, {})}]
