"""The structured log: one JSON object a line, on standard error."""

from __future__ import annotations

import logging
import sys

import orjson
import structlog


def one_line(line: object, **_: object) -> str:
    return orjson.dumps(line, default=repr).decode()


def configure(level: str) -> None:
    """Write lines of at least this level."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=one_line),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
