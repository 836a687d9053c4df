"""Refusals of uploaded files."""

from __future__ import annotations


class FileRefused(Exception):
    """The uploaded file is not what was declared, or must not be stored. Nothing was stored.

    `limit_name` is the limit that the file exceeds, if any, for the metric.
    """

    def __init__(
        self, code: str, message: str, status: int = 422, limit_name: str | None = None
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.status, self.limit_name = code, message, status, limit_name
