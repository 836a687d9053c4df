"""Collects the statements that requests send to the database."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator

BACKGROUND = {
    *(
        "Mailer.send_due_mails",
        "Mailer.send",
        "LogTail.run",
        "ViewerRegistry.run",
        "store_token_use",
        "run",
        "JobRunner.run",
        "follow_demo_clock",
    ),
    *("PresenceTail.poll", "run_jobs_in_server"),
}
"""Coroutines of the service's own tasks, whose statements are ignored."""


class Statements(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.sent: list[tuple[str, object]] = []
        """The texts with their parameters."""

    def emit(self, record: logging.LogRecord) -> None:
        task = asyncio.current_task()
        if task is None or getattr(task.get_coro(), "__qualname__", "") not in BACKGROUND:
            has_parameters = record.msg == "%s: %s" and isinstance(record.args, tuple)
            self.sent.append(
                (str(record.args[0]), record.args[1]) if has_parameters else (str(record.msg), None)
            )

    @property
    def texts(self) -> list[str]:
        return [text for text, _ in self.sent]

    def __len__(self) -> int:
        return len(self.sent)


@contextlib.contextmanager
def statements() -> Iterator[Statements]:
    """Collect the statements that requests send inside the block."""
    logger = logging.getLogger("tortoise.db_client")
    collector, level = Statements(), logger.level
    logger.addHandler(collector)
    logger.setLevel(logging.DEBUG)
    try:
        yield collector
    finally:
        logger.setLevel(level)
        logger.removeHandler(collector)
