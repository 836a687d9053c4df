"""The structured log: one JSON object a line, on standard error, the libraries' own lines included."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

import orjson
import structlog
from structlog.typing import Processor


def one_line(line: object, **_: object) -> str:
    return orjson.dumps(line, default=repr).decode()


COMMON: Sequence[Processor] = (
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
)
RENDER = structlog.processors.JSONRenderer(serializer=one_line)


def configure(level: str) -> None:
    """Write lines of at least this level; of libraries, warnings and worse."""
    structlog.configure(
        processors=[*COMMON, RENDER],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    remove = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processors=[remove, RENDER], foreign_pre_chain=COMMON))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
