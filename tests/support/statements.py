"""Which statements an operation sends to the database."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator

BACKGROUND = {"Tail.run", "Sessions.run", "note_use", "run"}
"""The service's own tasks, which read whenever they like."""


class Statements(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        task = asyncio.current_task()
        if task is None or getattr(task.get_coro(), "__qualname__", "") not in BACKGROUND:
            self.texts.append(str(record.args[0]) if record.args and record.msg == "%s: %s" else str(record.msg))

    def __len__(self) -> int:
        return len(self.texts)


@contextlib.contextmanager
def statements() -> Iterator[Statements]:
    """Collects the texts of the statements that requests send meanwhile."""
    logger = logging.getLogger("tortoise.db_client")
    collector, level = Statements(), logger.level
    logger.addHandler(collector)
    logger.setLevel(logging.DEBUG)
    try:
        yield collector
    finally:
        logger.setLevel(level)
        logger.removeHandler(collector)
