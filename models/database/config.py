"""Tortoise's configuration for a database URL."""

from __future__ import annotations

from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

MODULES = [
    "models.people.user",
    "models.people.domains",
    "models.people.team",
    "models.tickets.ticket",
    "models.tickets.ticket_counts",
    "models.tickets.message",
    "models.tickets.attachment",
    "models.log.event",
    "models.people.identity",
    "models.people.token",
    "models.people.sign_in_limits",
    "models.people.account_link",
    "models.people.second_factor",
    "models.access.revision",
    "models.changes.idempotency",
    "models.sla.records",
    "models.escalation.path",
    "models.notifications.notification",
    "models.notifications.email",
    "models.log.consumer",
    "models.demo_clock",
    "models.tickets.presence",
    "models.audit.directory_event",
    "models.audit.entry",
    "models.tickets.read_marks",
    "models.retention.policy",
    "models.views.saved_view",
    "models.jobs.caller_job",
    "models.jobs.export_part",
    "models.macros.macro",
    "models.custom_fields.custom_field",
    "models.tickets.draft",
    "models.wall.screen",
    "models.webhooks.webhook",
    "models.webhooks.delivery",
]
"""The modules that define models."""
APPS = {"models": {"models": MODULES, "migrations": "migrations", "default_connection": "default"}}
BUSY_TIMEOUT_MS = 15_000
"""How long an SQLite statement waits for another process's lock."""
STATEMENT_TIMEOUT_SECONDS = 30.0
"""The limit for one statement of the service; a broken connection must not block it."""
POSTGRES_PARAMETERS = frozenset({"host", "ssl", "application_name"})


def build_config(
    url: str, max_connections: int = 10, timeout_seconds: float | None = None
) -> dict[str, object]:
    """The configuration for `sqlite:///path` or `postgres://user:password@host:port/name`.

    `max_connections` is the limit for the Postgres connections of this process, `timeout_seconds`
    that for one Postgres statement. Raises ValueError for any other URL.
    """
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        connection = build_sqlite_connection(url)
    elif parts.scheme in ("postgres", "postgresql"):
        connection = build_postgres_connection(parts, max_connections, timeout_seconds)
    else:
        raise ValueError(f"unknown database {parts.scheme!r}; use sqlite:///… or postgres://…")
    return {
        "connections": {"default": connection},
        "apps": APPS,
        "use_tz": True,
        "timezone": "UTC",
    }


def parse_port(parts: SplitResult) -> int | None:
    """The port of a URL, if it has one.

    Raises ValueError without the invalid text, which may be part of a password with a slash.
    """
    try:
        return parts.port
    except ValueError:
        message = "the port must be 0 to 65535, and a slash in the password be written as %2F"
        raise ValueError(message) from None


def build_postgres_connection(
    parts: SplitResult, max_connections: int, timeout_seconds: float | None
) -> dict[str, object]:
    name = unquote(parts.path.strip("/"))
    if not name:
        example = "postgres://user:password@host:5432/name"
        raise ValueError(f"a Postgres URL must name a database, such as {example}")
    parameters = dict(parse_qsl(parts.query))
    unknown = sorted(parameters.keys() - POSTGRES_PARAMETERS)
    if unknown:
        known = ", ".join(sorted(POSTGRES_PARAMETERS))
        raise ValueError(f"unknown parameter {unknown[0]!r}; a Postgres URL may have: {known}")
    return {
        "engine": "models.database.asyncpg",
        "credentials": {
            "host": parts.hostname or "127.0.0.1",
            "port": parse_port(parts) or 5432,
            "user": unquote(parts.username or "postgres"),
            "password": unquote(parts.password) if parts.password else None,
            "database": name,
            "minsize": 1,
            "maxsize": max_connections,
            "application_name": "ticketwire",
            "command_timeout": timeout_seconds,
            **parameters,
        },
    }


def build_sqlite_connection(url: str) -> dict[str, object]:
    path = url.removeprefix("sqlite://").split("?")[0]
    # As in SQLAlchemy, sqlite:///data/x.db is relative, and sqlite:////var/x.db is absolute.
    path = path.removeprefix("/")
    if not path or path == ":memory:":
        raise ValueError("an SQLite URL must name a file, such as sqlite:///data/ticketwire.db")
    return {
        "engine": "models.database.sqlite",
        "credentials": {
            "file_path": path,
            "journal_mode": "WAL",
            "synchronous": "FULL",
            "busy_timeout": BUSY_TIMEOUT_MS,
            "foreign_keys": "ON",
            # Most builds have it on already. It overwrites what is erased.
            "secure_delete": "ON",
        },
    }
