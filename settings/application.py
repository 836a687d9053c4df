"""The settings. Only this module reads the environment and the file .env.

Settings are immutable and are checked when the process starts.
"""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsError as PydanticSettingsError

from models.tickets.timers import TimerSettings
from settings.base import OptionalDays, TimeoutSeconds
from settings.files import FileSettings
from settings.identity import IdentitySettings
from settings.limits import LimitSettings
from settings.webhooks import WebhookSettings

SQLITE_PREFIX = "sqlite:///"
KEY_FILE_SUFFIX = ".key"
FIELD_NAME = re.compile('field "([a-z_]+)"')


class SettingsError(Exception):
    """A setting has an invalid value. The message names the variable and the reason in one line."""


class Settings(WebhookSettings, IdentitySettings, FileSettings, LimitSettings):
    """The values of the variables TICKETWIRE_…, HOST and PORT. docs/configuration.md lists them."""

    mode: Literal["demo", "development", "production"] = "development"
    """`demo` fills an empty database with sample data. `production` shows the schema only to
    authenticated users."""
    host: Annotated[str, Field(validation_alias="HOST")] = "127.0.0.1"
    """The address to listen on."""
    port: Annotated[int, Field(validation_alias="PORT", ge=0, le=65535)] = 8000
    """The port to listen on."""
    database_url: str = "sqlite:///data/ticketwire.db"
    """`sqlite:///path` or `postgres://user:password@host:5432/name`."""
    database_pool_size: Annotated[int, Field(ge=2, le=200)] = 10
    """The maximum number of Postgres connections per process."""
    bus_url: Annotated[str, Field(repr=False)] = "memory://"
    """`memory://`, or `redis://user:password@host:6379` (`rediss://` for TLS). Several processes
    share it to wake each other."""
    reopen_days: OptionalDays = 14
    """Days within which a closed ticket can be reopened. 0 allows no reopening."""
    close_after_days: Annotated[int, Field(ge=1, le=3650)] = 7
    """Days after which a resolved ticket is closed."""
    close_reminder_days: OptionalDays = 2
    """Days before the closure at which the customer is reminded. 0 turns it off."""
    waiting_reminder_days: OptionalDays = 3
    """Days without an answer after which the customer is reminded. 0 turns it off."""
    abandon_after_days: OptionalDays = 7
    """Days without an answer after which the ticket is closed as ABANDONED. Must be more than
    TICKETWIRE_WAITING_REMINDER_DAYS. 0 turns it off."""
    run_jobs: bool = True
    """Whether a server also runs the background jobs of `ticketwire run-jobs`."""
    job_lease_seconds: Annotated[float, Field(ge=0.3, le=3600)] = 30
    """Seconds after which another process takes over the jobs of one that died."""
    job_tickets_per_second: Annotated[float, Field(gt=0, le=100_000)] = 50
    """The maximum number of tickets per second that all jobs of users and API clients change
    together, so that they don't slow down requests."""
    export_tickets_per_second: Annotated[float, Field(gt=0, le=100_000)] = 50
    """The maximum number of tickets per second that all exports read together, so that requests
    have priority. For exports of people, it limits pages of rows instead."""
    retention_tickets_per_second: Annotated[float, Field(gt=0, le=100_000)] = 5
    """The maximum number of tickets per second whose texts all retention policies erase together,
    so that they don't slow down requests."""
    export_days: Annotated[int, Field(ge=1, le=3650)] = 7
    """Days after which the files of exports are deleted."""
    job_days: Annotated[int, Field(ge=2, le=36_500)] = 30
    """Days after which an ended job of a user or API client is deleted."""
    draft_days: Annotated[int, Field(ge=1, le=36_500)] = 30
    """Days after the last change after which a draft is deleted, with its files."""
    audit_days: Annotated[int, Field(ge=0, le=36_500)] = 730
    """Days after which an entry of the audit log is deleted. 0 keeps all entries."""
    compiled_plans: Literal["none", "repeated", "all"] = "repeated"
    """Which operations compiled plans execute: `none`, `repeated` (seen before), or `all`."""
    introspection: Literal["", "public", "authenticated", "disabled"] = ""
    """The requests that may read the schema: all, authenticated ones, or none. The default is
    `authenticated` in production, and `public` otherwise."""
    graphiql: Literal["", "public", "staff", "disabled"] = ""
    """The people whose browsers get GraphiQL at /graphql: all, agents and admins who have signed
    in with this browser, or none. The default is `staff` in production, and `public` otherwise."""
    operation_timeout_seconds: TimeoutSeconds = 10
    """Seconds after which a query ends with UNAVAILABLE."""
    trusted_documents: str = ""
    """Path of a JSON file with the only documents that are executed: an object of documents by id,
    or `{"operations": [{"id", "body"}]}`. By default, all documents are executed."""
    request_timeout_seconds: TimeoutSeconds = 15
    """Seconds within which a request's headers must arrive, and then its body."""
    keep_alive_timeout_seconds: Annotated[int, Field(ge=1, le=3600)] = 5
    """Seconds after which an idle connection is closed."""
    compress_responses: bool = True
    """Whether long responses to queries are compressed, with brotli or gzip."""
    allowed_origins: Annotated[list[str], Field(default_factory=list)]
    """JSON list of origins whose pages may call the API (CORS, WebSocket)."""
    trusted_proxies: str = ""
    """Comma-separated IP addresses or networks of proxies whose X-Forwarded-For is trusted."""
    smtp_url: Annotated[str, Field(repr=False)] = ""
    """`smtp://user:password@host:25` or `smtps://host:465`. Without it, emails are only written to
    the log."""
    mail_from: str = "Ticketwire <support@localhost>"
    """The sender of emails."""
    mail_reply_to: str = ""
    """The Reply-To address of emails. The default is the sender's address."""
    mail_templates: str = ""
    """Folder of email templates that come before those in workers/mail/templates."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe level to log. The log has one JSON object per line, on standard error."""

    @field_validator("database_url")
    @classmethod
    def check_database_url(cls, value: str) -> str:
        from models.database.config import build_config

        build_config(value)
        return value

    @field_validator("bus_url")
    @classmethod
    def check_bus_url(cls, value: str) -> str:
        from engine.bus.wakeup import WakeupBus

        WakeupBus(value)
        return value

    @field_validator("abandon_after_days")
    @classmethod
    def check_abandon_after_days(cls, value: int, info: ValidationInfo) -> int:
        """The customer must have time to answer after the reminder.

        Pydantic checks defaults too, so raising the reminder alone can fail here.
        """
        reminder = info.data.get("waiting_reminder_days", 0)
        if value and value <= reminder:
            raise ValueError(
                f"use 0, or more than TICKETWIRE_WAITING_REMINDER_DAYS, which is {reminder}"
            )
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def check_trusted_proxies(cls, value: str) -> str:
        from engine.limits.network import parse_networks

        parse_networks(value)
        return value

    @field_validator("trusted_documents")
    @classmethod
    def check_trusted_documents(cls, value: str) -> str:
        from engine.graphql.persisted_documents import load_manifest

        if value:
            load_manifest(value)
        return value

    @field_validator("smtp_url")
    @classmethod
    def check_smtp_url(cls, value: str) -> str:
        from workers.mail.smtp_url import SmtpUrl

        if value:
            SmtpUrl.of(value)
        return value

    @field_validator("mail_from", "mail_reply_to")
    @classmethod
    def check_mail_address(cls, value: str, info: ValidationInfo) -> str:
        from workers.mail.address import parse_mailbox

        if value or info.field_name == "mail_from":
            parse_mailbox(value)
        return value

    @field_validator("mail_templates")
    @classmethod
    def check_mail_templates(cls, value: str) -> str:
        from workers.mail.template import Templates

        if value:
            Templates(value)
        return value

    @property
    def reopen_window(self) -> timedelta:
        return timedelta(days=self.reopen_days)

    @property
    def close_after(self) -> timedelta:
        return timedelta(days=self.close_after_days)

    @property
    def close_reminder(self) -> timedelta:
        return timedelta(days=self.close_reminder_days)

    @property
    def waiting_reminder(self) -> timedelta:
        return timedelta(days=self.waiting_reminder_days)

    @property
    def abandon_after(self) -> timedelta | None:
        return timedelta(days=self.abandon_after_days) if self.abandon_after_days else None

    @property
    def audit_retention(self) -> timedelta | None:
        return timedelta(days=self.audit_days) if self.audit_days else None

    @property
    def export_retention(self) -> timedelta:
        return timedelta(days=self.export_days)

    @property
    def job_retention(self) -> timedelta:
        return timedelta(days=self.job_days)

    @property
    def draft_retention(self) -> timedelta:
        return timedelta(days=self.draft_days)

    @property
    def key_file(self) -> Path | None:
        """Where the key is kept if TICKETWIRE_ENCRYPTION_KEYS is empty; None in production and with
        Postgres."""
        if self.is_production or not self.database_url.startswith(SQLITE_PREFIX):
            return None
        return Path(self.database_url.removeprefix(SQLITE_PREFIX) + KEY_FILE_SUFFIX)

    @property
    def schema_visibility(self) -> str:
        """`public`, `authenticated` or `disabled`."""
        return self.introspection or ("authenticated" if self.is_production else "public")

    @property
    def graphiql_access(self) -> str:
        """`public`, `staff` or `disabled`."""
        return self.graphiql or ("staff" if self.is_production else "public")

    @property
    def is_demo(self) -> bool:
        return self.mode == "demo"

    @property
    def is_production(self) -> bool:
        return self.mode == "production"


def load(**overrides: object) -> Settings:
    """Read the settings. Overrides that are not None replace the environment's values.

    Raises SettingsError.
    """
    values = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**values)  # pyright: ignore[reportArgumentType]
    except ValidationError as error:
        raise SettingsError(describe_error(error.errors()[0])) from error
    except PydanticSettingsError as error:
        raise SettingsError(describe_source_error(error)) from error


def build_timer_settings(settings: Settings) -> TimerSettings:
    return TimerSettings(
        settings.close_after,
        settings.reopen_window,
        settings.close_reminder,
        settings.waiting_reminder,
        settings.abandon_after,
    )


def variable_of(name: str) -> str:
    """The environment variable of a setting."""
    return name.upper() if name in ("host", "port") else f"TICKETWIRE_{name.upper()}"


def describe_error(error: ErrorDetails) -> str:
    """One line with the variable that is invalid, and the reason."""
    message = error["msg"].removeprefix("Value error, ")
    if not error["loc"]:  # `check_identity_providers` names the variable itself
        return f"TICKETWIRE_{message}"
    first, *rest = error["loc"]
    variable = variable_of(str(first).lower())
    return ": ".join([variable, *([".".join(map(str, rest))] if rest else []), message])


def describe_source_error(error: PydanticSettingsError) -> str:
    """The same for a list that is not JSON."""
    field = FIELD_NAME.search(str(error))
    name = variable_of(field[1]) if field else "TICKETWIRE_…"
    example = '["https://example.com"]'
    return f"{name}: use a JSON list, such as {example}"
