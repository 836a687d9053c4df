"""The settings: the only reader of the environment and of .env. Frozen, checked at the start, each with its default."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings import SettingsError as PydanticSettingsError

from engine.graphql.document_limits import DocumentLimits
from engine.limits.connections import ConnectionLimits


class SettingsError(Exception):
    """A setting that can't be used; one line says which and why."""


class Settings(BaseSettings):
    """Read from variables TICKETWIRE_…, and HOST and PORT."""

    model_config = SettingsConfigDict(
        env_prefix="TICKETWIRE_", env_file=".env", extra="ignore", frozen=True, populate_by_name=True, hide_input_in_errors=True
    )

    mode: Literal["demo", "development", "production"] = Field(
        default="development",
        description="`demo` fills an empty database with sample data. `production` shows the schema only to authenticated users.",
    )
    host: str = Field(default="127.0.0.1", validation_alias="HOST", description="The address to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, validation_alias="PORT", description="The port to listen on.")
    database_url: str = Field(
        default="sqlite:///data/ticketwire.db", description="`sqlite:///path` or `postgres://user:password@host:5432/name`."
    )
    database_pool: int = Field(default=10, ge=2, le=200, description="The maximum number of Postgres connections per process.")
    bus_url: str = Field(
        default="memory://",
        repr=False,
        description="`memory://`, or `redis://user:password@host:6379` (`rediss://` for TLS), shared by several processes.",
    )
    reopen_days: int = Field(default=14, ge=0, le=3650, description="Days within which a closed ticket can be reopened.")
    close_after_days: int = Field(default=7, ge=1, le=3650, description="Days after which a resolved ticket is closed.")
    close_reminder_days: int = Field(
        default=2, ge=0, le=3650, description="Days before the closure at which the customer is reminded. 0 turns it off."
    )
    waiting_reminder_days: int = Field(
        default=3, ge=0, le=3650, description="Days without an answer after which the customer is reminded. 0 turns it off."
    )
    abandon_days: int = Field(
        default=7,
        ge=0,
        le=3650,
        description="Days after which the ticket is closed as ABANDONED, more than for the reminder. 0 turns it off.",
    )
    works: bool = Field(default=True, description="Whether a server also runs the background jobs of `ticketwire work`.")
    worker_lease_seconds: float = Field(
        default=30, ge=0.3, le=3600, description="Seconds after which another process takes over the jobs of one that died."
    )
    session_days: int = Field(default=30, ge=1, le=365, description="The number of days that a session lasts.")
    sign_in_attempts: int = Field(
        default=10,
        ge=1,
        le=100_000,
        description="Sign-in attempts per 5 minutes for one email address from one IP address; six times as many per IP address.",
    )
    max_sockets: int = Field(default=20_000, ge=1, description="The maximum number of WebSockets and event streams per process.")
    max_sockets_per_viewer: int = Field(
        default=500, ge=1, description="The maximum number of connections of one user or API client per process."
    )
    max_sockets_per_address: int = Field(
        default=2_000, ge=1, description="The maximum number of connections from one IP address per process."
    )
    socket_operations: int = Field(default=100, ge=1, description="The maximum number of concurrent operations per WebSocket.")
    socket_messages_per_second: int = Field(
        default=100, ge=1, description="The maximum number of messages per second from one WebSocket, on average over 10 s."
    )
    socket_backlog_bytes: int = Field(
        default=1_048_576, ge=1024, description="Bytes that may wait for one client. A slower client is disconnected."
    )
    socket_init_seconds: float = Field(
        default=10, gt=0, le=3600, description="Seconds within which a WebSocket must send connection_init."
    )
    plans: Literal["none", "repeated", "all"] = Field(
        default="repeated", description="Which operations compiled plans execute: `none`, `repeated` (seen before), or `all`."
    )
    document_bytes: int = Field(default=16_384, ge=256, le=1_048_576, description="The maximum size of a document in bytes.")
    document_tokens: int = Field(default=2_000, ge=50, le=100_000, description="The maximum number of tokens in a document.")
    document_depth: int = Field(default=12, ge=3, le=40, description="The maximum depth of a selection; 20 for introspection.")
    document_aliases: int = Field(
        default=30, ge=0, le=1_000, description="The maximum number of aliases in an operation, with its fragments expanded."
    )
    document_root_fields: int = Field(default=20, ge=1, le=1_000, description="The maximum number of root fields.")
    document_repeats: int = Field(default=40, ge=1, le=1_000, description="How often one field may occur in one selection.")
    document_directives: int = Field(default=50, ge=0, le=1_000, description="The maximum number of directives in an operation.")
    document_fragments: int = Field(default=60, ge=0, le=1_000, description="The maximum number of fragments in a document.")
    document_operations: int = Field(default=20, ge=1, le=1_000, description="The maximum number of operations in a document.")
    operation_cost: int = Field(
        default=1_000,
        ge=10,
        le=1_000_000,
        description="The maximum cost of an operation. The description of the type Query has the table of costs.",
    )
    cost_bucket: int = Field(
        default=50_000,
        ge=0,
        le=100_000_000,
        description="The cost that a caller may use at once, at least that of one operation. 0: no rate limit.",
    )
    cost_per_second: int = Field(default=2_000, ge=1, le=1_000_000, description="The cost that a caller regains per second.")
    introspection: Literal["", "everybody", "viewers", "nobody"] = Field(
        default="",
        description="Who may read the schema; viewers are authenticated callers. By default everybody, in production viewers.",
    )
    operation_seconds: float = Field(default=10, gt=0, le=3600, description="Seconds after which a query ends with UNAVAILABLE.")
    trusted_documents: str = Field(
        default="",
        description='JSON file of the only documents to execute: ids to documents, or `{"operations": [{"id", "body"}]}`.',
    )
    request_seconds: float = Field(
        default=15, gt=0, le=3600, description="The seconds within which a request's headers must arrive, and then its body."
    )
    keep_alive_seconds: int = Field(default=5, ge=1, le=3600, description="The seconds after which an idle connection is closed.")
    live_tickets: int = Field(default=10_000, ge=1, le=1_000_000, description="The maximum number of tickets in a live list.")
    allowed_origins: list[str] = Field(
        default_factory=list, description="JSON list of origins whose pages may call the API (CORS, WebSocket)."
    )
    trusted_proxies: str = Field(default="", description="IP addresses of proxies whose X-Forwarded-For is trusted, by commas.")
    public_url: str = Field(default="", description="URL of the customer portal, for links in emails: `/tickets/{number}`.")
    smtp_url: str = Field(
        default="",
        repr=False,
        description="`smtp://user:password@host:25` or `smtps://host:465`. Without it, emails are only written to the log.",
    )
    mail_from: str = Field(default="Ticketwire <support@localhost>", description="The sender of emails.")
    mail_reply_to: str = Field(default="", description="The Reply-To address of emails. By default that of the sender.")
    mail_templates: str = Field(
        default="", description="Folder of email templates that come before those in workers/mail/templates."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least severe level to log. The log has one JSON object per line, on standard error."
    )

    @field_validator("database_url")
    @classmethod
    def known_database(cls, value: str) -> str:
        from models.database import config

        config(value)
        return value

    @field_validator("bus_url")
    @classmethod
    def known_bus(cls, value: str) -> str:
        from engine.bus.wakeup import WakeupBus

        WakeupBus(value)
        return value

    @field_validator("abandon_days")
    @classmethod
    def after_the_reminder(cls, value: int, info: ValidationInfo) -> int:
        """Who is reminded has time to answer; a default counts as what was given."""
        if value and value <= (reminder := info.data.get("waiting_reminder_days", 0)):
            raise ValueError(f"use 0, or more than TICKETWIRE_WAITING_REMINDER_DAYS, which is {reminder}")
        return value

    @field_validator("cost_bucket")
    @classmethod
    def room_for_one(cls, value: int, info: ValidationInfo) -> int:
        if value and value < (most := info.data.get("operation_cost", 0)):
            raise ValueError(f"use 0, or at least TICKETWIRE_OPERATION_COST, which is {most}")
        return value

    @field_validator("trusted_documents")
    @classmethod
    def known_documents(cls, value: str) -> str:
        from engine.graphql.persisted_documents import listed_in

        if value:
            listed_in(value)
        return value

    @field_validator("public_url")
    @classmethod
    def known_place(cls, value: str) -> str:
        parts = urlsplit(value)
        odd = parts.query or parts.fragment or any(letter.isspace() for letter in value)
        if value and (parts.scheme not in ("http", "https") or not parts.hostname or odd):
            raise ValueError("use https://host, with a path where there is one")
        return value

    @field_validator("smtp_url")
    @classmethod
    def known_server(cls, value: str) -> str:
        from workers.mail.smtp_url import SmtpUrl

        if value:
            SmtpUrl.of(value)
        return value

    @field_validator("mail_from", "mail_reply_to")
    @classmethod
    def known_mailbox(cls, value: str, info: ValidationInfo) -> str:
        from workers.mail.address import mailbox

        if value or info.field_name == "mail_from":
            mailbox(value)
        return value

    @field_validator("mail_templates")
    @classmethod
    def usable_templates(cls, value: str) -> str:
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
        return timedelta(days=self.abandon_days) if self.abandon_days else None

    @property
    def session_length(self) -> timedelta:
        return timedelta(days=self.session_days)

    @property
    def socket_limits(self) -> ConnectionLimits:
        return ConnectionLimits(
            sockets=self.max_sockets,
            per_viewer=self.max_sockets_per_viewer,
            per_address=self.max_sockets_per_address,
            operations=self.socket_operations,
            messages_per_second=self.socket_messages_per_second,
            backlog=self.socket_backlog_bytes,
            init_seconds=self.socket_init_seconds,
        )

    @property
    def bounds(self) -> DocumentLimits:
        return DocumentLimits(
            length=self.document_bytes,
            tokens=self.document_tokens,
            depth=self.document_depth,
            aliases=self.document_aliases,
            root_fields=self.document_root_fields,
            repeats=self.document_repeats,
            directives=self.document_directives,
            fragments=self.document_fragments,
            operations=self.document_operations,
        )

    @property
    def shows_schema_to(self) -> str:
        """`everybody`, `viewers` (who are signed in) or `nobody`."""
        return self.introspection or ("viewers" if self.is_production else "everybody")

    @property
    def is_demo(self) -> bool:
        return self.mode == "demo"

    @property
    def is_production(self) -> bool:
        return self.mode == "production"


def load(**given: object) -> Settings:
    """The settings, with some given in place of the environment's. Raises SettingsError."""
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})  # pyright: ignore[reportArgumentType]
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).upper()
        name = name if name in ("HOST", "PORT") else f"TICKETWIRE_{name}"
        raise SettingsError(f"{name}: {first['msg'].removeprefix('Value error, ')}") from error
    except PydanticSettingsError as error:
        raise SettingsError('TICKETWIRE_ALLOWED_ORIGINS: use a JSON list, such as ["https://example.com"]') from error
